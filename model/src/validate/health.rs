//! `healthCheck` and `connectFailFast` of a BackendPolicy.

use core::time::Duration;

use http::uri::{Authority, PathAndQuery};

use super::backend_policy::positive;
use super::breaker::span;
use super::check::Check;
use crate::policy::{
    ActiveCheck, CheckType, ConnectFailFast, HealthCheck, HttpCheck, KubeDuration, TcpCheck,
};

/// The most bytes of a TCP check's payload, each way: a check is no file transfer.
const PAYLOAD_BYTES_MAX: usize = 1024;

pub(super) fn check(check: &mut Check, health: &HealthCheck) {
    let Some(active) = &health.active else {
        check.warning(
            "the health check checks nothing",
            "write `active: {}`, or remove healthCheck",
        );
        return;
    };
    check.field("active", |check| self::active(check, active));
}

fn active(check: &mut Check, active: &ActiveCheck) {
    positive(check, "interval", active.interval);
    positive(check, "timeout", active.timeout);
    positive(check, "noTrafficInterval", active.no_traffic_interval);
    let or = |value: Option<KubeDuration>, seconds| {
        value.map_or(Duration::from_secs(seconds), KubeDuration::get)
    };
    let (timeout, interval) = (or(active.timeout, 1), or(active.interval, 10));
    if timeout > interval {
        check.field("timeout", |check| {
            check.warning(
                format!("the timeout ({timeout:?}) is longer than the interval ({interval:?})"),
                "the next check waits for the one before",
            );
        });
    }
    let kind = active.r#type.unwrap_or(CheckType::Http);
    let blocks = [
        ("http", CheckType::Http, active.http.is_some()),
        ("grpc", CheckType::Grpc, active.grpc.is_some()),
        ("tcp", CheckType::Tcp, active.tcp.is_some()),
    ];
    for (key, of, present) in blocks {
        if present && of != kind {
            check.field(key, |check| {
                check.error(
                    format!("`{key}` has no effect when the type is {}", word(kind)),
                    format!("set `type: {}` or remove the field", word(of)),
                );
            });
        }
    }
    if let Some(http) = &active.http {
        check.field("http", |check| http_check(check, http));
    }
    if let Some(tcp) = &active.tcp {
        check.field("tcp", |check| self::tcp(check, tcp));
    }
}

fn http_check(check: &mut Check, http: &HttpCheck) {
    let path = http.path.as_deref().unwrap_or("/");
    if !path.starts_with('/') || path.parse::<PathAndQuery>().is_err() {
        check.field("path", |check| {
            check.error(
                "`path` is no path",
                "a path begins with `/` and has no spaces, for example `/healthz`",
            );
        });
    }
    let host = http.host.as_deref();
    if host.is_some_and(|host| host.parse::<Authority>().is_err()) {
        check.field("host", |check| {
            check.error(
                "`host` is no host",
                "a name or address, with a port if need be",
            );
        });
    }
    if http.expected_statuses.as_ref().is_some_and(Vec::is_empty) {
        check.field("expectedStatuses", |check| {
            check.error(
                "no status passes: every endpoint would be unhealthy",
                "name at least one status, or remove the field for 200",
            );
        });
    }
}

fn tcp(check: &mut Check, tcp: &TcpCheck) {
    for (key, text) in [("send", &tcp.send), ("receive", &tcp.receive)] {
        if text
            .as_ref()
            .is_some_and(|text| text.len() > PAYLOAD_BYTES_MAX)
        {
            check.field(key, |check| {
                check.error(
                    format!("`{key}` is too long"),
                    format!("at most {PAYLOAD_BYTES_MAX} bytes are allowed"),
                );
            });
        }
    }
}

pub(super) fn fail_fast(check: &mut Check, fail_fast: &ConnectFailFast) {
    if let Some(backoff) = &fail_fast.backoff {
        check.field("backoff", |check| span(check, backoff, 1, 32));
    }
}

fn word(kind: CheckType) -> &'static str {
    match kind {
        CheckType::Http => "HTTP",
        CheckType::Grpc => "GRPC",
        CheckType::Tcp => "TCP",
    }
}
