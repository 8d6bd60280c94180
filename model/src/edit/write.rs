//! A draft as splices of text: block style.
//!
//! New lines go directly behind the last line of the member before them, so comments above the next
//! member stay with it; at the front they go directly below the line of the key.

use core::ops::Range;

use serde_json::Value;

use super::draft::{Draft, Slot};
use super::emit::{Emit, pad};
use super::layout::{Layout, Member, is_absent, is_block};
use super::quote::{self, Context};
use super::style::Style;
use crate::diagnostic::Diagnostic;
use crate::yaml::{Kind, Node};

/// Bytes of the document and what takes their place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Splice {
    pub(super) range: Range<usize>,
    pub(super) text: String,
}

/// Turns drafts into splices.
pub(super) struct Writer<'a> {
    pub(super) layout: &'a Layout<'a>,
    pub(super) style: Style,
    pub(super) splices: Vec<Splice>,
}

/// What a value hangs on.
#[derive(Clone, Debug)]
pub(super) enum Holder {
    Root,
    /// A key without braces in `column`, whose colon ends at `header`.
    Key {
        column: usize,
        header: usize,
    },
    /// A dash in `column`, which ends at `header`.
    Item {
        column: usize,
        header: usize,
    },
    /// Something in brackets; `header` as in [`Member`], `pad` what the lines of its neighbours
    /// begin with if each has its own.
    Bracketed {
        header: usize,
        colon: bool,
        pad: Option<String>,
        context: Context,
    },
}

// === impl Writer ===

impl Writer<'_> {
    pub(super) fn draft(
        &mut self,
        holder: &Holder,
        node: &Node,
        draft: &Draft<'_>,
    ) -> Result<(), Diagnostic> {
        match draft {
            Draft::Kept(_) => Ok(()),
            Draft::New(value) => self.replace(holder, node, value),
            Draft::Written(text) => self.written(holder, node, text),
            Draft::Open { slots, .. } if slots.iter().all(|slot| slot.old.is_none()) => {
                self.replace(holder, node, &draft.to_value())
            }
            Draft::Open { slots, .. } if self.layout.is_bracketed(node) => {
                self.brackets(holder, node, slots)
            }
            Draft::Open { slots, .. } => self.lines(holder, node, slots),
        }
    }

    pub(super) fn splice(&mut self, range: Range<usize>, text: impl Into<String>) {
        let text = text.into();
        if !range.is_empty() || !text.is_empty() {
            self.splices.push(Splice { range, text });
        }
    }

    /// Writes what goes to `at`, with the line break of the line it follows.
    pub(super) fn emit(&self, at: usize, literal: bool) -> Emit<'_> {
        Emit {
            style: &self.style,
            line_break: self.layout.line_break_near(at).unwrap_or("\n"),
            literal,
        }
    }

    /// The members of a block collection.
    fn lines(
        &mut self,
        holder: &Holder,
        node: &Node,
        slots: &[Slot<'_>],
    ) -> Result<(), Diagnostic> {
        let members = self.layout.members(node)?;
        let first = members[0].start;
        let column = self.layout.column(first);
        let list = node.items().is_some();
        let style = self.style.clone();
        if list {
            self.join(holder, node, &members[0]);
        }
        let mut before = None;
        for slot in slots {
            let Some(old) = slot.old else {
                self.add_lines(holder, node, &members, before, column, slot);
                continue;
            };
            before = Some(old);
            let header = members[old].header;
            let holder = match list {
                true => Holder::Item { column, header },
                false => Holder::Key { column, header },
            };
            self.draft(&holder, child(node, old), &slot.value)?;
        }
        for old in removed(slots, 0..members.len()) {
            self.remove_lines(&members, old);
        }
        self.style = style;
        Ok(())
    }

    /// Takes over the habits of the list that something joins.
    fn join(&mut self, holder: &Holder, node: &Node, first: &Member) {
        if let Holder::Key { column, .. } = holder {
            let list = self.layout.column(first.start).checked_sub(*column);
            self.style.list = list.unwrap_or(self.style.list);
        }
        let item = self.layout.node_start(child(node, 0));
        if !is_absent(child(node, 0)) && self.layout.line_end(first.start) >= item {
            self.style.dash = item - first.start;
        }
    }

    fn add_lines(
        &mut self,
        holder: &Holder,
        node: &Node,
        members: &[Member],
        before: Option<usize>,
        column: usize,
        slot: &Slot<'_>,
    ) {
        let first = members[0].start;
        let inline = before.is_none() && !self.layout.begins_line(first);
        let at = match (before, holder) {
            (Some(before), _) => self.layout.next_line(members[before].end),
            (None, _) if inline => first,
            (None, Holder::Key { header, .. } | Holder::Item { header, .. }) => {
                let header = self.layout.properties_end(node, *header);
                self.layout.next_line(header)
            }
            (None, _) => self.layout.line_start(first),
        };
        let emit = self.emit(at, !inline && self.ends_block(at));
        let mut text = String::new();
        if !inline {
            pad(column, &mut text);
        }
        let value = slot.value.to_value();
        match &slot.key {
            Some(key) => emit.entry(key, &value, column, &mut text),
            None => emit.item(&value, column, &mut text),
        }
        if inline {
            pad(column, &mut text);
        }
        self.splice(at..at, text);
    }

    /// Whether a block scalar that ends before `at` would end there: what follows must not look
    /// like one of its lines.
    fn ends_block(&self, at: usize) -> bool {
        let mut at = at;
        while self.layout.line_end(at) == at && at < self.layout.text.len() {
            at = self.layout.next_line(at);
        }
        let content = self.layout.blanks(at);
        at == self.layout.text.len()
            || !matches!(self.layout.byte(content), None | Some(b'#' | b'\n' | b'\r'))
    }

    fn remove_lines(&mut self, members: &[Member], old: usize) {
        let Member { start, end, .. } = members[old];
        if self.layout.begins_line(start) {
            let lines = self.layout.line_start(start)..self.layout.next_line(end);
            return self.splice(lines, "");
        }
        // It stands behind a dash: what follows moves up to there.
        let next = self.layout.next_line(end);
        self.splice(start..self.layout.blanks(next), "");
    }

    /// The whole of `node` gets another value.
    fn replace(&mut self, holder: &Holder, node: &Node, value: &Value) -> Result<(), Diagnostic> {
        if self.layout.is_bracketed(node) && self.has_comment(node) {
            let message = "a comment stands within the brackets that would be replaced";
            return Err(self
                .layout
                .refuse(self.layout.range(node.span), message)
                .help("move the comment out of the brackets"));
        }
        let (header, column) = match holder {
            // Another kind of root could make the text something else, such as JSON.
            Holder::Root if !self.layout.is_bracketed(node) || !same_kind(node, value) => {
                let message = "a whole document is not replaced";
                return Err(self.layout.refuse(self.layout.range(node.span), message));
            }
            Holder::Root | Holder::Bracketed { .. } => return self.bracket(holder, node, value),
            Holder::Key { header, column } | Holder::Item { header, column } => (*header, *column),
        };
        let filled = match value {
            Value::Array(items) => !items.is_empty(),
            Value::Object(map) => !map.is_empty(),
            _ => false,
        };
        let key = matches!(holder, Holder::Key { .. });
        match (filled, is_block(node)) {
            (true, false) => {
                let start = self.layout.node_start(node).max(header);
                let between = &self.layout.text[header..start];
                // A comment between key and value can only stay if the value stays behind it.
                if !is_absent(node) && between.contains('#') {
                    return self.bracket(holder, node, value);
                }
                let end = self.layout.node_end(node, header);
                match key {
                    true => {
                        self.splice(header..end, "");
                        self.lines_below(end, column, value);
                    }
                    false => self.behind_dash(header..end, column, value),
                }
                Ok(())
            }
            (true, true) if key => {
                self.clear(node, header)?;
                let below = self.layout.properties_end(node, header);
                self.lines_below(below, column, value);
                Ok(())
            }
            (true, true) => {
                let end = self.layout.node_end(node, header);
                self.behind_dash(header..end, column, value);
                Ok(())
            }
            (false, _) => self.scalar(holder, node, value),
        }
    }

    /// Lines of a collection below the line of its key, in which `at` is.
    fn lines_below(&mut self, at: usize, column: usize, value: &Value) {
        let at = self.layout.next_line(at);
        let emit = self.emit(at, self.ends_block(at));
        let mut text = String::new();
        let inner = match value {
            Value::Array(_) => column + self.style.list,
            _ => column + self.style.step,
        };
        emit.block(value, inner, &mut text);
        self.splice(at..at, text);
    }

    /// Lines of a collection behind its dash.
    fn behind_dash(&mut self, range: Range<usize>, column: usize, value: &Value) {
        let emit = self.emit(range.start, false);
        let mut text = String::new();
        emit.value_of_dash(value, column, &mut text);
        text.truncate(text.trim_end_matches(['\n', '\r']).len());
        self.splice(range, text);
    }

    /// Takes the lines of a block collection away, and its properties.
    fn clear(&mut self, node: &Node, header: usize) -> Result<(), Diagnostic> {
        let properties = self.layout.properties_end(node, header);
        self.splice(header..properties, "");
        let members = self.layout.members(node)?;
        if !self.layout.begins_line(members[0].start) {
            let message = "a collection that begins in the line of its key is not replaced";
            return Err(self.layout.refuse(self.layout.range(node.span), message));
        }
        for old in 0..members.len() {
            self.remove_lines(&members, old);
        }
        Ok(())
    }

    /// A scalar or an empty collection takes the place of `node`.
    fn scalar(&mut self, holder: &Holder, node: &Node, value: &Value) -> Result<(), Diagnostic> {
        let (header, column, key) = match holder {
            Holder::Key { header, column } => (*header, *column, true),
            Holder::Item { header, column } => (*header, *column, false),
            _ => return self.bracket(holder, node, value),
        };
        let like = match &node.kind {
            Kind::Scalar { style, .. } => Some(*style),
            _ => None,
        };
        let end = self.layout.node_end(node, header);
        if is_block(node) && key {
            self.clear(node, header)?;
            let text = format!(" {}", quote::scalar(value, Context::Block, None));
            self.splice(header..header, text);
            return Ok(());
        }
        let behind = self.layout.next_line(end);
        let literal = matches!(value, Value::String(text) if quote::is_literal(text))
            && self.layout.line_end(end) == end
            && self.ends_block(behind);
        if literal {
            let emit = self.emit(end, literal);
            let mut text = String::new();
            match key {
                true => emit.value_of_key(value, column, &mut text),
                false => emit.value_of_dash(value, column, &mut text),
            }
            self.splice(header..behind, text);
            return Ok(());
        }
        let text = quote::scalar(value, Context::Block, like);
        let start = self.layout.node_start(node);
        if is_absent(node) || is_block(node) || start < header {
            self.splice(header..end, format!(" {text}"));
        } else {
            self.splice(start..end, text);
        }
        Ok(())
    }

    /// The form that an empty collection had before it was filled.
    fn written(&mut self, holder: &Holder, node: &Node, text: &str) -> Result<(), Diagnostic> {
        let header = match holder {
            Holder::Key { header, .. } if is_block(node) => {
                self.clear(node, *header)?;
                self.splice(*header..*header, text);
                return Ok(());
            }
            Holder::Root => self.layout.node_start(node),
            Holder::Key { header, .. }
            | Holder::Item { header, .. }
            | Holder::Bracketed { header, .. } => *header,
        };
        self.splice(header..self.layout.node_end(node, header), text);
        Ok(())
    }
}

/// Whether both are objects, or both lists.
fn same_kind(node: &Node, value: &Value) -> bool {
    match node.kind {
        Kind::Mapping { .. } => value.is_object(),
        Kind::Sequence { .. } => value.is_array(),
        Kind::Scalar { .. } | Kind::Alias(_) => false,
    }
}

/// The value of the entry or item at `index`.
pub(super) fn child(node: &Node, index: usize) -> &Node {
    match &node.kind {
        Kind::Sequence { items, .. } => &items[index],
        Kind::Mapping { entries, .. } => &entries[index].value,
        Kind::Scalar { .. } | Kind::Alias(_) => node,
    }
}

/// Members of `range` that no slot keeps.
pub(super) fn removed(slots: &[Slot<'_>], range: Range<usize>) -> impl Iterator<Item = usize> {
    let mut kept = slots.iter().filter_map(|slot| slot.old).peekable();
    range.filter(move |index| {
        while kept.peek().is_some_and(|old| old < index) {
            kept.next();
        }
        kept.peek() != Some(index)
    })
}
