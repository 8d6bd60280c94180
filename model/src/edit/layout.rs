//! Where the parts of a document stand in its text: lines, entries, items, colons, dashes, commas.
//!
//! The tree knows the bytes of values. What lies between them (indicators, comments, blanks) is
//! found here by walking from the end of one to the next.

use core::ops::Range;
use std::borrow::Cow;
use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::document::Document;
use crate::yaml::{Entry, Kind, Node, Source, Span, Style};

/// The text of one document. All positions are bytes of this text.
pub(super) struct Layout<'a> {
    source: &'a Arc<Source>,
    /// Where the document begins in the source.
    base: usize,
    /// Ends with a line break, unless it is JSON: one is added to a last line without.
    pub(super) text: Cow<'a, str>,
    /// The line break that was added.
    pub(super) completed: Option<&'static str>,
    pub(super) json: bool,
}

/// An entry or item of a collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    /// First byte: of the key with its properties, the dash, or the item in brackets.
    pub(super) start: usize,
    /// Behind the colon or dash; the start of an item in brackets. The end of a key in braces that
    /// has no colon.
    pub(super) header: usize,
    pub(super) colon: bool,
    /// Behind the last byte of content. Line break and comment behind it do not count.
    pub(super) end: usize,
    /// The comma behind it, in brackets and braces.
    pub(super) comma: Option<usize>,
}

// === impl Layout ===

impl<'a> Layout<'a> {
    pub(super) fn of(document: &'a Document) -> Self {
        let text = document.source.slice(document.piece.span);
        let json = document.piece.is_json();
        let completed = (!json && !text.ends_with(['\n', '\r'])).then(|| line_break_of(text));
        let text = match completed {
            Some(line_break) => Cow::Owned(format!("{text}{line_break}")),
            None => Cow::Borrowed(text),
        };
        Self {
            source: &document.source,
            base: document.piece.span.range().start,
            text,
            completed,
            json,
        }
    }

    pub(super) fn range(&self, span: Span) -> Range<usize> {
        let range = span.range();
        range.start.saturating_sub(self.base)..range.end.saturating_sub(self.base)
    }

    pub(super) fn refuse(&self, at: Range<usize>, message: impl Into<String>) -> Diagnostic {
        let limit = self.source.text().len();
        let start = (self.base + at.start).min(limit);
        let span = Span::new(start, (self.base + at.end).clamp(start, limit));
        Diagnostic::error(message).at(self.source, self.source.first_line(span))
    }

    pub(super) fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    /// First byte of the line that holds `at`.
    pub(super) fn line_start(&self, at: usize) -> usize {
        self.text[..at].rfind(['\n', '\r']).map_or(0, |at| at + 1)
    }

    /// The line break at or behind `at`, or the end of the text.
    pub(super) fn line_end(&self, at: usize) -> usize {
        self.text[at..]
            .find(['\n', '\r'])
            .map_or(self.text.len(), |found| at + found)
    }

    /// First byte of the line behind the one that holds `at`.
    pub(super) fn next_line(&self, at: usize) -> usize {
        let end = self.line_end(at);
        end + line_break_at(&self.text[end..])
    }

    /// The line break before `at`, or that of its line when `at` begins none.
    pub(super) fn line_break_near(&self, at: usize) -> Option<&'static str> {
        let before = &self.text[..at];
        let near = match before.ends_with(['\n', '\r']) {
            true => &before[strip_line_break(before).len()..],
            false => &self.text[self.line_end(at)..],
        };
        (!near.is_empty()).then(|| line_break_of(near))
    }

    /// Behind blanks, line breaks and comments from `at` on.
    pub(super) fn skip(&self, mut at: usize) -> usize {
        while let Some(byte) = self.byte(at) {
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' => at += 1,
                b'#' => at = self.line_end(at),
                _ => break,
            }
        }
        at
    }

    /// Behind blanks from `at` on, in the same line.
    pub(super) fn blanks(&self, at: usize) -> usize {
        let rest = &self.text[at..];
        at + (rest.len() - rest.trim_start_matches([' ', '\t']).len())
    }

    /// Whether nothing but blanks and a comment follows in the line.
    pub(super) fn ends_line(&self, at: usize) -> bool {
        matches!(
            self.byte(self.blanks(at)),
            None | Some(b'\n' | b'\r' | b'#')
        )
    }

    /// Whether nothing but blanks stands before `at` in its line.
    pub(super) fn begins_line(&self, at: usize) -> bool {
        let before = &self.text[self.line_start(at)..at];
        before.bytes().all(|byte| matches!(byte, b' ' | b'\t'))
    }

    /// Column of `at` in bytes, from 0: only ASCII stands before the start of an entry or item.
    pub(super) fn column(&self, at: usize) -> usize {
        at - self.line_start(at)
    }

    /// Start of a node with its anchor and tag.
    pub(super) fn node_start(&self, node: &Node) -> usize {
        let start = self.range(node.span).start;
        properties(node).fold(start, |start, span| start.min(self.range(span).start))
    }

    /// Behind the anchor and tag of a node whose key or dash ends at `header`.
    pub(super) fn properties_end(&self, node: &Node, header: usize) -> usize {
        properties(node).fold(header, |end, span| end.max(self.range(span).end))
    }

    /// Behind the content of a node whose key or dash ends at `header`.
    pub(super) fn node_end(&self, node: &Node, header: usize) -> usize {
        let range = self.range(node.span);
        match &node.kind {
            _ if is_absent(node) => self.properties_end(node, header),
            Kind::Scalar {
                style: Style::Literal | Style::Folded,
                ..
            } => {
                let block = &self.text[range.clone()];
                range.start + strip_line_break(block).len()
            }
            Kind::Mapping { entries, .. } if !self.is_bracketed(node) => {
                entries.last().map_or(range.end, |entry| {
                    let (header, _) = self.header_of(entry);
                    self.node_end(&entry.value, header)
                })
            }
            Kind::Sequence { items, flow: false } => match items.last() {
                Some(item) if !is_absent(item) => self.node_end(item, range.end),
                Some(_) => self
                    .items(items, range.start)
                    .last()
                    .map_or(range.end, |member| member.end),
                None => range.end,
            },
            _ => range.end,
        }
    }

    /// The parts of a collection.
    ///
    /// # Errors
    /// Forms that are not edited: keys written with `?`, pairs without braces.
    pub(super) fn members(&self, node: &Node) -> Result<Vec<Member>, Diagnostic> {
        let range = self.range(node.span);
        let members = match &node.kind {
            Kind::Sequence { items, flow: false } => self.items(items, range.start),
            Kind::Mapping {
                entries,
                flow: false,
            } => self.entries(entries),
            Kind::Sequence { items, .. } => self.bracketed(items, range.start, |item, start| {
                (start, false, self.node_end(item, start))
            }),
            Kind::Mapping { entries, .. } if self.is_bracketed(node) => {
                self.bracketed(entries, range.start, |entry, _| {
                    let (header, colon) = self.header_of(entry);
                    let end = self.node_end(&entry.value, header);
                    // A colon directly before a comma would belong to the key.
                    let blank = colon && end == header && self.byte(end) == Some(b' ');
                    (header, colon, end + usize::from(blank))
                })
            }
            _ => {
                let message = "a pair without braces is not edited";
                return Err(self.refuse(range, message).help("write it with braces"));
            }
        };
        let explicit = members.iter().find(|member| {
            self.byte(member.start) == Some(b'?')
                && matches!(
                    self.byte(member.start + 1),
                    None | Some(b' ' | b'\t' | b'\n' | b'\r')
                )
        });
        match explicit {
            Some(member) => Err(self
                .refuse(
                    member.start..member.start + 1,
                    "beside a key with `?` nothing is edited",
                )
                .help("write the key without `?`")),
            None => Ok(members),
        }
    }

    /// Whether a node is written with brackets or braces.
    pub(super) fn is_bracketed(&self, node: &Node) -> bool {
        let flow = matches!(
            node.kind,
            Kind::Sequence { flow: true, .. } | Kind::Mapping { flow: true, .. }
        );
        flow && matches!(self.byte(self.range(node.span).start), Some(b'[' | b'{'))
    }

    /// Behind the colon of an entry, and that there is one; else the end of its key.
    fn header_of(&self, entry: &Entry) -> (usize, bool) {
        let key_end = self.range(entry.key.span).end;
        let colon = self.skip(key_end);
        if self.byte(colon) == Some(b':') {
            (colon + 1, true)
        } else {
            (key_end, false)
        }
    }

    fn items(&self, items: &[Node], first: usize) -> Vec<Member> {
        let mut start = first;
        let mut members = Vec::with_capacity(items.len());
        for item in items {
            let header = start + 1;
            let end = self.node_end(item, header);
            members.push(Member {
                start,
                header,
                colon: false,
                end,
                comma: None,
            });
            start = self.skip(end);
        }
        members
    }

    fn entries(&self, entries: &[Entry]) -> Vec<Member> {
        let mut members: Vec<Member> = Vec::with_capacity(entries.len());
        for entry in entries {
            let start = match members.last() {
                Some(before) => self.skip(before.end),
                None => self.first_key(entry),
            };
            let (header, colon) = self.header_of(entry);
            let end = self.node_end(&entry.value, header);
            members.push(Member {
                start,
                header,
                colon,
                end,
                comma: None,
            });
        }
        members
    }

    /// Start of the first entry of a block mapping: a `?` may stand before its key.
    fn first_key(&self, entry: &Entry) -> usize {
        let key = self.node_start(&entry.key);
        let before = self.text[..key].trim_end_matches([' ', '\t']);
        if before.ends_with('?') {
            before.len() - 1
        } else {
            key
        }
    }

    fn bracketed<T>(
        &self,
        parts: &[T],
        bracket: usize,
        measure: impl Fn(&T, usize) -> (usize, bool, usize),
    ) -> Vec<Member> {
        let mut members = Vec::with_capacity(parts.len());
        let mut at = bracket + 1;
        for part in parts {
            let start = self.skip(at);
            let (header, colon, end) = measure(part, start);
            let behind = self.skip(end);
            let comma = (self.byte(behind) == Some(b',')).then_some(behind);
            at = comma.map_or(end, |comma| comma + 1);
            members.push(Member {
                start,
                header,
                colon,
                end,
                comma,
            });
        }
        members
    }
}

/// Whether a value is not written at all (`key:`).
pub(super) fn is_absent(node: &Node) -> bool {
    let plain = matches!(
        node.kind,
        Kind::Scalar {
            style: Style::Plain,
            ..
        }
    );
    plain && node.span.is_empty()
}

/// Whether a node is a collection without brackets.
pub(super) fn is_block(node: &Node) -> bool {
    matches!(
        node.kind,
        Kind::Sequence { flow: false, .. } | Kind::Mapping { flow: false, .. }
    )
}

/// The line break that `text` uses first; a line feed if it has none.
fn line_break_of(text: &str) -> &'static str {
    let at = text.find(['\n', '\r']).unwrap_or(text.len());
    match &text.as_bytes()[at..] {
        [b'\r', b'\n', ..] => "\r\n",
        [b'\r', ..] => "\r",
        _ => "\n",
    }
}

/// Length of the line break at the start of `text`.
fn line_break_at(text: &str) -> usize {
    match text.as_bytes() {
        [b'\r', b'\n', ..] => 2,
        [b'\r' | b'\n', ..] => 1,
        _ => 0,
    }
}

fn strip_line_break(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

/// The bytes of anchor and tag.
fn properties(node: &Node) -> impl Iterator<Item = Span> {
    let anchor = node.anchor().map(|anchor| anchor.span);
    anchor.into_iter().chain(node.tag())
}
