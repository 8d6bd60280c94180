//! Why an endpoint gets traffic or not, in words that are the same in reports, logs and on the
//! screen.

use std::sync::Arc;

use crate::snapshot::Endpoint;
use crate::time::{Duration, Instant};

/// The state of one endpoint as one proxy sees it. When several hold at once the report names the
/// one that lasts longest: see the order of [`EndpointStatus`].
///
/// The order of the fields makes the order of states: the greater of two is the one that keeps more
/// traffic away, so that merging many proxies' views is a maximum.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default))]
pub struct EndpointState {
    pub status: EndpointStatus,
    /// When it ends by itself; none = at an event (a health check, a probe, a new configuration).
    #[cfg_attr(
        feature = "serde",
        serde(rename = "until_ns", skip_serializing_if = "Option::is_none")
    )]
    pub until: Option<Instant>,
    /// The next probe or reconnect.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "next_probe_ns", skip_serializing_if = "Option::is_none")
    )]
    pub next_probe: Option<Instant>,
    /// When it was entered; none = since the endpoint is known.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "since_ns", skip_serializing_if = "Option::is_none")
    )]
    pub since: Option<Instant>,
    /// What led to it, in a few words: `5 consecutive 5xx`.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "String::is_empty"))]
    pub reason: String,
}

/// What an endpoint is to the balancer.
///
/// `Closed`, `HalfOpen` and `Open` are the breaker's; the others take traffic away for other
/// reasons.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum EndpointStatus {
    /// Traffic flows.
    #[default]
    Closed,
    /// Probing: `taken` of `slots` probes are under way.
    HalfOpen { taken: u32, slots: u32 },
    /// Tripped.
    Open,
    /// Outlier detection took it out.
    Ejected,
    /// Connects fail; a task reconnects.
    ConnectDead,
    /// A health check or its readiness says so.
    Unhealthy,
    /// It terminates: what is under way finishes.
    Draining,
}

/// What one proxy knows of an endpoint besides what it counts there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointFacts {
    pub endpoint: Arc<Endpoint>,
    pub state: EndpointState,
    /// The balancer's estimate of its latency, if it keeps one.
    pub estimate: Option<Duration>,
    /// See [`EndpointRow::failures_in_a_row`](super::EndpointRow::failures_in_a_row).
    pub failures_in_a_row: u32,
}

/// Counters and gauges of the connections to one endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default))]
pub struct Connections {
    /// Established, since the start.
    pub opened: u64,
    /// Connects that failed, TLS handshakes included.
    pub failed: u64,
    /// Gauge: open now.
    pub open: u64,
}

// === impl EndpointState ===

impl EndpointState {
    pub fn new(status: EndpointStatus, reason: impl Into<String>) -> Self {
        Self {
            status,
            reason: reason.into(),
            ..Self::default()
        }
    }

    #[must_use]
    pub fn since(mut self, at: Instant) -> Self {
        self.since = Some(at);
        self
    }

    #[must_use]
    pub fn until(mut self, at: Instant) -> Self {
        self.until = Some(at);
        self
    }

    #[must_use]
    pub fn next_probe(mut self, at: Instant) -> Self {
        self.next_probe = Some(at);
        self
    }
}

// === impl EndpointStatus ===

impl EndpointStatus {
    /// The public word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen { .. } => "half-open",
            Self::Open => "open",
            Self::Ejected => "ejected",
            Self::ConnectDead => "connect-dead",
            Self::Unhealthy => "unhealthy",
            Self::Draining => "draining",
        }
    }

    /// Whether ordinary requests are sent to it.
    pub const fn takes_traffic(self) -> bool {
        matches!(self, Self::Closed)
    }
}

impl core::fmt::Display for EndpointStatus {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::HalfOpen { taken, slots } => write!(f, "half-open {taken}/{slots}"),
            other => f.write_str(other.as_str()),
        }
    }
}

// === impl Connections ===

impl Connections {
    pub fn merge(&mut self, other: &Self) {
        self.opened = self.opened.saturating_add(other.opened);
        self.failed = self.failed.saturating_add(other.failed);
        self.open = self.open.saturating_add(other.open);
    }

    /// As [`Counters::take`](super::Counters::take).
    #[must_use]
    pub fn take(&mut self) -> Self {
        let anew = Self {
            open: self.open,
            ..Self::default()
        };
        core::mem::replace(self, anew)
    }

    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            opened: self.opened.saturating_sub(earlier.opened),
            failed: self.failed.saturating_sub(earlier.failed),
            open: self.open,
        }
    }
}
