//! Cases of the Gateway API's conformance tests (`conformance/tests/httproute-*.go`,
//! `grpcroute-*.go`) and of its doc comments.

use super::*;

/// One rule and one request: does it match?
#[track_caller]
fn check(rule: &str, of: &str, expected: bool) {
    assert_eq!(
        !winner(&[rule], of).is_empty(),
        expected,
        "{rule:?} for {of:?}"
    );
}

/// Several rules and one request: which one wins?
#[track_caller]
fn wins(rules: &[&str], of: &str, expected: &str) {
    assert_eq!(winner(rules, of), expected, "for {of:?}");
    let reversed: Vec<_> = rules.iter().rev().copied().collect();
    assert_eq!(winner(&reversed, of), expected, "reversed, for {of:?}");
}

#[test]
fn prefixes_match_by_element() {
    check("/foo/*", "GET /foo", true);
    check("/foo/*", "GET /foo/", true);
    check("/foo/*", "GET /foo/bar", true);
    check("/foo/*", "GET /foo?x=1", true);
    check("/foo/*", "GET /foobar", false);
    check("/foo/*", "GET /fo", false);
    check("/foo/*", "GET /Foo", false);
    check("/foo/bar/*", "GET /foo/barn", false);
    check("/*", "GET /", true);
    check("/*", "OPTIONS *", true);
    check("any", "OPTIONS *", true);
}

#[test]
fn exact_paths_match_as_they_are() {
    check("/foo", "GET /foo", true);
    check("/foo", "GET /foo?a=b", true);
    check("/foo", "GET /foo/", false);
    check("/foo/", "GET /foo", false);
    check("/foo", "GET /FOO", false);
    check("/%66oo", "GET /foo", false);
}

#[test]
fn expressions_match_whole_paths() {
    check("~/v[0-9]+", "GET /v12", true);
    check("~/v[0-9]+", "GET /v12/x", false);
    check("~/v[0-9]+", "GET /x/v12", false);
    check("~/v[0-9]+", "GET /v12?q", true);
}

#[test]
fn methods_are_case_sensitive() {
    check("GET /a", "GET /a", true);
    check("GET /a", "HEAD /a", false);
    check("GET", "get /a", false);
}

#[test]
fn all_headers_of_a_match_have_to_hold() {
    check("a:1 b:2", "GET / a:1 b:2 c:3", true);
    check("a:1 b:2", "GET / a:1", false);
    check("A:1", "GET / a:1", true);
    check("a:x", "GET / a:X", false);
    check("a:~[0-9]+", "GET / a:77", true);
    check("a:~[0-9]+", "GET / a:77b", false);
    check("a:", "GET / a:", true);
    check("a:", "GET / b:", false);
}

#[test]
fn the_host_header_is_the_authority() {
    check("host:web.shop", "GET web.shop/", true);
    check("host:web.shop", "GET WEB.shop/", true);
    check("host:web.shop", "GET web.shop:80/", false);
    check("host:~web([.]shop)?(:80)?", "GET web.shop:80/", true);
    check("host:web", "GET cart/", false);
    check("host:web", "GET /", false);
}

#[test]
fn the_second_match_of_a_header_or_parameter_is_ignored() {
    check("a:1 A:2", "GET / a:1", true);
    check("a:1 A:2", "GET / a:2", false);
    check("?a=1 ?a=2", "GET /?a=1", true);
    // It does not make the match more specific either.
    wins(&["a:1 a:2", "a:1 b:2"], "GET / a:1 b:2", "a:1 b:2");
}

#[test]
fn a_repeated_header_is_one_list() {
    check("a:1,2", "GET / a:1 a:2", true);
    check("a:1", "GET / a:1 a:2", false);
    check("a:2", "GET / a:1 a:2", false);
    check("a:12", "GET / a:1 a:2", false);
    check("a:1,2,", "GET / a:1 a:2", false);
    check("a:~1,2", "GET / a:1 a:2", true);
    let mut spaced = rule("a:1,2");
    spaced.matches[0].headers[0].value = value("1, 2");
    let table = RouteTable::new(RouteKind::Http, vec![spaced]);
    let off = &mut Trail::off();
    assert!(find(&table, &request("GET / a:1 a:2"), off).is_some());
}

#[test]
fn several_cookie_lines_are_joined_as_cookies_are() {
    let mut wanted = rule("cookie:x");
    wanted.matches[0].headers[0].value = value("~.*; b=2");
    let table = RouteTable::new(RouteKind::Http, vec![wanted]);
    let head = request("GET / cookie:a=1 cookie:b=2");
    assert!(find(&table, &head, &mut Trail::off()).is_some());
}

#[test]
fn a_value_that_is_not_text_matches_only_exactly() {
    let mut head = request("GET /");
    let bytes = HeaderValue::from_bytes(b"\xff").unwrap();
    head.headers.insert("a", bytes);
    let any = table(&["a:~.*"]);
    assert!(find(&any, &head, &mut Trail::off()).is_none());
}

#[test]
fn query_parameters_match_undecoded_and_the_first_one_counts() {
    check("?animal=whale", "GET /?animal=whale", true);
    check("?animal=whale", "GET /?x=1&animal=whale&y", true);
    check("?animal=whale", "GET /?animal=dolphin&animal=whale", false);
    check("?animal=whale", "GET /?Animal=whale", false);
    check("?animal=whale", "GET /", false);
    check("?animal=~wh.*", "GET /?animal=whales", true);
    check("?a=b%20c", "GET /?a=b%20c", true);
    check("?a=%62", "GET /?a=b", false);
    check("?a=", "GET /?a", true);
    check("?a=", "GET /?a=", true);
    check("?a=b=c", "GET /?a=b=c", true);
}

#[test]
fn grpc_matches_by_service_and_method() {
    check("grpc:shop.Cart/Add", "POST /shop.Cart/Add", true);
    check("grpc:shop.Cart/Add", "POST /shop.Cart/Del", false);
    check("grpc:shop.Cart/*", "POST /shop.Cart/Del", true);
    check("grpc:shop.Cart/*", "POST /shop.CartX/Del", false);
    check("grpc:*/Add", "POST /any.Service/Add", true);
    check("grpc:~shop\\..*/*", "POST /shop.Cart/Add", true);
    check("grpc:~shop\\..*/*", "POST /bank.Cart/Add", false);
    check("grpc:shop.Cart/*", "POST /shop.Cart", false);
    check("grpc:shop.Cart/*", "POST /shop.Cart/a/b", false);
    check("grpc:*/*", "POST /anything", true);
    check("grpc:shop.Cart/Add v:2", "POST /shop.Cart/Add v:1", false);
}

#[test]
fn grpc_service_goes_before_method_before_headers() {
    let all = [
        "any",
        "grpc:*/Add",
        "grpc:a.B/*",
        "grpc:a.B/Add",
        "grpc:a.B/Add x:1",
    ];
    wins(&all, "POST /a.B/Add x:1", "grpc:a.B/Add x:1");
    wins(&all, "POST /a.B/Add", "grpc:a.B/Add");
    wins(&all[..3], "POST /a.B/Add", "grpc:a.B/*");
    wins(&all, "POST /x.Y/Add", "grpc:*/Add");
    wins(&all, "POST /x.Y/Del", "any");
    wins(
        &["grpc:~a.*/Add", "grpc:a.B/*"],
        "POST /a.B/Add",
        "grpc:a.B/*",
    );
}

#[test]
fn exact_paths_go_before_expressions_before_the_longest_prefix() {
    let all = ["/*", "/a/*", "/a/b/*", "~/a/.+", "/a/b"];
    wins(&all, "GET /a/b", "/a/b");
    wins(&all, "GET /a/b/c", "~/a/.+");
    wins(&all[..3], "GET /a/b/c", "/a/b/*");
    wins(&all[..3], "GET /a/bc", "/a/*");
    wins(&all[..3], "GET /b", "/*");
    wins(&["~/.*", "~/a/.*"], "GET /a/b", "~/a/.*");
    wins(&["~/.*", "/a/b/c/d/*"], "GET /a/b/c/d", "~/.*");
}

#[test]
fn a_longer_prefix_goes_before_a_method_before_headers_before_parameters() {
    wins(&["/a/b/*", "GET /a/* x:1"], "GET /a/b x:1", "/a/b/*");
    wins(&["GET /a/*", "/a/* x:1 y:2"], "GET /a x:1 y:2", "GET /a/*");
    wins(
        &["/a/* x:1 y:2", "/a/* x:1 ?q=1"],
        "GET /a?q=1 x:1 y:2",
        "/a/* x:1 y:2",
    );
    wins(
        &["/a/* ?q=1 ?r=1", "/a/* ?q=1"],
        "GET /a?q=1&r=1",
        "/a/* ?q=1 ?r=1",
    );
    wins(&["any", "GET"], "GET /", "GET");
}

#[test]
fn equals_are_decided_by_the_order_of_the_table() {
    assert_eq!(winner(&["/a x:1", "/a y:1"], "GET /a x:1 y:1"), "/a x:1");
    assert_eq!(winner(&["/a y:1", "/a x:1"], "GET /a x:1 y:1"), "/a y:1");
    assert_eq!(winner(&["/*", "any"], "GET /"), "/*");
    assert_eq!(winner(&["any", "/*"], "GET /"), "any");
}

#[test]
fn one_alternative_is_enough_and_the_best_one_counts() {
    check("/a | /b", "GET /b", true);
    check("/a | /b", "GET /c", false);
    wins(&["/x | /a/b/*", "/a/*"], "GET /a/b/c", "/x | /a/b/*");
    wins(&["/x | /a/*", "/a/b/*"], "GET /a/b/c", "/a/b/*");
}

#[test]
fn nothing_matches_when_no_rule_does() {
    assert_eq!(winner(&["/a", "GET /b"], "POST /b"), "");
    let table = RouteTable::new(RouteKind::Http, Vec::new());
    assert!(find(&table, &request("GET /"), &mut Trail::off()).is_none());
    let failure = no_route(&request("GET /x?secret=1"), &Origin::default_of("web"));
    assert_eq!(failure.status(), StatusCode::NOT_FOUND);
    assert_eq!(
        failure.to_string(),
        "NR: no rule of the routes matches GET /x [default web]"
    );
}

#[test]
fn host_names_go_before_paths() {
    let all = ["@*.x.org /a", "@*.b.x.org", "@a.b.x.org", "/a"];
    wins(&all, "GET a.b.x.org/a", "@a.b.x.org");
    wins(&all, "GET A.B.X.ORG:8080/a", "@a.b.x.org");
    wins(&all, "GET z.b.x.org/a", "@*.b.x.org");
    wins(&all, "GET q.x.org/a", "@*.x.org /a");
    wins(&all, "GET x.org/a", "/a");
    wins(&all, "GET /a", "/a");
    wins(&all, "GET q.x.org/b", "");
}

#[test]
fn hosts_and_paths_match_by_label_and_by_element() {
    for (wanted, of, expected) in [
        ("*.x.org", ".x.org", false),
        ("*.x.org", "ax.org", false),
        ("*.x.org", "a.x.org.", true),
        ("x.org", "x.org.", true),
        ("x.org", "a.x.org", false),
        ("x.org", "", false),
    ] {
        assert_eq!(host::matches(wanted, of), expected, "{wanted} {of}");
    }
    for (prefix, of, rest) in [
        ("/foo", "/foobar", None),
        ("/foo", "/foo", Some("")),
        ("/foo/", "/foo/bar", Some("/bar")),
        ("/", "/foo", Some("/foo")),
        ("/foo", "/bar", None),
    ] {
        assert_eq!(path::behind(prefix, of), rest, "{prefix} {of}");
        if prefix == "/" || !prefix.ends_with('/') {
            assert_eq!(path::is_under(prefix, of), rest.is_some(), "{prefix} {of}");
        }
    }
}

#[test]
fn tls_rules_match_by_server_name_and_tcp_rules_without_one() {
    let check = |rules: &[&str], name: Option<&str>, expected: &str| {
        let table = table(rules);
        let found = find_tls(&table, name, &mut Trail::off());
        let found = found.map_or("none", |f| &f.rule.name);
        assert_eq!(found, expected, "{name:?}");
    };
    let named = ["@*.x.org", "@a.x.org", "@Upper.org"];
    check(&named, Some("a.x.org"), "@a.x.org");
    check(&named, Some("b.x.org"), "@*.x.org");
    check(&named, Some("x.org"), "none");
    check(&named, Some("upper.org."), "@Upper.org");
    check(&named, None, "none");
    check(&["@a.x.org", "any"], None, "any");
    let tcp = table(&["@a.x.org", "/a", "grpc:a/b", "any", "/*"]);
    let found = find_tcp(&tcp, &mut Trail::off()).unwrap();
    assert_eq!(found.index, 3, "neither names nor paths can hold for bytes");
}

#[test]
fn the_prefix_that_matched_is_known_to_the_filters() {
    let prefix = |rules: &[&str], of: &str| {
        let table = table(rules);
        let found = find(&table, &request(of), &mut Trail::off()).unwrap();
        found.prefix().map(str::to_owned)
    };
    assert_eq!(prefix(&["/a/b/*"], "GET /a/b/c").as_deref(), Some("/a/b"));
    assert_eq!(prefix(&["any"], "GET /a").as_deref(), Some("/"));
    assert_eq!(prefix(&["GET"], "GET /a").as_deref(), Some("/"));
    assert_eq!(prefix(&["/a"], "GET /a"), None);
}

#[test]
fn the_trail_says_why_better_rules_did_not_match() {
    let all = table(&[
        "/*",
        "/a/* x:1",
        "POST /a",
        "~/b+",
        "/a/* ?q=1",
        "@h /a",
        "grpc:s/m",
    ]);
    let mut trail = Trail::on();
    find(&all, &request("GET /a/c x:2"), &mut trail);
    let steps: Vec<_> = trail.steps().iter().map(ToString::to_string).collect();
    assert_eq!(
        steps,
        [
            "route: @h /a matches[0]: there is no host, and h is wanted [default @h /a]",
            "route: POST /a matches[0]: path /a/c is not /a [default POST /a]",
            "route: grpc:s/m matches[0]: call /a/c is not service \"s\", method \"m\" \
             [default grpc:s/m]",
            "route: ~/b+ matches[0]: path /a/c does not match /b+ [default ~/b+]",
            "route: /a/* x:1 matches[0]: header x is \"2\", not \"1\" [default /a/* x:1]",
            "route: /a/* ?q=1 matches[0]: query q is absent, and \"1\" is wanted \
             [default /a/* ?q=1]",
            "route: /* matches[0] matches [default /*]",
        ]
    );
}

#[test]
fn equal_tables_have_equal_versions_and_other_ones_do_not() {
    let version = |rules: &[&str]| table(rules).version();
    assert_eq!(version(&["/a", "/b"]), version(&["/a", "/b"]));
    assert_ne!(version(&["/a", "/b"]), version(&["/b", "/a"]));
    assert_ne!(version(&["a:1"]), version(&["a:~1"]));
}
