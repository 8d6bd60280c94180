//! Timeouts, retries and faults of a rule: from the route itself and from its TrafficPolicy.
//!
//! What a route says about its own timeouts and retries goes before the policy, field by field: it
//! is nearer to the rule than any policy can be. The retry budget comes from the policy in either
//! case, since routes cannot express one.

use core::time::Duration;

use engine::origin::Origin;
use engine::snapshot::route::{AbortWith, PerTenThousand, RetryOn, StatusRange};
use engine::snapshot::{AdmissionControl, Failures, Fault, RetryBudget, RetryPolicy, Timeouts};
use http::StatusCode;

use super::{check, overload};
use crate::gateway::{HttpRetry, HttpTimeouts};
use crate::index::TrafficPolicy;
use crate::policy::{self, BudgetMode, KubeDuration, RetryCondition, TrafficPolicySpec};
use crate::yaml::Step;

/// Tries after the first, when retries are on and nothing says how many.
const ATTEMPTS: u32 = 2;
/// Envoy's back-off (`RetryBackOff`).
const BACKOFF_BASE: Duration = Duration::from_millis(25);
/// Envoy: the longest back-off is ten times the base.
const BACKOFF_FACTOR: u32 = 10;
/// Bodies kept for another try: Linkerd's limit (`linkerd/http/retry`).
const BODY_BYTES_MAX: usize = 64 * 1024;
/// Finagle's and GEP-3388's budget.
const BUDGET_PERCENT: u32 = 20;
const BUDGET_INTERVAL: Duration = Duration::from_secs(10);
const BUDGET_MIN_PER_SECOND: u32 = 10;
/// Envoy's (`RetryBudget`).
const BUDGET_MIN_CONCURRENT: u32 = 3;

/// What a rule of an HTTPRoute says itself.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Inline<'a> {
    pub(crate) timeouts: Option<&'a HttpTimeouts>,
    pub(crate) retry: Option<(&'a HttpRetry, &'a Origin)>,
}

/// What happens to requests of a rule besides being routed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Traffic {
    pub(crate) timeouts: Timeouts,
    pub(crate) retry: Option<RetryPolicy>,
    pub(crate) fault: Option<Fault>,
    pub(crate) admission: Option<AdmissionControl>,
    pub(crate) failures: Failures,
}

pub(crate) fn traffic(inline: Inline<'_>, policy: Option<&TrafficPolicy>) -> Traffic {
    let spec = policy.map(|policy| &policy.spec);
    let budget = budget(spec.and_then(|spec| spec.retry_budget.as_ref()));
    let retry = match (inline.retry, policy) {
        (Some((retry, origin)), _) => route_retry(retry, origin.clone()),
        (None, Some(policy)) => policy_retry(policy),
        (None, None) => None,
    };
    Traffic {
        timeouts: timeouts(
            inline.timeouts,
            spec.and_then(|spec| spec.timeouts.as_ref()),
        ),
        retry: retry.map(|retry| RetryPolicy { budget, ..retry }),
        fault: policy.and_then(fault),
        admission: policy.and_then(admission),
        failures: spec.map(failures).unwrap_or_default(),
    }
}

fn timeouts(inline: Option<&HttpTimeouts>, policy: Option<&policy::TrafficTimeouts>) -> Timeouts {
    let inline = inline.cloned().unwrap_or_default();
    let policy = policy.cloned().unwrap_or_default();
    let either = |own: Option<policy::GepDuration>, other: Option<KubeDuration>| match own {
        Some(own) => own.non_zero(),
        None => other.and_then(KubeDuration::non_zero),
    };
    Timeouts {
        request: either(inline.request, policy.request),
        backend_request: either(inline.backend_request, policy.backend_request),
    }
}

/// Retries with all defaults; none when there are no tries after the first.
fn retry(attempts: u32, origin: Origin) -> Option<RetryPolicy> {
    (attempts > 0).then(|| RetryPolicy {
        attempts,
        per_try_timeout: None,
        on: RetryOn {
            reset: true,
            per_try_timeout: true,
            ..RetryOn::default()
        },
        backoff_base: BACKOFF_BASE,
        backoff_max: BACKOFF_BASE * BACKOFF_FACTOR,
        backoff_least: Duration::ZERO,
        rate_limited_backoff: false,
        host_selection_attempts: 1,
        retry_non_idempotent: false,
        budget: None,
        body_bytes_max: BODY_BYTES_MAX,
        origin,
    })
}

/// GEP-1731.
fn route_retry(spec: &HttpRetry, origin: Origin) -> Option<RetryPolicy> {
    let mut retry = retry(spec.attempts.map_or(ATTEMPTS, |n| n.u32()), origin)?;
    retry.on.statuses = spec.codes.iter().map(|code| status(code.u16())).collect();
    if let Some(backoff) = spec.backoff {
        retry.backoff_base = backoff.get();
        retry.backoff_max = backoff.get().saturating_mul(BACKOFF_FACTOR);
        // What a route says is the shortest wait, to which jitter may be added.
        retry.backoff_least = backoff.get();
    }
    Some(retry)
}

fn policy_retry(policy: &TrafficPolicy) -> Option<RetryPolicy> {
    let spec = policy.spec.retry.as_ref()?;
    let line = policy
        .object
        .line_at(&[Step::Key("spec"), Step::Key("retry")]);
    let origin = policy.origin.part("retry", line);
    let mut retry = retry(spec.attempts.map_or(ATTEMPTS, |n| n.u32()), origin)?;
    retry.per_try_timeout = spec.per_try_timeout.and_then(KubeDuration::non_zero);
    if let Some(conditions) = &spec.retry_on {
        retry.on = RetryOn::default();
        for condition in conditions {
            add(&mut retry.on, *condition);
        }
    }
    let codes = spec.codes.iter().map(|code| status(code.u16()));
    retry.on.statuses.extend(codes);
    if let Some(backoff) = &spec.backoff {
        if let Some(base) = backoff.base {
            retry.backoff_base = base.get();
            retry.backoff_max = base.get().saturating_mul(BACKOFF_FACTOR);
        }
        if let Some(max) = backoff.max {
            retry.backoff_max = max.get().max(retry.backoff_base);
        }
    }
    retry.rate_limited_backoff = spec.rate_limited_backoff == Some(true);
    retry.retry_non_idempotent = spec.retry_non_idempotent == Some(true);
    let selection = spec.host_selection.as_ref();
    if let Some(attempts) = selection.and_then(|selection| selection.max_attempts) {
        retry.host_selection_attempts = attempts.u32();
    }
    Some(retry)
}

fn status(code: u16) -> StatusRange {
    StatusRange {
        from: code,
        to: code,
    }
}

fn add(on: &mut RetryOn, condition: RetryCondition) {
    match condition {
        // Always retried.
        RetryCondition::ConnectFailure | RetryCondition::RefusedStream => {}
        RetryCondition::Reset => on.reset = true,
        RetryCondition::PerTryTimeout => on.per_try_timeout = true,
        RetryCondition::Status5xx => on.statuses.push(StatusRange { from: 500, to: 599 }),
        RetryCondition::GatewayError => on.statuses.push(StatusRange { from: 502, to: 504 }),
        RetryCondition::Retriable4xx => on.statuses.push(status(409)),
        grpc => on.grpc.extend(grpc.grpc_status()),
    }
}

/// The budget of retries, where there are any: 20 % and 10 a second unless the policy says else.
fn budget(spec: Option<&policy::RetryBudget>) -> Option<RetryBudget> {
    let spec = spec.cloned().unwrap_or_default();
    match spec.mode() {
        BudgetMode::None => None,
        BudgetMode::Rate => Some(RetryBudget::Rate {
            // Validated to be a whole number in 0..=100; a float cast saturates in any case.
            percent: spec
                .percent
                .map_or(BUDGET_PERCENT, |percent| percent as u32),
            interval: spec.interval.map_or(BUDGET_INTERVAL, KubeDuration::get),
            min_per_second: spec
                .min_retry_rate
                .map_or(BUDGET_MIN_PER_SECOND, |n| n.u32()),
        }),
        BudgetMode::Concurrency => Some(RetryBudget::Concurrency {
            percent: spec.percent.unwrap_or_else(|| f64::from(BUDGET_PERCENT)),
            min_concurrent: spec
                .min_retry_concurrency
                .map_or(BUDGET_MIN_CONCURRENT, |n| n.u32()),
        }),
    }
}

fn fault(policy: &TrafficPolicy) -> Option<Fault> {
    let spec = policy.spec.fault.as_ref()?;
    let line = policy
        .object
        .line_at(&[Step::Key("spec"), Step::Key("fault")]);
    let delay = spec.delay.as_ref();
    let abort = spec.abort.as_ref().and_then(|abort| {
        let http = abort
            .http_status
            .and_then(|code| StatusCode::from_u16(code.u16()).ok());
        let grpc = abort.grpc_status.map(|code| AbortWith::Grpc(code.u32()));
        let with = http.map(AbortWith::Http).or(grpc)?;
        Some((with, share(abort.percentage)))
    });
    Some(Fault {
        delay: delay.map(|delay| (delay.fixed.get(), share(delay.percentage))),
        abort,
        bandwidth: spec.response_bandwidth.as_ref().map(|slow| {
            let bytes = u64::from(slow.kib_per_second.u32()) * 1024;
            (bytes, share(slow.percentage))
        }),
        active_max: spec.max_active_faults.map(|n| n.u32()),
        origin: policy.origin.part("fault", line),
    })
}

fn admission(policy: &TrafficPolicy) -> Option<AdmissionControl> {
    let spec = policy.spec.admission_control.as_ref()?;
    let line = policy
        .object
        .line_at(&[Step::Key("spec"), Step::Key("admissionControl")]);
    let origin = policy.origin.part("admissionControl", line);
    Some(overload::admission(spec, origin))
}

fn failures(spec: &TrafficPolicySpec) -> Failures {
    let codes = spec.failure_grpc_codes.as_ref();
    Failures {
        statuses: spec.failure_statuses.as_deref().map(check::ranges),
        grpc: codes.map(|codes| codes.iter().map(|code| code.u32()).collect()),
    }
}

/// Validated to lie in 0..=100; a float cast saturates in any case.
fn share(percentage: Option<f64>) -> PerTenThousand {
    PerTenThousand((percentage.unwrap_or(100.0) * 100.0).round() as u32)
}
