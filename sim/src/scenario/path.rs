//! Paths to values, and setting them: `--set`, counter-changes, and positions of findings.
//!
//! `load[0].rate`, `load[browse].rate` (the element of that name), and
//! `metadata.annotations["meshctl.dev/inject"]` for keys that hold dots.

use core::fmt;

use model::yaml::{Node, Step};
use serde_json::Value;

use super::quantity::shown;

/// A path to a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path(Vec<Segment>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Key(String),
    Index(usize),
    /// The element of a list whose `name` (or `workload`) is this.
    Named(String),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPath {
    #[error("`{0}` is not a path (write it as load[0].rate or load[browse].rate)")]
    Syntax(String),
    #[error("`{path}`: there is no {what}")]
    Nothing { path: String, what: String },
    #[error("`{path}`: `{at}` is no {wanted}")]
    Kind {
        path: String,
        at: String,
        wanted: &'static str,
    },
}

/// Segments of a path: deeper than any manifest.
const SEGMENTS_MAX: usize = 64;

// === impl Path ===

impl Path {
    /// # Errors
    /// The text is no path.
    pub fn parse(text: &str) -> Result<Self, BadPath> {
        let bad = || BadPath::Syntax(shown(text));
        let mut segments = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            if segments.len() >= SEGMENTS_MAX {
                return Err(bad());
            }
            if let Some(bracket) = rest.strip_prefix('[') {
                let (segment, tail) = bracketed(bracket).ok_or_else(bad)?;
                segments.push(segment);
                rest = tail;
                continue;
            }
            if !segments.is_empty() {
                rest = rest.strip_prefix('.').ok_or_else(bad)?;
            }
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            if end == 0 {
                return Err(bad());
            }
            segments.push(Segment::Key(rest[..end].to_owned()));
            rest = &rest[end..];
        }
        match segments.is_empty() {
            true => Err(bad()),
            false => Ok(Self(segments)),
        }
    }

    /// The path below `spec` of the same path.
    #[must_use]
    pub fn below(mut self, key: &str) -> Self {
        self.0.insert(0, Segment::Key(key.into()));
        self
    }

    /// True when there is a value.
    pub fn is_in(&self, root: &Value) -> bool {
        let mut at = Some(root);
        for segment in &self.0 {
            at = at.and_then(|value| match segment {
                Segment::Key(key) => value.get(key),
                _ => value.get(index(value, segment)?),
            });
        }
        at.is_some()
    }

    /// Sets the value, creating objects on the way; `null` removes it. An index one past the end of
    /// a list appends.
    ///
    /// # Errors
    /// A list element that does not exist, or a value on the way that is neither object nor list.
    pub fn set(&self, root: &mut Value, new: Value) -> Result<(), BadPath> {
        let mut at = root;
        for (depth, segment) in self.0.iter().enumerate() {
            let last = depth + 1 == self.0.len();
            let nothing = |what: String| BadPath::Nothing {
                path: self.to_string(),
                what,
            };
            let kind = |wanted| BadPath::Kind {
                path: self.to_string(),
                at: Self(self.0[..depth].to_vec()).to_string(),
                wanted,
            };
            match segment {
                Segment::Key(key) => {
                    if at.is_null() {
                        *at = Value::Object(serde_json::Map::new());
                    }
                    let object = at.as_object_mut().ok_or_else(|| kind("object"))?;
                    if last && new.is_null() {
                        object.shift_remove(key);
                        return Ok(());
                    }
                    at = object.entry(key.clone()).or_insert(Value::Null);
                }
                Segment::Index(_) | Segment::Named(_) => {
                    let found = index(at, segment);
                    let list = at.as_array_mut().ok_or_else(|| kind("list"))?;
                    let Some(i) = found.filter(|i| *i <= list.len()) else {
                        return Err(nothing(format!("element {segment}")));
                    };
                    if i == list.len() {
                        list.push(Value::Null);
                    }
                    if last && new.is_null() {
                        list.remove(i);
                        return Ok(());
                    }
                    at = &mut list[i];
                }
            }
        }
        *at = new;
        Ok(())
    }

    /// The node at the path, or the nearest one on the way to it: the key where there is one.
    pub fn span_in(&self, root: &Node) -> model::yaml::Span {
        let mut at = root;
        let mut span = root.span;
        for segment in &self.0 {
            match segment {
                Segment::Key(key) => match at.entry(key) {
                    Some(entry) => {
                        span = entry.key.span;
                        at = &entry.value;
                    }
                    None => return span,
                },
                Segment::Index(_) | Segment::Named(_) => {
                    let Some(i) = index(&at.to_json(), segment) else {
                        return span;
                    };
                    let Some(item) = at.at(&[Step::Index(i)]) else {
                        return span;
                    };
                    span = item.span;
                    at = item;
                }
            }
        }
        match at.scalar() {
            Some(_) if !at.is_alias() => at.span,
            _ => span,
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Key(key) if key.contains(['.', '[']) => write!(f, "[\"{key}\"]")?,
                Segment::Key(key) if i > 0 => write!(f, ".{key}")?,
                Segment::Key(key) => f.write_str(key)?,
                other => write!(f, "{other}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => f.write_str(key),
            Self::Index(i) => write!(f, "[{i}]"),
            Self::Named(name) => write!(f, "[{name}]"),
        }
    }
}

/// What stands between brackets, and what follows them.
fn bracketed(text: &str) -> Option<(Segment, &str)> {
    for quote in ['"', '\''] {
        if let Some(quoted) = text.strip_prefix(quote) {
            let (key, rest) = quoted.split_once(quote)?;
            return Some((Segment::Key(key.to_owned()), rest.strip_prefix(']')?));
        }
    }
    let (inner, rest) = text.split_once(']')?;
    if inner.is_empty() {
        return None;
    }
    match inner.parse() {
        Ok(i) => Some((Segment::Index(i), rest)),
        Err(_) => Some((Segment::Named(inner.to_owned()), rest)),
    }
}

/// The place in a list that a segment means.
fn index(list: &Value, segment: &Segment) -> Option<usize> {
    match segment {
        Segment::Key(_) => None,
        Segment::Index(i) => Some(*i),
        Segment::Named(name) => list.as_array()?.iter().position(|item| {
            let is = |field: &str| item.get(field).and_then(Value::as_str) == Some(name.as_str());
            is("name") || is("workload")
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(path: &str, new: Value, expected: Value) {
        let mut root = json!({
            "load": [{"name": "browse", "rate": 1}, {"name": "buy"}],
            "network": {"latency": "1ms"},
        });
        let result = Path::parse(path).and_then(|p| p.set(&mut root, new));
        match expected {
            Value::String(error) => {
                let seen = result.unwrap_err().to_string();
                assert!(seen.contains(&error), "{seen}");
            }
            expected => {
                result.unwrap();
                for (key, value) in expected.as_object().unwrap() {
                    assert_eq!(root[key], *value);
                }
            }
        }
    }

    #[test]
    fn values_are_set_by_key_index_and_name() {
        let buy = json!({"name": "buy"});
        check(
            "network.latency",
            json!("2ms"),
            json!({"network": {"latency": "2ms"}}),
        );
        let browse = |rate: u32| json!({"name": "browse", "rate": rate});
        check("load[0].rate", json!(2), json!({"load": [browse(2), buy]}));
        check(
            "load[browse].rate",
            json!(3),
            json!({"load": [browse(3), buy]}),
        );
        check(
            "load[0].rate",
            Value::Null,
            json!({"load": [{"name": "browse"}, buy]}),
        );
        check("load[1]", Value::Null, json!({"load": [browse(1)]}));
        check(
            "a.b[\"c.d/e\"]",
            json!(1),
            json!({"a": {"b": {"c.d/e": 1}}}),
        );
    }

    #[test]
    fn a_path_that_leads_nowhere_says_where_it_ends() {
        check(
            "load[sell].rate",
            json!(1),
            json!("there is no element [sell]"),
        );
        check("load[7].rate", json!(1), json!("there is no element [7]"));
        check("load.rate", json!(1), json!("`load` is no object"));
        check("network[0]", json!(1), json!("`network` is no list"));
        for bad in ["", ".a", "a..b", "a[", "a[]", "a[0", "a[0]b", "a."] {
            assert!(Path::parse(bad).is_err(), "{bad:?} was accepted");
        }
    }
}
