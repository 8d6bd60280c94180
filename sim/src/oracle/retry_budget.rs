//! A retry budget is never exceeded.
//!
//! Of a rate budget this is checked over all windows that begin and end at a sample: retries ≤
//! percent × requests + minimum × interval. The budget keeps its interval in ten slots, and the
//! oldest goes as a whole (Finagle's `WindowedAdder`), so what it promises of retries is a promise
//! about nine tenths of the interval; and a retry is paid for before its back-off, so the longest
//! back-off is taken off as well. The window of requests reaches one sample further back, since a
//! request that began in the slice before may deposit late.

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
            let Some((percent, interval, min_per_second, backoff)) = budget(snapshot, key) else {
                continue;
            };
            let promised = (interval * 9 / 10).saturating_sub(backoff);
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
            let whole = window.iter().zip(window.iter().skip(1));
            let inside = whole.filter(|(before, _)| now.since(before.at) <= promised);
            let retries: u64 = inside.map(|(_, sample)| sample.retries).sum();
            let reserve = f64::from(min_per_second) * interval.as_secs_f64();
            let allowed = requests as f64 * f64::from(percent) / 100.0 + reserve + SLACK;
            if retries as f64 > allowed {
                breach(format!(
                    "{} made {retries} retries for {requests} requests of route {} within {:?} \
                     before {}, more than the {percent} % and {min_per_second}/s of its budget",
                    frame.source,
                    key.route,
                    promised,
                    seconds(now),
                ));
            }
        }
    }

    fn finish(&mut self, _: Instant, _: &mut dyn FnMut(String)) {}
}

/// Percent, interval and minimum of the rate budget of a rule, if it has one, and the rule's
/// longest back-off.
fn budget(snapshot: &Snapshot, key: &RouteKey) -> Option<(u32, Duration, u32, Duration)> {
    let frontends = &snapshot.outbound.frontends;
    let frontend = frontends
        .iter()
        .find(|f| f.service == key.service.service && f.port == key.service.port)?;
    let named = |name: &Arc<str>| *name == key.route;
    let rule = frontend.routes.rules().iter().find(|r| named(&r.name))?;
    let retry = rule.retry.as_ref()?;
    match retry.budget? {
        RetryBudget::Rate {
            percent,
            interval,
            min_per_second,
        } => Some((percent, interval, min_per_second, retry.backoff_max)),
        RetryBudget::Concurrency { .. } => None,
    }
}
