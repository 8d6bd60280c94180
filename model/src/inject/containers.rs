//! What is put into a pod: the capture, the proxy, and the volume with its identity.
//!
//! Every container meets the restricted Pod Security Standard, except the capture: it writes the
//! rules of the pod's network, which takes root and two capabilities. With a CNI plugin it is not
//! there.

use serde_json::{Map, Value, json};

use super::Config;
use super::settings::{Identity, Settings};
use crate::kube::{PROXY_CONTAINER, Quantity};

/// The init container that redirects the pod's traffic to the proxy.
pub const INIT_CONTAINER: &str = "meshctl-init";
/// The volume with the token or the certificate of the proxy.
pub const VOLUME: &str = "meshctl-identity";
/// User and group of the proxy. Traffic of this user is not captured.
pub const PROXY_UID: i64 = 14_100;
/// Health and metrics of the proxy, on the pod's address.
pub const HEALTH_PORT: u16 = 14_020;
/// Ports that the proxy listens on: outbound, inbound, health and metrics, administration.
pub const PROXY_PORTS: [u16; 4] = [14_001, 14_006, HEALTH_PORT, 14_000];

const MOUNT: &str = "/var/run/meshctl/identity";
/// Whom the token of the service account is meant for.
const TOKEN_AUDIENCE: &str = "meshctl-ca";
/// The kubelet renews tokens when four fifths of this have passed.
const TOKEN_SECONDS: u32 = 3600;
/// The control plane keeps it in every namespace.
const TRUST_BUNDLE: &str = "meshctl-trust-bundle";

/// Set aside for the proxy when nobody says otherwise. A container without requests would take the
/// pod away from the HorizontalPodAutoscaler, which needs one on every container.
const CPU_REQUEST: &str = "10m";
const MEMORY_REQUEST: &str = "32Mi";

/// The capture, as an init container.
pub(super) fn capture(config: &Config, settings: &Settings) -> Value {
    let mut args = vec!["proxy-init".to_owned()];
    let ports = [
        ("ports", &settings.ports),
        ("skip-inbound-ports", &settings.skip_inbound_ports),
        ("skip-outbound-ports", &settings.skip_outbound_ports),
    ];
    for (flag, ports) in ports {
        if let Some(ports) = ports {
            args.push(format!("--{flag}={ports}"));
        }
    }
    let mut container = start(config, settings, INIT_CONTAINER, args);
    container.insert("resources".into(), resources(settings));
    container.insert(
        "securityContext".into(),
        json!({
            "allowPrivilegeEscalation": false,
            "capabilities": {"add": ["NET_ADMIN", "NET_RAW"], "drop": ["ALL"]},
            "readOnlyRootFilesystem": true,
            "runAsGroup": 0,
            "runAsNonRoot": false,
            "runAsUser": 0,
            "seccompProfile": {"type": "RuntimeDefault"},
        }),
    );
    end(container)
}

/// The proxy: an init container that keeps running, or a container.
pub(super) fn proxy(
    config: &Config,
    settings: &Settings,
    probes: &[String],
    native: bool,
) -> Value {
    let args = arguments(config, settings, probes);
    let mut container = start(config, settings, PROXY_CONTAINER, args);
    if native {
        container.insert("restartPolicy".into(), "Always".into());
    }
    container.insert("env".into(), environment());
    container.insert(
        "ports".into(),
        json!([{"name": "meshctl-health", "containerPort": HEALTH_PORT}]),
    );
    if native {
        // Init containers and the application start when this has succeeded.
        container.insert(
            "startupProbe".into(),
            probe(
                "/ready",
                json!({"periodSeconds": 1, "failureThreshold": 120}),
            ),
        );
    }
    container.insert(
        "readinessProbe".into(),
        probe("/ready", json!({"periodSeconds": 5})),
    );
    let patient = json!({"initialDelaySeconds": 10});
    container.insert("livenessProbe".into(), probe("/live", patient));
    if !native && settings.hold_application != Some(false) {
        // Containers start one after the other, each when the hook before it has ended.
        let command = json!(["meshctl", "proxy", "wait", "--timeout=2m"]);
        container.insert(
            "lifecycle".into(),
            json!({"postStart": {"exec": {"command": command}}}),
        );
    }
    container.insert("resources".into(), resources(settings));
    container.insert(
        "securityContext".into(),
        json!({
            "allowPrivilegeEscalation": false,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": true,
            "runAsGroup": PROXY_UID,
            "runAsNonRoot": true,
            "runAsUser": PROXY_UID,
            "seccompProfile": {"type": "RuntimeDefault"},
        }),
    );
    container.insert(
        "volumeMounts".into(),
        json!([{"name": VOLUME, "mountPath": MOUNT, "readOnly": true}]),
    );
    end(container)
}

/// What the proxy proves its identity with.
pub(super) fn volume(settings: &Settings) -> Value {
    match &settings.identity {
        Some(Identity::Secret(name)) => json!({"name": VOLUME, "secret": {"secretName": name}}),
        Some(Identity::ControlPlane) | None => json!({
            "name": VOLUME,
            "projected": {"sources": [
                {"serviceAccountToken": {
                    "audience": TOKEN_AUDIENCE,
                    "expirationSeconds": TOKEN_SECONDS,
                    "path": "token",
                }},
                {"configMap": {"name": TRUST_BUNDLE}},
            ]},
        }),
    }
}

fn arguments(config: &Config, settings: &Settings, probes: &[String]) -> Vec<String> {
    let mut args = vec![
        "proxy".to_owned(),
        "--role=sidecar".to_owned(),
        "--workload=$(POD_NAMESPACE)/$(POD_NAME)".to_owned(),
        format!("--trust-domain={}", config.trust_domain),
        format!("--control-plane={}", config.control_plane),
    ];
    let credentials: &[(&str, &str)] = match &settings.identity {
        Some(Identity::Secret(_)) => &[
            ("cert", "tls.crt"),
            ("key", "tls.key"),
            ("trust-bundle", "ca.crt"),
        ],
        Some(Identity::ControlPlane) | None => &[("token", "token"), ("trust-bundle", "ca.crt")],
    };
    for (flag, file) in credentials {
        args.push(format!("--{flag}={MOUNT}/{file}"));
    }
    if let Some(level) = settings.log_level {
        args.push(format!("--log-level={level}"));
    }
    if let Some(collector) = &settings.tracing {
        args.push(format!("--otlp=http://{collector}"));
        args.push("--otlp-signals=traces".to_owned());
    }
    // Kubernetes expands `$(NAME)` in arguments; a doubled dollar sign stays one.
    let escaped = probes.iter().map(|probe| probe.replace("$(", "$$("));
    args.extend(escaped.map(|probe| format!("--probe={probe}")));
    args
}

fn environment() -> Value {
    let field = |name: &str, path: &str| {
        let from = json!({"fieldRef": {"fieldPath": path}});
        json!({"name": name, "valueFrom": from})
    };
    json!([
        field("POD_NAMESPACE", "metadata.namespace"),
        field("POD_NAME", "metadata.name"),
        field("NODE_NAME", "spec.nodeName"),
    ])
}

fn start(
    config: &Config,
    settings: &Settings,
    name: &str,
    args: Vec<String>,
) -> Map<String, Value> {
    let default = || format!("meshctl:{}", config.version);
    let mut container = Map::new();
    container.insert("name".into(), name.into());
    container.insert(
        "image".into(),
        settings.image.clone().unwrap_or_else(default).into(),
    );
    if let Some(policy) = settings.image_pull_policy {
        container.insert("imagePullPolicy".into(), policy.into());
    }
    container.insert("args".into(), args.into());
    container
}

fn end(mut container: Map<String, Value>) -> Value {
    container.insert(
        "terminationMessagePolicy".into(),
        "FallbackToLogsOnError".into(),
    );
    Value::Object(container)
}

fn probe(path: &str, times: Value) -> Value {
    let mut probe = Map::new();
    probe.insert("httpGet".into(), json!({"path": path, "port": HEALTH_PORT}));
    if let Value::Object(times) = times {
        probe.extend(times);
    }
    Value::Object(probe)
}

fn resources(settings: &Settings) -> Value {
    let amounts = |cpu: Option<&str>, memory: Option<&str>| {
        let rows = [("cpu", cpu), ("memory", memory)];
        let set = rows
            .into_iter()
            .filter_map(|(key, amount)| Some((key, amount?)));
        let map: Map<String, Value> = set
            .map(|(key, amount)| (key.to_owned(), amount.into()))
            .collect();
        map
    };
    // A request above the limit would be refused, so a lower limit lowers the default.
    let request = |asked: &Option<String>, limit: &Option<String>, default: &'static str| {
        let asked = asked.as_deref();
        let limit = limit.as_deref().filter(|limit| is_below(limit, default));
        asked.or(limit).unwrap_or(default).to_owned()
    };
    let cpu = request(&settings.cpu_request, &settings.cpu_limit, CPU_REQUEST);
    let memory = request(
        &settings.memory_request,
        &settings.memory_limit,
        MEMORY_REQUEST,
    );
    let mut all = Map::new();
    all.insert("requests".into(), amounts(Some(&cpu), Some(&memory)).into());
    let limits = amounts(
        settings.cpu_limit.as_deref(),
        settings.memory_limit.as_deref(),
    );
    if !limits.is_empty() {
        all.insert("limits".into(), limits.into());
    }
    all.into()
}

fn is_below(amount: &str, other: &str) -> bool {
    Quantity::parse(amount) < Quantity::parse(other)
}
