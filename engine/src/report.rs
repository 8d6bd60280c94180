//! What a proxy reports: one model for the simulator's report, the live screen, recordings, the
//! admin stream and the control plane.
//!
//! ```text
//!  Recorder ── frame(now) ──▶ Frame ─┬─ services   as clients address them
//!  (one per     cumulative           ├─ routes     one rule of a service
//!   worker)                          ├─ backends   a rule's share that goes to one backend
//!                                    ├─ endpoints  one pod, with the state that breaker, outlier
//!  Frame + Frame   many proxies      │             detection and health give it
//!  Frame − Frame   a window          ├─ edges      who talks to whom, how protected
//!                                    └─ events     what happened since the frame before
//! ```
//!
//! Counters are cumulative and carry the time they began at; latency is one histogram with the same
//! buckets everywhere; success is what the one classification says. Merging is exact, commutative
//! and associative, so that a report does not depend on the order proxies are asked in. Times are
//! the source's monotonic clock; serialised they are nanoseconds (`_ns`), latencies microseconds.

use core::time::Duration;

use crate::time::Instant;

pub mod counters;
pub mod endpoint;
pub mod event;
pub mod histogram;
pub mod key;
pub mod recorder;
pub mod row;
#[cfg(feature = "serde")]
mod wire;

pub use counters::{Counters, Ended, Flags};
pub use endpoint::{Connections, EndpointFacts, EndpointState, EndpointStatus};
pub use event::{Event, EventKind};
pub use histogram::Histogram;
pub use key::{BackendKey, EdgeKey, EndpointKey, RouteKey, Security, ServiceKey, Side};
pub use recorder::{Recorder, RowId};
pub use row::{BackendRow, EndpointRow, Guards, RouteRow, Row, Table};

/// The state of one or many proxies at one moment, or what they did in a window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default))]
pub struct Frame {
    #[cfg_attr(feature = "serde", serde(rename = "at_ns"))]
    pub at: Instant,
    /// None = cumulative since the start of each row; otherwise what happened in the time before
    /// `at`.
    #[cfg_attr(feature = "serde", serde(rename = "window_ns", with = "wire::window"))]
    pub window: Option<Duration>,
    /// Whose it is: `shop/web-0` for one proxy, the reader's own name for a merged frame.
    pub source: String,
    /// How many proxies are in it.
    pub proxies: u64,
    pub services: Table<ServiceKey, Counters>,
    pub routes: Table<RouteKey, RouteRow>,
    pub backends: Table<BackendKey, BackendRow>,
    pub endpoints: Table<EndpointKey, EndpointRow>,
    pub edges: Table<EdgeKey, Counters>,
    /// Since the frame before of the same source, in the order of [`Event`].
    pub events: Vec<Event>,
    /// Events left out because the source had too many of them at once.
    pub events_dropped: u64,
}

// === impl Frame ===

impl Frame {
    /// A frame with nothing in it, to merge others into.
    pub fn empty(source: impl Into<String>) -> Self {
        Self {
            source: source.into(),
            ..Self::default()
        }
    }

    /// Adds another source's frame. `at` and `window` become the greater ones; the source stays.
    pub fn merge(&mut self, other: &Self) {
        self.at = self.at.max(other.at);
        self.window = self.window.max(other.window);
        self.proxies += other.proxies;
        self.services.merge(&other.services);
        self.routes.merge(&other.routes);
        self.backends.merge(&other.backends);
        self.endpoints.merge(&other.endpoints);
        self.edges.merge(&other.edges);
        self.events.extend_from_slice(&other.events);
        self.events.sort();
        self.events_dropped += other.events_dropped;
    }

    /// What the source did since `earlier`, its own older cumulative frame: counters are
    /// subtracted, states and gauges are those of now. A row that began anew in between (the proxy
    /// restarted, an endpoint went and came back) is taken whole. Windows of many proxies: subtract
    /// first, then merge.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            at: self.at,
            window: Some(self.at.since(earlier.at)),
            source: self.source.clone(),
            proxies: self.proxies,
            services: self.services.since(&earlier.services),
            routes: self.routes.since(&earlier.routes),
            backends: self.backends.since(&earlier.backends),
            endpoints: self.endpoints.since(&earlier.endpoints),
            edges: self.edges.since(&earlier.edges),
            events: self.events.clone(),
            events_dropped: self.events_dropped,
        }
    }
}

#[cfg(test)]
mod tests;
