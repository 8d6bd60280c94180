//! Distributions of service times and latencies as they are written.

use core::fmt;
use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::quantity::Span;

/// How long something takes. In YAML a bare duration is a constant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Distribution {
    Constant(Span),
    Uniform {
        min: Span,
        max: Span,
    },
    /// Log-normal, given by its median and 99th percentile: the usual shape of service times.
    LogNormal {
        p50: Span,
        p99: Span,
    },
    Exponential {
        mean: Span,
    },
}

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum Doc {
    /// Always the same.
    Constant(Span),
    /// Every value between `min` and `max` is equally likely.
    Uniform(UniformDoc),
    /// Log-normal by its median and 99th percentile.
    LogNormal(LogNormalDoc),
    /// Exponential with this mean.
    Exponential(ExponentialDoc),
}

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct UniformDoc {
    /// The smallest value.
    min: Span,
    /// The largest value.
    max: Span,
}

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LogNormalDoc {
    /// The median: half of the values are below it.
    p50: Span,
    /// The 99th percentile; at least `p50`.
    p99: Span,
}

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ExponentialDoc {
    /// The mean.
    mean: Span,
}

// === impl Distribution ===

impl Distribution {
    pub const fn constant(span: Span) -> Self {
        Self::Constant(span)
    }

    /// What is wrong with the parameters, if anything is.
    pub fn problem(&self) -> Option<String> {
        match *self {
            Self::Uniform { min, max } if min > max => {
                Some(format!("`min` ({min}) is larger than `max` ({max})"))
            }
            Self::LogNormal { p50, p99 } if p50 > p99 => {
                Some(format!("`p50` ({p50}) is larger than `p99` ({p99})"))
            }
            Self::LogNormal { p50, .. } if p50 == Span::ZERO => {
                Some("`p50` of a log-normal distribution has to be above zero".into())
            }
            _ => None,
        }
    }
}

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant(span) => write!(f, "{span}"),
            Self::Uniform { min, max } => write!(f, "uniform {min} to {max}"),
            Self::LogNormal { p50, p99 } => write!(f, "log-normal p50 {p50}, p99 {p99}"),
            Self::Exponential { mean } => write!(f, "exponential, mean {mean}"),
        }
    }
}

// === serde and schema ===

impl From<Doc> for Distribution {
    fn from(doc: Doc) -> Self {
        match doc {
            Doc::Constant(span) => Self::Constant(span),
            Doc::Uniform(d) => Self::Uniform {
                min: d.min,
                max: d.max,
            },
            Doc::LogNormal(d) => Self::LogNormal {
                p50: d.p50,
                p99: d.p99,
            },
            Doc::Exponential(d) => Self::Exponential { mean: d.mean },
        }
    }
}

struct FromSpanOrMap;

impl<'de> de::Visitor<'de> for FromSpanOrMap {
    type Value = Distribution;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration, or one of constant, uniform, lognormal, exponential")
    }

    fn visit_str<E: de::Error>(self, v: &str) -> Result<Distribution, E> {
        v.parse().map(Distribution::Constant).map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, v: u64) -> Result<Distribution, E> {
        self.visit_str(&v.to_string())
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Distribution, A::Error> {
        Doc::deserialize(MapAccessDeserializer::new(map)).map(Into::into)
    }
}

impl<'de> Deserialize<'de> for Distribution {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(FromSpanOrMap)
    }
}

impl Serialize for Distribution {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Constant(span) => return span.serialize(to),
            Self::Uniform { min, max } => Doc::Uniform(UniformDoc { min, max }),
            Self::LogNormal { p50, p99 } => Doc::LogNormal(LogNormalDoc { p50, p99 }),
            Self::Exponential { mean } => Doc::Exponential(ExponentialDoc { mean }),
        }
        .serialize(to)
    }
}

impl JsonSchema for Distribution {
    fn schema_name() -> Cow<'static, str> {
        "Distribution".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let constant = generator.subschema_for::<Span>();
        let doc = generator.subschema_for::<Doc>();
        json_schema!({
            "description": "How long something takes: a duration, or a named distribution.",
            "anyOf": [constant, doc],
            "examples": ["5ms", { "lognormal": { "p50": "8ms", "p99": "60ms" } }]
        })
    }
}

#[cfg(test)]
mod tests;
