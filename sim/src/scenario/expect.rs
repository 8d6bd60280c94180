//! What a scenario expects of a run.

use core::fmt;
use core::str::FromStr;
use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::quantity::{Share, Span, shown, text_scalar};

/// A statement about the run that is true or false.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Expectation {
    /// Name, unique in the scenario; a failure is reported by it.
    #[schemars(example = "checkout stays up")]
    pub name: String,
    /// Why it matters, for whoever reads the failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "the canary must not be visible to customers")]
    pub why: Option<String>,
    /// What is measured.
    #[schemars(example = &"successRate")]
    pub metric: Metric,
    /// Of what: `load/NAME`, `service/NS/NAME`, `route/NS/NAME`, `backend/NS/NAME:PORT`,
    /// `endpoint/NS/POD`, `edge/NS/CLIENT->NS/SERVICE`, or `mesh` for everything.
    #[schemars(example = "load/browse")]
    pub of: Subject,
    /// For `share`: the whole. For `retriesPerRequest`, `p99` and others of a backend or endpoint:
    /// only what came through this.
    #[serde(rename = "in", default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "route/shop/reviews")]
    pub within: Option<Subject>,
    /// For `failures`: the flag that is counted (UO, UH, UF, UT, …); without it all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"UT")]
    pub flag: Option<String>,
    /// Which part of the run; without it from the end of the warm-up to the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// For values that go up and down (`ejected`, `breakerOpen`, `healthyEndpoints`,
    /// `connections`, `inFlight`): which value of the window counts. Without it the largest; for
    /// `healthyEndpoints` the smallest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"last")]
    pub pick: Option<Pick>,
    /// How the measured value is compared with `value`.
    #[schemars(example = ">=")]
    pub op: Op,
    /// The limit: a number, a share (`99%`) or a duration (`250ms`), as the metric has it.
    #[schemars(example = "99%")]
    pub value: Value,
    /// For `==` and `!=`: how far from `value` still counts as equal, in the unit of `value`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "2%")]
    pub tolerance: Option<Value>,
}

/// A part of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Window {
    /// Its beginning; without it the end of the warm-up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "10s")]
    pub from: Option<Span>,
    /// Its end; without it the end of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "40s")]
    pub to: Option<Span>,
}

/// What is measured.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum Metric {
    /// Requests that ended, per second.
    Rate,
    /// Requests that ended.
    Requests,
    /// Share of the requests that succeeded.
    SuccessRate,
    /// Share of the requests that failed.
    ErrorRate,
    /// Median latency.
    P50,
    /// 90th percentile of the latency.
    P90,
    /// 95th percentile of the latency.
    P95,
    /// 99th percentile of the latency.
    P99,
    /// 99.9th percentile of the latency.
    P999,
    /// The largest latency.
    Max,
    /// Share of the requests of `in` that went to `of`.
    Share,
    /// Retries for each request.
    RetriesPerRequest,
    /// Requests that failed, of one flag or of all.
    Failures,
    /// Endpoints that are ejected by outlier detection.
    Ejected,
    /// Endpoints whose breaker is open.
    BreakerOpen,
    /// Endpoints that may get traffic.
    HealthyEndpoints,
    /// Requests that were denied: by a rule, for want of mutual TLS, or of a valid token.
    RequestsDenied,
    /// Requests that an AuthorizationPolicy with the action Audit matched.
    RequestsAudited,
    /// Requests that a rate limit in shadow mode would have refused.
    RequestsShadowLimited,
    /// Connections that are open.
    Connections,
    /// Requests that are under way in the proxies of their senders.
    InFlight,
}

/// What a metric is measured of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// Everything that proxies saw.
    Mesh,
    /// As the senders of a load see it.
    Load(String),
    /// As the clients' proxies see a Service: `NS/NAME`.
    Service(Named),
    /// One route, or one of its rules: `NS/NAME` or `NS/NAME/RULE`.
    Route { route: Named, rule: Option<String> },
    /// One port of a Service as the backend of routes: `NS/NAME:PORT`, or all its ports.
    Backend { service: Named, port: Option<u16> },
    /// A pod.
    Endpoint(Named),
    /// What one workload asks of a Service: `NS/CLIENT->NS/SERVICE`.
    Edge { client: Named, service: Named },
}

/// Namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    pub namespace: String,
    pub name: String,
}

/// Which value of a window counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Pick {
    /// The largest: was it ever so?
    Max,
    /// The smallest: was it always so?
    Min,
    /// The value at the end of the window: is it so now?
    Last,
}

/// How the measured value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum Op {
    #[serde(rename = "<")]
    Less,
    #[serde(rename = "<=")]
    AtMost,
    #[serde(rename = ">")]
    More,
    #[serde(rename = ">=")]
    AtLeast,
    #[serde(rename = "==")]
    Equal,
    #[serde(rename = "!=")]
    NotEqual,
}

/// A limit as written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    Number(f64),
    /// Written with `%`.
    Percent(f64),
    Span(Span),
}

/// The unit of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A plain count.
    Count,
    /// Per second.
    PerSecond,
    /// Between 0 and 1.
    Share,
    /// For each request.
    Ratio,
    /// Time.
    Latency,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` names nothing that is measured (write mesh, load/NAME, service/NS/NAME, \
     route/NS/NAME, backend/NS/NAME:PORT, endpoint/NS/POD or edge/NS/CLIENT->NS/SERVICE)"
)]
pub struct BadSubject(String);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no value (write a number, a percentage or a duration: 100, 99%, 250ms)")]
pub struct BadValue(String);

// === impl Metric ===

impl Metric {
    /// Whether it counts what policies of the destination decide about requests.
    pub fn is_verdict(self) -> bool {
        matches!(
            self,
            Self::RequestsDenied | Self::RequestsAudited | Self::RequestsShadowLimited
        )
    }

    pub const fn unit(self) -> Unit {
        match self {
            Self::Rate => Unit::PerSecond,
            Self::SuccessRate | Self::ErrorRate | Self::Share => Unit::Share,
            Self::P50 | Self::P90 | Self::P95 | Self::P99 | Self::P999 | Self::Max => Unit::Latency,
            Self::RetriesPerRequest => Unit::Ratio,
            Self::Requests
            | Self::Failures
            | Self::Ejected
            | Self::BreakerOpen
            | Self::HealthyEndpoints
            | Self::RequestsDenied
            | Self::RequestsAudited
            | Self::RequestsShadowLimited
            | Self::Connections
            | Self::InFlight => Unit::Count,
        }
    }

    /// True for values that go up and down, of which a window has many.
    pub const fn is_gauge(self) -> bool {
        matches!(
            self,
            Self::Ejected
                | Self::BreakerOpen
                | Self::HealthyEndpoints
                | Self::Connections
                | Self::InFlight
        )
    }

    /// The share below which a percentile's values lie.
    pub const fn quantile(self) -> Option<f64> {
        match self {
            Self::P50 => Some(0.5),
            Self::P90 => Some(0.9),
            Self::P95 => Some(0.95),
            Self::P99 => Some(0.99),
            Self::P999 => Some(0.999),
            Self::Max => Some(1.0),
            _ => None,
        }
    }

    /// As in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::Requests => "requests",
            Self::SuccessRate => "successRate",
            Self::ErrorRate => "errorRate",
            Self::P50 => "p50",
            Self::P90 => "p90",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::P999 => "p999",
            Self::Max => "max",
            Self::Share => "share",
            Self::RetriesPerRequest => "retriesPerRequest",
            Self::Failures => "failures",
            Self::Ejected => "ejected",
            Self::BreakerOpen => "breakerOpen",
            Self::HealthyEndpoints => "healthyEndpoints",
            Self::RequestsDenied => "requestsDenied",
            Self::RequestsAudited => "requestsAudited",
            Self::RequestsShadowLimited => "requestsShadowLimited",
            Self::Connections => "connections",
            Self::InFlight => "inFlight",
        }
    }

    /// The value of a window that counts when the expectation does not say.
    pub const fn default_pick(self) -> Pick {
        match self {
            Self::HealthyEndpoints => Pick::Min,
            _ => Pick::Max,
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

// === impl Op ===

impl Op {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::More => ">",
            Self::AtLeast => ">=",
            Self::Equal => "==",
            Self::NotEqual => "!=",
        }
    }
}

// === impl Subject ===

impl FromStr for Subject {
    type Err = BadSubject;

    fn from_str(s: &str) -> Result<Self, BadSubject> {
        let bad = || BadSubject(shown(s));
        let (form, rest) = s.split_once('/').unwrap_or((s, ""));
        let named = |text: &str| Named::parse(text).ok_or_else(bad);
        match form {
            "mesh" if rest.is_empty() => Ok(Self::Mesh),
            "load" if !rest.is_empty() => Ok(Self::Load(rest.into())),
            "service" => named(rest).map(Self::Service),
            "endpoint" => named(rest).map(Self::Endpoint),
            "route" => {
                let parts: Vec<_> = rest.splitn(3, '/').collect();
                let (route, rule) = match parts[..] {
                    [ns, name] => (format!("{ns}/{name}"), None),
                    [ns, name, rule] if !rule.is_empty() => {
                        (format!("{ns}/{name}"), Some(rule.to_owned()))
                    }
                    _ => return Err(bad()),
                };
                Ok(Self::Route {
                    route: named(&route)?,
                    rule,
                })
            }
            "backend" => {
                let (service, port) = match rest.split_once(':') {
                    Some((service, port)) => (service, Some(port.parse().map_err(|_| bad())?)),
                    None => (rest, None),
                };
                Ok(Self::Backend {
                    service: named(service)?,
                    port,
                })
            }
            "edge" => {
                let (client, service) = rest
                    .split_once("->")
                    .or_else(|| rest.split_once('→'))
                    .ok_or_else(bad)?;
                Ok(Self::Edge {
                    client: named(client.trim())?,
                    service: named(service.trim())?,
                })
            }
            _ => Err(bad()),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mesh => f.write_str("mesh"),
            Self::Load(name) => write!(f, "load/{name}"),
            Self::Service(service) => write!(f, "service/{service}"),
            Self::Route { route, rule: None } => write!(f, "route/{route}"),
            Self::Route {
                route,
                rule: Some(rule),
            } => write!(f, "route/{route}/{rule}"),
            Self::Backend {
                service,
                port: None,
            } => write!(f, "backend/{service}"),
            Self::Backend {
                service,
                port: Some(port),
            } => write!(f, "backend/{service}:{port}"),
            Self::Endpoint(pod) => write!(f, "endpoint/{pod}"),
            Self::Edge { client, service } => write!(f, "edge/{client}->{service}"),
        }
    }
}

// === impl Named ===

impl Named {
    fn parse(s: &str) -> Option<Self> {
        let (namespace, name) = s.split_once('/')?;
        let ok = |part: &str| !part.is_empty() && !part.contains(char::is_whitespace);
        (ok(namespace) && ok(name) && !name.contains('/')).then(|| Self {
            namespace: namespace.into(),
            name: name.into(),
        })
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

// === impl Value ===

impl Value {
    /// The value in the metric's own unit (latency in microseconds); none if it has another kind.
    pub fn in_unit(self, unit: Unit) -> Option<f64> {
        match (self, unit) {
            (Self::Span(span), Unit::Latency) => Some(span.0.as_nanos() as f64 / 1e3),
            (Self::Percent(p), Unit::Share | Unit::Ratio) => Some(p / 100.0),
            (Self::Number(n), Unit::Share) => (0.0..=1.0).contains(&n).then_some(n),
            (Self::Number(n), Unit::Count | Unit::PerSecond | Unit::Ratio) => Some(n),
            _ => None,
        }
    }
}

impl FromStr for Value {
    type Err = BadValue;

    fn from_str(s: &str) -> Result<Self, BadValue> {
        let finite = |text: &str| text.trim().parse::<f64>().ok().filter(|n| n.is_finite());
        if let Some(percent) = s.strip_suffix('%') {
            return finite(percent)
                .map(Self::Percent)
                .ok_or_else(|| BadValue(shown(s)));
        }
        match (finite(s), s.parse::<Span>()) {
            (Some(n), _) => Ok(Self::Number(n)),
            (None, Ok(span)) => Ok(Self::Span(span)),
            _ => Err(BadValue(shown(s))),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(n) => write!(f, "{n}"),
            Self::Percent(p) => write!(f, "{p}%"),
            Self::Span(span) => write!(f, "{span}"),
        }
    }
}

impl From<Share> for Value {
    fn from(share: Share) -> Self {
        Self::Number(share.0)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        super::quantity::from_scalar("a number, a percentage or a duration", from)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(n) => to.serialize_f64(*n),
            other => to.collect_str(other),
        }
    }
}

impl JsonSchema for Value {
    fn schema_name() -> Cow<'static, str> {
        "Value".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A number, a percentage or a duration.",
            "type": ["number", "string"],
            "examples": ["99%", "250ms", 100]
        })
    }
}

text_scalar!(
    Subject,
    "Subject",
    "what is measured, such as load/browse or service/shop/web",
    json_schema!({
        "description": "What is measured: `mesh`, `load/NAME`, `service/NS/NAME`, \
                        `route/NS/NAME[/RULE]`, `backend/NS/NAME[:PORT]`, `endpoint/NS/POD` or \
                        `edge/NS/CLIENT->NS/SERVICE`.",
        "type": "string",
        "pattern": "^(mesh|(load|service|route|backend|endpoint|edge)/.+)$",
        "examples": ["load/browse", "service/shop/web"]
    })
);

#[cfg(test)]
mod tests;
