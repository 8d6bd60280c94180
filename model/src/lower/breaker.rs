//! `circuitBreaker` → the breaker of a backend.

use engine::snapshot::breaker::{AverageRate, Force, RateWindow};
use engine::snapshot::{Breaker, FailureAccrual, RollingWindow, UnifiedBreaker};

use super::cluster::set;
use crate::policy::{self, CircuitBreaker, CircuitBreakerType};

pub(crate) fn breaker(spec: &CircuitBreaker) -> Breaker {
    match spec.r#type.unwrap_or(CircuitBreakerType::Unified) {
        CircuitBreakerType::Unified => {
            Breaker::Unified(unified(spec.unified.clone().unwrap_or_default()))
        }
        CircuitBreakerType::FailureAccrual => {
            Breaker::FailureAccrual(accrual(spec.failure_accrual.clone().unwrap_or_default()))
        }
        CircuitBreakerType::RollingWindow => {
            Breaker::RollingWindow(rolling(spec.rolling_window.as_ref()))
        }
    }
}

fn unified(spec: policy::Unified) -> UnifiedBreaker {
    let mut breaker = UnifiedBreaker::default();
    if let Some(max) = spec.max_failures {
        breaker.max_failures = max.u32();
    }
    let rate = spec.success_rate.unwrap_or_default();
    breaker.success_rate_threshold = rate.threshold.unwrap_or(breaker.success_rate_threshold);
    set(&mut breaker.window, rate.window);
    if let Some(min) = rate.min_requests {
        breaker.min_requests = min.u32();
    }
    let backoff = spec.backoff.unwrap_or_default();
    set(&mut breaker.backoff_min, backoff.min);
    set(&mut breaker.backoff_max, backoff.max);
    breaker.jitter = backoff.jitter.unwrap_or(breaker.jitter);
    breaker.honor_retry_after = spec.honor_retry_after == Some(true);
    if let Some(percent) = spec.breaker_cap_percent {
        breaker.cap_percent = percent.u32();
    }
    breaker
}

fn accrual(spec: policy::FailureAccrual) -> FailureAccrual {
    let mut breaker = FailureAccrual::default();
    if let Some(n) = spec.consecutive_failures {
        breaker.consecutive_failures = n.u32();
    }
    breaker.success_rate = average(breaker.success_rate, &spec.success_rate.unwrap_or_default());
    let backoff = spec.backoff.unwrap_or_default();
    set(&mut breaker.backoff_min, backoff.min);
    set(&mut breaker.backoff_max, backoff.max);
    if let Some(percent) = spec.breaker_cap_percent {
        breaker.cap_percent = percent.u32();
    }
    breaker
}

fn average(mut rate: AverageRate, spec: &policy::AccrualSuccessRate) -> AverageRate {
    rate.required = spec.required.unwrap_or(rate.required);
    if let Some(window) = spec.window {
        rate.window = RateWindow::Time(window.get());
    }
    if let Some(requests) = spec.requests {
        rate.window = RateWindow::Requests(requests.u32());
    }
    if let Some(min) = spec.min_requests {
        rate.min_requests = min.u32();
    }
    rate
}

fn rolling(spec: Option<&policy::RollingWindow>) -> RollingWindow {
    let mut breaker = RollingWindow::default();
    let Some(spec) = spec else { return breaker };
    set(&mut breaker.window, spec.window);
    set(&mut breaker.sleep_window, spec.sleep_window);
    set(
        &mut breaker.snapshot_interval,
        spec.health_snapshot_interval,
    );
    if let Some(buckets) = spec.buckets {
        breaker.buckets = buckets.u32();
    }
    if let Some(volume) = spec.request_volume_threshold {
        breaker.request_volume_threshold = volume.u32();
    }
    if let Some(percent) = spec.error_threshold_percentage {
        breaker.error_threshold_percent = percent.u32();
    }
    breaker.force = match (spec.force_open, spec.force_closed) {
        (Some(true), _) => Force::Open,
        (_, Some(true)) => Force::Closed,
        _ => Force::No,
    };
    breaker
}
