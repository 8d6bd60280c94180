//! Tables over header maps.

use super::*;

fn map(fields: &[(&'static str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in fields {
        map.append(*name, value.parse().unwrap());
    }
    map
}

fn check_hop_by_hop(before: &[(&'static str, &str)], after: &[(&'static str, &str)]) {
    let mut headers = map(before);
    remove_hop_by_hop(&mut headers);
    assert_eq!(headers, map(after), "{before:?}");
}

#[test]
fn what_concerns_one_connection_is_removed() {
    check_hop_by_hop(&[("x-a", "1")], &[("x-a", "1")]);
    check_hop_by_hop(&[("connection", "close"), ("x-a", "1")], &[("x-a", "1")]);
    check_hop_by_hop(
        &[("connection", "x-a, x-b"), ("x-a", "1"), ("x-b", "1")],
        &[],
    );
    check_hop_by_hop(
        &[
            ("connection", "a"),
            ("connection", "X-B"),
            ("a", "1"),
            ("x-b", "1"),
        ],
        &[],
    );
    check_hop_by_hop(
        &[("keep-alive", "timeout=5"), ("proxy-connection", "x")],
        &[],
    );
    check_hop_by_hop(&[("transfer-encoding", "chunked"), ("upgrade", "h2c")], &[]);
    check_hop_by_hop(&[("te", "gzip, trailers;q=1")], &[]);
    check_hop_by_hop(&[("te", "gzip"), ("te", "Trailers")], &[("te", "trailers")]);
    check_hop_by_hop(
        &[("connection", "te"), ("te", "trailers")],
        &[("te", "trailers")],
    );
}

#[test]
fn a_client_cannot_nominate_what_the_next_hop_decides_by() {
    for name in [
        "content-length",
        "host",
        "authorization",
        "cookie",
        "x-forwarded-for",
    ] {
        check_hop_by_hop(&[("connection", name), (name, "1")], &[(name, "1")]);
    }
}

#[test]
fn cookie_crumbs_are_joined_in_order() {
    let mut headers = map(&[
        ("cookie", "a=1"),
        ("x", "1"),
        ("cookie", "b=2; c=3"),
        ("cookie", "d=4"),
    ]);
    join_cookies(&mut headers);
    assert_eq!(
        headers,
        map(&[("cookie", "a=1; b=2; c=3; d=4"), ("x", "1")])
    );
    let mut headers = map(&[("cookie", "a=1")]);
    join_cookies(&mut headers);
    assert_eq!(headers, map(&[("cookie", "a=1")]));
}

#[test]
fn equal_lengths_become_one_and_others_are_refused() {
    let check = |values: &[&str], expected: Option<&[&str]>| {
        let fields: Vec<_> = values.iter().map(|v| ("content-length", *v)).collect();
        let mut headers = map(&fields);
        let seen = normalise_length(&mut headers).ok().map(|()| headers);
        let expected = expected.map(|values| {
            let fields: Vec<_> = values.iter().map(|v| ("content-length", *v)).collect();
            map(&fields)
        });
        assert_eq!(seen, expected, "{values:?}");
    };
    check(&[], Some(&[]));
    check(&["5"], Some(&["5"]));
    check(&["5", "5"], Some(&["5"]));
    check(&["5, 05"], Some(&["5"]));
    check(&["5", "6"], None);
    check(&["5, 6"], None);
    check(&["+5"], None);
    check(&["99999999999999999999"], None);
}

#[test]
fn upgrade_tokens_never_name_h2c() {
    for (value, expected) in [
        ("websocket", Some("websocket")),
        ("h2c", None),
        ("H2C , websocket,foo/1", Some("websocket, foo/1")),
        (" , ", None),
    ] {
        assert_eq!(
            upgrade_token(value.as_bytes()).as_deref(),
            expected,
            "{value:?}"
        );
    }
}

#[test]
fn hosts_are_hosts() {
    for (authority, expected) in [
        ("a", true),
        ("a:80", true),
        ("[::1]", true),
        ("[::1]:65535", true),
        ("a:65536", false),
        ("a:", false),
        ("u@a", false),
        (":80", false),
    ] {
        let seen = authority.parse::<Authority>().is_ok_and(|a| is_host(&a));
        assert_eq!(seen, expected, "{authority:?}");
    }
}
