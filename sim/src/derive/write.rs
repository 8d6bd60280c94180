//! A scenario as commented YAML, for editing.
//!
//! What is written reads back as the same scenario. Comments say of each guess how one came to it;
//! they stand beside the value, since that is where it is changed.

use std::collections::BTreeMap;

use core::fmt::Write as _;

use serde_json::Value;

use crate::report::clean;
use crate::scenario::{Scenario, WorkloadRef};

/// The scenario as YAML.
///
/// # Errors
/// Never for a scenario that was read or derived; the type is serde_json's.
pub fn write(scenario: &Scenario) -> Result<String, serde_json::Error> {
    let value = serde_json::to_value(scenario)?;
    let inputs = scenario.spec.inputs.iter();
    let mut comments: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for note in inputs {
        let source = serde_json::to_value(note.source)?;
        let text = format!("{}: {}", source.as_str().unwrap_or_default(), note.why);
        comments
            .entry(format!("spec.{}", note.path))
            .or_default()
            .push(text);
    }
    let paths = match scenario.spec.manifests.is_empty() {
        true => NO_PATHS,
        false => PATHS,
    };
    let mut writer = Writer {
        out: format!("{HEAD}{paths}"),
        comments,
    };
    if let Value::Object(fields) = &value {
        writer.fields(fields, "", 0);
    }
    writer.out.push_str(&examples(scenario));
    Ok(writer.out)
}

/// A scenario as YAML with this comment before it, as it is.
///
/// # Errors
/// As [`write`].
pub fn document(scenario: &Scenario, head: &str) -> Result<String, serde_json::Error> {
    let mut writer = Writer {
        out: head.lines().map(|line| format!("# {line}\n")).collect(),
        comments: BTreeMap::new(),
    };
    if let Value::Object(fields) = &serde_json::to_value(scenario)? {
        writer.fields(fields, "", 0);
    }
    Ok(writer.out)
}

const HEAD: &str = "\
# A scenario for `meshctl simulate`, derived. What is marked `assumed` is a guess.
# Replace a guess by what you know and remove its entry from `inputs` at the end.
";

const PATHS: &str = "# Paths of manifests are relative to this file.\n";

const NO_PATHS: &str = "\
# It names no manifests: list them in `spec.manifests`, or give them with -f when it is run.
";

const EXAMPLES: &str = "
# Nothing is expected yet, so a run ends `not tested`. Take away the first `#` of these lines:
# ---
";

struct Writer {
    out: String,
    comments: BTreeMap<String, Vec<String>>,
}

// === impl Writer ===

impl Writer {
    fn fields(&mut self, fields: &serde_json::Map<String, Value>, path: &str, indent: usize) {
        for (key, value) in fields {
            let at = match path {
                "" => key.clone(),
                path => format!("{path}.{key}"),
            };
            self.comment(&at, indent);
            let _ = write!(self.out, "{:indent$}{}:", "", scalar(key));
            self.value(value, &at, indent);
        }
    }

    /// The value after its key, with the line break.
    fn value(&mut self, value: &Value, path: &str, indent: usize) {
        match value {
            Value::Object(fields) if fields.is_empty() => self.out.push_str(" {}\n"),
            Value::Object(fields) => {
                self.out.push('\n');
                self.fields(fields, path, indent + 2);
            }
            Value::Array(items) if items.is_empty() => self.out.push_str(" []\n"),
            Value::Array(items) => {
                self.out.push('\n');
                for (i, item) in items.iter().enumerate() {
                    self.item(item, &format!("{path}[{i}]"), indent + 2);
                }
            }
            other => {
                let _ = writeln!(self.out, " {}", plain(other));
            }
        }
    }

    fn item(&mut self, item: &Value, path: &str, indent: usize) {
        self.comment(path, indent);
        let begin = self.out.len();
        match item {
            Value::Object(fields) if !fields.is_empty() => {
                self.fields(fields, path, indent + 2);
                // The first field stands behind the dash; a comment before it goes above the item.
                self.dash(begin, indent);
            }
            Value::Array(_) | Value::Object(_) => {
                // A list within a list, or an empty object: JSON is YAML.
                let _ = writeln!(self.out, "{:indent$}- {item}", "");
            }
            other => {
                let _ = writeln!(self.out, "{:indent$}- {}", "", plain(other));
            }
        }
    }

    /// Puts a dash before the first line since `begin` that is no comment.
    fn dash(&mut self, begin: usize, indent: usize) {
        let mut at = begin;
        for line in self.out[begin..].split_inclusive('\n') {
            if line.trim_start().starts_with('#') {
                at += line.len();
            } else {
                break;
            }
        }
        self.out.replace_range(at + indent..at + indent + 1, "-");
    }

    fn comment(&mut self, path: &str, indent: usize) {
        for text in self.comments.remove(path).unwrap_or_default() {
            let _ = writeln!(self.out, "{:indent$}# {}", "", clean::visible(&text));
        }
    }
}

/// Expectations and an event with names of this scenario, commented out; they continue `spec`.
fn examples(scenario: &Scenario) -> String {
    let mut out = String::new();
    let spec = &scenario.spec;
    let (Some(load), Some(app)) = (spec.load.first(), example_app(scenario)) else {
        return out;
    };
    let load = scalar(&format!("load/{}", load.name));
    let target = scalar(&app.to_string());
    out.push_str(EXAMPLES);
    let _ = write!(
        out,
        "\
#  expect:
#    - name: nearly every request succeeds
#      metric: successRate
#      of: {load}
#      op: \">=\"
#      value: 99.9%
#    - name: answers are quick
#      metric: p99
#      of: {load}
#      op: \"<=\"
#      value: 250ms
#  events:
#    - at: 10s
#      for: 10s
#      crash:
#        target: {target}
#        pods: 1
"
    );
    out
}

/// A workload worth breaking: one that the first load reaches by its name, else the first.
fn example_app(scenario: &Scenario) -> Option<&WorkloadRef> {
    let mut apps = scenario.spec.apps.iter().map(|app| &app.workload);
    let load = scenario.spec.load.first()?;
    let (namespace, name) = load.to.service(load.namespace())?;
    let named = apps.find(|id| id.namespace == namespace && id.name.starts_with(&name));
    named.or_else(|| scenario.spec.apps.first().map(|app| &app.workload))
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => scalar(text),
        // JSON's numbers, booleans and null are YAML's.
        other => other.to_string(),
    }
}

/// A string as YAML: plain where no reader can take it for anything else, else in double quotes
/// with JSON's escapes, which YAML has as well.
fn scalar(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    let quoted = Value::String(text.to_owned()).to_string();
    // What JSON lets stand and YAML does not: C1 controls, separators, a byte order mark.
    let mut out = String::with_capacity(quoted.len());
    for c in quoted.chars() {
        match c {
            '\u{7f}'..='\u{9f}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{feff}'
            | '\u{fffe}'
            | '\u{ffff}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

fn is_plain(text: &str) -> bool {
    let reserved = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    let duration = text
        .strip_suffix("ms")
        .or(text.strip_suffix("us"))
        .or(text.strip_suffix('s'));
    if duration.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit())) {
        return true;
    }
    let first = text.starts_with(|c: char| c.is_ascii_alphabetic());
    let rest = text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"/._-".contains(&b));
    // A colon is plain when no blank follows; URLs have them.
    let url = text.starts_with("http://") || text.starts_with("grpc://");
    let rest = rest
        || url
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"/._-:".contains(&b))
            && !text.ends_with(':');
    first && rest && !reserved.contains(&text.to_ascii_lowercase().as_str())
}
