//! `healthCheck` and `connectFailFast` of a BackendPolicy: finding out without traffic whether an
//! endpoint can be reached.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::breaker::Span;
use super::{KubeDuration, StatusSpan};
use crate::number::Positive;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HealthCheck {
    pub active: Option<ActiveCheck>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ActiveCheck {
    /// Default HTTP.
    pub r#type: Option<CheckType>,
    /// Default 10 s.
    pub interval: Option<KubeDuration>,
    /// Added to each interval: a random time up to this. Default 0.
    pub interval_jitter: Option<KubeDuration>,
    /// Of one check, its connect included. Default 1 s.
    pub timeout: Option<KubeDuration>,
    /// Failures in a row that make an endpoint unhealthy. Default 3.
    pub unhealthy_threshold: Option<Positive>,
    /// Successes in a row that make it healthy again. Default 1.
    pub healthy_threshold: Option<Positive>,
    /// The interval while there are no requests. Default 60 s.
    pub no_traffic_interval: Option<KubeDuration>,
    /// An endpoint that left the Service gets no traffic, even when its checks pass. Default true.
    pub ignore_health_on_host_removal: Option<bool>,
    pub http: Option<HttpCheck>,
    pub grpc: Option<GrpcCheck>,
    pub tcp: Option<TcpCheck>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CheckType {
    #[serde(rename = "HTTP")]
    Http,
    #[serde(rename = "GRPC")]
    Grpc,
    #[serde(rename = "TCP")]
    Tcp,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpCheck {
    /// Default `/`.
    pub path: Option<String>,
    /// Default GET.
    pub method: Option<CheckMethod>,
    /// `Host` of the request; default the endpoint's address.
    pub host: Option<String>,
    /// Statuses that pass. Default 200.
    pub expected_statuses: Option<Vec<StatusSpan>>,
    /// Statuses that count towards `unhealthyThreshold`; all others make the endpoint unhealthy at
    /// once.
    #[serde(default)]
    pub retriable_statuses: Vec<StatusSpan>,
}

/// Those that change nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum CheckMethod {
    Get,
    Head,
    Options,
}

/// `grpc.health.v1.Health/Check`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GrpcCheck {
    /// Default empty: the server as a whole.
    pub service: Option<String>,
}

/// A connect; with a payload, what is sent and what has to come back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TcpCheck {
    pub send: Option<String>,
    pub receive: Option<String>,
}

/// An endpoint that cannot be connected to gets no traffic until a reconnect succeeds. `{}` is on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConnectFailFast {
    /// Between reconnects: 1 s at first, then random times that grow to 32 s.
    pub backoff: Option<Span>,
    /// Reconnects after which requests try again; default none.
    pub max_reconnects: Option<Positive>,
}
