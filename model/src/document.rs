//! Documents, and the objects in them.

use std::sync::Arc;

use engine::origin::{Origin, Place};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::check::Code;
use crate::decode;
use crate::diagnostic::{Diagnostic, Subject};
use crate::edit::Pointer;
use crate::meta::{self, ObjectMeta};
use crate::yaml::{Node, Piece, Source, Span, Step};

/// One document of a file.
#[derive(Clone, Debug)]
pub struct Document {
    pub source: Arc<Source>,
    /// Position among the documents of the file that hold something, from 0.
    pub index: usize,
    pub root: Arc<Node>,
    /// The bytes it is read from.
    pub(crate) piece: Piece,
}

/// The head of any object: what it is, what it is called, where it stands.
#[derive(Clone, Debug)]
pub struct Object {
    pub api_version: String,
    pub kind: String,
    pub meta: ObjectMeta,
    pub document: Arc<Document>,
    /// Indexes into `items` of the lists around it; empty for most objects.
    path: Vec<usize>,
}

/// The fields that every object has.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    #[serde(default)]
    api_version: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    metadata: ObjectMeta,
}

/// Lists within lists that are followed: the API server itself refuses more than one.
const LIST_DEPTH_MAX: usize = 4;

// === impl Document ===

impl Document {
    pub(crate) fn new(source: Arc<Source>, index: usize, piece: Piece, root: Node) -> Self {
        Self {
            source,
            index,
            root: Arc::new(root),
            piece,
        }
    }

    /// The bytes of the document, comments included, without the separators around it.
    pub fn span(&self) -> Span {
        self.piece.span
    }

    /// The node reached by `path` from the root.
    pub fn at(&self, path: &[Step<'_>]) -> Option<&Node> {
        self.root.at(path)
    }

    /// The document as kubectl would send it.
    pub fn to_json(&self) -> Value {
        self.root.to_json()
    }

    /// Line of the first byte of `span`, from 1.
    pub fn line(&self, span: Span) -> u32 {
        self.source.line(span.start)
    }
}

// === impl Object ===

impl Object {
    /// The objects of `document`: one, or the items of a list kind (`List`, `DeploymentList`, …),
    /// in the order in which they stand.
    ///
    /// # Errors
    /// A document that is no object, a missing `apiVersion` or `kind`, or a wrong type in
    /// `metadata`.
    pub fn read(document: Document) -> Result<Vec<Self>, Diagnostic> {
        let document = Arc::new(document);
        let mut objects = Vec::new();
        Self::collect(
            &document,
            &document.root,
            &mut Vec::new(),
            None,
            &mut objects,
        )?;
        Ok(objects)
    }

    fn collect(
        document: &Arc<Document>,
        node: &Node,
        path: &mut Vec<usize>,
        list: Option<&Header>,
        into: &mut Vec<Self>,
    ) -> Result<(), Diagnostic> {
        let mut header = header(document, node)?;
        // An item of a typed list may leave out what the list already says.
        if let Some(list) = list
            && let Some(item_kind) = list.kind.strip_suffix("List")
        {
            if header.kind.is_empty() && !item_kind.is_empty() {
                item_kind.clone_into(&mut header.kind);
            }
            if header.api_version.is_empty() && !item_kind.is_empty() {
                header.api_version.clone_from(&list.api_version);
            }
        }
        for (field, value) in [("apiVersion", &header.api_version), ("kind", &header.kind)] {
            if value.is_empty() {
                return Err(missing(document, node, field));
            }
        }
        if header.kind.ends_with("List")
            && let Some(items) = node.get("items").and_then(Node::items)
        {
            if path.len() >= LIST_DEPTH_MAX {
                let message = format!("lists within lists, more than {LIST_DEPTH_MAX} deep");
                let error = Diagnostic::error(message).code(Code::Schema);
                return Err(error.at(&document.source, node.span));
            }
            for (index, item) in items.iter().enumerate() {
                path.push(index);
                Self::collect(document, item, path, Some(&header), into)?;
                path.pop();
            }
            return Ok(());
        }
        into.push(Self {
            api_version: header.api_version,
            kind: header.kind,
            meta: header.metadata,
            document: Arc::clone(document),
            path: path.clone(),
        });
        Ok(())
    }

    /// API group; empty for the core group.
    pub fn group(&self) -> &str {
        self.api_version
            .split_once('/')
            .map_or("", |(group, _)| group)
    }

    pub fn version(&self) -> &str {
        self.api_version
            .split_once('/')
            .map_or(&self.api_version, |(_, version)| version)
    }

    pub fn name(&self) -> &str {
        &self.meta.name
    }

    /// The namespace that holds: the one written, else `default`; empty for kinds known to be
    /// cluster-scoped.
    pub fn namespace(&self) -> &str {
        if meta::is_cluster_scoped(self.group(), &self.kind) {
            return "";
        }
        match self.meta.namespace.as_deref() {
            Some(namespace) if !namespace.is_empty() => namespace,
            _ => meta::DEFAULT_NAMESPACE,
        }
    }

    /// The object's own node within its document.
    pub fn node(&self) -> &Node {
        let root: &Node = &self.document.root;
        self.path.iter().fold(root, |node, index| {
            let item = node.get("items").and_then(Node::items);
            item.and_then(|items| items.get(*index)).unwrap_or(node)
        })
    }

    /// The object's own place within its document, for edits.
    pub fn pointer(&self) -> Pointer {
        let item = |at: Pointer, index: &usize| at.key("items").index(*index);
        self.path.iter().fold(Pointer::root(), item)
    }

    pub fn source(&self) -> &Arc<Source> {
        &self.document.source
    }

    /// Line of the object's first key, from 1.
    pub fn line(&self) -> u32 {
        self.document.line(self.node().span)
    }

    /// The node reached by `path` from the object.
    pub fn at(&self, path: &[Step<'_>]) -> Option<&Node> {
        self.node().at(path)
    }

    /// The bytes of the node reached by `path`. When there is no such node, the key of the nearest
    /// one on the way to it: that is where something is missing.
    pub fn span_at(&self, path: &[Step<'_>]) -> Span {
        if let Some(node) = self.at(path) {
            return node.span;
        }
        for length in (1..path.len()).rev() {
            let (parent, step) = (&path[..length - 1], path[length - 1]);
            let found = self.at(parent).and_then(|parent| match step {
                Step::Key(key) => parent.entry(key).map(|entry| entry.key.span),
                Step::Index(_) => parent.at(&[step]).map(|node| node.span),
            });
            if let Some(span) = found {
                return span;
            }
        }
        self.node().span
    }

    /// Line of [`Object::span_at`], from 1.
    pub fn line_at(&self, path: &[Step<'_>]) -> u32 {
        self.document.line(self.span_at(path))
    }

    /// The whole object as `T`.
    ///
    /// # Errors
    /// See [`decode::decode`].
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, Diagnostic> {
        decode::decode(&self.document, self.node())
            .map_err(|error| error.code(Code::Schema).about(self.subject()))
    }

    /// Its kind, namespace and name.
    pub fn subject(&self) -> Subject {
        Subject {
            kind: self.kind.clone(),
            namespace: self.namespace().to_owned(),
            name: self.name().to_owned(),
        }
    }

    /// Where this object comes from, for what is lowered from it.
    pub fn origin(&self) -> Origin {
        Origin::new(Place {
            kind: self.kind.clone(),
            namespace: self.namespace().to_owned(),
            name: self.name().to_owned(),
            part: String::new(),
            file: self.source().name().to_owned(),
            line: self.line(),
        })
    }

    /// An error that points at [`Object::span_at`].
    pub fn error_at(&self, path: &[Step<'_>], message: impl Into<String>) -> Diagnostic {
        self.diagnostic_at(Diagnostic::error(message), path)
    }

    /// Points `diagnostic` at [`Object::span_at`].
    pub fn diagnostic_at(&self, diagnostic: Diagnostic, path: &[Step<'_>]) -> Diagnostic {
        let span = self.source().first_line(self.span_at(path));
        diagnostic.at(self.source(), span).about(self.subject())
    }
}

fn header(document: &Document, node: &Node) -> Result<Header, Diagnostic> {
    if node.entries().is_none() {
        let message = format!("a manifest is an object, this is {}", node.describe());
        let span = document.source.first_line(node.span);
        let error = Diagnostic::error(message).code(Code::Schema);
        return Err(error.at(&document.source, span));
    }
    decode::decode(document, node).map_err(|error: Diagnostic| error.code(Code::Schema))
}

fn missing(document: &Document, node: &Node, field: &str) -> Diagnostic {
    Diagnostic::error(format!("`{field}` is missing"))
        .code(Code::Schema)
        .at(&document.source, document.source.first_line(node.span))
        .help("every Kubernetes object names its `apiVersion` and `kind`")
}

#[cfg(test)]
mod tests;
