//! How a cluster's endpoints are chosen among: algorithm, hash, slow start, locality.

use core::time::Duration;
use std::sync::Arc;

use http::HeaderName;

use super::Locality;

/// Load-balancing algorithm and parameters.
#[derive(Clone, Debug, PartialEq)]
pub enum Balancer {
    /// Power of two choices over peak EWMA latency: the default for HTTP.
    PeakEwma {
        decay: Duration,
        default_rtt: Duration,
        /// What a failed response is taken to have cost; zero switches it off.
        failure_penalty: Duration,
    },
    LeastRequest {
        choice_count: u32,
        active_request_bias: f64,
        /// Look at all hosts instead of drawing `choice_count`.
        full_scan: bool,
    },
    RoundRobin,
    Random,
    RingHash {
        /// Points on the ring, at least; more when the lightest host needs more for a whole one.
        minimum_size: u32,
        maximum_size: u32,
        hash: ConsistentHash,
    },
    Maglev {
        /// A prime.
        table_size: u32,
        hash: ConsistentHash,
    },
}

/// What ring hash and Maglev have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsistentHash {
    /// What of a request is hashed; when none of it is there the request goes anywhere.
    pub on: Vec<HashOn>,
    /// The most load of one endpoint, in percent of the average; none = whatever the hash says.
    pub balance_factor: Option<u32>,
    /// Endpoints are known by the name of their pod instead of their address: a pod of a
    /// StatefulSet that restarts keeps its keys.
    pub by_name: bool,
}

/// One part of a request's hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashOn {
    pub source: HashSource,
    /// Parts behind it count only while there is no hash yet.
    pub terminal: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HashSource {
    Header(HeaderName),
    Cookie {
        name: Arc<str>,
        /// A request without the cookie gets one with this lifetime (zero: for the session of the
        /// browser); none = it has no hash.
        ttl: Option<Duration>,
        path: Option<Arc<str>>,
    },
    /// The address the connection came from.
    SourceIp,
    QueryParam(Arc<str>),
}

/// How the traffic of an endpoint that became healthy grows.
#[derive(Clone, Debug, PartialEq)]
pub struct SlowStart {
    pub window: Duration,
    /// 1 = a straight line; above it traffic grows faster at first.
    pub aggression: f64,
    /// Share of its weight that it begins with, in percent.
    pub min_weight_percent: u32,
}

/// What the places of client and endpoints have to do with the choice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LocalityMode {
    /// Nothing.
    #[default]
    None,
    ZoneAware(ZoneAware),
    /// The first entry that the client's locality matches says how traffic is divided; none = as
    /// if there were no localities.
    Weighted(Vec<Distribution>),
    /// Nearer endpoints first: the level of an endpoint is the number of these that differ from
    /// the client's, counted from the first that does.
    Failover(Vec<Topology>),
}

/// Envoy's zone-aware routing (`common.proto`, `ZoneAwareLbConfig`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneAware {
    /// Healthy endpoints without which zones do not count.
    pub min_cluster_size: u32,
    /// Share of the requests that it holds for.
    pub routing_percent: u32,
    /// When too few endpoints are healthy, fail instead of ignoring health.
    pub fail_traffic_on_panic: bool,
    /// Stay in the zone, whatever its load, while it has so many healthy endpoints.
    pub force_local_zone: Option<u32>,
    pub basis: ZoneBasis,
}

/// What the capacity of a zone is measured in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ZoneBasis {
    #[default]
    Hosts,
    Weights,
}

/// How clients of some localities divide their traffic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distribution {
    pub from: LocalityPattern,
    /// An endpoint belongs to the first entry that it matches; to none = no traffic.
    pub to: Vec<(LocalityPattern, u32)>,
}

/// Some localities; none = any.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct LocalityPattern {
    pub region: Option<Arc<str>>,
    pub zone: Option<Arc<str>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topology {
    Region,
    Zone,
}

/// Where a proxy stands: its own place, and its peers' (the proxies of the same workload).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standpoint {
    pub locality: Locality,
    /// By locality, its own among them. Empty when no zone is known.
    pub peers: Arc<Vec<Peers>>,
}

/// The pods of a workload in one locality.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peers {
    pub locality: Locality,
    pub ready: u32,
    /// Ready or not; those that terminate are left out.
    pub total: u32,
}

// === impl Balancer ===

impl Balancer {
    /// Peak EWMA with a 10 s decay and a seed of 30 ms (Linkerd's values). `failure_penalty` is 5 s
    /// unless a breaker already takes care of hosts that fail fast.
    pub fn default_for(breaker: bool) -> Self {
        Self::PeakEwma {
            decay: Duration::from_secs(10),
            default_rtt: Duration::from_millis(30),
            failure_penalty: if breaker {
                Duration::ZERO
            } else {
                Duration::from_secs(5)
            },
        }
    }

    /// The time constant of the response time's average, for algorithms that keep one.
    pub fn decay(&self) -> Option<Duration> {
        match self {
            Self::PeakEwma { decay, .. } => Some(*decay),
            _ => None,
        }
    }

    /// What a host without history is taken to cost, for algorithms that compare costs.
    pub fn default_rtt(&self) -> Option<Duration> {
        match self {
            Self::PeakEwma { default_rtt, .. } => Some(*default_rtt),
            _ => None,
        }
    }

    /// For algorithms that choose by a hash of the request.
    pub fn consistent_hash(&self) -> Option<&ConsistentHash> {
        match self {
            Self::RingHash { hash, .. } | Self::Maglev { hash, .. } => Some(hash),
            _ => None,
        }
    }
}

// === impl SlowStart ===

impl Default for SlowStart {
    /// Envoy's, except the window, which Envoy leaves at none.
    fn default() -> Self {
        Self {
            window: Duration::ZERO,
            aggression: 1.0,
            min_weight_percent: 10,
        }
    }
}

// === impl ZoneAware ===

impl Default for ZoneAware {
    /// Envoy's.
    fn default() -> Self {
        Self {
            min_cluster_size: 6,
            routing_percent: 100,
            fail_traffic_on_panic: false,
            force_local_zone: None,
            basis: ZoneBasis::Hosts,
        }
    }
}

// === impl LocalityPattern ===

impl LocalityPattern {
    pub fn matches(&self, locality: &Locality) -> bool {
        let same = |wanted: &Option<Arc<str>>, seen: &str| {
            wanted.as_ref().is_none_or(|wanted| **wanted == *seen)
        };
        same(&self.region, &locality.region) && same(&self.zone, &locality.zone)
    }
}
