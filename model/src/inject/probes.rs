//! What the kubelet asks of a pod, told to the proxy.
//!
//! Probes are never rewritten. The kubelet has no certificate, so under strict mutual TLS the proxy
//! admits exactly what the manifest declares: `http:8080/healthz`, `grpc:9090`, `tcp:6379`, and
//! `tls:8443` for probes over HTTPS, which only the application can read.

use serde_json::Value;

use super::pod::{ContainerView, PodView};

/// Fields of a container that make the kubelet connect.
const PLACES: [&[&str]; 5] = [
    &["startupProbe"],
    &["livenessProbe"],
    &["readinessProbe"],
    &["lifecycle", "postStart"],
    &["lifecycle", "preStop"],
];

/// The probes of a pod in the order of its containers, each once. Named ports that no container
/// declares are left out: the kubelet cannot resolve them either.
pub(super) fn declared(pod: PodView<'_>) -> Vec<String> {
    let mut found = Vec::new();
    let containers = pod.containers().filter(|c| c.is_running() && !c.is_ours());
    for container in containers {
        for place in PLACES {
            let action = place
                .iter()
                .try_fold(container.value, |value, key| value.get(key));
            let probe = action.and_then(|action| probe(container, action));
            if let Some(probe) = probe.filter(|probe| !found.contains(probe)) {
                found.push(probe);
            }
        }
    }
    found
}

fn probe(container: ContainerView<'_>, action: &Value) -> Option<String> {
    if let Some(http) = action.get("httpGet") {
        let port = port(container, http.get("port")?)?;
        if http.get("scheme").and_then(Value::as_str) == Some("HTTPS") {
            return Some(format!("tls:{port}"));
        }
        let path = http.get("path").and_then(Value::as_str).unwrap_or("/");
        // The kubelet takes `path` for a reference and adds the slash.
        let slash = if path.starts_with('/') { "" } else { "/" };
        return Some(format!("http:{port}{slash}{path}"));
    }
    if let Some(grpc) = action.get("grpc") {
        return Some(format!("grpc:{}", port(container, grpc.get("port")?)?));
    }
    let tcp = action.get("tcpSocket")?;
    Some(format!("tcp:{}", port(container, tcp.get("port")?)?))
}

fn port(container: ContainerView<'_>, port: &Value) -> Option<u16> {
    if let Some(number) = port.as_u64() {
        return u16::try_from(number).ok();
    }
    let name = port.as_str()?;
    let mut ports = container.ports();
    let named = ports.find(|(_, own)| *own == name).map(|(port, _)| port);
    named.or_else(|| name.parse().ok())
}
