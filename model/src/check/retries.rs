//! MC0502 to MC0506: retries, timeouts and faults as the proxy will act on them.

use engine::snapshot::route::PerTenThousand;
use engine::snapshot::{RetryBudget, RetryPolicy};

use super::facts::Facts;
use super::handled::{self, Handled};
use super::{Code, Findings};
use crate::yaml::Step::Key;

pub(super) fn analyze(facts: &Facts<'_>, findings: &mut Findings) {
    for handled in handled::all(facts) {
        if let Some(retry) = &handled.traffic.retry {
            outlast(findings, &handled, retry);
            not_idempotent(findings, &handled, retry);
            budget(findings, &handled, retry);
        }
        fault(findings, &handled);
    }
}

fn fault(findings: &mut Findings, handled: &Handled<'_>) {
    let fault = handled.traffic.fault.as_ref();
    let abort = fault.and_then(|fault| fault.abort.as_ref());
    if let (Some((_, PerTenThousand(10_000))), Some(policy)) = (abort, handled.policy) {
        let message = format!(
            "every request of {} is aborted by this fault",
            handled.what()
        );
        let help = "set a `percentage`, or remove the fault when the experiment is over";
        let path = ["spec", "fault", "abort"].map(Key);
        findings.add(Code::FaultHitsAll, &policy.object, &path, message, help);
    }
}

fn outlast(findings: &mut Findings, handled: &Handled<'_>, retry: &RetryPolicy) {
    let timeouts = &handled.traffic.timeouts;
    let tries = [retry.per_try_timeout, timeouts.backend_request];
    let (Some(request), Some(per_try)) = (timeouts.request, tries.into_iter().flatten().min())
    else {
        return;
    };
    // Before the last retry come `attempts` tries.
    if per_try.saturating_mul(retry.attempts) < request || !retry.on.per_try_timeout {
        return;
    }
    let started = (request.as_nanos().saturating_sub(1)) / per_try.as_nanos().max(1);
    let Some((object, path)) = handled.retry_place() else {
        return;
    };
    let message = format!(
        "of {} retries only {started} can start when tries time out: each try may last \
         {per_try:?}, the request {request:?}",
        retry.attempts
    );
    let help = format!(
        "{}: shorten the time of a try, or give the request more than tries × time",
        handled.what()
    );
    findings.add(Code::RetriesOutlastTimeout, object, &path, message, help);
}

fn not_idempotent(findings: &mut Findings, handled: &Handled<'_>, retry: &RetryPolicy) {
    if retry.on.statuses.is_empty() || !handled.may_write {
        return;
    }
    let Some((object, path)) = handled.retry_place() else {
        return;
    };
    let message = format!(
        "status codes are retried for every method, and {} takes POST and PATCH as well",
        handled.what()
    );
    let help = "an order that failed after it was taken would be placed twice: give reads a rule \
                of their own (`method: GET`) and retry there";
    findings.add(Code::RetryNotIdempotent, object, &path, message, help);
}

fn budget(findings: &mut Findings, handled: &Handled<'_>, retry: &RetryPolicy) {
    let none = match retry.budget {
        None => {
            let Some(policy) = handled.policy else { return };
            let message = format!(
                "without a budget {} retries send up to {} times the load to a Service that \
                 already fails",
                retry.attempts,
                retry.attempts + 1
            );
            let help = "remove `mode: None`: by default retries are at most 20 % of the requests, \
                        and 10 a second";
            let path = ["spec", "retryBudget"].map(Key);
            findings.add(
                Code::RetryWithoutBudget,
                &policy.object,
                &path,
                message,
                help,
            );
            return;
        }
        Some(RetryBudget::Rate {
            percent,
            min_per_second,
            ..
        }) => percent == 0 && min_per_second == 0,
        Some(RetryBudget::Concurrency {
            percent,
            min_concurrent,
        }) => percent <= 0.0 && min_concurrent == 0,
    };
    if let (true, Some(policy)) = (none, handled.policy) {
        let message = format!("the budget allows no retry at all of {}", handled.what());
        let help = "give it a percentage or a minimum, or set `retry.attempts: 0`";
        let path = ["spec", "retryBudget"].map(Key);
        findings.add(
            Code::BudgetAllowsNothing,
            &policy.object,
            &path,
            message,
            help,
        );
    }
}
