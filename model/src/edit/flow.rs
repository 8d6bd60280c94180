//! A draft as splices of text: brackets and braces, in YAML and in JSON.
//!
//! Members on one line get neighbours on that line; members on lines of their own get lines. Commas
//! stand at the end of content, so a comment behind a member stays behind it.

use core::ops::Range;

use serde_json::Value;

use super::draft::Slot;
use super::emit::Brackets;
use super::layout::{Layout, Member, is_absent};
use super::quote::Context;
use super::write::{Holder, Writer, child};
use crate::diagnostic::Diagnostic;
use crate::yaml::{Kind, Node, Style};

/// Members between two that stay: what goes and what comes.
struct Gap<'s, 'a> {
    /// The member before that stays.
    before: Option<usize>,
    gone: Range<usize>,
    new: &'s [Slot<'a>],
}

/// How the members of one pair of brackets are written.
struct Manner {
    context: Context,
    /// What their lines begin with, if they have lines of their own.
    pad: Option<String>,
}

// === impl Writer ===

impl Writer<'_> {
    /// The members of a collection in brackets.
    pub(super) fn brackets(
        &mut self,
        holder: &Holder,
        node: &Node,
        slots: &[Slot<'_>],
    ) -> Result<(), Diagnostic> {
        let members = self.layout.members(node)?;
        let manner = Manner::of(self.layout, holder, node, &members);
        for slot in slots {
            let Some(old) = slot.old else { continue };
            let holder = Holder::Bracketed {
                header: members[old].header,
                colon: members[old].colon,
                pad: manner.pad.clone(),
                context: manner.context,
            };
            self.draft(&holder, child(node, old), &slot.value)?;
        }
        for gap in gaps(slots, members.len()) {
            self.gap(&members, &manner, &gap);
        }
        Ok(())
    }

    /// What comes takes the place of what goes, as far as there are as many.
    fn gap(&mut self, members: &[Member], manner: &Manner, gap: &Gap<'_, '_>) {
        let both = gap.gone.len().min(gap.new.len());
        for (old, slot) in gap.gone.clone().zip(gap.new) {
            let text = self.member_text(members[old].start, manner, slot);
            self.splice(members[old].start..members[old].end, text);
        }
        let rest = gap.gone.start + both..gap.gone.end;
        if !rest.is_empty() {
            self.take_out(members, manner, rest);
        }
        let last = match both {
            0 => gap.before,
            _ => Some(gap.gone.start + both - 1),
        };
        if both < gap.new.len() {
            self.put_in(members, manner, last, &gap.new[both..]);
        }
    }

    fn put_in(
        &mut self,
        members: &[Member],
        manner: &Manner,
        before: Option<usize>,
        new: &[Slot<'_>],
    ) {
        let near = members[before.unwrap_or(0)].start;
        let line_break = self.layout.line_break_near(near).unwrap_or("\n");
        let texts: Vec<String> = new
            .iter()
            .map(|slot| self.member_text(near, manner, slot))
            .collect();
        let comma = if self.is_spaced(manner) { ", " } else { "," };
        let Some(before) = before else {
            let first = members[0].start;
            match &manner.pad {
                Some(pad) => {
                    let separator = format!("{line_break}{pad}");
                    let at = self.line_before(first);
                    let lines = texts.iter().map(|text| format!("{separator}{text},"));
                    self.splice(at..at, lines.collect::<String>());
                }
                None => self.splice(first..first, texts.join(comma) + comma),
            }
            return;
        };
        let member = &members[before];
        let content = member.comma.map_or(member.end, |comma| comma + 1);
        match &manner.pad {
            Some(pad) if self.layout.ends_line(content) => {
                let separator = format!("{line_break}{pad}");
                let lines = texts.join(&format!(",{separator}"));
                let at = self.layout.line_end(content);
                if member.comma.is_some() {
                    self.splice(at..at, format!("{separator}{lines},"));
                } else {
                    self.splice(member.end..member.end, ",");
                    self.splice(at..at, separator + &lines);
                }
            }
            _ => {
                let at = member.end;
                self.splice(at..at, comma.to_owned() + &texts.join(comma));
            }
        }
    }

    fn take_out(&mut self, members: &[Member], manner: &Manner, run: Range<usize>) {
        let (first, last) = (&members[run.start], &members[run.end - 1]);
        let before = run.start.checked_sub(1).map(|at| &members[at]);
        let content = last.comma.map_or(last.end, |comma| comma + 1);
        if manner.pad.is_none() || !self.layout.begins_line(first.start) {
            return self.take_out_of_line(before, first, last);
        }
        if !self.layout.ends_line(content) {
            if last.comma.is_none() {
                return self.take_out_of_line(before, first, last);
            }
            // The next member stands in the same line and moves to its beginning.
            return self.splice(first.start..self.layout.blanks(content), "");
        }
        if last.comma.is_none()
            && let Some(comma) = before.and_then(|before| before.comma)
        {
            self.splice(comma..comma + 1, "");
        }
        let start = self.line_before(first.start);
        self.splice(start..self.layout.line_end(content), "");
    }

    /// The exact inverse of what [`Writer::put_in`] does within a line.
    fn take_out_of_line(&mut self, before: Option<&Member>, first: &Member, last: &Member) {
        let content = last.comma.map_or(last.end, |comma| comma + 1);
        let Some(before) = before else {
            let next = self.layout.blanks(content);
            return self.splice(first.start..next, "");
        };
        if !self.layout.text[before.end..first.start].contains('#') {
            return self.splice(before.end..last.end, "");
        }
        // A comment stands between the two, and stays.
        if let (None, Some(comma)) = (last.comma, before.comma) {
            self.splice(comma..comma + 1, "");
        }
        self.splice(first.start..content, "");
    }

    /// The whole of `node` gets a value in brackets, or a scalar.
    pub(super) fn bracket(
        &mut self,
        holder: &Holder,
        node: &Node,
        value: &Value,
    ) -> Result<(), Diagnostic> {
        let range = self.layout.range(node.span);
        let (header, colon, pad, context) = match holder {
            Holder::Bracketed {
                header,
                colon,
                pad,
                context,
            } => (*header, *colon, pad.as_deref(), *context),
            Holder::Key { header, .. } | Holder::Item { header, .. } => {
                (*header, true, None, Context::Flow)
            }
            Holder::Root if self.layout.json => (range.start, true, None, Context::Json),
            Holder::Root => (range.start, true, None, Context::Flow),
        };
        let brackets = Brackets {
            context,
            pad: pad.filter(|_| context == Context::Json),
        };
        let like = match &node.kind {
            Kind::Scalar { style, .. } => Some(*style),
            _ => None,
        };
        let mut text = String::new();
        match value {
            Value::String(string) => text += &super::quote::string(string, context, like),
            _ => {
                let emit = self.emit(range.start, false);
                emit.flow(value, brackets, &mut text);
            }
        }
        let end = self.layout.node_end(node, header);
        if is_absent(node) {
            if !colon {
                // Taken away again, it would leave a colon.
                let message = "a key without colon gets no value";
                return Err(self
                    .layout
                    .refuse(header..header, message)
                    .help("write a colon behind the key"));
            }
            self.splice(header..end, format!(" {text}"));
        } else {
            self.splice(self.layout.node_start(node)..end, text);
        }
        Ok(())
    }

    fn member_text(&self, at: usize, manner: &Manner, slot: &Slot<'_>) -> String {
        let emit = self.emit(at, false);
        let pretty = manner.pad.as_deref();
        let brackets = Brackets {
            context: manner.context,
            pad: pretty.filter(|_| manner.context == Context::Json),
        };
        let mut text = String::new();
        let key = slot.key.as_deref();
        emit.member(key, &slot.value.to_value(), brackets, &mut text);
        text
    }

    fn is_spaced(&self, manner: &Manner) -> bool {
        self.style.spaced || manner.context == Context::Flow
    }

    /// Where the line before the one of `at` ends.
    fn line_before(&self, at: usize) -> usize {
        let start = self.layout.line_start(at);
        let before = &self.layout.text[..start];
        let before = before.strip_suffix('\n').unwrap_or(before);
        before.strip_suffix('\r').unwrap_or(before).len()
    }

    /// Whether a comment stands directly in the brackets of `node`. An alias or a scalar has none.
    pub(super) fn has_comment(&self, node: &Node) -> bool {
        let range = self.layout.range(node.span);
        let mut at = range.start + 1;
        let Ok(members) = self.layout.members(node) else {
            return true;
        };
        let hides = |range: Range<usize>| self.layout.text[range].contains('#');
        for member in members {
            if hides(at..member.start) {
                return true;
            }
            at = member.end;
        }
        hides(at..range.end)
    }
}

// === impl Manner ===

impl Manner {
    fn of(layout: &Layout<'_>, holder: &Holder, node: &Node, members: &[Member]) -> Self {
        let first = members[0].start;
        let pad = layout
            .begins_line(first)
            .then(|| layout.text[layout.line_start(first)..first].to_owned());
        let outer = match holder {
            Holder::Bracketed { context, .. } => *context,
            _ => Context::Flow,
        };
        let quoted = |node: &Node| {
            matches!(
                node.kind,
                Kind::Scalar {
                    style: Style::DoubleQuoted,
                    ..
                }
            )
        };
        let like_json = match &node.kind {
            Kind::Mapping { entries, .. } => entries.iter().all(|entry| quoted(&entry.key)),
            Kind::Sequence { items, .. } => items.iter().all(quoted),
            _ => false,
        };
        let json = layout.json || outer == Context::Json || like_json;
        let context = if json { Context::Json } else { Context::Flow };
        Self { context, pad }
    }
}

/// What happens before, between and behind the members that stay.
fn gaps<'s, 'a>(slots: &'s [Slot<'a>], count: usize) -> Vec<Gap<'s, 'a>> {
    let mut gaps = Vec::new();
    let mut before = None;
    let mut from = 0;
    let kept = slots.iter().enumerate();
    let kept = kept.filter_map(|(at, slot)| Some((at, slot.old?)));
    for (at, old) in kept.chain([(slots.len(), count)]) {
        let start = before.map_or(0, |before| before + 1);
        gaps.push(Gap {
            before,
            gone: start..old,
            new: &slots[from..at],
        });
        before = Some(old);
        from = at + 1;
    }
    gaps
}
