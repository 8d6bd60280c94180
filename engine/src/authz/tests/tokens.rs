//! Tokens: needed, optional, passed on, and what they claim.

use super::*;

#[test]
fn a_token_is_needed_where_one_is_asked_for() {
    let bearer = |token: &str| {
        let mut head = get("/");
        let value = HeaderValue::from_str(&format!("bearer {token}")).unwrap();
        head.headers.insert("authorization", value);
        head
    };
    let jwt = || vec![with_jwt(false, true, false)];
    check(
        jwt(),
        Some(WEB),
        Some(&get("/")),
        "denied: there is no token",
    );
    check(jwt(), Some(WEB), None, "denied: there is no token");
    check(
        jwt(),
        Some(WEB),
        Some(&bearer("old")),
        "denied: the token is not valid: it expired",
    );
    check(
        jwt(),
        Some(WEB),
        Some(&bearer("foreign")),
        "denied: the token is not valid: its issuer",
    );
    check(
        jwt(),
        Some(WEB),
        Some(&bearer("good")),
        "allowed: no policy",
    );
    check(
        vec![with_jwt(true, true, false)],
        None,
        Some(&get("/")),
        "allowed: no policy",
    );
    let optional = || vec![with_jwt(true, true, false)];
    check(
        optional(),
        None,
        Some(&bearer("old")),
        "denied: the token is not valid",
    );
    let no_keys = vec![with_jwt(true, false, false)];
    check(
        no_keys,
        None,
        Some(&bearer("good")),
        "denied: the keys of https://issuer",
    );

    let removed = |forward| {
        ask(
            &port(vec![with_jwt(false, true, forward)]),
            None,
            Some(&bearer("good")),
        )
        .remove
    };
    assert_eq!(removed(false), [http::header::AUTHORIZATION]);
    assert!(removed(true).is_empty());

    let claim = |path: &[&str], values| {
        when(
            Key::Claim(path.iter().map(|name| Arc::from(*name)).collect()),
            values,
        )
    };
    let with =
        |action, rule: Rule| vec![policy("p", action, vec![rule]), with_jwt(true, true, true)];
    let roles = || claim(&["realm", "roles"], wanted(&["buyer"]));
    check(
        with(Action::Allow, roles()),
        None,
        Some(&bearer("good")),
        "allowed: AuthorizationPolicy",
    );
    check(
        with(Action::Allow, roles()),
        None,
        Some(&get("/")),
        "denied",
    );
    let not_alice = || claim(&["sub"], unwanted(&["alice"]));
    check(
        with(Action::Deny, not_alice()),
        None,
        Some(&bearer("good")),
        "allowed",
    );
    // Who says nothing about themselves is not spared, and not let in.
    check(
        with(Action::Deny, not_alice()),
        None,
        Some(&get("/")),
        "denied",
    );
    check(
        with(Action::Allow, not_alice()),
        None,
        Some(&get("/")),
        "denied",
    );
}
