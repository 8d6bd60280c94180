//! The mesh as declared: documents are read, indexed and lowered.
//!
//! ```text
//!  text ──▶ yaml: tree of spans ──▶ document: objects with their lines
//!                                      │ decode: typed kinds, errors that point
//!                                      ▼
//!                                   resource ──▶ index ──▶ engine::snapshot
//! ```
//!
//! The model has no socket, no clock and opens no file: it is given text and tells what it means.
#![forbid(unsafe_code)]

pub mod check;
pub mod decode;
pub mod diagnostic;
pub mod document;
pub mod edit;
pub mod foreign;
pub mod gateway;
pub mod index;
pub mod inject;
pub mod kube;
pub mod load;
pub mod lower;
pub mod meta;
pub mod number;
pub mod policy;
pub mod resource;
pub mod validate;
pub mod yaml;
