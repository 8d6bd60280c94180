//! A request as a reader gets it.
//!
//! Values of headers and of query strings are where secrets travel: a name is shown with
//! [`REDACTED`] in their place, unless the reader asked for them.

use std::collections::BTreeMap;

use engine::report::Ended;
use http::HeaderMap;
use serde::{Deserialize, Serialize};

use super::Seen;
use super::asked::{Asked, Headers};
use crate::observe::Role;
use crate::telemetry::access_log::{protocol, timestamp};

/// Stands for what is not shown.
pub const REDACTED: &str = "[redacted]";

/// Names and values of headers of one message, in bytes; what is over is left out.
pub const HEADERS_BYTES_MAX: usize = 4 * 1024;

/// Attempts of one request; nobody is given more.
const ATTEMPTS_MAX: usize = 16;

/// One request, or one stream of bytes, that has ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Request {
    /// When it began, as RFC 3339 has it.
    pub at: String,
    /// Equal on all hops of one request.
    pub id: String,
    /// The workload whose proxy this is.
    pub proxy: String,
    /// `outbound` = of the one who calls, `inbound` = of the one who is called.
    pub side: String,
    /// Who called: a workload, an identity that was proven, or an address.
    pub source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_identity: Option<String>,
    /// Whom it was for; none inbound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backend: Option<String>,
    /// Where the last attempt went.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_identity: Option<String>,
    /// Whether mutual TLS protects it on the network.
    pub mtls: bool,
    pub protocol: String,
    pub method: String,
    pub authority: String,
    pub path: String,
    /// What the client saw; none when it left before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grpc_status: Option<u32>,
    /// `success`, `failure`, `local-failure` (an answer of the proxy) or `ignored` (the client
    /// left), as statistics count it.
    pub outcome: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    pub duration_us: u64,
    pub bytes_received: u64,
    pub bytes_sent: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub request_headers: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub response_headers: BTreeMap<String, String>,
}

/// One try of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Attempt {
    pub endpoint: String,
    pub address: String,
    pub duration_us: u64,
    /// `200`, or the failure in words.
    pub outcome: String,
}

// === impl Request ===

impl Request {
    pub(super) fn new(seen: Seen<'_>, asked: &Asked) -> Self {
        let of = seen.record;
        let text = |it: &dyn ToString| it.to_string();
        let proven = of.peer.as_ref().map(ToString::to_string);
        let client = of.client.map(|ip| ip.to_string());
        let source = match of.role {
            Role::Outbound => seen.workload.to_owned(),
            Role::Inbound => (proven.clone().or_else(|| client.clone())).unwrap_or_default(),
        };
        let attempts = of
            .attempts
            .iter()
            .take(ATTEMPTS_MAX)
            .map(|attempt| Attempt {
                endpoint: attempt.name.to_string(),
                address: attempt.endpoint.to_string(),
                duration_us: micros(attempt.ended.since(attempt.started)),
                outcome: attempt.outcome.clone(),
            });
        let headers = |of: Option<&HeaderMap>| of.map(|map| shown(map, &asked.headers));
        Self {
            at: timestamp(of.wall),
            id: of.id.clone(),
            proxy: of.workload.to_string(),
            side: of.role.as_str().to_owned(),
            source,
            client,
            client_identity: proven,
            service: of.service.as_ref().map(|s| text(s)),
            route: of.rule.as_deref().map(str::to_owned),
            backend: of.backend.as_ref().map(|b| text(b)),
            upstream: of.upstream.as_ref().map(|u| text(u)),
            server_identity: of.server.as_ref().map(|id| text(id)),
            mtls: match of.role {
                Role::Outbound => of.server.is_some(),
                Role::Inbound => of.peer.is_some(),
            },
            protocol: protocol(of).to_owned(),
            method: of.method.clone(),
            authority: of.authority.clone(),
            path: path(&of.path, asked.query),
            status: of.status,
            grpc_status: of.grpc,
            outcome: outcome(of.how).to_owned(),
            flag: of.flag.map(|flag| flag.as_str().to_owned()),
            cause: of.cause.clone(),
            duration_us: micros(of.ended.since(of.started)),
            bytes_received: of.bytes_received,
            bytes_sent: of.bytes_sent,
            attempts: attempts.collect(),
            request_headers: headers(seen.headers).unwrap_or_default(),
            response_headers: headers(seen.answer).unwrap_or_default(),
        }
    }
}

fn micros(d: engine::time::Duration) -> u64 {
    u64::try_from(d.as_micros()).unwrap_or(u64::MAX)
}

fn outcome(how: Ended) -> &'static str {
    match how {
        Ended::Success => "success",
        Ended::Failure => "failure",
        Ended::LocalFailure => "local-failure",
        Ended::Ignored => "ignored",
    }
}

fn path(path: &str, query: bool) -> String {
    match path.split_once('?') {
        Some((path, _)) if !query => format!("{path}?{REDACTED}"),
        _ => path.to_owned(),
    }
}

/// Every name, with the value where it is shown. Values of one name are joined (RFC 9110 §5.2).
fn shown(headers: &HeaderMap, asked: &Headers) -> BTreeMap<String, String> {
    let mut out = BTreeMap::<String, String>::new();
    let mut room = HEADERS_BYTES_MAX;
    for (name, value) in headers {
        let value = match asked.shows(name) {
            true => String::from_utf8_lossy(value.as_bytes()),
            false => REDACTED.into(),
        };
        let Some(left) = room.checked_sub(name.as_str().len() + value.len()) else {
            break;
        };
        room = left;
        match out.get_mut(name.as_str()) {
            Some(_) if !asked.shows(name) => {}
            Some(before) => {
                before.push_str(", ");
                before.push_str(&value);
            }
            None => {
                out.insert(name.as_str().to_owned(), value.into_owned());
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tap::Asked;
    use crate::telemetry::specimen;

    fn request(query: &str) -> Request {
        let mut record = specimen::record();
        record.client = None;
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("accept", "text/html"),
            ("accept", "text/plain"),
            ("authorization", "Bearer secret"),
        ] {
            headers.append(name, http::HeaderValue::from_static(value));
        }
        let seen = Seen {
            record: &record,
            workload: "shop/Deployment/front",
            headers: Some(&headers),
            answer: None,
        };
        Request::new(seen, &Asked::read(query).unwrap())
    }

    #[test]
    fn secrets_are_shown_to_those_who_ask_for_them() {
        let check = |query: &str, path: &str, accept: &str, authorization: &str| {
            let seen = request(query);
            let headers = &seen.request_headers;
            let shown = (&*seen.path, &*headers["accept"], &*headers["authorization"]);
            assert_eq!(shown, (path, accept, authorization), "{query}");
        };
        let all = "text/html, text/plain";
        check("", "/cart?[redacted]", REDACTED, REDACTED);
        check("header=*", "/cart?[redacted]", all, REDACTED);
        check(
            "header=Authorization&query",
            "/cart?id=7",
            REDACTED,
            "Bearer secret",
        );
    }

    #[test]
    fn headers_have_a_bound() {
        let mut many = HeaderMap::new();
        for i in 0..200 {
            let name: http::HeaderName = format!("x-{i}").parse().unwrap();
            let value = "v".repeat(100).parse().unwrap();
            many.insert(name, value);
        }
        let all = Asked::read("header=*").unwrap();
        let kept = shown(&many, &all.headers);
        let bytes: usize = kept.iter().map(|(n, v)| n.len() + v.len()).sum();
        assert!((1..=HEADERS_BYTES_MAX).contains(&bytes), "{bytes}");
        assert!(kept.len() < many.len());
    }

    #[test]
    fn a_request_is_read_as_it_was_written() {
        let request = request("header=*");
        let text = serde_json::to_string(&request).unwrap();
        assert_eq!(serde_json::from_str::<Request>(&text).unwrap(), request);
        let start = r#"{"at":"2026-01-01T00:00:00.250Z","id":"7f3a","proxy":"shop/front-0""#;
        assert!(text.starts_with(start), "{text}");
        let ended = r#""status":503,"outcome":"local-failure","flag":"UO""#;
        assert!(text.contains(ended), "{text}");
        assert!(text.contains(r#""endpoint":"shop/web-canary-6""#), "{text}");
    }
}
