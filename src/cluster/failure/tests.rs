use std::io;

use serde_json::{Value, json};

use super::*;

/// What an answer with this status and body becomes: kind, and all its words in one text.
fn answer(code: u16, body: &Value) -> (Kind, String) {
    let body = body.to_string();
    let failure = Failure::of_answer("list pods", code, body.as_bytes(), None);
    let words = [vec![failure.message], failure.causes, failure.hints].concat();
    (failure.kind, words.join("\n"))
}

fn status(reason: &str, message: &str) -> Value {
    json!({"kind": "Status", "reason": reason, "message": message})
}

#[test]
fn every_refusal_is_of_a_kind_and_says_what_to_do() {
    for (code, body, kind, words) in [
        (
            401,
            status("Unauthorized", "no"),
            Kind::Unauthorized,
            "does not accept your credentials",
        ),
        (
            403,
            status("Forbidden", "user x cannot"),
            Kind::Forbidden,
            "user x cannot",
        ),
        (
            404,
            status("NotFound", "no pods"),
            Kind::NotFound,
            "no pods",
        ),
        (
            409,
            status("Conflict", "modified"),
            Kind::Conflict,
            "at the same time",
        ),
        (
            409,
            status("AlreadyExists", "is"),
            Kind::Conflict,
            "there already",
        ),
        (410, status("Expired", "too old"), Kind::Gone, "-n"),
        (
            422,
            status("Invalid", "weight: -1"),
            Kind::Invalid,
            "weight: -1",
        ),
        (
            415,
            status("UnsupportedMediaType", "no"),
            Kind::Invalid,
            "refuses it",
        ),
        (
            429,
            status("TooManyRequests", "slow down"),
            Kind::Busy,
            "overloaded",
        ),
        (
            500,
            status("InternalError", "etcd"),
            Kind::Server,
            "its log says more",
        ),
        (
            503,
            json!("no healthy upstream"),
            Kind::Busy,
            "no healthy upstream",
        ),
        (
            302,
            json!("moved"),
            Kind::Server,
            "something else at the address",
        ),
    ] {
        let (got, text) = answer(code, &body);
        assert_eq!(got, kind, "{code}");
        assert!(text.contains("cannot list pods"), "{code}: {text}");
        assert!(text.contains(words), "{code}: {text}");
    }
}

#[test]
fn each_field_that_is_refused_is_named() {
    let causes =
        json!([{"field": "spec.rules[0]", "message": "must be", "reason": "FieldValueInvalid"}]);
    let mut body = status("Invalid", "long text");
    body["details"] = json!({"causes": causes});
    assert!(answer(422, &body).1.contains("spec.rules[0]: must be"));
}

#[test]
fn the_owners_of_fields_are_named() {
    let mut body = status("Conflict", "Apply failed with 1 conflict");
    body["details"] = json!({"causes": [{
        "reason": "FieldManagerConflict",
        "message": "conflict with \"argocd-controller\" using gateway.networking.k8s.io/v1",
        "field": ".spec.rules",
    }]});
    let (kind, text) = answer(409, &body);
    let owner = Owner {
        manager: "argocd-controller".into(),
        field: ".spec.rules".into(),
    };
    assert_eq!(kind, Kind::Owned(vec![owner]));
    assert!(
        text.contains("`argocd-controller` owns .spec.rules"),
        "{text}"
    );
    assert!(text.contains("--force"), "{text}");
}

#[test]
fn an_answer_that_is_no_status_is_shortened() {
    let page = format!("<html>{}</html>", "x".repeat(10_000));
    let failure = Failure::of_answer("list pods", 500, page.as_bytes(), None);
    assert!(failure.causes[0].chars().count() <= ANSWER_SHOWN_MAX);
}

#[test]
fn connections_fail_in_different_ways() {
    let of = |kind: io::ErrorKind| {
        let error = io::Error::other(io::Error::from(kind));
        Failure::of_connection("list pods", "https://x", &error)
    };
    // The outer error is of kind Other: what it wraps decides.
    let wrapped = of(io::ErrorKind::ConnectionRefused);
    assert_eq!(wrapped.kind, Kind::Unreachable);
    for (kind, expected, words) in [
        (
            io::ErrorKind::ConnectionRefused,
            Kind::Unreachable,
            "nothing listens at https://x",
        ),
        (io::ErrorKind::TimedOut, Kind::Unreachable, "VPN"),
        (
            io::ErrorKind::ConnectionReset,
            Kind::Cut,
            "cut the connection",
        ),
        (
            io::ErrorKind::UnexpectedEof,
            Kind::Cut,
            "cut the connection",
        ),
    ] {
        let failure = Failure::of_connection("list pods", "https://x", &io::Error::from(kind));
        assert_eq!(failure.kind, expected, "{kind:?}");
        let words_of = format!("{} {}", failure.message, failure.hints.join(" "));
        assert!(words_of.contains(words), "{words_of}");
    }
}

#[test]
fn certificates_are_refused_with_a_remedy() {
    use rustls::CertificateError as Bad;
    for (bad, words) in [
        (Bad::Expired, "renew it"),
        (Bad::NotValidForName, "tls-server-name"),
        (Bad::UnknownIssuer, "get its kubeconfig again"),
    ] {
        let tls = rustls::Error::InvalidCertificate(bad);
        let error = io::Error::new(io::ErrorKind::InvalidData, tls);
        let failure = Failure::of_connection("list pods", "https://x", &error);
        assert!(failure.hints[0].contains(words), "{:?}", failure.hints);
    }
}
