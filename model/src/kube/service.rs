//! Service: a name, addresses, and which pods answer.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::IntOrString;
use crate::number::Port;

/// `spec` of a Service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Service {
    #[serde(rename = "type")]
    pub kind: ServiceType,
    /// Empty: endpoints are written by somebody else.
    pub selector: BTreeMap<String, String>,
    pub ports: Vec<ServicePort>,
    #[serde(rename = "clusterIP")]
    pub cluster_ip: Option<String>,
    #[serde(rename = "clusterIPs")]
    pub cluster_ips: Vec<String>,
    pub external_name: Option<String>,
    /// Pods count as ready before they are.
    pub publish_not_ready_addresses: bool,
    pub traffic_distribution: Option<TrafficDistribution>,
    /// `ClientIP` keeps a client on one pod; not read by proxies, which balance requests.
    pub session_affinity: Option<String>,
    pub internal_traffic_policy: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum ServiceType {
    #[default]
    #[serde(rename = "ClusterIP")]
    ClusterIp,
    NodePort,
    LoadBalancer,
    ExternalName,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServicePort {
    /// Empty for the only port of a Service.
    #[serde(default)]
    pub name: String,
    pub port: Port,
    /// Absent: the same number as `port`.
    pub target_port: Option<IntOrString>,
    #[serde(default)]
    pub protocol: Protocol,
    pub app_protocol: Option<String>,
    pub node_port: Option<i32>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
pub enum Protocol {
    #[default]
    #[serde(rename = "TCP")]
    Tcp,
    #[serde(rename = "UDP")]
    Udp,
    #[serde(rename = "SCTP")]
    Sctp,
}

/// Which endpoints are preferred; the first was called `PreferClose` before Kubernetes 1.34.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum TrafficDistribution {
    #[serde(alias = "PreferClose")]
    PreferSameZone,
    PreferSameNode,
}

/// What address a Service has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClusterIp<'a> {
    /// Not said: the cluster gives one.
    Assigned,
    /// `None`: names resolve to the pods.
    Headless,
    Given(&'a str),
}

// === impl Service ===

impl Service {
    pub fn cluster_ip(&self) -> ClusterIp<'_> {
        let first = self.cluster_ips.first().map(String::as_str);
        match self
            .cluster_ip
            .as_deref()
            .filter(|ip| !ip.is_empty())
            .or(first)
        {
            None | Some("") => ClusterIp::Assigned,
            Some("None") => ClusterIp::Headless,
            Some(ip) => ClusterIp::Given(ip),
        }
    }

    pub fn is_headless(&self) -> bool {
        self.kind != ServiceType::ExternalName && self.cluster_ip() == ClusterIp::Headless
    }

    /// The port of this number or name.
    pub fn port(&self, port: &IntOrString) -> Option<&ServicePort> {
        self.ports.iter().find(|candidate| match port {
            IntOrString::Int(number) => i64::from(*number) == candidate.port.get(),
            IntOrString::String(name) => *name == candidate.name,
        })
    }
}

// === impl ServicePort ===

impl ServicePort {
    /// The port of the pods: `targetPort`, else the same number.
    pub fn target(&self) -> IntOrString {
        match &self.target_port {
            // An API server reads 0 as absent.
            None | Some(IntOrString::Int(0)) => {
                IntOrString::Int(i32::try_from(self.port.get()).unwrap_or(0))
            }
            Some(target) => target.clone(),
        }
    }
}
