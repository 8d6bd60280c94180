//! TLSRoute: `apis/v1/tlsroute_types.go`. TLS is passed through; the server name chooses.

use serde::{Deserialize, Serialize};

use super::{BackendRef, ParentReference};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TlsRouteSpec {
    #[serde(default)]
    pub parent_refs: Vec<ParentReference>,
    /// Experimental, for Gateways; not modelled.
    pub use_default_gateways: Option<String>,
    /// Server names: exact, or `*.` and a suffix.
    #[serde(default)]
    pub hostnames: Vec<String>,
    pub rules: Vec<TlsRouteRule>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TlsRouteRule {
    pub name: Option<String>,
    #[serde(default)]
    pub backend_refs: Vec<BackendRef>,
}
