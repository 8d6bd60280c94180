//! Whole numbers with a declared range, refused where they are read.
//!
//! A weight of -1 or a port of 70000 must be an error at its own line, with the range in the text;
//! a plain `u32` would say "expected u32", which helps nobody.

use core::fmt;
use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize};

/// A whole number in `MIN..=MAX`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Int<const MIN: i64, const MAX: i64>(i64);

/// A TCP port.
pub type Port = Int<1, 65535>;
/// Zero to one hundred.
pub type Percent = Int<0, 100>;
/// A count that may be zero.
pub type Count = Int<0, { u32::MAX as i64 }>;
/// A count of at least one.
pub type Positive = Int<1, { u32::MAX as i64 }>;

struct InRange<const MIN: i64, const MAX: i64>;

// === impl Int ===

impl<const MIN: i64, const MAX: i64> Int<MIN, MAX> {
    /// None when `value` is out of range.
    pub fn new(value: i64) -> Option<Self> {
        (MIN..=MAX).contains(&value).then_some(Self(value))
    }

    pub fn get(self) -> i64 {
        self.0
    }

    /// The value as `u32`; out-of-range values saturate, which no declared range here does.
    pub fn u32(self) -> u32 {
        u32::try_from(self.0.max(0)).unwrap_or(u32::MAX)
    }

    /// The value as `u16`; larger values saturate, which the ranges of ports and statuses exclude.
    pub fn u16(self) -> u16 {
        u16::try_from(self.0.max(0)).unwrap_or(u16::MAX)
    }
}

impl<const MIN: i64, const MAX: i64> fmt::Debug for Int<MIN, MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl<const MIN: i64, const MAX: i64> fmt::Display for Int<MIN, MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl<const MIN: i64, const MAX: i64> JsonSchema for Int<MIN, MAX> {
    fn schema_name() -> Cow<'static, str> {
        format!("Int_{MIN}_{MAX}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "integer", "format": "int64", "minimum": MIN, "maximum": MAX})
    }
}

impl<'de, const MIN: i64, const MAX: i64> Deserialize<'de> for Int<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_i64(InRange)
    }
}

impl<const MIN: i64, const MAX: i64> Visitor<'_> for InRange<MIN, MAX> {
    type Value = Int<MIN, MAX>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number from {MIN} to {MAX}")
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        Int::new(value).ok_or_else(|| {
            E::custom(format_args!(
                "{value} is out of range: allowed is a whole number from {MIN} to {MAX}"
            ))
        })
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        self.visit_i64(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<i64, &str>) {
        let read = serde_json::from_str::<Int<0, 1_000_000>>(text);
        match (read, expected) {
            (Ok(n), Ok(e)) => assert_eq!(n.get(), e, "{text}"),
            (Err(e), Err(part)) => assert!(e.to_string().contains(part), "{text}: {e}"),
            (read, expected) => panic!("{text}: read {read:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn numbers_in_range_are_read_and_others_refused_with_the_range() {
        check("0", Ok(0));
        check("1000000", Ok(1_000_000));
        check(
            "-1",
            Err("-1 is out of range: allowed is a whole number from 0 to 1000000"),
        );
        check("1000001", Err("from 0 to 1000000"));
        check("18446744073709551615", Err("out of range"));
        check("1.5", Err("a whole number"));
        check("\"1\"", Err("a whole number"));
    }
}
