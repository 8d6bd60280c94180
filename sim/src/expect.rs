//! Expectations are judged: what was expected, what was seen, and by how much.
//!
//! ```text
//!  Expectation ──▶ measure: the value of a window ──▶ judge: against the limit ──▶ Judged
//!                                                 rests: on which guesses     │ per seed
//!                                                                                  ▼
//!                                              spread over seeds, share that passed
//! ```

use core::fmt;
use core::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::record::{Breach, Observations};
use crate::scenario::expect::{Expectation, Op, Unit, Value};
use crate::scenario::{Scenario, Spec};

mod gauge;
mod measure;
mod rests;

pub use measure::Unmeasured;
pub(crate) use measure::flag_named;

/// One expectation after a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Judged {
    /// As in the scenario.
    pub name: String,
    /// Why it matters, as the scenario says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What was measured of what and when, in words.
    pub about: String,
    /// The condition: `>= 99%`.
    pub expected: String,
    /// The measured value in the form of the condition; why there is none, if there is none.
    pub seen: String,
    /// The measured value: latencies in microseconds, shares between 0 and 1.
    pub value: Option<f64>,
    /// The limit, in the same unit.
    pub limit: f64,
    /// Unit of `value` and `limit`.
    pub unit: UnitName,
    /// How far the value is on the good side of the limit; negative if it failed.
    pub margin: Option<f64>,
    /// Whether the expectation holds.
    pub pass: bool,
    /// Assumed inputs that the value depends on: the verdict is only as good as they are. Inputs of
    /// workloads that nobody asked are not among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rests_on_assumed: Vec<String>,
    /// How many inputs `rests_on_assumed` sums up.
    #[serde(default)]
    pub assumed_inputs: u32,
    /// The command that repeats this run; set if the expectation failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<String>,
}

/// Unit of a judged value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UnitName {
    Count,
    PerSecond,
    Share,
    PerRequest,
    Microseconds,
}

/// The result of a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// All expectations hold, in as many seeds as the scenario demands.
    Passed,
    /// An expectation or an invariant does not hold.
    Failed,
    /// Nothing was expected, or the run was cut short.
    NotTested,
}

/// One seed, judged.
#[derive(Clone, Debug, PartialEq)]
pub struct SeedResult {
    pub seed: u64,
    pub judged: Vec<Judged>,
    pub breaches: Vec<Breach>,
    pub partial: Option<String>,
    pub trace_hash: u64,
}

/// One expectation over all seeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Spread {
    /// The expectation.
    pub name: String,
    /// Seeds in which it held.
    pub passed: u32,
    /// Seeds that were run.
    pub seeds: u32,
    /// The smallest value, over the seeds that have one.
    pub min: Option<f64>,
    /// The value that half of the seeds do not reach.
    pub median: Option<f64>,
    /// The largest value.
    pub max: Option<f64>,
    /// The smallest margin: how near it came to failing, or how badly it failed.
    pub margin_min: Option<f64>,
    /// The seed of that margin.
    pub worst_seed: u64,
}

// === judging ===

/// Judges one run.
pub fn judge(scenario: &Scenario, run: &Observations) -> SeedResult {
    let spec = &scenario.spec;
    SeedResult {
        seed: run.seed,
        judged: spec
            .expect
            .iter()
            .map(|e| judge_one(spec, e, run))
            .collect(),
        breaches: run.breaches.clone(),
        partial: run.partial.clone(),
        trace_hash: run.trace_hash,
    }
}

fn judge_one(spec: &Spec, expectation: &Expectation, run: &Observations) -> Judged {
    let (from, to) = spec.window(expectation);
    let unit = expectation.metric.unit();
    let limit = expectation.value.in_unit(unit).unwrap_or(f64::NAN);
    let tolerance = expectation
        .tolerance
        .and_then(|t| t.in_unit(unit))
        .unwrap_or(0.0);
    let measured = if run.ended_at < to {
        Err(Unmeasured::RunEndedEarly)
    } else {
        measure::measure(run, expectation, from, to)
    };
    let value = measured.as_ref().ok().copied();
    let margin = value.map(|v| margin(expectation.op, v, limit, tolerance));
    let pass = value.is_some_and(|v| holds(expectation.op, v, limit, tolerance));
    let (assumed_inputs, rests_on_assumed) = rests::on_assumed(expectation, run);
    Judged {
        name: expectation.name.clone(),
        why: expectation.why.clone(),
        about: about(expectation, from, to),
        expected: expected(expectation),
        seen: match measured {
            Ok(value) => shown(value, unit, expectation.value),
            Err(why) => why.to_string(),
        },
        value,
        limit,
        unit: unit.into(),
        margin,
        pass,
        rests_on_assumed,
        assumed_inputs,
        replay: None,
    }
}

/// Two values this near to each other are equal: far below what any limit can mean, far above the
/// rounding of a quotient such as 99/100.
const EQUAL: f64 = 1e-9;

fn holds(op: Op, value: f64, limit: f64, tolerance: f64) -> bool {
    let slack = EQUAL * limit.abs().max(1.0);
    match op {
        Op::Less => value < limit - slack,
        Op::AtMost => value <= limit + slack,
        Op::More => value > limit + slack,
        Op::AtLeast => value >= limit - slack,
        Op::Equal => (value - limit).abs() <= tolerance + slack,
        Op::NotEqual => (value - limit).abs() > tolerance + slack,
    }
}

/// How far a value is on the good side of the limit.
fn margin(op: Op, value: f64, limit: f64, tolerance: f64) -> f64 {
    match op {
        Op::Less | Op::AtMost => limit - value,
        Op::More | Op::AtLeast => value - limit,
        Op::Equal => tolerance - (value - limit).abs(),
        Op::NotEqual => (value - limit).abs() - tolerance,
    }
}

// === words ===

fn about(expectation: &Expectation, from: Duration, to: Duration) -> String {
    use crate::scenario::Span;
    let mut out = match (&expectation.flag, expectation.pick) {
        (Some(flag), _) => format!("{} {flag}", expectation.metric),
        (None, Some(pick)) => format!("{} ({pick:?})", expectation.metric).to_lowercase(),
        (None, None) => expectation.metric.to_string(),
    };
    out = format!("{out} of {}", expectation.of);
    if let Some(within) = &expectation.within {
        out = format!("{out} in {within}");
    }
    format!("{out}, {}..{}", Span(from), Span(to))
}

fn expected(expectation: &Expectation) -> String {
    let condition = format!("{} {}", expectation.op.as_str(), expectation.value);
    match expectation.tolerance {
        Some(tolerance) => format!("{condition} ± {tolerance}"),
        None => condition,
    }
}

/// A value in the form in which its limit is written.
pub(crate) fn shown(value: f64, unit: Unit, like: Value) -> String {
    match (unit, like) {
        (Unit::Latency, _) => latency(value),
        (Unit::Share, Value::Percent(_)) | (Unit::Ratio, Value::Percent(_)) => {
            format!("{}%", rounded(value * 100.0))
        }
        _ => rounded(value),
    }
}

/// Microseconds as people read them: `870us`, `12.3ms`, `1.25s`.
pub(crate) fn latency(us: f64) -> String {
    if us < 1e3 {
        format!("{us:.0}us")
    } else if us < 1e6 {
        format!("{}ms", rounded(us / 1e3))
    } else {
        format!("{}s", rounded(us / 1e6))
    }
}

/// Four significant digits, and at most three after the point.
pub(crate) fn rounded(value: f64) -> String {
    let places = match value.abs() {
        v if v >= 1000.0 => 0,
        v if v >= 100.0 => 1,
        v if v >= 10.0 => 2,
        _ => 3,
    };
    let text = format!("{value:.places$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

// === impl SeedResult ===

impl SeedResult {
    /// Every expectation and every invariant holds, and the run was whole.
    pub fn passed(&self) -> bool {
        self.breaches.is_empty() && self.partial.is_none() && self.judged.iter().all(|j| j.pass)
    }
}

// === impl Verdict ===

impl Verdict {
    /// The verdict over all seeds. A breach of an invariant fails the scenario in whichever seed it
    /// is found, since no share of bugs is acceptable.
    pub fn of(spec: &Spec, results: &[SeedResult]) -> Self {
        if results.iter().any(|r| !r.breaches.is_empty()) {
            return Self::Failed;
        }
        let cut_short = results.iter().any(|r| r.partial.is_some());
        if spec.expect.is_empty() || results.is_empty() || cut_short {
            return Self::NotTested;
        }
        let passed = results.iter().filter(|r| r.passed()).count();
        let share = passed as f64 / results.len() as f64;
        if share + EQUAL >= spec.pass.0 {
            Self::Passed
        } else {
            Self::Failed
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::NotTested => "not-tested",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotTested => "not tested",
            other => other.as_str(),
        })
    }
}

// === impl Spread ===

impl Spread {
    /// Each expectation over all seeds, in the order of the scenario.
    pub fn over(results: &[SeedResult]) -> Vec<Self> {
        let Some(first) = results.first() else {
            return Vec::new();
        };
        (0..first.judged.len())
            .filter_map(|i| Self::of(results, i))
            .collect()
    }

    fn of(results: &[SeedResult], i: usize) -> Option<Self> {
        let rows: Vec<_> = results
            .iter()
            .filter_map(|r| Some((r.seed, r.judged.get(i)?)))
            .collect();
        let mut values: Vec<_> = rows.iter().filter_map(|(_, j)| j.value).collect();
        values.sort_unstable_by(f64::total_cmp);
        // Nothing measured is worse than any margin.
        let margin = |j: &Judged| j.margin.unwrap_or(f64::NEG_INFINITY);
        let worst = rows
            .iter()
            .min_by(|a, b| margin(a.1).total_cmp(&margin(b.1)))?;
        Some(Self {
            name: worst.1.name.clone(),
            passed: rows.iter().filter(|(_, j)| j.pass).count() as u32,
            seeds: rows.len() as u32,
            min: values.first().copied(),
            median: values.get(values.len() / 2).copied(),
            max: values.last().copied(),
            margin_min: worst.1.margin,
            worst_seed: worst.0,
        })
    }
}

// === impl UnitName ===

impl From<Unit> for UnitName {
    fn from(unit: Unit) -> Self {
        match unit {
            Unit::Count => Self::Count,
            Unit::PerSecond => Self::PerSecond,
            Unit::Share => Self::Share,
            Unit::Ratio => Self::PerRequest,
            Unit::Latency => Self::Microseconds,
        }
    }
}

#[cfg(test)]
mod tests;
