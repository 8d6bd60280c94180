//! `circuitBreaker` of a BackendPolicy: one of three kinds, each with its own block.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::KubeDuration;
use crate::number::{Count, Int, Percent, Positive};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CircuitBreaker {
    /// Default Unified.
    pub r#type: Option<CircuitBreakerType>,
    pub unified: Option<Unified>,
    pub failure_accrual: Option<FailureAccrual>,
    pub rolling_window: Option<RollingWindow>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CircuitBreakerType {
    /// Per endpoint: failures in a row, or an exact success rate (Linkerd).
    Unified,
    /// Per endpoint: failures in a row, or a moving average (Finagle).
    FailureAccrual,
    /// Per route to the Service: share of errors (Hystrix).
    RollingWindow,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Unified {
    /// Failures in a row that open the breaker; 0 = off. Default 7.
    pub max_failures: Option<Count>,
    pub success_rate: Option<UnifiedSuccessRate>,
    pub backoff: Option<UnifiedBackoff>,
    /// Stay open as long as `Retry-After` asks, within `backoff`. Default false.
    pub honor_retry_after: Option<bool>,
    /// Share of the endpoints that may be open at once. Default 100 = no cap.
    pub breaker_cap_percent: Option<Percent>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UnifiedSuccessRate {
    /// Success rate, 0 to 1, under which the breaker opens; 0 = off. Default 0.8.
    pub threshold: Option<f64>,
    /// Default 10 s, at least 10 ms.
    pub window: Option<KubeDuration>,
    /// Requests in the window without which nothing is decided. Default 5.
    pub min_requests: Option<Positive>,
}

/// How long the breaker stays open: `min`, then twice as long after each failed probe, up to `max`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UnifiedBackoff {
    /// Default 1 s.
    pub min: Option<KubeDuration>,
    /// Default 60 s.
    pub max: Option<KubeDuration>,
    /// 0.5 = up to half of the time is added. Default 0.5.
    pub jitter: Option<f64>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FailureAccrual {
    /// Failures in a row after which an endpoint is dead; 0 = off. Default 5.
    pub consecutive_failures: Option<Count>,
    pub success_rate: Option<AccrualSuccessRate>,
    pub backoff: Option<Span>,
    /// Share of the endpoints that may be dead at once. Default 100 = no cap.
    pub breaker_cap_percent: Option<Percent>,
}

/// A moving average of successes: over `window`, or over `requests` requests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccrualSuccessRate {
    /// Average, 0 to 1, under which an endpoint is dead; 0 = off. Default 0.8.
    pub required: Option<f64>,
    /// Default 30 s.
    pub window: Option<KubeDuration>,
    /// In place of `window`.
    pub requests: Option<Positive>,
    /// Requests in the window without which nothing is decided. Default 5.
    pub min_requests: Option<Positive>,
}

/// From a first time to a longest one. Defaults stand where it is used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Span {
    pub min: Option<KubeDuration>,
    pub max: Option<KubeDuration>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RollingWindow {
    /// Default 10 s.
    pub window: Option<KubeDuration>,
    /// Parts in which the window forgets. Default 10.
    pub buckets: Option<Int<1, 1000>>,
    /// Requests in the window without which the breaker stays closed. Default 20.
    pub request_volume_threshold: Option<Positive>,
    /// Share of errors at which it opens. Default 50.
    pub error_threshold_percentage: Option<Int<1, 100>>,
    /// How long it refuses before it lets one request through. Default 5 s.
    pub sleep_window: Option<KubeDuration>,
    /// How often it looks at its counts; 0 = at each response. Default 500 ms.
    pub health_snapshot_interval: Option<KubeDuration>,
    /// Refuse everything. Default false.
    pub force_open: Option<bool>,
    /// Let everything pass. Default false.
    pub force_closed: Option<bool>,
}
