//! The kinds that are read from a cluster, and where the API server has them.

use super::send::quoted;

/// A kind that is modelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) group: &'static str,
    pub(crate) name: &'static str,
    pub(crate) plural: &'static str,
    /// Versions whose fields are understood, the best first.
    pub(crate) versions: &'static [&'static str],
    pub(crate) namespaced: bool,
    pub(crate) need: Need,
}

/// What it means when a kind may not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// No answer about the mesh is right without it.
    Required,
    /// Answers become less precise.
    Useful,
}

/// A kind as one API server serves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resource {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    pub(crate) plural: String,
    pub(crate) namespaced: bool,
    pub(crate) need: Need,
}

const GATEWAY: &str = "gateway.networking.k8s.io";
const OWN: &str = "meshctl.dev";
/// As [`model::resource`] reads them.
const GATEWAY_VERSIONS: &[&str] = &["v1", "v1beta1", "v1alpha3", "v1alpha2"];

use Need::{Required, Useful};

/// Everything that is modelled, but for Secrets: nothing here needs them, and few may read them.
pub(crate) const KINDS: &[Kind] = &[
    kind("", "Namespace", "namespaces", &["v1"], Useful).global(),
    kind("", "Service", "services", &["v1"], Required),
    kind("", "ServiceAccount", "serviceaccounts", &["v1"], Useful),
    kind("", "ConfigMap", "configmaps", &["v1"], Useful),
    kind("", "Pod", "pods", &["v1"], Required),
    kind(
        "",
        "ReplicationController",
        "replicationcontrollers",
        &["v1"],
        Required,
    ),
    kind("apps", "Deployment", "deployments", &["v1"], Required),
    kind("apps", "ReplicaSet", "replicasets", &["v1"], Required),
    kind("apps", "StatefulSet", "statefulsets", &["v1"], Required),
    kind("apps", "DaemonSet", "daemonsets", &["v1"], Required),
    kind("batch", "Job", "jobs", &["v1"], Useful),
    kind("batch", "CronJob", "cronjobs", &["v1"], Useful),
    kind(
        "discovery.k8s.io",
        "EndpointSlice",
        "endpointslices",
        &["v1"],
        Required,
    ),
    kind(
        GATEWAY,
        "GatewayClass",
        "gatewayclasses",
        GATEWAY_VERSIONS,
        Useful,
    )
    .global(),
    kind(GATEWAY, "Gateway", "gateways", GATEWAY_VERSIONS, Useful),
    kind(
        GATEWAY,
        "HTTPRoute",
        "httproutes",
        GATEWAY_VERSIONS,
        Required,
    ),
    kind(
        GATEWAY,
        "GRPCRoute",
        "grpcroutes",
        GATEWAY_VERSIONS,
        Required,
    ),
    kind(GATEWAY, "TCPRoute", "tcproutes", GATEWAY_VERSIONS, Required),
    kind(GATEWAY, "TLSRoute", "tlsroutes", GATEWAY_VERSIONS, Required),
    kind(
        GATEWAY,
        "ReferenceGrant",
        "referencegrants",
        GATEWAY_VERSIONS,
        Required,
    ),
    kind(
        OWN,
        "BackendPolicy",
        "backendpolicies",
        &["v1alpha1"],
        Required,
    ),
    kind(
        OWN,
        "AuthorizationPolicy",
        "authorizationpolicies",
        &["v1alpha1"],
        Required,
    ),
    kind(
        OWN,
        "RateLimitPolicy",
        "ratelimitpolicies",
        &["v1alpha1"],
        Required,
    ),
    kind(
        OWN,
        "TrafficPolicy",
        "trafficpolicies",
        &["v1alpha1"],
        Required,
    ),
    kind(OWN, "Workload", "workloads", &["v1alpha1"], Required),
    kind(
        OWN,
        "EgressNetwork",
        "egressnetworks",
        &["v1alpha1"],
        Required,
    ),
];

const fn kind(
    group: &'static str,
    name: &'static str,
    plural: &'static str,
    versions: &'static [&'static str],
    need: Need,
) -> Kind {
    Kind {
        group,
        name,
        plural,
        versions,
        namespaced: true,
        need,
    }
}

// === impl Kind ===

impl Kind {
    const fn global(mut self) -> Self {
        self.namespaced = false;
        self
    }

    /// Whether Kubernetes itself serves it, so that it need not be looked for.
    pub(super) fn is_builtin(&self) -> bool {
        self.group != GATEWAY && self.group != OWN
    }

    /// The kind as a server serves it in `version`.
    pub(super) fn served_as(&self, version: &str) -> Resource {
        Resource {
            group: self.group.to_owned(),
            version: version.to_owned(),
            kind: self.name.to_owned(),
            plural: self.plural.to_owned(),
            namespaced: self.namespaced,
            need: self.need,
        }
    }
}

// === impl Resource ===

impl Resource {
    /// `gateway.networking.k8s.io/v1`
    pub(crate) fn api_version(&self) -> String {
        match self.group.as_str() {
            "" => self.version.clone(),
            group => format!("{group}/{}", self.version),
        }
    }

    /// Where the API server has the objects of one namespace (none: of all), or one object.
    pub(super) fn path(&self, namespace: Option<&str>, name: Option<&str>) -> String {
        let mut path = match self.group.as_str() {
            "" => format!("/api/{}", self.version),
            group => format!("/apis/{group}/{}", self.version),
        };
        if let Some(namespace) = namespace.filter(|n| self.namespaced && !n.is_empty()) {
            path.push_str(&format!("/namespaces/{}", quoted(namespace)));
        }
        path.push_str(&format!("/{}", self.plural));
        if let Some(name) = name {
            path.push_str(&format!("/{}", quoted(name)));
        }
        path
    }

    /// `httproutes.gateway.networking.k8s.io`, as `kubectl` takes it.
    pub(crate) fn full_name(&self) -> String {
        match self.group.as_str() {
            "" => self.plural.clone(),
            group => format!("{}.{group}", self.plural),
        }
    }
}
