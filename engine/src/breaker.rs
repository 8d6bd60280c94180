//! Breakers: after enough failures an endpoint gets no traffic for a while, then one request as a
//! probe.
//!
//! ```text
//!            trips                    back-off over
//!   closed ─────────▶ open(until) ─────────────────▶ half-open (one probe)
//!     ▲                 ▲                                │        │
//!     │                 └──────── probe failed ──────────┘        │
//!     └───────────────────────── probe succeeded ─────────────────┘
//! ```
//!
//! *Closed* means that traffic flows.

mod unified;
mod window;

pub use unified::{Change, Ended, Position, Probe, Tripped, Unified};
pub use window::Window;

#[cfg(test)]
mod tests;
