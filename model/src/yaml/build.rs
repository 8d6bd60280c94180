//! Parser events to the tree of one document.
//!
//! The parser's positions are exact for scalars and flow collections. What it does not say is found
//! by walking over the few characters between the last content and the next: the indicator of a
//! block scalar (its span begins after the header), the dash of a sequence without indent (its span
//! begins after the dash), the bytes of anchors and tags.

use std::collections::BTreeMap;
use std::sync::Arc;

use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span as Place, StructureStyle, Tag};

use super::node::{Anchor, Properties};
use super::refuse::{Cause, Refuse};
use super::resolve::{self, Want};
use super::scan::Cursor;
use super::stream::{Format, Piece};
use super::strict;
use super::{
    DEPTH_MAX, EXPANDED_NODES_MAX, Entry, KEY_CHARS_MAX, Kind, NODES_MAX, Node, Scalar, Source,
    Span, Style,
};
use crate::diagnostic::Diagnostic;

const YAML_TAGS: &str = "tag:yaml.org,2002:";

struct Builder<'a> {
    refuse: Refuse<'a>,
    json: bool,
    cursor: Cursor<'a>,
    open: Vec<Frame>,
    /// Finished anchored nodes by the parser's number.
    anchors: BTreeMap<usize, Anchored>,
    root: Option<Node>,
    nodes: usize,
}

/// A collection whose end is still to come.
struct Frame {
    children: Children,
    flow: bool,
    start: u32,
    properties: Option<Box<Properties>>,
    anchor: usize,
    size: Size,
}

enum Children {
    Items(Vec<Node>),
    /// Entries, and a key that waits for its value.
    Entries(Vec<Entry>, Option<Node>),
}

struct Anchored {
    node: Arc<Node>,
    size: Size,
    uses: u32,
}

/// A node's measure with aliases followed.
#[derive(Clone, Copy)]
struct Size {
    nodes: usize,
    /// Of these, nodes that stand elsewhere and are repeated by an alias.
    copied: usize,
    depth: usize,
}

/// The tree of `piece`; `None` when it holds no content or only `null`.
pub(super) fn tree(source: &Arc<Source>, piece: &Piece) -> Result<Option<Node>, Diagnostic> {
    let base = piece.span.range().start;
    let refuse = Refuse { source, base };
    let text = source.slice(piece.span);
    let json = piece.format == Format::Json;
    if !json {
        refuse.forbidden_characters(text)?;
    }
    // kubectl hands the parser whole lines, so the last one gets its line break.
    let completed;
    let text = if text.ends_with('\n') {
        text
    } else {
        completed = format!("{text}\n");
        &completed
    };
    let mut options = granit_parser::options! {
        disallow_directives: true,
        emit_comments: false,
        flow_nesting_limit: DEPTH_MAX,
        block_nesting_limit: DEPTH_MAX,
        // JSON has no such limit; the text itself bounds the key.
        simple_key_max_lookahead: if json { super::BYTES_MAX } else { KEY_CHARS_MAX },
    };
    options.set_emit_comments(false);
    let mut builder = Builder::new(refuse, text, json);
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, place) = event.map_err(|error: ScanError| refuse.syntax(&error))?;
        builder.event(event, place)?;
    }
    let root = builder.finish();
    if !json && let Some(found) = strict::tabs(text, base, root.as_ref()) {
        return Err(refuse.strict(found));
    }
    Ok(root.filter(|root| !root.is_null()))
}

// === impl Size ===

impl Size {
    const ONE: Self = Self {
        nodes: 1,
        copied: 0,
        depth: 1,
    };
}

// === impl Builder ===

impl<'a> Builder<'a> {
    fn new(refuse: Refuse<'a>, text: &'a str, json: bool) -> Self {
        Self {
            refuse,
            json,
            cursor: Cursor::new(text),
            open: Vec::new(),
            anchors: BTreeMap::new(),
            root: None,
            nodes: 0,
        }
    }

    fn event(&mut self, event: Event<'_>, place: Place) -> Result<(), Diagnostic> {
        let range = place.byte_range().unwrap_or(0..0);
        match event {
            Event::DocumentStart(explicit, _) => {
                if self.root.is_some() {
                    return Err(self.refuse.after_end(range.start));
                }
                // Only behind a byte order mark. The span of an implicit start is its content.
                if explicit {
                    self.cursor.advance(range.end);
                }
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.begin(range.start)?;
                let properties = self.properties(anchor != 0, tag.is_some())?;
                let node = self.scalar(&text, style, tag.as_deref(), range, properties)?;
                self.end(node, anchor, Size::ONE)
            }
            Event::SequenceStart(style, anchor, tag) => {
                let children = Children::Items(Vec::new());
                self.open(children, style, anchor, tag.is_some(), range)
            }
            Event::MappingStart(style, anchor, tag) => {
                let children = Children::Entries(Vec::new(), None);
                self.open(children, style, anchor, tag.is_some(), range)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(range),
            Event::Alias(id) => self.alias(id, range),
            _ => Ok(()),
        }
    }

    /// Counts a node and, in a block sequence, passes its dash.
    fn begin(&mut self, at: usize) -> Result<(), Diagnostic> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return Err(self.refuse.too_many_nodes(at));
        }
        if let Some(Frame {
            children: Children::Items(_),
            flow: false,
            ..
        }) = self.open.last()
        {
            self.cursor.pass_dash();
        }
        Ok(())
    }

    fn properties(
        &mut self,
        anchor: bool,
        tag: bool,
    ) -> Result<Option<Box<Properties>>, Diagnostic> {
        if !anchor && !tag {
            return Ok(None);
        }
        let (anchor, tag) = self.cursor.properties(anchor, tag);
        if let Some(range) = &anchor
            && let Some(found) = strict::anchor(self.cursor.text(), range.start, range.end)
        {
            return Err(self.refuse.strict(found));
        }
        let span = |range: core::ops::Range<usize>| self.refuse.span(range.start, range.end);
        Ok(Some(Box::new(Properties {
            anchor: anchor.map(|range| Anchor {
                span: span(range),
                uses: 0,
            }),
            tag: tag.map(span),
        })))
    }

    /// What YAML 1.1 does not take about a scalar or the key it is.
    fn strict(&self, start: usize, end: usize, style: Style) -> Result<(), Diagnostic> {
        let parent = self.open.last();
        let flow = parent.is_some_and(|frame| frame.flow);
        let key = flow
            && matches!(
                parent.map(|frame| &frame.children),
                Some(Children::Entries(_, None))
            );
        let text = self.cursor.text();
        let found = strict::scalar(text, start, end, style, flow).or_else(|| {
            if key {
                strict::key_in_flow(text, end)
            } else {
                None
            }
        });
        found.map_or(Ok(()), |found| Err(self.refuse.strict(found)))
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
        range: core::ops::Range<usize>,
        properties: Option<Box<Properties>>,
    ) -> Result<Node, Diagnostic> {
        let (style, start, end) = match style {
            ScalarStyle::SingleQuoted => (Style::SingleQuoted, range.start, range.end),
            ScalarStyle::DoubleQuoted => (Style::DoubleQuoted, range.start, range.end),
            ScalarStyle::Literal | ScalarStyle::Folded => {
                let literal = matches!(style, ScalarStyle::Literal);
                let style = if literal {
                    Style::Literal
                } else {
                    Style::Folded
                };
                let start = self.cursor.block_indicator().unwrap_or(range.start);
                (style, start, self.cursor.block_end(start, range.end))
            }
            _ => (Style::Plain, range.start, range.end),
        };
        // A value that is not written comes as a tilde without bytes.
        let absent = style == Style::Plain && start == end;
        let text = if absent { "" } else { text };
        self.cursor.advance(end);
        if !self.json {
            self.strict(start, end, style)?;
        }
        let span = self.refuse.span(start, end);
        let (value, decoded) =
            value_of(text, style, tag).map_err(|cause| self.refuse.value(span, cause))?;
        // All that is unquoted in JSON is a number or a word, so this is a number out of range.
        if self.json && style == Style::Plain && value == Scalar::Str {
            return Err(self.refuse.value(span, Cause::NotFinite));
        }
        Ok(Node {
            kind: Kind::Scalar {
                value,
                text: decoded.as_deref().unwrap_or(text).into(),
                style,
            },
            span,
            properties,
        })
    }

    fn open(
        &mut self,
        children: Children,
        style: StructureStyle,
        anchor: usize,
        tag: bool,
        range: core::ops::Range<usize>,
    ) -> Result<(), Diagnostic> {
        self.begin(range.start)?;
        if self.open.len() >= DEPTH_MAX {
            return Err(self.refuse.too_deep(range.start));
        }
        let flow = style == StructureStyle::Flow;
        let properties = self.properties(anchor != 0, tag)?;
        let start = match (&children, flow) {
            (Children::Items(_), false) => self.cursor.find_dash().unwrap_or(range.start),
            _ => range.start,
        };
        if flow {
            self.cursor.advance(range.end);
        }
        self.open.push(Frame {
            children,
            flow,
            start: self.refuse.span(start, start).start,
            properties,
            anchor,
            size: Size::ONE,
        });
        Ok(())
    }

    fn close(&mut self, range: core::ops::Range<usize>) -> Result<(), Diagnostic> {
        let Some(frame) = self.open.pop() else {
            return Ok(());
        };
        let last = match &frame.children {
            Children::Items(items) => items.last().map(|node| node.span.end),
            Children::Entries(entries, _) => entries
                .last()
                .map(|entry| entry.value.span.end.max(entry.key.span.end)),
        };
        let mut end = last.unwrap_or(frame.start).max(frame.start);
        // The end of a block collection is where the next token stands; only brackets have bytes.
        if frame.flow && !range.is_empty() {
            self.cursor.advance(range.end);
            end = self.refuse.span(range.end, range.end).end;
        }
        let flow = frame.flow;
        let kind = match frame.children {
            Children::Items(items) => Kind::Sequence { items, flow },
            Children::Entries(entries, _) => Kind::Mapping { entries, flow },
        };
        let span = Span {
            start: frame.start,
            end,
        };
        let node = Node {
            kind,
            span,
            properties: frame.properties,
        };
        self.end(node, frame.anchor, frame.size)
    }

    fn alias(&mut self, id: usize, range: core::ops::Range<usize>) -> Result<(), Diagnostic> {
        self.begin(range.start)?;
        self.cursor.advance(range.end);
        let span = self.refuse.span(range.start, range.end);
        let Some(anchored) = self.anchors.get_mut(&id) else {
            return Err(self.refuse.contains_itself(span));
        };
        anchored.uses += 1;
        let size = Size {
            copied: anchored.size.nodes,
            ..anchored.size
        };
        let node = Node {
            kind: Kind::Alias(Arc::clone(&anchored.node)),
            span,
            properties: None,
        };
        self.end(node, 0, size)
    }

    /// Gives a finished node to its parent.
    fn end(&mut self, node: Node, anchor: usize, size: Size) -> Result<(), Diagnostic> {
        let span = node.span;
        if anchor != 0 {
            // The copy keeps the tree free of shared parts that an editor would have to untangle;
            // it counts, so that anchors within anchors cannot multiply without bound.
            self.nodes += size.nodes;
            if self.nodes > NODES_MAX {
                return Err(self.refuse.too_many_nodes(span.range().start));
            }
            let node = Arc::new(node.clone());
            self.anchors.insert(
                anchor,
                Anchored {
                    node,
                    size,
                    uses: 0,
                },
            );
        }
        let ancestors = self.open.len().saturating_sub(1);
        let Some(parent) = self.open.last_mut() else {
            check_value(&node).map_err(|cause| self.refuse.value(span, cause))?;
            self.root = Some(node);
            return Ok(());
        };
        parent.size.nodes = parent.size.nodes.saturating_add(size.nodes);
        parent.size.copied = parent.size.copied.saturating_add(size.copied);
        parent.size.depth = parent.size.depth.max(size.depth + 1);
        if parent.size.copied > EXPANDED_NODES_MAX {
            return Err(self.refuse.excessive_aliasing(span));
        }
        if parent.size.depth + ancestors > DEPTH_MAX {
            return Err(self.refuse.too_deep(span.range().start));
        }
        parent
            .children
            .push(node)
            .map_err(|cause| self.refuse.value(span, cause))
    }

    fn finish(self) -> Option<Node> {
        let mut root = self.root?;
        let uses: BTreeMap<u32, u32> = self
            .anchors
            .values()
            .filter(|anchored| anchored.uses > 0)
            .filter_map(|anchored| Some((anchored.node.anchor()?.span.start, anchored.uses)))
            .collect();
        if !uses.is_empty() {
            count_uses(&mut root, &uses);
        }
        Some(root)
    }
}

// === impl Children ===

impl Children {
    fn push(&mut self, node: Node) -> Result<(), Cause> {
        match self {
            Self::Items(items) => {
                check_value(&node)?;
                items.push(node);
            }
            Self::Entries(entries, waiting) => match waiting.take() {
                None => {
                    check_key(&node)?;
                    *waiting = Some(node);
                }
                Some(key) => {
                    check_value(&node)?;
                    let entry = Entry { key, value: node };
                    if entry.is_merge() && !is_merge_source(&entry.value) {
                        return Err(Cause::Merge);
                    }
                    entries.push(entry);
                }
            },
        }
        Ok(())
    }
}

/// Value of a scalar, and its text where that is not the text itself.
fn value_of(
    text: &str,
    style: Style,
    tag: Option<&Tag>,
) -> Result<(Scalar, Option<String>), Cause> {
    let Some(tag) = tag else {
        return Ok(match style {
            Style::Plain => (resolve::plain(text), None),
            _ => (Scalar::Str, None),
        });
    };
    let name = tag.suffix_in_namespace(YAML_TAGS);
    let (want, name) = match name.as_deref() {
        Some("bool") => (Want::Bool, "!!bool"),
        Some("int") => (Want::Int, "!!int"),
        Some("float") => (Want::Float, "!!float"),
        Some("null") => (Want::Null, "!!null"),
        Some("timestamp") => (Want::Timestamp, "!!timestamp"),
        Some("binary") => {
            let bytes = resolve::base64(text).ok_or(Cause::Base64)?;
            return Ok((
                Scalar::Str,
                Some(String::from_utf8_lossy(&bytes).into_owned()),
            ));
        }
        // Any other tag says nothing to go-yaml: the text is a string.
        _ => return Ok((Scalar::Str, None)),
    };
    let value = resolve::tagged(want, text).ok_or(Cause::Tag(name))?;
    Ok((value, None))
}

fn check_key(node: &Node) -> Result<(), Cause> {
    match node.scalar() {
        None => Err(Cause::CollectionKey),
        Some((Scalar::Null, _)) => Err(Cause::NullKey),
        Some(_) => Ok(()),
    }
}

/// JSON has no infinity.
fn check_value(node: &Node) -> Result<(), Cause> {
    match node.scalar() {
        Some((Scalar::Float(value), _)) if !value.is_finite() => Err(Cause::NotFinite),
        _ => Ok(()),
    }
}

/// A mapping, or a list of mappings.
fn is_merge_source(node: &Node) -> bool {
    match node.items() {
        Some(items) => items.iter().all(|item| item.entries().is_some()),
        None => node.entries().is_some(),
    }
}

/// Writes into each anchor of the tree how often it is referred to, given by its first byte.
fn count_uses(node: &mut Node, anchors: &BTreeMap<u32, u32>) {
    if let Some(properties) = &mut node.properties
        && let Some(anchor) = &mut properties.anchor
    {
        anchor.uses = anchors.get(&anchor.span.start).copied().unwrap_or(0);
    }
    match &mut node.kind {
        Kind::Sequence { items, .. } => {
            for item in items {
                count_uses(item, anchors);
            }
        }
        Kind::Mapping { entries, .. } => {
            for entry in entries {
                count_uses(&mut entry.key, anchors);
                count_uses(&mut entry.value, anchors);
            }
        }
        Kind::Scalar { .. } | Kind::Alias(_) => {}
    }
}
