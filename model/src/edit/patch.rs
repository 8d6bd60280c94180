//! The edits of a whole text, gathered document by document.

use core::ops::Range;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::de::IgnoredAny;

use super::draft::Draft;
use super::layout::Layout;
use super::style::Style;
use super::value::{self, apply};
use super::write::{Holder, Splice, Writer};
use super::{Edit, Pointer};
use crate::diagnostic::Diagnostic;
use crate::document::Document;
use crate::yaml::{self, Source, Span};

/// A text and what is spliced into it. It holds what is new and not a second copy of the text, so
/// that large streams are edited document by document in little memory.
///
/// ```text
/// let source = Arc::new(Source::new(name, text));
/// let mut patch = Patch::new(&source);
/// for document in yaml::documents(&source)? {
///     let document = document?;
///     patch.edit(&document, &edits_for(&document))?;
/// }
/// patch.chunks().try_for_each(|chunk| out.write_all(chunk.as_bytes()))
/// ```
#[derive(Clone, Debug)]
pub struct Patch {
    source: Arc<Source>,
    /// In order, without overlap.
    splices: Vec<(Span, Arc<str>)>,
    /// Each text that is put in, once: the same goes into thousands of documents.
    texts: BTreeSet<Arc<str>>,
    /// Where the last edited document ends.
    edited: u32,
}

/// Edits the documents of `source` with these indexes, see [`Document::index`].
///
/// # Errors
/// What cannot be read or edited, one diagnostic for each document; then nothing is edited.
pub fn edit(source: &Arc<Source>, edits: &[(usize, Vec<Edit>)]) -> Result<String, Vec<Diagnostic>> {
    let mut by_index: BTreeMap<usize, Vec<Edit>> = BTreeMap::new();
    for (index, edits) in edits {
        by_index.entry(*index).or_default().extend_from_slice(edits);
    }
    let mut patch = Patch::new(source);
    let mut refusals = Vec::new();
    for document in yaml::documents(source).map_err(|error| vec![error])? {
        let document = document.map_err(|error| vec![error])?;
        if let Some(edits) = by_index.remove(&document.index) {
            refusals.extend(patch.edit(&document, &edits).err());
        }
    }
    // An index without a document would be an edit that is silently left out.
    refusals.extend(by_index.keys().map(|index| {
        let message = format!("there is no document {index} to edit");
        Diagnostic::error(message).at(source, Span::default())
    }));
    if refusals.is_empty() {
        Ok(patch.text())
    } else {
        Err(refusals)
    }
}

// === impl Patch ===

impl Patch {
    pub fn new(source: &Arc<Source>) -> Self {
        Self {
            source: Arc::clone(source),
            splices: Vec::new(),
            texts: BTreeSet::new(),
            edited: 0,
        }
    }

    /// Carries out `edits` in order on one document of the source, and says whether its text
    /// changes. Documents are edited in their order, each at most once.
    ///
    /// # Errors
    /// The place where an edit is not possible, or would change something else as well. The
    /// document then stays as it is, and others can still be edited.
    pub fn edit(&mut self, document: &Document, edits: &[Edit]) -> Result<bool, Diagnostic> {
        if edits.is_empty() {
            return Ok(false);
        }
        let span = document.piece.span;
        if span.start < self.edited {
            let message = "this document, or one behind it, has been edited before";
            return Err(Diagnostic::error(message).at(&self.source, span));
        }
        let layout = Layout::of(document);
        let splices = splices(&layout, document, edits)?;
        let text = spliced(&layout, &splices);
        check(&layout, document, edits, &splices, &text)?;
        if splices.is_empty() {
            return Ok(false);
        }
        self.edited = span.end;
        if let Some(line_break) = layout.completed {
            // The last line got a line break to be edited, and loses it again; an empty line would
            // be lost with it.
            let bare = text.strip_suffix(line_break);
            let bare = bare.filter(|bare| !bare.ends_with(['\n', '\r']));
            self.put(span, bare.unwrap_or(&text));
            return Ok(true);
        }
        let base = span.range().start;
        for splice in splices {
            let span = Span::new(base + splice.range.start, base + splice.range.end);
            self.put(span, &splice.text);
        }
        Ok(true)
    }

    /// Puts `text` in the place of `span`, behind all others.
    fn put(&mut self, span: Span, text: &str) {
        let text = match self.texts.get(text) {
            Some(known) => Arc::clone(known),
            None => {
                let new: Arc<str> = text.into();
                self.texts.insert(Arc::clone(&new));
                new
            }
        };
        self.splices.push((span, text));
    }

    /// Whether the text stays as it is.
    pub fn is_empty(&self) -> bool {
        self.splices.is_empty()
    }

    /// The new text in pieces, without a copy of the old.
    pub fn chunks(&self) -> impl Iterator<Item = &str> {
        let ends = self.splices.iter().map(|(span, _)| span.range().end);
        let old = core::iter::once(0)
            .chain(ends)
            .zip(
                self.splices
                    .iter()
                    .map(|(span, _)| span.range().start)
                    .chain(core::iter::once(self.source.text().len())),
            )
            .map(|(start, end)| &self.source.text()[start..end]);
        let new = self.splices.iter().map(|(_, text)| &**text);
        let new = new.chain(core::iter::once(""));
        old.zip(new).flat_map(|(old, new)| [old, new])
    }

    /// The new text.
    pub fn text(&self) -> String {
        let length = self.chunks().map(str::len).sum();
        let mut text = String::with_capacity(length);
        text.extend(self.chunks());
        text
    }
}

/// What `edits` do to the text of one document: in order, without overlap.
fn splices(
    layout: &Layout<'_>,
    document: &Document,
    edits: &[Edit],
) -> Result<Vec<Splice>, Diagnostic> {
    let mut draft = Draft::Kept(&document.root);
    for edit in edits {
        draft
            .apply(layout, edit.at.segments(), &edit.op)
            .map_err(|refusal| named(refusal, &edit.at))?;
    }
    let mut writer = Writer {
        layout,
        style: Style::of(layout, &document.root),
        splices: Vec::new(),
    };
    writer.draft(&Holder::Root, &document.root, &draft)?;
    let mut splices = writer.splices;
    // Stable: what goes to one place stays in its order, and goes before what is replaced there.
    splices.sort_by_key(|splice| (splice.range.start, splice.range.end));
    for pair in splices.windows(2) {
        if pair[0].range.end > pair[1].range.start {
            return Err(layout.refuse(pair[1].range.clone(), "two edits meet in this place"));
        }
    }
    Ok(splices)
}

fn named(mut refusal: Diagnostic, at: &Pointer) -> Diagnostic {
    refusal.message = format!("cannot edit `{at}`: {}", refusal.message);
    refusal
}

fn spliced(layout: &Layout<'_>, splices: &[Splice]) -> String {
    let added: usize = splices.iter().map(|splice| splice.text.len()).sum();
    let mut text = String::with_capacity(layout.text.len() + added);
    let mut at = 0;
    for splice in splices {
        text.push_str(&layout.text[at..splice.range.start]);
        text.push_str(&splice.text);
        at = splice.range.end;
    }
    text.push_str(&layout.text[at..]);
    text
}

/// Reads the new text again: it has to be one document with the value that the edits ask for.
fn check(
    layout: &Layout<'_>,
    document: &Document,
    edits: &[Edit],
    splices: &[Splice],
    text: &str,
) -> Result<(), Diagnostic> {
    let at = splices.first().map_or(0..0, |splice| splice.range.clone());
    let refuse = |why: &str| {
        let message = format!("this edit cannot be made without changing something else: {why}");
        layout.refuse(at.clone(), message)
    };
    let mut expected = document.to_json();
    apply(&mut expected, edits).map_err(|message| refuse(&message))?;
    if !layout.json && text.split('\n').any(|line| line.starts_with("---")) {
        return Err(refuse("a line would begin with `---`"));
    }
    let braces = |text: &str| text.trim_start().starts_with('{');
    if !layout.json && braces(text) && !braces(&layout.text) {
        return Err(refuse("a text that starts with `{` is read as JSON"));
    }
    // The reader takes the document as YAML, which is more than JSON.
    if layout.json && serde_json::from_str::<IgnoredAny>(text).is_err() {
        return Err(refuse("the result would not be JSON"));
    }
    let value = if splices.is_empty() {
        document.to_json()
    } else {
        let root = yaml::read_again(document, text).map_err(|error| {
            refuse(&format!("the result would not be read ({})", error.message))
        })?;
        root.map(|root| root.to_json()).unwrap_or_default()
    };
    if value::same(&value, &expected) {
        Ok(())
    } else {
        Err(refuse("the result would not have the intended value"))
    }
}

// === impl Patch: splices ===

impl Patch {
    /// What is put in, in order, and the bytes of the old text in whose place it stands.
    pub fn splices(&self) -> impl Iterator<Item = (Range<usize>, &str)> {
        let splices = self.splices.iter();
        splices.map(|(span, text)| (span.range(), &**text))
    }

    /// Gives one document this text, which edits on a copy of it made.
    pub(crate) fn replace(&mut self, document: &Document, text: &str) {
        let span = document.piece.span;
        self.edited = span.end;
        self.put(span, text);
    }

    /// Adds what is put into documents behind those of this one.
    pub(crate) fn append(&mut self, later: Self) {
        for (span, text) in later.splices {
            self.put(span, &text);
        }
        self.edited = self.edited.max(later.edited);
    }
}
