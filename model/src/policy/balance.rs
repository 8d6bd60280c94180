//! `loadBalancer` of a BackendPolicy.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::KubeDuration;
use crate::number::{Count, Int, Percent, Positive};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoadBalancer {
    /// Default PeakEwma.
    pub r#type: Option<LoadBalancerType>,
    pub peak_ewma: Option<PeakEwma>,
    pub least_request: Option<LeastRequest>,
    /// For RingHash and Maglev.
    pub consistent_hash: Option<ConsistentHash>,
    /// How the traffic of an endpoint that became healthy grows. Default: at once.
    pub slow_start: Option<SlowStart>,
    pub locality: Option<LocalityBalancing>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LoadBalancerType {
    PeakEwma,
    LeastRequest,
    RoundRobin,
    Random,
    RingHash,
    Maglev,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PeakEwma {
    /// Time in which an observation loses 63 % of its weight. Default 10 s.
    pub decay: Option<KubeDuration>,
    /// What an endpoint without history is taken to cost. Default 30 ms.
    pub default_rtt: Option<KubeDuration>,
    /// What a failed response is taken to have cost; 0 switches it off. Default 5 s, or 0 when a
    /// breaker is configured.
    pub failure_penalty: Option<KubeDuration>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LeastRequest {
    /// Endpoints drawn per request. Default 2.
    pub choice_count: Option<Int<2, 100>>,
    /// How strongly active requests lower the weight when weights differ. Default 1.0.
    pub active_request_bias: Option<f64>,
    /// Default NChoices.
    pub selection: Option<Selection>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Selection {
    /// Draw `choiceCount` endpoints.
    NChoices,
    /// Look at all of them.
    FullScan,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConsistentHash {
    /// What of a request is hashed, in this order; all of it together is the hash.
    #[serde(default)]
    pub hash_on: Vec<HashOn>,
    /// RingHash: points on the ring, at least. Default 1024.
    pub minimum_ring_size: Option<RingSize>,
    /// RingHash: points on the ring, at most. Default 8388608.
    pub maximum_ring_size: Option<RingSize>,
    /// Maglev: entries of the table, a prime. Default 65537.
    pub table_size: Option<Int<2, 5_000_011>>,
    /// The most load of one endpoint in percent of the average, 100 or more; 0 = whatever the hash
    /// says. Default 0.
    pub hash_balance_factor: Option<Count>,
    /// Endpoints are known by the names of their pods instead of their addresses, so that a pod of
    /// a StatefulSet keeps its keys over a restart. Default false.
    pub use_hostname: Option<bool>,
}

/// Each point takes 16 bytes.
pub type RingSize = Int<1, 8_388_608>;

/// One part of the hash. Exactly one of `header`, `cookie`, `sourceIP` and `queryParam`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HashOn {
    pub header: Option<String>,
    pub cookie: Option<HashCookie>,
    /// The address of the client.
    #[serde(rename = "sourceIP")]
    pub source_ip: Option<bool>,
    pub query_param: Option<String>,
    /// When there is a hash here, what follows is not looked at. Default false.
    pub terminal: Option<bool>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HashCookie {
    pub name: String,
    /// A client without the cookie gets one with this lifetime; 0 = until its browser is closed.
    /// Without it requests without the cookie have no hash.
    pub ttl: Option<KubeDuration>,
    /// Path of the cookie that a client gets.
    pub path: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SlowStart {
    /// How long it takes until an endpoint has its whole share.
    pub window: Option<KubeDuration>,
    /// 1 = a straight line; above it traffic grows faster at first. Default 1.0.
    pub aggression: Option<f64>,
    /// The share that it begins with. Default 10.
    pub min_weight_percent: Option<Int<1, 100>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LocalityBalancing {
    /// Default None.
    pub mode: Option<LocalityMode>,
    pub zone_aware: Option<ZoneAware>,
    /// For Failover: the topology that makes an endpoint near, the most important first. Default
    /// `topology.kubernetes.io/region`, `topology.kubernetes.io/zone`.
    pub failover_priority: Option<Vec<String>>,
    /// For Weighted.
    pub distribute: Option<Vec<Distribute>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LocalityMode {
    None,
    /// Stay in the zone as far as every endpoint still gets the same load.
    ZoneAware,
    /// Divide the traffic as `distribute` says.
    Weighted,
    /// Near endpoints first, others when these are short.
    Failover,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ZoneAware {
    /// Healthy endpoints without which zones do not count. Default 6.
    pub min_cluster_size: Option<Positive>,
    /// Share of the requests that it holds for. Default 100.
    pub routing_enabled: Option<Percent>,
    /// When too few endpoints are healthy, fail instead of sending anywhere. Default false.
    pub fail_traffic_on_panic: Option<bool>,
    /// Stay in the zone whatever its load.
    pub force_local_zone: Option<ForceLocalZone>,
    /// Default HostsNum.
    pub basis: Option<ZoneBasis>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ForceLocalZone {
    /// Healthy endpoints of the zone without which it is not enough. Default 1.
    pub min_size: Option<Positive>,
}

/// What the capacity of a zone is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ZoneBasis {
    HostsNum,
    HostsWeight,
}

/// How the clients of some localities divide their traffic. A locality is written `REGION/ZONE`;
/// `*` stands for any.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Distribute {
    pub from: String,
    /// Percent by locality, 100 together. The most specific entry that an endpoint matches counts;
    /// an endpoint that matches none gets nothing.
    #[serde(default)]
    pub to: BTreeMap<String, Int<1, 100>>,
}
