//! How the applications behind the proxies behave.

use core::time::Duration;
use std::collections::BTreeMap;

use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::distribution::Distribution;
use super::load::HttpMethod;
use super::network::is_false;
use super::quantity::{Bytes, Share, Span};
use super::reference::{Url, WorkloadRef};

/// The behaviour of one workload's containers. All its pods behave alike; events change single
/// pods.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct App {
    /// The workload.
    #[schemars(example = "shop/Deployment/web")]
    pub workload: WorkloadRef,
    /// Time a worker is busy with one request, without the calls it makes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "5ms")]
    pub service_time: Option<Distribution>,
    /// Requests that one pod works on at once. A worker is held while its calls are under way, as a
    /// thread is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = 16, range(min = 1, max = 100_000))]
    pub workers: Option<u32>,
    /// Requests that wait for a worker in one pod; more are answered 503 at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = 100, range(max = 1_000_000))]
    pub queue: Option<u32>,
    /// Share of the requests that the app answers with `errorStatus`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "0.1%")]
    pub error_rate: Option<Share>,
    /// Status of the app's errors; in gRPC the status that corresponds to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = 500, range(min = 400, max = 599))]
    pub error_status: Option<u16>,
    /// Size of the body of an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "2KiB")]
    pub response_size: Option<Bytes>,
    /// Calls made for each request, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<Call>,
    /// A pod that has just started is slower for a while.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cold_start: Option<ColdStart>,
    /// Whether it counts for global rate limits (`envoy.service.ratelimit.v3`); each pod for
    /// itself.
    #[serde(default, skip_serializing_if = "is_false")]
    #[schemars(example = true)]
    pub counts_rate_limits: bool,
    /// Contents it serves, by path; other paths are answered with bytes that mean nothing.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(example = contents_example())]
    pub contents: BTreeMap<String, String>,
}

/// One call an application makes while it serves a request.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Call {
    /// Where to, as the application would address it.
    #[schemars(example = "http://reviews.shop:8080/reviews")]
    pub to: Url,
    /// Path and query, in place of the URL's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "/reviews/1")]
    pub path: Option<String>,
    /// Method.
    #[serde(default, skip_serializing_if = "HttpMethod::is_get")]
    #[schemars(example = &"GET")]
    pub method: HttpMethod,
    /// Share of the requests that make this call.
    #[serde(default = "always", skip_serializing_if = "is_always")]
    #[schemars(example = "50%")]
    pub probability: Share,
    /// Starts together with the call before it instead of after its end.
    #[serde(default, skip_serializing_if = "is_false")]
    #[schemars(example = true)]
    pub parallel: bool,
    /// Size of the request's body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "512")]
    pub body_size: Option<Bytes>,
    /// The application gives up after this; without it, it waits for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "1s")]
    pub timeout: Option<Span>,
    /// Times the application itself calls again after a failure (besides what the mesh does).
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(example = 2, range(max = 10))]
    pub retries: u32,
    /// What a failed call means for the request.
    #[serde(default, skip_serializing_if = "OnError::is_default")]
    #[schemars(example = &"Ignore")]
    pub on_error: OnError,
}

/// What a failed call means for the request that made it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum OnError {
    /// The request fails with `errorStatus`.
    #[default]
    Fail,
    /// The request goes on without the answer.
    Ignore,
}

/// Caches to fill and code to compile.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ColdStart {
    /// How long a new pod is slow.
    #[serde(rename = "for")]
    #[schemars(example = "30s")]
    pub lasts: Span,
    /// How many times slower it is at first; it falls to 1 in a straight line.
    #[schemars(example = 5.0, range(min = 1.0, max = 1000.0))]
    pub factor: f64,
}

/// Service time when nothing is said.
pub const SERVICE_TIME: Distribution = Distribution::LogNormal {
    p50: Span::from_millis(5),
    p99: Span::from_millis(25),
};

/// Workers of one pod when nothing is said: plenty, so that queueing is only there when asked for.
pub const WORKERS: u32 = 256;

/// Waiting requests of one pod when nothing is said.
pub const QUEUE: u32 = 1024;

pub const ERROR_STATUS: u16 = 500;

pub const RESPONSE_SIZE: Bytes = Bytes(1024);

// === impl App ===

impl App {
    /// A workload of which nothing is known.
    pub fn assumed(workload: WorkloadRef) -> Self {
        Self {
            workload,
            service_time: None,
            workers: None,
            queue: None,
            error_rate: None,
            error_status: None,
            response_size: None,
            calls: Vec::new(),
            cold_start: None,
            counts_rate_limits: false,
            contents: BTreeMap::new(),
        }
    }

    pub fn service_time(&self) -> Distribution {
        self.service_time.unwrap_or(SERVICE_TIME)
    }

    pub fn workers(&self) -> u32 {
        self.workers.unwrap_or(WORKERS)
    }

    pub fn queue(&self) -> u32 {
        self.queue.unwrap_or(QUEUE)
    }

    pub fn error_rate(&self) -> Share {
        self.error_rate.unwrap_or(Share::ZERO)
    }

    pub fn error_status(&self) -> u16 {
        self.error_status.unwrap_or(ERROR_STATUS)
    }

    pub fn response_size(&self) -> Bytes {
        self.response_size.unwrap_or(RESPONSE_SIZE)
    }
}

// === impl Call ===

impl Call {
    /// The address with the path that is sent.
    pub fn url(&self) -> Url {
        match &self.path {
            Some(path) => self.to.clone().with_path(path),
            None => self.to.clone(),
        }
    }

    pub fn method(&self) -> Method {
        self.method.0.clone()
    }
}

// === impl ColdStart ===

impl ColdStart {
    /// By how much a pod of this age is slower.
    pub fn factor_at(&self, age: Duration) -> f64 {
        if age >= self.lasts.0 {
            return 1.0;
        }
        let left = 1.0 - age.as_secs_f64() / self.lasts.0.as_secs_f64();
        1.0 + (self.factor - 1.0) * left
    }
}

// === impl OnError ===

impl OnError {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

fn contents_example() -> BTreeMap<String, String> {
    BTreeMap::from([("/jwks.json".to_owned(), "{\"keys\": []}".to_owned())])
}

const fn always() -> Share {
    Share::ONE
}

fn is_always(share: &Share) -> bool {
    *share == Share::ONE
}

const fn is_zero(n: &u32) -> bool {
    *n == 0
}
