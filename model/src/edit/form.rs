//! How a collection is written before an edit fills it.

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::layout::{Layout, is_absent};
use super::{Pointer, Segment};
use crate::document::Document;
use crate::yaml::{self, Kind, Node};

/// How an object or list is written: what an inverse has to know, since a filled collection does
/// not show what it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Form {
    /// There is no such key.
    Absent,
    /// Nothing, null or empty brackets: the text behind the colon or dash up to its last byte, such
    /// as ``, ` null`, ` {}`.
    Empty(String),
    /// It holds something.
    Filled,
}

// === impl Form ===

impl Form {
    /// The form of what `at` leads to in `document`.
    #[must_use]
    pub fn of(document: &Document, at: &Pointer) -> Self {
        let layout = Layout::of(document);
        let mut node: &Node = &document.root;
        let mut header = None;
        for segment in at.segments() {
            let Some(index) = index_of(node, segment) else {
                return Self::Absent;
            };
            header = layout
                .members(node)
                .ok()
                .map(|members| members[index].header);
            node = match &node.kind {
                Kind::Sequence { items, .. } => &items[index],
                Kind::Mapping { entries, .. } => &entries[index].value,
                _ => return Self::Filled,
            };
        }
        let empty = match &node.kind {
            Kind::Sequence { items, .. } => items.is_empty(),
            Kind::Mapping { entries, .. } => entries.is_empty(),
            Kind::Scalar { .. } => node.is_null() || is_absent(node),
            Kind::Alias(_) => false,
        };
        if !empty {
            return Self::Filled;
        }
        let start = header.unwrap_or_else(|| layout.node_start(node));
        let end = layout.node_end(node, start);
        Self::Empty(layout.text[start..end].to_owned())
    }

    /// The value of a place with this form; null where there is none.
    pub(super) fn value(&self) -> Value {
        let Self::Empty(text) = self else {
            return Value::Null;
        };
        // In YAML its lines might stand behind tabs.
        if let Ok(value) = serde_json::from_str(text) {
            return value;
        }
        // The text means what it means behind a key; in braces it may follow the colon directly.
        let manifest = match text.is_empty() || text.starts_with(char::is_whitespace) {
            true => format!("---\nkey:{text}\n"),
            false => format!("---\n{{\"key\":{text}}}\n"),
        };
        let documents = yaml::read("form", &manifest).unwrap_or_default();
        let value = documents.first().and_then(|document| {
            let value = document.root.get("key")?;
            Some(value.to_json())
        });
        value.unwrap_or_default()
    }
}

/// Whether `text` can stand behind a colon in a document that is JSON, or is not.
pub(super) fn suits(text: &str, json: bool) -> bool {
    if json {
        return serde_json::from_str::<IgnoredAny>(text).is_ok();
    }
    !text.contains('\t') || !text.contains(['\n', '\r'])
}

/// Index of the member of `node` that `segment` names: of equal keys the last.
fn index_of(node: &Node, segment: &Segment) -> Option<usize> {
    match (&node.kind, segment) {
        (Kind::Mapping { entries, .. }, Segment::Key(key)) => entries
            .iter()
            .rposition(|entry| !entry.is_merge() && entry.key.key_text().as_deref() == Some(key)),
        (Kind::Sequence { items, .. }, Segment::Index(index)) => {
            (*index < items.len()).then_some(*index)
        }
        (Kind::Sequence { items, .. }, Segment::Named(name)) => items
            .iter()
            .position(|item| item.get("name").and_then(Node::as_str) == Some(name)),
        _ => None,
    }
}
