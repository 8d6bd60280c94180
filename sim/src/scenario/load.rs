//! Who sends requests: open load (a rate) or closed load (users that wait for their answers).

use std::borrow::Cow;
use std::collections::BTreeMap;

use core::fmt;
use core::str::FromStr;

use http::Method;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::quantity::{Bytes, Span, shown, text_scalar};
use super::reference::{Url, UrlScheme, WorkloadRef};
use super::shape::{Schedule, Shape};

/// A stream of requests. Either `rate` (open: requests come whether or not answers do) or `users`
/// (closed: each waits for its answer).
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Load {
    /// Name, by which expectations refer to it as `load/NAME`.
    #[schemars(example = &"browse")]
    pub name: String,
    /// The sender: a workload, or `outside` for a client that is not in the mesh.
    #[serde(default, skip_serializing_if = "Sender::is_outside")]
    #[schemars(example = "shop/Deployment/loadgenerator")]
    pub from: Sender,
    /// Where the requests go.
    #[schemars(example = "http://web.shop/")]
    pub to: Url,
    /// Requests per second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = 200.0, range(min = 0.0, max = 1e6))]
    pub rate: Option<f64>,
    /// Users, each with one request under way at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = 50, range(min = 0, max = 1_000_000))]
    pub users: Option<u32>,
    /// Time a user waits after each answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "1s")]
    pub think_time: Option<Span>,
    /// How the requests of an open load are spaced.
    #[serde(default, skip_serializing_if = "Arrival::is_default")]
    #[schemars(example = &"poisson")]
    pub arrival: Arrival,
    /// How the rate, or the number of users, changes over time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<Shape>,
    /// When the load begins.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(example = "5s")]
    pub start_time: Span,
    /// How long it lasts; without it, to the end of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "30s")]
    pub duration: Option<Span>,
    /// Method.
    #[serde(default, skip_serializing_if = "HttpMethod::is_get")]
    #[schemars(example = &"POST")]
    pub method: HttpMethod,
    /// Headers of each request.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(example = headers())]
    pub headers: BTreeMap<String, String>,
    /// Size of the request's body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "1KiB")]
    pub body_size: Option<Bytes>,
    /// The client gives up after this, which counts as a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "10s")]
    pub timeout: Option<Span>,
    /// What the client speaks; without it HTTP/1.1 for `http://` and HTTP/2 for `grpc://`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"http2")]
    pub protocol: Option<ClientProtocol>,
}

/// The sender of a load.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sender {
    /// A client that is not in the mesh and reaches the Service directly.
    #[default]
    Outside,
    Workload(WorkloadRef),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Arrival {
    /// At equal distances.
    Constant,
    /// Independently of one another (exponential distances), as the users of a public service.
    #[default]
    Poisson,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ClientProtocol {
    Http1,
    Http2,
}

/// An HTTP method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpMethod(pub Method);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an HTTP method (for example GET, POST, PUT, DELETE)")]
pub struct BadMethod(String);

/// A client waits this long when nothing is said: browsers and most libraries wait longer, nobody's
/// user does.
pub const CLIENT_TIMEOUT: Span = Span::from_secs(30);

// === impl Load ===

impl Load {
    /// Rate or users over time, between the load's own start and end.
    pub fn schedule(&self, run: Span) -> Schedule {
        let base = match (self.rate, self.users) {
            (Some(rate), _) => rate,
            (None, Some(users)) => f64::from(users),
            (None, None) => 0.0,
        };
        let start = self.start_time.0;
        let end = match self.duration {
            Some(d) => start.saturating_add(d.0).min(run.0),
            None => run.0,
        };
        Schedule::new(base, self.shape.as_ref(), start, end)
    }

    pub fn timeout(&self) -> Span {
        self.timeout.unwrap_or(CLIENT_TIMEOUT)
    }

    pub fn protocol(&self) -> ClientProtocol {
        self.protocol.unwrap_or(match self.to.scheme {
            UrlScheme::Http => ClientProtocol::Http1,
            UrlScheme::Grpc => ClientProtocol::Http2,
        })
    }

    /// The namespace in which the sender resolves names.
    pub fn namespace(&self) -> &str {
        match &self.from {
            Sender::Outside => "default",
            Sender::Workload(w) => &w.namespace,
        }
    }
}

// === impl Sender ===

impl Sender {
    fn is_outside(&self) -> bool {
        *self == Self::Outside
    }
}

impl FromStr for Sender {
    type Err = super::reference::BadReference;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s {
            "outside" => Ok(Self::Outside),
            _ => s.parse().map(Self::Workload),
        }
    }
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Outside => f.write_str("outside"),
            Self::Workload(workload) => workload.fmt(f),
        }
    }
}

text_scalar!(
    Sender,
    "Sender",
    "outside, or a workload such as shop/Deployment/web",
    json_schema!({
        "description": "Who sends: a workload (NAMESPACE/KIND/NAME), or `outside`.",
        "type": "string",
        "examples": ["outside", "shop/Deployment/web"]
    })
);

// === impl HttpMethod ===

impl HttpMethod {
    pub(super) fn is_get(&self) -> bool {
        self.0 == Method::GET
    }
}

impl Default for HttpMethod {
    fn default() -> Self {
        Self(Method::GET)
    }
}

impl FromStr for HttpMethod {
    type Err = BadMethod;

    fn from_str(s: &str) -> Result<Self, BadMethod> {
        match s.parse::<Method>() {
            Ok(method) if s.len() <= 32 && method != Method::CONNECT => Ok(Self(method)),
            _ => Err(BadMethod(shown(s))),
        }
    }
}

impl fmt::Display for HttpMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

text_scalar!(
    HttpMethod,
    "Method",
    "an HTTP method such as GET",
    json_schema!({
        "description": "An HTTP method.",
        "type": "string",
        "pattern": "^[A-Z][A-Z-]{0,31}$",
        "examples": ["GET", "POST"]
    })
);

// === impl Arrival ===

impl Arrival {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

fn is_zero(span: &Span) -> bool {
    *span == Span::ZERO
}

fn headers() -> BTreeMap<&'static str, &'static str> {
    BTreeMap::from([("x-user", "canary")])
}
