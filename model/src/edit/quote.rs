//! Scalars as text: plain where every reader agrees, quoted where one could see something else.
//!
//! kubectl reads YAML 1.1 (`on` is true, `0644` is 420), other tools read YAML 1.2 or dates and
//! sexagesimals as well. A string is written plain only if none of them takes it for anything but
//! this string; doubtful ones get quotes, which are never wrong.

use core::fmt::Write as _;

use serde_json::Value;

use crate::yaml::{Scalar, Style};

/// Where a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Context {
    Block,
    /// Within brackets or braces.
    Flow,
    Json,
}

/// Text of a value that is no collection with content. Multi-line strings stay on one line, with
/// escapes. `like` is the style of the scalar it replaces, which is kept if it is a quoted one.
pub(super) fn scalar(value: &Value, context: Context, like: Option<Style>) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => value.to_string(),
        Value::String(text) => string(text, context, like),
        Value::Array(_) => "[]".to_owned(),
        Value::Object(_) => "{}".to_owned(),
    }
}

/// Text of a string, as value or as key.
pub(super) fn string(text: &str, context: Context, like: Option<Style>) -> String {
    if context == Context::Json || like == Some(Style::DoubleQuoted) {
        return double(text);
    }
    if !text.chars().all(is_printable) {
        return double(text);
    }
    if like == Some(Style::SingleQuoted) {
        return single(text);
    }
    if is_plain(text, context) {
        return text.to_owned();
    }
    if text.contains(['"', '\\']) {
        return single(text);
    }
    double(text)
}

/// Whether `text` can be written as a literal block scalar (`|` or `|-`) that gives it back.
pub(super) fn is_literal(text: &str) -> bool {
    let body = text.strip_suffix('\n').unwrap_or(text);
    let good_line = |line: &str| {
        !line.starts_with(['\t', ' '])
            && !line.ends_with([' ', '\t'])
            && line.chars().all(|c| c == '\t' || is_printable(c))
    };
    let indented = |line: &str| {
        let content = line.trim_start_matches(' ');
        content.is_empty() == line.is_empty() && good_line(content)
    };
    let mut lines = body.split('\n');
    body.contains('\n')
        && lines
            .next()
            .is_some_and(|line| !line.is_empty() && good_line(line))
        && lines.all(indented)
        && !body.ends_with('\n')
}

/// Whether all readers take `text`, written without quotes, for this string.
fn is_plain(text: &str, context: Context) -> bool {
    let mut chars = text.chars();
    let Some(first) = chars.next() else {
        return false;
    };
    let second = chars.next();
    let indicator = match first {
        // These begin a plain scalar when something follows that is no space.
        '-' => second.is_none_or(|c| c == ' ' || c == '-' && text.starts_with("---")),
        _ => "?:,[]{}#&*!|>'\"%@`=<~.+ ".contains(first) && !is_path(text),
    };
    let flow = context == Context::Flow && text.contains([',', '[', ']', '{', '}', '?', ':']);
    let structure = text.ends_with([' ', ':']) || text.contains(": ") || text.contains(" #");
    let plain = !(indicator || flow || structure || is_word(text) || is_numeric(text));
    plain && Scalar::of(text) == Scalar::Str
}

/// `./x` and `../x` are common and no number.
fn is_path(text: &str) -> bool {
    text.starts_with("./") || text.starts_with("../")
}

/// A word that some reader takes for a boolean or null, in any case.
fn is_word(text: &str) -> bool {
    const WORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Made of what numbers, times and dates are made of, and begun like one.
fn is_numeric(text: &str) -> bool {
    let begins = text.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '+');
    begins
        && text.chars().any(|c| c.is_ascii_digit())
        && text
            .chars()
            .all(|c| c.is_ascii_hexdigit() || "xXoO_.:+-TtZz ".contains(c))
}

/// Characters that every reader takes as they are, within one line.
fn is_printable(c: char) -> bool {
    match c {
        ' '..='~' => true,
        // Byte order mark, other spaces and line breaks, and what is no character.
        '\u{FEFF}' | '\u{FFFE}' | '\u{FFFF}' => false,
        _ => !c.is_ascii() && !c.is_control() && !c.is_whitespace(),
    }
}

fn single(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Double quotes with escapes that YAML 1.1 and JSON share.
fn double(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_printable(c) => out.push(c),
            // All that is not printable lies in the first 65,536 characters.
            c => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests;
