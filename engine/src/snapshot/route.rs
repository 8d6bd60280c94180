//! Routes as data: what a rule matches, changes and chooses from. The logic is in `route`, `filter`
//! and `split`.

use core::time::Duration;
use std::sync::Arc;

use super::ClusterKey;
use super::overload::AdmissionControl;
use super::pattern::Pattern;
use super::ratelimit;
use crate::origin::Origin;
use crate::route::index::Index;
use http::header::{HeaderName, HeaderValue};
use http::{Method, StatusCode};

mod normal;

/// Which kind of route governs a frontend. One kind wins: GRPCRoute > HTTPRoute > TLSRoute >
/// TCPRoute (GEP-1294).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RouteKind {
    /// No route attached: everything goes to the Service itself.
    Default,
    Grpc,
    Http,
    Tls,
    Tcp,
}

/// The rules of one frontend, with the index that finds the one for a request. Immutable: the index
/// belongs to the rules.
#[derive(Clone, Debug)]
pub struct RouteTable {
    kind: RouteKind,
    version: u64,
    rules: Vec<Arc<Rule>>,
    index: Index,
}

#[derive(Clone, Debug)]
pub struct Rule {
    /// For reports, which count by it: unique within the table. The standard makes a rule's own
    /// name unique only within its route.
    pub name: Arc<str>,
    /// Alternatives; a rule matches if one of them does. Empty = matches everything.
    pub matches: Vec<Match>,
    pub filters: Vec<Filter>,
    /// Empty (and no redirect) = 500.
    pub backends: Vec<BackendRef>,
    pub timeouts: Timeouts,
    pub retry: Option<RetryPolicy>,
    pub fault: Option<Fault>,
    pub admission: Option<AdmissionControl>,
    /// Limits that the client's proxy holds.
    pub limits: Vec<Arc<ratelimit::Policy>>,
    pub failures: Failures,
    pub origin: Origin,
}

/// What counts as a failure of the backend under a rule; none = what usually does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    pub statuses: Option<Vec<StatusRange>>,
    /// gRPC codes.
    pub grpc: Option<Vec<u32>>,
}

/// All parts have to hold.
#[derive(Clone, Debug, Default)]
pub struct Match {
    pub path: Option<PathMatch>,
    pub method: Option<Method>,
    pub headers: Vec<HeaderMatch>,
    pub query: Vec<QueryMatch>,
    /// TLSRoute: server names, exact or `*.suffix`; HTTPRoute on gateways: hostnames.
    pub hosts: Vec<Arc<str>>,
    /// GRPCRoute.
    pub grpc: Option<GrpcMatch>,
}

#[derive(Clone, Debug)]
pub enum PathMatch {
    Exact(Arc<str>),
    /// By path element; without a trailing slash, except for `/` itself.
    Prefix(Arc<str>),
    /// The whole of it has to match.
    Regex(Pattern),
}

#[derive(Clone, Debug)]
pub struct HeaderMatch {
    pub name: HeaderName,
    pub value: ValueMatch,
}

#[derive(Clone, Debug)]
pub struct QueryMatch {
    pub name: Arc<str>,
    pub value: ValueMatch,
}

#[derive(Clone, Debug)]
pub enum ValueMatch {
    Exact(Arc<str>),
    /// The whole of it has to match.
    Regex(Pattern),
}

#[derive(Clone, Debug)]
pub struct GrpcMatch {
    pub service: Option<ValueMatch>,
    pub method: Option<ValueMatch>,
}

#[derive(Clone, Debug)]
pub struct BackendRef {
    /// 0..=1_000_000; 0 gets no traffic.
    pub weight: u32,
    pub target: BackendTarget,
    pub filters: Vec<Filter>,
    pub origin: Origin,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackendTarget {
    Cluster(ClusterKey),
    /// Its share of the requests gets 500 (Gateway API): the reason.
    Invalid(String),
}

#[derive(Clone, Debug)]
pub enum Filter {
    RequestHeaders(HeaderEdit),
    ResponseHeaders(HeaderEdit),
    Redirect(Redirect),
    Rewrite(Rewrite),
    Mirror(Mirror),
    Cors(Cors),
}

#[derive(Clone, Debug, Default)]
pub struct HeaderEdit {
    pub set: Vec<(HeaderName, HeaderValue)>,
    pub add: Vec<(HeaderName, HeaderValue)>,
    pub remove: Vec<HeaderName>,
}

#[derive(Clone, Debug)]
pub struct Redirect {
    pub scheme: Option<Arc<str>>,
    pub hostname: Option<Arc<str>>,
    pub path: Option<PathRewrite>,
    pub port: Option<u16>,
    pub status: StatusCode,
}

#[derive(Clone, Debug)]
pub struct Rewrite {
    pub hostname: Option<Arc<str>>,
    pub path: Option<PathRewrite>,
}

#[derive(Clone, Debug)]
pub enum PathRewrite {
    Full(Arc<str>),
    /// Replaces the prefix that the rule's one PathPrefix match matched.
    Prefix(Arc<str>),
}

#[derive(Clone, Debug)]
pub struct Mirror {
    pub target: BackendTarget,
    /// Share of the requests that are copied.
    pub numerator: u32,
    pub denominator: u32,
    pub origin: Origin,
}

#[derive(Clone, Debug)]
pub struct Cors {
    /// `*`, an exact origin, or one with a wildcard host (`https://*.example.com`).
    pub allow_origins: Vec<Arc<str>>,
    pub allow_methods: Vec<Arc<str>>,
    pub allow_headers: Vec<Arc<str>>,
    pub expose_headers: Vec<Arc<str>>,
    pub allow_credentials: bool,
    pub max_age_seconds: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// From the end of the request head to the end of the response; all tries together.
    pub request: Option<Duration>,
    /// One try.
    pub backend_request: Option<Duration>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct RetryPolicy {
    /// Retries after the first try.
    pub attempts: u32,
    pub per_try_timeout: Option<Duration>,
    pub on: RetryOn,
    pub backoff_base: Duration,
    pub backoff_max: Duration,
    /// No wait is shorter; what is drawn comes on top.
    pub backoff_least: Duration,
    /// Wait as long as `Retry-After` says, when it is there.
    pub rate_limited_backoff: bool,
    /// How often a retry draws again to avoid a host that it already tried.
    pub host_selection_attempts: u32,
    pub retry_non_idempotent: bool,
    pub budget: Option<RetryBudget>,
    /// Bodies up to this many bytes are kept for sending again; a larger one is sent once.
    pub body_bytes_max: usize,
    pub origin: Origin,
}

/// What may be followed by another try. Connect failures and refused streams always may.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetryOn {
    pub reset: bool,
    pub per_try_timeout: bool,
    /// HTTP status codes.
    pub statuses: Vec<StatusRange>,
    /// gRPC status codes.
    pub grpc: Vec<u32>,
}

/// An inclusive range of status codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusRange {
    pub from: u16,
    pub to: u16,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RetryBudget {
    /// `percent` of the requests of the last `interval`, plus `min_per_second` (Finagle, GEP-3388).
    Rate {
        percent: u32,
        interval: Duration,
        min_per_second: u32,
    },
    /// `percent` of the requests under way, at least `min_concurrent` (Envoy).
    Concurrency { percent: f64, min_concurrent: u32 },
}

/// Faults that the proxy produces itself. Independent draws: delay first, then abort, then
/// bandwidth.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    pub delay: Option<(Duration, PerTenThousand)>,
    pub abort: Option<(AbortWith, PerTenThousand)>,
    /// Bytes per second of the response's body.
    pub bandwidth: Option<(u64, PerTenThousand)>,
    /// Requests of one proxy with a fault at a time; more are left alone. None = no bound.
    pub active_max: Option<u32>,
    pub origin: Origin,
}

/// A share in ten-thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PerTenThousand(pub u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AbortWith {
    Http(StatusCode),
    Grpc(u32),
}

// === impl StatusRange ===

impl StatusRange {
    pub const fn contains(self, code: u16) -> bool {
        self.from <= code && code <= self.to
    }
}

// === impl RouteTable ===

impl RouteTable {
    /// `rules` are in order of precedence of their routes: those of the oldest route first, within
    /// a route in its own order. Which rule wins is decided by how specific its matches are
    /// ([`crate::route`]), ties by this order.
    ///
    /// What the Gateway API says to ignore is dropped here, so that nothing behind has to know: the
    /// second match or edit of the same header, trailing slashes of prefixes.
    pub fn new(kind: RouteKind, rules: Vec<Rule>) -> Self {
        let rules: Vec<_> = rules.into_iter().map(normal::rule).map(Arc::new).collect();
        Self {
            kind,
            version: normal::hash(kind, &rules),
            index: Index::new(&rules),
            rules,
        }
    }

    pub fn kind(&self) -> RouteKind {
        self.kind
    }

    /// Hash of the content: equal content, equal version, on every machine.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// In the order they were given.
    pub fn rules(&self) -> &[Arc<Rule>] {
        &self.rules
    }

    pub(crate) fn index(&self) -> &Index {
        &self.index
    }

    /// Everything goes to `target`, unconditionally.
    pub fn to_service(target: ClusterKey, origin: Origin) -> Self {
        let rule = Rule {
            name: "default".into(),
            matches: Vec::new(),
            filters: Vec::new(),
            backends: vec![BackendRef {
                weight: 1,
                target: BackendTarget::Cluster(target),
                filters: Vec::new(),
                origin: origin.clone(),
            }],
            timeouts: Timeouts::default(),
            retry: None,
            fault: None,
            admission: None,
            limits: Vec::new(),
            failures: Failures::default(),
            origin,
        };
        Self::new(RouteKind::Default, vec![rule])
    }
}
