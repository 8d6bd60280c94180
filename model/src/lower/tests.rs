use core::fmt::Write as _;

use engine::snapshot::route::{Match, PathMatch, ValueMatch};
use engine::snapshot::{BackendTarget, Balancer, Filter, RetryBudget, RetryPolicy, Rule, Snapshot};

use super::*;
use crate::index::MeshMode;
use crate::load::load;
use crate::resource;

mod authorization;
mod balance;
mod incremental;
mod policies;
mod routing;
mod workloads;

/// Two Services and the pods behind them, and a client in a namespace of its own.
pub(super) const SHOP: &str = "\
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  clusterIP: 10.0.0.1
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: 8080}]
---
apiVersion: v1
kind: Service
metadata: {name: web-v2, namespace: shop}
spec:
  clusterIP: 10.0.0.2
  selector: {app: web-v2}
  ports: [{name: http, port: 80, targetPort: 8080}]
---
apiVersion: v1
kind: Pod
metadata: {name: web-0, namespace: shop, labels: {app: web}}
spec: {serviceAccountName: web, containers: [{name: app, ports: [{containerPort: 8080}]}]}
status: {podIP: 10.1.0.1}
---
apiVersion: v1
kind: Pod
metadata: {name: cart-0, namespace: cart, labels: {app: cart}}
spec: {containers: [{name: app}]}
status: {podIP: 10.1.0.9}
";

/// Reads `text` as the file `m.yaml`; it must have no errors.
pub(super) fn index_of(text: &str) -> Index {
    let reading = resource::read("m.yaml", text);
    let loaded = load(&reading.resources, MeshMode::All);
    let found = reading.diagnostics.iter().chain(&loaded.diagnostics);
    let errors: Vec<String> = found
        .filter(|diagnostic| diagnostic.level == crate::diagnostic::Level::Error)
        .map(ToString::to_string)
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
    loaded.index
}

pub(super) fn lowered(index: &Index) -> Lowering {
    let mut lowering = Lowering::new("cluster.local");
    lowering.update(index);
    lowering
}

pub(super) fn snapshot_of(text: &str, namespace: &str, pod: &str) -> Arc<Snapshot> {
    let lowering = lowered(&index_of(text));
    let pod = ObjectName::new(namespace, pod);
    lowering.snapshot(&pod).expect("the pod has a proxy")
}

/// One line per rule and backend of one frontend.
pub(super) fn routes(snapshot: &Snapshot, host: &str, port: u16) -> String {
    let at = snapshot.outbound.by_host[host][&port];
    let frontend = &snapshot.outbound.frontends[at];
    let mut out = format!("{:?} {:?}\n", frontend.routes.kind(), frontend.protocol);
    for rule in frontend.routes.rules() {
        rule_lines(&mut out, rule);
    }
    out
}

fn rule_lines(out: &mut String, rule: &Rule) {
    let matches: Vec<_> = rule.matches.iter().map(match_text).collect();
    let _ = write!(
        out,
        "{} [{}] {}",
        rule.name,
        matches.join(" | "),
        rule.origin
    );
    let timeouts = [
        ("request", rule.timeouts.request),
        ("try", rule.timeouts.backend_request),
    ];
    for (name, timeout) in timeouts {
        if let Some(timeout) = timeout {
            let _ = write!(out, " {name}={timeout:?}");
        }
    }
    if let Some(retry) = &rule.retry {
        let _ = write!(out, " {}", retry_text(retry));
    }
    if let Some(fault) = &rule.fault {
        let _ = write!(
            out,
            " fault={:?}/{:?}@{}",
            fault.delay, fault.abort, fault.origin
        );
    }
    for filter in &rule.filters {
        let _ = write!(out, " {}", filter_text(filter));
    }
    out.push('\n');
    for backend in &rule.backends {
        let target = match &backend.target {
            BackendTarget::Cluster(key) => key.to_string(),
            BackendTarget::Invalid(reason) => format!("500: {reason}"),
        };
        let _ = write!(out, "  {} -> {target} {}", backend.weight, backend.origin);
        for filter in &backend.filters {
            let _ = write!(out, " {}", filter_text(filter));
        }
        out.push('\n');
    }
}

fn match_text(one: &Match) -> String {
    let mut parts = Vec::new();
    match &one.path {
        Some(PathMatch::Exact(path)) => parts.push(format!("={path}")),
        Some(PathMatch::Prefix(path)) => parts.push(format!("{path}*")),
        Some(PathMatch::Regex(path)) => parts.push(format!("~{path}")),
        None => {}
    }
    let value = |value: &ValueMatch| match value {
        ValueMatch::Exact(value) => format!("={value}"),
        ValueMatch::Regex(value) => format!("~{value}"),
    };
    parts.extend(one.method.as_ref().map(ToString::to_string));
    parts.extend(
        one.headers
            .iter()
            .map(|h| format!("{}{}", h.name, value(&h.value))),
    );
    parts.extend(
        one.query
            .iter()
            .map(|q| format!("?{}{}", q.name, value(&q.value))),
    );
    parts.extend(one.hosts.iter().map(|host| format!("sni={host}")));
    if let Some(grpc) = &one.grpc {
        let part = |part: &Option<ValueMatch>| part.as_ref().map_or("*".to_owned(), value);
        parts.push(format!(
            "grpc {} {}",
            part(&grpc.service),
            part(&grpc.method)
        ));
    }
    parts.join(" ")
}

fn retry_text(retry: &RetryPolicy) -> String {
    let budget = match retry.budget {
        None => "none".to_owned(),
        Some(RetryBudget::Rate {
            percent,
            interval,
            min_per_second,
        }) => {
            format!("{percent}%/{interval:?}+{min_per_second}/s")
        }
        Some(RetryBudget::Concurrency {
            percent,
            min_concurrent,
        }) => {
            format!("{percent}% of active, min {min_concurrent}")
        }
    };
    let on = &retry.on;
    let statuses: Vec<_> = on
        .statuses
        .iter()
        .map(|s| format!("{}-{}", s.from, s.to))
        .collect();
    format!(
        "retry={} reset={} try={} on={statuses:?}{:?} {:?}+{:?}..{:?} budget={budget} ({})",
        retry.attempts,
        on.reset,
        on.per_try_timeout,
        on.grpc,
        retry.backoff_least,
        retry.backoff_base,
        retry.backoff_max,
        retry.origin,
    )
}

fn filter_text(filter: &Filter) -> String {
    match filter {
        Filter::Mirror(mirror) => {
            let share = format!("{}/{}", mirror.numerator, mirror.denominator);
            format!("mirror {share} {:?} {}", mirror.target, mirror.origin)
        }
        other => format!("{other:?}"),
    }
}

#[track_caller]
pub(super) fn check_routes(
    extra: &str,
    client: (&str, &str),
    host: &str,
    port: u16,
    expected: &str,
) {
    let snapshot = snapshot_of(&format!("{SHOP}---\n{extra}"), client.0, client.1);
    let seen = routes(&snapshot, host, port);
    assert_eq!(seen, expected, "\n--- seen ---\n{seen}");
}

pub(super) fn route(
    kind: &str,
    name: &str,
    namespace: &str,
    extra_meta: &str,
    backend: &str,
) -> String {
    let matches = if kind == "TLSRoute" {
        "\n  hostnames: [a.example.com, '*.b.example.com']"
    } else {
        ""
    };
    format!(
        "apiVersion: gateway.networking.k8s.io/v1
kind: {kind}
metadata: {{name: {name}, namespace: {namespace}{extra_meta}}}
spec:
  parentRefs: [{{group: '', kind: Service, name: web, namespace: shop}}]{matches}
  rules: [{{backendRefs: [{{name: {backend}, namespace: shop, port: 80}}]}}]
---
"
    )
}

pub(super) const CART: (&str, &str) = ("cart", "cart-0");
pub(super) const WEB: (&str, &str) = ("shop", "web-0");

#[test]
fn a_port_speaks_what_the_service_declares() {
    let snapshot = snapshot_of(
        &SHOP
            .replace("{name: http, port: 80, targetPort: 8080}]}", "x")
            .replacen(
                "[{name: http, port: 80, targetPort: 8080}]",
                "[{name: a, port: 80, targetPort: 8080, appProtocol: kubernetes.io/h2c}, \
                 {name: b, port: 3306, targetPort: 3306}, {name: c, port: 81}, \
                 {name: udp, port: 53, protocol: UDP}]",
                1,
            ),
        CART.0,
        CART.1,
    );
    let ports = &snapshot.outbound.by_host["web.shop"];
    let protocols: Vec<String> = ports
        .iter()
        .map(|(port, at)| {
            let key = layout::key(&ObjectName::new("shop", "web"), *port);
            let cluster = snapshot.outbound.clusters[&key].protocol;
            format!(
                "{port} {:?} {cluster:?}",
                snapshot.outbound.frontends[*at].protocol
            )
        })
        .collect();
    assert_eq!(
        protocols,
        ["80 Http2 Http2", "81 Detect Same", "3306 Opaque Opaque"]
    );
}

#[test]
fn services_are_reached_by_address_and_by_names() {
    let snapshot = snapshot_of(SHOP, WEB.0, WEB.1);
    let out = &snapshot.outbound;
    let addresses: Vec<_> = out
        .by_address
        .iter()
        .map(|(address, at)| format!("{address} {}", out.frontends[*at].service))
        .collect();
    assert_eq!(
        addresses,
        ["10.0.0.1:80 shop/web", "10.0.0.2:80 shop/web-v2"]
    );
    let names: Vec<_> = out.by_host.keys().map(|name| &**name).collect();
    assert_eq!(
        names,
        [
            "web",
            "web-v2",
            "web-v2.shop",
            "web-v2.shop.svc",
            "web-v2.shop.svc.cluster.local",
            "web.shop",
            "web.shop.svc",
            "web.shop.svc.cluster.local",
        ]
    );
    let cart = snapshot_of(SHOP, CART.0, CART.1);
    assert!(
        !cart.outbound.by_host.contains_key("web"),
        "short names are for the namespace"
    );
}

#[test]
fn a_workload_has_the_identity_of_its_service_account() {
    let snapshot = snapshot_of(SHOP, WEB.0, WEB.1);
    let identity = &snapshot.workload.identity;
    assert_eq!(identity.as_str(), "spiffe://cluster.local/ns/shop/sa/web");
    let cart = snapshot_of(SHOP, CART.0, CART.1);
    assert_eq!(
        cart.workload.identity.as_str(),
        "spiffe://cluster.local/ns/cart/sa/default"
    );
    let pod = &cart.outbound.by_pod[&"10.1.0.1".parse().unwrap()];
    assert_eq!(pod.identity.as_ref(), Some(identity));
}

#[test]
fn the_default_balancer_penalises_failures_unless_a_breaker_does() {
    let snapshot = snapshot_of(SHOP, CART.0, CART.1);
    let cluster = &snapshot.outbound.clusters[&layout::key(&ObjectName::new("shop", "web"), 80)];
    assert_eq!(cluster.balancer, Balancer::default_for(false));
    assert_eq!(cluster.panic_threshold_percent, 50);
    assert!(cluster.breaker.is_none() && cluster.outlier.is_none());
    assert_eq!(cluster.limits, engine::snapshot::Limits::default());
    assert_eq!(cluster.connect_timeout, core::time::Duration::from_secs(1));
    assert!(cluster.policy_origin.is_none());
}
