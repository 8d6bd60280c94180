//! A number, or a text: a port's name, or a percentage.

use core::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

/// `8080`, `http`, `25%`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IntOrString {
    Int(i32),
    String(String),
}

struct Either;

// === impl IntOrString ===

impl IntOrString {
    /// As a share or count of `total`: `25%` of 10 is 2 or, rounded up, 3. Negative counts are
    /// none; `None` when it is neither a number nor a percentage.
    pub fn of(&self, total: u32, round_up: bool) -> Option<u32> {
        let percent = match self {
            Self::Int(count) => return Some(u32::try_from(*count).unwrap_or(0)),
            Self::String(text) => text.strip_suffix('%')?.parse::<u32>().ok()?,
        };
        let hundredths = u64::from(total) * u64::from(percent);
        let share = if round_up {
            hundredths.div_ceil(100)
        } else {
            hundredths / 100
        };
        Some(u32::try_from(share).unwrap_or(u32::MAX))
    }
}

impl fmt::Display for IntOrString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(value) => value.fmt(f),
            Self::String(value) => value.fmt(f),
        }
    }
}

impl<'de> Deserialize<'de> for IntOrString {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Either)
    }
}

// === impl Either ===

impl Visitor<'_> for Either {
    type Value = IntOrString;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number or a name")
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<IntOrString, E> {
        i32::try_from(value)
            .map(IntOrString::Int)
            .map_err(|_| E::invalid_value(de::Unexpected::Signed(value), &self))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<IntOrString, E> {
        i32::try_from(value)
            .map(IntOrString::Int)
            .map_err(|_| E::invalid_value(de::Unexpected::Unsigned(value), &self))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<IntOrString, E> {
        Ok(IntOrString::String(value.to_owned()))
    }
}
