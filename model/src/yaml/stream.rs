//! A text cut into documents, as kubectl cuts it before any YAML is parsed.
//!
//! A text whose first character is `{` is a stream of JSON values back to back; anything else is
//! cut at lines that start with `---`, wherever they stand, even inside a quoted scalar. Newer
//! kubectls also take `---` after a JSON value; so does this reader, since no other reading of it
//! exists.

use serde::de::IgnoredAny;
use std::sync::Arc;

use super::{Source, Span};
use crate::diagnostic::Diagnostic;

const SEPARATOR: &str = "---";
const BYTE_ORDER_MARK: char = '\u{FEFF}';

/// The bytes of one document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) span: Span,
    pub(super) format: Format,
}

/// How the text of a document is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Yaml,
    Json,
}

// === impl Piece ===

impl Piece {
    /// Whether it is read as JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.format == Format::Json
    }
}

/// Cuts the text of `source` into its documents; pieces that hold nothing are among them.
pub(super) fn split(source: &Arc<Source>) -> Result<Vec<Piece>, Diagnostic> {
    let text = source.text();
    let mut pieces = Vec::new();
    let yaml_from = if text.trim_start().starts_with('{') {
        split_json(source, &mut pieces)?
    } else {
        0
    };
    split_yaml(source, yaml_from, &mut pieces)?;
    Ok(pieces)
}

/// Takes JSON values from the start of the text; returns where the text that is not JSON begins.
fn split_json(source: &Arc<Source>, pieces: &mut Vec<Piece>) -> Result<usize, Diagnostic> {
    let text = source.text();
    let mut at = 0;
    loop {
        let rest = &text[at..];
        let start = at + (rest.len() - rest.trim_start().len());
        if start == text.len() {
            return Ok(start);
        }
        let begins_line = start == 0 || text.as_bytes()[start - 1] == b'\n';
        if begins_line && text[start..].starts_with(SEPARATOR) {
            return Ok(start);
        }
        let mut values =
            serde_json::Deserializer::from_str(&text[start..]).into_iter::<IgnoredAny>();
        match values.next() {
            Some(Ok(_)) => at = start + values.byte_offset(),
            Some(Err(error)) => return Err(refuse_json(source, start, &error)),
            None => return Ok(text.len()),
        }
        pieces.push(Piece {
            span: Span::new(start, at),
            format: Format::Json,
        });
    }
}

fn refuse_json(source: &Arc<Source>, start: usize, error: &serde_json::Error) -> Diagnostic {
    let line_of_value = source.line(Span::new(start, start).start);
    let line = line_of_value as usize + error.line().saturating_sub(1);
    // Columns count from the value's start in its first line, and in bytes.
    let before = if error.line() <= 1 {
        start
    } else {
        source.line_start(line)
    };
    let at = (before + error.column().saturating_sub(1)).min(source.text().len());
    let at = floor_char(source.text(), at);
    let text = error.to_string();
    let cause = text.split(" at line ").next().unwrap_or(&text).to_owned();
    Diagnostic::error(format!("not valid JSON: {cause}"))
        .at(source, Span::new(at, (at + 1).min(source.text().len())))
        .help("a text that starts with `{` is read as JSON, begin it with a line `---` for YAML")
}

fn split_yaml(
    source: &Arc<Source>,
    from: usize,
    pieces: &mut Vec<Piece>,
) -> Result<(), Diagnostic> {
    let text = source.text();
    let mut start = from;
    let mut at = from;
    for line in text[from..].split_inclusive('\n') {
        if let Some(after) = line.strip_prefix(SEPARATOR) {
            let after = after.trim();
            if !after.is_empty() && !after.starts_with('#') {
                let span = Span::new(at, at + line.trim_end().len());
                return Err(refuse_separator(source, span, after));
            }
            push_yaml(text, start, at, pieces);
            start = at + line.len();
        }
        at += line.len();
    }
    push_yaml(text, start, text.len(), pieces);
    Ok(())
}

fn push_yaml(text: &str, start: usize, end: usize, pieces: &mut Vec<Piece>) {
    let piece = &text[start..end];
    let start = if piece.starts_with(BYTE_ORDER_MARK) {
        start + BYTE_ORDER_MARK.len_utf8()
    } else {
        start
    };
    if start < end {
        pieces.push(Piece {
            span: Span::new(start, end),
            format: Format::Yaml,
        });
    }
}

fn refuse_separator(source: &Arc<Source>, span: Span, after: &str) -> Diagnostic {
    let shown: String = after.chars().take(40).collect();
    Diagnostic::error(format!("invalid document separator `---{shown}`"))
        .at(source, span)
        .label("only spaces or a comment may follow `---`")
        .help("put the document's content on the next line")
}

/// The greatest character boundary that is not after `at`.
fn floor_char(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
