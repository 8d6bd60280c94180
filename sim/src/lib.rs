//! A mesh in one thread, with a seed: the same seed gives the same bytes.
#![forbid(unsafe_code)]

pub mod scenario;
