//! Durations as users write them.
//!
//! Two grammars: GEP-2257 in the groups of Gateway API (`1h30m`, at most four parts of at most five
//! digits, no fractions), and Go's `time.ParseDuration` without a sign, which Kubernetes uses
//! everywhere else (`1.5s`, `250us`). Every GEP-2257 duration means the same in the second one.

use core::fmt;
use core::str::FromStr;
use core::time::Duration;
use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize};

/// GEP-2257: at most this many parts, each with at most this many digits.
const GEP_PARTS_MAX: usize = 4;
const GEP_DIGITS_MAX: usize = 5;
/// The longest text of a Go duration that is looked at. `time.Duration` ends at 292 years, which
/// takes far fewer characters.
const TEXT_LEN_MAX: usize = 64;
/// Go's `time.Duration` is a signed 64-bit number of nanoseconds.
const NANOS_MAX: u128 = i64::MAX as u128;

/// A duration of Gateway API (GEP-2257).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GepDuration(Duration);

/// A duration of Kubernetes (`metav1.Duration`), not negative.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KubeDuration(Duration);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    #[error(
        "`{0}` is not a duration: write up to four numbers of at most five digits, each with a \
         unit h, m, s or ms, for example `1m30s` or `250ms` (GEP-2257)"
    )]
    Gep(String),
    #[error(
        "`{0}` is not a duration: write numbers with a unit h, m, s, ms, us or ns, for example \
         `1m30s`, `1.5s` or `250ms`"
    )]
    Kube(String),
    #[error("`{0}` is negative: a duration here is zero or longer")]
    Negative(String),
    #[error("`{0}` is longer than 292 years, the longest duration Kubernetes can hold")]
    TooLong(String),
}

struct Text<T>(core::marker::PhantomData<T>);

// === impl GepDuration ===

impl GepDuration {
    pub fn get(self) -> Duration {
        self.0
    }

    /// The duration, or none for zero, which switches a timeout off (GEP-1742).
    pub fn non_zero(self) -> Option<Duration> {
        (!self.0.is_zero()).then_some(self.0)
    }
}

impl FromStr for GepDuration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        let bad = || DurationError::Gep(shown(text));
        let mut rest = text;
        let mut nanos = 0u128;
        let mut parts = 0;
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            parts += 1;
            if digits == 0 || digits > GEP_DIGITS_MAX || parts > GEP_PARTS_MAX {
                return Err(bad());
            }
            let number: u128 = rest[..digits].parse().map_err(|_| bad())?;
            let (unit, after) = unit(&rest[digits..]).ok_or_else(bad)?;
            if unit < MILLISECOND {
                return Err(bad());
            }
            nanos += number * unit;
            rest = after;
        }
        if parts == 0 {
            return Err(bad());
        }
        Ok(Self(from_nanos(nanos)))
    }
}

/// A number with a fraction and a unit, as often as wanted; or a bare zero.
const KUBE_PATTERN: &str = r"^\+?(0|([0-9]*\.?[0-9]*(h|m|s|ms|us|µs|μs|ns))+)$";

// === impl KubeDuration ===

impl JsonSchema for KubeDuration {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "maxLength": TEXT_LEN_MAX,
            "pattern": KUBE_PATTERN,
        })
    }
}

impl KubeDuration {
    pub fn get(self) -> Duration {
        self.0
    }

    /// The duration, or none for zero.
    pub fn non_zero(self) -> Option<Duration> {
        (!self.0.is_zero()).then_some(self.0)
    }
}

impl FromStr for KubeDuration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        let bad = || DurationError::Kube(shown(text));
        if text.len() > TEXT_LEN_MAX {
            return Err(bad());
        }
        if text.starts_with('-') {
            return Err(DurationError::Negative(shown(text)));
        }
        let mut rest = text.strip_prefix('+').unwrap_or(text);
        // Go accepts a bare zero, and nothing else without a unit.
        if rest == "0" {
            return Ok(Self(Duration::ZERO));
        }
        if rest.is_empty() {
            return Err(bad());
        }
        let mut nanos = 0u128;
        while !rest.is_empty() {
            let (part, after) = kube_part(rest).ok_or_else(bad)?;
            nanos = nanos.saturating_add(part);
            rest = after;
        }
        if nanos > NANOS_MAX {
            return Err(DurationError::TooLong(shown(text)));
        }
        Ok(Self(from_nanos(nanos)))
    }
}

/// One `12.5ms` of a Go duration, and what follows it.
fn kube_part(text: &str) -> Option<(u128, &str)> {
    let whole_len = text.bytes().take_while(u8::is_ascii_digit).count();
    let (whole, rest) = text.split_at(whole_len);
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(after) => after.split_at(after.bytes().take_while(u8::is_ascii_digit).count()),
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let (unit, after) = unit(rest)?;
    let mut nanos = 0u128;
    for digit in whole.bytes() {
        nanos = nanos
            .saturating_mul(10)
            .saturating_add(u128::from(digit - b'0'));
    }
    nanos = nanos.saturating_mul(unit);
    let mut scale = unit;
    for digit in fraction.bytes() {
        scale /= 10;
        nanos = nanos.saturating_add(scale.saturating_mul(u128::from(digit - b'0')));
    }
    Some((nanos, after))
}

const MILLISECOND: u128 = 1_000_000;

/// The unit at the start of `text` in nanoseconds, and what follows it.
fn unit(text: &str) -> Option<(u128, &str)> {
    const UNITS: [(&str, u128); 8] = [
        ("ms", MILLISECOND),
        ("us", 1_000),
        ("µs", 1_000),
        ("μs", 1_000),
        ("ns", 1),
        ("h", 3_600_000_000_000),
        ("m", 60_000_000_000),
        ("s", 1_000_000_000),
    ];
    UNITS
        .iter()
        .find_map(|(name, nanos)| Some((*nanos, text.strip_prefix(name)?)))
}

fn from_nanos(nanos: u128) -> Duration {
    const SECOND: u128 = 1_000_000_000;
    let seconds = u64::try_from(nanos / SECOND).unwrap_or(u64::MAX);
    // A remainder of a division by 10^9 fits.
    let rest = u32::try_from(nanos % SECOND).unwrap_or(0);
    Duration::new(seconds, rest)
}

/// The text as an error shows it: never longer than a line.
fn shown(text: &str) -> String {
    text.chars().take(40).collect()
}

// === impl serde ===

impl<T: FromStr<Err = DurationError>> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration such as `10s` or `250ms`")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

impl<'de> Deserialize<'de> for GepDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text(core::marker::PhantomData))
    }
}

impl<'de> Deserialize<'de> for KubeDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text(core::marker::PhantomData))
    }
}

impl Serialize for GepDuration {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for KubeDuration {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Writes a duration so that both grammars read it back when it is a whole number of milliseconds.
fn write(f: &mut fmt::Formatter<'_>, duration: Duration) -> fmt::Result {
    let nanos = duration.as_nanos();
    if nanos == 0 {
        return f.write_str("0s");
    }
    let mut rest = nanos;
    for (name, unit) in [
        ("h", 3_600_000_000_000),
        ("m", 60_000_000_000),
        ("s", 1_000_000_000),
        ("ms", MILLISECOND),
        ("us", 1_000),
        ("ns", 1),
    ] {
        if rest >= unit {
            write!(f, "{}{name}", rest / unit)?;
            rest %= unit;
        }
    }
    Ok(())
}

impl fmt::Display for GepDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(f, self.0)
    }
}

impl fmt::Display for KubeDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(f, self.0)
    }
}

impl fmt::Debug for GepDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(f, self.0)
    }
}

impl fmt::Debug for KubeDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(f, self.0)
    }
}

#[cfg(test)]
mod tests;
