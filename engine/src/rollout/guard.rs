//! What must not happen to the target of a shift: `success<99%`, `p99>300ms`.

use core::fmt;
use core::str::FromStr;

/// A condition under which traffic returns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Guard {
    pub metric: Metric,
    pub op: Op,
    /// In the unit of the metric.
    pub bound: f64,
}

/// What is measured of the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Metric {
    /// Share of the requests that succeed, from 0 to 1.
    Success,
    /// A quantile of the latency, in microseconds.
    Latency(Quantile),
}

/// A quantile in tenths of a percent: 999 is p99.9.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantile(u16);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Below,
    Above,
}

/// A guard that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GuardError {
    #[error("`{0}` compares nothing: write `success<99%` or `p99>300ms`")]
    NoComparison(String),
    #[error("`{0}` is no metric: there are `success`, and `p50` to `p99.9` of the latency")]
    NoMetric(String),
    #[error("`{0}` is no share: write `99%` or `0.99`")]
    NoShare(String),
    #[error("`{0}` is no time: write `300ms`, `1.5s` or `800us`")]
    NoTime(String),
    #[error("success above something is no trouble: write `success<{0}`")]
    Backwards(String),
    #[error("latency below something is no trouble: write `{metric}>{bound}`")]
    BackwardsLatency { metric: String, bound: String },
}

/// Microseconds of a unit.
const UNITS: [(&str, f64); 4] = [("us", 1.0), ("ms", 1e3), ("s", 1e6), ("m", 6e7)];

// === impl Guard ===

impl Guard {
    pub fn is_broken_by(&self, seen: f64) -> bool {
        match self.op {
            Op::Below => seen < self.bound,
            Op::Above => seen > self.bound,
        }
    }
}

impl FromStr for Guard {
    type Err = GuardError;

    fn from_str(text: &str) -> Result<Self, GuardError> {
        let (op, sign) = match text.find(['<', '>']) {
            Some(at) if text[at..].starts_with('<') => (Op::Below, at),
            Some(at) => (Op::Above, at),
            None => return Err(GuardError::NoComparison(text.to_owned())),
        };
        let (metric, bound) = (text[..sign].trim(), text[sign + 1..].trim());
        let metric: Metric = metric.parse()?;
        let bound = match metric {
            Metric::Success if op == Op::Above => {
                return Err(GuardError::Backwards(bound.to_owned()));
            }
            Metric::Latency(_) if op == Op::Below => {
                return Err(GuardError::BackwardsLatency {
                    metric: metric.to_string(),
                    bound: bound.to_owned(),
                });
            }
            Metric::Success => share(bound)?,
            Metric::Latency(_) => micros(bound)?,
        };
        Ok(Self { metric, op, bound })
    }
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let op = match self.op {
            Op::Below => '<',
            Op::Above => '>',
        };
        write!(f, "{}{op}{}", self.metric, self.metric.shown(self.bound))
    }
}

fn share(text: &str) -> Result<f64, GuardError> {
    let bad = || GuardError::NoShare(text.to_owned());
    let (number, scale) = match text.strip_suffix('%') {
        Some(number) => (number.trim_end(), 100.0),
        None => (text, 1.0),
    };
    let share = number.parse::<f64>().map_err(|_| bad())? / scale;
    if (0.0..=1.0).contains(&share) {
        Ok(share)
    } else {
        Err(bad())
    }
}

fn micros(text: &str) -> Result<f64, GuardError> {
    let bad = || GuardError::NoTime(text.to_owned());
    let digits = text
        .find(|c: char| c.is_ascii_alphabetic())
        .ok_or_else(bad)?;
    let (number, unit) = text.split_at(digits);
    let (_, scale) = UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .ok_or_else(bad)?;
    let micros = number.trim_end().parse::<f64>().map_err(|_| bad())? * scale;
    if micros.is_finite() && micros >= 0.0 {
        Ok(micros)
    } else {
        Err(bad())
    }
}

// === impl Metric ===

impl Metric {
    /// A value of this metric, with its unit.
    pub fn shown(self, value: f64) -> String {
        match self {
            // Two digits behind the point are one failure in ten thousand.
            Self::Success => format!("{}%", rounded(value * 100.0, 100.0)),
            Self::Latency(_) if value >= 1e6 => format!("{}s", rounded(value / 1e6, 1000.0)),
            Self::Latency(_) if value >= 1e3 => format!("{}ms", rounded(value / 1e3, 10.0)),
            Self::Latency(_) => format!("{}us", rounded(value, 1.0)),
        }
    }
}

fn rounded(value: f64, scale: f64) -> f64 {
    (value * scale).round() / scale
}

impl FromStr for Metric {
    type Err = GuardError;

    fn from_str(text: &str) -> Result<Self, GuardError> {
        let bad = || GuardError::NoMetric(text.to_owned());
        if text == "success" {
            return Ok(Self::Success);
        }
        let percent: f64 = text
            .strip_prefix('p')
            .ok_or_else(bad)?
            .parse()
            .map_err(|_| bad())?;
        let tenths = percent * 10.0;
        if !(1.0..1000.0).contains(&tenths) || tenths.fract() != 0.0 {
            return Err(bad());
        }
        // At most three digits.
        Ok(Self::Latency(Quantile(tenths as u16)))
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Success => f.write_str("success"),
            Self::Latency(quantile) => write!(f, "p{}", f64::from(quantile.0) / 10.0),
        }
    }
}

// === impl Quantile ===

impl Quantile {
    /// From 0 to 1.
    pub fn as_share(self) -> f64 {
        f64::from(self.0) / 1000.0
    }
}
