//! BackendPolicy: how the clients of a Service choose among its endpoints, and when they stop
//! sending to one.
//!
//! Defaults and semantics stand at the engine's types (`engine::snapshot::backend`); a field left
//! out keeps its default.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{KubeDuration, LoadBalancer, OutlierDetection, TargetRef};
use crate::number::{Count, Percent, Positive};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BackendPolicySpec {
    #[serde(default)]
    pub target_refs: Vec<TargetRef>,
    pub load_balancer: Option<LoadBalancer>,
    pub connection: Option<Connection>,
    pub limits: Option<Limits>,
    pub outlier_detection: Option<OutlierDetection>,
    pub circuit_breaker: Option<CircuitBreaker>,
    /// Share of healthy endpoints under which health is ignored; 0 = never. Default 50.
    pub panic_threshold_percent: Option<Percent>,
    /// Not supported by this version.
    pub connect_fail_fast: Option<Value>,
    /// Not supported by this version.
    pub health_check: Option<Value>,
    /// Not supported by this version.
    pub adaptive_concurrency: Option<Value>,
    /// Not supported by this version.
    pub tls: Option<Value>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Connection {
    /// Default 1 s.
    pub connect_timeout: Option<KubeDuration>,
    /// Default 90 s.
    pub idle_timeout: Option<KubeDuration>,
    /// What the application behind the Service speaks; default: as the request came.
    pub protocol: Option<ConnectionProtocol>,
    /// Not supported by this version.
    pub tcp_keepalive: Option<Value>,
    /// Not supported by this version.
    pub max_connection_duration: Option<Value>,
    /// Not supported by this version.
    pub http2: Option<Value>,
    /// Not supported by this version.
    pub max_requests_per_connection: Option<Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ConnectionProtocol {
    Http1,
    Http2,
    Tcp,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Limits {
    /// Default 1024.
    pub max_connections: Option<Positive>,
    /// Requests that wait for a connection. Default 1024.
    pub max_pending_requests: Option<Count>,
    /// Requests under way. Default 1024.
    pub max_parallel_requests: Option<Positive>,
    /// Retries under way, when there is no retry budget. Default 3.
    pub max_parallel_retries: Option<Count>,
    pub per_endpoint: Option<PerEndpointLimits>,
    /// How long a request may wait when no endpoint is ready. Default 3 s.
    pub queue_timeout: Option<KubeDuration>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PerEndpointLimits {
    pub max_connections: Option<Positive>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CircuitBreaker {
    /// Default Unified.
    pub r#type: Option<CircuitBreakerType>,
    pub unified: Option<Unified>,
    /// Not supported by this version.
    pub failure_accrual: Option<Value>,
    /// Not supported by this version.
    pub rolling_window: Option<Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CircuitBreakerType {
    Unified,
    /// Not supported by this version.
    FailureAccrual,
    /// Not supported by this version.
    RollingWindow,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
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

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UnifiedBackoff {
    /// Default 1 s.
    pub min: Option<KubeDuration>,
    /// Default 60 s.
    pub max: Option<KubeDuration>,
    /// 0.5 = up to half of the time is added. Default 0.5.
    pub jitter: Option<f64>,
}
