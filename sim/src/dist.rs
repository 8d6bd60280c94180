//! Distributions of durations: latency of links, service times of applications.
//!
//! `exp`, `ln` and `cos` come from `libm`, so that a draw is the same on every machine.

use core::time::Duration;
use std::sync::Arc;

use engine::entropy::Entropy;

use crate::scenario::Distribution;

/// Φ⁻¹(0.99): how many standard deviations the 99th percentile lies above the median.
const Z99: f64 = 2.326_347_874_040_841;

/// How a duration is drawn.
#[derive(Clone, Debug, PartialEq)]
pub enum Dist {
    Constant(Duration),
    /// Both ends included.
    Uniform {
        min: Duration,
        max: Duration,
    },
    /// Given by two percentiles: what people know of a service.
    LogNormal {
        p50: Duration,
        p99: Duration,
    },
    /// Exponential with this mean.
    Exponential(Duration),
    /// Drawn from what was observed.
    Recorded(Arc<[Duration]>),
}

// === impl Dist ===

impl Dist {
    pub const ZERO: Self = Self::Constant(Duration::ZERO);

    pub fn sample(&self, rng: &mut Entropy) -> Duration {
        match self {
            Self::Constant(d) => *d,
            Self::Uniform { min, max } => {
                let span = engine::time::nanos(max.saturating_sub(*min));
                *min + Duration::from_nanos(rng.below(span.saturating_add(1)))
            }
            Self::LogNormal { p50, p99 } => log_normal(*p50, *p99, rng),
            Self::Exponential(mean) => scale(*mean, -libm::log(1.0 - rng.unit())),
            Self::Recorded(values) if values.is_empty() => Duration::ZERO,
            Self::Recorded(values) => values[rng.index(values.len())],
        }
    }

    /// The mean, for estimates of utilisation.
    pub fn mean(&self) -> Duration {
        match self {
            Self::Constant(d) | Self::Exponential(d) => *d,
            Self::Uniform { min, max } => (*min + *max) / 2,
            Self::LogNormal { p50, p99 } => {
                let sigma = sigma(*p50, *p99);
                scale(*p50, libm::exp(sigma * sigma / 2.0))
            }
            Self::Recorded(values) => {
                let sum: Duration = values.iter().sum();
                sum / u32::try_from(values.len()).unwrap_or(u32::MAX).max(1)
            }
        }
    }
}

impl From<Distribution> for Dist {
    fn from(written: Distribution) -> Self {
        match written {
            Distribution::Constant(d) => Self::Constant(d.0),
            Distribution::Uniform { min, max } => Self::Uniform {
                min: min.0,
                max: max.0,
            },
            Distribution::LogNormal { p50, p99 } => Self::LogNormal {
                p50: p50.0,
                p99: p99.0,
            },
            Distribution::Exponential { mean } => Self::Exponential(mean.0),
        }
    }
}

fn log_normal(p50: Duration, p99: Duration, rng: &mut Entropy) -> Duration {
    // Box & Muller (1958); 1 - u is never zero.
    let radius = libm::sqrt(-2.0 * libm::log(1.0 - rng.unit()));
    let z = radius * libm::cos(core::f64::consts::TAU * rng.unit());
    scale(p50, libm::exp(sigma(p50, p99) * z))
}

fn sigma(p50: Duration, p99: Duration) -> f64 {
    if p50.is_zero() || p99 <= p50 {
        return 0.0;
    }
    libm::log(p99.as_nanos() as f64 / p50.as_nanos() as f64) / Z99
}

fn scale(d: Duration, factor: f64) -> Duration {
    // A cast of f64 to u64 saturates.
    Duration::from_nanos(libm::round(d.as_nanos() as f64 * factor) as u64)
}

#[cfg(test)]
mod tests;
