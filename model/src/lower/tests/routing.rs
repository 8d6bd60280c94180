//! Which rules hold for whom, in which order, and what they do.

use super::*;

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
