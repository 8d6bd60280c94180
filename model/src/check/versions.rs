//! MC0113: versions that current clusters do not serve any more, of kinds that are not read here.
//!
//! Kubernetes' deprecation guide (`docs/reference/using-api/deprecation-guide`) and the CRDs of the
//! Gateway API: `kubectl apply` of these fails.

use super::facts::Facts;
use super::{Code, Findings};
use crate::gateway;
use crate::yaml::Step;

/// Group and version, kind, what serves it today, and since when the old one is gone.
type Row = (&'static str, &'static str, &'static str, &'static str);

const REMOVED: &[Row] = &[
    (
        "extensions/v1beta1",
        "Ingress",
        "networking.k8s.io/v1",
        "Kubernetes 1.22",
    ),
    (
        "networking.k8s.io/v1beta1",
        "Ingress",
        "networking.k8s.io/v1",
        "Kubernetes 1.22",
    ),
    (
        "networking.k8s.io/v1beta1",
        "IngressClass",
        "networking.k8s.io/v1",
        "Kubernetes 1.22",
    ),
    (
        "extensions/v1beta1",
        "NetworkPolicy",
        "networking.k8s.io/v1",
        "Kubernetes 1.16",
    ),
    (
        "policy/v1beta1",
        "PodDisruptionBudget",
        "policy/v1",
        "Kubernetes 1.25",
    ),
    (
        "policy/v1beta1",
        "PodSecurityPolicy",
        "pod-security labels on namespaces",
        "Kubernetes 1.25",
    ),
    (
        "autoscaling/v2beta1",
        "HorizontalPodAutoscaler",
        "autoscaling/v2",
        "Kubernetes 1.25",
    ),
    (
        "autoscaling/v2beta2",
        "HorizontalPodAutoscaler",
        "autoscaling/v2",
        "Kubernetes 1.26",
    ),
    (
        "rbac.authorization.k8s.io/v1beta1",
        "Role",
        "rbac.authorization.k8s.io/v1",
        "Kubernetes 1.22",
    ),
    (
        "rbac.authorization.k8s.io/v1beta1",
        "RoleBinding",
        "rbac.authorization.k8s.io/v1",
        "Kubernetes 1.22",
    ),
    (
        "rbac.authorization.k8s.io/v1beta1",
        "ClusterRole",
        "rbac.authorization.k8s.io/v1",
        "Kubernetes 1.22",
    ),
    (
        "rbac.authorization.k8s.io/v1beta1",
        "ClusterRoleBinding",
        "rbac.authorization.k8s.io/v1",
        "Kubernetes 1.22",
    ),
    (
        "apiextensions.k8s.io/v1beta1",
        "CustomResourceDefinition",
        "apiextensions.k8s.io/v1",
        "Kubernetes 1.22",
    ),
    (
        "admissionregistration.k8s.io/v1beta1",
        "MutatingWebhookConfiguration",
        "admissionregistration.k8s.io/v1",
        "Kubernetes 1.22",
    ),
    (
        "admissionregistration.k8s.io/v1beta1",
        "ValidatingWebhookConfiguration",
        "admissionregistration.k8s.io/v1",
        "Kubernetes 1.22",
    ),
];

/// Kinds whose `v1alpha2` the CRDs of the Gateway API do not serve any more.
const WITHOUT_ALPHA: [&str; 4] = ["GatewayClass", "Gateway", "HTTPRoute", "GRPCRoute"];

pub(super) fn analyze(facts: &Facts<'_>, findings: &mut Findings) {
    for resource in &facts.resources {
        let object = &resource.object;
        let row = REMOVED
            .iter()
            .find(|(version, kind, ..)| *version == object.api_version && *kind == object.kind);
        let (today, since) = match row {
            Some((_, _, today, since)) => (*today, *since),
            None if object.group() == gateway::GROUP
                && object.version() == "v1alpha2"
                && WITHOUT_ALPHA.contains(&&*object.kind) =>
            {
                ("gateway.networking.k8s.io/v1", "Gateway API 1.1")
            }
            None => continue,
        };
        let message = format!(
            "`{}` of `{}` is not served since {since}",
            object.kind, object.api_version
        );
        let help = format!("use {today}");
        let path = [Step::Key("apiVersion")];
        findings.add(Code::VersionRemoved, object, &path, message, help);
    }
}
