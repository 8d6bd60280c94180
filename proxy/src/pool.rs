//! Connections to endpoints.

pub mod connect;

pub use connect::{ConnectError, Peer, connect};
