//! BackendPolicy.

use core::time::Duration;

use super::balance;
use super::check::Check;
use super::targets::{self, BACKEND_POLICY};
use crate::check::Code;
use crate::policy::{
    BackendPolicySpec, CircuitBreaker, CircuitBreakerType, Connection, Detectors, KubeDuration,
    LoadBalancer, LocalityMode, OutlierDetection, Unified,
};

/// The window of the unified breaker has ten buckets; below a millisecond each they say nothing.
const BREAKER_WINDOW_MIN: Duration = Duration::from_millis(10);
/// Envoy refuses a longer one as well; a day without an ejection is a mistake in the unit.
const STDEV_FACTOR_MAX: f64 = 100.0;

pub(super) fn check(check: &mut Check, spec: &BackendPolicySpec) {
    targets::targets(check, &spec.target_refs, BACKEND_POLICY);
    check.not_supported("connectFailFast", &spec.connect_fail_fast);
    check.not_supported("healthCheck", &spec.health_check);
    check.not_supported("adaptiveConcurrency", &spec.adaptive_concurrency);
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
        check.field("circuitBreaker", |check| self::breaker(check, breaker));
    }
    let empty = spec.load_balancer.is_none()
        && spec.connection.is_none()
        && spec.limits.is_none()
        && spec.outlier_detection.is_none()
        && spec.circuit_breaker.is_none()
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
    check.not_supported(
        "successfulActiveHealthCheckUnejectHost",
        &outlier.successful_active_health_check_uneject_host,
    );
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

fn breaker(check: &mut Check, breaker: &CircuitBreaker) {
    let kind = breaker.r#type.unwrap_or(CircuitBreakerType::Unified);
    if kind != CircuitBreakerType::Unified {
        check.field("type", |check| {
            check.error(
                format!("{kind:?} is not supported by this version"),
                "allowed is Unified",
            );
        });
    }
    check.not_supported("failureAccrual", &breaker.failure_accrual);
    check.not_supported("rollingWindow", &breaker.rolling_window);
    if let Some(unified) = &breaker.unified {
        check.field("unified", |check| self::unified(check, unified));
    }
}

fn unified(check: &mut Check, unified: &Unified) {
    if let Some(rate) = &unified.success_rate {
        check.field("successRate", |check| {
            number(check, "threshold", rate.threshold, 0.0, 1.0);
            if rate
                .window
                .is_some_and(|window| window.get() < BREAKER_WINDOW_MIN)
            {
                check.field("window", |check| {
                    check.error(
                        "the window is too short",
                        format!("at least {BREAKER_WINDOW_MIN:?} is allowed"),
                    );
                });
            }
        });
    }
    let rate_off = unified
        .success_rate
        .as_ref()
        .and_then(|rate| rate.threshold)
        .is_some_and(|threshold| threshold == 0.0);
    if unified.max_failures.is_some_and(|max| max.get() == 0) && rate_off {
        check.coded(Code::BreakerNeverOpens, |check| {
            check.error(
                "both conditions of the breaker are off: it never opens",
                "set maxFailures or successRate.threshold above 0, or remove circuitBreaker",
            );
        });
    }
    let Some(backoff) = &unified.backoff else {
        return;
    };
    check.field("backoff", |check| {
        positive(check, "min", backoff.min);
        positive(check, "max", backoff.max);
        number(check, "jitter", backoff.jitter, 0.0, 100.0);
        let min = backoff
            .min
            .map_or(Duration::from_secs(1), KubeDuration::get);
        let max = backoff
            .max
            .map_or(Duration::from_secs(60), KubeDuration::get);
        if max < min {
            check.error(
                format!("backoff.max ({max:?}) is shorter than backoff.min ({min:?})"),
                "the time grows from min (default 1s) to max (default 60s)",
            );
        }
    });
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
