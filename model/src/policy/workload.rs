//! Workload: a process outside Kubernetes that Services select as they select pods.
//!
//! After Istio's WorkloadEntry and Kuma's Dataplane. Where nothing redirects traffic, a proxy
//! listens in the application's place: `port` is the proxy's, `appPort` the application's, as in
//! `inbound[].port` and `servicePort` of a Dataplane.

use core::net::IpAddr;
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::number::{Int, Port};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkloadSpec {
    /// Where others reach it; the first is used.
    #[serde(default)]
    pub addresses: Vec<IpAddr>,
    /// Where it listens.
    #[serde(default)]
    pub ports: Vec<WorkloadPort>,
    /// Whom its certificate names. Default `default`.
    pub service_account: Option<String>,
    /// What selectors see, beside `metadata.labels`.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Where it runs, for balancing by place.
    pub locality: Option<WorkloadLocality>,
    /// How many times as much as others it can take. Default 1.
    pub weight: Option<Int<1, 10_000>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkloadPort {
    /// What a Service's `targetPort` may call it.
    #[serde(default)]
    pub name: String,
    /// Where others connect.
    pub port: Port,
    /// Where the application listens, on the loopback address of its machine, when it is its proxy
    /// that listens on `port`. Absent: the application listens on `port`, and its traffic is
    /// redirected to the proxy if there is one.
    pub app_port: Option<Port>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct WorkloadLocality {
    pub region: String,
    pub zone: String,
}
