//! What became worse, better, or goes elsewhere: a report against an earlier one.
//!
//! A difference counts when it is large enough to matter and too large for chance. Shares (success,
//! retries, the requests of a service that a backend gets) are compared by the two-proportion
//! z-test. A percentile is compared through a share as well: of the requests, how many took longer
//! than the old percentile. Significant means |z| ≥ 2.58, which chance reaches once in a hundred
//! comparisons. Requests of one run are not independent of one another, so the test is a filter for
//! noise, not a proof.

use core::fmt::Write as _;
use std::collections::BTreeMap;

use engine::report::{Counters, Histogram};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::text::fold::fold;
use super::{Report, clean};
use crate::expect::{latency, rounded};

/// How two reports differ.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// Name of the scenario.
    pub scenario: String,
    /// What makes the reports hard to compare: another duration, another load.
    pub notes: Vec<String>,
    /// What became worse, significantly.
    pub worse: Vec<Change>,
    /// What became better, significantly.
    pub better: Vec<Change>,
    /// What is neither, and significant: which share of a service's requests a backend gets.
    #[serde(default)]
    pub moved: Vec<Change>,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// `load browse`, `service shop/web:80`, `expectation …`.
    pub subject: String,
    /// What of it.
    pub metric: String,
    /// Before, in words.
    pub before: String,
    /// Now, in words.
    pub now: String,
    /// The test's z; none for verdicts, which are no measurements.
    pub z: Option<f64>,
}

/// Chance reaches this once in a hundred comparisons (two-sided).
const Z_SIGNIFICANT: f64 = 2.576;

/// Relative differences of latency below this are within two buckets of the histograms.
const LATENCY_MIN: f64 = 0.02;

/// Differences of shares below this matter to nobody.
const SHARE_MIN: f64 = 0.0005;

/// What is compared of each subject.
struct Subject {
    name: String,
    before: Counters,
    now: Counters,
}

/// Compares `now` with `before`.
pub fn compare(before: &Report, now: &Report) -> Comparison {
    let mut out = Comparison {
        scenario: now.scenario.name.clone(),
        notes: notes(before, now),
        ..Comparison::default()
    };
    for judged in &now.expectations {
        let Some(old) = before.expectations.iter().find(|j| j.name == judged.name) else {
            continue;
        };
        if old.pass != judged.pass {
            let change = Change {
                subject: format!("expectation {}", judged.name),
                metric: judged.expected.clone(),
                before: old.seen.clone(),
                now: judged.seen.clone(),
                z: None,
            };
            if judged.pass {
                out.better.push(change);
            } else {
                out.worse.push(change);
            }
        }
    }
    for subject in subjects(before, now) {
        for (worse, change) in differences(&subject) {
            if worse {
                out.worse.push(change);
            } else {
                out.better.push(change);
            }
        }
    }
    out.moved = moved(before, now);
    out
}

fn notes(before: &Report, now: &Report) -> Vec<String> {
    let mut notes = Vec::new();
    if before.scenario.name != now.scenario.name {
        let (old, new) = (&before.scenario.name, &now.scenario.name);
        notes.push(format!(
            "the scenarios have different names: {old} before, {new} now"
        ));
    }
    if before.scenario.simulated_ns != now.scenario.simulated_ns {
        notes.push("the runs have different lengths".into());
    }
    if before.version != now.version {
        let (old, new) = (&before.version, &now.version);
        notes.push(format!(
            "made by different versions: {old} before, {new} now"
        ));
    }
    if before.partial.is_some() || now.partial.is_some() {
        notes.push("a run was cut short".into());
    }
    notes
}

/// Loads and services that both reports have.
fn subjects(before: &Report, now: &Report) -> Vec<Subject> {
    let mut out = Vec::new();
    let loads = |r: &Report| -> Vec<(String, Counters)> {
        let sum = |slices: &[Counters]| {
            let mut sum = Counters::default();
            slices.iter().for_each(|s| sum.merge(s));
            sum
        };
        r.loads
            .iter()
            .map(|l| (format!("load {}", l.name), sum(&l.slices)))
            .collect()
    };
    let services = |r: &Report| -> Vec<(String, Counters)> {
        let mut all = BTreeMap::<String, Counters>::new();
        for (key, row) in r.frames.iter().flat_map(|f| f.services.iter()) {
            all.entry(format!("service {}", key.service))
                .or_default()
                .merge(row);
        }
        all.into_iter().collect()
    };
    let old: Vec<_> = loads(before).into_iter().chain(services(before)).collect();
    for (name, now) in loads(now).into_iter().chain(services(now)) {
        if let Some((_, before)) = old.iter().find(|(n, _)| *n == name) {
            out.push(Subject {
                name,
                before: before.clone(),
                now,
            });
        }
    }
    out
}

/// The significant differences of a subject, each with whether it is for the worse.
fn differences(subject: &Subject) -> Vec<(bool, Change)> {
    let (old, new) = (&subject.before, &subject.now);
    let failed = |c: &Counters| c.failure + c.local_failure;
    let judged = |c: &Counters| c.success + failed(c);
    let mut out = Vec::new();
    let shares = [
        (
            "error rate",
            (failed(old), judged(old)),
            (failed(new), judged(new)),
        ),
        (
            "retries per request",
            (old.retries, old.requests),
            (new.retries, new.requests),
        ),
    ];
    for (metric, before, now) in shares {
        out.extend(difference(&subject.name, metric, before, now));
    }
    for (metric, q) in [("p50", 0.5), ("p99", 0.99)] {
        let quantiles = old.latency.quantile(q).zip(new.latency.quantile(q));
        let Some((a, b)) = quantiles else {
            continue;
        };
        let above = |h: &Histogram| (h.count() - h.count_up_to(a), h.count());
        let Some(z) = z_test(above(&old.latency), above(&new.latency)) else {
            continue;
        };
        let (before, now) = (a as f64, b as f64);
        let matters = (now - before).abs() >= LATENCY_MIN * before;
        if z.abs() >= Z_SIGNIFICANT && matters {
            let words = (latency(before), latency(now));
            out.push((b > a, change(&subject.name, metric, words, z)));
        }
    }
    out
}

/// Requests of each service by the backend that they went to.
fn destinations(report: &Report) -> BTreeMap<String, BTreeMap<String, u64>> {
    let mut all = BTreeMap::<String, BTreeMap<String, u64>>::new();
    for (key, row) in report.frames.iter().flat_map(|f| f.backends.iter()) {
        let service = all.entry(format!("service {}", key.service)).or_default();
        *service.entry(key.backend.to_string()).or_default() += row.counters.requests;
    }
    all
}

/// The significant differences in where the requests of a service went.
fn moved(before: &Report, now: &Report) -> Vec<Change> {
    let (old, new) = (destinations(before), destinations(now));
    let mut out = Vec::new();
    for (service, now) in &new {
        let Some(before) = old.get(service) else {
            continue;
        };
        let all = |of: &BTreeMap<String, u64>| of.values().sum::<u64>();
        let (all_before, all_now) = (all(before), all(now));
        let mut backends: Vec<&String> = before.keys().chain(now.keys()).collect();
        backends.sort();
        backends.dedup();
        for backend in backends {
            let part = |of: &BTreeMap<String, u64>| of.get(backend).copied().unwrap_or_default();
            let (before, now) = ((part(before), all_before), (part(now), all_now));
            let metric = format!("share of {backend}");
            out.extend(difference(service, &metric, before, now).map(|(_, change)| change));
        }
    }
    out
}

/// A significant difference of two shares, with whether it grew.
fn difference(
    subject: &str,
    metric: &str,
    before: (u64, u64),
    now: (u64, u64),
) -> Option<(bool, Change)> {
    let z = z_test(before, now)?;
    let share = |(part, whole): (u64, u64)| part as f64 / whole as f64;
    let (a, b) = (share(before), share(now));
    let words = |share: f64| format!("{}%", rounded(share * 100.0));
    let matters = z.abs() >= Z_SIGNIFICANT && (a - b).abs() >= SHARE_MIN;
    matters.then(|| (b > a, change(subject, metric, (words(a), words(b)), z)))
}

fn change(subject: &str, metric: &str, (before, now): (String, String), z: f64) -> Change {
    Change {
        subject: subject.into(),
        metric: metric.into(),
        before,
        now,
        z: Some(z),
    }
}

/// The two-proportion z-test with a pooled variance; positive when the share grew. None when there
/// is nothing to compare.
fn z_test(before: (u64, u64), now: (u64, u64)) -> Option<f64> {
    let (x1, n1) = (before.0 as f64, before.1 as f64);
    let (x2, n2) = (now.0 as f64, now.1 as f64);
    if n1 < 1.0 || n2 < 1.0 {
        return None;
    }
    let pooled = ((x1 + x2) / (n1 + n2)).min(1.0);
    let error = (pooled * (1.0 - pooled) * (1.0 / n1 + 1.0 / n2)).sqrt();
    (error > 0.0).then(|| (x2 / n2 - x1 / n1) / error)
}

/// The comparison as text, ending with a newline.
pub fn render(comparison: &Comparison, width: usize) -> String {
    let width = width.max(super::text::WIDTH_MIN);
    let mut out = String::new();
    let mut lines = |first: &str, rest: &str, text: &str| {
        for line in fold(first, rest, &clean::visible(text), width) {
            let _ = writeln!(out, "{}", line.trim_end());
        }
    };
    lines(
        "",
        "  ",
        &format!("{} compared with the earlier report", comparison.scenario),
    );
    for note in &comparison.notes {
        lines("  note: ", "    ", note);
    }
    for (title, changes) in comparison.titled() {
        for change in changes {
            let z = change.z.map_or(String::new(), |z| format!(" (z = {z:.1})"));
            let Change {
                subject,
                metric,
                before,
                now,
                ..
            } = change;
            let text = format!("{subject}: {metric} was {before}, is {now}{z}");
            lines(&format!("  {title}: "), "    ", &text);
        }
    }
    if comparison.worse.is_empty() {
        lines("  ", "  ", "nothing became worse");
    }
    out
}

// === impl Comparison ===

impl Comparison {
    pub fn is_worse(&self) -> bool {
        !self.worse.is_empty()
    }

    /// All differences, each kind with what it is called.
    pub(super) fn titled(&self) -> [(&'static str, &[Change]); 3] {
        [
            ("worse", &self.worse),
            ("better", &self.better),
            ("moved", &self.moved),
        ]
    }
}
