//! What go-yaml refuses or reads otherwise, though YAML 1.2 and the parser take it.
//!
//! Found by comparing with the kubectl binary on mutated manifests. Where the two readings differ,
//! the text is refused: it means one thing to some of its readers and another to the cluster.

use super::scan::lines;
use super::{Kind, Node, Span, Style};

/// A place that is refused, in bytes of the document, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Strict {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) message: &'static str,
    pub(super) help: &'static str,
}

/// Looks at one scalar of `text`, at `start..end`; `flow` says whether brackets or braces are open.
pub(super) fn scalar(
    text: &str,
    start: usize,
    end: usize,
    style: Style,
    flow: bool,
) -> Option<Strict> {
    let raw = text.get(start..end).filter(|raw| !raw.is_empty())?;
    match style {
        Style::DoubleQuoted => escapes(raw, start),
        Style::Plain if flow => plain_in_flow(text, raw, start, end),
        _ => None,
    }
}

/// Looks at an anchor, `&` included.
pub(super) fn anchor(text: &str, start: usize, end: usize) -> Option<Strict> {
    let name = text.get(start + 1..end)?;
    let good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (!name.bytes().all(good)).then_some(Strict {
        start,
        end,
        message: "the name of an anchor has a character that kubectl does not take",
        help: "use letters, digits, `-` and `_`",
    })
}

/// Looks at a key within braces, which ends at `end`: its colon has to follow on the same line.
pub(super) fn key_in_flow(text: &str, end: usize) -> Option<Strict> {
    let rest = text.get(end..)?;
    let blanks = rest.trim_start_matches([' ', '\t']);
    let trimmed = blanks.trim_start();
    (trimmed.starts_with(':') && blanks.starts_with(['\n', '\r'])).then(|| {
        let colon = end + (rest.len() - trimmed.len());
        Strict {
            start: colon,
            end: colon + 1,
            message: "a key and its colon stand on different lines, which kubectl refuses",
            help: "put the colon behind the key",
        }
    })
}

/// JSON's escapes that YAML 1.1 lacks.
fn escapes(raw: &str, start: usize) -> Option<Strict> {
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        let escaped = &rest[at + 1..];
        let offset = start + (raw.len() - rest.len()) + at;
        // U+D800 to U+DFFF: JSON writes large characters as two of them.
        let surrogate = escaped
            .get(1..3)
            .filter(|_| escaped.starts_with('u'))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok())
            .is_some_and(|high| (0xD8..=0xDF).contains(&high));
        if escaped.starts_with('/') || surrogate {
            return Some(Strict {
                start: offset,
                end: offset + 2,
                message: "an escape of JSON that kubectl does not take in YAML",
                help: "write the character itself",
            });
        }
        let skip = escaped.chars().next().map_or(0, char::len_utf8);
        rest = &escaped[skip..];
    }
    None
}

fn plain_in_flow(text: &str, raw: &str, start: usize, end: usize) -> Option<Strict> {
    if raw.contains('?') || raw.starts_with(':') {
        return Some(Strict {
            start,
            end,
            message: "within brackets or braces, kubectl does not take this text without quotes",
            help: "quote it",
        });
    }
    let mut after = text.get(end..)?.chars();
    let closes = |c: char| matches!(c, ',' | ']' | '}');
    (after.next() == Some(':') && after.next().is_some_and(closes)).then_some(Strict {
        start: end,
        end: end + 1,
        message: "kubectl takes this colon for a part of the text before it",
        help: "put a space behind the colon, or quote the text",
    })
}

/// Looks at all tabs of `text`, whose tree is `root`: YAML 1.1 takes none where an indentation is.
pub(super) fn tabs(text: &str, base: usize, root: Option<&Node>) -> Option<Strict> {
    if !text.contains('\t') {
        return None;
    }
    let mut contents = Vec::new();
    if let Some(root) = root {
        collect(root, &mut contents);
    }
    let mut at = 0;
    for (span, block) in contents {
        let (start, end) = (span.range().start - base, span.range().end - base);
        if start >= at {
            if let Some(found) = tab_between(text, at, start) {
                return Some(found);
            }
            if block && let Some(found) = tab_in_block(text, start, end) {
                return Some(found);
            }
        }
        at = at.max(end);
    }
    tab_between(text, at, text.len())
}

/// Spans in which tabs are content: scalars, and collections in brackets; in their order. Says of
/// each whether it is a block scalar.
fn collect(node: &Node, into: &mut Vec<(Span, bool)>) {
    match &node.kind {
        Kind::Scalar { style, .. } => {
            let block = matches!(style, Style::Literal | Style::Folded);
            into.push((node.span, block));
        }
        Kind::Alias(_) | Kind::Sequence { flow: true, .. } | Kind::Mapping { flow: true, .. } => {
            into.push((node.span, false));
        }
        Kind::Sequence { items, .. } => items.iter().for_each(|item| collect(item, into)),
        Kind::Mapping { entries, .. } => {
            for entry in entries {
                collect(&entry.key, into);
                collect(&entry.value, into);
            }
        }
    }
}

/// A tab at the beginning of a line, or behind a dash or question mark, or behind the colon of an
/// explicit value, between two contents.
fn tab_between(text: &str, start: usize, end: usize) -> Option<Strict> {
    let separate =
        |at: usize| at == 0 || matches!(text.as_bytes()[at - 1], b' ' | b'\t' | b'\n' | b'\r');
    let mut indentation = text.get(..start)?.ends_with(['\n', '\r']) || start == 0;
    let mut line_is_empty = indentation;
    let mut comment = false;
    for (at, byte) in text.get(start..end)?.bytes().enumerate() {
        match byte {
            b'\n' | b'\r' => (indentation, line_is_empty, comment) = (true, true, false),
            _ if comment => {}
            b'\t' if indentation => {
                return Some(Strict {
                    start: start + at,
                    end: start + at + 1,
                    message: "a tab where an indentation is, which kubectl refuses",
                    help: "use spaces, also on empty lines and behind a dash",
                });
            }
            b' ' | b'\t' => {}
            b'#' => comment = true,
            b'-' | b'?' if separate(start + at) => (indentation, line_is_empty) = (true, false),
            b':' => (indentation, line_is_empty) = (line_is_empty, false),
            _ => (indentation, line_is_empty) = (false, false),
        }
    }
    None
}

/// A tab that stands where a block scalar's lines have their indentation.
fn tab_in_block(text: &str, start: usize, end: usize) -> Option<Strict> {
    let raw = text.get(start..end)?;
    let header = lines(raw).next()?;
    let indicator = header.split('#').next().unwrap_or(header);
    if indicator.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let mut at = start + header.len();
    for line in lines(text.get(at..end)?) {
        let content = line.trim_start_matches(' ');
        let spaces = line.len() - content.len();
        if content.starts_with('\t') {
            return Some(Strict {
                start: at + spaces,
                end: at + spaces + 1,
                message: "a tab where the indentation of a block is, which kubectl refuses",
                help: "use spaces, or name the indentation as in `|2`",
            });
        }
        // The first line with content says where the indentation ends.
        if !content.trim().is_empty() {
            return None;
        }
        at += line.len();
    }
    None
}
