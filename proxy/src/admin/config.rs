//! `/config`: what the proxy acts on, each part with the line that says so.
//!
//! Values that filters write into headers are left out: some of them are secrets.

use std::collections::BTreeMap;

use engine::snapshot::gateway::{GatewayPort, Listener, ListenerTls};
use engine::snapshot::{
    BackendTarget, Cluster, Filter, Frontend, InboundPort, Outbound, Rule, Snapshot,
};
use serde_json::{Value, json};

pub(super) fn json(snapshot: &Snapshot) -> Value {
    let workload = &snapshot.workload;
    let outbound = &snapshot.outbound;
    let names = names(outbound);
    let services = outbound.frontends.iter().enumerate();
    let services: Vec<_> = services
        .map(|(i, one)| frontend(one, names.get(&i).map_or(&[], |names| names)))
        .collect();
    let backends: Vec<_> = outbound.clusters.values().map(|c| cluster(c)).collect();
    let ports: BTreeMap<String, Value> = snapshot
        .inbound
        .ports
        .iter()
        .map(|(number, port)| (number.to_string(), inbound(port)))
        .collect();
    json!({
        "version": format!("{:016x}", snapshot.version),
        "workload": {
            "name": workload.name.to_string(),
            "controller": workload.controller,
            "identity": workload.identity.as_str(),
            "region": workload.locality.region,
            "zone": workload.locality.zone,
        },
        "outbound": {
            "passthrough": format!("{:?}", outbound.passthrough),
            "services": services,
            "backends": backends,
        },
        "inbound": {
            "ports": ports,
            "otherPorts": inbound(&snapshot.inbound.default),
        },
        "gateway": snapshot.gateway.listeners().map(|(port, one)| listener(port, one))
            .collect::<Vec<_>>(),
    })
}

/// A listener, with the names of its certificates.
fn listener(port: &GatewayPort, listener: &Listener) -> Value {
    let tls = match &listener.tls {
        ListenerTls::None => Value::Null,
        ListenerTls::Passthrough => json!("passthrough"),
        ListenerTls::Terminate(certificates) => {
            let names: Vec<_> = certificates.iter().map(|one| &*one.name).collect();
            json!({"certificates": names})
        }
    };
    let frontend = &listener.frontend;
    let rules: Vec<_> = frontend.routes.rules().iter().map(|r| rule(r)).collect();
    json!({
        "port": port.port,
        "listener": &*listener.name,
        "host": listener.host.as_deref(),
        "tls": tls,
        "routes": format!("{:?}", frontend.routes.kind()),
        "rules": rules,
        "origin": frontend.origin.to_string(),
    })
}

/// The names and addresses of each frontend, by its index.
fn names(outbound: &Outbound) -> BTreeMap<usize, Vec<String>> {
    let mut names: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for (address, index) in outbound.by_address.iter() {
        names.entry(*index).or_default().push(address.to_string());
    }
    for (host, ports) in outbound.by_host.iter() {
        for (port, index) in ports {
            let name = format!("{host}:{port}");
            names.entry(*index).or_default().push(name);
        }
    }
    names
}

fn frontend(frontend: &Frontend, names: &[String]) -> Value {
    let rules: Vec<_> = frontend.routes.rules().iter().map(|r| rule(r)).collect();
    json!({
        "service": format!("{}:{}", frontend.service, frontend.port),
        "protocol": format!("{:?}", frontend.protocol),
        "names": names,
        "routes": format!("{:?}", frontend.routes.kind()),
        "rules": rules,
        "origin": frontend.origin.to_string(),
    })
}

fn rule(rule: &Rule) -> Value {
    let backends: Vec<_> = rule
        .backends
        .iter()
        .map(|backend| match &backend.target {
            BackendTarget::Cluster(key) => {
                json!({"backend": key.to_string(), "weight": backend.weight})
            }
            BackendTarget::Invalid(why) => json!({"invalid": why, "weight": backend.weight}),
        })
        .collect();
    let matches: Vec<_> = rule.matches.iter().map(|m| format!("{m:?}")).collect();
    let filters: Vec<_> = rule.filters.iter().map(filter).collect();
    json!({
        "name": &*rule.name,
        "matches": matches,
        "filters": filters,
        "backends": backends,
        "timeouts": format!("{:?}", rule.timeouts),
        "retry": rule.retry.as_ref().map(|retry| json!({
            "attempts": retry.attempts,
            "perTryTimeout": retry.per_try_timeout.map(|t| format!("{t:?}")),
            "origin": retry.origin.to_string(),
        })),
        "fault": rule.fault.as_ref().map(|fault| format!("{fault:?}")),
        "origin": rule.origin.to_string(),
    })
}

/// The filter's kind.
fn filter(filter: &Filter) -> &'static str {
    match filter {
        Filter::RequestHeaders(_) => "request headers",
        Filter::ResponseHeaders(_) => "response headers",
        Filter::Redirect(_) => "redirect",
        Filter::Rewrite(_) => "rewrite",
        Filter::Mirror(_) => "mirror",
        Filter::Cors(_) => "CORS",
    }
}

fn cluster(cluster: &Cluster) -> Value {
    fn shown<T: core::fmt::Debug>(part: &Option<T>) -> Option<String> {
        part.as_ref().map(|part| format!("{part:?}"))
    }
    json!({
        "backend": cluster.key.to_string(),
        "protocol": format!("{:?}", cluster.protocol),
        "balancer": format!("{:?}", cluster.balancer),
        "limits": format!("{:?}", cluster.limits),
        "outlierDetection": shown(&cluster.outlier),
        "circuitBreaker": shown(&cluster.breaker),
        "healthCheck": shown(&cluster.health_check),
        "connectTimeout": format!("{:?}", cluster.connect_timeout),
        "origin": cluster.origin.to_string(),
        "policy": cluster.policy_origin.as_ref().map(ToString::to_string),
    })
}

fn inbound(port: &InboundPort) -> Value {
    let services: Vec<_> = port.services.iter().map(ToString::to_string).collect();
    let probes: Vec<_> = port.probe_paths.iter().map(|path| &**path).collect();
    json!({
        "protocol": format!("{:?}", port.protocol),
        "mtls": format!("{:?}", port.tls),
        "services": services,
        "probes": probes,
        "authorizationPolicies": port.authorization.policies.len(),
        "rateLimitPolicies": port.limits.policies.len(),
        "origin": port.origin.as_ref().map(ToString::to_string),
    })
}
