//! Policies against overload: adaptive concurrency of a backend, admission control of a rule. The
//! algorithms are in [`crate::adaptive`] and [`crate::admission`].

use core::time::Duration;

use http::StatusCode;

use crate::origin::Origin;

/// The gradient controller of one backend (Envoy `adaptive_concurrency.proto`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdaptiveConcurrency {
    /// Which latency of an interval counts, in percent.
    pub sample_percentile: u32,
    /// How often the limit follows the latency.
    pub update_interval: Duration,
    pub max_concurrency: u32,
    pub min_concurrency: u32,
    /// How often the latency of an idle backend is measured.
    pub min_rtt_interval: Duration,
    /// How many requests measure it.
    pub min_rtt_request_count: u32,
    /// Added to the interval: up to this share of it.
    pub min_rtt_jitter_percent: u32,
    /// Natural variance: a latency this much above the idle one does not lower the limit.
    pub min_rtt_buffer_percent: u32,
    /// What a refused request is answered with.
    pub status: StatusCode,
}

/// Client-side shedding (Envoy `admission_control.proto`).
#[derive(Clone, Debug, PartialEq)]
pub struct AdmissionControl {
    pub sampling_window: Duration,
    /// Success rate, 0..=1, under which requests are shed.
    pub success_rate_threshold: f64,
    /// Above 1: sheds more at a given success rate.
    pub aggression: f64,
    /// Requests per second below which nothing is shed.
    pub rps_threshold: u32,
    /// 0..=1: some requests always get through, or nobody would notice a recovery.
    pub max_rejection_probability: f64,
    pub origin: Origin,
}

// === defaults ===

impl Default for AdaptiveConcurrency {
    /// Envoy's, where it has one; an update every 100 ms and a measurement every minute are ours.
    fn default() -> Self {
        Self {
            sample_percentile: 50,
            update_interval: Duration::from_millis(100),
            max_concurrency: 1000,
            min_concurrency: 3,
            min_rtt_interval: Duration::from_secs(60),
            min_rtt_request_count: 50,
            min_rtt_jitter_percent: 15,
            min_rtt_buffer_percent: 25,
            status: StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl AdmissionControl {
    /// Envoy's defaults.
    pub fn with_defaults(origin: Origin) -> Self {
        Self {
            sampling_window: Duration::from_secs(30),
            success_rate_threshold: 0.95,
            aggression: 1.0,
            rps_threshold: 0,
            max_rejection_probability: 0.8,
            origin,
        }
    }
}
