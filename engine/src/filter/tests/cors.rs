//! CORS, after the Gateway API's doc comments (`HTTPCORSFilter`) and the Fetch standard.

use super::*;

/// A filter in the notation of its fields; lists are separated by commas.
fn cors(origins: &str, methods: &str, headers: &str, expose: &str, credentials: bool) -> Cors {
    let list = |text: &str| {
        text.split(',')
            .filter(|i| !i.is_empty())
            .map(Into::into)
            .collect()
    };
    Cors {
        allow_origins: list(origins),
        allow_methods: list(methods),
        allow_headers: list(headers),
        expose_headers: list(expose),
        allow_credentials: credentials,
        max_age_seconds: 5,
    }
}

fn preflight(cors: Cors, headers: &str) -> Option<String> {
    let mut request = head(Method::OPTIONS, "web", "/a");
    request.headers = header_map(headers);
    let answer = run(&[Filter::Cors(cors)], &mut request, None)?;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    Some(shown(&answer.headers).replace("access-control-", "ac-"))
}

const ASKS: &str = "origin:https://a.org access-control-request-method:PUT \
                    access-control-request-headers:x-a,x-b";
const VARIES: &str = "vary:ac-request-headers vary:ac-request-method";

#[test]
fn origins_are_exact_or_have_a_wildcard_host() {
    let check = |allowed: &str, origin: &str, expected: bool| {
        let cors = cors(allowed, "", "", "", false);
        let value = HeaderValue::from_str(origin).unwrap();
        assert_eq!(
            crate::filter::cors::allows(&cors, &value),
            expected,
            "{allowed} {origin}"
        );
    };
    check("*", "https://any.org", true);
    check("*", "null", true);
    check("https://a.org", "https://a.org", true);
    check("https://a.org", "HTTPS://A.org", true);
    check("https://a.org", "http://a.org", false);
    check("https://a.org", "https://a.org:8443", false);
    check("https://a.org", "https://a.org.evil.org", false);
    check("https://b.org,https://a.org", "https://a.org", true);
    check("https://*.a.org", "https://x.a.org", true);
    check("https://*.a.org", "https://x.y.a.org", true);
    check("https://*.a.org", "https://a.org", false);
    check("https://*.a.org", "https://.a.org", false);
    check("https://*.a.org", "https://evil.org/.a.org", false);
    check("https://*.a.org", "https://evil.org:1@x.a.org", false);
    check("https://*.a.org", "https://xa.org", false);
    check("https://*.a.org:8443", "https://x.a.org:8443", true);
    check("https://*.a.org:8443", "https://x.a.org", false);
    check("https://*", "https://x.org", true);
    check("", "https://a.org", false);
}

#[test]
fn a_preflight_is_answered_with_what_is_allowed() {
    let listed = cors("https://a.org", "GET,PUT", "x-a", "x-never", false);
    assert_eq!(
        preflight(listed, ASKS).unwrap(),
        format!(
            "ac-allow-headers:x-a ac-allow-methods:GET, PUT ac-allow-origin:https://a.org \
             ac-max-age:5 {VARIES} vary:origin"
        )
    );
    let anything = cors("*", "*", "*", "", false);
    assert_eq!(
        preflight(anything, ASKS).unwrap(),
        format!("ac-allow-headers:* ac-allow-methods:* ac-allow-origin:* ac-max-age:5 {VARIES}")
    );
}

#[test]
fn with_credentials_a_wildcard_becomes_what_was_asked_for() {
    let all = || cors("*", "*", "*", "*", true);
    assert_eq!(
        preflight(all(), ASKS).unwrap(),
        format!(
            "ac-allow-credentials:true ac-allow-headers:x-a,x-b ac-allow-methods:PUT \
             ac-allow-origin:https://a.org ac-max-age:5 {VARIES} vary:origin"
        )
    );
    let asks = "origin:https://a.org access-control-request-method:PUT";
    let answer = preflight(all(), asks).unwrap();
    assert!(
        !answer.contains("allow-headers"),
        "nothing was asked for: {answer}"
    );
}

#[test]
fn an_origin_that_is_not_allowed_gets_no_permission() {
    let other = cors("https://b.org", "*", "*", "", true);
    assert_eq!(preflight(other.clone(), ASKS).unwrap(), "vary:origin");
    let mut response = header_map("a:1");
    let origin = HeaderValue::from_static("https://a.org");
    on_response(&[Filter::Cors(other)], Some(&origin), &mut response);
    assert_eq!(shown(&response), "a:1 vary:origin");
}

#[test]
fn what_is_no_preflight_goes_on() {
    let all = || cors("*", "*", "*", "", false);
    assert_eq!(preflight(all(), "origin:https://a.org"), None);
    assert_eq!(preflight(all(), "access-control-request-method:PUT"), None);
    let mut request = get("web", "/");
    request.headers = header_map(ASKS);
    assert!(run(&[Filter::Cors(all())], &mut request, None).is_none());
}

#[test]
fn a_preflight_is_answered_before_a_redirect() {
    let filters = [
        Filter::Redirect(Redirect {
            scheme: None,
            hostname: Some("x.org".into()),
            path: None,
            port: None,
            status: StatusCode::FOUND,
        }),
        Filter::Cors(cors("*", "*", "", "", false)),
    ];
    let mut request = head(Method::OPTIONS, "web", "/a");
    request.headers = header_map(ASKS);
    let answer = run(&filters, &mut request, None).unwrap();
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
}

#[test]
fn responses_are_shared_with_the_origin_that_asked() {
    let check = |cors: Cors, before: &str, after: &str| {
        let filters = [Filter::Cors(cors)];
        let mut request = get("web", "/");
        request.headers = header_map("origin:https://a.org");
        let origin = cors_origin(&filters, &request);
        let mut response = header_map(before);
        on_response(&filters, origin.as_ref(), &mut response);
        assert_eq!(shown(&response).replace("access-control-", "ac-"), after);
    };
    check(cors("*", "", "", "", false), "", "ac-allow-origin:*");
    check(
        cors("https://*.org", "", "", "x-a,x-b", false),
        "vary:Accept,Origin",
        "ac-allow-origin:https://a.org ac-expose-headers:x-a, x-b vary:Accept,Origin",
    );
    check(
        cors("*", "", "", "*", true),
        "x-a:1",
        "ac-allow-credentials:true ac-allow-origin:https://a.org ac-expose-headers:x-a \
         vary:origin x-a:1",
    );
    // The application's own CORS headers do not get a second value, nor its credentials through.
    check(
        cors("*", "", "", "", false),
        "access-control-allow-origin:https://b.org access-control-allow-credentials:true",
        "ac-allow-origin:*",
    );
}

#[test]
fn a_request_without_an_origin_is_not_decorated() {
    let filters = [Filter::Cors(cors("*", "", "", "", false))];
    assert_eq!(cors_origin(&filters, &get("web", "/")), None);
    let mut response = HeaderMap::new();
    on_response(&filters, None, &mut response);
    assert!(response.is_empty() && response.get(VARY).is_none());
}
