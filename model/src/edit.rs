//! Changes to manifests that leave every other byte alone.
//!
//! An edit names a place and what is to be there. It is carried out on the text itself: bytes are
//! put in or taken out beside the spans of the reader's tree, in the style of what they join, and
//! nothing is written anew. So comments, blank lines, quoting, order, anchors, line ends, a byte
//! order mark and a missing last line break stay, and the difference of the two texts is what a
//! careful person would have typed.
//!
//! ```text
//!  edits ──▶ draft: the tree with what is to be added, changed, taken away
//!                │                                   value: the same edits on the JSON value
//!                ▼                                               │
//!            write: splices of text ──▶ read again ── equal? ◀───┘    no: refused, nothing changes
//! ```
//!
//! Every result is read again and compared with the same edits applied to the value alone. An edit
//! is refused, with its line, where it would change something else as well: inside an alias, a
//! merge (`<<`), or a value whose anchor is used elsewhere.
//!
//! **Nothing and null.** `annotations:`, `annotations: null` and `annotations: {}` say the same to
//! the API server as no such key, so an edit may fill each of them. What stood there cannot be seen
//! afterwards; [`Form::of`] says it before, and [`Op::Restore`] brings it back.
//!
//! **Exact inverse.** [`Op::Remove`] of what was added gives back the bytes from before, provided
//! nothing beside it changed and emptied collections get back their form.

mod draft;
mod emit;
mod flow;
mod form;
mod layout;
mod patch;
mod pointer;
mod quote;
mod style;
mod value;
mod write;

use serde_json::Value;

pub use emit::yaml;
pub use form::Form;
pub use patch::{Patch, edit};
pub use pointer::{Pointer, Segment};
pub use value::apply;

/// One change of a document. Several are carried out in order: each sees what the ones before it
/// made.
#[derive(Clone, Debug, PartialEq)]
pub struct Edit {
    pub at: Pointer,
    pub op: Op,
}

/// What is done at a place.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// The key or item gets this value. A missing key is added at `place`, missing parents are
    /// made. Of an object or list that is there already, only what differs is changed.
    Set { value: Value, place: Place },
    /// The list gets one more item. A missing list and its parents are made.
    Insert { value: Value, place: Place },
    /// The key or item goes. A collection that becomes empty stays as `{}` or `[]`.
    Remove,
    /// The object or list, if it is empty by now, is written as it was before it was filled. A
    /// place that is not there, or is not empty, stays as it is.
    Restore(Form),
}

/// Where among its neighbours something new goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Place {
    First,
    #[default]
    Last,
    /// At this index, from 0; the number of items is the end.
    At(usize),
    /// Behind this key, or the item with this `name`.
    After(String),
    /// Before this key, or the item with this `name`.
    Before(String),
}

// === impl Edit ===

impl Edit {
    /// Gives `at` this value; a new key goes to the end.
    #[must_use]
    pub fn set(at: Pointer, value: impl Into<Value>) -> Self {
        Self::set_at(at, value, Place::Last)
    }

    /// Gives `at` this value; a new key goes to `place`.
    #[must_use]
    pub fn set_at(at: Pointer, value: impl Into<Value>, place: Place) -> Self {
        let value = value.into();
        Self {
            at,
            op: Op::Set { value, place },
        }
    }

    /// Puts an item into the list at `at`.
    #[must_use]
    pub fn insert(at: Pointer, value: impl Into<Value>, place: Place) -> Self {
        let value = value.into();
        Self {
            at,
            op: Op::Insert { value, place },
        }
    }

    /// Takes away the key or item at `at`.
    #[must_use]
    pub fn remove(at: Pointer) -> Self {
        Self { at, op: Op::Remove }
    }

    /// Gives the collection at `at`, if it is empty by now, the form it had before.
    #[must_use]
    pub fn restore(at: Pointer, form: Form) -> Self {
        Self {
            at,
            op: Op::Restore(form),
        }
    }
}

#[cfg(test)]
mod tests;
