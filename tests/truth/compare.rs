//! Two runs beside each other: what is measured of both, and how far it may be apart.

use std::fmt;
use std::time::Duration;

use super::log::{Log, Request};

/// One thing that was measured of both.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) what: &'static str,
    pub(super) simulated: f64,
    pub(super) real: f64,
    /// How far apart they may be.
    pub(super) within: f64,
    unit: Unit,
}

#[derive(Clone, Copy, Debug)]
enum Unit {
    Count,
    Share,
    Time,
}

/// How many standard deviations two draws may be apart.
const SIGMAS: f64 = 3.0;

/// How far latencies may be apart, of the simulated one.
const LATENCY: f64 = 0.1;

// === impl Row ===

impl Row {
    /// A share of the requests: within three standard deviations of the difference of two draws.
    pub(super) fn share(
        what: &'static str,
        simulated: &Log,
        real: &Log,
        wanted: impl Fn(&Request) -> bool,
    ) -> Self {
        let of = |log: &Log| (log.count(&wanted) as f64, log.requests.len() as f64);
        Self::part(what, of(simulated), of(real))
    }

    /// A part of a whole, of both.
    pub(super) fn part(what: &'static str, simulated: (f64, f64), real: (f64, f64)) -> Self {
        let all = simulated.1 + real.1;
        let p = (simulated.0 + real.0) / all.max(1.0);
        let sigma = (p * (1.0 - p) * (1.0 / simulated.1 + 1.0 / real.1)).sqrt();
        Self {
            what,
            simulated: simulated.0 / simulated.1,
            real: real.0 / real.1,
            // One request more or less is no difference.
            within: SIGMAS * sigma + 1.0 / real.1,
            unit: Unit::Share,
        }
    }

    /// A number that chance decides: within three standard deviations of the difference of two
    /// Poisson counts.
    pub(super) fn drawn(what: &'static str, simulated: usize, real: usize) -> Self {
        let within = SIGMAS * ((simulated + real) as f64).sqrt();
        Self::number(what, simulated, real, within)
    }

    /// A number that chance does not decide: so many more or less at most.
    pub(super) fn count(what: &'static str, simulated: usize, real: usize, within: usize) -> Self {
        Self::number(what, simulated, real, within as f64)
    }

    fn number(what: &'static str, simulated: usize, real: usize, within: f64) -> Self {
        Self {
            what,
            simulated: simulated as f64,
            real: real as f64,
            within,
            unit: Unit::Count,
        }
    }

    /// An instant of the run: within this.
    pub(super) fn time(
        what: &'static str,
        simulated: Option<Duration>,
        real: Option<Duration>,
        within: Duration,
    ) -> Self {
        let of = |at: Option<Duration>| at.map_or(f64::NAN, |at| at.as_secs_f64());
        Self {
            what,
            simulated: of(simulated),
            real: of(real),
            within: within.as_secs_f64(),
            unit: Unit::Time,
        }
    }

    /// Median and 99th percentile of the requests that succeeded.
    pub(super) fn latencies(simulated: &Log, real: &Log) -> [Self; 2] {
        Self::latencies_of(["p50", "p99"], simulated, real, |r| r.is(200))
    }

    /// The same of some requests: within ten percent, and of the 99th percentile by how much the
    /// machine itself was unsteady meanwhile.
    pub(super) fn latencies_of(
        what: [&'static str; 2],
        simulated: &Log,
        real: &Log,
        wanted: impl Fn(&Request) -> bool,
    ) -> [Self; 2] {
        let row = |what, q, more| {
            let (s, r) = (simulated.quantile(q, &wanted), real.quantile(q, &wanted));
            Self::time(what, Some(s), Some(r), s.mul_f64(LATENCY) + more)
        };
        [
            row(what[0], 0.5, Duration::ZERO),
            row(what[1], 0.99, real.unsteadiness()),
        ]
    }

    /// False when there is nothing to measure in one of them.
    pub(super) fn agrees(&self) -> bool {
        (self.simulated - self.real).abs() <= self.within + 1e-9
    }

    fn shown(&self, value: f64) -> String {
        match self.unit {
            Unit::Count => format!("{value:.0}"),
            Unit::Share => format!("{:.1} %", value * 100.0),
            Unit::Time => format!("{:.1} ms", value * 1000.0),
        }
    }
}

impl fmt::Display for Row {
    /// A row of the table in `docs/trust.md`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} | {} | {} | ± {}",
            self.what,
            self.shown(self.simulated),
            self.shown(self.real),
            self.shown(self.within)
        )
    }
}
