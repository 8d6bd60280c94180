//! A node of a document to a typed value, with errors that point at the offending bytes.
//!
//! Types derive `serde::Deserialize` and are read straight from the tree, not from a JSON copy of
//! it: so every error knows its node. Null means what it means to Go's JSON decoder and therefore
//! to the API server: an absent field of a struct, else the empty value (`labels:` with nothing
//! behind it is an empty map). Avoid `#[serde(flatten)]` and `#[serde(untagged)]` in types that are
//! read here: serde buffers their input, and the error then points at the whole object.

mod de;
mod error;

use serde::de::DeserializeOwned;

use crate::diagnostic::Diagnostic;
use crate::document::Document;
use crate::yaml::Node;

pub use error::nearest;

/// Reads `node`, which belongs to `document`.
///
/// # Errors
/// A diagnostic at the first value that does not fit `T`: at the key for an unknown field, at the
/// value for a wrong type, at the object for a missing field.
pub fn decode<T: DeserializeOwned>(document: &Document, node: &Node) -> Result<T, Diagnostic> {
    T::deserialize(de::De::new(node)).map_err(|error| error.into_diagnostic(&document.source))
}

#[cfg(test)]
mod tests;
