//! OTLP 1.x (<https://opentelemetry.io/docs/specs/otlp/>): spans, log records and metrics as one
//! message each, the same for HTTP and gRPC.
//!
//! ```text
//!  request  1 resource_* ─┬─ 1 resource ── 1 attributes
//!                         └─ 2 scope_* ─┬─ 1 scope ── 1 name, 2 version
//!                                       └─ 2 spans | log_records | metrics
//! ```
//!
//! Attributes have the names of the semantic conventions where there is one
//! (<https://opentelemetry.io/docs/specs/semconv/http/>), and begin with `meshctl.` otherwise.

use engine::head::Protocol;
use engine::report::Ended;

use super::config::Resource;
use crate::observe::{RequestRecord, Role};
use crate::proto::Writer;

pub(super) mod logs;
pub(super) mod metrics;
pub(super) mod spans;

/// What said it.
const SCOPE: &str = "meshctl";

/// One of the three requests: `write` adds the spans, records or metrics as field 2.
fn request(resource: &Resource, write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut request = Writer::default();
    request.message(1, |of_resource| {
        of_resource.message(1, |message| {
            attribute(message, 1, "service.name", &resource.service);
            if !resource.instance.is_empty() {
                attribute(message, 1, "service.instance.id", &resource.instance);
            }
            for (key, value) in &resource.attributes {
                attribute(message, 1, key, value);
            }
        });
        of_resource.message(2, |of_scope| {
            of_scope.message(1, |scope| {
                scope.text(1, SCOPE);
                scope.text(2, env!("CARGO_PKG_VERSION"));
            });
            write(of_scope);
        });
    });
    request.into_bytes()
}

/// `KeyValue` with text.
fn attribute(to: &mut Writer, field: u32, key: &str, value: &str) {
    to.message(field, |pair| {
        pair.text(1, key);
        // A member of a `oneof`: an empty text is not the same as none.
        pair.message(2, |any| any.bytes(1, value.as_bytes()));
    });
}

/// `KeyValue` with an integer.
fn integer(to: &mut Writer, field: u32, key: &str, value: u64) {
    to.message(field, |pair| {
        pair.text(1, key);
        pair.message(2, |any| any.always(3, value));
    });
}

/// What spans and log records say about a request.
fn attributes(to: &mut Writer, field: u32, of: &RequestRecord) {
    let mut text = |key: &str, value: &str| {
        if !value.is_empty() {
            attribute(to, field, key, value);
        }
    };
    if let Some(protocol) = of.protocol {
        text("http.request.method", &of.method);
        text("url.scheme", "http");
        let (path, query) = of.path.split_once('?').unwrap_or((&of.path, ""));
        text("url.path", path);
        text("url.query", query);
        text("network.protocol.name", "http");
        text(
            "network.protocol.version",
            match protocol {
                Protocol::Http1 => "1.1",
                Protocol::Http2 => "2",
            },
        );
    }
    text("server.address", &of.authority);
    text("client.address", &maybe(&of.client));
    text(
        "user_agent.original",
        of.user_agent.as_deref().unwrap_or_default(),
    );
    text("network.peer.address", &maybe(&of.upstream));
    text("meshctl.side", of.role.as_str());
    text("meshctl.request_id", &of.id);
    text("meshctl.workload", &of.workload.to_string());
    text("meshctl.service", &maybe(&of.service));
    text("meshctl.route", of.rule.as_deref().unwrap_or_default());
    text("meshctl.backend", &maybe(&of.backend));
    text("meshctl.client_identity", &maybe(&of.peer));
    text(
        "meshctl.response_flags",
        of.flag.map_or("", |flag| flag.as_str()),
    );
    text("error.type", error(of).unwrap_or_default());
    let mut number = |key: &str, value: Option<u64>| {
        if let Some(value) = value {
            integer(to, field, key, value);
        }
    };
    number("http.response.status_code", of.status.map(u64::from));
    number("rpc.grpc.status_code", of.grpc.map(u64::from));
    number("http.request.body.size", Some(of.bytes_received));
    number("http.response.body.size", Some(of.bytes_sent));
    let again = (of.attempts.len() as u64).saturating_sub(1);
    number("http.request.resend_count", Some(again).filter(|n| *n > 0));
}

fn maybe<T: ToString>(value: &Option<T>) -> String {
    value.as_ref().map(ToString::to_string).unwrap_or_default()
}

/// `error.type`: the flag, or what the application's failure was.
pub(super) fn error(of: &RequestRecord) -> Option<&'static str> {
    match (of.how, of.flag) {
        (Ended::Success, _) => None,
        (_, Some(flag)) => Some(flag.as_str()),
        (Ended::Ignored, None) => None,
        (Ended::Failure | Ended::LocalFailure, None) => Some("_OTHER"),
    }
}

/// What a span is called: low in number, as the conventions ask, so without the path.
pub(super) fn name(of: &RequestRecord) -> String {
    let to = match (of.role, &of.service) {
        (Role::Outbound, Some(service)) => service,
        (Role::Outbound, None) => return format!("{} passthrough", of.method),
        (Role::Inbound, _) => &of.workload,
    };
    format!("{} {to}", of.method)
}

/// Nanoseconds since the Unix epoch.
pub(super) fn end(of: &RequestRecord) -> u64 {
    let took = engine::time::nanos(of.ended.since(of.started));
    of.wall.0.saturating_add(took)
}

#[cfg(test)]
mod tests;
