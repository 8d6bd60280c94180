//! What the index knows about each object: only what the lowering and the findings read.
//!
//! Pods and Services of manifests, of a cluster and of the simulator's own making all become these,
//! so that nothing behind the index can tell them apart.

use core::net::IpAddr;
use std::collections::BTreeMap;
use std::sync::Arc;

use engine::origin::Origin;
use engine::snapshot::{Locality, ObjectName, PortProtocol, RouteKind};

use crate::document::Object;
use crate::gateway::{GrpcRouteSpec, HttpRouteSpec, ParentReference, TcpRouteSpec, TlsRouteSpec};
use crate::inject::{PortRanges, Settings};
use crate::policy::{
    AuthorizationPolicySpec, BackendPolicySpec, RateLimitPolicySpec, TargetRef, TrafficPolicySpec,
};
use crate::yaml::{Source, Span};

mod gateway;

pub use gateway::{
    BackendTlsPolicy, Bundle, EgressNetwork, Gateway, KeyPair, ListenerSet, ReferenceGrant, Secret,
    Stated, XBackend,
};

/// How old an object is, for the rules that prefer the oldest: by `creationTimestamp` where there
/// is one (those objects exist in a cluster already), else in the order in which files were given.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Age {
    /// False sorts first.
    pub from_file: bool,
    /// RFC 3339 in UTC, as the API server writes it; its order is the order of its text.
    pub created: Arc<str>,
    pub file: Arc<str>,
    /// Documents of the file before this one.
    pub document: usize,
    /// Line, which orders the items of one list.
    pub line: u32,
}

/// Whether a namespace or pod asked to be in the mesh or out of it (`meshctl.dev/inject`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Inject {
    #[default]
    Unset,
    Enabled,
    Disabled,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace {
    pub name: Arc<str>,
    /// With `kubernetes.io/metadata.name`, which the API server sets on all of them.
    pub labels: BTreeMap<String, String>,
    pub inject: Inject,
    /// Its annotations, which hold for pods and Services that do not say otherwise.
    pub settings: Arc<Settings>,
    pub origin: Origin,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    pub name: ObjectName,
    pub kind: ServiceKind,
    /// Empty = endpoints are written by somebody else.
    pub selector: BTreeMap<String, String>,
    /// Cluster IPs; empty for headless Services.
    pub addresses: Vec<IpAddr>,
    /// TCP ports only.
    pub ports: Vec<ServicePort>,
    /// Ports that its annotation `meshctl.dev/opaque-ports` declares as opaque.
    pub opaque_ports: Option<PortRanges>,
    /// Endpoints count as ready before they are.
    pub publish_not_ready: bool,
    pub age: Age,
    pub origin: Origin,
    /// Where findings about it point; none for Services that no file declares.
    pub written: Option<Written>,
}

/// A place in a file.
#[derive(Clone, Debug)]
pub struct Written {
    pub source: Arc<Source>,
    pub span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceKind {
    /// ClusterIP, NodePort, LoadBalancer.
    Cluster,
    Headless,
    ExternalName,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePort {
    /// Empty for the only port of a Service.
    pub name: String,
    pub port: u16,
    pub target: TargetPort,
    /// What the Service says; see [`super::Index::protocol`] for what holds.
    pub protocol: PortProtocol,
    /// `appProtocol` says it, and no annotation overrules that.
    pub is_declared: bool,
    /// Line of the port in the manifest; 0 when unknown.
    pub line: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetPort {
    Number(u16),
    /// A container's port by name; it may differ from pod to pod.
    Name(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    pub name: ObjectName,
    pub labels: BTreeMap<String, String>,
    /// None until it is scheduled.
    pub address: Option<IpAddr>,
    pub service_account: String,
    pub host_network: bool,
    /// It has a proxy container already, written by `inject` or by hand.
    pub injected: bool,
    pub inject: Inject,
    pub state: PodState,
    pub ports: Vec<ContainerPort>,
    pub probes: Vec<Probe>,
    /// Ports on which its proxy listens in the application's place → where the application listens,
    /// on the loopback address.
    pub app_ports: BTreeMap<u16, u16>,
    /// How many times as much as others it can take (`meshctl.dev/endpoint-weight`).
    pub weight: u32,
    /// Its annotations.
    pub settings: Arc<Settings>,
    /// `Deployment/web`.
    pub controller: String,
    pub locality: Locality,
    pub origin: Origin,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodState {
    Ready,
    /// Running or starting, but not ready.
    Unready,
    /// It has a deletion timestamp.
    Terminating,
    /// Succeeded or failed: it is nobody's endpoint.
    Finished,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerPort {
    pub name: String,
    pub port: u16,
}

/// An HTTP probe of the kubelet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    pub port: TargetPort,
    pub path: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointSlice {
    pub name: ObjectName,
    /// From the label `kubernetes.io/service-name`; of the slice's namespace.
    pub service: Arc<str>,
    /// Port name → number.
    pub ports: BTreeMap<String, u16>,
    pub endpoints: Vec<SliceEndpoint>,
    pub origin: Origin,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SliceEndpoint {
    pub address: IpAddr,
    pub ready: bool,
    /// Still answers while it terminates.
    pub serving: bool,
    pub terminating: bool,
    /// The pod behind it, in the slice's namespace.
    pub pod: Option<Arc<str>>,
    pub zone: String,
}

/// A route of any kind.
#[derive(Clone, Debug)]
pub struct Route {
    pub name: ObjectName,
    pub age: Age,
    pub origin: Origin,
    pub spec: RouteSpec,
    /// For the lines of its parts.
    pub object: Arc<Object>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum RouteSpec {
    Http(HttpRouteSpec),
    Grpc(GrpcRouteSpec),
    Tls(TlsRouteSpec),
    Tcp(TcpRouteSpec),
}

/// A policy of any kind.
#[derive(Clone, Debug)]
pub struct Policy<S> {
    pub name: ObjectName,
    pub age: Age,
    pub origin: Origin,
    pub spec: S,
    pub object: Arc<Object>,
}

pub type BackendPolicy = Policy<BackendPolicySpec>;
pub type TrafficPolicy = Policy<TrafficPolicySpec>;
pub type AuthorizationPolicy = Policy<AuthorizationPolicySpec>;
pub type RateLimitPolicy = Policy<RateLimitPolicySpec>;

// === impl Age ===

impl Age {
    pub fn of(object: &Object) -> Self {
        let created = object
            .meta
            .creation_timestamp
            .as_deref()
            .unwrap_or_default();
        Self {
            from_file: created.is_empty(),
            created: created.into(),
            file: object.source().name().into(),
            document: object.document.index,
            line: object.line(),
        }
    }
}

// === impl Written ===

impl PartialEq for Written {
    fn eq(&self, other: &Self) -> bool {
        self.source.name() == other.source.name() && self.span == other.span
    }
}

impl Eq for Written {}

// === impl Service ===

impl Service {
    pub fn port(&self, number: u16) -> Option<&ServicePort> {
        self.ports.iter().find(|port| port.port == number)
    }

    /// The port that a policy's or route's `sectionName` means: by name, else by number.
    pub fn section(&self, section: &str) -> Option<&ServicePort> {
        self.ports.iter().find(|port| port.is_section(section))
    }
}

// === impl ServicePort ===

impl ServicePort {
    pub fn is_section(&self, section: &str) -> bool {
        self.name == section || section.parse() == Ok(self.port)
    }
}

// === impl Pod ===

impl Pod {
    /// The number of a port given by number or by a container port's name.
    pub fn resolve(&self, target: &TargetPort) -> Option<u16> {
        match target {
            TargetPort::Number(number) => Some(*number),
            TargetPort::Name(name) => {
                let port = self.ports.iter().find(|port| port.name == *name)?;
                Some(port.port)
            }
        }
    }

    /// Whether it is a Workload: a process outside Kubernetes that stands here as a pod.
    pub fn is_workload(&self) -> bool {
        self.origin.place().kind == "Workload"
    }
}

// === impl RouteSpec ===

impl RouteSpec {
    pub fn kind(&self) -> RouteKind {
        match self {
            Self::Http(_) => RouteKind::Http,
            Self::Grpc(_) => RouteKind::Grpc,
            Self::Tls(_) => RouteKind::Tls,
            Self::Tcp(_) => RouteKind::Tcp,
        }
    }

    pub fn parents(&self) -> &[ParentReference] {
        match self {
            Self::Http(spec) => &spec.parent_refs,
            Self::Grpc(spec) => &spec.parent_refs,
            Self::Tls(spec) => &spec.parent_refs,
            Self::Tcp(spec) => &spec.parent_refs,
        }
    }

    /// Host or server names; empty = all.
    pub fn hostnames(&self) -> &[String] {
        match self {
            Self::Http(spec) => &spec.hostnames,
            Self::Grpc(spec) => &spec.hostnames,
            Self::Tls(spec) => &spec.hostnames,
            Self::Tcp(_) => &[],
        }
    }
}

// === impl Policy ===

/// What the index asks of a policy of any kind.
pub trait Targets {
    fn targets(&self) -> &[TargetRef];
}

impl Targets for BackendPolicySpec {
    fn targets(&self) -> &[TargetRef] {
        &self.target_refs
    }
}

impl Targets for TrafficPolicySpec {
    fn targets(&self) -> &[TargetRef] {
        &self.target_refs
    }
}

impl Targets for AuthorizationPolicySpec {
    fn targets(&self) -> &[TargetRef] {
        &self.target_refs
    }
}

impl Targets for RateLimitPolicySpec {
    fn targets(&self) -> &[TargetRef] {
        &self.target_refs
    }
}
