//! A text with a name, and the way from a byte to its line.

use core::ops::Range;
use std::sync::OnceLock;

/// A file's text as it was read, with its line starts.
#[derive(Debug)]
pub struct Source {
    name: String,
    text: String,
    lines: OnceLock<Vec<u32>>,
}

/// A half-open range of bytes of a [`Source`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    pub start: u32,
    pub end: u32,
}

/// Where a byte is, as an editor counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// From 1.
    pub line: u32,
    /// In characters, from 1.
    pub column: u32,
}

// === impl Source ===

impl Source {
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            text: text.into(),
            lines: OnceLock::new(),
        }
    }

    /// Byte offset of the first byte of each line. Most texts are never asked.
    fn lines(&self) -> &[u32] {
        self.lines.get_or_init(|| {
            let bytes = self.text.as_bytes();
            let breaks = bytes.iter().filter(|byte| matches!(byte, b'\n' | b'\r'));
            let mut lines = Vec::with_capacity(breaks.count() + 1);
            lines.push(0);
            for (at, byte) in bytes.iter().enumerate() {
                // YAML takes a lone carriage return for a line break, and so do editors.
                let lone_return = *byte == b'\r' && bytes.get(at + 1) != Some(&b'\n');
                if *byte == b'\n' || lone_return {
                    lines.push(offset(at + 1));
                }
            }
            lines
        })
    }

    /// The file as the user named it.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text of `span`; empty when it lies outside or cuts a character.
    pub fn slice(&self, span: Span) -> &str {
        self.text.get(span.range()).unwrap_or("")
    }

    /// Line and column of the byte at `at`; a byte past the end counts as the end.
    pub fn position(&self, at: u32) -> Position {
        let lines = self.lines();
        let line = lines.partition_point(|start| *start <= at).max(1);
        let start = lines[line - 1] as usize;
        let end = (at as usize).min(self.text.len()).max(start);
        // Continuation bytes do not begin a character.
        let before = self.text.as_bytes()[start..end]
            .iter()
            .filter(|byte| (**byte & 0xC0) != 0x80)
            .count();
        Position {
            line: offset(line),
            column: offset(before + 1),
        }
    }

    /// Line of the byte at `at`, from 1.
    pub fn line(&self, at: u32) -> u32 {
        offset(self.lines().partition_point(|start| *start <= at).max(1))
    }

    /// The part of `span` in its first line: enough to mark a value that has many.
    pub fn first_line(&self, span: Span) -> Span {
        let text = self.slice(span);
        let length = text.find(['\n', '\r']).unwrap_or(text.len());
        let start = span.range().start;
        Span::new(start, start + length)
    }

    /// Byte offset of the first byte of `line`, counted from 1; the end of the text when there is
    /// no such line.
    pub fn line_start(&self, line: usize) -> usize {
        let start = self.lines().get(line.saturating_sub(1));
        start.map_or(self.text.len(), |start| *start as usize)
    }
}

// === impl Span ===

impl Span {
    pub(crate) fn new(start: usize, end: usize) -> Self {
        Self {
            start: offset(start),
            end: offset(end),
        }
    }

    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    pub fn is_empty(self) -> bool {
        self.start >= self.end
    }
}

/// Byte offsets fit 32 bits, since [`super::BYTES_MAX`] holds for every text that is parsed.
fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
