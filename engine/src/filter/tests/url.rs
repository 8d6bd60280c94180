//! Rewrites and redirects: the tables of the Gateway API's doc comments and of its conformance
//! tests (`httproute-rewrite-*.go`, `httproute-redirect-*.go`).

use super::*;

fn rewritten(path: PathRewrite, of: &str, prefix: Option<&str>) -> String {
    let filter = Filter::Rewrite(Rewrite {
        hostname: None,
        path: Some(path),
    });
    let mut request = get("web:80", of);
    match run(&[filter], &mut request, prefix) {
        None => request.path.to_string(),
        Some(answer) => format!("{}", answer.status.as_u16()),
    }
}

#[test]
fn a_prefix_is_replaced_by_element() {
    let check = |of: &str, prefix: &str, by: &str, expected: &str| {
        let seen = rewritten(PathRewrite::Prefix(by.into()), of, Some(prefix));
        assert_eq!(seen, expected, "{of} {prefix} {by}");
    };
    check("/foo/bar", "/foo", "/xyz", "/xyz/bar");
    check("/foo/bar", "/foo", "/xyz/", "/xyz/bar");
    check("/foo/bar", "/foo/", "/xyz", "/xyz/bar");
    check("/foo/bar", "/foo/", "/xyz/", "/xyz/bar");
    check("/foo", "/foo", "/xyz", "/xyz");
    check("/foo/", "/foo", "/xyz", "/xyz/");
    check("/foo/bar", "/foo", "", "/bar");
    check("/foo/", "/foo", "", "/");
    check("/foo", "/foo", "", "/");
    check("/foo/", "/foo", "/", "/");
    check("/foo", "/foo", "/", "/");
    check("/foo?a=b", "/foo", "/xyz", "/xyz?a=b");
    check("/foo?a=b", "/foo", "/", "/?a=b");
    check("/bar", "/", "/xyz", "/xyz/bar");
    check("/", "/", "/xyz", "/xyz/");
    check("*", "/", "/xyz", "*");
}

#[test]
fn a_full_path_replaces_all_but_the_query() {
    let full = |by: &str, of: &str| rewritten(PathRewrite::Full(by.into()), of, None);
    assert_eq!(full("/new", "/old/er?a=b"), "/new?a=b");
    assert_eq!(full("/", "/old"), "/");
    assert_eq!(full("new", "/old"), "/new");
}

#[test]
fn what_does_not_make_a_path_is_answered_with_500() {
    assert_eq!(
        rewritten(PathRewrite::Prefix("/x".into()), "/a", None),
        "500"
    );
    assert_eq!(
        rewritten(PathRewrite::Full("/a b".into()), "/a", None),
        "500"
    );
    assert_eq!(
        rewritten(PathRewrite::Full("/a\r\nb".into()), "/a", None),
        "500"
    );
}

#[test]
fn a_host_name_replaces_the_port_as_well_and_an_invalid_one_changes_nothing() {
    let mut request = get("web:8080", "/a");
    let rewrite = |hostname: &str| {
        Filter::Rewrite(Rewrite {
            hostname: Some(hostname.into()),
            path: Some(PathRewrite::Full("/b".into())),
        })
    };
    assert!(run(&[rewrite("a b")], &mut request, None).is_some());
    assert_eq!(request.path, "/a");
    assert!(run(&[rewrite("one.example.org")], &mut request, None).is_none());
    assert_eq!(request.authority.as_ref().unwrap(), "one.example.org");
    assert_eq!(request.path, "/b");
}

/// A redirect in the notation `scheme=… host=… port=… path=… prefix=…`.
fn redirect(notation: &str) -> Redirect {
    let mut redirect = Redirect {
        scheme: None,
        hostname: None,
        path: None,
        port: None,
        status: StatusCode::FOUND,
    };
    for part in notation.split_whitespace() {
        let (name, value) = part.split_once('=').unwrap();
        match name {
            "scheme" => redirect.scheme = Some(value.into()),
            "host" => redirect.hostname = Some(value.into()),
            "port" => redirect.port = Some(value.parse().unwrap()),
            "path" => redirect.path = Some(PathRewrite::Full(value.into())),
            "prefix" => redirect.path = Some(PathRewrite::Prefix(value.into())),
            "status" => redirect.status = value.parse().unwrap(),
            _ => unreachable!("{part}"),
        }
    }
    redirect
}

fn location(notation: &str, request: &RequestHead, port: u16) -> String {
    let origin = Origin::default_of("rule");
    let context = Context {
        prefix: Some("/a"),
        port,
        origin: &origin,
    };
    let answer = redirect::answer(&redirect(notation), request, &context).unwrap();
    assert!(answer.body.is_empty());
    answer.headers[LOCATION].to_str().unwrap().to_owned()
}

#[test]
fn a_redirect_keeps_what_it_does_not_name() {
    let check = |notation: &str, expected: &str| {
        let seen = location(notation, &get("web:80", "/a/b?q=1"), 80);
        assert_eq!(seen, expected, "{notation:?}");
    };
    check("", "http://web/a/b?q=1");
    check("host=x.org", "http://x.org/a/b?q=1");
    check("scheme=https", "https://web/a/b?q=1");
    check("scheme=https port=8443", "https://web:8443/a/b?q=1");
    check("port=8080", "http://web:8080/a/b?q=1");
    check("path=/c", "http://web/c?q=1");
    check("prefix=/c", "http://web/c/b?q=1");
    check("prefix=/", "http://web/b?q=1");
    check(
        "scheme=https host=x.org port=443 path=/",
        "https://x.org/?q=1",
    );
}

#[test]
fn the_port_follows_the_scheme_or_the_listener_and_is_left_out_when_well_known() {
    let check = |notation: &str, scheme: Scheme, listener: u16, expected: &str| {
        let mut request = get("web", "/");
        request.scheme = scheme;
        let seen = location(notation, &request, listener);
        assert_eq!(seen, expected, "{notation:?} on {listener}");
    };
    check("", Scheme::Http, 80, "http://web/");
    check("", Scheme::Http, 8080, "http://web:8080/");
    check("", Scheme::Https, 443, "https://web/");
    check("", Scheme::Https, 8443, "https://web:8443/");
    check("", Scheme::Http, 443, "http://web:443/");
    check("scheme=https", Scheme::Http, 8080, "https://web/");
    check("scheme=http", Scheme::Https, 8443, "http://web/");
    check("scheme=http port=80", Scheme::Https, 8443, "http://web/");
    check("scheme=https port=80", Scheme::Http, 80, "https://web:80/");
    check("scheme=ftp", Scheme::Http, 8080, "ftp://web:8080/");
}

#[test]
fn odd_targets_are_redirected_without_naming_another_host() {
    let seen = |host: &str, path: &str| location("", &get(host, path), 80);
    assert_eq!(seen("[::1]:80", "/a"), "http://[::1]/a");
    assert_eq!(seen("user@web", "/a"), "http://web/a");
    assert_eq!(seen("web", "//evil.org"), "http://web//evil.org");
    assert_eq!(seen("", "//evil.org/a"), "/evil.org/a");
    assert_eq!(seen("", "/a?b"), "/a?b");
    assert_eq!(seen("web", "*"), "http://web");
    assert_eq!(seen("", "*"), "/");
}

#[test]
fn a_redirect_ends_the_request_with_its_status() {
    for status in ["301", "302", "303", "307", "308"] {
        let filters = [
            Filter::Redirect(redirect(&format!("status={status} host=x.org"))),
            Filter::RequestHeaders(edit("never:1", "", "")),
        ];
        let mut request = get("web", "/a");
        let answer = run(&filters, &mut request, None).unwrap();
        assert_eq!(answer.status.as_str(), status);
        assert_eq!(answer.origin, Some(Origin::default_of("rule")));
        assert!(answer.flag.is_none() && request.headers.is_empty());
    }
    let broken = [Filter::Redirect(redirect("prefix=/x"))];
    let answer = run(&broken, &mut get("web", "/a"), None).unwrap();
    assert_eq!(answer.flag, Some(Flag::NoBackend));
}
