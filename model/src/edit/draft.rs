//! The tree of a document with what is to change in it.

use serde_json::{Map, Value};

use super::form;
use super::layout::Layout;
use super::value::{self, Mismatch};
use super::{Form, Op, Place, Segment};
use crate::diagnostic::Diagnostic;
use crate::yaml::{Anchor, Kind, Node};

/// What becomes of a node.
pub(super) enum Draft<'a> {
    /// Stays as it is written.
    Kept(&'a Node),
    /// Gets this value, whatever it was.
    New(Value),
    /// A collection whose members change one by one. No slot at all: it becomes empty.
    Open {
        node: &'a Node,
        slots: Vec<Slot<'a>>,
    },
    /// An empty collection that is written like this behind its key or dash.
    Written(String),
}

/// A member of an open collection, in the order in which they are to stand.
pub(super) struct Slot<'a> {
    /// Index among the members in the text.
    pub(super) old: Option<usize>,
    /// The key as JSON has it; none for items and for merge keys.
    pub(super) key: Option<String>,
    pub(super) value: Draft<'a>,
}

// === impl Draft ===

impl<'a> Draft<'a> {
    /// Carries out `op` at the end of `path`.
    pub(super) fn apply(
        &mut self,
        layout: &Layout<'_>,
        path: &[Segment],
        op: &Op,
    ) -> Result<(), Diagnostic> {
        let node = self.node();
        let Some((segment, rest)) = path.split_first() else {
            return self.apply_here(layout, op);
        };
        self.open(layout, op)?;
        match self {
            Self::New(new) => value::apply_at(new, path, op)
                .map_err(|mismatch| refuse(layout, node, mismatch.message)),
            Self::Open { node, slots } => member(layout, node, slots, segment, rest, op),
            Self::Kept(_) | Self::Written(_) if matches!(op, Op::Restore(_)) => Ok(()),
            Self::Kept(_) | Self::Written(_) => {
                Err(refuse(layout, node, "there is nothing to remove"))
            }
        }
    }

    fn apply_here(&mut self, layout: &Layout<'_>, op: &Op) -> Result<(), Diagnostic> {
        let node = self.node();
        match op {
            Op::Set { value, .. } => self.assign(layout, value),
            Op::Insert { value: new, place } => {
                self.open(layout, op)?;
                match self {
                    Self::Open { node, slots } if node.items().is_some() => {
                        let names = slots.iter().map(|slot| slot.value.name());
                        let at = value::position(place, slots.len(), names);
                        let at = at.ok_or_else(|| no_neighbour(layout, node, place))?;
                        let value = Self::New(new.clone());
                        let (old, key) = (None, None);
                        slots.insert(at, Slot { old, key, value });
                        Ok(())
                    }
                    Self::New(list) => value::apply_at(list, &[], op)
                        .map_err(|mismatch| refuse(layout, node, mismatch.message)),
                    _ => Err(refuse(layout, node, "an object is no list")),
                }
            }
            Op::Remove => Err(refuse(layout, node, "a whole document cannot be removed")),
            Op::Restore(form) => {
                if self.is_empty()
                    && let Form::Empty(text) = form
                {
                    // The document may have become JSON in between, or YAML.
                    *self = match form::suits(text, layout.json) {
                        true => Self::Written(text.clone()),
                        false => Self::New(form.value()),
                    };
                }
                Ok(())
            }
        }
    }

    /// Makes members reachable: a collection opens, what may be filled becomes a new value.
    fn open(&mut self, layout: &Layout<'_>, op: &Op) -> Result<(), Diagnostic> {
        let Self::Kept(node) = *self else {
            return Ok(());
        };
        changeable(layout, node)?;
        let fills = matches!(op, Op::Set { .. } | Op::Insert { .. });
        match &node.kind {
            Kind::Mapping { entries, .. } if !entries.is_empty() => {
                let slots = entries.iter().enumerate().map(|(old, entry)| Slot {
                    old: Some(old),
                    key: match entry.is_merge() {
                        true => None,
                        false => entry.key.key_text().map(Into::into),
                    },
                    value: Self::Kept(&entry.value),
                });
                let slots = slots.collect();
                *self = Self::Open { node, slots };
            }
            Kind::Sequence { items, .. } if !items.is_empty() => {
                let slots = items.iter().enumerate().map(|(old, item)| Slot {
                    old: Some(old),
                    key: None,
                    value: Self::Kept(item),
                });
                let slots = slots.collect();
                *self = Self::Open { node, slots };
            }
            Kind::Mapping { .. } if fills => *self = Self::New(Value::Object(Map::new())),
            Kind::Sequence { .. } if fills => *self = Self::New(Value::Array(Vec::new())),
            Kind::Scalar { .. } if fills && node.is_null() => *self = Self::New(Value::Null),
            Kind::Scalar { .. } if fills => {
                let message = format!("{} has no members", node.describe());
                return Err(refuse(layout, Some(node), message));
            }
            _ => {}
        }
        Ok(())
    }

    /// Gives this `new` value, member by member where both are collections.
    fn assign(&mut self, layout: &Layout<'_>, new: &Value) -> Result<(), Diagnostic> {
        let Self::Kept(node) = *self else {
            if !value::same(&self.to_value(), new) {
                *self = Self::New(new.clone());
            }
            return Ok(());
        };
        if value::same(&node.to_json(), new) {
            return Ok(());
        }
        changeable(layout, node)?;
        match (&node.kind, new) {
            (Kind::Mapping { entries, .. }, Value::Object(map))
                if !entries.is_empty() && !map.is_empty() && is_simple(node) =>
            {
                self.open(layout, &Op::Remove)?;
                self.assign_keys(layout, map)
            }
            (Kind::Sequence { items, .. }, Value::Array(new))
                if !items.is_empty() && !new.is_empty() =>
            {
                self.open(layout, &Op::Remove)?;
                self.assign_items(layout, new)
            }
            _ => {
                unused(layout, node)?;
                *self = Self::New(new.clone());
                Ok(())
            }
        }
    }

    fn assign_keys(
        &mut self,
        layout: &Layout<'_>,
        map: &Map<String, Value>,
    ) -> Result<(), Diagnostic> {
        let Self::Open { slots, .. } = self else {
            return Ok(());
        };
        let stays = |slot: &Slot<'_>| slot.key.as_ref().is_some_and(|key| map.contains_key(key));
        for slot in slots.iter().filter(|slot| !stays(slot)) {
            slot.value.unused(layout)?;
        }
        slots.retain(stays);
        for (key, new) in map {
            match slots
                .iter_mut()
                .find(|slot| slot.key.as_deref() == Some(key))
            {
                Some(slot) => slot.value.assign(layout, new)?,
                None => slots.push(Slot {
                    old: None,
                    key: Some(key.clone()),
                    value: Self::New(new.clone()),
                }),
            }
        }
        Ok(())
    }

    /// Items that are equal at both ends stay; those between are changed one by one.
    fn assign_items(&mut self, layout: &Layout<'_>, new: &[Value]) -> Result<(), Diagnostic> {
        let Self::Open { slots, .. } = self else {
            return Ok(());
        };
        let old: Vec<Value> = slots.iter().map(|slot| slot.value.to_value()).collect();
        let same = |(left, right): &(&Value, &Value)| value::same(left, right);
        let shorter = old.len().min(new.len());
        let head = old.iter().zip(new).take_while(same).count();
        let tail = old.iter().rev().zip(new.iter().rev()).take_while(same);
        let tail = tail.count().min(shorter - head);
        let (old_end, new_end) = (old.len() - tail, new.len() - tail);
        let both = (old_end - head).min(new_end - head);
        for at in head..head + both {
            slots[at].value.assign(layout, &new[at])?;
        }
        for slot in &slots[head + both..old_end] {
            slot.value.unused(layout)?;
        }
        let added = new[head + both..new_end].iter().map(|value| Slot {
            old: None,
            key: None,
            value: Self::New(value.clone()),
        });
        slots.splice(head + both..old_end, added);
        Ok(())
    }

    /// Refuses to take away what an alias refers to.
    fn unused(&self, layout: &Layout<'_>) -> Result<(), Diagnostic> {
        match self {
            Self::Kept(node) | Self::Open { node, .. } => unused(layout, node),
            Self::New(_) | Self::Written(_) => Ok(()),
        }
    }

    /// The value as it will be read.
    pub(super) fn to_value(&self) -> Value {
        match self {
            Self::Kept(node) => node.to_json(),
            Self::New(value) => value.clone(),
            Self::Written(text) => Form::Empty(text.clone()).value(),
            Self::Open { node, slots } if node.items().is_some() => {
                slots.iter().map(|slot| slot.value.to_value()).collect()
            }
            Self::Open { slots, .. } => {
                let entry = |slot: &Slot<'_>| Some((slot.key.clone()?, slot.value.to_value()));
                Value::Object(slots.iter().filter_map(entry).collect())
            }
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Open { slots, .. } => slots.is_empty(),
            Self::New(Value::Array(items)) => items.is_empty(),
            Self::New(Value::Object(map)) => map.is_empty(),
            Self::Kept(node) => match &node.kind {
                Kind::Sequence { items, .. } => items.is_empty(),
                Kind::Mapping { entries, .. } => entries.is_empty(),
                _ => false,
            },
            _ => false,
        }
    }

    /// The value of the key `name`, if it is a string.
    fn name(&self) -> Option<&str> {
        match self {
            Self::Kept(node) => node.get("name")?.as_str(),
            Self::New(value) => value.get("name")?.as_str(),
            Self::Open { slots, .. } => {
                let named = |slot: &&Slot<'_>| slot.key.as_deref() == Some("name");
                match &slots.iter().rev().find(named)?.value {
                    Self::Kept(node) => node.as_str(),
                    Self::New(value) => value.as_str(),
                    _ => None,
                }
            }
            Self::Written(_) => None,
        }
    }

    fn node(&self) -> Option<&'a Node> {
        match self {
            Self::Kept(node) | Self::Open { node, .. } => Some(node),
            Self::New(_) | Self::Written(_) => None,
        }
    }
}

/// Carries out `op` below the member of an open collection that `segment` names.
fn member<'a>(
    layout: &Layout<'_>,
    node: &'a Node,
    slots: &mut Vec<Slot<'a>>,
    segment: &Segment,
    rest: &[Segment],
    op: &Op,
) -> Result<(), Diagnostic> {
    let here = Some(node);
    let found = find(slots, segment);
    if let Segment::Key(key) = segment {
        if node.entries().is_none() {
            return Err(refuse(layout, here, "a list has no keys"));
        }
        if found.is_none() && merged(node, key) {
            return Err(refuse_merged(layout, node, key));
        }
    } else if node.items().is_none() {
        return Err(refuse(layout, here, "an object has no items"));
    }
    let Some(at) = found else {
        return match (op, segment) {
            (Op::Restore(_), _) => Ok(()),
            (Op::Remove, _) => Err(refuse(layout, here, "there is nothing to remove")),
            (_, Segment::Key(key)) => add(layout, node, slots, key, rest, op),
            _ => Err(refuse(layout, here, "there is no such item")),
        };
    };
    let slot = &mut slots[at];
    let goes = match op {
        Op::Remove => true,
        Op::Restore(Form::Absent) => slot.key.is_some() && slot.value.is_empty(),
        _ => false,
    };
    if !goes || !rest.is_empty() {
        return slot.value.apply(layout, rest, op);
    }
    slot.value.unused(layout)?;
    if let Some(key) = &slots[at].key {
        let equal = slots.iter().filter(|slot| slot.key.as_ref() == Some(key));
        if equal.count() > 1 {
            let message = format!("`{key}` is written more than once");
            return Err(refuse(layout, here, message)
                .help("keep the last one, which is the one that counts"));
        }
        if merged(node, key) {
            return Err(refuse_merged(layout, node, key));
        }
    }
    slots.remove(at);
    Ok(())
}

/// Adds a key, and below it what `op` asks for.
fn add<'a>(
    layout: &Layout<'_>,
    node: &'a Node,
    slots: &mut Vec<Slot<'a>>,
    key: &str,
    rest: &[Segment],
    op: &Op,
) -> Result<(), Diagnostic> {
    let place = match op {
        Op::Set { place, .. } if rest.is_empty() => place,
        _ => &Place::Last,
    };
    let names = slots.iter().map(|slot| slot.key.as_deref());
    let at = value::position(place, slots.len(), names);
    let at = at.ok_or_else(|| no_neighbour(layout, node, place))?;
    let mut value = Value::Null;
    value::apply_at(&mut value, rest, op)
        .map_err(|mismatch| refuse(layout, Some(node), mismatch.message))?;
    slots.insert(
        at,
        Slot {
            old: None,
            key: Some(key.to_owned()),
            value: Draft::New(value),
        },
    );
    Ok(())
}

/// The slot that `segment` names: of equal keys the last.
fn find(slots: &[Slot<'_>], segment: &Segment) -> Option<usize> {
    match segment {
        Segment::Key(key) => slots
            .iter()
            .rposition(|slot| slot.key.as_deref() == Some(key)),
        Segment::Index(index) => (*index < slots.len()).then_some(*index),
        Segment::Named(name) => slots
            .iter()
            .position(|slot| slot.value.name() == Some(name)),
    }
}

/// Whether a merge gives `key` a value.
fn merged(node: &Node, key: &str) -> bool {
    let entries = node.entries().unwrap_or_default();
    entries
        .iter()
        .filter(|entry| entry.is_merge())
        .any(|entry| match entry.value.items() {
            Some(sources) => sources.iter().any(|source| source.get(key).is_some()),
            None => entry.value.get(key).is_some(),
        })
}

/// Whether each key is written once, and none merged.
fn is_simple(node: &Node) -> bool {
    let entries = node.entries().unwrap_or_default();
    node.decided().len() == entries.len() && !entries.iter().any(|entry| entry.is_merge())
}

/// Refuses to change what stands elsewhere, or shows elsewhere.
fn changeable(layout: &Layout<'_>, node: &Node) -> Result<(), Diagnostic> {
    if node.is_alias() {
        return Err(refuse(layout, Some(node), "this value is an alias")
            .help("write the value itself here, or edit it at its anchor"));
    }
    match node.anchor() {
        Some(anchor) if anchor.uses > 0 => Err(refuse_used(layout, anchor)),
        _ => Ok(()),
    }
}

/// Refuses to take away a value that aliases refer to, or that holds one.
fn unused(layout: &Layout<'_>, node: &Node) -> Result<(), Diagnostic> {
    match node.anchor() {
        Some(anchor) if anchor.uses > 0 => return Err(refuse_used(layout, anchor)),
        _ => {}
    }
    match &node.kind {
        Kind::Sequence { items, .. } => items.iter().try_for_each(|item| unused(layout, item)),
        Kind::Mapping { entries, .. } => entries.iter().try_for_each(|entry| {
            unused(layout, &entry.key)?;
            unused(layout, &entry.value)
        }),
        Kind::Scalar { .. } | Kind::Alias(_) => Ok(()),
    }
}

fn refuse(layout: &Layout<'_>, node: Option<&Node>, message: impl Into<String>) -> Diagnostic {
    let at = node.map_or(0..0, |node| layout.range(node.span));
    layout.refuse(at, message)
}

fn refuse_used(layout: &Layout<'_>, anchor: &Anchor) -> Diagnostic {
    let times = if anchor.uses == 1 { "alias" } else { "aliases" };
    let message = format!(
        "this value is used elsewhere by {} {times}, an edit would change it there too",
        anchor.uses
    );
    layout
        .refuse(layout.range(anchor.span), message)
        .help("write the value itself where the alias stands")
}

fn refuse_merged(layout: &Layout<'_>, node: &Node, key: &str) -> Diagnostic {
    let entries = node.entries().unwrap_or_default();
    let merge = entries.iter().find(|entry| entry.is_merge());
    let at = merge.map_or(node.span, |entry| entry.key.span);
    let message = format!("`{key}` comes from a merge (`<<`)");
    layout
        .refuse(layout.range(at), message)
        .help("write the key itself here, or edit it at its anchor")
}

fn no_neighbour(layout: &Layout<'_>, node: &Node, place: &Place) -> Diagnostic {
    let Mismatch { message, .. } = value::no_neighbour(0, place);
    refuse(layout, Some(node), message)
}
