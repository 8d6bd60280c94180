//! `adaptiveConcurrency` of a BackendPolicy, `admissionControl` of a TrafficPolicy: letting in no
//! more than can be served.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::KubeDuration;
use crate::number::{Count, Int, Percent, Positive};

/// The limit of requests under way follows the latency. `{}` is on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AdaptiveConcurrency {
    /// Which latency of an interval counts. Default 50.
    pub sample_percentile: Option<Int<1, 100>>,
    /// How often the limit follows. Default 100 ms.
    pub update_interval: Option<KubeDuration>,
    /// Default 1000.
    pub max_concurrency: Option<Positive>,
    /// Default 3.
    pub min_concurrency: Option<Positive>,
    /// Status of a refused request. Default 503.
    pub status: Option<Int<400, 599>>,
    pub min_rtt: Option<MinRtt>,
}

/// How the latency of an idle backend is measured. While it is, `minConcurrency` is the limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MinRtt {
    /// Default 60 s.
    pub interval: Option<KubeDuration>,
    /// Default 50.
    pub request_count: Option<Positive>,
    /// Share of the interval that is added at random. Default 15.
    pub jitter_percent: Option<Percent>,
    /// How far above it latency may be. Default 25.
    pub buffer_percent: Option<Int<0, 1000>>,
}

/// Requests are answered here with a probability that grows as fewer succeed. `{}` is on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AdmissionControl {
    /// Default 30 s.
    pub sampling_window: Option<KubeDuration>,
    /// Success rate in percent under which requests are shed. Default 95.
    pub success_rate_threshold: Option<f64>,
    /// 1 or more; more sheds more. Default 1.
    pub aggression: Option<f64>,
    /// Requests per second below which nothing is shed. Default 0.
    pub rps_threshold: Option<Count>,
    /// In percent. Default 80.
    pub max_rejection_probability: Option<f64>,
}
