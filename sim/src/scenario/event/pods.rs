//! Some pods of a workload: so many, so large a share, or exactly these.

use core::fmt;
use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::scenario::quantity::Share;

/// Some pods of a workload.
#[derive(Clone, Debug, PartialEq)]
pub enum PodChoice {
    /// So many, from the first one on.
    Count(u32),
    /// Exactly these, counted from 0.
    Indexes(Vec<u32>),
    /// So large a share, rounded up, from the first one on.
    Share(Share),
}

struct NumberShareOrList;

// === impl PodChoice ===

impl PodChoice {
    /// The chosen ones of `replicas` pods, as indexes, sorted.
    pub fn indexes(&self, replicas: u32) -> Vec<u32> {
        match self {
            Self::Count(n) => (0..replicas.min(*n)).collect(),
            Self::Share(share) => {
                let n = (f64::from(replicas) * share.0 - 1e-9).ceil().max(0.0);
                (0..replicas.min(n as u32)).collect()
            }
            Self::Indexes(list) => {
                let mut list: Vec<_> = list.iter().copied().filter(|i| *i < replicas).collect();
                list.sort_unstable();
                list.dedup();
                list
            }
        }
    }
}

// === serde and schema ===

impl<'de> de::Visitor<'de> for NumberShareOrList {
    type Value = PodChoice;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of pods, a percentage, or a list of pod indexes")
    }

    fn visit_u64<E: de::Error>(self, v: u64) -> Result<PodChoice, E> {
        let count = u32::try_from(v);
        count
            .map(PodChoice::Count)
            .map_err(|_| E::custom("there are not so many pods"))
    }

    fn visit_i64<E: de::Error>(self, v: i64) -> Result<PodChoice, E> {
        let count = u32::try_from(v);
        count
            .map(PodChoice::Count)
            .map_err(|_| E::custom("a number of pods is not negative"))
    }

    fn visit_str<E: de::Error>(self, v: &str) -> Result<PodChoice, E> {
        if !v.ends_with('%') {
            return Err(E::invalid_value(de::Unexpected::Str(v), &self));
        }
        v.parse().map(PodChoice::Share).map_err(E::custom)
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<PodChoice, A::Error> {
        let mut list = Vec::new();
        while let Some(index) = seq.next_element()? {
            list.push(index);
        }
        Ok(PodChoice::Indexes(list))
    }
}

impl<'de> Deserialize<'de> for PodChoice {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(NumberShareOrList)
    }
}

impl Serialize for PodChoice {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Count(n) => n.serialize(to),
            Self::Indexes(list) => list.serialize(to),
            Self::Share(share) => {
                // 0.29 is 28.999999999999996 % without the rounding.
                to.collect_str(&format_args!("{}%", (share.0 * 1e11).round() / 1e9))
            }
        }
    }
}

impl JsonSchema for PodChoice {
    fn schema_name() -> Cow<'static, str> {
        "PodChoice".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Some pods: so many or so large a share from the first one on, or a \
                            list of indexes counted from 0.",
            "anyOf": [
                { "type": "integer", "minimum": 1 },
                { "type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?%$" },
                { "type": "array", "items": { "type": "integer", "minimum": 0 } }
            ],
            "examples": [1, "50%", [0, 2]]
        })
    }
}
