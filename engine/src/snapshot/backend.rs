//! Backends: a cluster's policies and its endpoints.

use core::net::SocketAddr;
use core::time::Duration;
use std::sync::Arc;

use super::balance::{Balancer, LocalityMode, SlowStart};
use super::breaker::Breaker;
use super::check::{ConnectFailFast, HealthCheck};
use super::outside::Originate;
use super::overload::AdaptiveConcurrency;
use super::{CONNECT_TIMEOUT, ClusterKey, Locality, ObjectName};
use crate::identity::Identity;
use crate::origin::Origin;

/// The policies that hold for traffic to one backend. Algorithms and defaults: see each field's own
/// module in `balance`, `breaker`, `outlier` and `limit`.
#[derive(Clone, Debug)]
pub struct Cluster {
    pub key: ClusterKey,
    /// Hash over the policies alone: live state is kept while it stays the same.
    pub policy_hash: u64,
    pub balancer: Balancer,
    pub slow_start: Option<SlowStart>,
    pub locality: LocalityMode,
    pub limits: Limits,
    pub outlier: Option<Outlier>,
    pub breaker: Option<Breaker>,
    pub adaptive: Option<AdaptiveConcurrency>,
    pub health_check: Option<HealthCheck>,
    pub fail_fast: Option<ConnectFailFast>,
    /// Share of healthy hosts, in percent, under which health is ignored; 0 = never.
    pub panic_threshold_percent: u32,
    pub connect_timeout: Duration,
    /// Idle pooled connections are closed after this.
    pub idle_timeout: Duration,
    /// What the applications behind it speak.
    pub protocol: ClusterProtocol,
    /// The host outside whose addresses are its endpoints; none = they are in the snapshot.
    pub host: Option<Arc<str>>,
    /// The TLS that is begun towards endpoints outside the mesh.
    pub tls: Option<Arc<Originate>>,
    /// With which header connections to endpoints outside the mesh begin, to say who the client is.
    pub proxy_header: Option<ProxyHeader>,
    /// The Service.
    pub origin: Origin,
    /// The BackendPolicy, when one applies.
    pub policy_origin: Option<Origin>,
}

/// What is spoken to the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClusterProtocol {
    /// As the request came.
    Same,
    Http1,
    Http2,
    Opaque,
}

/// Version of the PROXY protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProxyHeader {
    V1,
    V2,
}

/// Resource limits of one proxy towards one backend. Exceeded: 503 with flag `UO`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    pub connections: u32,
    /// Requests that wait for a connection.
    pub pending_requests: u32,
    /// Requests under way, over all protocols.
    pub requests: u32,
    /// Retries under way, when no retry budget is set.
    pub retries: u32,
    /// Connections to one endpoint; none = only `connections` bounds them.
    pub connections_per_endpoint: Option<u32>,
    /// How long a request may wait when no endpoint is ready or no connection free.
    pub queue_timeout: Duration,
}

/// Outlier detection with Envoy's semantics (`outlier_detection.proto`).
#[derive(Clone, Debug, PartialEq)]
pub struct Outlier {
    pub interval: Duration,
    pub base_ejection_time: Duration,
    pub max_ejection_time: Duration,
    pub max_ejection_time_jitter: Duration,
    pub max_ejection_percent: u32,
    pub always_eject_one_host: bool,
    pub split_external_local_origin_errors: bool,
    /// A host that passes an active check is no longer ejected.
    pub uneject_on_check: bool,
    pub consecutive_5xx: Consecutive,
    pub consecutive_gateway_failure: Consecutive,
    pub consecutive_local_origin_failure: Consecutive,
    pub success_rate: SuccessRate,
    pub failure_percentage: FailurePercentage,
}

/// A detector that counts failures in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Consecutive {
    /// Ejects when the count becomes equal to it; 0 = off.
    pub threshold: u32,
    /// Share of the proposals that are carried out, in percent.
    pub enforcing: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SuccessRate {
    pub minimum_hosts: u32,
    pub request_volume: u32,
    /// Thousandths of a standard deviation: 1900 = 1.9σ.
    pub stdev_factor: u32,
    pub enforcing: u32,
    pub enforcing_local_origin: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailurePercentage {
    pub threshold: u32,
    pub minimum_hosts: u32,
    pub request_volume: u32,
    pub enforcing: u32,
    pub enforcing_local_origin: u32,
}

/// The endpoints of one backend.
#[derive(Clone, Debug)]
pub struct EndpointSet {
    pub key: ClusterKey,
    /// Hash of the content.
    pub version: u64,
    /// Sorted by address, so that every proxy sees the same order.
    pub endpoints: Vec<Arc<Endpoint>>,
}

/// One place a request can be sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    pub address: SocketAddr,
    /// The pod or Workload.
    pub name: ObjectName,
    /// At least 1.
    pub weight: u32,
    pub health: EndpointHealth,
    pub locality: Locality,
    /// Present iff it is in the mesh: then mutual TLS is originated, and never downgraded.
    pub identity: Option<Identity>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointHealth {
    Healthy,
    /// Used only when healthy capacity is short.
    Degraded,
    /// Known but not ready: no traffic.
    Unhealthy,
    /// Terminating: no new requests, those under way finish.
    Draining,
}

// === defaults ===

impl Default for Limits {
    /// Envoy's (`circuit_breaker.proto`), and a queue timeout of 3 s (Linkerd).
    fn default() -> Self {
        Self {
            connections: 1024,
            pending_requests: 1024,
            requests: 1024,
            retries: 3,
            connections_per_endpoint: None,
            queue_timeout: Duration::from_secs(3),
        }
    }
}

impl Default for Outlier {
    /// Envoy's defaults except `max_ejection_percent`: 50 instead of 10, since with 10 a service of
    /// fewer than ten endpoints never ejects anything.
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(10),
            base_ejection_time: Duration::from_secs(30),
            max_ejection_time: Duration::from_secs(300),
            max_ejection_time_jitter: Duration::ZERO,
            max_ejection_percent: 50,
            always_eject_one_host: false,
            split_external_local_origin_errors: false,
            uneject_on_check: true,
            consecutive_5xx: Consecutive {
                threshold: 5,
                enforcing: 100,
            },
            consecutive_gateway_failure: Consecutive {
                threshold: 5,
                enforcing: 0,
            },
            consecutive_local_origin_failure: Consecutive {
                threshold: 5,
                enforcing: 100,
            },
            success_rate: SuccessRate {
                minimum_hosts: 5,
                request_volume: 100,
                stdev_factor: 1900,
                enforcing: 100,
                enforcing_local_origin: 100,
            },
            failure_percentage: FailurePercentage {
                threshold: 85,
                minimum_hosts: 5,
                request_volume: 50,
                enforcing: 0,
                enforcing_local_origin: 0,
            },
        }
    }
}

impl Cluster {
    /// A backend nobody wrote a policy for.
    pub fn with_defaults(key: ClusterKey, protocol: ClusterProtocol, origin: Origin) -> Self {
        Self {
            key,
            policy_hash: 0,
            balancer: Balancer::default_for(false),
            slow_start: None,
            locality: LocalityMode::None,
            limits: Limits::default(),
            outlier: None,
            breaker: None,
            adaptive: None,
            health_check: None,
            fail_fast: None,
            panic_threshold_percent: 50,
            connect_timeout: CONNECT_TIMEOUT,
            idle_timeout: Duration::from_secs(90),
            protocol,
            host: None,
            tls: None,
            proxy_header: None,
            origin,
            policy_origin: None,
        }
    }
}
