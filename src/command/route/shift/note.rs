//! The state of a shift, kept at the route itself: whoever finds it can go on or give the traffic
//! back.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use engine::rollout::{Guard, Plan, Rollout};
use engine::snapshot::ObjectName;
use engine::time::Instant;
use k8s_openapi::jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sim::scenario::Span;

use super::target::{Target, Weights, has_weights, with_weights};
use crate::error::Error;

/// Where the note stands.
pub(crate) use model::inject::annotations::SHIFT as ANNOTATION;
/// The form of the note; another one was written by another version of this program.
const FORM: u32 = 1;

/// What the annotation holds, as JSON.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Note {
    form: u32,
    /// The Service whose traffic is shifted.
    pub(crate) service: String,
    /// The backend that gets it.
    pub(crate) to: String,
    /// Its share before, in percent.
    pub(super) from: u32,
    steps: Vec<u32>,
    every: Span,
    abort_on: Vec<String>,
    min_samples: u64,
    patience: Span,
    began: Timestamp,
    /// After this it is abandoned.
    pub(crate) deadline: Timestamp,
    /// Index of the step, and since when its weights are in place.
    step: usize,
    since: Timestamp,
    /// The weights that traffic returns to.
    before: Weights,
    /// The weights of the step: others mean that somebody else changed them.
    now: Weights,
}

/// The time, as the controller counts it: nanoseconds since the epoch, which survive a restart.
pub(crate) fn now() -> Instant {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Instant::ZERO + since
}

fn stamp(at: Instant) -> Timestamp {
    let millis = i64::try_from(at.as_nanos() / 1_000_000).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX)
}

fn instant(at: Timestamp) -> Instant {
    Instant::ZERO + Duration::from_millis(u64::try_from(at.as_millisecond()).unwrap_or_default())
}

// === impl Note ===

impl Note {
    pub(super) fn new(target: &Target, rollout: &Rollout) -> Self {
        let plan = rollout.plan();
        let mut note = Self {
            form: FORM,
            service: target.service.name.to_string(),
            to: target.to.clone(),
            from: plan.from(),
            steps: plan.steps().to_vec(),
            every: Span(plan.every),
            abort_on: plan.guards.iter().map(ToString::to_string).collect(),
            min_samples: plan.min_samples,
            patience: Span(plan.patience),
            began: stamp(rollout.began()),
            deadline: stamp(rollout.deadline()),
            step: 0,
            since: stamp(rollout.since()),
            before: target.weights_before(),
            now: target.weights_before(),
        };
        note.turn_to(target, rollout);
        note
    }

    /// The note of a route; none when it has none.
    ///
    /// # Errors
    /// A note that cannot be read.
    pub(crate) fn of(object: &Value) -> Result<Option<Self>, Error> {
        let meta = &object["metadata"];
        let Some(text) = meta["annotations"][ANNOTATION].as_str() else {
            return Ok(None);
        };
        let note = Self::read(text).map_err(|cause| {
            let name = meta["name"].as_str().unwrap_or_default();
            Error::new(format!(
                "the annotation {ANNOTATION} of {name} cannot be read"
            ))
            .caused_by(cause)
            .hint("use the version of meshctl that wrote it, or remove the annotation")
        });
        note.map(Some)
    }

    /// # Errors
    /// Why the text of an annotation is none, in a line.
    fn read(text: &str) -> Result<Self, String> {
        let note: Self = serde_json::from_str(text).map_err(|e| e.to_string())?;
        match note.form {
            FORM => Ok(note),
            form => Err(format!("it has the form {form}, known is {FORM}")),
        }
    }

    /// What the annotation of a route tells of a rule, in a line; empty when nothing. `backends`
    /// are the names of those that the rule has.
    pub(crate) fn in_words(text: &str, service: &ObjectName, backends: &[&str]) -> String {
        let note = match Self::read(text) {
            Ok(note) => note,
            Err(cause) => return format!("{ANNOTATION} cannot be read: {cause}"),
        };
        let (to, deadline) = (&note.to, note.deadline);
        if backends.len() < 2 || !backends.contains(&to.as_str()) {
            return String::new();
        }
        match note.is_abandoned() {
            false => format!("being shifted to {to}, until {deadline}"),
            true => format!(
                "the shift to {to} was abandoned, its deadline was {deadline}: meshctl route shift \
                 {service} --return, or --resume"
            ),
        }
    }

    /// The controller in the state of the note.
    pub(super) fn rollout(&self) -> Result<Rollout, Error> {
        let unreadable = |cause: String| {
            Error::new(format!("the shift to {} cannot be resumed", self.to))
                .caused_by(cause)
                .hint("give the traffic back with --return")
        };
        let guards: Result<Vec<Guard>, _> = self.abort_on.iter().map(|g| g.parse()).collect();
        let plan = Plan::new(
            (self.from, self.steps.clone()),
            self.every.0,
            guards.map_err(|e| unreadable(e.to_string()))?,
            self.min_samples,
            self.patience.0,
            instant(self.deadline).since(instant(self.began)),
        );
        let plan = plan.map_err(|e| unreadable(e.to_string()))?;
        Ok(Rollout::resume(
            plan,
            instant(self.began),
            self.step,
            instant(self.since),
        ))
    }

    /// Follows the controller into its step.
    pub(super) fn turn_to(&mut self, target: &Target, rollout: &Rollout) {
        self.step = rollout.step();
        self.since = stamp(rollout.since());
        self.now = target.weights(rollout.weight());
    }

    /// `object` with the weights of the step, and this note.
    pub(super) fn placed(&self, object: &Value) -> Value {
        let mut object = with_weights(object, &self.now);
        // A note is made of numbers, texts and times: it can be written.
        let text = serde_json::to_string(self).unwrap_or_default();
        object["metadata"]["annotations"][ANNOTATION] = text.into();
        object
    }

    /// `object` with the weights of before.
    pub(super) fn restored(&self, object: &Value) -> Value {
        with_weights(object, &self.before)
    }

    /// Whether `object` has the weights that the step gave it.
    pub(super) fn is_in_place(&self, object: &Value) -> bool {
        has_weights(object, &self.now)
    }

    /// Whether nobody can be expected to go on with it.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.deadline < Timestamp::now()
    }

    /// Somebody shifts already. `again` is the command without what to do.
    pub(super) fn under_way(&self, target: &Target, again: &str) -> Error {
        let state = match self.is_abandoned() {
            true => "was abandoned",
            false => "is under way",
        };
        let shown = target.route.shown();
        Error::new(format!("a shift of {shown} to {} {state}", self.to))
            .caused_by(format!(
                "it began at {}, its deadline is {}",
                self.began, self.deadline
            ))
            .hint(format!("go on with it: {again} --resume"))
            .hint(format!("or give the traffic back: {again} --return"))
    }
}
