//! EndpointSlice: addresses that somebody else found for a Service.

use serde::Deserialize;

use super::Protocol;
use crate::number::Port;

/// The label that names the Service of a slice.
pub const SERVICE_NAME_LABEL: &str = "kubernetes.io/service-name";

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointSlice {
    pub address_type: AddressType,
    #[serde(default)]
    pub endpoints: Vec<Endpoint>,
    #[serde(default)]
    pub ports: Vec<EndpointPort>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum AddressType {
    #[serde(rename = "IPv4")]
    Ipv4,
    #[serde(rename = "IPv6")]
    Ipv6,
    #[serde(rename = "FQDN")]
    Fqdn,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Endpoint {
    /// All of one endpoint; consumers take the first.
    pub addresses: Vec<String>,
    pub conditions: EndpointConditions,
    pub hostname: Option<String>,
    pub node_name: Option<String>,
    pub zone: Option<String>,
    pub target_ref: Option<ObjectReference>,
    pub hints: Option<EndpointHints>,
}

/// Each absent condition means what the API says: ready and serving unless said otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EndpointConditions {
    pub ready: Option<bool>,
    pub serving: Option<bool>,
    pub terminating: Option<bool>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EndpointHints {
    pub for_zones: Vec<ForZone>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ForZone {
    pub name: String,
}

/// The pod behind an endpoint, mostly.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ObjectReference {
    pub kind: String,
    pub namespace: Option<String>,
    pub name: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EndpointPort {
    /// As in the Service; empty for its only port.
    pub name: String,
    /// Absent means all ports, which the API leaves to the consumer.
    pub port: Option<Port>,
    pub protocol: Protocol,
    pub app_protocol: Option<String>,
}

// === impl EndpointConditions ===

impl EndpointConditions {
    pub fn is_ready(self) -> bool {
        self.ready.unwrap_or(true)
    }

    /// Ready as its probe says, terminating or not.
    pub fn is_serving(self) -> bool {
        self.serving.unwrap_or_else(|| self.is_ready())
    }

    pub fn is_terminating(self) -> bool {
        self.terminating.unwrap_or(false)
    }
}
