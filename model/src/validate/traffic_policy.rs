//! TrafficPolicy.

use core::time::Duration;

use super::backend_policy::{number, positive};
use super::check::Check;
use super::overload;
use super::targets::{self, TRAFFIC_POLICY};
use crate::check::Code;
use crate::policy::{
    BudgetMode, Fault, KubeDuration, Retry, RetryBudget, TrafficPolicySpec, TrafficTimeouts,
};

/// GEP-3388.
const BUDGET_INTERVAL_MIN: Duration = Duration::from_secs(1);
const BUDGET_INTERVAL_MAX: Duration = Duration::from_secs(3600);
/// Steps of a share: Envoy's finest denominator that we keep (1 / 10 000).
const SHARES: f64 = 100.0;

pub(super) fn check(check: &mut Check, spec: &TrafficPolicySpec) {
    targets::targets(check, &spec.target_refs, TRAFFIC_POLICY);
    check.not_supported("mirror", &spec.mirror);
    if let Some(retry) = &spec.retry {
        check.field("retry", |check| self::retry(check, retry));
    }
    if let Some(budget) = &spec.retry_budget {
        check.field("retryBudget", |check| self::budget(check, budget));
    }
    if let Some(timeouts) = &spec.timeouts {
        check.field("timeouts", |check| self::timeouts(check, timeouts));
    }
    if let Some(fault) = &spec.fault {
        check.field("fault", |check| self::fault(check, fault));
    }
    if let Some(admission) = &spec.admission_control {
        check.field("admissionControl", |check| {
            overload::admission(check, admission);
        });
    }
    let empty = spec.retry.is_none()
        && spec.retry_budget.is_none()
        && spec.timeouts.is_none()
        && spec.fault.is_none()
        && spec.admission_control.is_none()
        && spec.failure_statuses.is_none()
        && spec.failure_grpc_codes.is_none();
    if empty {
        check.coded(Code::EmptyPolicy, |check| {
            check.warning(
                "the policy sets nothing",
                "it still hides every less specific TrafficPolicy of its targets (atomic defaults)",
            );
        });
    }
}

fn retry(check: &mut Check, retry: &Retry) {
    positive(check, "perTryTimeout", retry.per_try_timeout);
    let Some(backoff) = &retry.backoff else {
        return;
    };
    check.field("backoff", |check| {
        positive(check, "base", backoff.base);
        if let (Some(base), Some(max)) = (backoff.base, backoff.max)
            && max < base
        {
            check.field("max", |check| {
                check.error(
                    format!("backoff.max {max} is shorter than backoff.base {base}"),
                    "max is at least base",
                );
            });
        }
    });
}

fn budget(check: &mut Check, budget: &RetryBudget) {
    let mode = budget.mode();
    let fields = [
        (
            "percent",
            budget.percent.is_some(),
            mode != BudgetMode::None,
        ),
        (
            "interval",
            budget.interval.is_some(),
            mode == BudgetMode::Rate,
        ),
        (
            "minRetryRate",
            budget.min_retry_rate.is_some(),
            mode == BudgetMode::Rate,
        ),
        (
            "minRetryConcurrency",
            budget.min_retry_concurrency.is_some(),
            mode == BudgetMode::Concurrency,
        ),
    ];
    for (key, present, allowed) in fields {
        if present && !allowed {
            check.field(key, |check| {
                check.error(
                    format!("`{key}` has no effect when the mode is {mode:?}"),
                    "Rate takes percent, interval and minRetryRate; Concurrency takes percent and \
                     minRetryConcurrency",
                );
            });
        }
    }
    number(check, "percent", budget.percent, 0.0, 100.0);
    #[expect(
        clippy::float_cmp,
        reason = "asks whether the number is whole, exactly"
    )]
    let whole = budget
        .percent
        .is_none_or(|percent| percent == percent.trunc());
    if mode == BudgetMode::Rate && !whole {
        check.field("percent", |check| {
            check.error(
                "`percent` is not a whole number",
                "with mode Rate, whole numbers from 0 to 100 are allowed",
            );
        });
    }
    let interval = budget.interval.map(KubeDuration::get);
    if interval.is_some_and(|i| !(BUDGET_INTERVAL_MIN..=BUDGET_INTERVAL_MAX).contains(&i)) {
        check.field("interval", |check| {
            check.error("`interval` is out of range", "1s to 1h is allowed");
        });
    }
}

fn timeouts(check: &mut Check, timeouts: &TrafficTimeouts) {
    check.not_supported("idle", &timeouts.idle);
    check.not_supported("streamIdle", &timeouts.stream_idle);
    let request = timeouts.request.and_then(KubeDuration::non_zero);
    if let (Some(request), Some(backend)) = (request, timeouts.backend_request)
        && backend.get() > request
    {
        check.field("backendRequest", |check| {
            check.coded(Code::BackendTimeoutTooLong, |check| {
                check.error(
                    "backendRequest timeout cannot be longer than request timeout",
                    format!("request is {request:?}: it ends all tries together"),
                );
            });
        });
    }
}

fn fault(check: &mut Check, fault: &Fault) {
    if fault.delay.is_none() && fault.abort.is_none() && fault.response_bandwidth.is_none() {
        check.error(
            "the fault does nothing",
            "set delay, abort or responseBandwidth, or several of them",
        );
    }
    if let Some(slow) = &fault.response_bandwidth {
        check.field("responseBandwidth", |check| share(check, slow.percentage));
    }
    if let Some(delay) = &fault.delay {
        check.field("delay", |check| share(check, delay.percentage));
    }
    let Some(abort) = &fault.abort else { return };
    check.field("abort", |check| {
        if abort.http_status.is_some() == abort.grpc_status.is_some() {
            check.error(
                "an abort needs exactly one status",
                "set one of httpStatus and grpcStatus",
            );
        }
        share(check, abort.percentage);
    });
}

/// A `percentage`: 0 to 100 in steps of 0.01.
fn share(check: &mut Check, percentage: Option<f64>) {
    number(check, "percentage", percentage, 0.0, 100.0);
    let Some(percentage) = percentage else { return };
    let steps = percentage * SHARES;
    if (steps - steps.round()).abs() > 1e-6 {
        check.field("percentage", |check| {
            check.error(
                format!("`percentage` is {percentage}"),
                "steps of 0.01 are allowed",
            );
        });
    }
}
