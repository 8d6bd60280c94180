//! A mesh in one thread, with a seed: the same seed gives the same bytes.
//!
//! ```text
//!   scenario, manifests ──▶ cluster: pods, addresses, snapshots
//!                              │
//!   load ──▶ app ══ sidecar ══ network ══ sidecar ══ app      all of it tasks of one executor,
//!                              │                              in virtual time
//!   faults ────────────────────┘
//! ```
//!
//! The sidecars are the real proxy: what differs from production is behind the seam
//! ([`proxy::net::Rt`]) and the cryptographic provider.
#![forbid(unsafe_code)]

pub mod app;
mod body;
pub mod bundle;
pub mod client;
mod cluster;
pub mod crypto;
pub mod derive;
pub mod dist;
pub mod exec;
pub mod expect;
mod fault;
pub mod load;
pub mod net;
pub mod oracle;
pub mod policy;
pub mod record;
pub mod report;
pub mod run;
pub mod scenario;
mod shift;
pub mod shrink;
pub mod story;
pub mod swarm;
pub mod witness;
pub mod world;
