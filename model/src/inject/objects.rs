//! The objects of a document that make pods, and those that look as if they did.
//!
//! Reading is lenient: documents without a kind, lists of patches and whatever else stands in a
//! manifest file belong to somebody and pass.

use core::fmt;

use super::kinds::Kinds;
use crate::document::Document;
use crate::edit::Pointer;
use crate::meta::DEFAULT_NAMESPACE;
use crate::yaml::{Node, Step};

/// Lists within lists that are followed: the API server itself refuses more than one.
const LIST_DEPTH_MAX: usize = 4;

/// What an object is, as reports name it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Name {
    pub group: String,
    pub kind: String,
    pub namespace: String,
    pub name: String,
}

/// An object of a document.
#[derive(Debug)]
pub(super) struct Found<'a> {
    pub(super) name: Name,
    /// Its place in the document.
    pub(super) at: Pointer,
    pub(super) node: &'a Node,
    pub(super) role: Role<'a>,
}

/// What becomes of it.
#[derive(Debug)]
pub(super) enum Role<'a> {
    /// It makes pods from the template at this path; empty for the object itself.
    Workload(Vec<&'a str>),
    Namespace,
    /// It has what looks like a pod template, and its kind is not known.
    Unknown(&'static str),
    Other,
}

/// What an item may leave out, as the list says it.
#[derive(Clone, Copy, Default)]
struct Head<'a> {
    version: &'a str,
    kind: &'a str,
}

/// The objects of `document`, lists taken apart, in their order. `namespace` is that of objects
/// which name none.
pub(super) fn find<'a>(
    document: &'a Document,
    kinds: &'a Kinds,
    namespace: &str,
) -> Vec<Found<'a>> {
    let mut found = Vec::new();
    let search = Search { kinds, namespace };
    search.collect(
        &document.root,
        Pointer::root(),
        Head::default(),
        0,
        &mut found,
    );
    found
}

struct Search<'a, 'b> {
    kinds: &'a Kinds,
    namespace: &'b str,
}

// === impl Search ===

impl<'a> Search<'a, '_> {
    fn collect(
        &self,
        node: &'a Node,
        at: Pointer,
        list: Head<'a>,
        depth: usize,
        into: &mut Vec<Found<'a>>,
    ) {
        let text = |key: &str| node.get(key).and_then(Node::as_str).unwrap_or_default();
        let mut head = Head {
            version: text("apiVersion"),
            kind: text("kind"),
        };
        // An item of a typed list may leave out what the list already says.
        let item_kind = list.kind.strip_suffix("List").unwrap_or_default();
        if head.kind.is_empty() && !item_kind.is_empty() {
            head.kind = item_kind;
        }
        if head.version.is_empty() && !item_kind.is_empty() {
            head.version = list.version;
        }
        if head.kind.is_empty() {
            return;
        }
        let items = node.get("items").and_then(Node::items);
        if let (true, Some(items)) = (head.kind.ends_with("List"), items) {
            if depth < LIST_DEPTH_MAX {
                for (index, item) in items.iter().enumerate() {
                    let at = at.clone().key("items").index(index);
                    self.collect(item, at, head, depth + 1, into);
                }
            }
            return;
        }
        let group = head.version.split_once('/').map_or("", |(group, _)| group);
        into.push(Found {
            name: self.name(node, group, head.kind),
            at,
            node,
            role: self.role(node, group, head.kind),
        });
    }

    fn name(&self, node: &Node, group: &str, kind: &str) -> Name {
        let meta = |key: &str| {
            let value = node.at(&[Step::Key("metadata"), Step::Key(key)]);
            let text = value.and_then(Node::as_str).unwrap_or_default();
            text.to_owned()
        };
        let written = meta("namespace");
        let name = match (meta("name"), meta("generateName")) {
            (name, generated) if name.is_empty() => generated,
            (name, _) => name,
        };
        Name {
            group: group.to_owned(),
            kind: kind.to_owned(),
            namespace: match &*written {
                "" if self.namespace.is_empty() => DEFAULT_NAMESPACE.to_owned(),
                "" => self.namespace.to_owned(),
                _ => written,
            },
            name,
        }
    }

    fn role(&self, node: &Node, group: &str, kind: &str) -> Role<'a> {
        if let Some(path) = self.kinds.template(group, kind) {
            return Role::Workload(path);
        }
        if (group, kind) == ("", "Namespace") {
            return Role::Namespace;
        }
        // Core kinds are known; those of other groups may make pods all the same.
        let containers = ["spec", "template", "spec", "containers"].map(Step::Key);
        let looks = node.at(&containers).and_then(Node::items).is_some();
        if looks && !group.is_empty() {
            Role::Unknown(".spec.template")
        } else {
            Role::Other
        }
    }
}

// === impl Found ===

impl<'a> Found<'a> {
    /// The pod template of a workload.
    pub(super) fn template(&self) -> Option<&'a Node> {
        let Role::Workload(path) = &self.role else {
            return None;
        };
        path.iter().try_fold(self.node, |node, key| node.get(key))
    }
}

// === impl Name ===

impl fmt::Display for Name {
    /// `Deployment shop/web`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
    }
}
