//! One line per request: the words of Envoy's default format
//! (<https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage>) and
//! four more fields, or one JSON object.
//!
//! ```text
//! [2026-01-01T00:00:00.000Z] "GET /cart HTTP/1.1" 503 UO 0 19 3 1 "-" "curl/8" "<request id>"
//!     "web.shop" "10.0.0.7:8080" outbound shop/web:80 "HTTPRoute/shop/web#0" "-"
//!
//!   start, method path protocol, status, flag, bytes received, bytes sent, milliseconds, tries,
//!   X-Forwarded-For, User-Agent, request id, authority, upstream address,
//!   side, backend, rule, the client's proven identity
//! ```
//!
//! Everything that a client chose is escaped: it can neither end its quotes nor begin a line.

use core::fmt::{self, Display, Write};

use engine::head::Protocol;
use engine::time::Wall;
use serde_json::{Map, Value, json};

use super::config::LineFormat;
use crate::observe::RequestRecord;
use crate::tls::explain::rfc3339;

/// The line of a request, without its end.
pub(super) fn line(record: &RequestRecord, format: LineFormat) -> String {
    match format {
        LineFormat::Text => text(record),
        LineFormat::Json => json(record).to_string(),
    }
}

fn text(of: &RequestRecord) -> String {
    let mut line = String::with_capacity(256);
    // Writing to a string cannot fail.
    let _ = write!(
        line,
        r#"[{}] "{} {} {}" {} {} {} {} {} {} "{}" "{}" "{}" "{}" "{}" {} {} "{}" "{}""#,
        timestamp(of.wall),
        Text(&of.method),
        Text(&of.path),
        protocol(of),
        Maybe(of.status),
        Maybe(of.flag),
        of.bytes_received,
        of.bytes_sent,
        of.ended.since(of.started).as_millis(),
        of.attempts.len(),
        MaybeText(of.forwarded_for.as_deref()),
        MaybeText(of.user_agent.as_deref()),
        Text(&of.id),
        Text(&of.authority),
        Maybe(of.upstream),
        of.role.as_str(),
        Maybe(of.backend.as_ref()),
        MaybeText(of.rule.as_deref()),
        MaybeText(of.peer.as_ref().map(|peer| peer.as_str())),
    );
    line
}

fn json(of: &RequestRecord) -> Value {
    let mut all = Map::new();
    let mut put = |name: &str, value: Value| {
        all.insert(name.to_owned(), value);
    };
    put("start_time", timestamp(of.wall).into());
    put("side", of.role.as_str().into());
    put("method", of.method.as_str().into());
    put("authority", of.authority.as_str().into());
    put("path", of.path.as_str().into());
    put("protocol", protocol(of).into());
    put("status", json!(of.status));
    put("grpc_status", json!(of.grpc));
    put("response_flags", json!(of.flag.map(|flag| flag.as_str())));
    put("cause", json!(of.cause));
    put("bytes_received", of.bytes_received.into());
    put("bytes_sent", of.bytes_sent.into());
    let took = of.ended.since(of.started).as_secs_f64() * 1e3;
    put("duration_ms", took.into());
    put("attempts", of.attempts.len().into());
    put("client", json!(of.client.map(|ip| ip.to_string())));
    let peer = of.peer.as_ref().map(|peer| peer.as_str());
    put("client_identity", json!(peer));
    put("forwarded_for", json!(of.forwarded_for));
    put("user_agent", json!(of.user_agent));
    put("request_id", of.id.as_str().into());
    put("workload", of.workload.to_string().into());
    let named = |name: &Option<_>| json!(name.as_ref().map(ToString::to_string));
    put(
        "service",
        json!(of.service.as_ref().map(ToString::to_string)),
    );
    put("route", json!(of.rule.as_deref()));
    put(
        "backend",
        json!(of.backend.as_ref().map(ToString::to_string)),
    );
    put("upstream", named(&of.upstream));
    if let Some(span) = of.span {
        put("trace_id", span.trace.to_string().into());
        put("span_id", span.span.to_string().into());
    }
    Value::Object(all)
}

/// RFC 3339 with milliseconds.
pub(crate) fn timestamp(at: Wall) -> String {
    let mut text = rfc3339(at);
    // Of the form 2026-01-01T00:00:00Z.
    text.pop();
    let _ = write!(text, ".{:03}Z", at.0 / 1_000_000 % 1000);
    text
}

pub(crate) const fn protocol(of: &RequestRecord) -> &'static str {
    match of.protocol {
        Some(Protocol::Http1) => "HTTP/1.1",
        Some(Protocol::Http2) => "HTTP/2",
        None => "TCP",
    }
}

/// A value or a dash.
struct Maybe<T>(Option<T>);

/// What somebody else chose, between quotes.
struct Text<'a>(&'a str);

struct MaybeText<'a>(Option<&'a str>);

// === impl Maybe ===

impl<T: Display> Display for Maybe<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(value) => value.fmt(f),
            None => f.write_char('-'),
        }
    }
}

// === impl Text ===

impl Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_char('-');
        }
        for c in self.0.chars() {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                c if c.is_control() => write!(f, "\\u{{{:x}}}", u32::from(c))?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

// === impl MaybeText ===

impl Display for MaybeText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Text(self.0.unwrap_or_default()).fmt(f)
    }
}

#[cfg(test)]
mod tests;
