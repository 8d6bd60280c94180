//! What guards a pod: which policies, on which ports, with which rules.

use engine::snapshot::InboundTls;

use super::policies::policy;
use super::*;

/// The policies of each port of web-0, one line each.
fn guards(extra: &str) -> String {
    guards_of(&snapshot_of(&format!("{SHOP}{extra}"), "shop", "web-0"))
}

fn guards_of(snapshot: &Snapshot) -> String {
    let inbound = &snapshot.inbound;
    let ports = inbound
        .ports
        .iter()
        .map(|(port, of)| (port.to_string(), of));
    let mut out = String::new();
    for (port, of) in ports.chain([("else".to_owned(), &inbound.default)]) {
        if of.tls != InboundTls::default() {
            let _ = writeln!(out, "{port} {:?}", of.tls);
        }
        for applied in &of.authorization.policies {
            let policy = &applied.policy;
            let _ = write!(out, "{port} {:?} {}", policy.action, policy.name);
            if let Some(scope) = &applied.scope {
                let rules = scope.rules.iter().map(|i| &*scope.table.rules()[*i].name);
                let _ = write!(out, " for {}", rules.collect::<Vec<_>>().join(", "));
            }
            out.push('\n');
        }
    }
    out
}

fn authz(name: &str, namespace: &str, target: &str, spec: &str) -> String {
    policy("AuthorizationPolicy", name, namespace, target, spec)
}

const RULES: &str = "  rules: [{}]";
const MESH: &str = "{group: gateway.networking.x-k8s.io, kind: XMesh, name: mesh}";
const NAMESPACE: &str = "{kind: Namespace, name: shop}";

#[test]
fn a_policy_guards_the_ports_that_its_target_means() {
    let check = |target: &str, expected: &str| {
        assert_eq!(
            guards(&authz("p", "shop", target, RULES)),
            expected,
            "{target}"
        );
    };
    let all = "8080 Allow shop/p\nelse Allow shop/p\n";
    check(MESH, all);
    check(NAMESPACE, all);
    check("{kind: Service, name: web}", "8080 Allow shop/p\n");
    check(
        "{kind: Service, name: web, sectionName: http}",
        "8080 Allow shop/p\n",
    );
    check(
        "{kind: Service, name: web, sectionName: '80'}",
        "8080 Allow shop/p\n",
    );
    check("{kind: Service, name: web, sectionName: '8080'}", "");
    check("{kind: Service, name: web-v2}", "");
    check(
        "{kind: Service, name: web}, {kind: Namespace, name: shop}",
        all,
    );
}

/// A process outside Kubernetes behind the Service web, and one that is not.
const MACHINES: &str = "---
apiVersion: meshctl.dev/v1alpha1
kind: Workload
metadata: {name: old, namespace: shop, labels: {app: web}}
spec: {addresses: [192.0.2.1], ports: [{port: 8080}]}
---
apiVersion: meshctl.dev/v1alpha1
kind: Workload
metadata: {name: older, namespace: shop}
spec: {addresses: [192.0.2.2], ports: [{port: 8080}]}
";

#[test]
fn a_policy_of_a_workload_guards_all_its_ports_and_nobody_else() {
    let policies = |names: &[&str]| {
        let each = names.iter().map(|name| {
            let target = format!("{{group: meshctl.dev, kind: Workload, name: {name}}}");
            authz(&format!("of-{name}"), "shop", &target, RULES)
        });
        each.collect::<String>()
    };
    let check = |of: &str, names: &[&str], expected: &str| {
        let text = format!("{SHOP}{MACHINES}{}", policies(names));
        let snapshot = snapshot_of(&text, "shop", of);
        assert_eq!(guards_of(&snapshot), expected, "{of} with {names:?}");
    };
    let both = ["old", "older"];
    check(
        "old",
        &both,
        "8080 Allow shop/of-old\nelse Allow shop/of-old\n",
    );
    check(
        "older",
        &both,
        "8080 Allow shop/of-older\nelse Allow shop/of-older\n",
    );
    // A pod is no Workload, whatever its name.
    check("web-0", &["web-0", "old"], "");
}

#[test]
fn a_selector_narrows_and_another_namespace_is_none_of_ours() {
    let selected = |label: &str| {
        let spec = format!("{RULES}\n  selector: {{matchLabels: {{app: {label}}}}}");
        guards(&authz("p", "shop", "{kind: Service, name: web}", &spec))
    };
    assert_eq!(selected("web"), "8080 Allow shop/p\n");
    assert_eq!(selected("other"), "");
    let other = authz("p", "cart", "{kind: Namespace, name: cart}", RULES);
    assert_eq!(guards(&other), "");
}

#[test]
fn denies_come_first_and_policies_that_ask_nothing_are_not_there() {
    let deny = authz("z", "shop", NAMESPACE, &format!("{RULES}\n  action: Deny"));
    let audit = authz("w", "shop", NAMESPACE, &format!("{RULES}\n  action: Audit"));
    let allow = authz("x", "shop", NAMESPACE, RULES);
    let mode = authz(
        "m",
        "shop",
        NAMESPACE,
        "  peerAuthentication: {mtls: Permissive}",
    );
    let seen = guards(&format!("{allow}{audit}{deny}{mode}"));
    let expected = "8080 Deny shop/z\n8080 Audit shop/w\n8080 Allow shop/x\n";
    assert!(seen.starts_with(expected), "{seen}");
    assert!(!seen.contains("shop/m"), "{seen}");
}

#[test]
fn a_policy_of_a_route_guards_what_the_rule_sends_to() {
    let route = "---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: r, namespace: shop}
spec:
  parentRefs: [{group: '', kind: Service, name: web}]
  rules:
  - {name: read, matches: [{method: GET}], backendRefs: [{name: web, port: 80}]}
  - {name: write, backendRefs: [{name: web-v2, port: 80}]}
";
    let check = |target: &str, expected: &str| {
        let target =
            format!("{{group: gateway.networking.k8s.io, kind: HTTPRoute, name: r{target}}}");
        let policy = authz("p", "shop", &target, RULES);
        assert_eq!(guards(&format!("{route}{policy}")), expected, "{target}");
    };
    check("", "8080 Allow shop/p for shop/r/read\n");
    check(", sectionName: read", "8080 Allow shop/p for shop/r/read\n");
    check(", sectionName: write", "");
}

#[test]
fn the_most_specific_mode_of_mutual_tls_holds_whole() {
    let mode = |name: &str, target: &str, spec: &str| {
        authz(
            name,
            "shop",
            target,
            &format!("  peerAuthentication: {spec}"),
        )
    };
    let mesh = mode(
        "mesh",
        MESH,
        "{mtls: Strict, ports: [{port: 8080, mtls: Permissive}]}",
    );
    assert_eq!(guards(&mesh), "else Strict\n");
    let namespace = mode("ns", NAMESPACE, "{mtls: Strict}");
    assert_eq!(
        guards(&format!("{mesh}{namespace}")),
        "8080 Strict\nelse Strict\n"
    );
    let selected = mode(
        "web",
        NAMESPACE,
        "{mtls: Disable}\n  selector: {matchLabels: {app: web}}",
    );
    let all = format!("{mesh}{namespace}{selected}");
    assert_eq!(guards(&all), "8080 Disable\nelse Disable\n");
}

#[test]
fn clients_do_not_begin_mutual_tls_where_it_is_off() {
    let off = "  peerAuthentication: {mtls: Permissive, ports: [{port: 8080, mtls: Disable}]}";
    let text = format!("{SHOP}{}", authz("p", "shop", NAMESPACE, off));
    let snapshot = snapshot_of(&text, "cart", "cart-0");
    let outbound = &snapshot.outbound;
    let key = layout::key(&ObjectName::new("shop", "web"), 80);
    assert_eq!(outbound.endpoints[&key].endpoints[0].identity, None);
    let address: IpAddr = "10.1.0.1".parse().unwrap();
    let pod = &outbound.by_pod[&address];
    assert_eq!(pod.identity_at(8080), None);
    assert!(pod.identity_at(9090).is_some());
}

#[test]
fn a_rule_says_where_it_is_written() {
    let spec = "  rules:\n  - from: [{serviceAccounts: [cart], notNamespaces: [pay]}]\n  - to: [{ports: [1]}]";
    let text = format!("{SHOP}{}", authz("p", "shop", NAMESPACE, spec));
    let snapshot = snapshot_of(&text, "shop", "web-0");
    let policy = &snapshot.inbound.default.authorization.policies[0].policy;
    let origins: Vec<_> = policy
        .rules
        .iter()
        .map(|rule| rule.origin.to_string())
        .collect();
    let line = SHOP.lines().count() + 8;
    assert_eq!(
        origins,
        [
            format!("AuthorizationPolicy shop/p rules[0] (m.yaml:{line})"),
            format!("AuthorizationPolicy shop/p rules[1] (m.yaml:{})", line + 1),
        ]
    );
    let source = &policy.rules[0].from[0];
    let account = &source.service_accounts.wanted[0];
    assert_eq!(
        (account.namespace.as_str(), account.name.as_str()),
        ("shop", "cart")
    );
    assert_eq!(source.namespaces.unwanted[0].as_str(), "pay");
}
