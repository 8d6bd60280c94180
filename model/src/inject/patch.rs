//! Edits as a JSON Patch (RFC 6902), which is what an admission webhook answers with.
//!
//! The edits are applied to the value, and the patch is the difference. So it cannot say anything
//! else than the text route, whose result is compared with the same value.

use serde::Serialize;
use serde_json::Value;

use crate::edit::{Edit, Form, Pointer, Segment, apply};

/// One operation of a patch.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Operation {
    pub op: Kind,
    /// A JSON Pointer (RFC 6901).
    pub path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
}

/// The operations that are needed here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Add,
    Remove,
    Replace,
}

/// The patch that does to `value` what `edits` do.
///
/// # Errors
/// An edit whose pointer leads nowhere.
pub fn render(value: &Value, edits: &[Edit]) -> Result<Vec<Operation>, String> {
    let mut after = value.clone();
    apply(&mut after, edits)?;
    let mut operations = Vec::new();
    difference("", value, &after, &mut operations);
    Ok(operations)
}

/// How a collection of a value is written: what stands for [`Form::of`] where there is no text.
pub fn form(value: &Value, at: &Pointer) -> Form {
    let found = at
        .segments()
        .iter()
        .try_fold(value, |value, segment| match segment {
            Segment::Key(key) => value.get(key),
            Segment::Index(index) => value.get(index),
            Segment::Named(_) => None,
        });
    match found {
        None => Form::Absent,
        Some(Value::Null) => Form::Empty(" null".into()),
        Some(Value::Array(items)) if items.is_empty() => Form::Empty(" []".into()),
        Some(Value::Object(map)) if map.is_empty() => Form::Empty(" {}".into()),
        Some(_) => Form::Filled,
    }
}

fn difference(path: &str, before: &Value, after: &Value, into: &mut Vec<Operation>) {
    match (before, after) {
        _ if before == after => {}
        (Value::Object(old), Value::Object(new)) => {
            for (key, value) in old {
                let path = child(path, key);
                match new.get(key) {
                    Some(now) => difference(&path, value, now, into),
                    None => into.push(Operation::new(Kind::Remove, path, None)),
                }
            }
            for (key, value) in new.iter().filter(|(key, _)| !old.contains_key(*key)) {
                let path = child(path, key);
                into.push(Operation::new(Kind::Add, path, Some(value)));
            }
        }
        (Value::Array(old), Value::Array(new)) => list(path, old, new, into),
        _ => into.push(Operation::new(Kind::Replace, path.to_owned(), Some(after))),
    }
}

/// Items that are equal at both ends stay; between them the rest is changed, added or removed.
fn list(path: &str, old: &[Value], new: &[Value], into: &mut Vec<Operation>) {
    let start = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let (old, new) = (&old[start..], &new[start..]);
    let ends = old.iter().rev().zip(new.iter().rev());
    let end = ends.take_while(|(a, b)| a == b).count();
    let (old, new) = (&old[..old.len() - end], &new[..new.len() - end]);
    let at = |index: usize| child(path, &(start + index).to_string());
    for (index, (before, after)) in old.iter().zip(new).enumerate() {
        difference(&at(index), before, after, into);
    }
    // From the back, so that the indexes of those before hold.
    for index in (new.len()..old.len()).rev() {
        into.push(Operation::new(Kind::Remove, at(index), None));
    }
    for (index, value) in new.iter().enumerate().skip(old.len()) {
        into.push(Operation::new(Kind::Add, at(index), Some(value)));
    }
}

fn child(path: &str, key: &str) -> String {
    format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"))
}

// === impl Operation ===

impl Operation {
    fn new(op: Kind, path: String, value: Option<&Value>) -> Self {
        Self {
            op,
            path,
            value: value.cloned(),
        }
    }
}
