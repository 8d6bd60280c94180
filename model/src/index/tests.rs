use crate::load::load;
use crate::resource;

use super::*;

const WEB: &str = "\
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{name: http, port: 80}, {name: tcp, port: 81}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web-0, namespace: shop, labels: {app: web}}
spec: {containers: [{name: app}]}
---
";

/// Findings between `extra`, which begins at line 11, and the Service web.
fn findings(extra: &str, strict: bool) -> Vec<String> {
    let reading = resource::read("m.yaml", &format!("{WEB}{extra}"));
    let loaded = load(&reading.resources, MeshMode::All);
    let alone = reading.diagnostics.iter().chain(&loaded.diagnostics);
    let errors: Vec<_> = alone
        .filter(|d| d.level == crate::diagnostic::Level::Error)
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
    let found = loaded.index.findings(strict);
    found
        .iter()
        .map(|d| format!("{} {}: {}", d.line(), d.level, d.message))
        .collect()
}

#[track_caller]
fn check(extra: &str, expected: &[&str]) {
    assert_eq!(findings(extra, true), expected);
}

fn route(kind: &str, parent: &str, backend: &str) -> String {
    format!(
        "apiVersion: gateway.networking.k8s.io/v1
kind: {kind}
metadata: {{name: r, namespace: shop}}
spec:
  parentRefs:
  - {{kind: Service, {parent}}}
  rules:
  - backendRefs:
    - {{{backend}}}
---
"
    )
}

#[test]
fn a_sound_mesh_has_no_findings() {
    check(
        &route("HTTPRoute", "name: web, port: 80", "name: web, port: 80"),
        &[],
    );
}

#[test]
fn references_to_nothing_are_errors_when_everything_is_there_and_silent_else() {
    let backend = route("HTTPRoute", "name: web, port: 80", "name: gone, port: 80");
    let message = "the backend Service shop/gone does not exist: its share gets 500";
    check(&backend, &[&format!("19 error: {message}")]);
    assert_eq!(findings(&backend, false), Vec::<String>::new());
    check(
        &route("HTTPRoute", "name: web, port: 80", "name: web, port: 8080"),
        &["19 error: the backend Service shop/web has no port 8080: its share gets 500"],
    );
    check(
        &route("HTTPRoute", "name: gone", "name: web, port: 80"),
        &["16 error: the parent Service shop/gone does not exist"],
    );
    check(
        &route("HTTPRoute", "name: web, port: 8080", "name: web, port: 80"),
        &["16 error: the parent Service shop/web has no such port"],
    );
    check(
        &route(
            "HTTPRoute",
            "name: web, sectionName: x",
            "name: web, port: 80",
        ),
        &["16 error: the parent Service shop/web has no such port"],
    );
}

#[test]
fn the_remedy_names_what_is_there() {
    let text = format!(
        "{WEB}{}",
        route(
            "HTTPRoute",
            "name: web, namespace: other",
            "name: x, port: 1"
        )
    );
    let reading = resource::read("m.yaml", &text);
    let found = load(&reading.resources, MeshMode::All).index.findings(true);
    let helps: Vec<_> = found.iter().filter_map(|d| d.help.clone()).collect();
    assert_eq!(
        helps,
        [
            "there is shop/web: set `namespace: shop`",
            "Services of that namespace: web"
        ]
    );
}

#[test]
fn an_http_route_on_an_opaque_port_has_no_effect() {
    check(
        &route("HTTPRoute", "name: web, port: 81", "name: web, port: 80"),
        &["16 warning: port 81 of shop/web is forwarded as bytes: the route has no effect there"],
    );
    check(
        &route("TCPRoute", "name: web, port: 81", "name: web, port: 80"),
        &[],
    );
}

#[test]
fn headless_and_external_services_are_no_parents() {
    let service = |spec: &str| {
        let route = route("HTTPRoute", "name: x", "name: x, port: 80");
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: x, namespace: shop}}\nspec: {spec}\n---\n{route}"
        )
    };
    check(
        &service("{clusterIP: None, ports: [{port: 80}]}"),
        &["21 warning: headless Services cannot be parents of routes"],
    );
    check(
        &service("{type: ExternalName, externalName: a.example, ports: [{port: 80}]}"),
        &[
            "21 warning: ExternalName Services cannot be parents of routes",
            "24 error: shop/x is an ExternalName Service: its share gets 500",
        ],
    );
}

#[test]
fn a_route_of_a_weaker_kind_is_named() {
    let both = [
        route("HTTPRoute", "name: web, port: 80", "name: web, port: 80"),
        route("GRPCRoute", "name: web, port: 80", "name: web, port: 80"),
    ];
    check(
        &both.concat(),
        &["16 warning: the HTTPRoute has no effect on port 80 of shop/web"],
    );
}

fn policy(name: &str, target: &str) -> String {
    format!(
        "apiVersion: meshctl.dev/v1alpha1
kind: TrafficPolicy
metadata: {{name: {name}, namespace: shop}}
spec:
  targetRefs:
  - {{{target}}}
  retry: {{}}
---
"
    )
}

#[test]
fn policies_without_a_target_are_named() {
    check(
        &policy("p", "kind: Service, name: web, sectionName: '80'"),
        &[],
    );
    check(
        &policy("p", "kind: Service, name: gone"),
        &["16 error: the target Service shop/gone does not exist"],
    );
    check(
        &policy("p", "kind: Service, name: web, sectionName: x"),
        &["16 error: the target Service shop/web has no port `x`"],
    );
    let to_route = "group: gateway.networking.k8s.io, kind: HTTPRoute, name: r";
    check(
        &policy("p", to_route),
        &["16 error: the target HTTPRoute shop/r does not exist"],
    );
    let route = route("HTTPRoute", "name: web, port: 80", "name: web, port: 80");
    check(
        &format!(
            "{route}{}",
            policy("p", &format!("{to_route}, sectionName: x"))
        ),
        &["26 error: the target HTTPRoute shop/r has no rule `x`"],
    );
    check(
        &policy("p", "kind: Namespace, name: other"),
        &["16 error: the policy is not in the namespace other"],
    );
}

#[test]
fn the_younger_of_two_policies_is_named() {
    let both = [
        policy("b", "kind: Service, name: web"),
        policy("a", "kind: Service, name: web"),
    ];
    check(
        &both.concat(),
        &[
            "24 warning: the policy shop/a has no effect on a target that the older shop/b names as well",
        ],
    );
}

#[test]
fn a_service_that_selects_nothing_is_named() {
    let empty = "apiVersion: v1\nkind: Service\nmetadata: {name: x, namespace: shop}\n\
                 spec: {selector: {app: x}, ports: [{port: 80}]}\n";
    check(
        empty,
        &["11 warning: the Service shop/x selects no pod: requests to it get 503"],
    );
    check(&empty.replace("selector: {app: x}, ", ""), &[]);
    let other_namespace = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: x, labels: {app: x}}\n\
                           spec: {containers: [{name: a}]}\n";
    assert_eq!(
        findings(&format!("{empty}{other_namespace}"), true).len(),
        1
    );
}
