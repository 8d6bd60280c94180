//! Edits of a value: what an edit means, without any text.
//!
//! The splicer changes text; this says what the text has to read as afterwards. It also serves
//! those who have no text, such as an admission webhook.

use serde_json::{Map, Value};

use super::{Edit, Form, Op, Place, Segment};

/// What an edit asks for and a value cannot give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mismatch {
    pub(super) message: String,
    /// How many steps of the pointer could be taken.
    pub(super) depth: usize,
}

/// Applies `edits` to `value` in order.
///
/// # Errors
/// The first edit whose pointer leads nowhere, as a message.
pub fn apply(value: &mut Value, edits: &[Edit]) -> Result<(), String> {
    edits.iter().try_for_each(|edit| {
        apply_at(value, edit.at.segments(), &edit.op)
            .map_err(|mismatch| format!("{}: {}", edit.at, mismatch.message))
    })
}

/// Applies `op` to what `path` leads to from `value`.
pub(super) fn apply_at(value: &mut Value, path: &[Segment], op: &Op) -> Result<(), Mismatch> {
    match op {
        Op::Set { value: new, place } => set(value, path, new, place),
        Op::Insert { value: new, place } => {
            let list = ensure(value, path, || Value::Array(Vec::new()))?;
            if list.is_null() {
                *list = Value::Array(Vec::new());
            }
            let Value::Array(items) = list else {
                return Err(mismatch(path.len(), format!("{} is no list", kind(list))));
            };
            let at = item_place(items, place).ok_or_else(|| no_neighbour(path.len(), place))?;
            items.insert(at, new.clone());
            Ok(())
        }
        Op::Remove => remove(value, path),
        Op::Restore(form) => {
            restore(value, path, form);
            Ok(())
        }
    }
}

/// Whether both are the same to Kubernetes: `1.0` is `1`, as Go prints it.
pub(super) fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            left == right || (left.is_f64() || right.is_f64()) && left.as_f64() == right.as_f64()
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|(left, right)| same(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .all(|(key, left)| right.get(key).is_some_and(|right| same(left, right)))
        }
        _ => left == right,
    }
}

/// Where in a list of names an entry belongs; `None` when the neighbour is not there.
pub(super) fn position<'a>(
    place: &Place,
    count: usize,
    mut names: impl Iterator<Item = Option<&'a str>>,
) -> Option<usize> {
    match place {
        Place::First => Some(0),
        Place::Last => Some(count),
        Place::At(index) => (*index <= count).then_some(*index),
        Place::After(name) => names
            .position(|found| found == Some(name))
            .map(|found| found + 1),
        Place::Before(name) => names.position(|found| found == Some(name)),
    }
}

pub(super) fn no_neighbour(depth: usize, place: &Place) -> Mismatch {
    let message = match place {
        Place::After(name) | Place::Before(name) => format!("there is no `{name}` beside it"),
        Place::At(index) => format!("it has fewer than {index} items"),
        Place::First | Place::Last => "there is no such place".to_owned(),
    };
    mismatch(depth, message)
}

/// A few words for messages.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

pub(super) fn mismatch(depth: usize, message: impl Into<String>) -> Mismatch {
    Mismatch {
        message: message.into(),
        depth,
    }
}

/// The index of the item of `items` that `segment` names.
fn item_of(items: &[Value], segment: &Segment) -> Option<usize> {
    match segment {
        Segment::Index(index) => (*index < items.len()).then_some(*index),
        Segment::Named(name) => items.iter().position(|item| name_of(item) == Some(name)),
        Segment::Key(_) => None,
    }
}

fn name_of(item: &Value) -> Option<&str> {
    item.get("name")?.as_str()
}

fn item_place(items: &[Value], place: &Place) -> Option<usize> {
    position(place, items.len(), items.iter().map(name_of))
}

fn object(value: &mut Value, depth: usize) -> Result<&mut Map<String, Value>, Mismatch> {
    if value.is_null() {
        *value = Value::Object(Map::new());
    }
    match value {
        Value::Object(map) => Ok(map),
        other => Err(mismatch(depth, format!("{} has no keys", kind(other)))),
    }
}

/// The value at `path`; missing keys on the way become objects, the last one `last()`.
fn ensure<'a>(
    value: &'a mut Value,
    path: &[Segment],
    last: impl Fn() -> Value,
) -> Result<&'a mut Value, Mismatch> {
    let mut at = value;
    for (depth, segment) in path.iter().enumerate() {
        at = match segment {
            Segment::Key(key) => {
                let new = || {
                    if depth + 1 == path.len() {
                        last()
                    } else {
                        Value::Object(Map::new())
                    }
                };
                object(at, depth)?.entry(key.as_str()).or_insert_with(new)
            }
            _ => item(at, segment, depth)?,
        };
    }
    Ok(at)
}

fn item<'a>(
    value: &'a mut Value,
    segment: &Segment,
    depth: usize,
) -> Result<&'a mut Value, Mismatch> {
    let Value::Array(items) = value else {
        return Err(mismatch(depth, format!("{} has no items", kind(value))));
    };
    item_of(items, segment)
        .and_then(|at| items.get_mut(at))
        .ok_or_else(|| mismatch(depth, "there is no such item"))
}

fn set(value: &mut Value, path: &[Segment], new: &Value, place: &Place) -> Result<(), Mismatch> {
    let Some((last, parents)) = path.split_last() else {
        *value = new.clone();
        return Ok(());
    };
    let parent = ensure(value, parents, || Value::Object(Map::new()))?;
    let Segment::Key(key) = last else {
        *item(parent, last, parents.len())? = new.clone();
        return Ok(());
    };
    let map = object(parent, parents.len())?;
    if let Some(old) = map.get_mut(key) {
        *old = new.clone();
        return Ok(());
    }
    let keys = map.keys().map(|key| Some(key.as_str()));
    let at = position(place, map.len(), keys).ok_or_else(|| no_neighbour(parents.len(), place))?;
    map.shift_insert(at, key.clone(), new.clone());
    Ok(())
}

fn remove(value: &mut Value, path: &[Segment]) -> Result<(), Mismatch> {
    let Some((last, parents)) = path.split_last() else {
        return Err(mismatch(0, "a whole document cannot be removed"));
    };
    let depth = parents.len();
    let missing = || mismatch(depth, "there is nothing to remove");
    let parent = find(value, parents).ok_or_else(missing)?;
    match (parent, last) {
        (Value::Object(map), Segment::Key(key)) => {
            map.shift_remove(key).map(drop).ok_or_else(missing)
        }
        (Value::Array(items), last) => {
            let at = item_of(items, last).ok_or_else(missing)?;
            items.remove(at);
            Ok(())
        }
        _ => Err(missing()),
    }
}

fn restore(value: &mut Value, path: &[Segment], form: &Form) {
    let Some(found) = find(value, path) else {
        return;
    };
    if !is_empty(found) {
        return;
    }
    match form {
        Form::Filled => {}
        Form::Empty(_) => *found = form.value(),
        Form::Absent => {
            if let Some((Segment::Key(key), parents)) = path.split_last()
                && let Some(Value::Object(map)) = find(value, parents)
            {
                map.shift_remove(key);
            }
        }
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

fn find<'a>(value: &'a mut Value, path: &[Segment]) -> Option<&'a mut Value> {
    path.iter().try_fold(value, |at, segment| match at {
        Value::Object(map) => match segment {
            Segment::Key(key) => map.get_mut(key),
            _ => None,
        },
        Value::Array(items) => {
            let index = item_of(items, segment)?;
            items.get_mut(index)
        }
        _ => None,
    })
}
