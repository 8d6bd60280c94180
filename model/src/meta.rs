//! Names, labels and selectors.

pub mod name;
mod selector;

use std::collections::BTreeMap;

use serde::Deserialize;

pub use selector::{BadSelector, LabelSelector, Operator, Requirement};

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
    /// Set while the object is being deleted.
    pub deletion_timestamp: Option<String>,
    pub owner_references: Vec<OwnerReference>,
}

/// An object that this one belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OwnerReference {
    pub kind: String,
    pub name: String,
    /// Whether the owner manages this object.
    pub controller: bool,
}

/// Fields of `metadata` that the API server knows, for the groups in which others are an error.
pub const META_FIELDS: &[&str] = &[
    "name",
    "generateName",
    "namespace",
    "labels",
    "annotations",
    "uid",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "resourceVersion",
    "finalizers",
    "ownerReferences",
    "managedFields",
    "selfLink",
];

/// Namespace of namespaced objects that name none.
pub const DEFAULT_NAMESPACE: &str = "default";

// === impl ObjectMeta ===

impl ObjectMeta {
    /// The owner that manages this object: a ReplicaSet's Deployment, a pod's ReplicaSet.
    pub fn controller(&self) -> Option<&OwnerReference> {
        self.owner_references.iter().find(|owner| owner.controller)
    }
}

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

#[cfg(test)]
mod tests;
