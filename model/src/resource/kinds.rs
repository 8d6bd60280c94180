//! Which kind of which group and version is which.

use crate::decode::nearest;
use crate::document::Object;
use crate::kube::WorkloadKind;
use crate::{gateway, policy};

/// A kind that is understood, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    Namespace,
    Node,
    ServiceAccount,
    Service,
    EndpointSlice,
    Workload(WorkloadKind),
    Secret,
    ConfigMap,
    GatewayClass,
    Gateway,
    ListenerSet,
    HttpRoute,
    GrpcRoute,
    TcpRoute,
    TlsRoute,
    ReferenceGrant,
    BackendPolicy,
    TrafficPolicy,
    AuthorizationPolicy,
    RateLimitPolicy,
    OwnWorkload,
    BackendTlsPolicy,
    XBackend,
    EgressNetwork,
    NotModelled,
    Other,
}

/// Why an object's kind or version is refused.
pub(super) struct Problem {
    pub(super) field: Field,
    pub(super) message: String,
    pub(super) near: Option<&'static str>,
    pub(super) help: String,
}

pub(super) enum Field {
    Kind,
    ApiVersion,
}

/// Kinds of Kubernetes itself, with the one version that is served today.
const KUBERNETES: &[(&str, &str, &str, Known)] = &[
    ("", "v1", "Namespace", Known::Namespace),
    ("", "v1", "Node", Known::Node),
    ("", "v1", "ServiceAccount", Known::ServiceAccount),
    ("", "v1", "Service", Known::Service),
    ("", "v1", "Secret", Known::Secret),
    ("", "v1", "ConfigMap", Known::ConfigMap),
    ("", "v1", "Pod", Known::Workload(WorkloadKind::Pod)),
    (
        "",
        "v1",
        "ReplicationController",
        Known::Workload(WorkloadKind::ReplicationController),
    ),
    (
        "apps",
        "v1",
        "Deployment",
        Known::Workload(WorkloadKind::Deployment),
    ),
    (
        "apps",
        "v1",
        "ReplicaSet",
        Known::Workload(WorkloadKind::ReplicaSet),
    ),
    (
        "apps",
        "v1",
        "StatefulSet",
        Known::Workload(WorkloadKind::StatefulSet),
    ),
    (
        "apps",
        "v1",
        "DaemonSet",
        Known::Workload(WorkloadKind::DaemonSet),
    ),
    ("batch", "v1", "Job", Known::Workload(WorkloadKind::Job)),
    (
        "batch",
        "v1",
        "CronJob",
        Known::Workload(WorkloadKind::CronJob),
    ),
    (
        "discovery.k8s.io",
        "v1",
        "EndpointSlice",
        Known::EndpointSlice,
    ),
];

/// Groups in which a kind of the table above could have been meant.
const KUBERNETES_GROUPS: &[&str] = &["", "apps", "batch", "extensions", "discovery.k8s.io"];

const GATEWAY: &[(&str, Known)] = &[
    ("GatewayClass", Known::GatewayClass),
    ("Gateway", Known::Gateway),
    ("HTTPRoute", Known::HttpRoute),
    ("GRPCRoute", Known::GrpcRoute),
    ("TCPRoute", Known::TcpRoute),
    ("TLSRoute", Known::TlsRoute),
    ("ReferenceGrant", Known::ReferenceGrant),
    ("UDPRoute", Known::NotModelled),
    ("ListenerSet", Known::ListenerSet),
    ("BackendTLSPolicy", Known::BackendTlsPolicy),
];

/// Versions of the Gateway API that manifests still name; their fields are those of `v1`.
const GATEWAY_VERSIONS: &[&str] = &["v1", "v1beta1", "v1alpha3", "v1alpha2"];

const GATEWAY_X: &[(&str, Known)] = &[
    ("XListenerSet", Known::NotModelled),
    ("XBackendTrafficPolicy", Known::NotModelled),
    ("XBackend", Known::XBackend),
    ("XMesh", Known::NotModelled),
];

const OWN: &[(&str, Known)] = &[
    ("BackendPolicy", Known::BackendPolicy),
    ("TrafficPolicy", Known::TrafficPolicy),
    ("AuthorizationPolicy", Known::AuthorizationPolicy),
    ("RateLimitPolicy", Known::RateLimitPolicy),
    ("Workload", Known::OwnWorkload),
    ("EgressNetwork", Known::EgressNetwork),
];

/// What `object` is.
pub(super) fn find(object: &Object) -> Result<Known, Problem> {
    let (group, version, kind) = (object.group(), object.version(), &*object.kind);
    match group {
        gateway::GROUP => strict(group, GATEWAY, GATEWAY_VERSIONS, version, kind),
        policy::X_GROUP => strict(group, GATEWAY_X, &["v1alpha1"], version, kind),
        policy::GROUP => strict(group, OWN, &[policy::VERSION], version, kind),
        _ if KUBERNETES_GROUPS.contains(&group) => kubernetes(group, version, kind),
        _ => Ok(Known::Other),
    }
}

/// A kind of the table is an error in any other group or version of Kubernetes: the API server does
/// not serve it there (any more).
fn kubernetes(group: &str, version: &str, kind: &str) -> Result<Known, Problem> {
    let row = KUBERNETES.iter().find(|(_, _, name, _)| *name == kind);
    let Some((right_group, right_version, _, known)) = row else {
        return Ok(Known::Other);
    };
    if (group, version) == (*right_group, *right_version) {
        return Ok(*known);
    }
    let right = join(right_group, right_version);
    Err(Problem {
        field: Field::ApiVersion,
        message: format!("`{kind}` is not served as `{}`", join(group, version)),
        near: None,
        help: format!("use `apiVersion: {right}`"),
    })
}

fn strict(
    group: &str,
    kinds: &[(&'static str, Known)],
    versions: &[&'static str],
    version: &str,
    kind: &str,
) -> Result<Known, Problem> {
    let names = || kinds.iter().map(|(name, _)| *name);
    let Some((_, known)) = kinds.iter().find(|(name, _)| *name == kind) else {
        return Err(Problem {
            field: Field::Kind,
            message: format!("group `{group}` has no kind `{kind}` that is known here"),
            near: nearest(kind, names()),
            help: format!("known kinds: {}", names().collect::<Vec<_>>().join(", ")),
        });
    };
    if versions.contains(&version) {
        return Ok(*known);
    }
    Err(Problem {
        field: Field::ApiVersion,
        message: format!("`{kind}` has no version `{version}`"),
        near: None,
        help: format!(
            "use `apiVersion: {}`",
            join(group, versions.first().unwrap_or(&"v1"))
        ),
    })
}

fn join(group: &str, version: &str) -> String {
    if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    }
}
