//! EgressNetwork: which addresses outside the mesh the workloads of a namespace may reach.
//!
//! After Linkerd's EgressNetwork. Hosts that are known by a name are XBackends.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EgressNetworkSpec {
    /// Whether they may be reached.
    pub traffic_policy: EgressTraffic,
    /// Default: every address that the mesh does not know.
    #[serde(default)]
    pub networks: Vec<EgressCidr>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum EgressTraffic {
    #[default]
    Allow,
    Deny,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EgressCidr {
    /// Such as `192.0.2.0/24`.
    pub cidr: String,
    /// Networks inside of it that are not meant.
    #[serde(default)]
    pub except: Vec<String>,
}
