//! One value, several faces: the result of a scenario as JSON, text, JUnit, HTML, and compared with
//! an earlier one.
//!
//! ```text
//!            ┌▶ json     the value itself; the same bytes for the same seed, inputs and version
//!   Report ──┼▶ text     for people at a terminal
//!            ├▶ junit    for CI
//!            ├▶ html     one file with plots on a shared time axis
//!            ├▶ compare  what became worse
//!            ├▶ beside   two runs in columns
//!            └▶ markdown what is significant, as a comment
//!   Story  ───▶ trace    one request across hops
//! ```
//!
//! A report holds no wall-clock time. Every name in it may come from a hostile manifest: each face
//! escapes for its own medium.

use core::time::Duration;

use engine::report::{Counters, Frame};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::expect::{Judged, SeedResult, Spread, Verdict};
use crate::record::{
    Breach, Happening, Input, LoadSeries, NotModelled, Observations, WorkloadSeen,
};
use crate::scenario::{Scenario, Source};

mod assumed;
pub mod beside;
pub mod clean;
pub mod compare;
mod happened;
pub mod html;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod schema;
mod slim;
pub mod summary;
pub mod text;
pub mod trace;

use summary::Totals;

/// Version of the report's format.
pub const SCHEMA: &str = "sim.meshctl.dev/v1alpha1/Report";

/// The result of one scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// Version of this format.
    pub schema: String,
    /// Version of meshctl.
    pub version: String,
    /// The seed of the run that is shown in detail: the first that failed, else the first.
    pub seed: u64,
    /// What was run.
    pub scenario: About,
    /// The result.
    pub verdict: Verdict,
    /// Why the run ended early, if it did. A partial run never passes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partial: Option<String>,
    /// Policies of another mesh that were given and ignored, since they are not understood: the
    /// result is about a mesh without them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub incomplete: Vec<String>,
    /// What the run rests on.
    pub inputs: Inputs,
    /// What is different in reality.
    pub not_modelled: Vec<NotModelled>,
    /// The expectations, as this seed saw them.
    pub expectations: Vec<Judged>,
    /// Invariants that did not hold: bugs of the mesh or of the simulator.
    pub breaches: Vec<Breach>,
    /// All seeds together.
    pub seeds: Seeds,
    /// Sums over the whole run.
    pub totals: Totals,
    /// What the scenario made happen.
    pub events: Vec<Happening>,
    /// The pods that were simulated.
    pub workloads: Vec<WorkloadSeen>,
    /// Bounds of the slices of `loads` and `frames`, in nanoseconds.
    pub instants_ns: Vec<u64>,
    /// As the senders saw it, slice by slice.
    pub loads: Vec<Sent>,
    /// As all proxies together saw it, slice by slice.
    #[schemars(schema_with = "schema::frames")]
    pub frames: Vec<Frame>,
    /// Hash over all application events and network writes of this seed, in order.
    pub trace_hash: String,
    /// The command that made this report.
    pub command: String,
}

/// What was run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct About {
    /// Name of the scenario.
    pub name: String,
    /// The file as it was named; empty when the scenario was derived from manifests.
    pub file: String,
    /// What it shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Virtual time that was asked for.
    pub duration_ns: u64,
    /// Virtual time that was simulated.
    pub simulated_ns: u64,
    /// Beginning of the run that expectations do not look at.
    pub warmup_ns: u64,
}

/// What the run rests on, by where it comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Inputs {
    /// In the manifests or the scenario.
    pub given: Vec<Input>,
    /// From metrics of a running system.
    pub measured: Vec<Input>,
    /// Defaults and derivations: nobody knows whether they are true.
    pub assumed: Vec<Input>,
}

/// All seeds together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Seeds {
    /// Seeds that were run.
    pub run: u32,
    /// Seeds in which all expectations held.
    pub passed: u32,
    /// Share of the seeds that has to pass.
    pub required: f64,
    /// The seeds that failed, at most a hundred of them.
    pub failed: Vec<u64>,
    /// Each expectation over all seeds.
    pub spread: Vec<Spread>,
}

/// One load, slice by slice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sent {
    /// Name of the load.
    pub name: String,
    /// What was sent in each slice, and how what ended in it ended.
    #[schemars(schema_with = "schema::slices")]
    pub slices: Vec<Counters>,
}

/// What the program knows of the run besides its result.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// Version of meshctl.
    pub version: String,
    /// The scenario's file as the user named it; empty when it was derived.
    pub file: String,
    /// The command line as it was typed.
    pub command: String,
    /// The command that repeats the run, without the seed: `--seed N` is added to it.
    pub replay: String,
    /// See [`Report::incomplete`].
    pub incomplete: Vec<String>,
}

/// Failed seeds listed; the number is given anyway.
const FAILED_SEEDS_MAX: usize = 100;

// === impl Report ===

impl Report {
    /// The report of a scenario: `results` of all seeds in the order of the seeds, and `detail`,
    /// the observations of the seed that [`Report::detail_seed`] names.
    pub fn new(
        context: &Context,
        scenario: &Scenario,
        results: &[SeedResult],
        detail: &Observations,
    ) -> Self {
        let spec = &scenario.spec;
        let result = results.iter().find(|r| r.seed == detail.seed);
        let mut expectations = result.map(|r| r.judged.clone()).unwrap_or_default();
        for judged in expectations.iter_mut().filter(|j| !j.pass) {
            judged.replay = Some(context.replay_of(detail.seed));
        }
        let inputs = |source| {
            let mut mine: Vec<_> = detail
                .inputs
                .iter()
                .filter(|i| i.source == source)
                .cloned()
                .collect();
            mine.sort();
            mine
        };
        let partial = results.iter().find_map(|r| r.partial.clone());
        Self {
            schema: SCHEMA.into(),
            version: context.version.clone(),
            seed: detail.seed,
            scenario: About {
                name: scenario.metadata.name.clone(),
                file: context.file.clone(),
                description: spec.description.clone(),
                duration_ns: nanos(spec.duration.0),
                simulated_ns: nanos(detail.ended_at),
                warmup_ns: nanos(spec.warmup.0),
            },
            verdict: Verdict::of(spec, results),
            partial,
            incomplete: context.incomplete.clone(),
            inputs: Inputs {
                given: inputs(Source::Given),
                measured: inputs(Source::Measured),
                assumed: inputs(Source::Assumed),
            },
            not_modelled: detail.not_modelled.clone(),
            expectations,
            breaches: detail.breaches.clone(),
            seeds: Seeds::new(spec.pass.0, results),
            totals: Totals::new(detail),
            events: detail.happenings.clone(),
            workloads: detail.workloads.clone(),
            instants_ns: detail.instants.iter().map(|t| nanos(*t)).collect(),
            loads: detail.loads.iter().map(Sent::from).collect(),
            frames: slim::frames(&detail.frames),
            trace_hash: format!("{:016x}", detail.trace_hash),
            command: context.command.clone(),
        }
    }

    /// The seed to show in detail: the first that failed, else the first.
    pub fn detail_seed(results: &[SeedResult]) -> Option<u64> {
        let failed = results.iter().find(|r| !r.passed());
        failed.or(results.first()).map(|r| r.seed)
    }

    /// The first command that repeats a failure.
    pub fn replay(&self) -> Option<&str> {
        self.expectations.iter().find_map(|j| j.replay.as_deref())
    }
}

// === impl Context ===

impl Context {
    fn replay_of(&self, seed: u64) -> String {
        format!("{} --seed {seed} --seeds 1", self.replay)
    }
}

// === impl Seeds ===

impl Seeds {
    fn new(required: f64, results: &[SeedResult]) -> Self {
        let failed = results.iter().filter(|r| !r.passed()).map(|r| r.seed);
        Self {
            run: results.len() as u32,
            passed: results.iter().filter(|r| r.passed()).count() as u32,
            required,
            failed: failed.take(FAILED_SEEDS_MAX).collect(),
            spread: Spread::over(results),
        }
    }
}

// === impl Sent ===

impl From<&LoadSeries> for Sent {
    fn from(load: &LoadSeries) -> Self {
        Self {
            name: load.name.clone(),
            slices: load.slices.clone(),
        }
    }
}

pub(crate) fn nanos(d: Duration) -> u64 {
    engine::time::nanos(d)
}

#[cfg(test)]
mod tests;
