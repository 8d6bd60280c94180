//! Breakers: after enough failures an endpoint, or a route to a service, gets no traffic for a
//! while, then one request as a probe.
//!
//! ```text
//!            trips                    back-off over
//!   closed ─────────▶ open(until) ─────────────────▶ half-open (one probe)
//!     ▲                 ▲                                │        │
//!     │                 └──────── probe failed ──────────┘        │
//!     └───────────────────────── probe succeeded ─────────────────┘
//! ```
//!
//! *Closed* means that traffic flows. Three kinds, one per backend: [`Unified`] (Linkerd) and
//! [`Accrual`] (Finagle) guard each endpoint, [`Rolling`] (Hystrix) guards a route to the service
//! as a whole. All are plain values stepped with the time.

use crate::classify::{Class, Hint};
use crate::time::Instant;

mod accrual;
mod endpoint;
mod phase;
mod rolling;
mod unified;

pub use accrual::Accrual;
pub use endpoint::EndpointBreaker;
pub use rolling::{Rolling, Told, Totals, Verdict};
pub use unified::{Counts, Unified};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// Traffic flows.
    Closed,
    /// No traffic.
    Open { since: Instant, until: Instant },
    /// One request at a time, as a probe.
    HalfOpen { since: Instant, probing: bool },
}

/// What tripped a breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tripped {
    ConsecutiveFailures(u32),
    /// Exact counts over a window.
    SuccessRate {
        good: u32,
        total: u32,
    },
    /// A moving average, in thousandths.
    AverageSuccess(u32),
    /// Share of errors, over a service and route.
    Errors {
        errors: u32,
        total: u32,
    },
    /// The policy says so.
    Forced,
}

/// The right, and the duty, to decide a half-open phase: given back when the request ends, with
/// whatever class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe(u64);

/// What a response changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Opened {
        until: Instant,
        tripped: Tripped,
    },
    /// It would have opened, but too many endpoints of the service are open already.
    Capped(Tripped),
    /// The probe failed.
    Reopened {
        until: Instant,
    },
    Closed,
    /// The probe said nothing; another may be sent.
    ProbeReturned,
}

/// A request that ended, as the breaker of an endpoint sees it.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    pub class: Class,
    pub hint: Option<Hint>,
    pub probe: Option<Probe>,
}

// === impl Position ===

impl Position {
    /// Whether a request may be sent: closed, or half-open with no probe under way.
    pub const fn admits(self) -> bool {
        match self {
            Self::Closed | Self::HalfOpen { probing: false, .. } => true,
            Self::Open { .. } | Self::HalfOpen { probing: true, .. } => false,
        }
    }

    /// When an open breaker of an endpoint becomes half-open by itself.
    pub const fn wakes_at(self) -> Option<Instant> {
        match self {
            Self::Open { until, .. } => Some(until),
            Self::Closed | Self::HalfOpen { .. } => None,
        }
    }
}

// === impl Tripped ===

impl Tripped {
    /// For reports.
    pub fn describe(self) -> String {
        match self {
            Self::ConsecutiveFailures(n) => format!("{n} consecutive failures"),
            Self::SuccessRate { good, total } => {
                format!("{good} of {total} requests succeeded in the window")
            }
            Self::AverageSuccess(thousandths) => {
                let percent = f64::from(thousandths) / 10.0;
                format!("the average success rate fell to {percent:.1}%")
            }
            Self::Errors { errors, total } => {
                format!("{errors} of {total} requests failed in the window")
            }
            Self::Forced => "the policy says forceOpen".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
