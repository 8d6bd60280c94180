//! BackendTLSPolicy: `apis/v1/backendtlspolicy_types.go`. The TLS that proxies begin towards a
//! Service, and how its certificate is judged.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::LocalObjectReference;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BackendTlsPolicySpec {
    pub target_refs: Vec<BackendTlsTarget>,
    pub validation: BackendTlsValidation,
    /// Of other implementations; ours has none.
    pub options: Option<Map<String, Value>>,
}

/// A Service of the policy's namespace, or one of its ports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BackendTlsTarget {
    pub group: String,
    pub kind: String,
    pub name: String,
    /// Port, by name.
    pub section_name: Option<String>,
}

/// `BackendTLSPolicyValidation`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BackendTlsValidation {
    /// ConfigMaps with `ca.crt`; this or the next, not both.
    #[serde(default)]
    pub ca_certificate_refs: Vec<LocalObjectReference>,
    #[serde(rename = "wellKnownCACertificates")]
    pub well_known_ca_certificates: Option<WellKnownCa>,
    /// The server name that is asked for; without `subjectAltNames` the certificate has to be for
    /// it.
    pub hostname: String,
    #[serde(default)]
    pub subject_alt_names: Vec<SubjectAltName>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WellKnownCa {
    /// Those that the machine trusts.
    System,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SubjectAltName {
    pub r#type: SubjectAltNameType,
    pub hostname: Option<String>,
    pub uri: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SubjectAltNameType {
    Hostname,
    #[serde(rename = "URI")]
    Uri,
}
