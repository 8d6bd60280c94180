//! TrafficPolicy: what happens to requests of a route besides being routed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{AdmissionControl, KubeDuration, StatusSpan, TargetRef};
use crate::number::{Count, Int};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TrafficPolicySpec {
    #[serde(default)]
    pub target_refs: Vec<TargetRef>,
    /// Present, even empty = retries are on.
    pub retry: Option<Retry>,
    /// How many retries there may be for the requests that there are.
    pub retry_budget: Option<RetryBudget>,
    /// How long requests may take.
    pub timeouts: Option<TrafficTimeouts>,
    /// Faults that the proxies of the clients produce themselves.
    pub fault: Option<Fault>,
    /// Not supported by this version (HTTPRoute's RequestMirror filter is).
    #[schemars(skip)]
    pub mirror: Option<Value>,
    /// Sheds requests while too many of them fail.
    pub admission_control: Option<AdmissionControl>,
    /// Statuses that count as failures of the backend, in place of 500 to 599.
    pub failure_statuses: Option<Vec<StatusSpan>>,
    /// gRPC codes that count as failures of the backend, in place of 2, 4, 13, 14 and 15.
    pub failure_grpc_codes: Option<Vec<Int<1, 16>>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Retry {
    /// Tries after the first. Default 2.
    pub attempts: Option<Int<0, 100>>,
    /// Bound of each try; default none.
    pub per_try_timeout: Option<KubeDuration>,
    /// What may be tried again besides refused connections and refused streams, which always may.
    /// Default: `reset` and `per-try-timeout`, both for idempotent methods only.
    pub retry_on: Option<Vec<RetryCondition>>,
    /// HTTP status codes, for every method. Added to what `retryOn` says.
    #[serde(default)]
    pub codes: Vec<Int<400, 599>>,
    pub backoff: Option<Backoff>,
    /// Wait as long as `Retry-After` says, when it is there. Default false.
    pub rate_limited_backoff: Option<bool>,
    pub host_selection: Option<HostSelection>,
    /// Let `reset` and `per-try-timeout` hold for POST and PATCH as well. Default false.
    pub retry_non_idempotent: Option<bool>,
}

/// Envoy's names (`config_http_filters_router_x-envoy-retry-on`), where Envoy has one.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum RetryCondition {
    /// Always on; may be written.
    #[serde(rename = "connect-failure")]
    ConnectFailure,
    /// Always on; may be written.
    #[serde(rename = "refused-stream")]
    RefusedStream,
    /// The connection or stream broke before a response head.
    #[serde(rename = "reset")]
    Reset,
    #[serde(rename = "per-try-timeout")]
    PerTryTimeout,
    /// 500 to 599.
    #[serde(rename = "5xx")]
    Status5xx,
    /// 502, 503 and 504.
    #[serde(rename = "gateway-error")]
    GatewayError,
    /// 409.
    #[serde(rename = "retriable-4xx")]
    Retriable4xx,
    /// gRPC status 1.
    #[serde(rename = "cancelled")]
    GrpcCancelled,
    /// gRPC status 4.
    #[serde(rename = "deadline-exceeded")]
    GrpcDeadlineExceeded,
    /// gRPC status 8.
    #[serde(rename = "resource-exhausted")]
    GrpcResourceExhausted,
    /// gRPC status 13.
    #[serde(rename = "internal")]
    GrpcInternal,
    /// gRPC status 14.
    #[serde(rename = "unavailable")]
    GrpcUnavailable,
}

/// The k-th retry waits a random time up to `base * (2^k - 1)`, at most `max`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Backoff {
    /// Default 25 ms.
    pub base: Option<KubeDuration>,
    /// Default ten times `base`.
    pub max: Option<KubeDuration>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HostSelection {
    /// How often a retry draws again to avoid an endpoint that was already tried. Default 1.
    pub max_attempts: Option<Int<0, 100>>,
}

/// How many retries there may be for the requests that there are. Default: 20 % and 10 a second.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RetryBudget {
    /// Default Rate.
    pub mode: Option<BudgetMode>,
    /// Default 20. Whole numbers for Rate.
    pub percent: Option<f64>,
    /// Rate: the time over which requests count, 1 s to 1 h. Default 10 s.
    pub interval: Option<KubeDuration>,
    /// Rate: retries per second that are always allowed. Default 10.
    pub min_retry_rate: Option<Count>,
    /// Concurrency: retries under way that are always allowed. Default 3.
    pub min_retry_concurrency: Option<Count>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum BudgetMode {
    /// Share of the requests of the last `interval` (Finagle, GEP-3388).
    Rate,
    /// Share of the requests under way (Envoy).
    Concurrency,
    /// No budget: only `limits.maxParallelRetries` of the BackendPolicy bounds retries.
    None,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TrafficTimeouts {
    /// All tries together; 0 = none.
    pub request: Option<KubeDuration>,
    /// One try; 0 = none.
    pub backend_request: Option<KubeDuration>,
    /// Not supported by this version.
    #[schemars(skip)]
    pub idle: Option<Value>,
    /// Not supported by this version.
    #[schemars(skip)]
    pub stream_idle: Option<Value>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    pub delay: Option<FaultDelay>,
    pub abort: Option<FaultAbort>,
    pub response_bandwidth: Option<FaultBandwidth>,
    /// Requests of one proxy with a fault at a time; more are left alone. Default no bound.
    pub max_active_faults: Option<Count>,
}

/// Answers come in slowly.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FaultBandwidth {
    /// KiB of the response's body per second.
    pub kib_per_second: Int<1, 10_000_000>,
    /// 0 to 100 in steps of 0.01. Default 100.
    pub percentage: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FaultDelay {
    pub fixed: KubeDuration,
    /// 0 to 100 in steps of 0.01. Default 100.
    pub percentage: Option<f64>,
}

/// Exactly one of `httpStatus` and `grpcStatus`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FaultAbort {
    pub http_status: Option<Int<200, 599>>,
    pub grpc_status: Option<Int<0, 16>>,
    /// 0 to 100 in steps of 0.01. Default 100.
    pub percentage: Option<f64>,
}

// === impl RetryCondition ===

impl RetryCondition {
    /// The gRPC status it stands for.
    pub fn grpc_status(self) -> Option<u32> {
        match self {
            Self::GrpcCancelled => Some(1),
            Self::GrpcDeadlineExceeded => Some(4),
            Self::GrpcResourceExhausted => Some(8),
            Self::GrpcInternal => Some(13),
            Self::GrpcUnavailable => Some(14),
            _ => None,
        }
    }
}

// === impl RetryBudget ===

impl RetryBudget {
    pub fn mode(&self) -> BudgetMode {
        self.mode.unwrap_or(BudgetMode::Rate)
    }
}
