//! On which guesses an expectation rests.
//!
//! The answer errs on the side of naming too much: an input is named if a change of it can change
//! the metric at all. Loads are the exception that can be told apart: what one load sees does not
//! name the rate of another unless they may share a queue, which `rate` cannot show. An app that
//! nobody asked in the run cannot have changed it.

use std::collections::BTreeMap;

use crate::record::{Input, Observations, never_asked};
use crate::scenario::Source;
use crate::scenario::expect::{Expectation, Metric, Subject};

/// Fields that decide how fast answers come.
const SPEED: [&str; 9] = [
    "serviceTime",
    "workers",
    "queue",
    "calls",
    "coldStart",
    "latency",
    "jitter",
    "bandwidth",
    "responseSize",
];

/// Fields that decide which answers come.
const QUALITY: [&str; 3] = ["errorRate", "errorStatus", "loss"];

/// Fields that decide how many requests there are.
const VOLUME: [&str; 6] = ["rate", "users", "thinkTime", "arrival", "shape", "calls"];

/// Fields that decide how soon the mesh reacts.
const REACTION: [&str; 3] = ["propagation", "detection", "replicas"];

/// Subjects named for one field; more are counted.
const SUBJECTS_MAX: usize = 3;

/// Assumed inputs that the value of the expectation depends on: their number, and their names
/// grouped by field.
pub(super) fn on_assumed(expectation: &Expectation, run: &Observations) -> (u32, Vec<String>) {
    let idle = never_asked(&run.workloads, &run.frames);
    let mut by_field: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut count = 0;
    for input in run.inputs.iter().filter(|i| i.source == Source::Assumed) {
        let asked = input.workload().is_none_or(|w| !idle.contains(w));
        if asked && matters(expectation, input) {
            count += 1;
            by_field
                .entry(kind(input))
                .or_default()
                .push(&input.subject);
        }
    }
    let words = by_field
        .into_iter()
        .map(|(field, subjects)| words(field, &subjects));
    (count, words.collect())
}

fn matters(expectation: &Expectation, input: &Input) -> bool {
    if let (Subject::Load(mine), Some(other)) =
        (&expectation.of, input.subject.strip_prefix("load "))
        && expectation.metric == Metric::Rate
    {
        return mine == other;
    }
    let groups: &[&[&str]] = match expectation.metric {
        Metric::Rate | Metric::Requests => &[&VOLUME],
        metric if metric.is_verdict() => &[],
        Metric::Share => &[],
        Metric::P50 | Metric::P90 | Metric::P95 | Metric::P99 | Metric::P999 | Metric::Max => {
            &[&SPEED, &VOLUME, &REACTION]
        }
        Metric::Connections => &[&SPEED, &VOLUME],
        _ => &[&SPEED, &QUALITY, &VOLUME, &REACTION],
    };
    groups.iter().any(|group| group.contains(&kind(input)))
}

/// `calls` of `calls[2]`.
fn kind(input: &Input) -> &str {
    let field = input.field.split_once('[');
    field.map_or(&*input.field, |(field, _)| field)
}

fn words(field: &str, subjects: &[&str]) -> String {
    let named = subjects[..subjects.len().min(SUBJECTS_MAX)].join(", ");
    match subjects.len().saturating_sub(SUBJECTS_MAX) {
        0 => format!("{field} of {named}"),
        more => format!("{field} of {named} and {more} more"),
    }
}
