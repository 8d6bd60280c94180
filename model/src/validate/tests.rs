use crate::resource;

use super::*;

mod authorization;
mod balance;
mod documents;
mod policies;

/// What is said about a route for the Service web whose `spec` goes on with `spec`: line 5 of the
/// file. Each finding as `LINE LEVEL: message`.
fn findings(kind: &str, spec: &str) -> Vec<String> {
    let text = format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: {kind}\nmetadata: {{name: r}}\nspec:\n{spec}"
    );
    said(&text)
}

fn said(text: &str) -> Vec<String> {
    let reading = resource::read("m.yaml", text);
    let judged = reading.resources.iter().flat_map(validate);
    let all = reading.diagnostics.iter().cloned().chain(judged);
    all.map(|found| format!("{} {}: {}", found.line(), found.level, found.message))
        .collect()
}

#[track_caller]
fn check(kind: &str, spec: &str, expected: &[&str]) {
    let seen = findings(kind, spec);
    assert_eq!(seen, expected, "{spec}");
}

/// A rule of an HTTPRoute: `rule` begins at line 7.
#[track_caller]
fn rule(rule: &str, expected: &[&str]) {
    let spec = format!("  parentRefs: [{{group: '', kind: Service, name: web}}]\n  rules:\n{rule}");
    check("HTTPRoute", &spec, expected);
}

#[test]
fn a_plain_route_is_fine() {
    rule(
        "  - backendRefs: [{name: web, port: 80, weight: 1000000}]\n",
        &[],
    );
}

#[test]
fn weights_and_ports_have_ranges() {
    let weight = |weight: &str, message: &str| {
        let line = format!("  - backendRefs:\n    - {{name: web, port: 80, weight: {weight}}}\n");
        let seen = findings("HTTPRoute", &format!("  rules:\n{line}"));
        assert_eq!(seen.len(), 1, "{seen:?}");
        assert!(
            seen[0].starts_with("7 error: ") && seen[0].contains(message),
            "{seen:?}"
        );
    };
    weight(
        "-1",
        "-1 is out of range: allowed is a whole number from 0 to 1000000",
    );
    weight("1000001", "from 0 to 1000000");
    weight("1.5", "whole number");
    weight("x", "whole number");
    let port = findings(
        "HTTPRoute",
        "  rules: [{backendRefs: [{name: web, port: 70000}]}]\n",
    );
    assert!(port[0].contains("from 1 to 65535"), "{port:?}");
    rule(
        "  - backendRefs:\n    - {name: web, port: 80, weight: 0}\n",
        &["8 warning: all weights are 0: every request of this rule is answered with 500"],
    );
}

#[test]
fn an_unknown_field_is_an_error_at_its_line() {
    let seen = findings("HTTPRoute", "  rules:\n  - backendRef: []\n");
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert!(
        seen[0].starts_with("6 error: ") && seen[0].contains("backendRef"),
        "{seen:?}"
    );
}

#[test]
fn parents_are_services_named_once() {
    check(
        "HTTPRoute",
        "  rules: [{}]\n",
        &["5 warning: the route has no parentRefs: it applies to nothing"],
    );
    let parents = |refs: &str, expected: &[&str]| {
        check("HTTPRoute", &format!("  parentRefs:\n{refs}"), expected);
    };
    parents("  - {kind: Service, name: web}\n", &[]);
    parents("  - {name: web}\n", &[]);
    parents("  - {kind: ListenerSet, name: web}\n", &[]);
    parents(
        "  - {kind: Bucket, group: example.com, name: web}\n",
        &["6 error: Bucket of group \"example.com\" cannot be a parent"],
    );
    parents(
        "  - {kind: Service, name: web, port: 1}\n  - {kind: Service, name: web, port: 2}\n",
        &[],
    );
    parents(
        "  - {kind: Service, name: web, port: 1}\n  - {kind: Service, name: web}\n",
        &["7 error: the parent web is named twice"],
    );
    parents(
        "  - {kind: Service, name: ''}\n",
        &["6 error: the value is empty"],
    );
}

#[test]
fn host_names_are_checked_and_have_no_effect_on_services() {
    check(
        "HTTPRoute",
        "  parentRefs: [{kind: Service, name: web}]\n  hostnames: ['*.a.example', 1.2.3.4, A, 'a:80']\n",
        &[
            "6 error: `1.2.3.4` is not a host name",
            "6 error: `A` is not a host name",
            "6 error: `a:80` is not a host name",
            "6 warning: hostnames have no effect on a route whose parent is a Service",
        ],
    );
}

#[test]
fn rules_are_counted_and_named_once() {
    check(
        "HTTPRoute",
        "  parentRefs: [{kind: Service, name: web}]\n  rules: []\n",
        &["6 error: `rules` has 0 entries"],
    );
    let many = "  - {}\n".repeat(17);
    rule(&many, &["7 error: `rules` has 17 entries"]);
    rule(
        "  - {name: a}\n  - {name: a}\n  - {name: A_}\n",
        &[
            "8 error: the rule name `a` is used by rules[0] as well",
            "9 error: `A_` is not a valid name",
        ],
    );
    let matches = format!("  - matches: [{}]\n", "{method: GET}, ".repeat(64));
    rule(&matches.repeat(2), &[]);
    rule(
        &matches.repeat(3),
        &["7 error: the rules have 192 matches in all"],
    );
    let one_more = format!("  - matches: [{}]\n", "{method: GET}, ".repeat(65));
    rule(&one_more, &["7 error: `matches` has 65 entries"]);
    let backends = format!("  - backendRefs: [{}]\n", "{name: a, port: 1}, ".repeat(17));
    rule(&backends, &["7 error: `backendRefs` has 17 entries"]);
}

#[test]
fn paths_are_absolute_and_normal() {
    let path = |kind: &str, value: &str, expected: Option<&str>| {
        let text = format!("  - matches:\n    - path: {{type: {kind}, value: '{value}'}}\n");
        let expected = expected.map(|message| format!("8 error: {message}"));
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        rule(&text, &expected);
    };
    for kind in ["Exact", "PathPrefix"] {
        path(kind, "/", None);
        path(kind, "/a/b.c/~x%20:@", None);
        path(kind, "a", Some("the path `a` is not absolute"));
        path(kind, "", Some("the path `` is not absolute"));
        path(kind, "/a//b", Some("the path `/a//b` contains `//`"));
        path(kind, "/a/./b", Some("the path `/a/./b` contains `/./`"));
        path(kind, "/a/../b", Some("the path `/a/../b` contains `/../`"));
        path(kind, "/a%2Fb", Some("the path `/a%2Fb` contains `%2f`"));
        path(kind, "/a#b", Some("the path `/a#b` contains `#`"));
        path(kind, "/a/..", Some("the path `/a/..` ends with `/..`"));
        path(kind, "/a/.", Some("the path `/a/.` ends with `/.`"));
        path(
            kind,
            "/a b",
            Some("the path `/a b` has a character that paths cannot have"),
        );
        path(
            kind,
            "/a%zz",
            Some("the path `/a%zz` has a character that paths cannot have"),
        );
        path(
            kind,
            &"/a".repeat(513),
            Some("the value has 1026 characters"),
        );
    }
    path("RegularExpression", "/v[0-9]+", None);
    path(
        "RegularExpression",
        "(",
        Some("`(` is not a regular expression: unclosed group"),
    );
    let huge = "x{1000}{1000}";
    let seen = findings(
        "HTTPRoute",
        &format!(
            "  parentRefs: [{{kind: Service, name: w}}]\n  rules: [{{matches: [{{path: {{type: RegularExpression, value: '{huge}'}}}}]}}]\n"
        ),
    );
    assert!(seen[0].contains("is not a regular expression"), "{seen:?}");
}

#[test]
fn header_and_query_matches_are_checked() {
    rule(
        "  - matches:
    - headers:
      - {name: X-A, value: a}
      - {name: x-a, value: b}
      - {name: 'x a', value: b}
      - {name: x-b, value: ''}
      - {name: x-c, value: '[', type: RegularExpression}
      queryParams:
      - {name: q, value: a}
      - {name: q, value: b}
",
        &[
            "10 error: `x-a` is matched twice",
            "11 error: `x a` is not a name of a header",
            "12 error: the value is empty",
            "13 error: `[` is not a regular expression: unclosed character class",
            "16 error: `q` is matched twice",
        ],
    );
    let seen = findings("HTTPRoute", "  rules: [{matches: [{method: get}]}]\n");
    assert!(seen[0].contains("get"), "{seen:?}");
}

#[test]
fn a_filter_sets_the_field_of_its_type() {
    rule(
        "  - filters:\n    - {type: RequestHeaderModifier}\n",
        &["8 error: the filter has no `requestHeaderModifier`"],
    );
    rule(
        "  - filters:
    - type: RequestHeaderModifier
      requestHeaderModifier: {set: [{name: a, value: b}]}
      cors: {}
",
        &["10 error: `cors` does not belong to this type of filter"],
    );
}

#[test]
fn filters_that_exclude_each_other_are_refused() {
    let redirect = "    - {type: RequestRedirect, requestRedirect: {port: 80}}\n";
    let rewrite = "    - {type: URLRewrite, urlRewrite: {hostname: a.example}}\n";
    let headers = "    - {type: RequestHeaderModifier, requestHeaderModifier: {remove: [a]}}\n";
    let filters = |list: &str, rest: &str, expected: &[&str]| {
        rule(&format!("  - filters:\n{list}{rest}"), expected);
    };
    filters(redirect, "", &[]);
    filters(
        &[headers, redirect].concat(),
        "    backendRefs: [{name: web, port: 80}]\n",
        &["9 error: a RequestRedirect filter must not be used together with backendRefs"],
    );
    filters(
        &[redirect, rewrite].concat(),
        "",
        &["9 error: RequestRedirect and URLRewrite are both used"],
    );
    filters(
        &[headers, headers].concat(),
        "",
        &["9 error: this type of filter is used by filters[0] as well"],
    );
    let mirror = "    - {type: RequestMirror, requestMirror: {backendRef: {name: a, port: 1}}}\n";
    filters(&mirror.repeat(2), "", &[]);
    filters(
        &mirror.repeat(17),
        "",
        &["8 error: `filters` has 17 entries"],
    );
}

#[test]
fn replacing_a_prefix_needs_exactly_one_prefix() {
    let replace = "    filters:\n    - type: URLRewrite\n      urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /b}}\n";
    let with = |matches: &str, fine: bool| {
        let text = format!("  - matches: [{matches}]\n{replace}");
        let expected: &[&str] = if fine {
            &[]
        } else {
            &["10 error: it is not clear which prefix is replaced"]
        };
        rule(&text, expected);
    };
    with("", true);
    with("{path: {value: /a}}", true);
    with("{method: GET}", true);
    with("{path: {value: /a}}, {path: {value: /c}}", false);
    with("{path: {type: Exact, value: /a}}", false);
}

#[test]
fn fields_of_filters_are_checked() {
    rule(
        "  - filters:
    - type: ResponseHeaderModifier
      responseHeaderModifier:
        set: [{name: a, value: b}]
        add: [{name: A, value: c}]
        remove: [x y, Transfer-Encoding]
    - type: RequestMirror
      requestMirror: {backendRef: {name: a}, percent: 1, fraction: {numerator: 3, denominator: 2}}
    - type: RequestRedirect
      requestRedirect:
        scheme: ftp
        statusCode: 304
        hostname: '*.a'
        path: {type: ReplaceFullPath, replaceFullPath: x}
    - type: CORS
      cors:
        allowOrigins: ['*', 'https://a.example', 'a.example']
        allowMethods: [GET, get]
        allowHeaders: ['a b']
",
        &[
            "11 error: the header `A` is changed by `set` as well",
            "12 error: `x y` is not a name of a header",
            "12 error: the header `Transfer-Encoding` frames the message and cannot be changed",
            "14 error: the backend a has no port",
            "14 error: percent and fraction are both set",
            "14 error: the numerator 3 is above the denominator 2",
            "17 error: `ftp` is not a scheme to redirect to",
            "18 error: 304 is not a status of a redirect",
            "19 error: `*.a` is not a host name",
            "20 error: `x` is not a path",
            "23 error: `allowOrigins` has `*` and other entries",
            "23 error: `a.example` is not an origin",
            "24 error: `get` is not a method",
            "25 error: `a b` is not a name of a header",
        ],
    );
}

#[test]
fn timeouts_are_durations_in_order() {
    let timeouts = |timeouts: &str, expected: &[&str]| {
        rule(&format!("  - timeouts: {{{timeouts}}}\n"), expected);
    };
    timeouts("request: 1s, backendRequest: 500ms", &[]);
    timeouts("request: 0s, backendRequest: 5s", &[]);
    timeouts(
        "request: 1s, backendRequest: 2s",
        &["7 error: backendRequest timeout cannot be longer than request timeout"],
    );
    for bad in ["1.5s", "-1s", "10"] {
        let seen = findings(
            "HTTPRoute",
            &format!("  rules:\n  - timeouts:\n      request: {bad}\n"),
        );
        assert_eq!(seen.len(), 1, "{seen:?}");
        assert!(seen[0].starts_with("7 error: "), "{seen:?}");
    }
    let seen = findings("HTTPRoute", "  rules: [{retry: {codes: [200]}}]\n");
    assert!(seen[0].contains("from 400 to 599"), "{seen:?}");
}

#[test]
fn standard_fields_without_effect_are_named() {
    rule(
        "  - sessionPersistence: {type: Cookie}
    filters:
    - {type: ExtensionRef, extensionRef: {group: a.example, kind: K, name: ext}}
    - {type: ExternalAuth, externalAuth: {protocol: HTTP}}
    backendRefs: [{name: b, kind: Bucket, group: a.example}]
",
        &[
            "9 warning: `extensionRef` is not modelled: it has no effect here",
            "10 warning: `externalAuth` is not modelled: it has no effect here",
            "11 warning: backends of kind Bucket are not modelled",
            "7 warning: `sessionPersistence` is not modelled: it has no effect here",
        ],
    );
}

#[test]
fn grpc_methods_are_named() {
    let parent = "  parentRefs: [{kind: Service, name: web}]\n";
    let method = |method: &str, expected: &[&str]| {
        check(
            "GRPCRoute",
            &format!("{parent}  rules: [{{matches: [{{method: {{{method}}}}}]}}]\n"),
            expected,
        );
    };
    method("service: a.b.C, method: D", &[]);
    method(
        "type: Exact",
        &["6 error: the method match names neither service nor method"],
    );
    method(
        "service: a/b",
        &["6 error: `a/b` is not the name of a gRPC service"],
    );
    method(
        "method: a.b",
        &["6 error: `a.b` is not the name of a gRPC method"],
    );
    method(
        "method: '(', type: RegularExpression",
        &["6 error: `(` is not a regular expression: unclosed group"],
    );
}

#[test]
fn tcp_and_tls_routes_have_one_rule_with_backends() {
    let parent = "  parentRefs: [{kind: Service, name: web}]\n";
    let backends = "{backendRefs: [{name: a, port: 1}]}";
    let tcp = |rules: &str, expected: &[&str]| {
        check(
            "TCPRoute",
            &format!("{parent}  rules: [{rules}]\n"),
            expected,
        );
    };
    tcp(backends, &[]);
    tcp(
        &format!("{backends}, {backends}"),
        &["6 error: `rules` has 2 entries"],
    );
    tcp("{}", &["6 error: the rule has no backendRefs"]);
    check(
        "TLSRoute",
        &format!("{parent}  rules: [{backends}]\n"),
        &["5 error: the route has no hostnames"],
    );
    check(
        "TLSRoute",
        &format!("{parent}  rules: [{backends}]\n  hostnames: [a.example, '*.b.example']\n"),
        &[],
    );
}

#[test]
fn gateways_and_grants_are_what_the_standard_has() {
    check(
        "Gateway",
        "  gatewayClassName: c
  listeners:
  - {name: a, port: 80, protocol: HTTP, tls: {mode: Terminate}}
  - {name: a, port: 81, protocol: FTP}
  - {name: c, port: 443, protocol: HTTPS, tls: {mode: Passthrough}}
  - {name: d, port: 82, protocol: TCP, hostname: a.example}
  - {name: e, port: 81, protocol: FTP}
",
        &[
            "7 error: `tls` on a listener for HTTP",
            "8 error: `FTP` is not a protocol",
            "8 error: the listener name `a` is used twice",
            "9 error: an HTTPS listener has to see the requests",
            "10 error: a listener for TCP or UDP sees no host name",
            "11 error: `FTP` is not a protocol",
            "11 error: another listener has port 81 and the same host name",
        ],
    );
    check(
        "Gateway",
        "  gatewayClassName: c
  allowedListeners: {namespaces: {from: Selector}}
  listeners:
  - {name: a, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: Same, selector: {}}}}
",
        &["6 error: `from: Selector` without a selector"],
    );
    check(
        "ListenerSet",
        "  parentRef: {kind: Service, name: x}\n  listeners: []\n",
        &[
            "5 error: Service cannot be the parent of a ListenerSet",
            "5 error: the set has no listeners",
        ],
    );
    check(
        "GatewayClass",
        "  controllerName: x\n",
        &["5 error: `x` is not a controller"],
    );
    check(
        "ReferenceGrant",
        "  from: []\n  to: [{group: '', kind: Service}]\n",
        &["5 error: `from` has 0 entries"],
    );
}

/// Findings of a spec of another group's kind, which begins at line 5.
fn check_of(api_version: &str, kind: &str, spec: &str, expected: &[&str]) {
    let head = format!("apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: x}}\nspec:\n");
    let reading = resource::read("m.yaml", &format!("{head}{spec}"));
    assert!(reading.diagnostics.is_empty(), "{:?}", reading.diagnostics);
    let found = validate(&reading.resources[0]);
    let found: Vec<String> = found
        .iter()
        .map(|d| format!("{} {}", d.line(), d.message))
        .collect();
    assert_eq!(found, expected, "{spec}");
}

#[test]
fn hosts_outside_have_a_name_and_say_whom_they_trust() {
    let check = |spec: &str, expected: &[&str]| {
        check_of(
            "gateway.networking.x-k8s.io/v1alpha1",
            "XBackend",
            spec,
            expected,
        );
    };
    let host = "  type: ExternalHostname\n  port: {number: 443}\n  \
                externalHostname: {hostname: api.example.com}\n";
    check(host, &[]);
    check(
        "  type: ExternalHostname\n  port: {number: 443}\n",
        &["5 `externalHostname` and `type: ExternalHostname` belong together"],
    );
    check(
        &host.replace("api.example.com", "api.shop.svc.cluster.local"),
        &["7 api.shop.svc.cluster.local is inside the cluster"],
    );
    check(
        &format!("{host}  protocol: HTTP2\n"),
        &["8 the protocol and `tls` do not go together"],
    );
    check(
        &format!("{host}  tls: {{mode: ClientAndServer, validation: {{hostname: a.b}}}}\n"),
        &[
            "8 `clientCertificateRef` and `mode: ClientAndServer` belong together",
            "8 one of `caCertificateRefs` and `wellKnownCACertificates` says who is trusted",
        ],
    );
}

#[test]
fn networks_are_written_as_networks() {
    let check = |spec: &str, expected: &[&str]| {
        check_of("meshctl.dev/v1alpha1", "EgressNetwork", spec, expected);
    };
    check("  trafficPolicy: Deny\n", &[]);
    check(
        "  trafficPolicy: Allow\n  networks:\n  - {cidr: 10.0.0.0/8, except: [10.0.0.0/99]}\n",
        &["7 `10.0.0.0/99` is not a network"],
    );
}
