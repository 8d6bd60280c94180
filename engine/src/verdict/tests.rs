use http::Method;
use http::uri::PathAndQuery;

use super::*;
use crate::failure::{Again, Whose};

fn request(content_type: Option<&'static str>) -> RequestHead {
    let mut head = RequestHead::new(Method::POST, None, PathAndQuery::from_static("/a/b"));
    if let Some(value) = content_type {
        head.headers
            .insert(CONTENT_TYPE, HeaderValue::from_static(value));
    }
    head
}

fn fails(flag: Flag, cause: &str) -> Failure {
    Failure::new(Whose::Upstream, Again::Never, flag, cause)
}

#[test]
fn every_flag_answers_with_its_status_and_says_its_name() {
    for flag in Flag::ALL {
        let answer = LocalResponse::from_failure(&fails(flag, "because"), &request(None));
        assert_eq!(answer.status, flag.status());
        assert_eq!(answer.headers[FLAG_HEADER], flag.as_str());
        assert_eq!(answer.flag, Some(flag));
        assert_eq!(&answer.body[..], b"because\n");
        assert_eq!(answer.headers[CONTENT_LENGTH], "8");
        assert_eq!(answer.grpc_status, None);
    }
}

#[test]
fn a_grpc_client_gets_trailers_only() {
    let no_host = fails(Flag::NoHealthyUpstream, "no endpoint, 100% ejected\nü");
    let answer = LocalResponse::from_failure(&no_host, &request(Some("application/grpc+proto")));
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.headers[CONTENT_TYPE], "application/grpc");
    assert_eq!(answer.headers[grpc::STATUS], "14");
    assert_eq!(
        answer.headers[grpc::MESSAGE],
        "no endpoint, 100%25 ejected%0A%C3%BC"
    );
    assert_eq!(answer.headers[FLAG_HEADER], "UH");
    assert!(answer.body.is_empty() && !answer.headers.contains_key(CONTENT_LENGTH));
    assert_eq!(answer.grpc_status, Some(14));
}

#[test]
fn grpc_web_is_answered_as_http() {
    let web = request(Some("application/grpc-web"));
    let answer = LocalResponse::from_failure(&fails(Flag::NoRoute, "none"), &web);
    assert_eq!((answer.status.as_u16(), answer.grpc_status), (404, None));
}

#[test]
fn http_statuses_map_to_grpc_as_its_table_says() {
    for (http, grpc_code) in [
        (400, 13),
        (401, 16),
        (403, 7),
        (404, 12),
        (429, 14),
        (502, 14),
        (503, 14),
        (504, 14),
        (500, 2),
        (200, 2),
    ] {
        let status = StatusCode::from_u16(http).unwrap();
        assert_eq!(grpc::status_of_http(status), grpc_code, "{http}");
    }
}

#[test]
fn aborts_are_translated_into_the_protocol_of_the_client() {
    let check = |abort, content_type, status: u16, grpc_status| {
        let origin = Origin::default_of("fault");
        let answer = LocalResponse::from_abort(abort, &request(content_type), origin);
        assert_eq!(answer.status.as_u16(), status, "{abort:?}");
        assert_eq!(answer.grpc_status, grpc_status, "{abort:?}");
        assert_eq!(answer.flag, Some(Flag::FaultInjected));
    };
    let grpc_type = Some("application/grpc");
    let teapot = AbortWith::Http(StatusCode::IM_A_TEAPOT);
    check(teapot, None, 418, None);
    check(teapot, grpc_type, 200, Some(2));
    check(AbortWith::Grpc(8), grpc_type, 200, Some(8));
    check(AbortWith::Grpc(8), None, 429, None);
    check(AbortWith::Grpc(77), None, 500, None);
}

#[test]
fn a_status_without_a_body_gets_none() {
    for status in [204, 304] {
        let abort = AbortWith::Http(StatusCode::from_u16(status).unwrap());
        let answer = LocalResponse::from_abort(abort, &request(None), Origin::default_of("fault"));
        assert!(answer.body.is_empty() && !answer.headers.contains_key(CONTENT_LENGTH));
        assert_eq!(answer.headers[FLAG_HEADER], "FI");
    }
}

#[test]
fn a_long_cause_is_cut_between_characters() {
    let long = "ä".repeat(CAUSE_LEN_MAX);
    let answer = LocalResponse::from_failure(&fails(Flag::Tls, &long), &request(None));
    assert_eq!(answer.body.len(), CAUSE_LEN_MAX + 1);
    assert!(core::str::from_utf8(&answer.body).is_ok());
}
