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
        "retry={} reset={} try={} on={statuses:?}{:?} {:?}..{:?} budget={budget} ({})",
        retry.attempts,
        on.reset,
        on.per_try_timeout,
        on.grpc,
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
fn check_routes(extra: &str, client: (&str, &str), host: &str, port: u16, expected: &str) {
    let snapshot = snapshot_of(&format!("{SHOP}---\n{extra}"), client.0, client.1);
    let seen = routes(&snapshot, host, port);
    assert_eq!(seen, expected, "\n--- seen ---\n{seen}");
}

const CART: (&str, &str) = ("cart", "cart-0");
const WEB: (&str, &str) = ("shop", "web-0");

#[test]
fn without_a_route_everything_goes_to_the_service() {
    check_routes(
        "",
        CART,
        "web.shop",
        80,
        "Default Http1\n\
         default [] Service shop/web port 80 (m.yaml:7)\n  \
         1 -> shop/web:80 Service shop/web port 80 (m.yaml:7)\n",
    );
}

#[test]
fn a_split_carries_weights_names_and_lines() {
    check_routes(
        "\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web, namespace: shop}
spec:
  parentRefs: [{group: '', kind: Service, name: web, port: 80}]
  rules:
  - name: canary
    matches:
    - path: {type: Exact, value: /a}
      method: GET
    - headers: [{name: X-A, value: b.*, type: RegularExpression}]
      queryParams: [{name: q, value: '1'}]
    backendRefs:
    - {name: web, port: 80, weight: 90}
    - {name: web-v2, port: 80, weight: 10}
  - backendRefs:
    - {name: gone, port: 80}
    - {name: web, port: 81}
    - {name: x, port: 1, kind: Bucket, group: example.com}
",
        CART,
        "web.shop",
        80,
        "Http Http1\n\
         shop/web/canary [=/a GET | /* x-a~b.* ?q=1] HTTPRoute shop/web rules[0] (m.yaml:35)\n  \
         90 -> shop/web:80 HTTPRoute shop/web rules[0].backendRefs[0] (m.yaml:42)\n  \
         10 -> shop/web-v2:80 HTTPRoute shop/web rules[0].backendRefs[1] (m.yaml:43)\n\
         shop/web/rules[1] [/*] HTTPRoute shop/web rules[1] (m.yaml:44)\n  \
         1 -> 500: the Service shop/gone does not exist \
         HTTPRoute shop/web rules[1].backendRefs[0] (m.yaml:45)\n  \
         1 -> 500: the Service shop/web has no such port \
         HTTPRoute shop/web rules[1].backendRefs[1] (m.yaml:46)\n  \
         1 -> 500: backends of kind Bucket are not known \
         HTTPRoute shop/web rules[1].backendRefs[2] (m.yaml:47)\n",
    );
}

fn route(kind: &str, name: &str, namespace: &str, extra_meta: &str, backend: &str) -> String {
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

/// The labels of the rules, and their first backends.
fn winners(extra: &str, client: (&str, &str)) -> String {
    let snapshot = snapshot_of(&format!("{SHOP}---\n{extra}"), client.0, client.1);
    let at = snapshot.outbound.by_host["web.shop"][&80];
    let table = &snapshot.outbound.frontends[at].routes;
    let rules = table.rules().iter().map(|rule| {
        let target = rule.backends.first().map(|backend| &backend.target);
        match target {
            Some(BackendTarget::Cluster(key)) => format!("{}→{}", rule.name, key.service.name),
            _ => rule.name.to_string(),
        }
    });
    format!("{:?} {}", table.kind(), rules.collect::<Vec<_>>().join(" "))
}

#[test]
fn a_consumer_route_holds_for_its_own_namespace_only_and_hides_the_producers() {
    let producer = route("HTTPRoute", "p", "shop", "", "web");
    let consumer = route("HTTPRoute", "c", "cart", "", "web-v2");
    let both = format!("{producer}{consumer}");
    assert_eq!(winners(&both, WEB), "Http shop/p/rules[0]→web");
    assert_eq!(winners(&both, CART), "Http cart/c/rules[0]→web-v2");
    assert_eq!(winners(&consumer, WEB), "Default default→web");
    assert_eq!(winners(&producer, CART), "Http shop/p/rules[0]→web");
}

#[test]
fn one_kind_of_route_wins_on_a_port() {
    let kinds = ["TCPRoute", "TLSRoute", "HTTPRoute", "GRPCRoute"];
    let expected = ["Tcp", "Tls", "Http", "Grpc"];
    for last in 0..kinds.len() {
        let all: String = kinds[..=last]
            .iter()
            .map(|kind| route(kind, "r", "shop", "", "web-v2"))
            .collect();
        let expected = format!("{} shop/r/rules[0]→web-v2", expected[last]);
        assert_eq!(winners(&all, CART), expected);
    }
}

#[test]
fn rules_stand_in_the_order_of_their_routes_age() {
    let in_file = [
        route("HTTPRoute", "z", "shop", "", "web"),
        route("HTTPRoute", "a", "shop", "", "web"),
    ];
    let labels = "Http shop/z/rules[0]→web shop/a/rules[0]→web";
    assert_eq!(winners(&in_file.concat(), CART), labels, "the file's order");
    let stamped = |name, second: u32| {
        let stamp = format!(", creationTimestamp: '2026-01-01T00:00:{second:02}Z'");
        route("HTTPRoute", name, "shop", &stamp, "web")
    };
    let all = [
        route("HTTPRoute", "new", "shop", "", "web"),
        stamped("b", 9),
        stamped("a", 3),
    ];
    let labels = "Http shop/a/rules[0]→web shop/b/rules[0]→web shop/new/rules[0]→web";
    assert_eq!(
        winners(&all.concat(), CART),
        labels,
        "timestamps before files"
    );
}

#[test]
fn a_route_for_another_port_does_not_govern_this_one() {
    let other = route("HTTPRoute", "r", "shop", "", "web-v2").replace(
        "name: web, namespace: shop}",
        "name: web, namespace: shop, port: 81}",
    );
    assert_eq!(winners(&other, CART), "Default default→web");
    let by_name = route("HTTPRoute", "r", "shop", "", "web-v2").replace(
        "name: web, namespace: shop}",
        "name: web, namespace: shop, sectionName: http}",
    );
    assert_eq!(winners(&by_name, CART), "Http shop/r/rules[0]→web-v2");
}

#[test]
fn grpc_and_tls_routes_match_methods_and_server_names() {
    check_routes(
        "\
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: {name: g, namespace: shop}
spec:
  parentRefs: [{group: '', kind: Service, name: web}]
  rules:
  - matches:
    - method: {service: shop.v1.Cart, method: Add}
    - method: {type: RegularExpression, service: 'shop\\..*'}
    backendRefs: [{name: web-v2, port: 80}]
",
        CART,
        "web.shop",
        80,
        "Grpc Http1\n\
         shop/g/rules[0] [grpc =shop.v1.Cart =Add | grpc ~shop\\..* *] \
         GRPCRoute shop/g rules[0] (m.yaml:35)\n  \
         1 -> shop/web-v2:80 GRPCRoute shop/g rules[0].backendRefs[0] (m.yaml:38)\n",
    );
    let tls = route("TLSRoute", "t", "shop", "", "web-v2");
    check_routes(
        &tls,
        CART,
        "web.shop",
        80,
        "Tls Detect\n\
         shop/t/rules[0] [sni=a.example.com sni=*.b.example.com] \
         TLSRoute shop/t rules[0] (m.yaml:35)\n  \
         1 -> shop/web-v2:80 TLSRoute shop/t rules[0].backendRefs[0] (m.yaml:35)\n",
    );
}

#[test]
fn a_tcp_route_makes_the_port_opaque() {
    let snapshot = snapshot_of(
        &format!(
            "{SHOP}---\n{}",
            route("TCPRoute", "t", "shop", "", "web-v2")
        ),
        CART.0,
        CART.1,
    );
    assert!(routes(&snapshot, "web.shop", 80).starts_with("Tcp Opaque\n"));
}

#[test]
fn filters_stand_on_rules_and_backends_with_their_lines() {
    check_routes(
        "\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: f, namespace: shop}
spec:
  parentRefs: [{group: '', kind: Service, name: web}]
  rules:
  - filters:
    - type: RequestMirror
      requestMirror: {backendRef: {name: web-v2, port: 80}, fraction: {numerator: 1, denominator: 3}}
    - type: RequestMirror
      requestMirror: {backendRef: {name: gone, port: 80}}
    - type: URLRewrite
      urlRewrite: {hostname: a.example.com, path: {type: ReplacePrefixMatch, replacePrefixMatch: /x}}
    backendRefs:
    - name: web
      port: 80
      filters:
      - type: ResponseHeaderModifier
        responseHeaderModifier: {set: [{name: X-B, value: c}], remove: [x-d]}
",
        CART,
        "web.shop",
        80,
        "Http Http1\n\
         shop/f/rules[0] [/*] HTTPRoute shop/f rules[0] (m.yaml:35) \
         mirror 1/3 Cluster(ClusterKey { service: ObjectName { namespace: \"shop\", \
         name: \"web-v2\" }, port: 80 }) HTTPRoute shop/f rules[0].filters[0] (m.yaml:36) \
         Rewrite(Rewrite { hostname: Some(\"a.example.com\"), path: Some(Prefix(\"/x\")) })\n  \
         1 -> shop/web:80 HTTPRoute shop/f rules[0].backendRefs[0] (m.yaml:43) \
         ResponseHeaders(HeaderEdit { set: [(\"x-b\", \"c\")], add: [], remove: [\"x-d\"] })\n",
    );
}

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

/// `address health identity` of the endpoints of web, and whether `web-0` has a proxy.
fn endpoints(text: &str, mode: MeshMode) -> (String, bool) {
    let reading = resource::read("m.yaml", text);
    let loaded = load(&reading.resources, mode);
    assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
    let lowering = lowered(&loaded.index);
    let key = layout::key(&ObjectName::new("shop", "web"), 80);
    let set = &lowering.endpoints.shared()[&key];
    let lines = set.endpoints.iter().map(|endpoint| {
        let meshed = if endpoint.identity.is_some() {
            "meshed"
        } else {
            "plain"
        };
        format!(
            "{} {} {:?} {meshed}",
            endpoint.address, endpoint.name, endpoint.health
        )
    });
    let proxy = lowering.workloads().any(|name| &*name.name == "web-0");
    (lines.collect::<Vec<_>>().join(", "), proxy)
}

fn pod(meta: &str, spec: &str, status: &str) -> String {
    format!(
        "apiVersion: v1
kind: Service
metadata: {{name: web, namespace: shop}}
spec: {{selector: {{app: web}}, ports: [{{port: 80, targetPort: web}}]}}
---
apiVersion: v1
kind: Pod
metadata: {{name: web-0, namespace: shop, labels: {{app: web}}{meta}}}
spec: {{containers: [{{name: app, ports: [{{name: web, containerPort: 8080}}]}}]{spec}}}
status: {{podIP: 10.1.0.1{status}}}
"
    )
}

#[test]
fn endpoints_follow_the_state_of_their_pods() {
    let check = |meta: &str, status: &str, expected: &str| {
        let (seen, _) = endpoints(&pod(meta, "", status), MeshMode::All);
        assert_eq!(seen, expected);
    };
    let ready = "10.1.0.1:8080 shop/web-0";
    check("", "", &format!("{ready} Healthy meshed"));
    let unready = ", conditions: [{type: Ready, status: 'False'}]";
    check("", unready, &format!("{ready} Unhealthy meshed"));
    let terminating = ", deletionTimestamp: '2026-01-01T00:00:00Z'";
    check(terminating, "", &format!("{ready} Draining meshed"));
    check("", ", phase: Succeeded", "");
}

#[test]
fn a_pod_is_in_the_mesh_unless_it_is_not() {
    let check = |namespace: &str, meta: &str, spec: &str, mode: MeshMode, meshed: bool| {
        let namespace =
            format!("---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: shop{namespace}}}\n");
        let text = format!("{}{namespace}", pod(meta, spec, ""));
        let (seen, proxy) = endpoints(&text, mode);
        let expected = if meshed { "meshed" } else { "plain" };
        assert!(seen.ends_with(expected), "{text}: {seen}");
        assert_eq!(proxy, meshed, "{text}");
    };
    let (all, annotated) = (MeshMode::All, MeshMode::Annotated);
    let on = ", annotations: {meshctl.dev/inject: enabled}";
    let off = ", annotations: {meshctl.dev/inject: disabled}";
    let sidecar = ", initContainers: [{name: meshctl-proxy, restartPolicy: Always}]";
    check("", "", "", all, true);
    check("", "", "", annotated, false);
    check("", off, "", all, false);
    check("", on, "", annotated, true);
    check(off, "", "", all, false);
    check(on, "", "", annotated, true);
    check(off, on, "", all, true);
    check(on, off, "", annotated, false);
    check("", "", ", hostNetwork: true", all, false);
    check("", off, sidecar, all, true);
    check("", "", sidecar, annotated, true);
}

#[test]
fn endpoint_slices_go_before_the_selector() {
    let slice = "---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-x, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{port: 9090}]
endpoints:
- {addresses: [10.9.0.2], conditions: {ready: false}}
- {addresses: [10.9.0.3], conditions: {ready: false, serving: true, terminating: true}}
- {addresses: [10.1.0.1], targetRef: {kind: Pod, name: web-0, namespace: shop}, zone: a}
";
    let (seen, _) = endpoints(&format!("{}{slice}", pod("", "", "")), MeshMode::All);
    assert_eq!(
        seen,
        "10.1.0.1:9090 shop/web-0 Healthy meshed, \
         10.9.0.2:9090 shop/web-10.9.0.2 Unhealthy plain, \
         10.9.0.3:9090 shop/web-10.9.0.3 Draining plain"
    );
}

#[test]
fn inbound_ports_come_from_containers_and_services() {
    let text = "\
apiVersion: v1
kind: Service
metadata: {name: a, namespace: shop}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: web}]}
---
apiVersion: v1
kind: Service
metadata: {name: b, namespace: shop}
spec:
  selector: {app: web}
  ports: [{name: grpc, port: 80, targetPort: 8080}, {name: tcp, port: 81, targetPort: 9000}]
---
apiVersion: v1
kind: Pod
metadata:
  name: web-0
  namespace: shop
  labels: {app: web}
  annotations: {meshctl.dev/opaque-ports: 7000-7001}
spec:
  containers:
  - name: app
    ports: [{name: web, containerPort: 8080}, {containerPort: 7000}, {containerPort: 5432}]
    readinessProbe: {httpGet: {path: /ready, port: web}}
    livenessProbe: {httpGet: {port: 8081}}
";
    let snapshot = snapshot_of(text, "shop", "web-0");
    let ports: Vec<String> = snapshot
        .inbound
        .ports
        .iter()
        .map(|(number, port)| {
            let services: Vec<_> = port.services.iter().map(|name| &*name.name).collect();
            format!(
                "{number} {:?} {services:?} {:?}",
                port.protocol, port.probe_paths
            )
        })
        .collect();
    assert_eq!(
        ports,
        [
            "5432 Opaque [] []",
            "7000 Opaque [] []",
            // One Service says HTTP/1.1, the other gRPC: only looking tells.
            "8080 Detect [\"a\", \"b\"] [\"/ready\"]",
            "8081 Detect [] [\"/\"]",
            "9000 Opaque [\"b\"] []",
        ]
    );
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
