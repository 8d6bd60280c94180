//! `circuitBreaker` of a BackendPolicy.

use core::time::Duration;

use super::backend_policy::{number, positive};
use super::check::Check;
use crate::check::Code;
use crate::policy::{
    CircuitBreaker, CircuitBreakerType, FailureAccrual, KubeDuration, RollingWindow, Span, Unified,
};

/// Below a millisecond for each of ten slots a window says nothing.
const WINDOW_MIN: Duration = Duration::from_millis(10);

pub(super) fn check(check: &mut Check, breaker: &CircuitBreaker) {
    use CircuitBreakerType as T;
    let kind = breaker.r#type.unwrap_or(T::Unified);
    let blocks = [
        ("unified", T::Unified, breaker.unified.is_some()),
        (
            "failureAccrual",
            T::FailureAccrual,
            breaker.failure_accrual.is_some(),
        ),
        (
            "rollingWindow",
            T::RollingWindow,
            breaker.rolling_window.is_some(),
        ),
    ];
    check.beside(&kind, &blocks, |check, key, of| {
        check.error(
            format!("`{key}` has no effect when the type is {kind:?}"),
            format!("set `type: {of:?}` or remove the field"),
        );
    });
    if let Some(unified) = &breaker.unified {
        check.field("unified", |check| self::unified(check, unified));
    }
    if let Some(accrual) = &breaker.failure_accrual {
        check.field("failureAccrual", |check| self::accrual(check, accrual));
    }
    if let Some(rolling) = &breaker.rolling_window {
        check.field("rollingWindow", |check| self::rolling(check, rolling));
    }
}

fn unified(check: &mut Check, unified: &Unified) {
    if let Some(rate) = &unified.success_rate {
        check.field("successRate", |check| {
            number(check, "threshold", rate.threshold, 0.0, 1.0);
            window(check, "window", rate.window);
        });
    }
    let rate = unified.success_rate.as_ref().and_then(|r| r.threshold);
    let run = unified.max_failures.map(|max| max.get());
    never_opens(check, run, rate, "maxFailures", "successRate.threshold");
    let Some(backoff) = &unified.backoff else {
        return;
    };
    check.field("backoff", |check| {
        number(check, "jitter", backoff.jitter, 0.0, 100.0);
        ordered(check, (backoff.min, 1), (backoff.max, 60));
    });
}

fn accrual(check: &mut Check, accrual: &FailureAccrual) {
    let rate = accrual.success_rate.as_ref();
    if let Some(rate) = rate {
        check.field("successRate", |check| {
            number(check, "required", rate.required, 0.0, 1.0);
            window(check, "window", rate.window);
            if rate.window.is_some() && rate.requests.is_some() {
                check.error(
                    "the average has two windows",
                    "set one of `window` (time) and `requests`",
                );
            }
            if rate.requests.is_some() && rate.min_requests.is_some() {
                check.field("minRequests", |check| {
                    check.error(
                        "`minRequests` has no effect with `requests`",
                        "an average over requests waits for that many",
                    );
                });
            }
        });
    }
    let run = accrual.consecutive_failures.map(|n| n.get());
    let rate = rate.and_then(|rate| rate.required);
    never_opens(
        check,
        run,
        rate,
        "consecutiveFailures",
        "successRate.required",
    );
    if let Some(backoff) = &accrual.backoff {
        check.field("backoff", |check| span(check, backoff, 5, 300));
    }
}

fn rolling(check: &mut Check, rolling: &RollingWindow) {
    window(check, "window", rolling.window);
    positive(check, "sleepWindow", rolling.sleep_window);
    let window = rolling
        .window
        .map_or(Duration::from_secs(10), KubeDuration::get);
    let interval = rolling.health_snapshot_interval;
    if interval.is_some_and(|interval| interval.get() > window) {
        check.field("healthSnapshotInterval", |check| {
            check.error(
                "`healthSnapshotInterval` is longer than the window",
                format!("what happens between two looks is forgotten; the window is {window:?}"),
            );
        });
    }
    if rolling.force_open == Some(true) && rolling.force_closed == Some(true) {
        check.error(
            "the breaker is forced open and closed",
            "set one of `forceOpen` and `forceClosed`; forceOpen would win",
        );
    }
}

fn window(check: &mut Check, key: &str, window: Option<KubeDuration>) {
    if window.is_some_and(|window| window.get() < WINDOW_MIN) {
        check.field(key, |check| {
            check.error(
                "the window is too short",
                format!("at least {WINDOW_MIN:?} is allowed"),
            );
        });
    }
}

/// Both conditions are switched off.
fn never_opens(check: &mut Check, run: Option<i64>, rate: Option<f64>, a: &str, b: &str) {
    if run == Some(0) && rate.is_some_and(|rate| rate <= 0.0) {
        check.coded(Code::BreakerNeverOpens, |check| {
            check.error(
                "both conditions of the breaker are off: it never opens",
                format!("set {a} or {b} above 0, or remove circuitBreaker"),
            );
        });
    }
}

/// A first and a longest time, with their defaults in seconds.
pub(super) fn span(check: &mut Check, span: &Span, min: u64, max: u64) {
    ordered(check, (span.min, min), (span.max, max));
}

fn ordered(check: &mut Check, min: (Option<KubeDuration>, u64), max: (Option<KubeDuration>, u64)) {
    positive(check, "min", min.0);
    positive(check, "max", max.0);
    let or = |(value, seconds): (Option<KubeDuration>, u64)| {
        value.map_or(Duration::from_secs(seconds), KubeDuration::get)
    };
    let (least, most) = (or(min), or(max));
    if most < least {
        check.error(
            format!("backoff.max ({most:?}) is shorter than backoff.min ({least:?})"),
            format!(
                "the time grows from min (default {}s) to max (default {}s)",
                min.1, max.1
            ),
        );
    }
}
