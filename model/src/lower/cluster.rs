//! A port of a Service and its BackendPolicy → the cluster that clients balance over.

use core::time::Duration;
use std::sync::Arc;

use engine::snapshot::backend::{Consecutive, FailurePercentage, SuccessRate};
use engine::snapshot::{
    Cluster, ClusterKey, ClusterProtocol, Limits, Outlier, PortProtocol, ProxyHeader,
};

use super::balance;
use super::digest::digest;
use super::{breaker, check, outside, overload};
use crate::index::{BackendPolicy, Index, Service, ServicePort};
use crate::policy::{
    self, BackendPolicySpec, ConnectionProtocol, ConsecutiveDetector, KubeDuration,
    OutlierDetection,
};
use crate::yaml::Step;

/// The cluster of `port`, under `policy` if one applies.
pub(super) fn cluster(
    index: &Index,
    service: &Service,
    port: &ServicePort,
    policy: Option<&BackendPolicy>,
) -> Cluster {
    let key = ClusterKey {
        service: service.name.clone(),
        port: port.port,
    };
    let origin = service
        .origin
        .part(format!("port {}", port.port), port.line);
    let mut cluster = Cluster::with_defaults(key, protocol(index.protocol(service, port)), origin);
    if let Some(policy) = policy {
        apply(&mut cluster, &policy.spec);
        let line = policy.object.line_at(&[Step::Key("spec")]);
        cluster.policy_origin = Some(policy.origin.part("spec", line));
    }
    cluster.tls = outside::of_service(index, service, port).map(Arc::new);
    cluster.policy_hash = policy_hash(&cluster);
    cluster
}

fn protocol(port: PortProtocol) -> ClusterProtocol {
    match port {
        PortProtocol::Detect => ClusterProtocol::Same,
        PortProtocol::Http1 => ClusterProtocol::Http1,
        PortProtocol::Http2 => ClusterProtocol::Http2,
        PortProtocol::Opaque => ClusterProtocol::Opaque,
    }
}

/// Everything live state depends on, and nothing else: a policy that only moved to another line
/// resets no breaker.
fn policy_hash(cluster: &Cluster) -> u64 {
    digest(&(
        &cluster.balancer,
        &cluster.slow_start,
        &cluster.locality,
        &cluster.limits,
        &cluster.outlier,
        &cluster.breaker,
        (&cluster.adaptive, &cluster.health_check, &cluster.fail_fast),
        cluster.panic_threshold_percent,
        cluster.connect_timeout,
        cluster.idle_timeout,
        (cluster.protocol, cluster.proxy_header, &cluster.tls),
    ))
}

fn apply(cluster: &mut Cluster, spec: &BackendPolicySpec) {
    cluster.breaker = spec.circuit_breaker.as_ref().map(breaker::breaker);
    cluster.health_check = spec.health_check.as_ref().and_then(check::health_check);
    cluster.fail_fast = spec.connect_fail_fast.as_ref().map(check::fail_fast);
    let adaptive = spec.adaptive_concurrency.as_ref();
    cluster.adaptive = adaptive.map(overload::adaptive);
    cluster.outlier = spec.outlier_detection.as_ref().map(outlier);
    balance::apply(cluster, spec.load_balancer.as_ref());
    if let Some(limits) = &spec.limits {
        cluster.limits = self::limits(limits);
    }
    if let Some(percent) = spec.panic_threshold_percent {
        cluster.panic_threshold_percent = percent.u32();
    }
    let Some(connection) = &spec.connection else {
        return;
    };
    set(&mut cluster.connect_timeout, connection.connect_timeout);
    set(&mut cluster.idle_timeout, connection.idle_timeout);
    cluster.proxy_header = connection.proxy_header.map(|version| match version {
        policy::ProxyHeader::V1 => ProxyHeader::V1,
        policy::ProxyHeader::V2 => ProxyHeader::V2,
    });
    if let Some(protocol) = connection.protocol {
        cluster.protocol = match protocol {
            ConnectionProtocol::Http1 => ClusterProtocol::Http1,
            ConnectionProtocol::Http2 => ClusterProtocol::Http2,
        };
    }
}

pub(crate) fn limits(spec: &policy::Limits) -> Limits {
    let mut limits = Limits::default();
    let pairs = [
        (
            &mut limits.connections,
            spec.max_connections.map(|n| n.u32()),
        ),
        (
            &mut limits.pending_requests,
            spec.max_pending_requests.map(|n| n.u32()),
        ),
        (
            &mut limits.requests,
            spec.max_parallel_requests.map(|n| n.u32()),
        ),
        (
            &mut limits.retries,
            spec.max_parallel_retries.map(|n| n.u32()),
        ),
    ];
    for (field, value) in pairs {
        *field = value.unwrap_or(*field);
    }
    let per_endpoint = spec.per_endpoint.as_ref();
    limits.connections_per_endpoint = per_endpoint
        .and_then(|limits| limits.max_connections)
        .map(|n| n.u32());
    set(&mut limits.queue_timeout, spec.queue_timeout);
    limits
}

pub(crate) fn outlier(spec: &OutlierDetection) -> Outlier {
    let mut outlier = Outlier::default();
    set(&mut outlier.interval, spec.interval);
    set(&mut outlier.base_ejection_time, spec.base_ejection_time);
    outlier.max_ejection_time = match spec.max_ejection_time {
        Some(max) => max.get(),
        None => outlier.max_ejection_time.max(outlier.base_ejection_time),
    };
    set(
        &mut outlier.max_ejection_time_jitter,
        spec.max_ejection_time_jitter,
    );
    if let Some(percent) = spec.max_ejection_percent {
        outlier.max_ejection_percent = percent.u32();
    }
    outlier.always_eject_one_host = spec.always_eject_one_host == Some(true);
    outlier.split_external_local_origin_errors =
        spec.split_external_local_origin_errors == Some(true);
    outlier.uneject_on_check = spec.successful_active_health_check_uneject_host != Some(false);
    let Some(detectors) = &spec.detectors else {
        return outlier;
    };
    let pairs = [
        (&mut outlier.consecutive_5xx, &detectors.consecutive_5xx),
        (
            &mut outlier.consecutive_gateway_failure,
            &detectors.gateway_failures,
        ),
        (
            &mut outlier.consecutive_local_origin_failure,
            &detectors.local_origin_failures,
        ),
    ];
    for (field, detector) in pairs {
        if let Some(detector) = detector {
            *field = consecutive(*field, detector);
        }
    }
    if let Some(rate) = &detectors.success_rate {
        outlier.success_rate = success_rate(outlier.success_rate, rate);
    }
    if let Some(percentage) = &detectors.failure_percentage {
        outlier.failure_percentage = failure_percentage(outlier.failure_percentage, percentage);
    }
    outlier
}

/// A detector that is written down acts, whatever the default says.
fn consecutive(default: Consecutive, detector: &ConsecutiveDetector) -> Consecutive {
    Consecutive {
        threshold: detector.consecutive.map_or(default.threshold, |n| n.u32()),
        enforcing: detector.enforcing.map_or(100, |n| n.u32()),
    }
}

fn success_rate(default: SuccessRate, detector: &policy::SuccessRateDetector) -> SuccessRate {
    let enforcing = detector.enforcing.map_or(100, |n| n.u32());
    SuccessRate {
        minimum_hosts: detector
            .minimum_hosts
            .map_or(default.minimum_hosts, |n| n.u32()),
        request_volume: detector
            .request_volume
            .map_or(default.request_volume, |n| n.u32()),
        stdev_factor: detector
            .standard_deviation_factor
            .map_or(default.stdev_factor, thousandths),
        enforcing,
        enforcing_local_origin: enforcing,
    }
}

/// Validated to lie in 0.001..=100; a float cast saturates in any case.
fn thousandths(factor: f64) -> u32 {
    (factor * 1000.0).round() as u32
}

fn failure_percentage(
    default: FailurePercentage,
    detector: &policy::FailurePercentageDetector,
) -> FailurePercentage {
    let enforcing = detector.enforcing.map_or(100, |n| n.u32());
    FailurePercentage {
        threshold: detector.threshold.map_or(default.threshold, |n| n.u32()),
        minimum_hosts: detector
            .minimum_hosts
            .map_or(default.minimum_hosts, |n| n.u32()),
        request_volume: detector
            .request_volume
            .map_or(default.request_volume, |n| n.u32()),
        enforcing,
        enforcing_local_origin: enforcing,
    }
}

pub(super) fn set(field: &mut Duration, value: Option<KubeDuration>) {
    if let Some(value) = value {
        *field = value.get();
    }
}
