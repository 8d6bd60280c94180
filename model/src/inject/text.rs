//! The decision carried out on manifests: text in, text and a report out.
//!
//! ```text
//!  document ──▶ objects ──▶ what an earlier run added is taken away ──▶ decide ──▶ spliced in
//! ```
//!
//! What an earlier run added goes first, so a run over injected manifests gives what it would have
//! given over the plain ones: the same bytes again, or those of a newer version. Nothing is ever
//! half done: a document changes as its objects ask, or the object that cannot be edited is left
//! out and named.

use core::num::NonZero;
use core::ops::Range;
use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread;

use serde_json::Value;

use super::annotations::{self, BadValue, Place};
use super::kinds::Kinds;
use super::misplaced;
use super::objects::{self, Found, Name, Role};
use super::{Config, Decision, Marker, Owner, PodView, Question, Settings, Skip, decide};
use crate::diagnostic::Diagnostic;
use crate::document::Document;
use crate::edit::{Edit, Form, Patch, Pointer, Segment};
use crate::yaml::{self, Node, Piece, Source, Span, Step};

/// A shorter text is done before a thread has begun.
const RUN_BYTES_MIN: usize = 256 * 1024;
/// More threads than this wait for memory, and for each other.
const THREADS_MAX: usize = 8;

/// Annotations of the namespaces that the inputs hold, by name.
pub type Namespaces = BTreeMap<String, Settings>;

/// What holds for all texts of a run.
#[derive(Clone, Debug)]
pub struct Rules {
    pub kinds: Kinds,
    pub namespaces: Namespaces,
    /// Of objects that name none.
    pub namespace: String,
}

/// A text after the run.
#[derive(Debug)]
pub struct Outcome {
    patch: Patch,
    /// What makes pods, or looks as if it did, in the order of the text.
    pub entries: Vec<Entry>,
    /// How many other objects there are.
    pub others: usize,
}

/// What happened to one object.
#[derive(Clone, Debug)]
pub struct Entry {
    pub name: Name,
    /// Line of the object, from 1.
    pub line: u32,
    pub state: State,
    /// What is worth knowing although nothing failed.
    pub warnings: Vec<Diagnostic>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It was plain, and has a sidecar or the annotations now.
    Added,
    /// What an earlier run added is replaced.
    Updated,
    /// An earlier run added exactly this.
    Unchanged,
    /// What an earlier run added is gone.
    Removed,
    /// It is plain, and stays so because of this. When an earlier run had added something, that is
    /// gone.
    Skipped { skip: Skip, removed: bool },
    /// `uninject` found nothing of ours.
    Plain,
}

// === impl Outcome ===

impl Outcome {
    fn of(source: &Arc<Source>) -> Self {
        Self {
            patch: Patch::new(source),
            entries: Vec::new(),
            others: 0,
        }
    }

    /// Adds what happened in the documents behind these.
    fn append(&mut self, later: Self) {
        self.patch.append(later.patch);
        self.entries.extend(later.entries);
        self.others += later.others;
    }

    /// Whether the text stays as it is.
    pub fn is_unchanged(&self) -> bool {
        self.patch.is_empty()
    }

    pub fn text(&self) -> String {
        self.patch.text()
    }

    /// What is put in, and the bytes of the old text in whose place it stands.
    pub fn splices(&self) -> impl Iterator<Item = (Range<usize>, &str)> {
        self.patch.splices()
    }

    /// The text in pieces, so that none of a large one is copied.
    pub fn chunks(&self) -> impl Iterator<Item = &str> {
        self.patch.chunks()
    }
}

/// What the Namespaces of a text say, added to `into`.
///
/// # Errors
/// Text that cannot be read, and annotations of ours that cannot be.
pub fn namespaces(source: &Arc<Source>, into: &mut Namespaces) -> Result<(), Vec<Diagnostic>> {
    // Most documents are none, and reading costs more than looking.
    const KIND: &str = "Namespace";
    let kinds = Kinds::default();
    let mut bad = Vec::new();
    for document in yaml::documents_with(source, KIND).map_err(|error| vec![error])? {
        let document = document.map_err(|error| vec![error])?;
        for found in objects::find(&document, &kinds, "") {
            if !matches!(found.role, Role::Namespace) {
                continue;
            }
            let value = found.node.to_json();
            let pod = PodView::new(&value);
            match annotations::read(&pod.labels(), &pod.annotations()) {
                Ok(settings) => drop(into.insert(found.name.name.clone(), settings)),
                Err(errors) => bad.extend(refused(&document, found.node, &errors)),
            }
        }
    }
    if bad.is_empty() { Ok(()) } else { Err(bad) }
}

/// Adds what `config` says to every pod template of a text.
///
/// # Errors
/// Text that cannot be read, and annotations of ours that cannot be. Then nothing is changed.
pub fn inject(
    source: &Arc<Source>,
    rules: &Rules,
    config: &Config,
) -> Result<Outcome, Vec<Diagnostic>> {
    let run = Run {
        rules,
        config: Some(config),
    };
    run.over(source)
}

/// Takes away what [`inject`] added.
///
/// # Errors
/// Text that cannot be read. Then nothing is changed.
pub fn uninject(source: &Arc<Source>, rules: &Rules) -> Result<Outcome, Vec<Diagnostic>> {
    let run = Run {
        rules,
        config: None,
    };
    run.over(source)
}

struct Run<'a> {
    rules: &'a Rules,
    /// None: only take away.
    config: Option<&'a Config>,
}

/// What is to be done to an object.
struct Plan {
    at: Pointer,
    entry: Entry,
    undo: Vec<Edit>,
}

// === impl Run ===

impl Run<'_> {
    /// A long text is cut into runs of documents, each with a thread of its own.
    fn over(&self, source: &Arc<Source>) -> Result<Outcome, Vec<Diagnostic>> {
        let documents = yaml::documents(source).map_err(|error| vec![error])?;
        let wanted = source.text().len().div_ceil(RUN_BYTES_MIN);
        let threads = match wanted {
            0 | 1 => 1,
            _ => thread::available_parallelism().map_or(1, NonZero::get),
        };
        let runs = documents.split(wanted.min(threads).min(THREADS_MAX));
        let done: Vec<Result<Outcome, Vec<Diagnostic>>> = thread::scope(|scope| {
            let mut runs = runs.into_iter();
            let own = runs.next();
            let others: Vec<_> = runs
                .map(|run| scope.spawn(move || self.run(source, run)))
                .collect();
            let own = own.map(|run| self.run(source, run));
            let others = others.into_iter().map(|other| match other.join() {
                Ok(outcome) => outcome,
                Err(panic) => resume_unwind(panic),
            });
            own.into_iter().chain(others).collect()
        });
        let mut all = Outcome::of(source);
        let mut bad = Vec::new();
        for outcome in done {
            match outcome {
                Ok(outcome) => all.append(outcome),
                Err(errors) => bad.extend(errors),
            }
        }
        if bad.is_empty() { Ok(all) } else { Err(bad) }
    }

    fn run(
        &self,
        source: &Arc<Source>,
        documents: yaml::Documents,
    ) -> Result<Outcome, Vec<Diagnostic>> {
        let mut outcome = Outcome::of(source);
        let mut bad = Vec::new();
        for document in documents {
            let done = document.map_err(|error| vec![error]);
            let done = done.and_then(|document| self.document(&document, &mut outcome));
            bad.extend(done.err().into_iter().flatten());
        }
        if bad.is_empty() {
            Ok(outcome)
        } else {
            Err(bad)
        }
    }

    fn document(&self, document: &Document, into: &mut Outcome) -> Result<(), Vec<Diagnostic>> {
        let mut plans = Vec::new();
        for found in objects::find(document, &self.rules.kinds, &self.rules.namespace) {
            let line = document.line(found.node.span);
            let entry = |name: &Name, state| Entry {
                name: name.clone(),
                line,
                state,
                warnings: Vec::new(),
            };
            match &found.role {
                Role::Workload(path) => {
                    let at = found.at.clone().keys(path.iter().copied());
                    let mut entry = entry(&found.name, State::Plain);
                    if self.config.is_some() {
                        entry.warnings = misplaced(document, &found, path.is_empty());
                    }
                    plans.push(undoing(&found, at, entry));
                }
                Role::Unknown(path) if self.config.is_some() => {
                    let skip = Skip::UnknownKind {
                        group: found.name.group.clone(),
                        path: (*path).to_owned(),
                    };
                    let removed = false;
                    let state = State::Skipped { skip, removed };
                    into.entries.push(entry(&found.name, state));
                }
                _ => into.others += 1,
            }
        }
        if plans.is_empty() {
            return Ok(());
        }
        self.carry_out(document, plans, into)
    }

    fn carry_out(
        &self,
        document: &Document,
        plans: Vec<Plan>,
        into: &mut Outcome,
    ) -> Result<(), Vec<Diagnostic>> {
        // Most documents are plain: they are edited where they stand, once.
        if plans.iter().all(|plan| plan.undo.is_empty()) {
            let mut edits = Vec::new();
            let mut entries = Vec::new();
            for plan in &plans {
                let (entry, own) = self.decided(document, document, plan)?;
                entries.push(entry);
                edits.extend(own);
            }
            if into.patch.edit(document, &edits).is_ok() {
                into.entries.extend(entries);
                return Ok(());
            }
        }
        self.step_by_step(document, plans, into)
    }

    /// Each object by itself, on a copy of the document.
    fn step_by_step(
        &self,
        document: &Document,
        plans: Vec<Plan>,
        into: &mut Outcome,
    ) -> Result<(), Vec<Diagnostic>> {
        let before = document.source.slice(document.piece.span);
        let mut text = before.to_owned();
        for mut plan in plans {
            let refused = |error: &Diagnostic| State::Skipped {
                skip: Skip::Refused(error.message.clone()),
                removed: false,
            };
            let standing = again(document, &text)?;
            let original = template(&standing, &plan.at);
            let undone = match edited(&standing, &plan.undo) {
                Ok(undone) => undone,
                Err(error) => {
                    plan.entry.state = refused(&error);
                    into.entries.push(plan.entry);
                    continue;
                }
            };
            let plain = again(document, &undone)?;
            let (mut entry, edits) = self.decided(&plain, document, &plan)?;
            match edited(&plain, &edits) {
                Ok(after) => {
                    let had = !plan.undo.is_empty();
                    let now = again(document, &after)?;
                    entry.state = match entry.state {
                        State::Added if had && template(&now, &plan.at) == original => {
                            State::Unchanged
                        }
                        State::Added if had => State::Updated,
                        State::Skipped { skip, .. } => State::Skipped { skip, removed: had },
                        other => other,
                    };
                    text = after;
                }
                Err(error) => entry.state = refused(&error),
            }
            into.entries.push(entry);
        }
        if text != before {
            into.patch.replace(document, &text);
        }
        Ok(())
    }

    /// The decision about one object of a document without anything of ours. Findings point into
    /// `original`.
    fn decided(
        &self,
        document: &Document,
        original: &Document,
        plan: &Plan,
    ) -> Result<(Entry, Vec<Edit>), Vec<Diagnostic>> {
        let mut entry = plan.entry.clone();
        let Some(config) = self.config else {
            return Ok((entry, Vec::new()));
        };
        if matches!(entry.state, State::Skipped { .. }) {
            return Ok((entry, Vec::new()));
        }
        let value = template(document, &plan.at);
        let none = Settings::default();
        let question = Question {
            pod: PodView::new(&value),
            owner: Owner {
                kind: &entry.name.kind,
                namespace: &entry.name.namespace,
            },
            namespace: self
                .rules
                .namespaces
                .get(&entry.name.namespace)
                .unwrap_or(&none),
            form: &|at| Form::of(document, &plan.at.clone().join(at)),
        };
        let decision = decide(&question, config).map_err(|errors| {
            let node = node_at(original, &plan.at).unwrap_or(&original.root);
            refused(original, node, &errors)
        })?;
        match decision {
            Decision::Skip(skip) => {
                let removed = false;
                entry.state = State::Skipped { skip, removed };
                Ok((entry, Vec::new()))
            }
            Decision::Edit { edits, warnings } => {
                entry.state = State::Added;
                let span = node_at(original, &plan.at).map_or(Span::default(), |node| node.span);
                let source = &original.source;
                let said = warnings.into_iter().map(|warning| {
                    Diagnostic::warning(warning).at(source, source.first_line(span))
                });
                entry.warnings.extend(said);
                Ok((entry, absolute(&plan.at, edits)))
            }
        }
    }
}

/// What has to go from the template at `at` before anything is decided.
fn undoing(found: &Found<'_>, at: Pointer, mut entry: Entry) -> Plan {
    let value = found.template().map(Node::to_json).unwrap_or_default();
    let pod = PodView::new(&value);
    let undo = match Marker::of(pod) {
        Ok(None) => Vec::new(),
        Ok(Some(marker)) => {
            entry.state = State::Removed;
            absolute(&at, marker.undo(pod))
        }
        Err(error) => {
            let skip = Skip::BadMarker(error.to_string());
            let removed = false;
            entry.state = State::Skipped { skip, removed };
            Vec::new()
        }
    };
    Plan { at, entry, undo }
}

/// The same edits, from the root of the document.
fn absolute(at: &Pointer, edits: Vec<Edit>) -> Vec<Edit> {
    let moved = edits.into_iter().map(|edit| Edit {
        at: at.clone().join(&edit.at),
        op: edit.op,
    });
    moved.collect()
}

/// A later version of `document`, as a text of its own.
fn again(document: &Document, text: &str) -> Result<Document, Vec<Diagnostic>> {
    let root = yaml::read_again(document, text).map_err(|error| vec![error])?;
    let Some(root) = root else {
        return Ok(document.clone());
    };
    let source = Arc::new(Source::new(document.source.name(), text));
    let mut piece: Piece = document.piece;
    piece.span = Span::new(0, text.len());
    Ok(Document::new(source, 0, piece, root))
}

/// The text of a document that is a text of its own, with `edits`.
fn edited(document: &Document, edits: &[Edit]) -> Result<String, Diagnostic> {
    let mut patch = Patch::new(&document.source);
    patch.edit(document, edits)?;
    Ok(patch.text())
}

fn node_at<'a>(document: &'a Document, at: &Pointer) -> Option<&'a Node> {
    at.segments()
        .iter()
        .try_fold(&*document.root, |node, segment| match segment {
            Segment::Key(key) => node.get(key),
            Segment::Index(index) => node.items()?.get(*index),
            Segment::Named(_) => None,
        })
}

fn template(document: &Document, at: &Pointer) -> Value {
    node_at(document, at).map(Node::to_json).unwrap_or_default()
}

/// Values of annotations on `node`, which has `metadata`, that cannot be read.
fn refused(document: &Document, node: &Node, errors: &[BadValue]) -> Vec<Diagnostic> {
    let told = errors.iter().map(|error| {
        let map = |map| [Step::Key("metadata"), Step::Key(map), Step::Key(error.key)];
        let value = node.at(&map("annotations")).or(node.at(&map("labels")));
        let span = value.map_or(node.span, |value| value.span);
        let message = format!("annotation {}: {}", error.key, error.message);
        Diagnostic::error(message).at(&document.source, document.source.first_line(span))
    });
    told.collect()
}

/// Keys of ours on an object that mean nothing there. A pod is its own template.
fn misplaced(document: &Document, found: &Found<'_>, is_pod: bool) -> Vec<Diagnostic> {
    let source = &document.source;
    let mut warnings = Vec::new();
    if !is_pod {
        warnings.extend(misplaced::on(source, found.node, None));
    }
    if let Some(template) = found.template() {
        warnings.extend(misplaced::on(source, template, Some(Place::Pod)));
    }
    warnings
}
