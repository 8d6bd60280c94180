//! After the faults stop, traffic recovers.
//!
//! The demand is liveness, not quality: for each load that was served before the first fault, some
//! requests succeed in the last part of the run, once all faults have been over for a while. What
//! quality returns, and how fast, is for expectations.

use core::time::Duration;
use std::collections::BTreeMap;

use engine::time::Instant;

use super::{Fact, Invariant};
use crate::record::HappeningKind;
use crate::scenario::Spec;

pub(super) struct Recovers {
    /// By load.
    seen: BTreeMap<String, Seen>,
    /// Load of each request under way.
    of: BTreeMap<String, String>,
    first_fault: Option<Instant>,
    /// When the last fault ended; none while one goes on, or when one stays to the end.
    faults: BTreeMap<usize, Option<Instant>>,
    /// A change by an operator may rightly stop all traffic, so nothing is demanded after one.
    changed: bool,
    end: Instant,
}

#[derive(Default)]
struct Seen {
    before: u64,
    /// Ended in the last part of the run: all, and successes.
    tail: (u64, u64),
}

/// Traffic has this long to come back: the longest back-off and ejection times of the defaults.
const SETTLE: Duration = Duration::from_secs(60);

/// The part of the run in which successes are demanded.
const TAIL: Duration = Duration::from_secs(10);

/// Requests in that part below which nothing can be said.
const TAIL_REQUESTS_MIN: u64 = 10;

// === impl Recovers ===

impl Recovers {
    pub(super) fn new(spec: &Spec) -> Self {
        Self {
            seen: BTreeMap::new(),
            of: BTreeMap::new(),
            first_fault: None,
            faults: BTreeMap::new(),
            changed: false,
            end: Instant::ZERO + spec.duration.0,
        }
    }
}

impl Invariant for Recovers {
    fn name(&self) -> &'static str {
        "traffic recovers after faults"
    }

    fn observe(&mut self, now: Instant, fact: &Fact<'_>, _: &mut dyn FnMut(String)) {
        match fact {
            Fact::Sent { load, id, .. } => {
                self.of.insert((*id).to_owned(), (*load).to_owned());
            }
            Fact::Ended { id, outcome, .. } => {
                let Some(load) = self.of.remove(*id) else {
                    return;
                };
                let seen = self.seen.entry(load).or_default();
                if outcome.success && self.first_fault.is_none() {
                    seen.before += 1;
                }
                if now + TAIL >= self.end {
                    seen.tail.0 += 1;
                    seen.tail.1 += u64::from(outcome.success);
                }
            }
            Fact::Happened(h) if h.kind == HappeningKind::Change => self.changed = true,
            Fact::Happened(h) => {
                self.first_fault.get_or_insert(now);
                self.faults
                    .insert(h.event, h.until_ns.map(Instant::from_nanos));
            }
            _ => {}
        }
    }

    fn finish(&mut self, _: Instant, breach: &mut dyn FnMut(String)) {
        let ends: Option<Vec<_>> = self.faults.values().copied().collect();
        let Some(last) = ends.and_then(|ends| ends.into_iter().max()) else {
            return;
        };
        if self.changed || last + SETTLE + TAIL > self.end {
            return;
        }
        for (load, seen) in &self.seen {
            let (all, good) = seen.tail;
            if seen.before > 0 && all >= TAIL_REQUESTS_MIN && good == 0 {
                breach(format!(
                    "load {load} was served before the faults; none of its last {all} requests \
                     was, {:?} after the last fault ended",
                    self.end.since(last),
                ));
            }
        }
    }
}
