//! What is exported: every metric by its name, so that the text for Prometheus, OTLP, statsd, the
//! line protocol and the table in `docs/telemetry.md` cannot differ.
//!
//! Names have the form of Prometheus' conventions (base units, `_total`); the words are those of
//! the field where it has one: `response_code_class` (Envoy), `classification` and
//! `grpc_status` (Linkerd), `response_flags`, `reporter` and `connection_security_policy` (Istio).

use engine::report::{Counters, Histogram};

/// How a metric is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, until the row or the proxy begins anew.
    Counter,
    Gauge,
    Histogram,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Seconds,
    Bytes,
}

/// One metric: what there is to know before the first value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desc {
    /// Without the `_total` that Prometheus puts behind counters.
    pub name: String,
    pub kind: Kind,
    pub unit: Option<Unit>,
    /// One sentence.
    pub help: &'static str,
    /// Names of the labels, in the order of their values.
    pub labels: Vec<&'static str>,
}

/// One value.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    Count(u64),
    Float(f64),
    /// In microseconds.
    Latency(&'a Histogram),
}

/// Takes metrics one value after the other; the values of one metric follow each other.
pub trait Visit {
    /// `labels` are the values of [`Desc::labels`].
    fn sample(&mut self, desc: &Desc, labels: &[&str], value: Value<'_>);
}

/// Which table of a frame a metric is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    Service,
    Route,
    Backend,
    Endpoint,
    Edge,
}

/// A metric that every row of some tables has.
pub(super) struct OfRow {
    what: &'static str,
    kind: Kind,
    unit: Option<Unit>,
    help: &'static str,
    scopes: &'static [Scope],
    read: Read,
}

enum Read {
    /// Also when it is zero, so that a rate has its first step.
    Always(fn(&Counters) -> u64),
    /// Once it is above zero.
    Some(fn(&Counters) -> u64),
    /// By a label of its own.
    By(&'static str, ReadBy),
    Latency,
}

/// Says each value of the label and its count.
type ReadBy = fn(&Counters, &mut dyn FnMut(&str, u64));

const ALL: &[Scope] = &Scope::ALL;

/// An endpoint counts attempts; what a request does besides is said of its service.
const REQUESTS: &[Scope] = &[Scope::Service, Scope::Route, Scope::Backend, Scope::Edge];

/// Every metric of a row.
pub(super) const OF_ROWS: &[OfRow] = &[
    counter("requests", ALL, Read::Always(|c| c.requests))
        .help("Requests begun; of an endpoint, attempts begun."),
    counter(
        "responses",
        ALL,
        Read::By("classification", classifications),
    )
    .help(
        "Requests ended, by what the one classification says: `success`, \
         `failure` (the application's), `local_failure` (no answer of the \
         application), `ignored` (the client left).",
    ),
    counter(
        "responses_by_code",
        ALL,
        Read::By("response_code_class", classes),
    )
    .help("Responses by the class of their HTTP status."),
    counter(
        "responses_by_grpc_status",
        ALL,
        Read::By("grpc_status", codes),
    )
    .help("Responses by their gRPC status code."),
    counter("responses_by_flag", ALL, Read::By("response_flags", flags))
        .help("Requests and connections by the flag that says why they failed."),
    counter("retries", REQUESTS, Read::Some(|c| c.retries)).help("Tries after the first one."),
    counter("retries_denied", REQUESTS, Read::Some(|c| c.retries_denied))
        .help("Tries that the route allowed and a budget or limit did not."),
    counter("timeouts", REQUESTS, Read::Some(|c| c.timeouts))
        .help("Deadlines that passed, of requests and of single tries."),
    counter("mirrored", REQUESTS, Read::Some(|c| c.mirrored)).help("Copies sent to mirrors."),
    counter("audited", REQUESTS, Read::Some(|c| c.audited))
        .help("Requests that an AuthorizationPolicy with the action Audit matched."),
    counter("shadow_limited", REQUESTS, Read::Some(|c| c.shadow_limited))
        .help("Requests that a limit in shadow mode would have refused."),
    bytes("request_bytes", |c| c.bytes_in).help("Body bytes of requests."),
    bytes("response_bytes", |c| c.bytes_out).help("Body bytes of responses."),
    gauge("requests_in_flight", ALL, Read::Always(|c| c.in_flight)).help("Requests under way."),
    gauge("requests_pending", REQUESTS, Read::Some(|c| c.pending)).help(
        "Requests that wait for an endpoint or a connection; part of those in \
         flight.",
    ),
    OfRow {
        what: "request_duration",
        kind: Kind::Histogram,
        unit: Some(Unit::Seconds),
        help: "From the end of the request's head to the end of the response, \
               without requests that the client gave up.",
        scopes: REQUESTS,
        read: Read::Latency,
    },
];

const fn counter(what: &'static str, scopes: &'static [Scope], read: Read) -> OfRow {
    OfRow {
        what,
        kind: Kind::Counter,
        unit: None,
        help: "",
        scopes,
        read,
    }
}

const fn gauge(what: &'static str, scopes: &'static [Scope], read: Read) -> OfRow {
    OfRow {
        kind: Kind::Gauge,
        ..counter(what, scopes, read)
    }
}

const fn bytes(what: &'static str, read: fn(&Counters) -> u64) -> OfRow {
    OfRow {
        unit: Some(Unit::Bytes),
        ..counter(what, ALL, Read::Some(read))
    }
}

fn classifications(counters: &Counters, each: &mut dyn FnMut(&str, u64)) {
    each("success", counters.success);
    each("failure", counters.failure);
    each("local_failure", counters.local_failure);
    each("ignored", counters.ignored);
}

fn classes(counters: &Counters, each: &mut dyn FnMut(&str, u64)) {
    let names = ["1xx", "2xx", "3xx", "4xx", "5xx"];
    let counted = names.into_iter().zip(counters.status);
    counted
        .filter(|(_, n)| *n > 0)
        .for_each(|(name, n)| each(name, n));
}

fn codes(counters: &Counters, each: &mut dyn FnMut(&str, u64)) {
    for (code, n) in &counters.grpc {
        each(itoa::Buffer::new().format(*code), *n);
    }
}

fn flags(counters: &Counters, each: &mut dyn FnMut(&str, u64)) {
    for (flag, n) in counters.flags.iter() {
        each(flag.as_str(), n);
    }
}

// === impl Desc ===

impl Desc {
    pub(super) fn new(
        name: &str,
        kind: Kind,
        unit: Option<Unit>,
        labels: &[&'static str],
        help: &'static str,
    ) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            unit,
            help,
            labels: labels.to_vec(),
        }
    }

    /// The name of its values in the text for Prometheus.
    pub fn full_name(&self) -> String {
        match self.kind {
            Kind::Counter => format!("{}_total", self.name),
            Kind::Gauge | Kind::Histogram => self.name.clone(),
        }
    }
}

// === impl Kind ===

impl Kind {
    /// The word of Prometheus.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

// === impl Unit ===

impl Unit {
    /// The word of Prometheus.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Seconds => "seconds",
            Self::Bytes => "bytes",
        }
    }
}

// === impl Scope ===

impl Scope {
    pub const ALL: [Self; 5] = [
        Self::Service,
        Self::Route,
        Self::Backend,
        Self::Endpoint,
        Self::Edge,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Route => "route",
            Self::Backend => "backend",
            Self::Endpoint => "endpoint",
            Self::Edge => "edge",
        }
    }

    pub(super) const fn labels(self) -> &'static [&'static str] {
        match self {
            Self::Service => &["service_namespace", "service", "service_port"],
            Self::Route => &["service_namespace", "service", "service_port", "route"],
            Self::Backend => &[
                "service_namespace",
                "service",
                "service_port",
                "route",
                "backend_namespace",
                "backend",
                "backend_port",
            ],
            Self::Endpoint => &[
                "backend_namespace",
                "backend",
                "backend_port",
                "endpoint_namespace",
                "endpoint",
                "address",
            ],
            Self::Edge => &[
                "source",
                "destination",
                "reporter",
                "connection_security_policy",
            ],
        }
    }
}

// === impl OfRow ===

impl OfRow {
    const fn help(self, help: &'static str) -> Self {
        Self { help, ..self }
    }

    /// The metric as the rows of one table have it; none when they do not.
    pub(super) fn desc(&self, scope: Scope) -> Option<Desc> {
        if !self.scopes.contains(&scope) {
            return None;
        }
        let mut labels = scope.labels().to_vec();
        if let Read::By(label, _) = self.read {
            labels.push(label);
        }
        let unit = match (self.unit, self.kind) {
            (Some(unit), Kind::Histogram) => format!("_{}", unit.as_str()),
            _ => String::new(),
        };
        let name = format!("meshctl_{}_{}{unit}", scope.as_str(), self.what);
        Some(Desc::new(&name, self.kind, self.unit, &labels, self.help))
    }

    /// Hands over the values of one row. `labels` are those of the row.
    pub(super) fn read(
        &self,
        desc: &Desc,
        labels: &[&str],
        counters: &Counters,
        visit: &mut impl Visit,
    ) {
        match self.read {
            Read::Always(read) => visit.sample(desc, labels, Value::Count(read(counters))),
            Read::Some(read) => match read(counters) {
                0 => {}
                n => visit.sample(desc, labels, Value::Count(n)),
            },
            Read::By(_, read) => read(counters, &mut |value, n| {
                let labels: Vec<&str> = labels.iter().copied().chain([value]).collect();
                visit.sample(desc, &labels, Value::Count(n));
            }),
            Read::Latency => visit.sample(desc, labels, Value::Latency(&counters.latency)),
        }
    }
}
