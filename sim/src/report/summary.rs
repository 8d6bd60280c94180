//! Sums over a whole run, in the few numbers that people compare.

use std::collections::BTreeMap;

use core::time::Duration;

use engine::report::Counters;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::record::Observations;

/// Sums over the whole run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Totals {
    /// Everything that was sent.
    pub all: Line,
    /// Each load, as its senders saw it.
    pub loads: Vec<Line>,
    /// Each Service, as its clients' proxies saw it.
    pub services: Vec<Line>,
}

/// One row of sums.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Line {
    /// Load, or Service as `NS/NAME:PORT`.
    pub name: String,
    /// Requests that were started.
    pub requests: u64,
    /// Requests that ended, per second.
    pub per_second: f64,
    /// Requests that succeeded.
    pub success: u64,
    /// Requests that failed, with or without an answer.
    pub failed: u64,
    /// Successes among those that ended; none when nothing ended.
    pub success_rate: Option<f64>,
    /// Median of the latency in microseconds.
    pub p50_us: Option<u64>,
    /// 90th percentile.
    pub p90_us: Option<u64>,
    /// 95th percentile.
    pub p95_us: Option<u64>,
    /// 99th percentile.
    pub p99_us: Option<u64>,
    /// Largest latency.
    pub max_us: Option<u64>,
    /// Tries after the first.
    pub retries: u64,
    /// Failures by flag.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub flags: BTreeMap<String, u64>,
}

// === impl Totals ===

impl Totals {
    pub(super) fn new(run: &Observations) -> Self {
        let length = run.ended_at;
        let loads = run
            .loads
            .iter()
            .map(|load| Line::new(load.name.clone(), &load.total(0..load.slices.len()), length));
        let mut services: BTreeMap<String, Counters> = BTreeMap::new();
        for frame in &run.frames {
            for (key, row) in frame.services.iter() {
                services
                    .entry(key.service.to_string())
                    .or_default()
                    .merge(row);
            }
        }
        Self {
            all: Line::new("all".into(), &run.totals(), length),
            loads: loads.collect(),
            services: services
                .into_iter()
                .map(|(name, row)| Line::new(name, &row, length))
                .collect(),
        }
    }
}

// === impl Line ===

impl Line {
    pub(super) fn new(name: String, counters: &Counters, length: Duration) -> Self {
        let seconds = length.as_secs_f64();
        let quantile = |q| counters.latency.quantile(q);
        Self {
            name,
            requests: counters.requests,
            per_second: match seconds > 0.0 {
                true => counters.ended() as f64 / seconds,
                false => 0.0,
            },
            success: counters.success,
            failed: counters.failure + counters.local_failure,
            success_rate: counters.success_rate(),
            p50_us: quantile(0.5),
            p90_us: quantile(0.9),
            p95_us: quantile(0.95),
            p99_us: quantile(0.99),
            max_us: quantile(1.0),
            retries: counters.retries,
            flags: counters
                .flags
                .iter()
                .map(|(f, n)| (f.as_str().to_owned(), n))
                .collect(),
        }
    }
}
