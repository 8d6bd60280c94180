//! The event `shift`: what `meshctl route shift` would do.

use core::fmt;
use core::str::FromStr;
use std::borrow::Cow;

use engine::rollout;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::scenario::quantity::{Share, Span, text_scalar};
use crate::scenario::reference::ObjectRef;

/// See [`super::Event::shift`].
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Shift {
    /// The HTTPRoute or GRPCRoute.
    #[schemars(example = "HTTPRoute/shop/recommendations")]
    pub route: ObjectRef,
    /// The backend that gets the traffic: a Service of the route's namespace. Rules in which it
    /// stands alone are left alone.
    #[schemars(example = "recommendations-v2")]
    pub to: String,
    /// What it gets more in each step.
    #[schemars(example = "10%")]
    pub step: Percent,
    /// Where the last step ends.
    #[serde(default = "everything")]
    #[schemars(example = "100%")]
    pub until: Percent,
    /// How long a step lasts at least.
    #[schemars(example = "1m")]
    pub every: Span,
    /// What the target must not do; else its traffic goes back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("examples" = [["success<99%", "p99>300ms"]]))]
    pub abort_on: Vec<Guard>,
    /// Requests to the target without which a step is not judged.
    #[serde(default = "min_samples")]
    #[schemars(example = 100, range(min = 1))]
    pub min_samples: u64,
    /// How long a step that should end waits for them, then the traffic goes back; without it as
    /// long as two steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "2m")]
    pub patience: Option<Span>,
    /// How long everything may take; without it as long as all steps with their patience.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "1h")]
    pub deadline: Option<Span>,
}

/// A share in whole percent: `10%`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Percent(Share);

/// A condition under which traffic goes back: `success<99%`, `p99>300ms`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Guard(pub rollout::Guard);

/// Requests that make an observation when nothing is said: one failure among them is a percent.
const MIN_SAMPLES: u64 = 100;

// === impl Shift ===

impl Shift {
    pub fn patience(&self) -> Span {
        self.patience.unwrap_or(Span(self.every.0 * 2))
    }
}

// === impl Percent ===

impl Percent {
    pub fn percent(self) -> u32 {
        // From 0 to 100, whole.
        (self.0.0 * 100.0).round() as u32
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let share = Share::deserialize(from)?;
        let percent = share.0 * 100.0;
        if (percent - percent.round()).abs() > 1e-9 {
            let message = format!("{percent}% is no whole percent, and steps are");
            return Err(serde::de::Error::custom(message));
        }
        Ok(Self(share))
    }
}

impl Serialize for Percent {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl JsonSchema for Percent {
    fn schema_name() -> Cow<'static, str> {
        Share::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Share::json_schema(generator)
    }
}

// === impl Guard ===

impl FromStr for Guard {
    type Err = rollout::GuardError;

    fn from_str(text: &str) -> Result<Self, rollout::GuardError> {
        text.parse().map(Self)
    }
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

text_scalar!(
    Guard,
    "Guard",
    "a guard such as success<99%",
    json_schema!({
        "description": "When traffic goes back: by the share of successes or by the latency.",
        "type": "string",
        "pattern": "^(success *< *[0-9.]+ *%?|p[0-9.]+ *> *[0-9.]+ *(us|ms|s|m))$",
        "examples": ["success<99%", "p99>300ms"]
    })
);

const fn everything() -> Percent {
    Percent(Share::ONE)
}

const fn min_samples() -> u64 {
    MIN_SAMPLES
}
