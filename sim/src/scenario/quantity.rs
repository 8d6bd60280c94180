//! The scalars of a scenario: durations, shares, sizes and bandwidths as people write them.
//!
//! Each is a string with a unit in YAML, so that `30` never means seconds to one reader and
//! milliseconds to another. All of them print in a form they read back.

use core::fmt;
use core::str::FromStr;
use core::time::Duration;
use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A length of time: `1h30m`, `30s`, `1.5s`, `250ms`, `300us`. Go's `ParseDuration` syntax without
/// the sign, as in Kubernetes' `metav1.Duration`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(pub Duration);

/// A share between 0 and 1, written as a number (`0.1`) or in percent (`10%`).
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Share(pub f64);

/// A number of bytes: `512`, `4KiB`, `1MB`. `Ki`, `Mi` and `Gi` are accepted as in Kubernetes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(pub u64);

/// Bits per second: `100Mbps`, `1Gbps`, `512kbps`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bandwidth(pub u64);

/// Why a scalar could not be read; each names what would have been accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadQuantity {
    #[error("`{0}` is not a duration (write a number and a unit: 500ms, 30s, 1m30s, 300us)")]
    Span(String),
    #[error("`{0}` is not a share (write a number from 0 to 1, or a percentage: 0.1, 10%)")]
    Share(String),
    #[error("`{0}` is not a size (write bytes, or a number and a unit: 512, 4KiB, 1MB)")]
    Bytes(String),
    #[error(
        "`{0}` is not a bandwidth (write bits per second with a unit: 512kbps, 100Mbps, 1Gbps)"
    )]
    Bandwidth(String),
}

/// Units of a duration in nanoseconds, longest name first where one is a suffix of another.
const SPAN_UNITS: [(&str, f64); 7] = [
    ("ms", 1e6),
    ("us", 1e3),
    ("µs", 1e3),
    ("ns", 1.0),
    ("h", 3.6e12),
    ("m", 6e10),
    ("s", 1e9),
];

const BYTE_UNITS: [(&str, u64); 10] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("Ki", 1 << 10),
    ("Mi", 1 << 20),
    ("Gi", 1 << 30),
    ("kB", 1_000),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
];

const BANDWIDTH_UNITS: [(&str, u64); 5] = [
    ("kbps", 1_000),
    ("Kbps", 1_000),
    ("Mbps", 1_000_000),
    ("Gbps", 1_000_000_000),
    ("bps", 1),
];

/// Shown of a value that could not be read: enough to find it, bounded against hostile files.
const SHOWN_CHARS_MAX: usize = 80;

// === impl Span ===

impl Span {
    pub const ZERO: Self = Self(Duration::ZERO);

    pub const fn from_millis(ms: u64) -> Self {
        Self(Duration::from_millis(ms))
    }

    pub const fn from_secs(s: u64) -> Self {
        Self(Duration::from_secs(s))
    }
}

impl FromStr for Span {
    type Err = BadQuantity;

    fn from_str(s: &str) -> Result<Self, BadQuantity> {
        let bad = || BadQuantity::Span(shown(s));
        if s == "0" {
            return Ok(Self::ZERO);
        }
        let mut rest = s;
        let mut nanos = 0.0_f64;
        if rest.is_empty() {
            return Err(bad());
        }
        while !rest.is_empty() {
            let (number, tail) = leading_number(rest).ok_or_else(bad)?;
            let (unit, scale) = SPAN_UNITS
                .iter()
                .find(|(unit, _)| tail.starts_with(unit))
                .ok_or_else(bad)?;
            nanos += number * scale;
            rest = &tail[unit.len()..];
        }
        // 2^63 ns is 292 years: longer than any run, and exact enough below.
        if nanos < 9.2e18 {
            Ok(Self(Duration::from_nanos(nanos.round() as u64)))
        } else {
            Err(bad())
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        if nanos == 0 {
            return f.write_str("0s");
        }
        let (h, m) = (nanos / 3_600_000_000_000, nanos / 60_000_000_000 % 60);
        let rest = nanos % 60_000_000_000;
        if h > 0 {
            write!(f, "{h}h")?;
        }
        if m > 0 {
            write!(f, "{m}m")?;
        }
        let (scale, unit) = match rest {
            0 => return Ok(()),
            1_000_000_000.. => (1_000_000_000, "s"),
            1_000_000.. => (1_000_000, "ms"),
            1_000.. => (1_000, "us"),
            _ => (1, "ns"),
        };
        let (whole, fraction) = (rest / scale, rest % scale);
        if fraction == 0 {
            return write!(f, "{whole}{unit}");
        }
        let width = scale.ilog10() as usize;
        let digits = format!("{fraction:0width$}");
        write!(f, "{whole}.{}{unit}", digits.trim_end_matches('0'))
    }
}

impl From<Span> for Duration {
    fn from(span: Span) -> Self {
        span.0
    }
}

// === impl Share ===

impl Share {
    pub const ZERO: Self = Self(0.0);
    pub const ONE: Self = Self(1.0);
}

impl FromStr for Share {
    type Err = BadQuantity;

    fn from_str(s: &str) -> Result<Self, BadQuantity> {
        let bad = || BadQuantity::Share(shown(s));
        let (number, scale) = match s.strip_suffix('%') {
            Some(n) => (n.trim_end(), 100.0),
            None => (s, 1.0),
        };
        let value = number.parse::<f64>().map_err(|_| bad())? / scale;
        if (0.0..=1.0).contains(&value) {
            Ok(Self(value))
        } else {
            Err(bad())
        }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

// === impl Bytes ===

impl FromStr for Bytes {
    type Err = BadQuantity;

    fn from_str(s: &str) -> Result<Self, BadQuantity> {
        let bad = || BadQuantity::Bytes(shown(s));
        scaled(s, &BYTE_UNITS, true).map(Self).ok_or_else(bad)
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, scale) in BYTE_UNITS[..3].iter().rev() {
            if self.0 >= *scale && self.0.is_multiple_of(*scale) {
                return write!(f, "{}{unit}", self.0 / scale);
            }
        }
        write!(f, "{}", self.0)
    }
}

// === impl Bandwidth ===

impl FromStr for Bandwidth {
    type Err = BadQuantity;

    fn from_str(s: &str) -> Result<Self, BadQuantity> {
        let bad = || BadQuantity::Bandwidth(shown(s));
        match scaled(s, &BANDWIDTH_UNITS, false) {
            Some(bits) if bits > 0 => Ok(Self(bits)),
            _ => Err(bad()),
        }
    }
}

impl fmt::Display for Bandwidth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, scale) in [
            ("Gbps", 1_000_000_000),
            ("Mbps", 1_000_000),
            ("kbps", 1_000),
        ] {
            if self.0 >= scale && self.0.is_multiple_of(scale) {
                return write!(f, "{}{unit}", self.0 / scale);
            }
        }
        write!(f, "{}bps", self.0)
    }
}

// === reading ===

/// A decimal number at the start of `s`, and what follows it.
fn leading_number(s: &str) -> Option<(f64, &str)> {
    let end = s
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(s.len());
    let number = s[..end].parse().ok()?;
    Some((number, &s[end..]))
}

/// A number with one of `units`; without a unit only if `bare`.
fn scaled(s: &str, units: &[(&str, u64)], bare: bool) -> Option<u64> {
    let (number, tail) = leading_number(s)?;
    let scale = match units.iter().find(|(unit, _)| *unit == tail.trim_start()) {
        Some((_, scale)) => *scale,
        None if tail.is_empty() && bare => 1,
        None => return None,
    };
    let value = number * scale as f64;
    (value < 9e15).then_some(value.round() as u64)
}

/// The beginning of `s`, for a message.
pub(crate) fn shown(s: &str) -> String {
    s.chars().take(SHOWN_CHARS_MAX).collect()
}

// === serde and schema ===

/// Reads a scalar from a string, or from a number through its decimal form where the type accepts a
/// bare number.
struct Scalar<T>(core::marker::PhantomData<T>, &'static str);

impl<T> de::Visitor<'_> for Scalar<T>
where
    T: FromStr,
    T::Err: fmt::Display,
{
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.1)
    }

    fn visit_str<E: de::Error>(self, v: &str) -> Result<T, E> {
        v.parse().map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, v: u64) -> Result<T, E> {
        v.to_string().parse().map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, v: i64) -> Result<T, E> {
        v.to_string().parse().map_err(E::custom)
    }

    fn visit_f64<E: de::Error>(self, v: f64) -> Result<T, E> {
        v.to_string().parse().map_err(E::custom)
    }
}

/// Reads any type that parses from text. `what` names it in the message for a value of another
/// kind.
pub(crate) fn from_scalar<'de, T, D>(what: &'static str, from: D) -> Result<T, D::Error>
where
    T: FromStr,
    T::Err: fmt::Display,
    D: Deserializer<'de>,
{
    from.deserialize_any(Scalar(core::marker::PhantomData, what))
}

/// Serde and JSON Schema for a type that is text in YAML.
macro_rules! text_scalar {
    ($name:ty, $schema:literal, $what:literal, $json:expr) => {
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                crate::scenario::quantity::from_scalar($what, from)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                $schema.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $json
            }
        }
    };
}
pub(crate) use text_scalar;

text_scalar!(
    Span,
    "Duration",
    "a duration such as 30s",
    json_schema!({
        "description": "A length of time with its unit: `1h30m`, `30s`, `1.5s`, `250ms`, `300us`.",
        "type": "string",
        "pattern": "^(0|([0-9]+(\\.[0-9]+)?(h|m|s|ms|us|µs|ns))+)$",
        "examples": ["30s", "250ms"]
    })
);

text_scalar!(
    Bandwidth,
    "Bandwidth",
    "a bandwidth such as 100Mbps",
    json_schema!({
        "description": "Bits per second with a unit: `512kbps`, `100Mbps`, `1Gbps`.",
        "type": "string",
        "pattern": "^[0-9]+(\\.[0-9]+)? ?([kKMG]?bps)$",
        "examples": ["100Mbps"]
    })
);

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from_scalar("a share such as 0.1 or 10%", from)
    }
}

impl Serialize for Share {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64(self.0)
    }
}

impl JsonSchema for Share {
    fn schema_name() -> Cow<'static, str> {
        "Share".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A share, as a number from 0 to 1 or in percent.",
            "anyOf": [
                { "type": "number", "minimum": 0, "maximum": 1 },
                { "type": "string", "pattern": "^[0-9]+(\\.[0-9]+)? ?%?$" }
            ],
            "examples": ["10%", 0.1]
        })
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from_scalar("a size such as 4KiB", from)
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl JsonSchema for Bytes {
    fn schema_name() -> Cow<'static, str> {
        "Bytes".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A number of bytes, bare or with a unit: `512`, `4KiB`, `1MB`.",
            "anyOf": [
                { "type": "integer", "minimum": 0 },
                { "type": "string", "pattern": "^[0-9]+(\\.[0-9]+)? ?([KMG]iB?|[kKMG]B)?$" }
            ],
            "examples": ["4KiB", 512]
        })
    }
}

#[cfg(test)]
mod tests;
