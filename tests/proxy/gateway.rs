//! `meshctl proxy --role gateway`: which listener and which route a request from outside is for.
//! The cases are those of the Gateway API's conformance tests, by their names.

use std::fmt::Write as _;

use super::harness::{Answer, Proxy, app, exchange, get, service};
use crate::common::Place;

/// A Gateway `infra/edge` with these listeners, as lines of a list.
pub(super) fn gateway(listeners: &str) -> String {
    format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\n\
         metadata: {{name: edge, namespace: infra}}\n\
         spec:\n  gatewayClassName: meshctl\n  listeners:\n{listeners}---\n"
    )
}

/// A listener that takes routes of all namespaces.
pub(super) fn listener(name: &str, port: u16, protocol: &str, more: &str) -> String {
    format!(
        "  - {{name: {name}, port: {port}, protocol: {protocol}, \
         allowedRoutes: {{namespaces: {{from: All}}}}{more}}}\n"
    )
}

/// A route `shop/NAME` to the Service `shop/BACKEND`, attached to the Gateway, with more fields of
/// its parent and of its spec.
pub(super) fn route(kind: &str, name: &str, parent: &str, spec: &str, backend: &str) -> String {
    format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: {kind}\n\
         metadata: {{name: {name}, namespace: shop}}\n\
         spec:\n  parentRefs: [{{name: edge, namespace: infra{parent}}}]\n{spec}  \
         rules: [{{backendRefs: [{{name: {backend}, port: 80}}]}}]\n---\n"
    )
}

fn http(name: &str, parent: &str, hosts: &[&str]) -> String {
    let spec = match hosts {
        [] => String::new(),
        hosts => format!("  hostnames: {hosts:?}\n"),
    };
    route("HTTPRoute", name, parent, &spec, name)
}

/// Services `shop/NAME`, each with an application that answers by its name.
pub(super) fn services(names: &[&str]) -> String {
    let mut text = String::new();
    for name in names {
        writeln!(text, "{}---", service(name, &[app(name)])).unwrap();
    }
    text
}

fn edge(ports: &[u16], manifests: &[String]) -> (Place, Proxy) {
    let place = Place::new();
    place.file("mesh/all.yaml", manifests.concat());
    let proxy = Proxy::gateway(&place, ports, &[]);
    (place, proxy)
}

/// Who answers on a port for a host; nobody = 404 with the flag of a missing route.
#[track_caller]
fn check(proxy: &Proxy, port: u16, host: &str, expected: Option<&str>) {
    let answer = get(proxy.ports[&port], host, "/x");
    check_answer(&answer, host, expected);
}

#[track_caller]
fn check_answer(answer: &Answer, host: &str, expected: Option<&str>) {
    match expected {
        Some(name) => {
            let body = format!("{name} GET /x");
            assert_eq!((answer.status, &*answer.body), (200, &*body), "{host}");
        }
        None => {
            assert_eq!(answer.status, 404, "{host}: {answer:?}");
            assert!(
                answer.head.contains("x-meshctl-flag: nr"),
                "{host}: {answer:?}"
            );
        }
    }
}

/// HTTPRouteHostnameIntersection
#[test]
fn a_route_holds_for_the_hosts_that_it_has_in_common_with_its_listener() {
    let listeners = [
        listener("one", 80, "HTTP", ", hostname: very.specific.com"),
        listener("two", 80, "HTTP", ", hostname: '*.wildcard.io'"),
        listener("three", 80, "HTTP", ", hostname: '*.anotherwildcard.io'"),
    ];
    let (_place, proxy) = edge(
        &[80],
        &[
            gateway(&listeners.concat()),
            services(&["a", "b", "c", "d", "e"]),
            http(
                "a",
                "",
                &[
                    "non.matching.com",
                    "*.nonmatchingwildcard.io",
                    "very.specific.com",
                ],
            ),
            http(
                "b",
                "",
                &["non.matching.com", "foo.wildcard.io", "bar.wildcard.io"],
            ),
            http("c", "", &["*.specific.com"]),
            http("d", "", &["*.anotherwildcard.io"]),
            http("e", "", &["nowhere.com"]),
        ],
    );
    let check = |host: &str, expected| check(&proxy, 80, host, expected);
    check("very.specific.com", Some("a"));
    check("VERY.specific.com:1234", Some("a"));
    check("non.matching.com", None);
    check("foo.nonmatchingwildcard.io", None);
    check("foo.wildcard.io", Some("b"));
    check("bar.wildcard.io", Some("b"));
    check("foo.bar.wildcard.io", None);
    check("wildcard.io", None);
    check("x.specific.com", None);
    check("one.anotherwildcard.io", Some("d"));
    check("one.two.anotherwildcard.io", Some("d"));
    check("nowhere.com", None);
}

/// HTTPRouteListenerHostnameMatching, GatewayHTTPListenerIsolation
#[test]
fn the_most_specific_listener_takes_a_request_and_asks_only_its_own_routes() {
    let listeners = [
        listener("any", 80, "HTTP", ""),
        listener("wide", 80, "HTTP", ", hostname: '*.example.com'"),
        listener("narrow", 80, "HTTP", ", hostname: '*.foo.example.com'"),
        listener("exact", 80, "HTTP", ", hostname: abc.foo.example.com"),
    ];
    let (_place, proxy) = edge(
        &[80],
        &[
            gateway(&listeners.concat()),
            services(&["any", "wide", "narrow"]),
            http("any", ", sectionName: any", &[]),
            http("wide", ", sectionName: wide", &[]),
            http("narrow", ", sectionName: narrow", &[]),
        ],
    );
    let check = |host: &str, expected| check(&proxy, 80, host, expected);
    check("bar.com", Some("any"));
    check("example.com", Some("any"));
    check("bar.example.com", Some("wide"));
    check("bar.foo.example.com", Some("narrow"));
    // Its listener has no route: nobody else's is asked.
    check("abc.foo.example.com", None);
}

/// HTTPRouteInvalidParentRefNotMatchingListenerPort, …SectionName, AllowedRoutes
#[test]
fn routes_attach_where_their_parent_and_the_listener_allow_it() {
    let own = "  - {name: own, port: 81, protocol: HTTP}\n";
    let chosen = "  - {name: chosen, port: 82, protocol: HTTP, allowedRoutes: {namespaces: \
                  {from: Selector, selector: {matchLabels: {team: shop}}}}}\n";
    let grpc = "  - {name: grpc, port: 83, protocol: HTTP, allowedRoutes: {namespaces: \
                {from: All}, kinds: [{kind: GRPCRoute}]}}\n";
    let labelled =
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {team: shop}}\n---\n";
    let parents = "  parentRefs:\n  - {name: edge, namespace: infra, sectionName: all}\n  \
                   - {name: edge, namespace: infra, sectionName: own}\n  \
                   - {name: edge, namespace: infra, sectionName: chosen}\n  \
                   - {name: edge, namespace: infra, sectionName: grpc}\n";
    let everywhere =
        http("a", "", &[]).replace("  parentRefs: [{name: edge, namespace: infra}]\n", parents);
    let (_place, proxy) = edge(
        &[80, 81, 82, 83],
        &[
            gateway(&[&*listener("all", 80, "HTTP", ""), own, chosen, grpc].concat()),
            labelled.to_owned(),
            services(&["a", "b", "c", "d"]),
            everywhere,
            http("b", ", port: 81", &["b.com"]),
            http("c", ", sectionName: nothing", &["c.com"]),
            http("d", "", &["d.com"]).replace("name: edge,", "name: other,"),
        ],
    );
    check(&proxy, 80, "a.com", Some("a"));
    // Of its own namespace only.
    check(&proxy, 81, "a.com", None);
    check(&proxy, 81, "b.com", None);
    check(&proxy, 82, "a.com", Some("a"));
    check(&proxy, 83, "a.com", None);
    // Nothing of these three is attached, so the route for all hosts has them.
    for host in ["b.com", "c.com", "d.com"] {
        check(&proxy, 80, host, Some("a"));
    }
}

/// HTTPRouteInvalidReferenceGrant, HTTPRoutePartiallyInvalidViaInvalidReferenceGrant
#[test]
fn a_backend_of_another_namespace_needs_a_grant() {
    let routes = |name: &str| {
        http(name, "", &[&format!("{name}.com")])
            .replace("namespace: shop}\nspec", "namespace: web}\nspec")
            .replace(
                &format!("{{name: {name}, port: 80}}"),
                &format!("{{name: {name}, namespace: shop, port: 80}}"),
            )
    };
    let grant = "apiVersion: gateway.networking.k8s.io/v1\nkind: ReferenceGrant\n\
                 metadata: {name: web, namespace: shop}\nspec:\n  \
                 from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: web}]\n  \
                 to: [{group: '', kind: Service, name: a}]\n---\n";
    let (_place, proxy) = edge(
        &[80],
        &[
            gateway(&listener("all", 80, "HTTP", "")),
            services(&["a", "b"]),
            routes("a"),
            routes("b"),
            grant.to_owned(),
        ],
    );
    check(&proxy, 80, "a.com", Some("a"));
    let refused = get(proxy.ports[&80], "b.com", "/x");
    assert_eq!(refused.status, 500, "{refused:?}");
    assert!(refused.body.contains("no ReferenceGrant"), "{refused:?}");
}

/// ListenerSet: of another namespace, where the Gateway allows it; a listener that is there already
/// is not taken over.
#[test]
fn a_listener_set_adds_listeners_and_takes_none_over() {
    let set = |name: &str, listeners: &str| {
        format!(
            "apiVersion: gateway.networking.k8s.io/v1\nkind: ListenerSet\n\
             metadata: {{name: {name}, namespace: shop}}\nspec:\n  \
             parentRef: {{name: edge, namespace: infra}}\n  listeners:\n{listeners}---\n"
        )
    };
    let on_set = |name: &str, set: &str| {
        let of_set = format!("{{name: {set}, kind: ListenerSet, sectionName: x}}");
        http(name, "", &[]).replace("{name: edge, namespace: infra}", &of_set)
    };
    let allowed = gateway(&listener("all", 80, "HTTP", "")).replace(
        "  listeners:",
        "  allowedListeners: {namespaces: {from: All}}\n  listeners:",
    );
    let more = [
        services(&["a", "b", "c"]),
        set("more", "  - {name: x, port: 81, protocol: HTTP}\n"),
        set("taken", "  - {name: x, port: 80, protocol: HTTP}\n"),
        http("a", "", &[]),
        on_set("b", "more"),
        on_set("c", "taken"),
    ]
    .concat();
    let (place, proxy) = edge(&[80, 81], &[allowed.clone(), more.clone()]);
    check(&proxy, 80, "any.com", Some("a"));
    check(&proxy, 81, "any.com", Some("b"));
    // The Gateway takes no listeners of others any more: the port is given up.
    let closed = allowed.replace("from: All}}\n  listeners", "from: Same}}\n  listeners");
    place.file("mesh/all.yaml", closed + &more);
    proxy.wait_for("the configuration is now");
    let gone = || std::net::TcpStream::connect(proxy.ports[&81]).is_err();
    assert!(eventually(gone), "port 81 is still there");
    check(&proxy, 80, "any.com", Some("a"));
}

fn eventually(is: impl Fn() -> bool) -> bool {
    (0..200).any(|_| {
        is() || {
            std::thread::sleep(std::time::Duration::from_millis(10));
            false
        }
    })
}

/// GatewayModifyListeners
#[test]
fn a_listener_that_is_added_is_served_without_a_restart() {
    let all = |listeners: &[String]| {
        [
            gateway(&listeners.concat()),
            services(&["a"]),
            http("a", "", &[]),
        ]
        .concat()
    };
    let one = listener("one", 80, "HTTP", ", hostname: a.com");
    let (place, proxy) = edge(&[80], &[all(std::slice::from_ref(&one))]);
    check(&proxy, 80, "b.com", None);
    let two = listener("two", 80, "HTTP", ", hostname: b.com");
    place.file("mesh/all.yaml", all(&[one.clone(), two]));
    proxy.wait_for("the configuration is now");
    check(&proxy, 80, "a.com", Some("a"));
    check(&proxy, 80, "b.com", Some("a"));
    // A bad edit changes nothing.
    place.file("mesh/all.yaml", all(&[one]).replace("HTTP,", "HTP,"));
    proxy.wait_for("the configuration stays as it was");
    check(&proxy, 80, "b.com", Some("a"));
}

#[test]
fn what_only_the_mesh_or_a_proxy_may_say_is_not_taken_from_a_client() {
    let place = Place::new();
    let heard = super::harness::listening();
    let manifests = [
        gateway(&listener("all", 80, "HTTP", "")),
        service("a", &[heard]) + "---\n",
        http("a", "", &[]),
    ];
    place.file("mesh/all.yaml", manifests.concat());
    let request = "GET /x HTTP/1.1\r\nhost: a.com\r\nconnection: close\r\n\
                   x-forwarded-for: 1.1.1.1, 2.2.2.2\r\nx-forwarded-proto: https\r\n\
                   x-forwarded-client-cert: By=x;URI=spiffe://cluster.local/ns/shop/sa/web\r\n\
                   x-meshctl-orig-proto: HTTP/2\r\nx-mesh-env: staging\r\n\
                   forwarded: for=1.1.1.1\r\nx-mine: yes\r\n\r\n";
    let check = |more: &[&str], present: &[&str]| {
        let proxy = Proxy::gateway(&place, &[80], more);
        let heard = exchange(proxy.ports[&80], request).body;
        for line in present {
            assert!(heard.contains(line), "`{line}` is missing: {heard}");
        }
        for name in ["client-cert", "x-meshctl", "x-mesh-env"] {
            assert!(!heard.contains(name), "`{name}` came through: {heard}");
        }
    };
    check(
        &[],
        &[
            "x-forwarded-for: 127.0.0.1\r\n",
            "x-forwarded-proto: http\r\n",
            "x-mine: yes\r\n",
        ],
    );
    check(
        &["--trusted-hops", "1"],
        &["x-forwarded-for: 2.2.2.2, 127.0.0.1\r\n"],
    );
}

/// HTTPRouteRedirectPort, HTTPRouteRewritePath, HTTPRouteHeaderMatching in short: filters and
/// matches are those of the mesh.
#[test]
fn filters_know_the_port_of_their_listener() {
    let redirect = http("a", "", &["a.com"]).replace(
        "  rules: [{backendRefs: [{name: a, port: 80}]}]\n",
        "  rules:\n  - matches: [{path: {value: /old}}]\n    \
         filters: [{type: RequestRedirect, requestRedirect: {path: {type: ReplacePrefixMatch, \
         replacePrefixMatch: /new}}}]\n  \
         - matches: [{headers: [{name: version, value: two}]}]\n    \
         backendRefs: [{name: b, port: 80}]\n  \
         - backendRefs: [{name: a, port: 80}]\n    \
         filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplaceFullPath, \
         replaceFullPath: /x}}}]\n",
    );
    let (_place, proxy) = edge(
        &[8080],
        &[
            gateway(&listener("all", 8080, "HTTP", "")),
            services(&["a", "b"]),
            redirect,
        ],
    );
    let at = proxy.ports[&8080];
    let moved = get(at, "a.com", "/old/y?q=1");
    assert_eq!(moved.status, 302);
    let location = "location: http://a.com:8080/new/y?q=1\r\n";
    assert!(moved.head.contains(location), "{moved:?}");
    assert_eq!(get(at, "a.com", "/other").body, "a GET /x");
    let two = "GET /x HTTP/1.1\r\nhost: a.com\r\nversion: two\r\nconnection: close\r\n\r\n";
    assert_eq!(exchange(at, two).body, "b GET /x");
}

#[test]
fn what_a_gateway_cannot_start_with_is_said() {
    let place = Place::new();
    place.file("mesh/all.yaml", gateway(&listener("all", 80, "HTTP", "")));
    let check = |args: &[&str], expected: &[&str]| {
        let output = place.run(&[&["proxy", "-f", "mesh"], args].concat());
        assert_eq!(output.code, 2, "{}", output.shown());
        for part in expected {
            assert!(output.stderr.contains(part), "{part}: {}", output.stderr);
        }
    };
    check(
        &["--role", "gateway"],
        &["whose proxy is it?", "--gateway NAMESPACE/NAME"],
    );
    check(
        &["--role", "gateway", "--gateway", "infra/egde"],
        &["there is no Gateway infra/egde", "there is infra/edge"],
    );
    check(
        &["--workload", "shop/a", "--gateway", "infra/edge"],
        &["add --role gateway"],
    );
    check(
        &[
            "--role",
            "gateway",
            "--gateway",
            "infra/edge",
            "--listen",
            "80:127.0.0.1",
        ],
        &["write IP, or PORT=IP:PORT"],
    );
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let at = format!("80={}", taken.local_addr().unwrap());
    check(
        &[
            "--role",
            "gateway",
            "--gateway",
            "infra/edge",
            "--listen",
            &at,
        ],
        &["cannot listen on", "--listen PORT=IP:PORT"],
    );
}

/// A policy of the Gateway's namespace that names it.
fn policy(kind: &str, name: &str, spec: &str) -> String {
    format!(
        "apiVersion: meshctl.dev/v1alpha1\nkind: {kind}\n\
         metadata: {{name: {name}, namespace: infra}}\n\
         spec:\n  targetRefs: [{{group: gateway.networking.k8s.io, kind: Gateway, name: edge}}]\n\
         {spec}\n---\n"
    )
}

#[test]
fn policies_that_name_a_gateway_hold_for_who_comes_in_there() {
    let listeners = [
        listener("http", 80, "HTTP", ""),
        listener("tcp", 9000, "TCP", ""),
    ];
    let from = |block: &str| format!("  rules: [{{from: [{{ipBlocks: [{block}]}}]}}]");
    let routed = || {
        [
            gateway(&listeners.concat()),
            services(&["a"]),
            http("a", ", sectionName: http", &[]),
            route("TCPRoute", "bytes", ", sectionName: tcp", "", "a"),
        ]
        .concat()
    };
    let few = "  local: {rules: [{matches: [{paths: [/few]}], limit: {requests: 1, unit: Hour}}]}";
    let deny = "  action: Deny\n  rules: [{to: [{paths: [/admin*]}]}]";
    let policies = [
        policy("AuthorizationPolicy", "here", &from("127.0.0.0/8")),
        policy("AuthorizationPolicy", "no-admin", deny),
        policy("RateLimitPolicy", "few", few),
        policy("TrafficPolicy", "slow", "  timeouts: {request: 5s}"),
    ];
    let (place, proxy) = edge(&[80, 9000], &[routed(), policies.concat()]);
    let status = |path: &str| {
        let answer = get(proxy.ports[&80], "a.com", path);
        (answer.status, answer.head.contains("x-meshctl-flag"))
    };
    assert_eq!(status("/x"), (200, false));
    assert_eq!(status("/admin/x"), (403, true));
    assert_eq!(status("/few"), (200, false));
    assert_eq!(status("/few"), (429, true));
    let request = "GET /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let bytes = || exchange(proxy.ports[&9000], request).status;
    // A Deny ignores what bytes do not have, and denies them all.
    assert_eq!(bytes(), 0);
    let elsewhere = policy("AuthorizationPolicy", "here", &from("10.0.0.0/8"));
    let fault = "  fault: {abort: {httpStatus: 418}}";
    let fault = policy("TrafficPolicy", "slow", fault);
    place.file("mesh/all.yaml", [routed(), fault].concat());
    assert!(eventually(|| status("/admin/x").0 == 418));
    assert_eq!(bytes(), 200);
    place.file("mesh/all.yaml", [routed(), elsewhere].concat());
    assert!(eventually(|| status("/x").0 == 403));
    assert_eq!(bytes(), 0);
}

/// GRPCRouteExactMethodMatching; RateLimitPolicy on a route of a gateway.
#[test]
fn grpc_has_routes_of_its_own_and_routes_have_their_limits() {
    let grpc = "apiVersion: gateway.networking.k8s.io/v1\nkind: GRPCRoute\n\
                metadata: {name: g, namespace: shop}\n\
                spec:\n  parentRefs: [{name: edge, namespace: infra}]\n  hostnames: [g.com]\n  \
                rules: [{matches: [{method: {service: shop.Api, method: Get}}], \
                backendRefs: [{name: g, port: 80}]}]\n---\n";
    let limit = "apiVersion: meshctl.dev/v1alpha1\nkind: RateLimitPolicy\n\
                 metadata: {name: l, namespace: shop}\n\
                 spec:\n  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, \
                 name: a}]\n  side: Client\n  \
                 local: {rules: [{limit: {requests: 1, unit: Hour}}]}\n---\n";
    let (_place, proxy) = edge(
        &[80],
        &[
            gateway(&listener("all", 80, "HTTP", "")),
            services(&["a", "g"]),
            http("a", "", &["a.com"]),
            grpc.to_owned(),
            limit.to_owned(),
        ],
    );
    let at = proxy.ports[&80];
    assert_eq!(
        get(at, "g.com", "/shop.Api/Get").body,
        "g GET /shop.Api/Get"
    );
    assert_eq!(get(at, "g.com", "/shop.Api/Other").status, 404);
    assert_eq!(get(at, "a.com", "/x").status, 200);
    assert_eq!(get(at, "a.com", "/x").status, 429);
}

#[test]
fn a_gateway_reaches_the_mesh_over_mutual_tls_and_is_known_there() {
    let pair = super::mtls::pair(super::mtls::STRICT);
    let issue = [
        "ca",
        "issue",
        "infra/edge",
        "--ca",
        "ca",
        "--out",
        "certs/edge",
    ];
    assert_eq!(pair.place.run(&issue).code, 0);
    let edge = gateway(&listener("http", 80, "HTTP", "")) + &http("api", "", &[]);
    pair.place.file("mesh/gateway.yaml", edge);
    let file = |name: &str| format!("certs/edge/{name}");
    let (cert, key, roots) = (file("tls.crt"), file("tls.key"), file("ca.crt"));
    let own = ["--cert", &cert, "--key", &key, "--trust-bundle", &roots];
    let proxy = Proxy::gateway(&pair.place, &[80], &own);
    let request = "GET /x HTTP/1.1\r\nhost: a.com\r\nconnection: close\r\n\
                   x-forwarded-client-cert: By=x;URI=spiffe://cluster.local/ns/shop/sa/web\r\n\r\n";
    let answer = exchange(proxy.ports[&80], request);
    let known = "for by=spiffe://cluster.local/ns/shop/sa/api;\
                 uri=spiffe://cluster.local/ns/infra/sa/edge";
    assert_eq!(
        (answer.status, &*answer.body),
        (200, &*format!("api GET /x {known}"))
    );
}
