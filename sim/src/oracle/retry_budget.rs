//! A retry budget is never exceeded.
//!
//! Of a rate budget this is checked over all windows of its interval that begin and end at a
//! sample: retries ≤ percent × requests + minimum × interval (ALGORITHMS: retry budgets). Requests
//! that began in the slice before may deposit late, so the window of requests reaches one sample
//! further back.

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use engine::report::RouteKey;
use engine::snapshot::{RetryBudget, Snapshot};
use engine::time::Instant;

use super::{Fact, Invariant, seconds};

#[derive(Default)]
pub(super) struct WithinBudget {
    /// By proxy and rule: what each sample counted.
    windows: BTreeMap<(String, RouteKey), VecDeque<Sample>>,
}

#[derive(Clone, Copy)]
struct Sample {
    at: Instant,
    requests: u64,
    retries: u64,
}

/// One retry may be under way on either side of each sample.
const SLACK: f64 = 1.0;

// === impl WithinBudget ===

impl Invariant for WithinBudget {
    fn name(&self) -> &'static str {
        "a retry budget is never exceeded"
    }

    fn observe(&mut self, now: Instant, fact: &Fact<'_>, breach: &mut dyn FnMut(String)) {
        let Fact::Sampled { frame, snapshot } = fact else {
            return;
        };
        for (key, row) in frame.routes.iter() {
            let Some((percent, interval, min_per_second)) = budget(snapshot, key) else {
                continue;
            };
            let window = self
                .windows
                .entry((frame.source.clone(), key.clone()))
                .or_default();
            window.push_back(Sample {
                at: now,
                requests: row.counters.requests,
                retries: row.counters.retries,
            });
            while window.len() > 2 && now.since(window[1].at) >= interval {
                window.pop_front();
            }
            let requests: u64 = window.iter().map(|s| s.requests).sum();
            let retries: u64 = window.iter().skip(1).map(|s| s.retries).sum();
            let reserve = f64::from(min_per_second) * interval.as_secs_f64();
            let allowed = requests as f64 * f64::from(percent) / 100.0 + reserve + SLACK;
            if retries as f64 > allowed {
                breach(format!(
                    "{} made {retries} retries for {requests} requests of route {} within {:?} \
                     before {}, more than the {percent} % and {min_per_second}/s of its budget",
                    frame.source,
                    key.route,
                    interval,
                    seconds(now),
                ));
            }
        }
    }

    fn finish(&mut self, _: Instant, _: &mut dyn FnMut(String)) {}
}

/// Percent, interval and minimum of the rate budget of a rule, if it has one.
fn budget(snapshot: &Snapshot, key: &RouteKey) -> Option<(u32, Duration, u32)> {
    let frontends = &snapshot.outbound.frontends;
    let frontend = frontends
        .iter()
        .find(|f| f.service == key.service.service && f.port == key.service.port)?;
    let named = |name: &Arc<str>| *name == key.route;
    let rule = frontend.routes.rules().iter().find(|r| named(&r.name))?;
    match rule.retry.as_ref()?.budget? {
        RetryBudget::Rate {
            percent,
            interval,
            min_per_second,
        } => Some((percent, interval, min_per_second)),
        RetryBudget::Concurrency { .. } => None,
    }
}
