//! The mesh as declared: documents in, snapshots and findings out.
#![forbid(unsafe_code)]

pub mod gateway;
pub mod number;
pub mod policy;
