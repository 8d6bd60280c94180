//! What a run produced: the contract between the run and everything that judges or shows it.
//!
//! ```text
//!  run ──▶ Observations ─┬─▶ expect   expectation by expectation: expected, seen, margin
//!  (one seed)            ├─▶ oracle   invariants that always hold (they watch while it runs)
//!                        └─▶ report   text, JSON, JUnit, HTML, one request's story
//! ```
//!
//! Time is cut at [`Spec::instants`](crate::scenario::Spec::instants): each second and each bound
//! of a window. What is counted is kept per slice, so that any window is a sum of slices and
//! survives a proxy that died in the middle of it; what is measured (breaker states, open
//! connections) is as of the end of its slice.

use core::time::Duration;
use std::collections::BTreeSet;

use engine::failure::Flag;
use engine::report::{Counters, Frame};
use proxy::observe::RequestRecord;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::scenario::Source;

/// Everything one run with one seed produced. Equal for equal seed, inputs and version.
#[derive(Clone, Debug, Default)]
pub struct Observations {
    pub seed: u64,
    /// Virtual time that was simulated; shorter than the scenario's duration only if `partial`.
    pub ended_at: Duration,
    /// Why the run ended early, if it did: an interrupt, a limit of wall-clock time.
    pub partial: Option<String>,
    /// Bounds of the slices, ascending, beginning with zero.
    pub instants: Vec<Duration>,
    /// `frames[i]` is what all proxies together did from `instants[i]` to `instants[i + 1]`, with
    /// their states at its end: each proxy's frame since the one before, then merged.
    pub frames: Vec<Frame>,
    /// As the senders saw it; in the order of the scenario.
    pub loads: Vec<LoadSeries>,
    /// What the scenario made happen, in the order of its beginning.
    pub happenings: Vec<Happening>,
    /// The pods of the run, by workload.
    pub workloads: Vec<WorkloadSeen>,
    /// What the run rests on.
    pub inputs: Vec<Input>,
    /// What is different in reality.
    pub not_modelled: Vec<NotModelled>,
    /// Invariants that did not hold.
    pub breaches: Vec<Breach>,
    /// Stories of requests that were asked for (`--trace`).
    pub stories: Vec<Story>,
    /// Hash over all application events and network writes, in order.
    pub trace_hash: u64,
}

/// One load as its senders saw it.
#[derive(Clone, Debug, Default)]
pub struct LoadSeries {
    pub name: String,
    /// One for each slice. `requests` are those sent in it, everything else is about those that
    /// ended in it; `local_failure` are those that got no answer (refused, reset, timed out).
    /// `latency` is from the time the request was due, so that a sender that falls behind does not
    /// hide it (coordinated omission).
    pub slices: Vec<Counters>,
}

/// Something that the scenario made happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Happening {
    /// When it began, in nanoseconds from the beginning of the run.
    pub at_ns: u64,
    /// When it ended; none = at once, or not before the end of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_ns: Option<u64>,
    /// Whether it is a fault or a change.
    pub kind: HappeningKind,
    /// As [`crate::scenario::Event::title`] has it.
    pub title: String,
    /// Index of the event in the scenario.
    pub event: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HappeningKind {
    /// Something is broken for a time.
    Fault,
    /// An operator changed something.
    Change,
}

/// A workload and its pods.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkloadSeen {
    /// `shop/Deployment/web`
    pub workload: String,
    /// `shop/web-0`
    pub pods: Vec<String>,
    /// How many of them have a sidecar.
    pub meshed: u32,
}

/// One value that the run rests on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Input {
    /// What it is a value of: `app shop/Deployment/web`, `load browse`, `network`.
    pub subject: String,
    /// Which value: `serviceTime`, `replicas`, `calls`.
    pub field: String,
    /// The value in words.
    pub value: String,
    /// Given, measured or assumed.
    pub source: Source,
    /// Where it comes from: `shop.yaml:12`, or the reason for an assumption.
    pub why: String,
}

/// What the simulation leaves out, and what that means for the result.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct NotModelled {
    /// What is left out.
    pub what: String,
    /// What that means for the result.
    pub means: String,
}

/// An invariant that did not hold: a bug of the mesh or of the simulator, never of the scenario.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Breach {
    /// Name of the invariant.
    pub invariant: String,
    /// When it was found.
    pub at_ns: u64,
    /// What was seen, with names and numbers.
    pub seen: String,
}

/// One request across hops.
#[derive(Clone, Debug)]
pub struct Story {
    /// `x-request-id`.
    pub id: String,
    /// The load that sent it.
    pub load: String,
    pub started: Duration,
    pub ended: Duration,
    /// What the sender saw.
    pub outcome: Outcome,
    /// Every proxy's record of it and of the requests that it caused, in the order of their start.
    pub hops: Vec<RequestRecord>,
}

/// How a request ended for its sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub status: Option<u16>,
    pub grpc: Option<u32>,
    pub flag: Option<Flag>,
    /// In words, when there was no answer: `connection reset`, `timeout after 10s`.
    pub error: Option<String>,
    pub success: bool,
}

/// The workloads that got no request and no connection in the whole run, so that what they would
/// have done cannot matter. Only workloads whose pods all have a sidecar: nobody counts at others.
pub fn never_asked<'a>(workloads: &'a [WorkloadSeen], frames: &[Frame]) -> BTreeSet<&'a str> {
    let counted = |c: &Counters| c.requests > 0 || c.ended() > 0;
    let mut asked = BTreeSet::new();
    let mut reached = BTreeSet::new();
    for frame in frames {
        let counted_edges = frame.edges.iter().filter(|(_, row)| counted(row));
        asked.extend(counted_edges.map(|(key, _)| &*key.to));
        for (key, row) in frame.endpoints.iter() {
            if counted(&row.counters) || row.connections.opened > 0 || row.connections.open > 0 {
                reached.insert(&key.endpoint);
            }
        }
    }
    let reached: BTreeSet<String> = reached.into_iter().map(ToString::to_string).collect();
    let idle = workloads.iter().filter(|w| {
        w.meshed as usize == w.pods.len()
            && !asked.contains(w.workload.as_str())
            && !w.pods.iter().any(|pod| reached.contains(pod))
    });
    idle.map(|w| w.workload.as_str()).collect()
}

// === impl Input ===

impl Input {
    /// The workload whose application it describes, if it does.
    pub fn workload(&self) -> Option<&str> {
        self.subject.strip_prefix("app ")
    }
}

// === impl Observations ===

impl Observations {
    /// The slices within a window. Bounds that are no instants of the run are moved to the nearest
    /// instant inside; [`crate::scenario::Spec::instants`] has the bounds of all windows, so this
    /// only happens to windows of other scenarios and to runs that ended early.
    pub fn slices(&self, from: Duration, to: Duration) -> core::ops::Range<usize> {
        let last = self.instants.len().saturating_sub(1).min(self.frames.len());
        let first = self.instants.partition_point(|t| *t < from).min(last);
        let end = self.instants.partition_point(|t| *t <= to);
        first..end.saturating_sub(1).clamp(first, last)
    }

    /// The length of a range of slices.
    pub fn length(&self, slices: &core::ops::Range<usize>) -> Duration {
        match (
            self.instants.get(slices.start),
            self.instants.get(slices.end),
        ) {
            (Some(from), Some(to)) => to.saturating_sub(*from),
            _ => Duration::ZERO,
        }
    }

    /// The load of that name.
    pub fn load(&self, name: &str) -> Option<&LoadSeries> {
        self.loads.iter().find(|l| l.name == name)
    }

    /// Everything that all loads saw, added up.
    pub fn totals(&self) -> Counters {
        let mut sum = Counters::default();
        for load in &self.loads {
            sum.merge(&load.total(0..load.slices.len()));
        }
        sum
    }
}

// === impl LoadSeries ===

impl LoadSeries {
    /// The sum over some slices; gauges as of the last one.
    pub fn total(&self, slices: core::ops::Range<usize>) -> Counters {
        let slices = self.slices.get(slices).unwrap_or_default();
        let mut sum = Counters::default();
        for slice in slices {
            sum.merge(slice);
        }
        if let Some(last) = slices.last() {
            (sum.in_flight, sum.pending) = (last.in_flight, last.pending);
        }
        sum
    }
}

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;
