//! BackendPolicy: how the clients of a Service choose among its endpoints, and when they stop
//! sending to one.
//!
//! Defaults and semantics stand at the engine's types (`engine::snapshot::backend`); a field left
//! out keeps its default.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    AdaptiveConcurrency, CircuitBreaker, ConnectFailFast, HealthCheck, KubeDuration, LoadBalancer,
    OutlierDetection, TargetRef,
};
use crate::number::{Count, Percent, Positive};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BackendPolicySpec {
    #[serde(default)]
    pub target_refs: Vec<TargetRef>,
    /// How an endpoint is chosen.
    pub load_balancer: Option<LoadBalancer>,
    /// How endpoints are connected to.
    pub connection: Option<Connection>,
    /// How much may be under way at once, for each proxy.
    pub limits: Option<Limits>,
    /// Takes endpoints out for a time that fail more than the others.
    pub outlier_detection: Option<OutlierDetection>,
    /// Takes endpoints out that fail, until a probe succeeds.
    pub circuit_breaker: Option<CircuitBreaker>,
    /// Share of healthy endpoints under which health is ignored; 0 = never. Default 50.
    pub panic_threshold_percent: Option<Percent>,
    /// Leaves endpoints alone that could not be connected to.
    pub connect_fail_fast: Option<ConnectFailFast>,
    /// Asks endpoints whether they are well.
    pub health_check: Option<HealthCheck>,
    /// Bounds the requests under way by the latency that they have.
    pub adaptive_concurrency: Option<AdaptiveConcurrency>,
    /// Not supported by this version.
    #[schemars(skip)]
    pub tls: Option<Value>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Connection {
    /// Default 1 s.
    pub connect_timeout: Option<KubeDuration>,
    /// Default 90 s.
    pub idle_timeout: Option<KubeDuration>,
    /// What the application behind the Service speaks; default: as the request came. A port whose
    /// bytes mean nothing to the mesh is one by its `appProtocol` or its name.
    pub protocol: Option<ConnectionProtocol>,
    /// Connections to endpoints outside the mesh begin with a header of the PROXY protocol, of
    /// this version, that says who the client is. Each client gets connections of its own.
    pub proxy_header: Option<ProxyHeader>,
    /// Not supported by this version.
    #[schemars(skip)]
    pub tcp_keepalive: Option<Value>,
    /// Not supported by this version.
    #[schemars(skip)]
    pub max_connection_duration: Option<Value>,
    /// Not supported by this version.
    #[schemars(skip)]
    pub http2: Option<Value>,
    /// Not supported by this version.
    #[schemars(skip)]
    pub max_requests_per_connection: Option<Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum ConnectionProtocol {
    Http1,
    Http2,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ProxyHeader {
    V1,
    V2,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PerEndpointLimits {
    pub max_connections: Option<Positive>,
}
