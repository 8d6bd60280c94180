//! BackendPolicy.

use super::check::Check;
use super::targets::{self, BACKEND_POLICY};
use super::{balance, breaker, health, overload};
use crate::check::Code;
use crate::policy::{
    BackendPolicySpec, Connection, Detectors, KubeDuration, LoadBalancer, LocalityMode,
    OutlierDetection,
};

/// Envoy refuses a longer one as well; a day without an ejection is a mistake in the unit.
const STDEV_FACTOR_MAX: f64 = 100.0;

pub(super) fn check(check: &mut Check, spec: &BackendPolicySpec) {
    targets::targets(check, &spec.target_refs, BACKEND_POLICY);
    check.not_supported("tls", &spec.tls);
    if let Some(balancer) = &spec.load_balancer {
        check.field("loadBalancer", |check| balance::check(check, balancer));
        failover_needs_a_detector(check, spec, balancer);
    }
    if let Some(connection) = &spec.connection {
        check.field("connection", |check| self::connection(check, connection));
    }
    if let Some(outlier) = &spec.outlier_detection {
        check.field("outlierDetection", |check| self::outlier(check, outlier));
    }
    if let Some(breaker) = &spec.circuit_breaker {
        check.field("circuitBreaker", |check| breaker::check(check, breaker));
    }
    if let Some(health) = &spec.health_check {
        check.field("healthCheck", |check| health::check(check, health));
    }
    if let Some(fail_fast) = &spec.connect_fail_fast {
        check.field("connectFailFast", |check| {
            health::fail_fast(check, fail_fast);
        });
    }
    if let Some(adaptive) = &spec.adaptive_concurrency {
        let key = "adaptiveConcurrency";
        check.field(key, |check| overload::adaptive(check, adaptive));
    }
    let empty = spec.load_balancer.is_none()
        && spec.connection.is_none()
        && spec.limits.is_none()
        && spec.outlier_detection.is_none()
        && spec.circuit_breaker.is_none()
        && spec.health_check.is_none()
        && spec.connect_fail_fast.is_none()
        && spec.adaptive_concurrency.is_none()
        && spec.panic_threshold_percent.is_none();
    if empty {
        check.coded(Code::EmptyPolicy, |check| {
            check.warning(
                "the policy sets nothing",
                "it still hides every less specific BackendPolicy of its targets (atomic defaults)",
            );
        });
    }
}

/// Endpoints that are not ready are gone; of those that fail somebody has to take note.
fn failover_needs_a_detector(check: &mut Check, spec: &BackendPolicySpec, of: &LoadBalancer) {
    let locality = of.locality.as_ref().and_then(|locality| locality.mode);
    let detector = spec.outlier_detection.is_some()
        || spec.circuit_breaker.is_some()
        || spec.health_check.is_some();
    if locality == Some(LocalityMode::Failover) && !detector {
        check.field("loadBalancer", |check| {
            check.field("locality", |check| {
                check.warning(
                    "Failover without a detector: endpoints that fail keep their traffic",
                    "add outlierDetection, circuitBreaker or healthCheck",
                );
            });
        });
    }
}

fn connection(check: &mut Check, connection: &Connection) {
    check.not_supported("tcpKeepalive", &connection.tcp_keepalive);
    check.not_supported("maxConnectionDuration", &connection.max_connection_duration);
    check.not_supported("http2", &connection.http2);
    check.not_supported(
        "maxRequestsPerConnection",
        &connection.max_requests_per_connection,
    );
    positive(check, "connectTimeout", connection.connect_timeout);
    positive(check, "idleTimeout", connection.idle_timeout);
}

fn outlier(check: &mut Check, outlier: &OutlierDetection) {
    positive(check, "interval", outlier.interval);
    positive(check, "baseEjectionTime", outlier.base_ejection_time);
    positive(check, "maxEjectionTime", outlier.max_ejection_time);
    if let (Some(base), Some(max)) = (outlier.base_ejection_time, outlier.max_ejection_time)
        && max < base
    {
        check.field("maxEjectionTime", |check| {
            check.error(
                format!("maxEjectionTime {max} is shorter than baseEjectionTime {base}"),
                "the first ejection lasts baseEjectionTime",
            );
        });
    }
    if outlier
        .max_ejection_percent
        .is_some_and(|percent| percent.get() == 0)
        && outlier.always_eject_one_host != Some(true)
    {
        check.field("maxEjectionPercent", |check| {
            check.coded(Code::NeverEjects, |check| {
                check.warning(
                    "with maxEjectionPercent 0 nothing is ever ejected",
                    "remove outlierDetection, or allow a share such as 50",
                );
            });
        });
    }
    if let Some(detectors) = &outlier.detectors {
        let split = outlier.split_external_local_origin_errors == Some(true);
        check.field("detectors", |check| {
            self::detectors(check, detectors, split);
        });
    }
}

fn detectors(check: &mut Check, detectors: &Detectors, split: bool) {
    if detectors.local_origin_failures.is_some() && !split {
        check.field("localOriginFailures", |check| {
            check.error(
                "localOriginFailures has no effect without splitExternalLocalOriginErrors",
                "set `splitExternalLocalOriginErrors: true`, or remove the detector: failures to \
                 connect count as 5xx then",
            );
        });
    }
    if let Some(rate) = &detectors.success_rate {
        check.field("successRate", |check| {
            let factor = rate.standard_deviation_factor;
            number(
                check,
                "standardDeviationFactor",
                factor,
                0.001,
                STDEV_FACTOR_MAX,
            );
        });
    }
}

/// A duration that must not be zero.
pub(super) fn positive(check: &mut Check, key: &str, value: Option<KubeDuration>) {
    if value.is_some_and(|value| value.get().is_zero()) {
        check.field(key, |check| {
            check.error(
                format!("`{key}` is zero"),
                "a duration above zero is allowed; remove the field for the default",
            );
        });
    }
}

/// A number in `min..=max`.
pub(super) fn number(check: &mut Check, key: &str, value: Option<f64>, min: f64, max: f64) {
    let Some(value) = value else { return };
    if !(min..=max).contains(&value) {
        check.field(key, |check| {
            check.error(
                format!("`{key}` is {value}"),
                format!("a number from {min} to {max} is allowed"),
            );
        });
    }
}
