//! Our own kinds (`meshctl.dev/v1alpha1`): policies in the shape of GEP-713, and workloads outside
//! Kubernetes.
//!
//! Load balancing, limits and breakers attach to backends ([`BackendPolicySpec`]); retries,
//! timeouts and faults attach to routes ([`TrafficPolicySpec`]); who may call
//! ([`AuthorizationPolicySpec`]) and how often ([`RateLimitPolicySpec`]) attach to what is called.
//! Fields of the full design that
//! this version does not act on are read, and refused by `validate` with their line: a breaker that
//! is written down and does nothing would be worse than an error.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod authorization;
mod backend;
mod balance;
mod breaker;
mod duration;
mod egress_network;
mod health;
mod jwks_uri;
mod outlier;
mod overload;
mod rate_limit;
mod status;
mod traffic;
mod workload;

pub use authorization::{
    AuthorizationAction, AuthorizationCondition, AuthorizationOperation, AuthorizationPolicySpec,
    AuthorizationRule, AuthorizationSource, ConditionKey, Jwks, Jwt, JwtHeader, JwtProvider,
    MtlsMode, PeerAuthentication, PortMtls, WorkloadSelector,
};

pub use backend::{
    BackendPolicySpec, Connection, ConnectionProtocol, Limits, PerEndpointLimits, ProxyHeader,
};
pub use balance::{
    ConsistentHash, Distribute, ForceLocalZone, HashCookie, HashOn, LeastRequest, LoadBalancer,
    LoadBalancerType, LocalityBalancing, LocalityMode, PeakEwma, RingSize, Selection, SlowStart,
    ZoneAware, ZoneBasis,
};
pub use breaker::{
    AccrualSuccessRate, CircuitBreaker, CircuitBreakerType, FailureAccrual, RollingWindow, Span,
    Unified, UnifiedBackoff, UnifiedSuccessRate,
};
pub use duration::{DurationError, GepDuration, KubeDuration};
pub use egress_network::{EgressCidr, EgressNetworkSpec, EgressTraffic};
pub use health::{
    ActiveCheck, CheckMethod, CheckType, ConnectFailFast, GrpcCheck, HealthCheck, HttpCheck,
    TcpCheck,
};
pub use jwks_uri::{JwksUri, JwksUriError};
pub use outlier::{
    ConsecutiveDetector, Detectors, FailurePercentageDetector, OutlierDetection,
    SuccessRateDetector,
};
pub use overload::{AdaptiveConcurrency, AdmissionControl, MinRtt};
pub use rate_limit::{
    GlobalRateLimit, Limit, LocalRateLimit, RateLimitMatch, RateLimitOverride, RateLimitPer,
    RateLimitPolicySpec, RateLimitRule, RateLimitServiceRef, RateLimitSide, RateLimitUnit,
};
pub use status::StatusSpan;
pub use traffic::{
    Backoff, BudgetMode, Fault, FaultAbort, FaultBandwidth, FaultDelay, HostSelection, Retry,
    RetryBudget, RetryCondition, TrafficPolicySpec, TrafficTimeouts,
};
pub use workload::{WorkloadLocality, WorkloadPort, WorkloadSpec};

/// The API group and version of the kinds in this module.
pub const GROUP: &str = "meshctl.dev";
pub const VERSION: &str = "v1alpha1";
/// The group of XMesh and XBackend.
pub const X_GROUP: &str = "gateway.networking.x-k8s.io";

/// What a policy applies to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TargetRef {
    /// Absent = the core group, as in `""`.
    #[serde(default)]
    pub group: String,
    pub kind: String,
    /// A Service of another namespace: the policy then holds for clients of the policy's own
    /// namespace only (consumer), and wins over the producer's for them.
    pub namespace: Option<String>,
    pub name: String,
    /// Port of a Service (name or number), rule of a route.
    pub section_name: Option<String>,
}
