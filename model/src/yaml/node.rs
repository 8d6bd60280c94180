//! The tree of a document: values, and the bytes they were written with.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value;

use super::resolve;
use super::{Scalar, Span};

/// One value of a document.
#[derive(Clone, Debug)]
pub struct Node {
    pub kind: Kind,
    /// The bytes of the content, without anchor and tag. Quoted scalars include their quotes, flow
    /// collections their brackets, block scalars reach from their indicator to the line break of
    /// their last line, block sequences begin at their first dash. Empty for a value that is not
    /// written (`key:`).
    pub span: Span,
    /// Anchor and tag, which few nodes have.
    pub(super) properties: Option<Box<Properties>>,
}

/// What a node is.
#[derive(Clone, Debug)]
pub enum Kind {
    Scalar {
        value: Scalar,
        /// The text after unescaping and folding; the value itself when `value` is `Str`.
        text: Box<str>,
        style: Style,
    },
    Sequence {
        items: Vec<Node>,
        /// Written as `[…]`.
        flow: bool,
    },
    Mapping {
        entries: Vec<Entry>,
        /// Written as `{…}`.
        flow: bool,
    },
    /// `*name`: the value of an anchored node of the same document.
    Alias(Arc<Node>),
}

/// A key and its value. Equal keys may repeat: the last one counts.
#[derive(Clone, Debug)]
pub struct Entry {
    pub key: Node,
    pub value: Node,
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    /// `|`
    Literal,
    /// `>`
    Folded,
}

/// `&name` before a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// The bytes of `&name`.
    pub span: Span,
    /// How often an alias refers to it. An editor must not change a node that is used elsewhere.
    pub uses: u32,
}

/// A step from a node to one of its children.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

/// Anchor and tag of a node.
#[derive(Clone, Debug, Default)]
pub(super) struct Properties {
    pub(super) anchor: Option<Anchor>,
    pub(super) tag: Option<Span>,
}

// === impl Node ===

impl Node {
    /// The node itself, or what it is an alias of.
    pub fn resolved(&self) -> &Self {
        let mut node = self;
        while let Kind::Alias(target) = &node.kind {
            node = target;
        }
        node
    }

    /// The anchor defined on this node.
    pub fn anchor(&self) -> Option<&Anchor> {
        self.properties.as_ref()?.anchor.as_ref()
    }

    /// The bytes of an explicit tag such as `!!str`.
    pub fn tag(&self) -> Option<Span> {
        self.properties.as_ref()?.tag
    }

    pub fn is_alias(&self) -> bool {
        matches!(self.kind, Kind::Alias(_))
    }

    pub fn is_null(&self) -> bool {
        matches!(self.scalar(), Some((Scalar::Null, _)))
    }

    /// Value and text of a scalar, aliases followed.
    pub fn scalar(&self) -> Option<(Scalar, &str)> {
        match &self.resolved().kind {
            Kind::Scalar { value, text, .. } => Some((*value, text)),
            _ => None,
        }
    }

    /// The text of a scalar that is a string, aliases followed.
    pub fn as_str(&self) -> Option<&str> {
        match self.scalar() {
            Some((Scalar::Str, text)) => Some(text),
            _ => None,
        }
    }

    /// The items of a sequence, aliases followed.
    pub fn items(&self) -> Option<&[Self]> {
        match &self.resolved().kind {
            Kind::Sequence { items, .. } => Some(items),
            _ => None,
        }
    }

    /// The entries of a mapping as written, aliases of the mapping itself followed, merge keys and
    /// repeated keys among them.
    pub fn entries(&self) -> Option<&[Entry]> {
        match &self.resolved().kind {
            Kind::Mapping { entries, .. } => Some(entries),
            _ => None,
        }
    }

    /// The entry that decides the value of `key` in a mapping: the last of equal keys, and merged
    /// entries in the place of their `<<`.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        for entry in self.entries()?.iter().rev() {
            if entry.is_merge() {
                let sources = entry.value.items();
                let found = match sources {
                    Some(sources) => sources.iter().find_map(|source| source.entry(key)),
                    None => entry.value.entry(key),
                };
                if found.is_some() {
                    return found;
                }
            } else if entry.key.key_text().as_deref() == Some(key) {
                return Some(entry);
            }
        }
        None
    }

    /// The value of `key` in a mapping.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The node reached by `path`.
    pub fn at(&self, path: &[Step<'_>]) -> Option<&Self> {
        path.iter().try_fold(self, |node, step| match step {
            Step::Key(key) => node.get(key),
            Step::Index(index) => node.items()?.get(*index),
        })
    }

    /// The text of this node as a mapping key, as JSON prints it; `None` for keys JSON cannot have.
    pub fn key_text(&self) -> Option<Cow<'_, str>> {
        match self.scalar()? {
            (Scalar::Str, text) => Some(Cow::Borrowed(text)),
            (value, text) => resolve::key(value, text).map(Cow::Owned),
        }
    }

    /// The decided entries of a mapping, each key once: merges applied, the last of equal keys. In
    /// the order in which the keys first appear.
    pub fn decided(&self) -> Vec<(Cow<'_, str>, &Entry)> {
        let mut decided = indexmap::IndexMap::new();
        collect(self, &mut decided);
        decided.into_iter().collect()
    }

    /// The value as JSON, as kubectl sends it.
    pub fn to_json(&self) -> Value {
        match &self.kind {
            Kind::Alias(target) => target.to_json(),
            Kind::Scalar { value, text, .. } => match value.as_json() {
                Scalar::Null => Value::Null,
                Scalar::Bool(value) => Value::Bool(value),
                Scalar::Int(value) => Value::from(value),
                Scalar::UInt(value) => Value::from(value),
                Scalar::Float(value) => Value::from(value),
                Scalar::Str => Value::String(text.to_string()),
            },
            Kind::Sequence { items, .. } => items.iter().map(Self::to_json).collect(),
            Kind::Mapping { .. } => Value::Object(
                self.decided()
                    .into_iter()
                    .map(|(key, entry)| (key.into_owned(), entry.value.to_json()))
                    .collect(),
            ),
        }
    }

    /// A few words for messages: `the boolean true`, `a list`, `the string "x"`.
    pub fn describe(&self) -> String {
        const SHOWN_CHARS_MAX: usize = 40;
        let Some((value, text)) = self.scalar() else {
            let list = matches!(self.resolved().kind, Kind::Sequence { .. });
            return if list { "a list" } else { "an object" }.to_owned();
        };
        match value {
            Scalar::Null => "null".to_owned(),
            Scalar::Bool(value) => format!("the boolean {value}"),
            Scalar::Int(value) => format!("the number {value}"),
            Scalar::UInt(value) => format!("the number {value}"),
            Scalar::Float(value) => format!("the number {value}"),
            Scalar::Str => {
                let shown: String = text.chars().take(SHOWN_CHARS_MAX).collect();
                let more = if shown.len() < text.len() { "…" } else { "" };
                format!("the string {:?}", shown + more)
            }
        }
    }
}

/// Adds the entries of `node` in order, so that a later one wins over an earlier one: go-yaml v2
/// gives merged entries no lower rank than written ones.
fn collect<'a>(node: &'a Node, into: &mut indexmap::IndexMap<Cow<'a, str>, &'a Entry>) {
    for entry in node.entries().unwrap_or_default() {
        if !entry.is_merge() {
            if let Some(key) = entry.key.key_text() {
                into.insert(key, entry);
            }
            continue;
        }
        match entry.value.items() {
            // The first source of a list wins, so it is added last.
            Some(sources) => sources
                .iter()
                .rev()
                .for_each(|source| collect(source, into)),
            None => collect(&entry.value, into),
        }
    }
}

// === impl Entry ===

impl Entry {
    /// Whether this is a merge key: a plain `<<`.
    pub fn is_merge(&self) -> bool {
        let Kind::Scalar { text, style, .. } = &self.key.kind else {
            return false;
        };
        *style == Style::Plain && &**text == "<<" && self.key.tag().is_none()
    }
}
