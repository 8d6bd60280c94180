//! Why endpoints get traffic or not, relative to the time that is shown.

use core::time::Duration;

use engine::report::{EndpointState, EndpointStatus};
use engine::time::Instant;
use serde::Serialize;

/// The state of an endpoint or of the breaker of a route.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(in crate::top) struct State {
    #[serde(rename = "state")]
    pub(in crate::top) word: String,
    /// None for an endpoint that is no longer reported.
    #[serde(skip)]
    pub(in crate::top) status: Option<EndpointStatus>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(in crate::top) reason: String,
    /// How long ago it was entered.
    #[serde(rename = "since_s", skip_serializing_if = "Option::is_none")]
    pub(in crate::top) since: Option<f64>,
    /// In how long it ends by itself.
    #[serde(rename = "until_s", skip_serializing_if = "Option::is_none")]
    pub(in crate::top) until: Option<f64>,
    /// In how long the next probe is.
    #[serde(rename = "next_probe_s", skip_serializing_if = "Option::is_none")]
    pub(in crate::top) next_probe: Option<f64>,
}

/// How many endpoints are in which state.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(in crate::top) struct Breakers {
    /// Those that get traffic.
    pub(in crate::top) ready: u64,
    pub(in crate::top) total: u64,
    /// Breaker closed: traffic flows.
    pub(in crate::top) closed: u64,
    /// Breaker open: tripped.
    pub(in crate::top) open: u64,
    /// Breaker half-open: probing.
    pub(in crate::top) half_open: u64,
    /// Taken out by outlier detection.
    pub(in crate::top) ejected: u64,
    /// Without traffic for another reason: no connection, a failed health check, draining.
    pub(in crate::top) away: u64,
    /// In how many seconds the first of them is tried again.
    #[serde(rename = "next_probe_s", skip_serializing_if = "Option::is_none")]
    pub(in crate::top) next_probe: Option<f64>,
}

// === impl State ===

impl State {
    /// As of `now` on the clock of its source.
    pub(super) fn new(state: &EndpointState, now: Instant) -> Self {
        let ahead = |at: Instant| at.since(now).as_secs_f64();
        Self {
            word: state.status.to_string(),
            status: Some(state.status),
            reason: state.reason.clone(),
            since: state.since.map(|at| now.since(at).as_secs_f64()),
            until: state.until.map(ahead),
            next_probe: state.next_probe.map(ahead),
        }
    }

    /// Of an endpoint that nobody reports any more.
    pub(super) fn gone() -> Self {
        Self {
            word: "gone".into(),
            status: None,
            reason: String::new(),
            since: None,
            until: None,
            next_probe: None,
        }
    }

    pub(in crate::top) fn is_gone(&self) -> bool {
        self.status.is_none()
    }

    /// Whether ordinary requests are sent there.
    pub(in crate::top) fn takes_traffic(&self) -> bool {
        self.status.is_some_and(EndpointStatus::takes_traffic)
    }
}

// === impl Breakers ===

impl Breakers {
    /// Counts an endpoint in this state as of `now` on the clock of its source.
    pub(super) fn count(&mut self, state: &EndpointState, now: Instant) {
        self.total += 1;
        self.ready += u64::from(state.status.takes_traffic());
        *match state.status {
            EndpointStatus::Closed => &mut self.closed,
            EndpointStatus::HalfOpen { .. } => &mut self.half_open,
            EndpointStatus::Open => &mut self.open,
            EndpointStatus::Ejected => &mut self.ejected,
            EndpointStatus::ConnectDead | EndpointStatus::Unhealthy | EndpointStatus::Draining => {
                &mut self.away
            }
        } += 1;
        let next = state.next_probe.or(state.until);
        let next = next.map(|at| at.since(now).as_secs_f64());
        self.next_probe = sooner(self.next_probe, next);
    }

    pub(in crate::top) fn merge(&mut self, other: &Self) {
        self.ready += other.ready;
        self.total += other.total;
        self.closed += other.closed;
        self.open += other.open;
        self.half_open += other.half_open;
        self.ejected += other.ejected;
        self.away += other.away;
        self.next_probe = sooner(self.next_probe, other.next_probe);
    }
}

fn sooner(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    a.into_iter().chain(b).reduce(f64::min)
}

/// `0.8s`, `12s`, `3m05s`, `2h10m`: how long, in at most six characters.
pub(in crate::top) fn span(seconds: f64) -> String {
    let whole = Duration::try_from_secs_f64(seconds)
        .unwrap_or(Duration::MAX)
        .as_secs();
    match whole {
        0..10 => format!("{seconds:.1}s"),
        10..60 => format!("{whole}s"),
        60..3600 => format!("{}m{:02}s", whole / 60, whole % 60),
        3600..360_000 => format!("{}h{:02}m", whole / 3600, whole % 3600 / 60),
        _ => format!("{}d", whole / 86_400),
    }
}
