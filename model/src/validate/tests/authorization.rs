//! AuthorizationPolicy and RateLimitPolicy.

use super::*;

/// `spec` goes on at line 6, below a target of `kind`.
#[track_caller]
fn policy(kind: &str, target: &str, spec: &str, expected: &[&str]) {
    let text = format!(
        "apiVersion: meshctl.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: p}}\nspec:\n  \
         targetRefs: [{{{target}}}]\n{spec}"
    );
    assert_eq!(said(&text), expected, "{spec}");
}

const SERVICE: &str = "kind: Service, name: web";

#[track_caller]
fn authorization(spec: &str, expected: &[&str]) {
    policy("AuthorizationPolicy", SERVICE, spec, expected);
}

/// A rule: `rule` begins at line 7.
#[track_caller]
fn authz_rule(rule: &str, expected: &[&str]) {
    authorization(&format!("  rules:\n  - {rule}\n"), expected);
}

#[track_caller]
fn limits(spec: &str, expected: &[&str]) {
    policy("RateLimitPolicy", SERVICE, spec, expected);
}

#[test]
fn a_whole_policy_is_fine() {
    authorization(
        "  selector: {matchLabels: {app: web}}
  action: Deny
  rules:
  - {}
  - from:
    - {identities: ['spiffe://cluster.local/ns/shop/sa/web', '*/sa/x', '*']}
    - {notServiceAccounts: [web, 'pay/*'], namespaces: ['shop-*']}
    - {ipBlocks: [10.0.0.0/8, '::1', 10.1.2.3]}
    to:
    - {hosts: ['*.shop', web], ports: [8080], methods: [GET], notPaths: ['/a/*', '*.js']}
    - {grpcMethods: ['shop.Cart/*']}
    when:
    - {key: 'header[x-env]', values: [prod]}
    - {key: 'jwt.claims[realm][roles]', notValues: [guest]}
",
        &[],
    );
}

#[test]
fn what_sets_nothing_is_refused() {
    authorization("", &["5 error: the policy sets nothing"]);
    authorization(
        "  action: Deny\n",
        &["6 error: `action` has no effect without `rules`"],
    );
    authorization("  rules: []\n", &["6 error: `rules` is empty"]);
    authorization(
        "  selector: {}\n  rules: [{}]\n",
        &["6 error: the selector has no labels"],
    );
    authz_rule("from: []", &["7 error: `from` is an empty list"]);
    authz_rule(
        "from: [{}]",
        &["7 error: a source without a field stands for everybody"],
    );
    authz_rule(
        "to: [{}]",
        &["7 error: an operation without a field stands for everything"],
    );
    authz_rule(
        "from: [{namespaces: []}]",
        &["7 error: `namespaces` is an empty list"],
    );
    authz_rule(
        "when: [{key: 'header[a]'}]",
        &["7 error: a condition without values always holds"],
    );
}

#[test]
fn values_that_could_never_match_are_refused() {
    let table = [
        (
            "from: [{identities: [cluster.local/ns/a/sa/b]}]",
            "`cluster.local/ns/a/sa/b` is not a SPIFFE id",
        ),
        (
            "from: [{identities: ['http://*']}]",
            "`http://*` is not a SPIFFE id",
        ),
        (
            "from: [{serviceAccounts: [a/b/c]}]",
            "`a/b/c` is not a service account",
        ),
        ("from: [{namespaces: [Shop]}]", "`Shop` is not a namespace"),
        (
            "from: [{ipBlocks: [10.1.0.0/8]}]",
            "`10.1.0.0/8` has bits behind its prefix",
        ),
        (
            "from: [{ipBlocks: [web]}]",
            "`web` is not an IP address or block",
        ),
        ("to: [{methods: [get]}]", "`get` is not a method"),
        ("to: [{hosts: ['web:80']}]", "`web:80` is not a host name"),
        (
            "to: [{paths: [admin]}]",
            "the path `admin` does not begin with `/`",
        ),
        ("to: [{paths: ['/a?b']}]", "the path `/a?b` has a query"),
        (
            "to: [{paths: ['/a//b']}]",
            "the path `/a//b` is not in its normal form",
        ),
        (
            "to: [{paths: ['/%61*']}]",
            "the path `/%61*` is not in its normal form",
        ),
        (
            "to: [{grpcMethods: [/shop.Cart/Add]}]",
            "`/shop.Cart/Add` is not a method of gRPC",
        ),
        (
            "when: [{key: 'headers[a]', values: [b]}]",
            "`headers[a]` is not a key of a condition",
        ),
        (
            "when: [{key: 'header[a b]', values: [c]}]",
            "`a b` is not a name of a header",
        ),
        (
            "when: [{key: 'jwt.claims[a][]', values: [b]}]",
            "`jwt.claims[a][]` is not a key of a condition",
        ),
    ];
    for (rule, message) in table {
        authz_rule(rule, &[&format!("7 error: {message}")]);
    }
}

#[test]
fn targets_are_of_the_own_namespace_and_have_a_proxy() {
    let rules = "  rules: [{}]\n";
    for target in [
        "group: gateway.networking.k8s.io, kind: HTTPRoute, name: r, sectionName: a",
        "kind: Namespace, name: default",
        "group: meshctl.dev, kind: Workload, name: vm",
        "group: gateway.networking.x-k8s.io, kind: XMesh, name: m",
    ] {
        policy("AuthorizationPolicy", target, rules, &[]);
    }
    policy(
        "AuthorizationPolicy",
        "kind: Service, name: web, namespace: other",
        rules,
        &["5 error: an AuthorizationPolicy is of the namespace of its target"],
    );
    policy(
        "AuthorizationPolicy",
        "group: meshctl.dev, kind: Workload, name: vm, sectionName: http",
        rules,
        &["5 error: a Workload has no sections"],
    );
    let elsewhere = "group: meshctl.dev, kind: Workload, name: vm, namespace: other";
    policy(
        "AuthorizationPolicy",
        elsewhere,
        rules,
        &["5 error: a Workload is named without namespace"],
    );
    policy(
        "AuthorizationPolicy",
        "group: gateway.networking.x-k8s.io, kind: XBackend, name: out",
        rules,
        &[
            "5 error: XBackend (group \"gateway.networking.x-k8s.io\") is not supported by this version",
        ],
    );
}

#[test]
fn a_workload_is_named_by_those_that_guard_it() {
    let workload = "group: meshctl.dev, kind: Workload, name: vm";
    let limit = "  local: {rules: [{limit: {requests: 1}}]}\n";
    policy("RateLimitPolicy", workload, limit, &[]);
    policy(
        "RateLimitPolicy",
        workload,
        &format!("  side: Client\n{limit}"),
        &["5 error: the limits of a Workload are held by its own proxy"],
    );
    let gateway = "group: gateway.networking.k8s.io, kind: Gateway, name: edge";
    policy("RateLimitPolicy", gateway, limit, &[]);
    policy(
        "RateLimitPolicy",
        gateway,
        &format!("  headers: true\n  selector: {{matchLabels: {{a: b}}}}\n{limit}"),
        &[
            "7 error: `selector` has no effect at a Gateway",
            "6 error: `headers` has no effect at a Gateway",
        ],
    );
    policy("AuthorizationPolicy", gateway, "  rules: [{}]\n", &[]);
    policy("TrafficPolicy", gateway, "  retry: {}\n", &[]);
    let cannot = "5 error: Workload (group \"meshctl.dev\") cannot be a target of this policy";
    policy("BackendPolicy", workload, "  limits: {}\n", &[cannot]);
    policy("TrafficPolicy", workload, "  retry: {}\n", &[cannot]);
}

#[test]
fn mutual_tls_is_a_matter_of_workloads() {
    authorization(
        "  peerAuthentication: {mtls: Strict}\n",
        &["6 error: a Service has no peerAuthentication"],
    );
    let namespace = "kind: Namespace, name: default";
    policy(
        "AuthorizationPolicy",
        namespace,
        "  peerAuthentication:\n    mtls: Strict\n    ports:\n    - {port: 1, mtls: Disable}\n    - {port: 1, mtls: Strict}\n",
        &["10 error: port 1 is named twice"],
    );
}

#[test]
fn keys_are_public_and_there() {
    let jwks = |jwks: &str, message: &str| {
        let spec = format!("  jwt:\n    providers:\n    - issuer: i\n      jwks: {jwks}\n");
        authorization(&spec, &[&format!("9 error: {message}")]);
    };
    jwks("{}", "the provider has no keys");
    jwks(
        "{uri: 'https://i/keys'}",
        "`uri` does not begin with `http://`",
    );
    jwks(
        "{uri: 'http://keys/', inline: '{}'}",
        "the provider has two sources of keys",
    );
    jwks("{inline: '{}'}", "the key set has no list `keys`");
    jwks("{inline: '{\"keys\": []}'}", "the key set has 0 keys");
    jwks(
        "{inline: '{\"keys\": [{\"kty\": \"oct\", \"k\": \"a\"}]}'}",
        "keys[0] is a shared secret",
    );
    jwks(
        "{inline: '{\"keys\": [{\"kty\": \"EC\", \"d\": \"a\"}]}'}",
        "keys[0] is a private key",
    );
    jwks(
        "{inline: '{\"keys\": [{\"kty\": \"RSA\", \"n\": \"a\"}]}'}",
        "keys[0] of type RSA has no `e`",
    );
    authorization(
        "  jwt: {providers: []}\n",
        &["6 error: there is no provider: every request would be denied"],
    );
}

#[test]
fn limits_say_what_they_count() {
    limits(
        "  local:
    rules:
    - limit: {requests: 10, unit: Minute, burst: 5}
      per: Identity
      matches: [{methods: [POST], paths: ['/pay/*'], when: [{key: 'header[a]', values: [b]}]}]
      overrides: [{identities: ['*/sa/batch'], limit: {requests: 100}}]
    - {limit: {requests: 10}, per: Header, header: x-tenant}
  headers: true
  shadowMode: true
",
        &[],
    );
    limits("", &["5 error: the policy limits nothing"]);
    let global = |fields: &str, messages: &[&str]| {
        let text = "serviceRef: {name: l, port: 8081}, domain: d";
        limits(&format!("  global: {{{text}{fields}}}\n"), messages);
    };
    global(
        ", rules: [{limit: {requests: 1}}], failOpen: false, timeout: 5ms",
        &[],
    );
    global("", &["6 error: `rules` is an empty list"]);
    global(
        ", rules: [{limit: {requests: 1}}], timeout: 11s",
        &["6 error: the timeout is not between 1ms and 10s"],
    );
    global(
        ", rules: [{limit: {requests: 1, burst: 2}}]",
        &["6 error: a global limit has no `burst`"],
    );
    let rule = |rule: &str, message: &str| {
        limits(
            &format!("  local:\n    rules:\n    - {rule}\n"),
            &[&format!("8 error: {message}")],
        );
    };
    rule(
        "{limit: {requests: 1}, per: Header}",
        "`per: Header` needs `header`",
    );
    rule(
        "{limit: {requests: 1}, header: a}",
        "`header` has no effect",
    );
    rule(
        "{limit: {requests: 1}, overrides: [{identities: ['*'], limit: {requests: 2}}]}",
        "`overrides` have no effect",
    );
    rule(
        "{limit: {requests: 0, burst: 1}}",
        "`burst` has no effect when `requests` is 0",
    );
    rule(
        "{limit: {requests: 1}, matches: [{when: [{key: 'jwt.claims[a]', values: [b]}]}]}",
        "`jwt.claims[a]` is not a key of a condition",
    );
    let client = |fields: &str, messages: &[&str]| {
        limits(
            &format!("  side: Client\n  local: {{rules: [{{limit: {{requests: 1}}}}]}}\n{fields}"),
            messages,
        );
    };
    client("", &[]);
    client(
        "  headers: true\n",
        &["8 error: `headers` has no effect with `side: Client`"],
    );
    client(
        "  selector: {matchLabels: {a: b}}\n",
        &["8 error: `selector` has no effect with `side: Client`"],
    );
    limits(
        "  side: Client\n  local: {rules: [{limit: {requests: 1}, per: Identity}]}\n",
        &["7 error: `per: Identity` has no effect with `side: Client`"],
    );
}
