use super::*;
use crate::index::MeshMode;
use crate::load::load;
use crate::resource;

const SHOP: &str = "\
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{name: http, port: 80}]}
";

/// `KIND NAME TARGET: REASON REASON` for each target of what is given beside the shop.
fn said(text: &str) -> Vec<String> {
    let reading = resource::read("m.yaml", &format!("{SHOP}{text}"));
    assert!(!reading.has_errors(), "{:?}", reading.diagnostics);
    let loaded = load(&reading.resources, MeshMode::All);
    let mut lines = Vec::new();
    for status in statuses(&reading.resources, &loaded.index) {
        for ancestor in &status.ancestors {
            let reasons = ancestor
                .conditions
                .iter()
                .map(|c| format!("{:?}", c.reason));
            let reasons: Vec<_> = reasons.collect();
            lines.push(format!(
                "{} {}: {}",
                status.name.name,
                ancestor.of,
                reasons.join(" ")
            ));
        }
    }
    lines
}

fn policy(kind: &str, name: &str, target: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: meshctl.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}, namespace: \
         shop}}\nspec: {{targetRefs: [{target}], {spec}}}\n"
    )
}

fn panic(name: &str, target: &str) -> String {
    policy("BackendPolicy", name, target, "panicThresholdPercent: 1")
}

const WEB: &str = "{kind: Service, name: web}";
const NAMESPACE: &str = "{kind: Namespace, name: shop}";

#[test]
fn a_policy_is_accepted_for_each_target_that_is_there() {
    let targets = "{kind: Service, name: web}, {kind: Service, name: gone}";
    assert_eq!(
        said(&panic("p", targets)),
        [
            "p Service web: Accepted Programmed",
            "p Service gone: TargetNotFound"
        ]
    );
    let section = "{kind: Service, name: web, sectionName: grpc}";
    assert_eq!(
        said(&panic("p", section)),
        ["p Service web grpc: TargetNotFound"]
    );
}

#[test]
fn the_older_of_two_holds_and_the_other_is_in_conflict() {
    let both = panic("old", WEB) + &panic("new", WEB);
    assert_eq!(
        said(&both),
        [
            "new Service web: Conflicted",
            "old Service web: Accepted Programmed"
        ]
    );
    // Those that guard unite.
    let guard = |name| policy("AuthorizationPolicy", name, WEB, "rules: [{}]");
    assert_eq!(
        said(&(guard("a") + &guard("b"))),
        [
            "a Service web: Accepted Programmed",
            "b Service web: Accepted Programmed"
        ]
    );
}

#[test]
fn what_holds_nowhere_is_overridden() {
    let wide = panic("wide", NAMESPACE);
    assert_eq!(said(&wide), ["wide Namespace shop: Accepted Programmed"]);
    assert_eq!(
        said(&(wide + &panic("own", WEB))),
        [
            "own Service web: Accepted Programmed",
            "wide Namespace shop: Accepted Overridden"
        ]
    );
}

#[test]
fn an_object_with_errors_is_invalid() {
    let bad = policy("AuthorizationPolicy", "p", WEB, "rules: []");
    assert_eq!(said(&bad), ["p Service web: Invalid"]);
}

#[test]
fn routes_say_whether_parents_and_backends_are_there() {
    let route = |kind: &str, name: &str, port: u16, backend: &str| {
        format!(
            "---\napiVersion: gateway.networking.k8s.io/v1\nkind: {kind}\nmetadata: {{name: {name}, \
             namespace: shop}}\nspec:\n  parentRefs: [{{group: '', kind: Service, name: web, port: \
             {port}}}]\n  rules: [{{backendRefs: [{{name: {backend}, port: 80}}]}}]\n"
        )
    };
    assert_eq!(
        said(&route("HTTPRoute", "r", 80, "web")),
        ["r Service shop/web: Accepted ResolvedRefs"]
    );
    assert_eq!(
        said(&route("HTTPRoute", "r", 81, "gone")),
        ["r Service shop/web: NoMatchingParent BackendNotFound"]
    );
    let both = route("HTTPRoute", "h", 80, "web") + &route("GRPCRoute", "g", 80, "web");
    let mut said = said(&both);
    said.sort();
    assert_eq!(
        said,
        [
            "g Service shop/web: Accepted ResolvedRefs",
            "h Service shop/web: Conflicted ResolvedRefs"
        ]
    );
}

#[test]
fn a_workload_that_is_not_there_is_not_found_and_a_pod_is_none() {
    let text = "---
apiVersion: v1
kind: Pod
metadata: {name: web-0, namespace: shop, labels: {app: web}}
spec: {containers: [{name: app}]}
---
apiVersion: meshctl.dev/v1alpha1
kind: Workload
metadata: {name: old, namespace: shop}
spec: {addresses: [192.0.2.1]}
";
    let workload = |name: &str| format!("{{group: meshctl.dev, kind: Workload, name: {name}}}");
    let targets = ["old", "web-0", "gone"].map(workload).join(", ");
    let allow = policy("AuthorizationPolicy", "p", &targets, "rules: [{}]");
    assert_eq!(
        said(&format!("{text}{allow}")),
        [
            "p Workload old: Accepted Programmed",
            "p Workload web-0: TargetNotFound",
            "p Workload gone: TargetNotFound",
        ]
    );
}

#[test]
fn a_gateway_is_a_target_that_is_there_or_not() {
    let text = "---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge, namespace: shop}
spec: {gatewayClassName: c, listeners: [{name: http, port: 80, protocol: HTTP}]}
";
    let edge =
        |name: &str| format!("{{group: gateway.networking.k8s.io, kind: Gateway, name: {name}}}");
    let targets = ["edge", "gone"].map(edge).join(", ");
    for (kind, spec) in [
        ("AuthorizationPolicy", "rules: [{}]"),
        (
            "RateLimitPolicy",
            "local: {rules: [{limit: {requests: 1}}]}",
        ),
        ("TrafficPolicy", "retry: {}"),
    ] {
        let policy = policy(kind, "p", &targets, spec);
        assert_eq!(
            said(&format!("{text}{policy}")),
            [
                "p Gateway edge: Accepted Programmed",
                "p Gateway gone: TargetNotFound",
            ],
            "{kind}"
        );
    }
}
