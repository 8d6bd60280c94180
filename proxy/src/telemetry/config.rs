//! What is exported besides the page for Prometheus, and where to: typed once, at the door.

use core::net::SocketAddr;

use engine::time::Duration;

use super::context::Format as Propagation;

/// Everything that leaves a proxy about its requests. The default exports nothing and costs
/// nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    pub access_log: Option<AccessLog>,
    pub tracing: Option<Tracing>,
    /// An OpenTelemetry collector, and what it gets.
    pub otlp: Option<Otlp>,
    /// A Zipkin server (`http://zipkin:9411/api/v2/spans`), which gets spans.
    pub zipkin: Option<Url>,
    /// A statsd server, which gets the metrics with the tags of DogStatsD.
    pub statsd: Option<Push>,
    /// A server of InfluxDB's line protocol over UDP, which gets the metrics.
    pub influx: Option<Push>,
    /// How the proxy is named in spans, metrics and logs.
    pub resource: Resource,
}

/// One line per request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AccessLog {
    pub format: LineFormat,
    /// Which share of the requests that ended without a flag and under 500 is written, 0 to 1. The
    /// others are always.
    pub sample: f64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LineFormat {
    /// Envoy's default format, and four fields more.
    #[default]
    Text,
    /// One JSON object.
    Json,
}

/// Which requests become spans, and how that is told to the next hop.
#[derive(Clone, Debug, PartialEq)]
pub struct Tracing {
    /// Which share of the traces that begin here is sampled, 0 to 1.
    pub sample: f64,
    /// Whether a decision that came with the request holds, whatever `sample` says.
    pub parent_based: bool,
    /// Read in this order; all of them are written.
    pub propagation: Vec<Propagation>,
}

/// An OpenTelemetry collector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Otlp {
    /// `http://otel-collector:4318` or `http://otel-collector:4317` for gRPC.
    pub to: Url,
    pub protocol: OtlpProtocol,
    /// Sent with every request, for example for authentication.
    pub headers: Vec<(http::HeaderName, http::HeaderValue)>,
    pub traces: bool,
    /// How often the metrics are sent; none = not.
    pub metrics: Option<Duration>,
    /// Whether access logs are sent too.
    pub logs: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OtlpProtocol {
    /// Protocol Buffers over HTTP/1.1.
    #[default]
    Http,
    Grpc,
}

/// Metrics over UDP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Push {
    pub to: SocketAddr,
    pub every: Duration,
}

/// An `http://` address; what is behind `https://` needs a collector beside the proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    pub authority: http::uri::Authority,
    pub path: http::uri::PathAndQuery,
}

/// How the proxy is named (<https://opentelemetry.io/docs/specs/semconv/resource/>).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resource {
    /// `service.name`: the workload, `shop/Deployment/web`.
    pub service: String,
    /// `service.instance.id`: the pod, `shop/web-0`.
    pub instance: String,
    /// More attributes, `deployment.environment=prod`.
    pub attributes: Vec<(String, String)>,
}

/// Why text is no [`Url`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    #[error("only `http://` is spoken to collectors: put one beside the proxy that speaks more")]
    Scheme,
    #[error("not an address of the form `http://HOST:PORT/PATH`")]
    Form,
}

// === impl Tracing ===

impl Default for Tracing {
    fn default() -> Self {
        Self {
            sample: 0.01,
            parent_based: true,
            propagation: vec![Propagation::TraceContext],
        }
    }
}

// === impl Url ===

impl Url {
    /// The port, 80 when it is not said.
    pub fn port(&self) -> u16 {
        self.authority.port_u16().unwrap_or(80)
    }

    /// The same server with `path` in place of none.
    pub(super) fn path_or(&self, path: &'static str) -> http::uri::PathAndQuery {
        match self.path.as_str() {
            "/" => http::uri::PathAndQuery::from_static(path),
            _ => self.path.clone(),
        }
    }
}

impl core::str::FromStr for Url {
    type Err = BadUrl;

    fn from_str(text: &str) -> Result<Self, BadUrl> {
        let parts = text.parse::<http::Uri>().map_err(|_| BadUrl::Form)?;
        let parts = parts.into_parts();
        match parts.scheme.as_ref().map(http::uri::Scheme::as_str) {
            Some("http") => {}
            Some(_) => return Err(BadUrl::Scheme),
            None => return Err(BadUrl::Form),
        }
        let authority = parts.authority.ok_or(BadUrl::Form)?;
        if authority.host().is_empty() || authority.as_str().contains('@') {
            return Err(BadUrl::Form);
        }
        Ok(Self {
            authority,
            path: parts
                .path_and_query
                .unwrap_or(http::uri::PathAndQuery::from_static("/")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_http_and_has_a_host() {
        let check = |text: &str, expected: Result<(&str, u16, &str), BadUrl>| {
            let url = text.parse::<Url>();
            let parts = url.as_ref().map(|url| {
                let path = url.path_or("/v1/traces");
                (url.authority.host(), url.port(), path)
            });
            let parts = parts.map(|(host, port, path)| (host, port, path.to_string()));
            let expected = expected.map(|(host, port, path)| (host, port, path.to_owned()));
            assert_eq!(parts.map_err(|e| *e), expected, "{text}");
        };
        check("http://otel:4318", Ok(("otel", 4318, "/v1/traces")));
        check("http://otel/x/v1", Ok(("otel", 80, "/x/v1")));
        check("http://[::1]:9411/api", Ok(("[::1]", 9411, "/api")));
        check("https://otel:4318", Err(BadUrl::Scheme));
        check("otel:4318", Err(BadUrl::Form));
        check("http://user@otel", Err(BadUrl::Form));
        check("", Err(BadUrl::Form));
    }
}
