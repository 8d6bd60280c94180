//! What the server serves.

use serde_json::{Value, json};

/// A kind: group, versions, kind, plural, in namespaces?
pub(crate) type Kind = (
    &'static str,
    &'static [&'static str],
    &'static str,
    &'static str,
    bool,
);

const GATEWAY: &str = "gateway.networking.k8s.io";
const CRDS: &str = "apiextensions.k8s.io";

const KINDS: &[Kind] = &[
    ("", &["v1"], "Namespace", "namespaces", false),
    ("", &["v1"], "Service", "services", true),
    ("", &["v1"], "ServiceAccount", "serviceaccounts", true),
    ("", &["v1"], "ConfigMap", "configmaps", true),
    ("", &["v1"], "Pod", "pods", true),
    (
        "",
        &["v1"],
        "ReplicationController",
        "replicationcontrollers",
        true,
    ),
    ("apps", &["v1"], "Deployment", "deployments", true),
    ("apps", &["v1"], "ReplicaSet", "replicasets", true),
    ("apps", &["v1"], "StatefulSet", "statefulsets", true),
    ("apps", &["v1"], "DaemonSet", "daemonsets", true),
    ("batch", &["v1"], "Job", "jobs", true),
    ("batch", &["v1"], "CronJob", "cronjobs", true),
    (
        "discovery.k8s.io",
        &["v1"],
        "EndpointSlice",
        "endpointslices",
        true,
    ),
    (
        "networking.k8s.io",
        &["v1"],
        "NetworkPolicy",
        "networkpolicies",
        true,
    ),
    (
        CRDS,
        &["v1"],
        "CustomResourceDefinition",
        "customresourcedefinitions",
        false,
    ),
    (GATEWAY, &["v1"], "GatewayClass", "gatewayclasses", false),
    (GATEWAY, &["v1"], "Gateway", "gateways", true),
    (GATEWAY, &["v1", "v1beta1"], "HTTPRoute", "httproutes", true),
    (GATEWAY, &["v1"], "GRPCRoute", "grpcroutes", true),
    (GATEWAY, &["v1alpha2"], "TCPRoute", "tcproutes", true),
    (GATEWAY, &["v1alpha2"], "TLSRoute", "tlsroutes", true),
    (
        GATEWAY,
        &["v1beta1"],
        "ReferenceGrant",
        "referencegrants",
        true,
    ),
    (
        "meshctl.dev",
        &["v1alpha1"],
        "BackendPolicy",
        "backendpolicies",
        true,
    ),
    (
        "meshctl.dev",
        &["v1alpha1"],
        "AuthorizationPolicy",
        "authorizationpolicies",
        true,
    ),
    (
        "meshctl.dev",
        &["v1alpha1"],
        "RateLimitPolicy",
        "ratelimitpolicies",
        true,
    ),
    (
        "meshctl.dev",
        &["v1alpha1"],
        "TrafficPolicy",
        "trafficpolicies",
        true,
    ),
    (
        "networking.istio.io",
        &["v1"],
        "VirtualService",
        "virtualservices",
        true,
    ),
];

/// The kinds that are there while the groups of `absent` are not.
pub(crate) fn served(absent: &[String]) -> impl Iterator<Item = &'static Kind> {
    KINDS
        .iter()
        .filter(|kind| !absent.iter().any(|group| group == kind.0))
}

/// `/apis`
pub(crate) fn groups(absent: &[String]) -> Value {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for (group, versions, ..) in served(absent).filter(|k| !k.0.is_empty()) {
        if groups.iter().all(|(name, _)| name != group) {
            groups.push((group, Vec::new()));
        }
        let (_, known) = groups.iter_mut().find(|(name, _)| name == group).unwrap();
        known.extend(
            versions
                .iter()
                .filter(|v| !known.contains(v))
                .copied()
                .collect::<Vec<_>>(),
        );
    }
    let version =
        |group: &str, v: &&str| json!({"groupVersion": format!("{group}/{v}"), "version": v});
    let group = |(name, versions): (&str, Vec<&str>)| {
        let versions: Vec<Value> = versions.iter().map(|v| version(name, v)).collect();
        json!({"name": name, "versions": versions, "preferredVersion": versions[0]})
    };
    let groups: Vec<Value> = groups.into_iter().map(group).collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

/// `/apis/GROUP/VERSION`
pub(crate) fn resources(absent: &[String], group: &str, version: &str) -> Option<Value> {
    let here = |k: &&Kind| k.0 == group && k.1.contains(&version);
    let verbs = [
        "create", "delete", "get", "list", "patch", "update", "watch",
    ];
    let one = |(_, _, kind, plural, namespaced): &Kind| {
        json!({"name": plural, "singularName": kind.to_lowercase(), "namespaced": namespaced,
               "kind": kind, "verbs": verbs})
    };
    let resources: Vec<Value> = served(absent).filter(here).map(one).collect();
    (!resources.is_empty()).then(|| {
        json!({"kind": "APIResourceList", "apiVersion": "v1",
               "groupVersion": format!("{group}/{version}"), "resources": resources})
    })
}
