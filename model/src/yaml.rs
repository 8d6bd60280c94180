//! Manifests as kubectl reads them, with the byte position of every key and value.
//!
//! A manifest means what the API server makes of it, and that is not YAML 1.2: kubectl cuts the
//! text at lines that start with `---`, reads each piece with YAML 1.1 scalars (`on` is true,
//! `0400` is 256), merges `<<`, lets the last of two equal keys win, and hands the result on as
//! JSON (k8s.io/apimachinery `pkg/util/yaml/decoder.go`, sigs.k8s.io/yaml with its go-yaml v2). A
//! reader that is more lenient would bless files that `kubectl apply` refuses; one that reads other
//! values would simulate another mesh. So this one follows kubectl row by row, and its tests are a
//! table of what the kubectl binary answered.
//!
//! ```text
//!  text ──▶ stream: one piece per document ──▶ build: events → tree of spans ──▶ Document
//!           (`---` lines, or JSON values)      resolve: scalar text → value
//! ```

mod build;
mod node;
mod refuse;
mod resolve;
mod scan;
mod source;
mod stream;
mod strict;

use std::sync::Arc;

pub use node::{Anchor, Entry, Kind, Node, Step, Style};
pub use resolve::Scalar;
pub(crate) use resolve::base64;
pub use source::{Position, Source, Span};

use crate::diagnostic::Diagnostic;
use crate::document::Document;

/// Largest text that is read, in bytes. Spans are 32-bit, and no cluster takes manifests of this
/// size: etcd refuses objects above 1.5 MiB.
pub const BYTES_MAX: usize = 1 << 30;

/// Deepest nesting of collections in one document, aliases followed. Kubernetes' deepest kinds stay
/// below 40; recursion over a tree this deep fits every stack.
pub const DEPTH_MAX: usize = 200;

/// Most nodes in one document before aliases are followed. A 1.5 MiB object of one-letter items has
/// fewer, and a list of all objects of a large cluster as well.
pub const NODES_MAX: usize = 8_000_000;

/// Most nodes that aliases may repeat in one document: below this go-yaml lets aliases make up
/// nearly all of a document, above it refuses more and more of them.
pub const EXPANDED_NODES_MAX: usize = 400_000;

/// Longest mapping key, in characters, from its first to its colon: YAML's own limit, which kubectl
/// keeps.
pub const KEY_CHARS_MAX: usize = 1024;

/// Reads all documents of `text`; `name` is the file as the user named it. Documents that are
/// empty, hold only comments, or are `null` are skipped.
///
/// # Errors
/// The first place where kubectl would refuse the text, or where a bound of this module is passed.
pub fn read(name: &str, text: &str) -> Result<Vec<Document>, Diagnostic> {
    let source = Arc::new(Source::new(name, text));
    if text.len() > BYTES_MAX {
        let message = format!(
            "the file has {} bytes, at most {BYTES_MAX} are read",
            text.len()
        );
        return Err(Diagnostic::error(message).at(&source, Span::default()));
    }
    let mut documents = Vec::new();
    for piece in stream::split(&source)? {
        if let Some(root) = build::tree(&source, &piece)? {
            let index = documents.len();
            documents.push(Document::new(Arc::clone(&source), index, root));
        }
    }
    Ok(documents)
}

#[cfg(test)]
mod tests;
