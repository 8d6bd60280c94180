//! Values as text: block style for YAML, brackets for JSON and flow style.

use serde_json::Value;

use super::quote::{self, Context};
use super::style::Style;

/// Writes values in the style of a document.
pub(super) struct Emit<'a> {
    pub(super) style: &'a Style,
    pub(super) line_break: &'static str,
    /// Whether strings of several lines may be written as block scalars.
    pub(super) literal: bool,
}

/// How a value in brackets is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Brackets<'a> {
    pub(super) context: Context,
    /// One member per line, below a line that is indented with this.
    pub(super) pad: Option<&'a str>,
}

/// A whole document in block style, for values that never had a text.
pub fn yaml(value: &Value) -> String {
    let style = Style {
        step: 2,
        list: 0,
        dash: 2,
        unit: "  ".to_owned(),
        spaced: true,
    };
    let emit = Emit {
        style: &style,
        line_break: "\n",
        literal: true,
    };
    let mut out = String::new();
    emit.block(value, 0, &mut out);
    if out.is_empty() {
        emit.scalar(value, 0, &mut out);
    }
    out
}

// === impl Emit ===

impl Emit<'_> {
    /// `key: value` and its line break, for an object whose keys stand in `column`. The first line
    /// is not indented.
    pub(super) fn entry(&self, key: &str, value: &Value, column: usize, out: &mut String) {
        out.push_str(&quote::string(key, Context::Block, None));
        out.push(':');
        self.value_of_key(value, column, out);
    }

    /// What follows the colon of a key in `column`, with its line break.
    pub(super) fn value_of_key(&self, value: &Value, column: usize, out: &mut String) {
        match value {
            Value::Object(map) if !map.is_empty() => {
                self.line_break(out);
                self.block(value, column + self.style.step, out);
            }
            Value::Array(items) if !items.is_empty() => {
                self.line_break(out);
                self.block(value, column + self.style.list, out);
            }
            _ => {
                out.push(' ');
                self.scalar(value, column + self.style.step, out);
            }
        }
    }

    /// `- value` and its line break, for a list whose dashes stand in `column`. The first line is
    /// not indented.
    pub(super) fn item(&self, value: &Value, column: usize, out: &mut String) {
        out.push('-');
        self.value_of_dash(value, column, out);
    }

    /// What follows a dash in `column`, with its line break.
    pub(super) fn value_of_dash(&self, value: &Value, column: usize, out: &mut String) {
        let dash = self.style.dash;
        let inner = column + dash;
        let filled = match value {
            Value::Object(map) => !map.is_empty(),
            Value::Array(items) => !items.is_empty(),
            _ => false,
        };
        pad(dash - 1, out);
        if !filled {
            return self.scalar(value, inner, out);
        }
        let start = out.len();
        self.block(value, inner, out);
        // The first line stands behind the dash.
        out.replace_range(start..start + inner, "");
    }

    /// All lines of a collection, each indented.
    pub(super) fn block(&self, value: &Value, column: usize, out: &mut String) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    pad(column, out);
                    self.entry(key, value, column, out);
                }
            }
            Value::Array(items) => {
                for value in items {
                    pad(column, out);
                    self.item(value, column, out);
                }
            }
            _ => {}
        }
    }

    /// A scalar or an empty collection, and a line break; lines of a block scalar are
    /// indented to `column`.
    fn scalar(&self, value: &Value, column: usize, out: &mut String) {
        match value {
            Value::String(text) if self.literal && quote::is_literal(text) => {
                out.push_str(if text.ends_with('\n') { "|" } else { "|-" });
                self.line_break(out);
                for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
                    if !line.is_empty() {
                        // At the outermost key the content still has to be indented.
                        pad(column.max(1), out);
                        out.push_str(line);
                    }
                    self.line_break(out);
                }
            }
            _ => {
                out.push_str(&quote::scalar(value, Context::Block, None));
                self.line_break(out);
            }
        }
    }

    /// A value in brackets, without line break at its end.
    pub(super) fn flow(&self, value: &Value, brackets: Brackets<'_>, out: &mut String) {
        match value {
            Value::Object(map) if !map.is_empty() => {
                let members = map.iter().map(|(key, value)| (Some(key.as_str()), value));
                self.members('{', '}', members, brackets, out);
            }
            Value::Array(items) if !items.is_empty() => {
                let members = items.iter().map(|value| (None, value));
                self.members('[', ']', members, brackets, out);
            }
            _ => out.push_str(&quote::scalar(value, brackets.context, None)),
        }
    }

    /// One member of brackets whose line is indented with the pad of `brackets`.
    pub(super) fn member(
        &self,
        key: Option<&str>,
        value: &Value,
        brackets: Brackets<'_>,
        out: &mut String,
    ) {
        if let Some(key) = key {
            out.push_str(&quote::string(key, brackets.context, None));
            out.push_str(self.after(':', brackets));
        }
        self.flow(value, brackets, out);
    }

    /// Colon or comma with the space that follows it.
    pub(super) fn after(&self, mark: char, brackets: Brackets<'_>) -> &'static str {
        let spaced = self.style.spaced || brackets.context == Context::Flow;
        match (mark, spaced) {
            (':', true) => ": ",
            (':', false) => ":",
            (_, true) => ", ",
            (_, false) => ",",
        }
    }

    fn members<'v>(
        &self,
        open: char,
        close: char,
        members: impl Iterator<Item = (Option<&'v str>, &'v Value)>,
        brackets: Brackets<'_>,
        out: &mut String,
    ) {
        let inner_pad = brackets.pad.map(|pad| pad.to_owned() + &self.style.unit);
        let inner = Brackets {
            pad: inner_pad.as_deref(),
            ..brackets
        };
        out.push(open);
        for (at, (key, value)) in members.enumerate() {
            match (inner.pad, at) {
                (Some(pad), _) => {
                    if at > 0 {
                        out.push(',');
                    }
                    self.line_break(out);
                    out.push_str(pad);
                }
                (None, 0) => {}
                (None, _) => out.push_str(self.after(',', brackets)),
            }
            self.member(key, value, inner, out);
        }
        if let Some(pad) = brackets.pad {
            self.line_break(out);
            out.push_str(pad);
        }
        out.push(close);
    }

    fn line_break(&self, out: &mut String) {
        out.push_str(self.line_break);
    }
}

/// Indents a line.
pub(super) fn pad(columns: usize, out: &mut String) {
    out.extend(core::iter::repeat_n(' ', columns));
}
