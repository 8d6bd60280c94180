use super::*;
use crate::telemetry::specimen;

#[test]
fn a_line_has_envoy_s_fields_and_four_more() {
    let line = line(&specimen::record(), LineFormat::Text);
    assert_eq!(
        line,
        concat!(
            r#"[2026-01-01T00:00:00.250Z] "GET /cart?id=7 HTTP/1.1" 503 UO 12 19 31 2 "#,
            r#""192.0.2.1" "curl/8.5" "7f3a" "web.shop" "10.0.0.7:8080" "#,
            r#"outbound shop/web-canary:80 "HTTPRoute/shop/web#0" "-""#,
        )
    );
}

#[test]
fn json_has_the_same_and_the_trace() {
    let line = line(&specimen::record(), LineFormat::Json);
    let read: Value = serde_json::from_str(&line).unwrap();
    let check = |field: &str, expected: Value| assert_eq!(read[field], expected, "{field}");
    check("start_time", "2026-01-01T00:00:00.250Z".into());
    check("status", 503.into());
    check("response_flags", "UO".into());
    check("duration_ms", 31.5.into());
    check("attempts", 2.into());
    check("backend", "shop/web-canary:80".into());
    check("upstream", "10.0.0.7:8080".into());
    check("client_identity", Value::Null);
    check("trace_id", "4bf92f3577b34da6a3ce929d0e0e4736".into());
    check("span_id", "00f067aa0ba902b7".into());
}

#[test]
fn a_client_can_neither_end_its_quotes_nor_begin_a_line() {
    let mut record = specimen::record();
    record.user_agent = Some("a\" 200 - \"\r\n[2026\u{1b}\\".to_owned());
    let line = line(&record, LineFormat::Text);
    assert!(
        line.contains(r#" "a\" 200 - \"\u{d}\u{a}[2026\u{1b}\\" "#),
        "{line}"
    );
    assert!(!line.contains('\n'));
}

#[test]
fn what_is_not_known_is_a_dash() {
    let record = RequestRecord {
        status: None,
        flag: None,
        user_agent: None,
        upstream: None,
        backend: None,
        rule: None,
        ..specimen::record()
    };
    let line = line(&record, LineFormat::Text);
    assert!(
        line.ends_with(r#""web.shop" "-" outbound - "-" "-""#),
        "{line}"
    );
}
