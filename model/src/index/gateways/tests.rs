use crate::index::MeshMode;
use crate::load::load;
use crate::resource;

use super::*;

fn index_of(text: &str) -> Index {
    let reading = resource::read("m.yaml", text);
    let loaded = load(&reading.resources, MeshMode::All);
    let found = reading.diagnostics.iter().chain(&loaded.diagnostics);
    let errors: Vec<String> = found
        .filter(|d| d.level == crate::diagnostic::Level::Error)
        .map(ToString::to_string)
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
    loaded.index
}

fn edge(index: &Index) -> &Gateway {
    index.gateway(&ObjectName::new("infra", "edge")).unwrap()
}

/// The Gateway `infra/edge` with these listeners, and more of its spec.
fn gateway(more: &str, listeners: &[&str]) -> String {
    let listeners: String = listeners.iter().map(|l| format!("  - {l}\n")).collect();
    format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\n\
         metadata: {{name: edge, namespace: infra}}\n\
         spec:\n  gatewayClassName: c\n{more}  listeners:\n{listeners}---\n"
    )
}

fn set(name: &str, namespace: &str, listeners: &[&str]) -> String {
    let listeners: String = listeners.iter().map(|l| format!("  - {l}\n")).collect();
    format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: ListenerSet\n\
         metadata: {{name: {name}, namespace: {namespace}}}\n\
         spec:\n  parentRef: {{name: edge, namespace: infra}}\n  listeners:\n{listeners}---\n"
    )
}

#[test]
fn of_listeners_that_cannot_stand_side_by_side_the_first_counts() {
    let check = |text: &str, expected: &[&str]| {
        let index = index_of(text);
        let found = index.listeners(edge(&index)).into_iter();
        let found: Vec<_> = found.map(|at| at.listener.name.as_str()).collect();
        assert_eq!(found, expected, "{text}");
    };
    let http = |name: &str, port: u16, host: &str| match host {
        "" => format!("{{name: {name}, port: {port}, protocol: HTTP}}"),
        host => format!("{{name: {name}, port: {port}, protocol: HTTP, hostname: '{host}'}}"),
    };
    let (a, b) = (http("a", 80, ""), http("b", 80, "b.com"));
    let tcp = "{name: tcp, port: 80, protocol: TCP}";
    let https = "{name: s, port: 80, protocol: HTTPS}";
    let tls = "{name: t, port: 443, protocol: TLS, hostname: t.com}";
    let both = "{name: u, port: 443, protocol: HTTPS, hostname: u.com}";
    let udp = "{name: udp, port: 53, protocol: UDP}";
    check(&gateway("", &[&a, &b]), &["a", "b"]);
    check(&gateway("", &[&a, tcp, https]), &["a"]);
    check(&gateway("", &[tcp, &b]), &["tcp"]);
    check(&gateway("", &[tls, both, udp]), &["t", "u"]);
    let more = [
        set(
            "one",
            "infra",
            &[&http("c", 80, "b.com"), &http("d", 81, "")],
        ),
        set("other", "shop", &[&http("e", 82, "")]),
    ]
    .concat();
    let from = |from: &str| format!("  allowedListeners: {{namespaces: {{from: {from}}}}}\n");
    check(&(gateway("", &[&a, &b]) + &more), &["a", "b"]);
    check(&(gateway(&from("None"), &[&a]) + &more), &["a"]);
    check(
        &(gateway(&from("Same"), &[&a, &b]) + &more),
        &["a", "b", "d"],
    );
    check(
        &(gateway(&from("All"), &[&a]) + &more),
        &["a", "c", "d", "e"],
    );
}

#[test]
fn the_older_of_two_kinds_has_the_host_that_both_want() {
    let route = |kind: &str, name: &str, hosts: &str| {
        format!(
            "apiVersion: gateway.networking.k8s.io/v1\nkind: {kind}\n\
             metadata: {{name: {name}, namespace: infra}}\n\
             spec: {{parentRefs: [{{name: edge}}], hostnames: [{hosts}], rules: [{{}}]}}\n---\n"
        )
    };
    let check = |routes: &[String], expected: &[&str]| {
        let listener = "{name: a, port: 80, protocol: HTTP}";
        let index = index_of(&(gateway("", &[listener]) + &routes.concat()));
        let listeners = index.listeners(edge(&index));
        let found = index.attached(&listeners[0]);
        let found: Vec<_> = found.iter().map(|one| &*one.route.name.name).collect();
        assert_eq!(found, expected);
    };
    let (http, grpc) = ("HTTPRoute", "GRPCRoute");
    check(
        &[route(http, "b", "x.com"), route(grpc, "a", "x.com")],
        &["b"],
    );
    check(
        &[route(grpc, "b", "'*.com'"), route(http, "a", "x.com")],
        &["b"],
    );
    check(
        &[route(http, "b", "x.com"), route(grpc, "a", "y.com")],
        &["b", "a"],
    );
    check(
        &[route(http, "b", "x.com"), route(http, "a", "x.com")],
        &["b", "a"],
    );
}
