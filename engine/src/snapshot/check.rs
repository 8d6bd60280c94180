//! Policies about whether an endpoint can be reached at all: active health checks and fail-fast on
//! connects. The algorithms are in [`crate::check`] and [`crate::fail_fast`].

use core::time::Duration;
use std::sync::Arc;

use http::Method;
use http::uri::PathAndQuery;

use super::route::StatusRange;

/// Active health checks of a backend's endpoints (Envoy `health_check.proto`).
#[derive(Clone, Debug, PartialEq)]
pub struct HealthCheck {
    pub interval: Duration,
    /// Added to each interval: a random time up to this.
    pub interval_jitter: Duration,
    /// Of one probe, its connect included.
    pub timeout: Duration,
    /// Failures in a row that make a healthy endpoint unhealthy.
    pub unhealthy_threshold: u32,
    /// Successes in a row that make an unhealthy endpoint healthy.
    pub healthy_threshold: u32,
    /// The interval while the backend has no requests.
    pub no_traffic_interval: Duration,
    /// False: an endpoint that left the configuration is kept as long as its checks pass.
    pub ignore_on_removal: bool,
    pub probe: ProbeKind,
}

/// What is sent.
#[derive(Clone, Debug, PartialEq)]
pub enum ProbeKind {
    Http(HttpProbe),
    /// `grpc.health.v1.Health/Check`; the service may be empty.
    Grpc {
        service: Arc<str>,
    },
    /// Connect; when `send` is not empty send it, and when `receive` is not empty wait for it.
    Tcp {
        send: Arc<[u8]>,
        receive: Arc<[u8]>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub struct HttpProbe {
    pub method: Method,
    pub path: PathAndQuery,
    /// None: the endpoint's address.
    pub host: Option<Arc<str>>,
    /// Statuses that pass.
    pub expected: Vec<StatusRange>,
    /// Statuses that count towards the threshold; others decide alone.
    pub retriable: Vec<StatusRange>,
}

/// Endpoints that cannot be connected to get no traffic until a reconnect succeeds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectFailFast {
    pub backoff_min: Duration,
    pub backoff_max: Duration,
    /// Reconnects after which the endpoint is tried with traffic again; none = never.
    pub reconnects_max: Option<u32>,
}

// === defaults ===

impl Default for HealthCheck {
    /// An HTTP probe of `/` that expects 200, every 10 s; thresholds as Envoy Gateway has them, the
    /// interval without traffic as Envoy.
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(10),
            interval_jitter: Duration::ZERO,
            timeout: Duration::from_secs(1),
            unhealthy_threshold: 3,
            healthy_threshold: 1,
            no_traffic_interval: Duration::from_secs(60),
            ignore_on_removal: true,
            probe: ProbeKind::Http(HttpProbe {
                method: Method::GET,
                path: PathAndQuery::from_static("/"),
                host: None,
                expected: vec![StatusRange { from: 200, to: 200 }],
                retriable: Vec::new(),
            }),
        }
    }
}

impl Default for ConnectFailFast {
    /// Finagle's.
    fn default() -> Self {
        Self {
            backoff_min: Duration::from_secs(1),
            backoff_max: Duration::from_secs(32),
            reconnects_max: None,
        }
    }
}
