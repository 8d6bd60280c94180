//! Moves the bytes: the data plane of the mesh.
#![deny(unsafe_code)]

pub mod exchange;
pub mod net;
