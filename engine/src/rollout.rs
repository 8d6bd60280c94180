//! Progressive shift: traffic moves to another version step by step, and goes back by itself when
//! that version does badly.
//!
//! ```text
//!            applied            every, with enough good samples
//!  weight₀ ───────────▶ hold ─────────────────────────────────▶ weight₁ … ──▶ done
//!                        │ a guard is broken · metrics stay away · the deadline passes · the user
//!                        ▼
//!                     return to the weight of the beginning
//! ```
//!
//! As everywhere in the engine, the caller tells the time and what was observed; the same code
//! moves weights in a cluster and in the simulator. The rules:
//!
//! * Guards look at the target version, not at the service: a tenth of the traffic that fails is a
//!   service that looks almost well.
//! * What is observed is what happened since the weights of the step were in place. Fewer than
//!   [`Plan::min_samples`] requests are no observation: they neither advance nor return.
//! * No observation never advances. A step waits [`Plan::patience`] beyond its end for one, then
//!   traffic returns.
//! * A shift has a deadline, so that one whose operator went away is known to be abandoned.
//!
//! Flagger's canary analysis and Argo Rollouts' AnalysisRun are the models, with one difference:
//! there a metric that is missing fails an interval and a number of failed intervals is allowed;
//! here time is the bound, which a reader can foresee.

use core::fmt;
use core::time::Duration;
use std::collections::BTreeMap;

use crate::report::Counters;
use crate::time::Instant;

mod guard;
pub mod share;

pub use guard::{Guard, GuardError, Metric, Op, Quantile};

/// The largest weight: weights are percent of the traffic.
pub const WEIGHT_MAX: u32 = 100;

/// How a shift goes.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The target's weight before, in percent; traffic returns to it.
    from: u32,
    /// Its weight in each step, ascending.
    steps: Vec<u32>,
    /// How long each step lasts at least.
    pub every: Duration,
    /// What must not happen to the target.
    pub guards: Vec<Guard>,
    /// Requests to the target that make an observation.
    pub min_samples: u64,
    /// How long a step that should end waits for an observation.
    pub patience: Duration,
    /// How long everything may take.
    pub deadline: Duration,
}

/// What the target did since the weights of the step were in place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// Requests to the target that ended.
    pub samples: u64,
    /// What is known of it: shares from 0 to 1, latencies in microseconds.
    pub values: BTreeMap<Metric, f64>,
}

/// A shift under way.
#[derive(Clone, Debug, PartialEq)]
pub struct Rollout {
    plan: Plan,
    began: Instant,
    step: usize,
    /// When the weights of the step were in place.
    since: Instant,
    phase: Phase,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Leave the weights as they are.
    Hold(Wait),
    /// Give the target this weight, then call [`Rollout::applied`].
    Set(u32),
    /// Give the target the weight of the beginning.
    Return(Reason),
    /// The last step was passed.
    Done,
}

/// What a step waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Its end, in this time.
    Time(Duration),
    /// More requests to the target: so many are missing.
    Samples(u64),
    /// The value of a metric that a guard asks for.
    Metric(Metric),
    /// Any observation at all.
    Metrics,
}

/// Why traffic returns.
#[derive(Clone, Debug, PartialEq)]
pub enum Reason {
    /// The target did what it must not.
    Broken {
        guard: Guard,
        /// In the unit of the metric.
        seen: f64,
        samples: u64,
    },
    /// No observation came in time.
    Silent(Wait),
    /// The deadline has passed.
    Late,
    /// Somebody wants it.
    Asked,
}

/// A plan that cannot be carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    #[error("a step of 0 % never arrives")]
    NoStep,
    #[error("{until} % is more than all traffic")]
    TooMuch { until: u32 },
    #[error("the target has {from} % already, so there is nothing to shift until {until} %")]
    Nothing { from: u32, until: u32 },
    #[error("a step that lasts no time shows nothing")]
    NoTime,
    #[error("guards over 0 requests judge nothing")]
    NoSamples,
    #[error("{steps} steps take at least {needed:?}, and the deadline is {deadline:?}")]
    Deadline {
        steps: usize,
        needed: Duration,
        deadline: Duration,
    },
}

#[derive(Clone, Debug, PartialEq)]
enum Phase {
    Shifting,
    Returned(Reason),
    Done,
}

// === impl Plan ===

impl Plan {
    /// Steps of `step` percent from `from` to `until`.
    ///
    /// # Errors
    /// When there is nothing to shift.
    pub fn steps_of(from: u32, step: u32, until: u32) -> Result<Vec<u32>, PlanError> {
        if step == 0 {
            return Err(PlanError::NoStep);
        }
        if until > WEIGHT_MAX {
            return Err(PlanError::TooMuch { until });
        }
        if from >= until {
            return Err(PlanError::Nothing { from, until });
        }
        let mut steps = Vec::new();
        let mut weight = from;
        while weight < until {
            weight = weight.saturating_add(step).min(until);
            steps.push(weight);
        }
        Ok(steps)
    }

    /// A plan over `steps`, ascending weights above `from`.
    ///
    /// # Errors
    /// When it cannot be carried out.
    pub fn new(
        (from, steps): (u32, Vec<u32>),
        every: Duration,
        guards: Vec<Guard>,
        min_samples: u64,
        patience: Duration,
        deadline: Duration,
    ) -> Result<Self, PlanError> {
        let until = steps.last().copied().unwrap_or_default();
        let mut before = from;
        for weight in &steps {
            if *weight <= before {
                return Err(PlanError::Nothing {
                    from: before,
                    until,
                });
            }
            before = *weight;
        }
        if steps.is_empty() {
            return Err(PlanError::Nothing { from, until });
        }
        if until > WEIGHT_MAX {
            return Err(PlanError::TooMuch { until });
        }
        if every.is_zero() {
            return Err(PlanError::NoTime);
        }
        if min_samples == 0 {
            return Err(PlanError::NoSamples);
        }
        let needed = every.saturating_mul(u32::try_from(steps.len()).unwrap_or(u32::MAX));
        if deadline < needed {
            return Err(PlanError::Deadline {
                steps: steps.len(),
                needed,
                deadline,
            });
        }
        Ok(Self {
            from,
            steps,
            every,
            guards,
            min_samples,
            patience,
            deadline,
        })
    }

    /// The target's weight before, in percent.
    pub fn from(&self) -> u32 {
        self.from
    }

    /// The target's weight in each step.
    pub fn steps(&self) -> &[u32] {
        &self.steps
    }
}

// === impl Observed ===

impl Observed {
    /// What the guards ask for, of counters.
    pub fn of(counters: &Counters, guards: &[Guard]) -> Self {
        let value = |metric: Metric| match metric {
            Metric::Success => counters.success_rate(),
            Metric::Latency(quantile) => counters
                .latency
                .quantile(quantile.as_share())
                .map(|micros| micros as f64),
        };
        let metrics = guards.iter().map(|guard| guard.metric);
        Self {
            samples: counters.success + counters.failure + counters.local_failure,
            values: metrics.filter_map(|m| Some((m, value(m)?))).collect(),
        }
    }
}

// === impl Rollout ===

impl Rollout {
    /// Begins: the weight of the first step is due.
    pub fn begin(plan: Plan, now: Instant) -> Self {
        Self::resume(plan, now, 0, now)
    }

    /// Goes on with a shift that began earlier: in `step`, whose weights are in place since
    /// `since`. A step that the plan does not have is its last.
    pub fn resume(plan: Plan, began: Instant, step: usize, since: Instant) -> Self {
        Self {
            step: step.min(plan.steps.len().saturating_sub(1)),
            plan,
            began,
            since,
            phase: Phase::Shifting,
        }
    }

    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// When it began.
    pub fn began(&self) -> Instant {
        self.began
    }

    /// Index of the step, from 0.
    pub fn step(&self) -> usize {
        self.step
    }

    /// When the weights of the step were in place: observations are of the time from here on.
    pub fn since(&self) -> Instant {
        self.since
    }

    /// When it is abandoned.
    pub fn deadline(&self) -> Instant {
        self.began + self.plan.deadline
    }

    /// The weight that the target should have, in percent.
    pub fn weight(&self) -> u32 {
        match self.phase {
            Phase::Shifting => self
                .plan
                .steps
                .get(self.step)
                .copied()
                .unwrap_or(self.plan.from),
            Phase::Returned(_) => self.plan.from,
            Phase::Done => self.plan.steps.last().copied().unwrap_or(self.plan.from),
        }
    }

    /// Whether it has come to an end, one or the other.
    pub fn is_over(&self) -> bool {
        self.phase != Phase::Shifting
    }

    /// The weight of the step is in place: its time begins.
    pub fn applied(&mut self, now: Instant) {
        self.since = now;
    }

    /// Somebody wants the traffic back.
    pub fn give_up(&mut self) -> Decision {
        self.go_back(Reason::Asked)
    }

    /// Decides, given what the target did since [`Rollout::since`]; none = nobody knows.
    pub fn decide(&mut self, now: Instant, observed: Option<&Observed>) -> Decision {
        match &self.phase {
            Phase::Returned(reason) => return Decision::Return(reason.clone()),
            Phase::Done => return Decision::Done,
            Phase::Shifting => {}
        }
        if let Some(broken) = observed.and_then(|o| self.broken(o)) {
            return self.go_back(broken);
        }
        if now.since(self.began) >= self.plan.deadline {
            return self.go_back(Reason::Late);
        }
        let passed = now.since(self.since);
        if passed < self.plan.every {
            return Decision::Hold(Wait::Time(self.plan.every - passed));
        }
        if let Some(lacking) = self.lacking(observed) {
            if passed >= self.plan.every.saturating_add(self.plan.patience) {
                return self.go_back(Reason::Silent(lacking));
            }
            return Decision::Hold(lacking);
        }
        if self.step + 1 == self.plan.steps.len() {
            self.phase = Phase::Done;
            return Decision::Done;
        }
        self.step += 1;
        // Until the caller says that the new weights are in place.
        self.since = now;
        Decision::Set(self.weight())
    }

    /// A guard that is broken by enough requests.
    fn broken(&self, observed: &Observed) -> Option<Reason> {
        if observed.samples < self.plan.min_samples {
            return None;
        }
        self.plan.guards.iter().find_map(|guard| {
            let seen = *observed.values.get(&guard.metric)?;
            guard.is_broken_by(seen).then_some(Reason::Broken {
                guard: *guard,
                seen,
                samples: observed.samples,
            })
        })
    }

    /// What keeps a step from ending.
    fn lacking(&self, observed: Option<&Observed>) -> Option<Wait> {
        let Some(observed) = observed else {
            return Some(Wait::Metrics);
        };
        let missing = self.plan.min_samples.saturating_sub(observed.samples);
        if missing > 0 {
            return Some(Wait::Samples(missing));
        }
        let unknown = |guard: &&Guard| !observed.values.contains_key(&guard.metric);
        let guard = self.plan.guards.iter().find(unknown)?;
        Some(Wait::Metric(guard.metric))
    }

    fn go_back(&mut self, reason: Reason) -> Decision {
        if self.phase == Phase::Shifting {
            self.phase = Phase::Returned(reason);
        }
        match &self.phase {
            Phase::Returned(reason) => Decision::Return(reason.clone()),
            _ => Decision::Done,
        }
    }
}

// === impl Wait ===

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(left) => write!(f, "{} s to go", left.as_secs_f64().ceil()),
            Self::Samples(n) => write!(f, "{n} more requests are needed"),
            Self::Metric(metric) => write!(f, "`{metric}` is not known"),
            Self::Metrics => f.write_str("there are no metrics"),
        }
    }
}

// === impl Reason ===

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken {
                guard,
                seen,
                samples,
            } => {
                let seen = guard.metric.shown(*seen);
                write!(f, "{guard}: {seen} of {samples} requests")
            }
            Self::Silent(wait) => write!(f, "no observation came in time: {wait}"),
            Self::Late => f.write_str("the deadline has passed"),
            Self::Asked => f.write_str("it was asked for"),
        }
    }
}

#[cfg(test)]
mod tests;
