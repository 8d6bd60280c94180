//! Everything one proxy acts on: immutable, shared in parts, already validated.
//!
//! ```text
//!  Snapshot ─┬─ workload            who am I
//!            ├─ outbound ──┬─ frontends  (service, port) ─▶ RouteTable ─▶ rules ─▶ backends
//!            │             ├─ clusters   ClusterKey ─▶ Cluster   (policy of a backend)
//!            │             └─ endpoints  ClusterKey ─▶ EndpointSet
//!            ├─ inbound ─── ports ─▶ protocol, TLS mode, authorization, limits
//!            └─ gateway ─── ports ─▶ listeners ─▶ RouteTable
//! ```
//!
//! The lowering of the manifests makes it; the proxy swaps it whole. Parts that did not change keep
//! their `Arc`, so a change of one endpoint makes one new part. Live state (averages, breakers,
//! ejections, budgets) is *not* here.

use core::net::{IpAddr, SocketAddr};
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::identity::Identity;
use crate::origin::Origin;

pub mod authz;
pub mod backend;
pub mod balance;
pub mod breaker;
pub mod check;
pub mod gateway;
pub mod glob;
pub mod outside;
pub mod overload;
pub mod pattern;
pub mod ratelimit;
pub mod route;

pub use backend::{
    Cluster, ClusterProtocol, Endpoint, EndpointHealth, EndpointSet, Limits, Outlier, ProxyHeader,
};
pub use balance::{
    Balancer, ConsistentHash, LocalityMode, Peers, SlowStart, Standpoint, ZoneAware,
};
pub use breaker::{Breaker, FailureAccrual, RollingWindow, UnifiedBreaker};
pub use check::{ConnectFailFast, HealthCheck, HttpProbe, ProbeKind};
pub use gateway::Gateway;
pub use glob::Glob;
pub use overload::{AdaptiveConcurrency, AdmissionControl};
pub use pattern::Pattern;
pub use route::{
    BackendRef, BackendTarget, Failures, Fault, Filter, PathRewrite, RetryBudget, RetryPolicy,
    RouteKind, RouteTable, Rule, Timeouts,
};

/// Namespace and name of an object. Ordered by namespace, then name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName {
    pub namespace: Arc<str>,
    pub name: Arc<str>,
}

/// A backend of routes: one port of one Service, as one client namespace sees it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterKey {
    pub service: ObjectName,
    pub port: u16,
}

/// One proxy's world.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Hash of the content: equal content, equal version, on every machine.
    pub version: u64,
    pub workload: Arc<Workload>,
    /// Where it stands, for balancing by locality.
    pub standpoint: Arc<Standpoint>,
    /// Shared by all proxies of a client namespace.
    pub outbound: Arc<Outbound>,
    pub inbound: Arc<Inbound>,
    /// What it listens for as a gateway; empty for all other proxies.
    pub gateway: Arc<Gateway>,
}

/// The workload a proxy serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    pub name: ObjectName,
    /// Kind and name of the controller the pod belongs to, for reports: `Deployment/web`.
    pub controller: String,
    pub identity: Identity,
    pub locality: Locality,
}

/// Where something runs; empty strings are unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Locality {
    pub region: String,
    pub zone: String,
}

/// What a client may reach, and how.
///
/// Each table is shared on its own: endpoints and pods are the same for all client namespaces, so a
/// change of one endpoint copies one table of pointers, whatever the number of namespaces.
#[derive(Clone, Debug, Default)]
pub struct Outbound {
    pub frontends: Arc<Vec<Arc<Frontend>>>,
    /// ClusterIP and port → index into `frontends`.
    pub by_address: Arc<BTreeMap<SocketAddr, usize>>,
    /// Host name without port, lower case → (port → index into `frontends`). All the names by which
    /// the client may address a service: `web`, `web.shop`, `web.shop.svc`,
    /// `web.shop.svc.cluster.local`.
    pub by_host: Arc<BTreeMap<Arc<str>, BTreeMap<u16, usize>>>,
    pub clusters: Arc<BTreeMap<ClusterKey, Arc<Cluster>>>,
    pub endpoints: Arc<BTreeMap<ClusterKey, Arc<EndpointSet>>>,
    /// Pod address → the endpoint, for requests that address a pod directly: they use no route
    /// (GEP-1294), but still mutual TLS. The port is the pod's.
    pub by_pod: Arc<BTreeMap<IpAddr, Arc<PodAddress>>>,
    /// Whether destinations that nobody knows are forwarded as they are.
    pub passthrough: Passthrough,
    /// What holds for some of them.
    pub egress: Arc<outside::Egress>,
    /// Ports of hosts outside that are known by name: connections to them are looked at, also when
    /// nobody knows the address.
    pub named_ports: Arc<BTreeSet<u16>>,
}

/// A pod that can be addressed directly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodAddress {
    pub name: ObjectName,
    /// Present iff the pod is in the mesh.
    pub identity: Option<Identity>,
    pub tls: PodTls,
    /// Ports that its proxy leaves alone, as inclusive ranges: there is nobody there to prove an
    /// identity.
    pub unproxied: Vec<(u16, u16)>,
}

/// Which ports of a pod of the mesh are reached over mutual TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodTls {
    pub mutual: bool,
    /// Ports where it is the other way.
    pub except: Vec<u16>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Passthrough {
    #[default]
    Allow,
    Deny,
}

/// One port of one Service as an address that clients use.
#[derive(Clone, Debug)]
pub struct Frontend {
    pub service: ObjectName,
    pub port: u16,
    /// `http`, `grpc`, … as the Service declares it (`appProtocol`, port name).
    pub protocol: PortProtocol,
    pub routes: Arc<RouteTable>,
    pub origin: Origin,
}

/// What is spoken on a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PortProtocol {
    /// Found out by peeking, with a bound in bytes and time.
    Detect,
    Http1,
    /// HTTP/2, with prior knowledge when in the clear; gRPC.
    Http2,
    /// Forwarded as bytes; never peeked at (server-first protocols work).
    Opaque,
}

/// What other workloads may reach here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inbound {
    /// By the container's port.
    pub ports: BTreeMap<u16, InboundPort>,
    /// For ports nobody declared.
    pub default: InboundPort,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboundPort {
    pub protocol: PortProtocol,
    pub tls: InboundTls,
    /// Services that select this workload on this port, for reports.
    pub services: Vec<ObjectName>,
    /// Paths that are admitted in plain text even under Strict: the pod's own probes.
    pub probe_paths: Vec<Arc<str>>,
    /// Who may call.
    pub authorization: Arc<authz::Authorization>,
    /// How often they may call.
    pub limits: Arc<ratelimit::RateLimits>,
    /// The policy that set `tls`; none for the default.
    pub tls_origin: Option<Origin>,
    pub origin: Option<Origin>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InboundTls {
    /// Mutual TLS from the mesh, plain text from everybody else.
    #[default]
    Permissive,
    Strict,
    Disable,
}

/// The longest a connect may take when nothing says otherwise.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

// === impl ObjectName ===

impl ObjectName {
    pub fn new(namespace: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }
}

impl core::fmt::Display for ObjectName {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

// === impl ClusterKey ===

impl core::fmt::Display for ClusterKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}:{}", self.service, self.port)
    }
}

// === impl PodTls ===

impl PodTls {
    pub fn is_mutual(&self, port: u16) -> bool {
        self.mutual != self.except.contains(&port)
    }
}

impl Default for PodTls {
    fn default() -> Self {
        Self {
            mutual: true,
            except: Vec::new(),
        }
    }
}

// === impl PodAddress ===

impl PodAddress {
    /// Who has to prove to be there, when its proxy answers on this port with mutual TLS.
    pub fn identity_at(&self, port: u16) -> Option<&Identity> {
        let mut ranges = self.unproxied.iter();
        let alone = ranges.any(|(from, to)| (*from..=*to).contains(&port));
        let mutual = !alone && self.tls.is_mutual(port);
        self.identity.as_ref().filter(|_| mutual)
    }
}

// === impl InboundPort ===

impl Default for InboundPort {
    fn default() -> Self {
        Self {
            protocol: PortProtocol::Detect,
            tls: InboundTls::Permissive,
            services: Vec::new(),
            probe_paths: Vec::new(),
            authorization: Arc::default(),
            limits: Arc::default(),
            tls_origin: None,
            origin: None,
        }
    }
}
