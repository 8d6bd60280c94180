use core::net::IpAddr;

use http::Method;

use super::*;

fn on(source: HashSource) -> HashOn {
    HashOn {
        source,
        terminal: false,
    }
}

fn by_header(name: &'static str) -> HashOn {
    on(HashSource::Header(HeaderName::from_static(name)))
}

fn by_cookie(ttl: Option<u64>, path: Option<&str>) -> HashOn {
    on(HashSource::Cookie {
        name: "user".into(),
        ttl: ttl.map(Duration::from_secs),
        path: path.map(Into::into),
    })
}

fn request(path: &'static str, headers: &[(&'static str, &'static str)]) -> RequestHead {
    let mut head = RequestHead::new(Method::GET, None, path.parse().unwrap());
    for (name, value) in headers {
        head.headers.append(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    head
}

/// The hash has to be that of `expected`, or none.
#[track_caller]
fn check(on: HashOn, head: &RequestHead, expected: Option<&str>) {
    let seen = evaluate(&[on], head, None);
    assert_eq!(seen.hash, expected.map(|text| xxh64(text.as_bytes(), 0)));
    assert_eq!(seen.cookie, None);
}

#[test]
fn headers() {
    let head = request("/", &[("x-user", "ada")]);
    check(by_header("x-user"), &head, Some("ada"));
    check(by_header("x-other"), &head, None);
    let of = |first, second| {
        let head = request("/", &[("x-user", first), ("x-user", second)]);
        evaluate(&[by_header("x-user")], &head, None).hash
    };
    assert_eq!(of("a", "b"), of("b", "a"));
    assert_eq!(of("a", "b"), Some(xxh64(b"b", xxh64(b"a", 0))));
}

#[test]
fn cookies() {
    let with = |value| request("/", &[("cookie", value)]);
    check(by_cookie(None, None), &with("user=ada"), Some("ada"));
    check(
        by_cookie(None, None),
        &with("a=1; user=\"ada\"; b=2"),
        Some("ada"),
    );
    check(by_cookie(None, None), &with("superuser=x; user="), None);
    check(by_cookie(None, None), &with("; ;=;user;"), None);
    check(by_cookie(Some(5), None), &with("user=ada"), Some("ada"));
    let two = request("/", &[("cookie", "a=1"), ("cookie", "user=ada")]);
    check(by_cookie(None, None), &two, Some("ada"));
}

#[test]
fn a_cookie_with_a_lifetime_is_made_up_and_hashed() {
    let mut rng = Entropy::from_seed(1);
    for (ttl, path, expected) in [
        (3600, Some("/shop"), "; Max-Age=3600; Path=/shop; HttpOnly"),
        (0, None, "; HttpOnly"),
    ] {
        let head = request("/", &[]);
        let made = evaluate(&[by_cookie(Some(ttl), path)], &head, Some(&mut rng));
        let cookie = made.cookie.unwrap();
        let rest = cookie.to_str().unwrap().strip_prefix("user=\"").unwrap();
        let (value, rest) = rest.split_once('"').unwrap();
        assert_eq!(rest, expected);
        assert_eq!(made.hash, Some(xxh64(value.as_bytes(), 0)));
        // The next request brings it back.
        let mut again = request("/", &[]);
        let sent = format!("user={value}");
        again.headers.insert(COOKIE, sent.parse().unwrap());
        let seen = evaluate(&[by_cookie(Some(ttl), path)], &again, Some(&mut rng));
        assert_eq!((seen.hash, seen.cookie), (made.hash, None));
    }
}

#[test]
fn query_parameters_and_the_source() {
    let by = |name: &str| on(HashSource::QueryParam(name.into()));
    let head = request("/find?q=1&user=a%20da&user=b", &[]);
    check(by("user"), &head, Some("a%20da"));
    check(by("use"), &head, None);
    check(by("user"), &request("/?user", &[]), Some(""));
    check(by("user"), &request("/", &[]), None);
    let mut head = request("/", &[]);
    check(on(HashSource::SourceIp), &head, None);
    head.source = Some(IpAddr::from([10, 0, 0, 7]));
    check(on(HashSource::SourceIp), &head, Some("10.0.0.7"));
}

#[test]
fn parts_are_combined_in_order_until_a_terminal_one() {
    let head = request("/", &[("a", "1"), ("b", "2")]);
    let hash = |parts: &[HashOn]| evaluate(parts, &head, None).hash.unwrap();
    let (a, b) = (xxh64(b"1", 0), xxh64(b"2", 0));
    assert_eq!(
        hash(&[by_header("a"), by_header("b")]),
        a.rotate_left(1) ^ b
    );
    assert_ne!(hash(&[by_header("a"), by_header("a")]), 0);
    let terminal = |part: HashOn| HashOn {
        terminal: true,
        ..part
    };
    assert_eq!(hash(&[terminal(by_header("a")), by_header("b")]), a);
    assert_eq!(hash(&[terminal(by_header("missing")), by_header("b")]), b);
    assert_eq!(evaluate(&[], &head, None), Hashed::default());
}
