//! RateLimitPolicy: how many requests a workload takes, in all or from each caller.
//!
//! Local limits hold per proxy: a Service of three pods with `requests: 10` takes up to thirty.
//! Global ones are counted by a service for all proxies together. Semantics stand at
//! [`engine::ratelimit`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AuthorizationCondition, KubeDuration, TargetRef, WorkloadSelector};
use crate::number::{Count, Port, Positive};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RateLimitPolicySpec {
    #[serde(default)]
    pub target_refs: Vec<TargetRef>,
    /// Of the targets only the workloads with these labels. All when absent.
    pub selector: Option<WorkloadSelector>,
    /// Who enforces. Default Server.
    pub side: Option<RateLimitSide>,
    /// Limits that each proxy holds for itself.
    pub local: Option<LocalRateLimit>,
    /// Limits that a service counts for all proxies together.
    pub global: Option<GlobalRateLimit>,
    /// Count what would be refused, and refuse nothing. Default false.
    pub shadow_mode: Option<bool>,
    /// Tell callers about the strictest limit in `x-ratelimit-limit`, `x-ratelimit-remaining` and
    /// `x-ratelimit-reset`. Default false.
    pub headers: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RateLimitSide {
    /// The proxy of the destination.
    Server,
    /// The proxy of the caller: each caller's pod has the limit for itself. With a Service of
    /// another namespace only for callers of the policy's own.
    Client,
}

/// Limits counted by a service that speaks Envoy's rate limit protocol.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GlobalRateLimit {
    /// The service that counts.
    pub service_ref: RateLimitServiceRef,
    /// The domain under which it counts.
    pub domain: String,
    /// Whether requests are admitted when it does not answer in time. Default true.
    pub fail_open: Option<bool>,
    /// The longest wait for its answer. Default 20ms.
    pub timeout: Option<KubeDuration>,
    /// Counted in windows of `unit`; `burst` is not allowed.
    #[serde(default)]
    pub rules: Vec<RateLimitRule>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RateLimitServiceRef {
    /// A Service.
    pub name: String,
    /// Its namespace. Default that of the policy.
    pub namespace: Option<String>,
    pub port: Port,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LocalRateLimit {
    #[serde(default)]
    pub rules: Vec<RateLimitRule>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RateLimitRule {
    /// Alternatives; all requests when absent.
    pub matches: Option<Vec<RateLimitMatch>>,
    pub limit: Limit,
    /// Which requests share a limit. Default Total.
    pub per: Option<RateLimitPer>,
    /// With `per: Header`: its name. Requests without it are not limited by this rule.
    pub header: Option<String>,
    /// With `per: Identity`: callers with limits of their own; the first that names a caller holds
    /// for it.
    pub overrides: Option<Vec<RateLimitOverride>>,
}

/// All parts that are there have to hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RateLimitMatch {
    /// HTTP methods, in capitals.
    pub methods: Option<Vec<String>>,
    /// Paths without query; `*` stands for any text.
    pub paths: Option<Vec<String>>,
    /// `header[x-name]` with its values.
    pub when: Option<Vec<AuthorizationCondition>>,
}

/// `requests` per `unit` on average, at most `burst` at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Limit {
    /// 0 refuses everything.
    pub requests: Count,
    /// Default Second.
    pub unit: Option<RateLimitUnit>,
    /// Default `requests`.
    pub burst: Option<Positive>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RateLimitUnit {
    Second,
    Minute,
    Hour,
    Day,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RateLimitPer {
    /// All requests together.
    Total,
    /// Those of one SPIFFE identity; those of all callers without one together.
    Identity,
    /// Those with the same value of `header`.
    Header,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RateLimitOverride {
    /// SPIFFE ids; `*` stands for any text. Each caller has the limit for itself.
    pub identities: Vec<String>,
    pub limit: Limit,
}

// === impl RateLimitPolicySpec ===

impl RateLimitPolicySpec {
    pub fn side(&self) -> RateLimitSide {
        self.side.unwrap_or(RateLimitSide::Server)
    }
}

// === impl RateLimitRule ===

impl RateLimitRule {
    pub fn per(&self) -> RateLimitPer {
        self.per.unwrap_or(RateLimitPer::Total)
    }
}

// === impl RateLimitUnit ===

impl RateLimitUnit {
    pub fn seconds(self) -> u64 {
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => 86_400,
        }
    }
}
