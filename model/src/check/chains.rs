//! MC0507, MC0508: what two hops do to each other, where one manifest names the address of the
//! other's Service.

use core::time::Duration;

use engine::snapshot::ObjectName;

use super::facts::{Facts, WorkloadFact};
use super::handled::{self, Handled};
use super::{Call, Code, Findings};

pub(super) fn analyze(facts: &Facts<'_>, findings: &mut Findings) {
    if facts.calls.is_empty() {
        return;
    }
    let all = handled::all(facts);
    for call in facts.calls {
        let (kind, name) = &call.from;
        let caller = facts.workloads.iter().find(|workload| {
            workload.object.kind == *kind
                && workload.object.name() == &*name.name
                && workload.object.namespace() == &*name.namespace
        });
        let Some(caller) = caller else { continue };
        let below = to(&all, &call.to, Some(call.port), &name.namespace);
        for service in facts.in_front(caller) {
            // From clients without routes of their own.
            let above = to(&all, &service.name, None, "");
            timeouts(findings, caller, call, &above, &below);
            retries(findings, caller, call, &above, &below);
        }
    }
}

/// The rules that hold for calls to a Service out of the namespace `from`.
fn to<'h, 'a>(
    all: &'h [Handled<'a>],
    service: &ObjectName,
    port: Option<u16>,
    from: &str,
) -> Vec<&'h Handled<'a>> {
    let of_port = |handled: &&Handled<'_>| {
        handled.service == service && port.is_none_or(|port| handled.port == port)
    };
    let own = |handled: &&Handled<'_>| handled.consumer.is_some_and(|ns| **ns == *from);
    let consumer: Vec<_> = all.iter().filter(of_port).filter(own).collect();
    if !consumer.is_empty() {
        return consumer;
    }
    let producer = all.iter().filter(of_port);
    producer.filter(|h| h.consumer.is_none()).collect()
}

/// The caller's own callers have gone before its call may end.
fn timeouts(
    findings: &mut Findings,
    caller: &WorkloadFact<'_>,
    call: &Call,
    above: &[&Handled<'_>],
    below: &[&Handled<'_>],
) {
    let request = |handled: &&Handled<'_>| handled.traffic.timeouts.request;
    // Every rule has to say a time, else some request waits for ever.
    let longest: Option<Vec<Duration>> = above.iter().map(request).collect();
    let shortest: Option<Vec<Duration>> = below.iter().map(request).collect();
    let (Some(above_time), Some(below_time)) = (
        longest.and_then(|times| times.into_iter().max()),
        shortest.and_then(|times| times.into_iter().min()),
    ) else {
        return;
    };
    if below_time <= above_time {
        return;
    }
    let (Some(above), Some((object, path))) =
        (above.first(), below.first().and_then(|h| h.timeout_place()))
    else {
        return;
    };
    let message = format!(
        "a call of {} to {} may last {below_time:?}, though callers of {} give up after \
         {above_time:?}",
        caller.object.subject(),
        call.to,
        above.service
    );
    let help = format!(
        "the call is named by {}; give it less time than those who wait for it",
        call.found
    );
    findings.add(Code::TimeoutChain, object, &path, message, help);
}

/// Each try of the caller's callers makes the caller try again.
fn retries(
    findings: &mut Findings,
    caller: &WorkloadFact<'_>,
    call: &Call,
    above: &[&Handled<'_>],
    below: &[&Handled<'_>],
) {
    let unbounded = |all: &[&Handled<'_>]| {
        let retries = all.iter().filter_map(|h| h.traffic.retry.as_ref());
        let free = retries.filter(|retry| retry.budget.is_none());
        free.map(|retry| retry.attempts).max()
    };
    let (Some(first), Some(second)) = (unbounded(above), unbounded(below)) else {
        return;
    };
    let place = below.iter().find_map(|handled| handled.retry_place());
    let (Some(above), Some((object, path))) = (above.first(), place) else {
        return;
    };
    let (first, second) = (u64::from(first) + 1, u64::from(second) + 1);
    let message = format!(
        "{first} tries of a request to {} times {second} tries of the call of {} to {} are {}",
        above.service,
        caller.object.subject(),
        call.to,
        first * second
    );
    let help = format!(
        "the call is named by {}; retry at one hop, or with a budget",
        call.found
    );
    findings.add(Code::RetriesMultiply, object, &path, message, help);
}
