//! How a load changes over time, as a piecewise linear function that can be asked backwards.
//!
//! ```text
//!  rate                        steps  ───┐          burst   ┌┐  ┌┐
//!   ▲        ramp   ╱────                └────            ──┘└──┘└──
//!   │            ──╱                                stages   ╱──╲
//!   └────────────────────────────────────────────────────────────────▶ t
//! ```
//!
//! An open load draws its next arrival as a point on the integral (the expected number of arrivals)
//! and asks [`Schedule::instant_of`] when it is reached: by the time-rescaling theorem this gives
//! constant and Poisson arrivals under any shape, without thinning.

use core::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::quantity::Span;

/// How the rate, or the number of users, changes. Exactly one field is set. All times count from
/// the start of the load.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub struct Shape {
    /// Jumps: from each `at` on, the value is `target`. Before the first it is `rate` or `users`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<Vec<Step>>,
    /// A straight line from `rate` or `users` to `target`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ramp: Option<Ramp>,
    /// A higher value for a while, once or again and again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<Burst>,
    /// Straight lines one after another, as in k6. The last target holds to the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stages: Option<Vec<Stage>>,
}

/// A jump.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Step {
    /// When.
    #[schemars(example = "10s")]
    pub at: Span,
    /// Requests per second, or users, from then on.
    #[schemars(example = 500.0, range(min = 0.0))]
    pub target: f64,
}

/// A straight line.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Ramp {
    /// When it begins.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(example = "10s")]
    pub at: Span,
    /// How long it takes.
    #[schemars(example = "20s")]
    pub over: Span,
    /// The value at its end, which then holds.
    #[schemars(example = 1000.0, range(min = 0.0))]
    pub target: f64,
}

/// A higher value for a while.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Burst {
    /// When the first begins.
    #[schemars(example = "10s")]
    pub at: Span,
    /// How long each lasts.
    #[serde(rename = "for")]
    #[schemars(example = "2s")]
    pub lasts: Span,
    /// From the beginning of one to the beginning of the next; without it there is one burst.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "10s")]
    pub every: Option<Span>,
    /// The value during a burst.
    #[schemars(example = 1000.0, range(min = 0.0))]
    pub target: f64,
}

/// A straight line to `target` that takes `duration`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Stage {
    /// How long it takes.
    #[schemars(example = "10s")]
    pub duration: Span,
    /// The value at its end.
    #[schemars(example = 200.0, range(min = 0.0))]
    pub target: f64,
}

/// A load's value over time: linear pieces, in order, without gaps, zero outside.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    pieces: Vec<Piece>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Piece {
    from: Duration,
    to: Duration,
    /// Value at `from` and towards `to`.
    start: f64,
    end: f64,
    /// The integral up to `from`.
    before: f64,
}

/// Bursts in one schedule: a run of an hour with a burst each second.
const BURSTS_MAX: usize = 3600;

// === impl Shape ===

impl Shape {
    /// What is wrong, if anything is: which field, and what.
    pub fn problem(&self) -> Option<(&'static str, String)> {
        let set = usize::from(self.steps.is_some())
            + usize::from(self.ramp.is_some())
            + usize::from(self.burst.is_some())
            + usize::from(self.stages.is_some());
        if set != 1 {
            return Some((
                "",
                "exactly one of steps, ramp, burst and stages has to be set".into(),
            ));
        }
        if let Some(burst) = &self.burst {
            if burst.lasts == Span::ZERO {
                return Some(("burst.for", "a burst has to last".into()));
            }
            if burst.every.is_some_and(|every| every <= burst.lasts) {
                return Some(("burst.every", "has to be longer than `for`".into()));
            }
        }
        if let Some(steps) = &self.steps
            && !steps.is_sorted_by_key(|s| s.at)
        {
            return Some(("steps", "have to be in the order of their `at`".into()));
        }
        let targets = self.targets();
        if targets.iter().any(|t| !t.is_finite() || *t < 0.0) {
            return Some(("", "a target cannot be negative".into()));
        }
        None
    }

    fn targets(&self) -> Vec<f64> {
        let steps = self.steps.iter().flatten().map(|s| s.target);
        let stages = self.stages.iter().flatten().map(|s| s.target);
        let ramp = self.ramp.iter().map(|r| r.target);
        let burst = self.burst.iter().map(|b| b.target);
        steps.chain(stages).chain(ramp).chain(burst).collect()
    }

    /// Corners of the function, from the load's start: time and value before and after a jump.
    fn corners(&self, base: f64, length: Duration) -> Vec<(Duration, f64)> {
        let mut out = vec![(Duration::ZERO, base)];
        let mut value = base;
        for step in self.steps.iter().flatten() {
            out.extend([(step.at.0, value), (step.at.0, step.target)]);
            value = step.target;
        }
        if let Some(ramp) = &self.ramp {
            let end = ramp.at.0.saturating_add(ramp.over.0);
            out.extend([(ramp.at.0, base), (end, ramp.target)]);
        }
        if let Some(burst) = &self.burst {
            let mut at = burst.at.0;
            for _ in 0..BURSTS_MAX {
                let end = at.saturating_add(burst.lasts.0);
                out.extend([
                    (at, base),
                    (at, burst.target),
                    (end, burst.target),
                    (end, base),
                ]);
                match burst.every {
                    Some(every) if at < length => at = at.saturating_add(every.0),
                    _ => break,
                }
            }
        }
        let mut at = Duration::ZERO;
        for stage in self.stages.iter().flatten() {
            at = at.saturating_add(stage.duration.0);
            out.push((at, stage.target));
        }
        out
    }
}

// === impl Schedule ===

impl Schedule {
    /// `base` bent by `shape` between `start` and `end` of the run.
    pub fn new(base: f64, shape: Option<&Shape>, start: Duration, end: Duration) -> Self {
        let length = end.saturating_sub(start);
        let mut corners = match shape {
            Some(shape) => shape.corners(base, length),
            None => vec![(Duration::ZERO, base)],
        };
        let last = corners.last().map_or(base, |c| c.1);
        corners.push((Duration::MAX, last));
        let mut pieces: Vec<Piece> = Vec::new();
        let mut before = 0.0;
        for pair in corners.windows(2) {
            let ((a, start_value), (b, end_value)) = (pair[0], pair[1]);
            if a >= length || b <= a {
                continue;
            }
            let to = b.min(length);
            let cut = (to - a).as_secs_f64() / (b - a).as_secs_f64();
            let piece = Piece {
                from: start + a,
                to: start + to,
                start: start_value,
                end: start_value + (end_value - start_value) * cut,
                before,
            };
            before += piece.area();
            pieces.push(piece);
        }
        Self { pieces }
    }

    /// Rate or users at `t`; zero outside the load.
    pub fn value_at(&self, t: Duration) -> f64 {
        match self.pieces.iter().find(|p| p.from <= t && t < p.to) {
            Some(p) => p.start + p.slope() * (t - p.from).as_secs_f64(),
            None => 0.0,
        }
    }

    /// Arrivals expected up to `t`.
    pub fn expected_by(&self, t: Duration) -> f64 {
        match self.pieces.iter().rev().find(|p| p.from <= t) {
            Some(p) => {
                let x = (t.min(p.to) - p.from).as_secs_f64();
                p.before + p.start * x + 0.5 * p.slope() * x * x
            }
            None => 0.0,
        }
    }

    /// When the number of expected arrivals reaches `n`; none if it never does.
    pub fn instant_of(&self, n: f64) -> Option<Duration> {
        let p = self.pieces.iter().find(|p| n < p.before + p.area())?;
        let wanted = (n - p.before).max(0.0);
        // start·x + slope/2·x² = wanted, in the form that does not cancel for small slopes.
        let root = (p.start * p.start + 2.0 * p.slope() * wanted)
            .max(0.0)
            .sqrt();
        let x = match p.start + root {
            0.0 => 0.0,
            sum => 2.0 * wanted / sum,
        };
        Some((p.from + Duration::from_secs_f64(x)).min(p.to))
    }

    /// Where the function bends or jumps, for whoever has to act on changes.
    pub fn bends(&self) -> impl Iterator<Item = Duration> + '_ {
        let last = self.pieces.last().map(|p| p.to);
        self.pieces.iter().map(|p| p.from).chain(last)
    }
}

// === impl Piece ===

impl Piece {
    fn seconds(&self) -> f64 {
        (self.to - self.from).as_secs_f64()
    }

    fn slope(&self) -> f64 {
        (self.end - self.start) / self.seconds()
    }

    fn area(&self) -> f64 {
        0.5 * (self.start + self.end) * self.seconds()
    }
}

fn is_zero(span: &Span) -> bool {
    *span == Span::ZERO
}

#[cfg(test)]
mod tests;
