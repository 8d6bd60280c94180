//! The smallest scenario that still fails in the same way.
//!
//! ```text
//!  failing scenario ──▶ candidates, each a little smaller ──first that fails alike──▶ …
//!                          ▲                                                        │
//!                          └────────────────────────────────────────────────────────┘
//!                       none fails alike: nothing more can be left out (1-minimal)
//! ```
//!
//! Zeller and Hildebrandt's delta debugging ("Simplifying and Isolating Failure-Inducing Input",
//! TSE 2002) over the scenario as a tree: parts of lists, then fields, then smaller numbers.
//! Manifests are part of the tree ([`crate::bundle`]). What is no scenario any more is refused by
//! its reader and its validation, so nothing here knows what may be left out of what.
//!
//! "In the same way" is the first thing that failed: the same invariant, or the same expectation,
//! measured or not as before. And where a scenario does not fail without its events, a smaller one
//! has not to either: else a service without pods would be the smallest fault.

use std::collections::BTreeMap;

use model::resource::Resource;
use serde_json::{Map, Value};

use crate::bundle::{self, Bundle};
use crate::expect::SeedResult;
use crate::scenario::known::Known;
use crate::scenario::{Scenario, Share, Spec, validate};

mod smaller;

use smaller::Pass;

/// How a run failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// This invariant did not hold.
    Breach(String),
    /// This expectation does not hold; `measured` is false when there was nothing to measure.
    Expectation { name: String, measured: bool },
    /// The run came to no end: it stopped with an error, or panicked.
    Broken,
}

/// A scenario that is ready to run.
#[derive(Clone, Debug)]
pub struct Ready {
    pub spec: Spec,
    pub resources: Vec<Resource>,
    pub applied: BTreeMap<usize, Vec<Resource>>,
}

/// A scenario that is a little smaller.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// What was done: `without events[2]`, `load[0].rate 25`.
    pub what: String,
    pub ready: Ready,
}

/// What was reached.
#[derive(Clone, Debug)]
pub struct Shrunk {
    pub scenario: Scenario,
    /// What was done, in order.
    pub steps: Vec<String>,
    /// Nothing more can be left out. False when the search was stopped before it knew.
    pub minimal: bool,
}

/// Who runs candidates: the first of them, in their order, that fails in the same way; an error
/// when it may run no more.
pub trait Runner {
    /// # Errors
    /// A reason to stop, which is none to lose what is reached.
    fn first_failing(&mut self, candidates: &[Candidate]) -> Result<Option<usize>, String>;
}

/// Candidates that are run before it is known whether one of them fails alike.
const AT_ONCE_MAX: usize = 16;

// === impl Failure ===

impl Failure {
    /// The first thing that failed; none when nothing did.
    pub fn of(result: &SeedResult) -> Option<Self> {
        Self::all(result).into_iter().next()
    }

    /// Everything that failed.
    pub fn all(result: &SeedResult) -> Vec<Self> {
        let breaches = result.breaches.iter();
        let breaches = breaches.map(|b| Self::Breach(b.invariant.clone()));
        let failed = result.judged.iter().filter(|j| !j.pass);
        let failed = failed.map(|j| Self::Expectation {
            name: j.name.clone(),
            measured: j.value.is_some(),
        });
        breaches.chain(failed).collect()
    }
}

impl core::fmt::Display for Failure {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Breach(name) => write!(f, "invariant broken: {name}"),
            Self::Expectation { name, .. } => write!(f, "`{name}` does not hold"),
            Self::Broken => f.write_str("the run came to no end"),
        }
    }
}

// === impl Ready ===

impl Ready {
    /// From a scenario with all its manifests in it; none when it is none that could run.
    pub fn new(spec: &Spec) -> Option<Self> {
        let Bundle { resources, applied } = bundle::unbundle(spec, &str::to_owned).ok()?;
        let known = Known::of(&resources);
        if !validate::validate(spec, Some(&known)).is_empty() {
            return None;
        }
        let found = crate::run::check(&resources, spec.mesh);
        let wrong = |d: &model::diagnostic::Diagnostic| d.level == model::diagnostic::Level::Error;
        (!found.iter().any(wrong)).then(|| Self {
            spec: spec.clone(),
            resources,
            applied,
        })
    }

    /// The same without its events.
    #[must_use]
    pub fn calm(&self) -> Self {
        Self {
            spec: Spec {
                events: Vec::new(),
                ..self.spec.clone()
            },
            resources: self.resources.clone(),
            applied: BTreeMap::new(),
        }
    }
}

// === shrinking ===

/// What is looked for in candidates: a scenario with one seed, and no expectation but the one that
/// fails.
fn begin(spec: &Spec, failure: &Failure) -> Spec {
    let mut spec = spec.clone();
    (spec.seeds, spec.pass) = (1, Share::ONE);
    spec.counter_changes = Vec::new();
    spec.expect
        .retain(|e| matches!(failure, Failure::Expectation { name, .. } if *name == e.name));
    spec
}

/// The scenario without any load, with only the expectation that fails; none when it is none that
/// could run. An expectation that something happens fails there too, and would be shrunk to
/// nothing.
pub fn idle(spec: &Spec, failure: &Failure) -> Option<Ready> {
    let mut spec = begin(spec, failure);
    spec.load.clear();
    Ready::new(&spec)
}

/// Makes a failing scenario smaller for as long as it fails in the same way. `spec` has all its
/// manifests in it.
///
/// # Errors
/// When the scenario is none that could run.
pub fn shrink(
    scenario: &Scenario,
    failure: &Failure,
    runner: &mut dyn Runner,
) -> Result<Shrunk, serde_json::Error> {
    let mut best = serde_json::to_value(begin(&scenario.spec, failure))?;
    let mut steps = Vec::new();
    let minimal = rounds(&mut best, &mut steps, runner);
    let mut spec: Spec = serde_json::from_value(best)?;
    spec.description = Some(format!(
        "The smallest of {} that still fails: {failure}.",
        scenario.metadata.name
    ));
    let mut scenario = Scenario {
        spec,
        ..scenario.clone()
    };
    scenario.metadata.name = format!("{}-small", scenario.metadata.name);
    scenario.metadata.labels.clear();
    scenario.metadata.annotations.clear();
    Ok(Shrunk {
        scenario,
        steps,
        minimal,
    })
}

/// Goes through all passes again and again until none finds anything. True when nothing more can
/// be left out.
fn rounds(best: &mut Value, steps: &mut Vec<String>, runner: &mut dyn Runner) -> bool {
    loop {
        let before = steps.len();
        for pass in Pass::ALL {
            if exhaust(pass, best, steps, runner).is_err() {
                return false;
            }
        }
        if steps.len() == before {
            return true;
        }
    }
}

/// One pass: after each success the candidates are those of what is left, from the same place on.
fn exhaust(
    pass: Pass,
    best: &mut Value,
    steps: &mut Vec<String>,
    runner: &mut dyn Runner,
) -> Result<(), String> {
    let mut from = 0;
    loop {
        let smaller = pass.of(best);
        let mut found = None;
        while found.is_none() && from < smaller.len() {
            let window: Vec<_> = smaller[from..].iter().take(AT_ONCE_MAX).collect();
            let ready = window.iter().enumerate().filter_map(|(i, (what, spec))| {
                let spec: Spec = serde_json::from_value(spec.clone()).ok()?;
                let ready = Ready::new(&spec)?;
                let what = what.clone();
                Some((i, Candidate { what, ready }))
            });
            let (places, candidates): (Vec<usize>, Vec<Candidate>) = ready.unzip();
            let first = match candidates.is_empty() {
                true => None,
                false => runner.first_failing(&candidates)?,
            };
            match first {
                Some(i) => found = Some(from + places[i]),
                None => from += window.len(),
            }
        }
        let Some(index) = found else {
            return Ok(());
        };
        let (what, spec) = &smaller[index];
        steps.push(what.clone());
        *best = spec.clone();
        from = index;
    }
}

/// The object of a manifest, by its kind and name, for people.
fn title(object: &Map<String, Value>) -> String {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or("?").to_owned();
    let meta = object.get("metadata");
    let name = text(meta.and_then(|m| m.get("name")));
    format!("{} {name}", text(object.get("kind")))
}

#[cfg(test)]
mod tests;
