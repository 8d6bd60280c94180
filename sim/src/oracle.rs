//! The observers that judge: invariants that hold in every run, whatever the scenario expects.
//!
//! Each invariant is a value of its own that is told facts in the order in which they happen and
//! reports breaches. They share nothing with what they watch, so that a bug cannot hide itself. A
//! breach is a bug of the mesh or of the simulator and fails the run.

use core::time::Duration;

use engine::report::Frame;
use engine::snapshot::Snapshot;
use engine::time::Instant;
use http::Method;
use model::index::{Index, Pod};

use crate::record::{Breach, Happening, Outcome};
use crate::scenario::Spec;

mod admission;
mod conservation;
mod convergence;
mod ejection;
mod recovery;
mod retry_budget;

/// Something that happened in the world.
#[derive(Debug)]
pub enum Fact<'a> {
    /// A sender sends a request. `id` is unique in the run.
    Sent {
        load: &'a str,
        id: &'a str,
        body_bytes: u64,
    },
    /// A request is over for its sender.
    Ended {
        id: &'a str,
        outcome: &'a Outcome,
        body_bytes: u64,
    },
    /// A pod was made, of which nothing runs yet.
    Placed {
        pod: &'a Pod,
        index: &'a Index,
        /// Whether it has a sidecar.
        meshed: bool,
    },
    /// An application got a request whole. `id` is its `x-request-id`.
    Received {
        pod: &'a str,
        id: &'a str,
        call: &'a Call,
        body_bytes: u64,
    },
    /// An application sent an answer whole, or gave up half-way (`whole` is false).
    Answered {
        pod: &'a str,
        id: &'a str,
        body_bytes: u64,
        whole: bool,
    },
    /// One proxy's frame since its frame before, with the snapshot it acts on.
    Sampled {
        frame: &'a Frame,
        snapshot: &'a Snapshot,
    },
    /// The scenario made something happen, or it ended.
    Happened(&'a Happening),
    /// The run is over, and nothing is on its way to this proxy: the version of the configuration
    /// that it acts on, and that of what is applied.
    Knows {
        pod: &'a str,
        version: u64,
        newest: u64,
    },
}

/// A request as an application sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// Who called, as the application is told (`x-forwarded-client-cert`).
    pub peer: Option<String>,
    pub method: String,
    /// Without port.
    pub host: String,
    /// Without query.
    pub path: String,
}

/// All invariants together. The run tells it facts; [`Oracle::finish`] gives the breaches.
pub struct Oracle {
    invariants: Vec<Box<dyn Invariant>>,
    breaches: Vec<Breach>,
    dropped: u64,
}

/// One rule that always holds.
trait Invariant: Send {
    /// Its name in reports.
    fn name(&self) -> &'static str;

    /// Takes note of a fact. `breach` is called with what was seen, if the rule is broken.
    fn observe(&mut self, now: Instant, fact: &Fact<'_>, breach: &mut dyn FnMut(String));

    /// The run is over: nothing is sent any more and everything had time to end.
    fn finish(&mut self, now: Instant, breach: &mut dyn FnMut(String));
}

/// Breaches kept in a run; more say nothing new.
const BREACHES_MAX: usize = 100;

// === impl Call ===

impl Call {
    pub(crate) fn new(method: &Method, host: &str, path: &str, peer: Option<String>) -> Self {
        Self {
            peer,
            method: method.to_string(),
            host: host.to_owned(),
            path: path.to_owned(),
        }
    }
}

// === impl Oracle ===

impl Oracle {
    /// The invariants that hold for runs of `spec`, which begin with the policies of `index`.
    pub fn new(spec: &Spec, index: &Index) -> Self {
        Self {
            invariants: vec![
                Box::new(conservation::EndsOnce::default()),
                Box::new(conservation::BytesKept::default()),
                Box::new(retry_budget::WithinBudget::default()),
                Box::new(ejection::WithinCap::default()),
                Box::new(recovery::Recovers::new(spec)),
                Box::new(admission::Admitted::new(index)),
                Box::new(convergence::Converges),
            ],
            breaches: Vec::new(),
            dropped: 0,
        }
    }

    /// Names of the invariants, for reports.
    pub fn names(&self) -> Vec<&'static str> {
        self.invariants.iter().map(|i| i.name()).collect()
    }

    pub fn observe(&mut self, now: Instant, fact: &Fact<'_>) {
        self.each(now, |invariant, breach| {
            invariant.observe(now, fact, breach);
        });
    }

    /// The run is over. `drained` is false when requests may still be under way (an interrupted
    /// run): then nothing is demanded of them.
    pub fn finish(mut self, now: Instant, drained: bool) -> Vec<Breach> {
        if drained {
            self.each(now, |invariant, breach| invariant.finish(now, breach));
        }
        if self.dropped > 0 {
            self.breaches.push(Breach {
                invariant: "all".into(),
                at_ns: now.as_nanos(),
                seen: format!("{} further breaches are not listed", self.dropped),
            });
        }
        self.breaches
    }

    fn each(
        &mut self,
        now: Instant,
        mut step: impl FnMut(&mut dyn Invariant, &mut dyn FnMut(String)),
    ) {
        for invariant in &mut self.invariants {
            let name = invariant.name();
            let (breaches, dropped) = (&mut self.breaches, &mut self.dropped);
            step(invariant.as_mut(), &mut |seen| {
                if breaches.len() < BREACHES_MAX {
                    breaches.push(Breach {
                        invariant: name.into(),
                        at_ns: now.as_nanos(),
                        seen,
                    });
                } else {
                    *dropped += 1;
                }
            });
        }
    }
}

/// Seconds since the beginning of the run, for messages.
fn seconds(at: Instant) -> String {
    format!("{:.3} s", Duration::from_nanos(at.as_nanos()).as_secs_f64())
}

#[cfg(test)]
mod tests;
