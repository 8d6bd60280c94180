//! Pod: containers, their ports, environment and probes.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{IntOrString, Protocol, Quantity};
use crate::number::{Count, Port};

/// Seconds a pod gets to stop when it does not say.
const TERMINATION_GRACE_SECONDS: i64 = 30;

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Pod {
    pub spec: PodSpec,
    /// Absent in files.
    pub status: PodStatus,
}

/// What a workload makes pods from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodTemplate {
    pub metadata: TemplateMeta,
    pub spec: PodSpec,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TemplateMeta {
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodSpec {
    pub containers: Vec<Container>,
    /// Those with `restartPolicy: Always` run beside the others: see [`PodSpec::running`].
    pub init_containers: Vec<Container>,
    service_account_name: String,
    /// The old name of the field, still accepted.
    service_account: String,
    pub host_network: bool,
    pub hostname: Option<String>,
    pub subdomain: Option<String>,
    pub node_name: Option<String>,
    pub node_selector: BTreeMap<String, String>,
    pub topology_spread_constraints: Vec<TopologySpread>,
    pub termination_grace_period_seconds: Option<i64>,
    pub restart_policy: Option<String>,
    pub volumes: Vec<Volume>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TopologySpread {
    pub topology_key: String,
    #[serde(default)]
    pub max_skew: i32,
    #[serde(default)]
    pub when_unsatisfiable: String,
}

/// A volume, as far as it brings configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Volume {
    pub name: String,
    pub config_map: Option<LocalRef>,
    pub projected: Option<Projected>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Container {
    pub name: String,
    pub image: String,
    pub command: Vec<String>,
    pub args: Vec<String>,
    pub ports: Vec<ContainerPort>,
    pub env: Vec<EnvVar>,
    pub env_from: Vec<EnvFromSource>,
    pub readiness_probe: Option<Probe>,
    pub liveness_probe: Option<Probe>,
    pub startup_probe: Option<Probe>,
    pub lifecycle: Option<Lifecycle>,
    /// Of an init container: `Always` makes it a sidecar.
    pub restart_policy: Option<String>,
    pub resources: Resources,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerPort {
    #[serde(default)]
    pub name: String,
    pub container_port: Port,
    #[serde(default)]
    pub protocol: Protocol,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EnvVar {
    pub name: String,
    pub value: Option<String>,
    pub value_from: Option<EnvSource>,
}

/// Where a value comes from; one of the fields is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EnvSource {
    pub config_map_key_ref: Option<KeyRef>,
    pub secret_key_ref: Option<KeyRef>,
    pub field_ref: Option<FieldRef>,
}

/// Several sources in one directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Projected {
    pub sources: Vec<ProjectedSource>,
}

/// One of them; of the kinds only those that hold configuration are read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProjectedSource {
    pub config_map: Option<LocalRef>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KeyRef {
    pub name: String,
    pub key: String,
    pub optional: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FieldRef {
    /// `status.podIP`, `metadata.name`, …
    pub field_path: String,
}

/// All keys of a ConfigMap or Secret as environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EnvFromSource {
    pub prefix: String,
    pub config_map_ref: Option<LocalRef>,
    pub secret_ref: Option<LocalRef>,
}

/// An object of the same namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LocalRef {
    pub name: String,
    pub optional: bool,
}

/// A probe. Numbers that are absent or zero are what the API server fills in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Probe {
    pub http_get: Option<HttpAction>,
    pub tcp_socket: Option<TcpAction>,
    pub grpc: Option<GrpcAction>,
    pub exec: Option<ExecAction>,
    initial_delay_seconds: Option<Count>,
    period_seconds: Option<Count>,
    timeout_seconds: Option<Count>,
    success_threshold: Option<Count>,
    failure_threshold: Option<Count>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpAction {
    #[serde(default)]
    pub path: String,
    pub port: IntOrString,
    /// `HTTP` or `HTTPS`.
    pub scheme: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct TcpAction {
    pub port: IntOrString,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct GrpcAction {
    pub port: Port,
    #[serde(default)]
    pub service: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ExecAction {
    pub command: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Lifecycle {
    pub pre_stop: Option<LifecycleHandler>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LifecycleHandler {
    pub exec: Option<ExecAction>,
    pub sleep: Option<SleepAction>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct SleepAction {
    pub seconds: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Resources {
    pub requests: BTreeMap<String, Quantity>,
    pub limits: BTreeMap<String, Quantity>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodStatus {
    pub phase: Option<String>,
    #[serde(rename = "podIP")]
    pub pod_ip: Option<String>,
    #[serde(rename = "podIPs")]
    pub pod_ips: Vec<PodIp>,
    pub conditions: Vec<Condition>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct PodIp {
    pub ip: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Condition {
    #[serde(rename = "type")]
    pub kind: String,
    pub status: String,
}

// === impl PodSpec ===

impl PodSpec {
    /// The service account's name; every pod has one.
    pub fn service_account(&self) -> &str {
        match (&*self.service_account_name, &*self.service_account) {
            ("", "") => "default",
            ("", old) => old,
            (name, _) => name,
        }
    }

    /// Containers that run while the pod serves: the containers and the sidecars among the init
    /// containers.
    pub fn running(&self) -> impl Iterator<Item = &Container> {
        let sidecars = self
            .init_containers
            .iter()
            .filter(|container| container.is_sidecar());
        sidecars.chain(&self.containers)
    }

    /// [`PodSpec::running`] without our own proxy.
    pub fn application(&self) -> impl Iterator<Item = &Container> {
        self.running()
            .filter(|container| container.name != super::PROXY_CONTAINER)
    }

    /// Seconds between the request to stop and the kill.
    pub fn termination_grace_seconds(&self) -> i64 {
        self.termination_grace_period_seconds
            .unwrap_or(TERMINATION_GRACE_SECONDS)
    }

    /// The number of the TCP port that a Service's `targetPort` or a probe means.
    pub fn port(&self, port: &IntOrString) -> Option<u16> {
        match port {
            IntOrString::Int(number) => u16::try_from(*number).ok().filter(|port| *port > 0),
            IntOrString::String(name) => self
                .running()
                .flat_map(|container| &container.ports)
                .find(|port| port.name == *name && port.protocol == Protocol::Tcp)
                .map(|port| port.container_port.u16()),
        }
    }
}

// === impl Container ===

impl Container {
    /// Whether this init container runs beside the others (`restartPolicy: Always`, KEP-753).
    pub fn is_sidecar(&self) -> bool {
        self.restart_policy.as_deref() == Some("Always")
    }

    /// The value of an environment variable that is written in place. The last of equal names
    /// counts.
    pub fn env_value(&self, name: &str) -> Option<&str> {
        let variable = self
            .env
            .iter()
            .rev()
            .find(|variable| variable.name == name)?;
        variable.value.as_deref()
    }
}

// === impl Probe ===

impl Probe {
    pub fn initial_delay_seconds(&self) -> u32 {
        self.initial_delay_seconds.map_or(0, Count::u32)
    }

    pub fn period_seconds(&self) -> u32 {
        or_default(self.period_seconds, 10)
    }

    pub fn timeout_seconds(&self) -> u32 {
        or_default(self.timeout_seconds, 1)
    }

    pub fn success_threshold(&self) -> u32 {
        or_default(self.success_threshold, 1)
    }

    pub fn failure_threshold(&self) -> u32 {
        or_default(self.failure_threshold, 3)
    }

    /// The port that is asked, for probes over the network.
    pub fn port(&self) -> Option<IntOrString> {
        let http = self.http_get.as_ref().map(|action| action.port.clone());
        let tcp = || self.tcp_socket.as_ref().map(|action| action.port.clone());
        let grpc = || {
            self.grpc
                .as_ref()
                .map(|action| IntOrString::Int(i32::from(action.port.u16())))
        };
        http.or_else(tcp).or_else(grpc)
    }
}

fn or_default(count: Option<Count>, default: u32) -> u32 {
    match count.map_or(0, Count::u32) {
        0 => default,
        count => count,
    }
}

// === impl PodStatus ===

impl PodStatus {
    /// The pod's condition `Ready`; `None` when nothing says so, as in files.
    pub fn is_ready(&self) -> Option<bool> {
        let ready = self
            .conditions
            .iter()
            .find(|condition| condition.kind == "Ready")?;
        Some(ready.status == "True")
    }
}
