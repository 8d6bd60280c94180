//! A plan carried out on texts: the files as they will be.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use model::diagnostic::Diagnostic;
use model::document::Object;
use model::edit::{self, Edit, Place, Pointer, Segment};
use model::yaml::{self, Source};
use serde_json::Value;

use super::{Change, Plan};
use crate::error::Error;
use crate::input::{self, Input};
use crate::output::Rewritten;

/// What happens to one file.
#[derive(Default)]
struct Work {
    /// By document.
    edits: BTreeMap<usize, Vec<Edit>>,
    /// Documents that go.
    deleted: Vec<usize>,
    created: Vec<Value>,
}

/// The texts, each as it was and as it will be; a new file at the end.
pub(super) fn draft(
    texts: &[Input],
    plan: &Plan<'_>,
    out: Option<&Path>,
) -> Result<Vec<Rewritten>, Error> {
    let out = out.map(|path| path.display().to_string());
    let mut work: BTreeMap<String, Work> = BTreeMap::new();
    for change in &plan.changes {
        match change {
            Change::Edit { object, edits } => {
                let own = object.pointer();
                let edits = edits.iter().map(|edit| Edit {
                    at: own.clone().join(&edit.at),
                    op: edit.op.clone(),
                });
                let file = work.entry(object.source().name().into()).or_default();
                file.edits
                    .entry(object.document.index)
                    .or_default()
                    .extend(edits);
            }
            Change::Delete { object } => {
                let file = work.entry(object.source().name().into()).or_default();
                delete(object, file);
            }
            Change::Create { object, beside } => match &out {
                Some(out) => work
                    .entry(out.clone())
                    .or_default()
                    .created
                    .push(object.clone()),
                None => {
                    let file = work.entry(beside.source().name().into()).or_default();
                    create(object, beside, file);
                }
            },
        }
    }
    let mut drafted: Vec<Rewritten> = Vec::with_capacity(texts.len() + 1);
    for text in texts {
        let after = match work.remove(&text.name) {
            Some(work) => carry_out(&text.name, &text.text, &work)?,
            None => Some(text.text.clone()),
        };
        drafted.push(Rewritten {
            name: text.name.clone(),
            before: Some(text.text.clone()),
            after,
        });
    }
    // What is left is the file of --out, which is not among the manifests.
    for (name, work) in work {
        let path = Path::new(&name);
        let before = path.exists().then(|| input::read_file(path)).transpose()?;
        let after = carry_out(&name, before.as_deref().unwrap_or_default(), &work)?;
        drafted.push(Rewritten {
            name,
            before,
            after,
        });
    }
    Ok(drafted)
}

/// An item of a list goes out of the list, any other object with its document.
fn delete(object: &Object, file: &mut Work) {
    let own = object.pointer();
    if own.segments().is_empty() {
        file.deleted.push(object.document.index);
        return;
    }
    let edits = file.edits.entry(object.document.index).or_default();
    edits.push(Edit::remove(own));
}

/// Beside an item of a list goes into the list, else into a document of its own.
fn create(object: &Value, beside: &Object, file: &mut Work) {
    let own = beside.pointer();
    if own.segments().is_empty() {
        file.created.push(object.clone());
        return;
    }
    let list = around(&own);
    let edits = file.edits.entry(beside.document.index).or_default();
    edits.push(Edit::insert(list, object.clone(), Place::Last));
}

/// The list that an item is in.
fn around(item: &Pointer) -> Pointer {
    let segments = item.segments();
    let outer = segments.len().saturating_sub(1);
    segments[..outer]
        .iter()
        .fold(Pointer::root(), |at, segment| match segment {
            Segment::Key(key) => at.key(key.as_str()),
            Segment::Index(index) => at.index(*index),
            Segment::Named(name) => at.named(name.as_str()),
        })
}

/// None when nothing is left of the file.
fn carry_out(name: &str, text: &str, work: &Work) -> Result<Option<String>, Error> {
    let source = Arc::new(Source::new(name, text));
    let edits: Vec<(usize, Vec<Edit>)> = work.edits.clone().into_iter().collect();
    let mut text = edit::edit(&source, &edits).map_err(Error::Input)?;
    let mut deleted = work.deleted.clone();
    deleted.sort_unstable();
    for index in deleted.into_iter().rev() {
        text = without_document(name, &text, index)?;
    }
    if !work.deleted.is_empty() && yaml::read(name, &text)?.is_empty() && work.created.is_empty() {
        return Ok(None);
    }
    for object in &work.created {
        append(&mut text, object)?;
    }
    Ok(Some(text))
}

/// The text without one document and the separator before it.
fn without_document(name: &str, text: &str, index: usize) -> Result<String, Error> {
    let documents = yaml::read(name, text)?;
    let Some(document) = documents.get(index) else {
        return Err(Diagnostic::error(format!("{name} has no document {index}")).into());
    };
    let range = document.span().range();
    let before = &text[..range.start];
    let (from, to) = match before.trim_end_matches(['\r', '\n']).rfind('\n') {
        _ if before
            .trim_matches(['\u{FEFF}', ' ', '\n', '\r'])
            .is_empty() =>
        {
            // The first one takes the separator behind it along.
            let behind = &text[range.end..];
            let separator = behind.find('\n').map_or(behind.len(), |n| n + 1);
            let separator = if behind.starts_with("---") {
                separator
            } else {
                0
            };
            (range.start, range.end + separator)
        }
        Some(line) => (line + 1, range.end),
        None => (0, range.end),
    };
    Ok(format!("{}{}", &text[..from], &text[to..]))
}

/// A document at the end, in the way of the file: JSON to JSON, its line ends.
fn append(text: &mut String, object: &Value) -> Result<(), Error> {
    let failed = |e: &dyn std::fmt::Display| Error::new("cannot write an object").caused_by(e);
    let line_end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    if !text.is_empty() && !text.ends_with('\n') {
        text.push_str(line_end);
    }
    let is_json = text.trim_start().starts_with('{');
    let new = match is_json {
        true => serde_json::to_string_pretty(object).map_err(|e| failed(&e))? + "\n",
        false => document(object)?,
    };
    if !is_json && !text.trim_matches(['\u{FEFF}', ' ', '\n', '\r']).is_empty() {
        text.push_str("---");
        text.push_str(line_end);
    }
    text.push_str(&new.replace('\n', line_end));
    Ok(())
}

/// A new document, written by the same rules as what is added to one that is there.
fn document(object: &Value) -> Result<String, Error> {
    let fields = object.as_object().into_iter().flatten();
    let mut fields: Vec<(&String, &Value)> = fields.collect();
    if fields.is_empty() {
        return Ok(String::new());
    }
    let (key, value) = fields.remove(0);
    let Some(first) = value.as_str() else {
        return Err(Error::new("an object begins with its `apiVersion`"));
    };
    let source = Arc::new(Source::new("new", format!("{key}: {first}\n")));
    let edits = fields
        .into_iter()
        .map(|(key, value)| Edit::set(Pointer::root().key(key.as_str()), value.clone()));
    edit::edit(&source, &[(0, edits.collect())]).map_err(Error::Input)
}
