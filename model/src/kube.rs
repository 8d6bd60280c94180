//! The Kubernetes kinds that say what runs and who answers: only the fields that are read.
//!
//! Fields that are not read pass untouched, because manifests newer than this program are normal. A
//! wrong type in a field that is read is an error, as is what the API server itself would refuse
//! about it ([`validate`]).

mod config;
mod endpoint_slice;
mod int_or_string;
mod pod;
mod quantity;
mod service;
pub mod validate;
mod workload;

pub use config::{Base64, ConfigMap, Secret};
pub use endpoint_slice::{
    AddressType, Endpoint, EndpointConditions, EndpointHints, EndpointPort, EndpointSlice, ForZone,
    ObjectReference, SERVICE_NAME_LABEL,
};
pub use int_or_string::IntOrString;
pub use pod::{
    Condition, Container, ContainerPort, EnvFromSource, EnvSource, EnvVar, ExecAction, FieldRef,
    GrpcAction, HttpAction, KeyRef, Lifecycle, LifecycleHandler, LocalRef, Pod, PodIp, PodSpec,
    PodStatus, PodTemplate, Probe, Resources, SleepAction, TcpAction, TemplateMeta, TopologySpread,
    Volume,
};
pub use quantity::Quantity;
pub use service::{ClusterIp, Protocol, Service, ServicePort, ServiceType, TrafficDistribution};
pub use workload::{Rollout, RolloutKind, Workload, WorkloadKind};

/// The proxy's container, as `inject` writes it.
pub const PROXY_CONTAINER: &str = "meshctl-proxy";
/// Zone of a node, and of everything on it.
pub const ZONE_LABEL: &str = "topology.kubernetes.io/zone";
/// Region of a node.
pub const REGION_LABEL: &str = "topology.kubernetes.io/region";
/// Name of a namespace, which the API server sets on it.
pub const NAMESPACE_NAME_LABEL: &str = "kubernetes.io/metadata.name";
/// Name of a node, as `nodeSelector` picks it.
pub const HOSTNAME_LABEL: &str = "kubernetes.io/hostname";

#[cfg(test)]
mod tests;
