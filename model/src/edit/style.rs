//! How a document is written: what is put in is written likewise.

use super::layout::{Layout, is_absent, is_block};
use crate::yaml::{Kind, Node};

/// Habits of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Style {
    /// Columns by which an object within an object is indented.
    pub(super) step: usize,
    /// Columns by which a list is indented below its key: 0 in most manifests.
    pub(super) list: usize,
    /// Columns from a dash to its item.
    pub(super) dash: usize,
    /// JSON: what one level is indented with.
    pub(super) unit: String,
    /// JSON: whether a space follows colons and commas.
    pub(super) spaced: bool,
}

/// What a walk over a tree has found so far.
#[derive(Default)]
struct Found {
    step: Option<usize>,
    list: Option<usize>,
    dash: Option<usize>,
}

// === impl Style ===

impl Style {
    pub(super) fn of(layout: &Layout<'_>, root: &Node) -> Self {
        let mut found = Found::default();
        found.look(layout, root);
        let (unit, spaced) = brackets(layout, root);
        Self {
            step: found.step.unwrap_or(2),
            list: found.list.unwrap_or(0),
            dash: found.dash.unwrap_or(2),
            unit: unit.unwrap_or_else(|| "  ".to_owned()),
            spaced,
        }
    }
}

// === impl Found ===

impl Found {
    fn is_complete(&self) -> bool {
        self.step.is_some() && self.list.is_some() && self.dash.is_some()
    }

    /// Takes the first of each habit, in the order of the text.
    fn look(&mut self, layout: &Layout<'_>, node: &Node) {
        if self.is_complete() || !is_block(node) {
            return;
        }
        match &node.kind {
            Kind::Mapping { entries, .. } => {
                for entry in entries {
                    if is_block(&entry.value) {
                        self.measure(layout, layout.node_start(&entry.key), &entry.value);
                    }
                    self.look(layout, &entry.value);
                }
            }
            Kind::Sequence { items, .. } => {
                let dash = layout.range(node.span).start;
                if let Some(first) = items.first() {
                    let item = layout.node_start(first);
                    if !is_absent(first) && layout.line_start(item) == layout.line_start(dash) {
                        self.dash.get_or_insert(item - dash);
                    }
                }
                items.iter().for_each(|item| self.look(layout, item));
            }
            Kind::Scalar { .. } | Kind::Alias(_) => {}
        }
    }

    /// A collection below a key that starts at `key`.
    fn measure(&mut self, layout: &Layout<'_>, key: usize, value: &Node) {
        let start = match &value.kind {
            Kind::Mapping { entries, .. } => {
                entries.first().map(|entry| layout.node_start(&entry.key))
            }
            _ => Some(layout.range(value.span).start),
        };
        let Some(start) = start else { return };
        let Some(columns) = layout.column(start).checked_sub(layout.column(key)) else {
            return;
        };
        match value.kind {
            Kind::Mapping { .. } if columns > 0 => {
                self.step.get_or_insert(columns);
            }
            Kind::Sequence { .. } => {
                self.list.get_or_insert(columns);
            }
            _ => {}
        }
    }
}

/// Indentation of the first member of a root in braces, and whether its colon has a space.
fn brackets(layout: &Layout<'_>, root: &Node) -> (Option<String>, bool) {
    let Kind::Mapping {
        entries,
        flow: true,
    } = &root.kind
    else {
        return (None, true);
    };
    let Some(first) = entries.first() else {
        return (None, true);
    };
    let start = layout.node_start(&first.key);
    let unit = layout
        .begins_line(start)
        .then(|| layout.text[layout.line_start(start)..start].to_owned())
        .filter(|unit| !unit.is_empty());
    let colon = layout.skip(layout.range(first.key.span).end);
    let spaced = !layout.json
        || layout.text[colon..]
            .chars()
            .nth(1)
            .is_none_or(char::is_whitespace);
    (unit, spaced)
}
