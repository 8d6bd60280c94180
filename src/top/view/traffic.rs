//! What a row did in the window: rates that add up over sources, percentiles of merged histograms.

use std::collections::BTreeMap;

use engine::failure::Flag;
use engine::report::{Counters, Histogram};
use serde::Serialize;

use crate::top::store::{Rated, Source};

/// Flags of requests that were turned away before they reached an application.
const REJECTIONS: [Flag; 8] = [
    Flag::Overflow,
    Flag::NoHealthyUpstream,
    Flag::RateLimited,
    Flag::Denied,
    Flag::Unauthenticated,
    Flag::NoKeys,
    Flag::Dropped,
    Flag::ShortCircuited,
];

/// What a row did in the window.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(in crate::top) struct Traffic {
    /// Requests that ended in the window.
    pub(in crate::top) requests: u64,
    /// Those of them that failed, with or without an answer.
    pub(in crate::top) failed: u64,
    /// Requests that ended, per second; none while nothing was measured.
    pub(in crate::top) per_second: Option<f64>,
    /// Successes among those that ended; none when nothing ended.
    pub(in crate::top) success_rate: Option<f64>,
    pub(in crate::top) p50_us: Option<u64>,
    pub(in crate::top) p95_us: Option<u64>,
    pub(in crate::top) p99_us: Option<u64>,
    /// Under way now.
    pub(in crate::top) in_flight: u64,
    /// Of them, waiting for an endpoint or a connection.
    pub(in crate::top) pending: u64,
    pub(in crate::top) retries_per_second: f64,
    /// Retries that a budget or limit refused.
    pub(in crate::top) retries_denied_per_second: f64,
    pub(in crate::top) timeouts_per_second: f64,
    /// Requests that were turned away, by flag.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(in crate::top) rejected_per_second: BTreeMap<&'static str, f64>,
    pub(in crate::top) bytes_in_per_second: f64,
    pub(in crate::top) bytes_out_per_second: f64,
    #[serde(skip)]
    pub(in crate::top) latency: Histogram,
}

/// Adds up rows of one key over sources.
#[derive(Clone, Debug, Default)]
pub(super) struct Gather {
    sum: Counters,
    measured: bool,
    rates: Rates,
}

/// Per second, each source by its own time.
#[derive(Clone, Debug, Default)]
struct Rates {
    ended: f64,
    retries: f64,
    retries_denied: f64,
    timeouts: f64,
    rejected: [f64; REJECTIONS.len()],
    bytes_in: f64,
    bytes_out: f64,
}

// === impl Traffic ===

impl Traffic {
    /// All rejections together.
    pub(in crate::top) fn rejected(&self) -> f64 {
        self.rejected_per_second.values().sum()
    }
}

// === impl Gather ===

impl Gather {
    pub(super) fn add(&mut self, source: &Source, rated: &Rated<'_, Counters>) {
        self.add_counters(source, rated.sum, rated.row, rated.present);
    }

    /// `sum` is what was counted in the source's window; `newest` has the gauges.
    pub(super) fn add_counters(
        &mut self,
        source: &Source,
        sum: &Counters,
        newest: &Counters,
        present: bool,
    ) {
        if present {
            self.sum.in_flight = self.sum.in_flight.saturating_add(newest.in_flight);
            self.sum.pending = self.sum.pending.saturating_add(newest.pending);
        }
        let seconds = source.covered().as_secs_f64();
        if seconds <= 0.0 {
            return;
        }
        self.measured = true;
        self.sum.merge(sum);
        let per_second = |n: u64| n as f64 / seconds;
        let rates = &mut self.rates;
        rates.ended += per_second(sum.ended());
        rates.retries += per_second(sum.retries);
        rates.retries_denied += per_second(sum.retries_denied);
        rates.timeouts += per_second(sum.timeouts);
        rates.bytes_in += per_second(sum.bytes_in);
        rates.bytes_out += per_second(sum.bytes_out);
        for (rate, flag) in rates.rejected.iter_mut().zip(REJECTIONS) {
            *rate += per_second(sum.flags.get(flag));
        }
    }

    /// What others counted of something else.
    pub(super) fn merge(&mut self, other: &Self) {
        self.sum.merge(&other.sum);
        self.measured |= other.measured;
        let (mine, theirs) = (&mut self.rates, &other.rates);
        mine.ended += theirs.ended;
        mine.retries += theirs.retries;
        mine.retries_denied += theirs.retries_denied;
        mine.timeouts += theirs.timeouts;
        mine.bytes_in += theirs.bytes_in;
        mine.bytes_out += theirs.bytes_out;
        for (mine, theirs) in mine.rejected.iter_mut().zip(theirs.rejected) {
            *mine += theirs;
        }
    }

    /// Requests that ended in the window.
    pub(super) fn requests(&self) -> u64 {
        self.sum.ended()
    }

    pub(super) fn traffic(self) -> Traffic {
        let Self {
            sum,
            rates,
            measured,
        } = self;
        let [p50_us, p95_us, p99_us] = sum.latency.quantiles([0.5, 0.95, 0.99]);
        let rejected = REJECTIONS.into_iter().zip(rates.rejected);
        Traffic {
            requests: sum.ended(),
            failed: sum.failure + sum.local_failure,
            per_second: measured.then_some(rates.ended),
            success_rate: sum.success_rate(),
            p50_us,
            p95_us,
            p99_us,
            in_flight: sum.in_flight,
            pending: sum.pending,
            retries_per_second: rates.retries,
            retries_denied_per_second: rates.retries_denied,
            timeouts_per_second: rates.timeouts,
            rejected_per_second: rejected
                .filter(|(_, rate)| *rate > 0.0)
                .map(|(flag, rate)| (flag.as_str(), rate))
                .collect(),
            bytes_in_per_second: rates.bytes_in,
            bytes_out_per_second: rates.bytes_out,
            latency: sum.latency,
        }
    }
}
