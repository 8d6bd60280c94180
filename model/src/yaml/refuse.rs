//! What is said when a text is refused: the cause, its bytes, and what to do.

use std::sync::Arc;

use granit_parser::{ErrorKind, ScanError};

use super::strict::Strict;
use super::{DEPTH_MAX, EXPANDED_NODES_MAX, KEY_CHARS_MAX, NODES_MAX, Source, Span};
use crate::diagnostic::Diagnostic;

/// Makes diagnostics from positions within one document.
#[derive(Clone, Copy)]
pub(super) struct Refuse<'a> {
    pub(super) source: &'a Arc<Source>,
    /// Where the document begins in the source.
    pub(super) base: usize,
}

/// Why a scalar, a key or a merge is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// The text does not fit its explicit tag.
    Tag(&'static str),
    NotFinite,
    Base64,
    NullKey,
    CollectionKey,
    Merge,
}

// === impl Refuse ===

impl Refuse<'_> {
    /// The span of these bytes of the document.
    pub(super) fn span(&self, start: usize, end: usize) -> Span {
        // The line break that completes the last line is not in the source.
        let limit = self.source.text().len();
        Span::new((self.base + start).min(limit), (self.base + end).min(limit))
    }

    /// Characters that go-yaml does not take, or takes for line breaks.
    pub(super) fn forbidden_characters(&self, text: &str) -> Result<(), Diagnostic> {
        let suspicious = |byte: u8| matches!(byte, 0..=8 | 11 | 12 | 14..=31 | 127 | 0xC2 | 0xE2);
        if !text.bytes().any(suspicious) {
            return Ok(());
        }
        for (at, character) in text.char_indices() {
            let span = self.span(at, at + character.len_utf8());
            let code = u32::from(character);
            match character {
                '\t' | '\n' | '\r' => {}
                '\u{85}' | '\u{2028}' | '\u{2029}' => {
                    let message = format!("U+{code:04X} is a line break for kubectl");
                    return Err(Diagnostic::error(message)
                        .at(self.source, span)
                        .help(format!(
                            "write it as \"\\u{code:04x}\" within double quotes, or remove it"
                        )));
                }
                _ if character.is_control() => {
                    let message = format!("control character U+{code:04X} is not allowed");
                    return Err(Diagnostic::error(message)
                        .at(self.source, span)
                        .help(format!(
                            "write it as \"\\x{code:02x}\" within double quotes, or remove it"
                        )));
                }
                _ => {}
            }
        }
        Ok(())
    }

    pub(super) fn syntax(&self, error: &ScanError) -> Diagnostic {
        let at = error.marker().byte_offset().unwrap_or(0);
        let span = self.character(at);
        let line = self.source.line(span.start) as usize;
        let line_text = Span::new(
            self.source.line_start(line),
            self.source.line_start(line + 1),
        );
        let template = self.source.slice(line_text).contains("{{");
        let (message, help) = match error.kind() {
            ErrorKind::DirectiveDisallowed => (
                "a line that starts with `%` is a directive, which kubectl refuses".to_owned(),
                Some("remove the directive"),
            ),
            ErrorKind::UnknownAnchor => (
                "unknown anchor".to_owned(),
                Some("define it with `&name` earlier in the same document"),
            ),
            ErrorKind::RecursionLimitExceeded => return self.too_deep(at),
            ErrorKind::TabInBlockIndentation | ErrorKind::TabInIndentation => (
                "a tab cannot indent YAML".to_owned(),
                Some("indent with spaces"),
            ),
            ErrorKind::InvalidQuotedScalarIndent => (
                error.info(),
                Some("indent every line of the text deeper than its key"),
            ),
            ErrorKind::InvalidSimpleKey | ErrorKind::SimpleKeyExpected => (
                error.info(),
                Some("a key ends with a colon, on its own line, within 1024 characters"),
            ),
            _ => (error.info(), None),
        };
        let help = if template {
            Some("this looks like a template: render it first, for example with `helm template`")
        } else {
            help
        };
        let diagnostic = Diagnostic::error(format!("not valid YAML: {message}"));
        let diagnostic = diagnostic.at(self.source, span);
        match help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        }
    }

    pub(super) fn value(&self, span: Span, cause: Cause) -> Diagnostic {
        let text = self.source.slice(span);
        let shown: String = text.chars().take(40).collect();
        let (message, help) = match cause {
            Cause::Tag(tag) => (
                format!("`{shown}` is not a value of type `{tag}`"),
                "remove the tag or change the value",
            ),
            Cause::NotFinite => (
                format!("`{shown}` is a number that JSON cannot carry"),
                "quote it, if it is a string",
            ),
            Cause::Base64 => (
                "a `!!binary` value is not valid base64".to_owned(),
                "encode it with `base64 -w0`, or remove the tag",
            ),
            Cause::NullKey => ("a key is null".to_owned(), "quote it, if it is a string"),
            Cause::CollectionKey => (
                "a key is a list or an object, JSON keys are strings".to_owned(),
                "quote it, if braces or brackets belong to a string or to a template",
            ),
            Cause::Merge => (
                "`<<` merges an object or a list of objects, this is neither".to_owned(),
                "quote the key, if it is a string",
            ),
        };
        Diagnostic::error(message).at(self.source, span).help(help)
    }

    pub(super) fn strict(&self, found: Strict) -> Diagnostic {
        Diagnostic::error(found.message)
            .at(self.source, self.span(found.start, found.end))
            .help(found.help)
    }

    /// Content behind `...`, which kubectl drops without a word.
    pub(super) fn after_end(&self, at: usize) -> Diagnostic {
        Diagnostic::error("kubectl ignores everything between `...` and the next `---`")
            .at(self.source, self.character(at))
            .help("separate documents with a line `---`")
    }

    pub(super) fn too_many_nodes(&self, at: usize) -> Diagnostic {
        Diagnostic::error(format!("the document has more than {NODES_MAX} values"))
            .at(self.source, self.character(at))
            .help("split it into several documents")
    }

    pub(super) fn too_deep(&self, at: usize) -> Diagnostic {
        let message = format!("nested deeper than {DEPTH_MAX} levels");
        Diagnostic::error(message).at(self.source, self.character(at))
    }

    pub(super) fn contains_itself(&self, span: Span) -> Diagnostic {
        let name = self.source.slice(span).trim_start_matches('*');
        Diagnostic::error(format!("the value of anchor `{name}` contains itself"))
            .at(self.source, span)
    }

    pub(super) fn excessive_aliasing(&self, span: Span) -> Diagnostic {
        let message = format!("aliases repeat more than {EXPANDED_NODES_MAX} values");
        Diagnostic::error(message).at(self.source, span)
    }

    /// The one character at `at`, or nothing at the end.
    fn character(&self, at: usize) -> Span {
        let start = self.span(at, at).start as usize;
        let rest = self.source.text().get(start..).unwrap_or("");
        let length = rest.chars().next().map_or(0, char::len_utf8);
        Span::new(start, start + length)
    }
}

const _: () = assert!(KEY_CHARS_MAX == 1024, "the help text names it");
