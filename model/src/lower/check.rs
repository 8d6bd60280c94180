//! `healthCheck` and `connectFailFast` → active checks and fail-fast of a backend.

use engine::snapshot::route::StatusRange;
use engine::snapshot::{ConnectFailFast, HealthCheck, HttpProbe, ProbeKind};
use http::Method;
use http::uri::PathAndQuery;

use super::cluster::set;
use crate::policy::{self, ActiveCheck, CheckMethod, CheckType, StatusSpan};

/// None when nothing active is asked for.
pub(super) fn health_check(spec: &policy::HealthCheck) -> Option<HealthCheck> {
    let spec = spec.active.as_ref()?;
    let mut check = HealthCheck::default();
    set(&mut check.interval, spec.interval);
    set(&mut check.interval_jitter, spec.interval_jitter);
    set(&mut check.timeout, spec.timeout);
    set(&mut check.no_traffic_interval, spec.no_traffic_interval);
    if let Some(n) = spec.unhealthy_threshold {
        check.unhealthy_threshold = n.u32();
    }
    if let Some(n) = spec.healthy_threshold {
        check.healthy_threshold = n.u32();
    }
    check.ignore_on_removal = spec.ignore_health_on_host_removal != Some(false);
    check.probe = probe(spec);
    Some(check)
}

pub(super) fn fail_fast(spec: &policy::ConnectFailFast) -> ConnectFailFast {
    let mut fail_fast = ConnectFailFast::default();
    let backoff = spec.backoff.clone().unwrap_or_default();
    set(&mut fail_fast.backoff_min, backoff.min);
    set(&mut fail_fast.backoff_max, backoff.max);
    fail_fast.reconnects_max = spec.max_reconnects.map(|n| n.u32());
    fail_fast
}

fn probe(spec: &ActiveCheck) -> ProbeKind {
    match spec.r#type.unwrap_or(CheckType::Http) {
        CheckType::Http => ProbeKind::Http(http_probe(spec)),
        CheckType::Grpc => {
            let service = spec.grpc.as_ref().and_then(|grpc| grpc.service.as_deref());
            ProbeKind::Grpc {
                service: service.unwrap_or_default().into(),
            }
        }
        CheckType::Tcp => {
            let tcp = spec.tcp.clone().unwrap_or_default();
            ProbeKind::Tcp {
                send: tcp.send.unwrap_or_default().into_bytes().into(),
                receive: tcp.receive.unwrap_or_default().into_bytes().into(),
            }
        }
    }
}

fn http_probe(spec: &ActiveCheck) -> HttpProbe {
    let http = spec.http.clone().unwrap_or_default();
    let path = http.path.as_deref().unwrap_or("/");
    let ok = vec![StatusSpan { from: 200, to: 200 }];
    HttpProbe {
        method: match http.method.unwrap_or(CheckMethod::Get) {
            CheckMethod::Get => Method::GET,
            CheckMethod::Head => Method::HEAD,
            CheckMethod::Options => Method::OPTIONS,
        },
        // Validated to be a path.
        path: path.parse().unwrap_or(PathAndQuery::from_static("/")),
        host: http.host.as_deref().map(Into::into),
        expected: ranges(&http.expected_statuses.unwrap_or(ok)),
        retriable: ranges(&http.retriable_statuses),
    }
}

/// Statuses as the engine has them.
pub(super) fn ranges(spans: &[StatusSpan]) -> Vec<StatusRange> {
    let range = |span: &StatusSpan| StatusRange {
        from: span.from,
        to: span.to,
    };
    spans.iter().map(range).collect()
}
