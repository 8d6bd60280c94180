//! Spans as Zipkin's second version has them
//! (<https://zipkin.io/zipkin-api/#/default/post_spans>).

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::config::Resource;
use super::otlp::name;
use crate::observe::{RequestRecord, Role};

/// The path when none is given.
pub(super) const PATH: &str = "/api/v2/spans";

pub(super) fn encode(resource: &Resource, batch: &[Arc<RequestRecord>]) -> Vec<u8> {
    let spans = batch.iter().filter_map(|record| span(resource, record));
    Value::Array(spans.collect()).to_string().into_bytes()
}

fn span(resource: &Resource, of: &RequestRecord) -> Option<Value> {
    let context = of.span?;
    let micros = |nanos: u64| nanos / 1000;
    let took = engine::time::nanos(of.ended.since(of.started));
    let mut span = Map::new();
    let mut put = |name: &str, value: Value| {
        span.insert(name.to_owned(), value);
    };
    put("traceId", context.trace.to_string().into());
    put("id", context.span.to_string().into());
    if let Some(parent) = context.parent {
        put("parentId", parent.to_string().into());
    }
    put("name", name(of).into());
    put(
        "kind",
        match of.role {
            Role::Outbound => "CLIENT".into(),
            Role::Inbound => "SERVER".into(),
        },
    );
    put("timestamp", micros(of.wall.0).into());
    // Zero is none to Zipkin.
    put("duration", micros(took).max(1).into());
    put("localEndpoint", json!({ "serviceName": resource.service }));
    if let Some(remote) = remote(of) {
        put("remoteEndpoint", remote);
    }
    let attempts = of.attempts.iter().map(|attempt| {
        let since = engine::time::nanos(attempt.started.since(of.started));
        let text = format!("attempt {}: {}", attempt.name, attempt.outcome);
        json!({ "timestamp": micros(of.wall.0.saturating_add(since)), "value": text })
    });
    put("annotations", Value::Array(attempts.collect()));
    put("tags", Value::Object(tags(of)));
    Some(Value::Object(span))
}

fn remote(of: &RequestRecord) -> Option<Value> {
    let (ip, port) = match of.role {
        Role::Outbound => of.upstream.map(|at| (at.ip(), at.port()))?,
        Role::Inbound => (of.client?, 0),
    };
    let family = if ip.is_ipv4() { "ipv4" } else { "ipv6" };
    let mut remote = Map::new();
    remote.insert(family.to_owned(), ip.to_string().into());
    if port != 0 {
        remote.insert("port".to_owned(), port.into());
    }
    Some(Value::Object(remote))
}

/// Zipkin's own names where it has one.
fn tags(of: &RequestRecord) -> Map<String, Value> {
    let mut tags = Map::new();
    let mut put = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            tags.insert(name.to_owned(), value.into());
        }
    };
    put("http.method", Some(of.method.clone()));
    put("http.path", Some(of.path.clone()));
    put(
        "http.status_code",
        of.status.map(|status| status.to_string()),
    );
    put("http.host", Some(of.authority.clone()));
    put("grpc.status_code", of.grpc.map(|code| code.to_string()));
    put("request_id", Some(of.id.clone()));
    put("route", of.rule.as_ref().map(ToString::to_string));
    put("backend", of.backend.as_ref().map(ToString::to_string));
    put("client_identity", of.peer.as_ref().map(ToString::to_string));
    put(
        "response_flags",
        of.flag.map(|flag| flag.as_str().to_owned()),
    );
    let error = super::otlp::error(of).map(str::to_owned);
    put(
        "error",
        of.cause.clone().filter(|_| error.is_some()).or(error),
    );
    tags
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::specimen;

    #[test]
    fn a_request_is_a_span_with_its_attempts() {
        let resource = Resource {
            service: "shop/Deployment/front".to_owned(),
            ..Resource::default()
        };
        let bytes = encode(&resource, &[Arc::new(specimen::record())]);
        let read: Value = serde_json::from_slice(&bytes).unwrap();
        let span = &read[0];
        let check = |pointer: &str, expected: Value| {
            assert_eq!(span.pointer(pointer), Some(&expected), "{pointer}");
        };
        check("/traceId", "4bf92f3577b34da6a3ce929d0e0e4736".into());
        check("/id", "00f067aa0ba902b7".into());
        check("/parentId", "00f067aa0ba902b6".into());
        check("/kind", "CLIENT".into());
        check("/timestamp", 1_767_225_600_250_000_u64.into());
        check("/duration", 31_500.into());
        check("/localEndpoint/serviceName", "shop/Deployment/front".into());
        check("/remoteEndpoint/ipv4", "10.0.0.7".into());
        check("/annotations/1/timestamp", 1_767_225_600_270_000_u64.into());
        check("/tags/http.status_code", "503".into());
        check(
            "/tags/error",
            "UO: a limit of the backend is reached".into(),
        );
    }

    #[test]
    fn a_request_without_a_span_is_left_out() {
        let record = RequestRecord {
            span: None,
            ..specimen::record()
        };
        assert_eq!(encode(&Resource::default(), &[Arc::new(record)]), b"[]");
    }
}
