//! Names, labels and selectors.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The part of `metadata` that is read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ObjectMeta {
    /// Empty when the API server would generate it from `generate_name`.
    pub name: String,
    pub generate_name: String,
    /// As written; see [`crate::document::Object::namespace`] for the one that holds.
    pub namespace: Option<String>,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    pub uid: Option<String>,
    pub generation: Option<i64>,
    /// RFC 3339, as the API server writes it; absent in files.
    pub creation_timestamp: Option<String>,
}

/// Namespace of namespaced objects that name none.
pub const DEFAULT_NAMESPACE: &str = "default";

/// Whether objects of this kind live outside namespaces, for the kinds that manifests of
/// applications and meshes hold. Unknown kinds count as namespaced.
pub fn is_cluster_scoped(group: &str, kind: &str) -> bool {
    matches!(
        (group, kind),
        ("", "Namespace" | "Node" | "PersistentVolume")
            | ("apiextensions.k8s.io", "CustomResourceDefinition")
            | ("apiregistration.k8s.io", "APIService")
            | (
                "rbac.authorization.k8s.io",
                "ClusterRole" | "ClusterRoleBinding"
            )
            | (
                "storage.k8s.io",
                "StorageClass" | "CSIDriver" | "CSINode" | "VolumeAttachment"
            )
            | ("scheduling.k8s.io", "PriorityClass")
            | (
                "networking.k8s.io",
                "IngressClass" | "IPAddress" | "ServiceCIDR"
            )
            | ("node.k8s.io", "RuntimeClass")
            | ("flowcontrol.apiserver.k8s.io", _)
            | ("gateway.networking.k8s.io", "GatewayClass")
            | ("gateway.networking.x-k8s.io", "XMesh")
            | (
                "certificates.k8s.io",
                "CertificateSigningRequest" | "ClusterTrustBundle"
            )
            | (
                "admissionregistration.k8s.io",
                "MutatingWebhookConfiguration"
                    | "ValidatingWebhookConfiguration"
                    | "ValidatingAdmissionPolicy"
                    | "ValidatingAdmissionPolicyBinding"
                    | "MutatingAdmissionPolicy"
                    | "MutatingAdmissionPolicyBinding"
            )
    )
}
