//! The why-trail behind a verdict: which rules did not match and why, which endpoint was drawn out
//! of which, what a breaker said.
//!
//! It is off in production and then costs one test of a discriminant: the text of a step is made in
//! a closure that is not called. It is on for one request in `simulate --trace` and in
//! explanations.

use crate::origin::Origin;

/// The most steps one trail keeps. A table has at most some hundred matches and a request some ten
/// attempts; a trail longer than this helps nobody, and a loop that writes one stays bounded.
pub const STEPS_MAX: usize = 4096;

/// Collects [`Step`]s, or nothing.
#[derive(Clone, Debug, Default)]
pub struct Trail {
    steps: Option<Vec<Step>>,
    dropped: usize,
}

/// One decision and its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Step {
    /// What was decided, as a short fixed word: `route`, `filter`, `split`, `pick`, `retry`, …
    pub what: &'static str,
    /// One sentence for people.
    pub detail: String,
    /// The manifest that said so, when one did; serialised as its text.
    #[cfg_attr(feature = "serde", serde(serialize_with = "origin_as_text"))]
    pub origin: Option<Origin>,
}

// === impl Trail ===

impl Trail {
    /// Keeps nothing and costs nothing.
    pub const fn off() -> Self {
        Self {
            steps: None,
            dropped: 0,
        }
    }

    /// Keeps the first [`STEPS_MAX`] steps.
    pub const fn on() -> Self {
        Self {
            steps: Some(Vec::new()),
            dropped: 0,
        }
    }

    pub const fn is_on(&self) -> bool {
        self.steps.is_some()
    }

    /// Adds the step that `make` returns; `make` is not called when the trail is off or full.
    #[inline]
    pub fn step(&mut self, make: impl FnOnce() -> Step) {
        let Some(steps) = &mut self.steps else {
            return;
        };
        if steps.len() < STEPS_MAX {
            steps.push(make());
        } else {
            self.dropped += 1;
        }
    }

    /// The steps so far, oldest first.
    pub fn steps(&self) -> &[Step] {
        self.steps.as_deref().unwrap_or_default()
    }

    pub fn into_steps(self) -> Vec<Step> {
        self.steps.unwrap_or_default()
    }

    /// How many steps were left out because the trail was full.
    pub const fn dropped(&self) -> usize {
        self.dropped
    }
}

// === impl Step ===

impl Step {
    pub fn new(what: &'static str, detail: impl Into<String>) -> Self {
        Self {
            what,
            detail: detail.into(),
            origin: None,
        }
    }

    #[must_use]
    pub fn with_origin(mut self, origin: Origin) -> Self {
        self.origin = Some(origin);
        self
    }
}

impl core::fmt::Display for Step {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}: {}", self.what, self.detail)?;
        match &self.origin {
            Some(origin) => write!(f, " [{origin}]"),
            None => Ok(()),
        }
    }
}

#[cfg(feature = "serde")]
fn origin_as_text<S: serde::Serializer>(origin: &Option<Origin>, s: S) -> Result<S::Ok, S::Error> {
    match origin {
        Some(origin) => s.collect_str(origin),
        None => s.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trail_that_is_off_never_makes_a_step() {
        let mut trail = Trail::off();
        trail.step(|| unreachable!("the closure of a trail that is off was called"));
        assert!(trail.steps().is_empty());
    }

    #[test]
    fn a_trail_keeps_its_first_steps_and_counts_the_rest() {
        let mut trail = Trail::on();
        for i in 0..STEPS_MAX + 3 {
            trail.step(|| Step::new("route", format!("{i}")));
        }
        assert_eq!(trail.steps().len(), STEPS_MAX);
        assert_eq!(trail.steps()[0].to_string(), "route: 0");
        assert_eq!(trail.dropped(), 3);
    }
}
