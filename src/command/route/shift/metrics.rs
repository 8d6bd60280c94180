//! What is known of a version, whoever knows it.
//!
//! A time series database knows what happened in any window before now; proxies tell what they
//! counted since they were first listened to.

use std::time::Duration;

use engine::report::{BackendKey, Counters};
use engine::rollout::{Guard, Observed};

use super::series::Series;
use crate::error::Error;
use crate::top::Tally;

/// A Service, within a time before now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Of<'a> {
    pub(super) namespace: &'a str,
    pub(super) service: &'a str,
    pub(super) window: Duration,
}

pub(super) enum Metrics<'a> {
    Series(Series<'a>),
    Proxies(Tally),
}

/// Bounds of the time between two reports of a proxy.
const REPORT_MIN: Duration = Duration::from_millis(100);
const REPORT_MAX: Duration = Duration::from_secs(1);

// === impl Metrics ===

impl Metrics<'_> {
    /// Those of proxies that are looked at every `look`.
    ///
    /// # Errors
    /// When they cannot be listened to; none has to be there yet.
    pub(super) fn of_proxies(addresses: &[String], look: Duration) -> Result<Self, Error> {
        let interval = look.clamp(REPORT_MIN, REPORT_MAX);
        Tally::follow(addresses, interval).map(Self::Proxies)
    }

    /// The weights of a step are in place: what happened before does not count any more.
    pub(super) fn begin(&self) {
        match self {
            Self::Series(_) => {}
            Self::Proxies(tally) => tally.begin(),
        }
    }

    /// Whether they know what happened before they were asked.
    pub(super) fn know_the_past(&self) -> bool {
        matches!(self, Self::Series(_))
    }

    /// What happened to a version; none when nobody reports anything about it.
    ///
    /// # Errors
    /// Why there is no answer, in a line.
    pub(super) fn observe(
        &mut self,
        of: Of<'_>,
        guards: &[Guard],
    ) -> Result<Option<Observed>, String> {
        match self {
            Self::Series(series) => series.observe(of, guards),
            Self::Proxies(tally) => {
                let counters = counted(tally, of)?;
                Ok(counters.map(|counters| Observed::of(&counters, guards)))
            }
        }
    }

    /// Requests to a Service; none when nobody reports any.
    ///
    /// # Errors
    /// Why there is no answer, in a line.
    pub(super) fn requests(&self, of: Of<'_>) -> Result<Option<f64>, String> {
        match self {
            Self::Series(series) => series.requests(of),
            Self::Proxies(tally) => {
                let counters = counted(tally, of)?;
                Ok(counters.map(|counters| Observed::of(&counters, &[]).samples as f64))
            }
        }
    }
}

/// What proxies counted of a Service as a backend, whichever route led there.
fn counted(tally: &Tally, of: Of<'_>) -> Result<Option<Counters>, String> {
    tally.backends(|BackendKey { backend, .. }| {
        let service = &backend.service;
        *service.namespace == *of.namespace && *service.name == *of.service
    })
}
