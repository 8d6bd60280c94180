//! `outlierDetection` of a BackendPolicy: Envoy's semantics with Kuma's names.
//!
//! `outlierDetection: {}` is Envoy's default set of detectors (consecutive 5xx and success rate
//! act, gateway failures and failure percentage only count) with `maxEjectionPercent: 50`. A
//! detector that is written down acts, unless it says `enforcing: 0`: nobody writes one to do
//! nothing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::KubeDuration;
use crate::number::{Percent, Positive};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OutlierDetection {
    /// Default 10 s.
    pub interval: Option<KubeDuration>,
    /// Default 30 s.
    pub base_ejection_time: Option<KubeDuration>,
    /// Default 300 s, or `baseEjectionTime` when that is longer.
    pub max_ejection_time: Option<KubeDuration>,
    /// Default 0.
    pub max_ejection_time_jitter: Option<KubeDuration>,
    /// Default 50.
    pub max_ejection_percent: Option<Percent>,
    /// Default false.
    pub always_eject_one_host: Option<bool>,
    /// Default false.
    pub split_external_local_origin_errors: Option<bool>,
    pub detectors: Option<Detectors>,
    /// An endpoint that passes an active health check is no longer ejected. Default true.
    pub successful_active_health_check_uneject_host: Option<bool>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Detectors {
    #[serde(rename = "consecutive5xx")]
    pub consecutive_5xx: Option<ConsecutiveDetector>,
    pub gateway_failures: Option<ConsecutiveDetector>,
    /// Acts only with `splitExternalLocalOriginErrors: true`.
    pub local_origin_failures: Option<ConsecutiveDetector>,
    pub success_rate: Option<SuccessRateDetector>,
    pub failure_percentage: Option<FailurePercentageDetector>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConsecutiveDetector {
    /// Failures in a row. Default 5.
    pub consecutive: Option<Positive>,
    /// Share of the findings that are carried out. Default 100.
    pub enforcing: Option<Percent>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SuccessRateDetector {
    /// Endpoints with enough requests, without which nothing is decided. Default 5.
    pub minimum_hosts: Option<Positive>,
    /// Requests per interval and endpoint, without which it is left out. Default 100.
    pub request_volume: Option<Positive>,
    /// Distance from the mean. Default 1.9.
    pub standard_deviation_factor: Option<f64>,
    /// Default 100.
    pub enforcing: Option<Percent>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FailurePercentageDetector {
    /// Default 5.
    pub minimum_hosts: Option<Positive>,
    /// Default 50.
    pub request_volume: Option<Positive>,
    /// Share of failures. Default 85.
    pub threshold: Option<Percent>,
    /// Default 100.
    pub enforcing: Option<Percent>,
}
