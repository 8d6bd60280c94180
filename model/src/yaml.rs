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
pub(crate) use stream::Piece;

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

/// The documents of a text, read one by one: a stream of thousands needs the memory of one.
#[derive(Debug)]
pub struct Documents {
    source: Arc<Source>,
    pieces: std::vec::IntoIter<Piece>,
    /// Index of the next document that holds something.
    index: usize,
}

/// Reads all documents of `text`; `name` is the file as the user named it. Documents that are
/// empty, hold only comments, or are `null` are skipped.
///
/// # Errors
/// The first place where kubectl would refuse the text, or where a bound of this module is passed.
pub fn read(name: &str, text: &str) -> Result<Vec<Document>, Diagnostic> {
    documents(&Arc::new(Source::new(name, text)))?.collect()
}

/// The documents of `source`, each read when it is asked for. See [`read`].
///
/// # Errors
/// Text that cannot be cut into documents. What is wrong within one comes in its place.
pub fn documents(source: &Arc<Source>) -> Result<Documents, Diagnostic> {
    let length = source.text().len();
    if length > BYTES_MAX {
        let message = format!("the file has {length} bytes, at most {BYTES_MAX} are read");
        return Err(Diagnostic::error(message).at(source, Span::default()));
    }
    Ok(Documents {
        source: Arc::clone(source),
        pieces: stream::split(source)?.into_iter(),
        index: 0,
    })
}

/// Those documents of `source` in whose text `word` stands. Their indexes count only these.
pub(crate) fn documents_with(source: &Arc<Source>, word: &str) -> Result<Documents, Diagnostic> {
    let mut found = documents(source)?;
    let pieces = found
        .pieces
        .filter(|piece| source.slice(piece.span).contains(word));
    found.pieces = pieces.collect::<Vec<_>>().into_iter();
    Ok(found)
}

/// Reads `text` as a new version of `document`; nothing when it holds nothing.
pub(crate) fn read_again(document: &Document, text: &str) -> Result<Option<Node>, Diagnostic> {
    let source = Arc::new(Source::new(document.source.name(), text));
    let piece = Piece {
        span: Span::new(0, text.len()),
        ..document.piece
    };
    build::tree(&source, &piece)
}

// === impl Documents ===

impl Documents {
    /// The same documents in at most `parts` runs of about the same length, in their order. Indexes
    /// count within a run.
    pub(crate) fn split(self, parts: usize) -> Vec<Self> {
        let length = |pieces: &[Piece]| -> usize {
            pieces.iter().map(|piece| piece.span.range().len()).sum()
        };
        let pieces = self.pieces.as_slice();
        let most = length(pieces).div_ceil(parts.max(1));
        let mut runs: Vec<Vec<Piece>> = vec![Vec::new()];
        let mut filled = 0;
        for piece in pieces {
            if filled >= most {
                runs.push(Vec::new());
                filled = 0;
            }
            filled += piece.span.range().len();
            if let Some(run) = runs.last_mut() {
                run.push(*piece);
            }
        }
        let runs = runs.into_iter().map(|run| Self {
            source: Arc::clone(&self.source),
            pieces: run.into_iter(),
            index: 0,
        });
        runs.collect()
    }
}

impl Iterator for Documents {
    type Item = Result<Document, Diagnostic>;

    fn next(&mut self) -> Option<Self::Item> {
        for piece in self.pieces.by_ref() {
            match build::tree(&self.source, &piece) {
                Ok(None) => {}
                Ok(Some(root)) => {
                    let document = Document::new(Arc::clone(&self.source), self.index, piece, root);
                    self.index += 1;
                    return Some(Ok(document));
                }
                Err(error) => return Some(Err(error)),
            }
        }
        None
    }
}

#[cfg(test)]
pub(crate) mod tests;
