//! What does not fit, told to the person who wrote it.

use core::fmt::{self, Display, Write};
use std::sync::Arc;

use serde::de::{self, Expected, Unexpected};

use crate::diagnostic::Diagnostic;
use crate::yaml::{Kind, Node, Scalar, Source, Span, Style};

/// An error on its way from the offending node to the root, gathering the path.
#[derive(Debug)]
pub(super) struct Error {
    cause: Cause,
    found: Option<Found>,
    /// From the innermost segment outwards.
    path: Vec<Segment>,
}

#[derive(Debug)]
pub(super) enum Segment {
    Key(String),
    Index(usize),
}

#[derive(Debug)]
enum Cause {
    /// Something else is wanted here.
    Wanted(String),
    UnknownField(String, &'static [&'static str]),
    UnknownVariant(String, &'static [&'static str]),
    MissingField(&'static str),
    Custom(String),
}

/// The offending node, in words.
#[derive(Debug)]
struct Found {
    span: Span,
    described: String,
    /// Not a string, though a person may have meant one.
    bare: bool,
    /// A quoted string whose text would be a number or boolean without its quotes.
    quoted: bool,
}

// === impl Error ===

impl Error {
    pub(super) fn wanted(what: &str) -> Self {
        Self::from(Cause::Wanted(what.to_owned()))
    }

    /// Points at `node`, unless something within it is already pointed at.
    pub(super) fn at(mut self, node: &Node) -> Self {
        self.found.get_or_insert_with(|| Found::new(node));
        self
    }

    /// Says under which key or index the error lies.
    pub(super) fn within(mut self, segment: Segment) -> Self {
        self.path.push(segment);
        self
    }

    pub(super) fn into_diagnostic(self, source: &Arc<Source>) -> Diagnostic {
        let path = self.path();
        let found = self.found.unwrap_or_else(Found::nothing);
        let span = source.first_line(found.span);
        let here = if path.is_empty() {
            "the document".to_owned()
        } else {
            format!("`{path}`")
        };
        match self.cause {
            Cause::Wanted(wanted) => {
                let wanted = in_words(&wanted);
                let message = format!("{here} is {}, but {wanted} is wanted", found.described);
                let diagnostic = Diagnostic::error(message).at(source, span);
                let diagnostic = diagnostic.label(format!("{wanted} is wanted"));
                match found.remedy(&wanted, source.slice(found.span)) {
                    Some(remedy) => diagnostic.help(remedy),
                    None => diagnostic,
                }
            }
            Cause::UnknownField(field, allowed) => {
                let full = join(&path, &field);
                let diagnostic =
                    Diagnostic::error(format!("unknown field `{full}`")).at(source, span);
                suggest(diagnostic, &field, allowed, "fields allowed here")
            }
            Cause::UnknownVariant(value, allowed) => {
                let message = format!("{here} has the value `{value}`, which is not known");
                let diagnostic = Diagnostic::error(message).at(source, span);
                suggest(diagnostic, &value, allowed, "values allowed here")
            }
            Cause::MissingField(field) => {
                let message = format!("`{}` is missing", join(&path, field));
                Diagnostic::error(message)
                    .at(source, span)
                    .label(format!("`{field}` is required here"))
            }
            Cause::Custom(message) if path.is_empty() => {
                Diagnostic::error(message).at(source, span)
            }
            Cause::Custom(message) => {
                Diagnostic::error(format!("{here}: {message}")).at(source, span)
            }
        }
    }

    /// `spec.rules[0].name`
    fn path(&self) -> String {
        let mut path = String::new();
        for segment in self.path.iter().rev() {
            match segment {
                Segment::Key(key) => path = join(&path, key),
                Segment::Index(index) => {
                    // Writing to a string cannot fail.
                    let _ = write!(path, "[{index}]");
                }
            }
        }
        path
    }
}

impl From<Cause> for Error {
    fn from(cause: Cause) -> Self {
        Self {
            cause,
            found: None,
            path: Vec::new(),
        }
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", self.path(), self.cause)
    }
}

impl core::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: Display>(message: T) -> Self {
        Self::from(Cause::Custom(message.to_string()))
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::from(Cause::Wanted(expected.to_string()))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::from(Cause::Wanted(expected.to_string()))
    }

    fn invalid_length(_: usize, expected: &dyn Expected) -> Self {
        Self::from(Cause::Wanted(expected.to_string()))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::from(Cause::UnknownVariant(variant.to_owned(), expected))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::from(Cause::UnknownField(field.to_owned(), expected))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::from(Cause::MissingField(field))
    }
}

// === impl Found ===

impl Found {
    fn new(node: &Node) -> Self {
        let (bare, quoted) = match &node.resolved().kind {
            Kind::Scalar { value, text, style } => {
                let string = *value == Scalar::Str;
                let quoted = string && *style != Style::Plain && Scalar::of(text) != Scalar::Str;
                (
                    !string && *value != Scalar::Null && !node.is_alias(),
                    quoted,
                )
            }
            _ => (false, false),
        };
        Self {
            span: node.span,
            described: node.describe(),
            bare,
            quoted,
        }
    }

    fn nothing() -> Self {
        Self {
            span: Span::default(),
            described: "something else".to_owned(),
            bare: false,
            quoted: false,
        }
    }

    fn remedy(&self, wanted: &str, written: &str) -> Option<String> {
        if self.bare && wanted.contains("string") {
            return Some(format!("quote it: \"{written}\""));
        }
        if self.quoted && (wanted.contains("number") || wanted.contains("boolean")) {
            return Some("remove the quotes".to_owned());
        }
        None
    }
}

/// What serde calls a type, in the words of a manifest.
fn in_words(expected: &str) -> String {
    let word = match expected {
        "a map" => "an object",
        "a sequence" => "a list",
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" | "u64" | "usize" => "a whole number that is not negative",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "unit" => "nothing",
        _ if expected.starts_with("struct ") || expected.starts_with("internally tagged") => {
            "an object"
        }
        _ if expected.starts_with("enum ") || expected.starts_with("variant ") => "a string",
        _ => expected,
    };
    word.to_owned()
}

fn suggest(
    diagnostic: Diagnostic,
    written: &str,
    allowed: &'static [&'static str],
    intro: &str,
) -> Diagnostic {
    let diagnostic = match nearest(written, allowed.iter().copied()) {
        Some(near) => diagnostic.label(format!("did you mean `{near}`?")),
        None => diagnostic,
    };
    if allowed.is_empty() {
        return diagnostic.help("nothing is allowed here");
    }
    diagnostic.help(format!("{intro}: {}", allowed.join(", ")))
}

/// The candidate that a person who wrote `written` most likely meant: at most a third of its
/// letters differ, case apart.
pub fn nearest<'a>(
    written: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    /// Longer words are not typing errors, and the comparison is quadratic.
    const WORD_CHARS_MAX: usize = 64;
    let folded: Vec<char> = written.chars().flat_map(char::to_lowercase).collect();
    if folded.len() > WORD_CHARS_MAX {
        return None;
    }
    candidates
        .into_iter()
        .map(|candidate| {
            let other: Vec<char> = candidate.chars().flat_map(char::to_lowercase).collect();
            (distance(&folded, &other), candidate)
        })
        .filter(|(distance, candidate)| distance * 3 <= candidate.len().max(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Edits between two words, where swapping two neighbours is one edit (optimal string alignment).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let change = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = change.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = core::mem::replace(&mut last, row);
    }
    last[b.len()]
}

fn join(path: &str, key: &str) -> String {
    // Annotation and label keys hold dots and slashes: they are quoted to stay one step.
    let plain = !key.is_empty() && !key.contains(['.', '/', ' ', '[']);
    match (path.is_empty(), plain) {
        (true, true) => key.to_owned(),
        (false, true) => format!("{path}.{key}"),
        (_, false) => format!("{path}[{key:?}]"),
    }
}
