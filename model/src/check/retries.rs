//! MC0502 to MC0506: retries, timeouts and faults as the proxy will act on them.
//!
//! What a rule does is asked of the lowering itself, so that a finding is about what happens, not
//! about one of the places where it can be written.

use engine::snapshot::route::PerTenThousand;
use engine::snapshot::{PortProtocol, RetryBudget, RetryPolicy};

use super::facts::Facts;
use super::{Code, Findings};
use crate::document::Object;
use crate::gateway::{HttpMethod, HttpRouteRule};
use crate::index::{Route, RouteSpec, Service, ServicePort, TrafficPolicy, is_parent, parent_name};
use crate::lower::traffic::{Inline, Traffic, traffic};
use crate::yaml::Step::{self, Index, Key};

/// Requests that something is done to, and where that is written.
struct Handled<'a> {
    /// For messages: `rule 0 of HTTPRoute shop/web`.
    what: String,
    traffic: Traffic,
    /// The rule's own object, for what it says itself, and the path of the rule.
    rule: Option<(&'a Object, usize)>,
    has_own_retry: bool,
    policy: Option<&'a TrafficPolicy>,
    /// Whether POST or PATCH in plain HTTP is among the requests.
    may_write: bool,
}

pub(super) fn analyze(facts: &Facts<'_>, findings: &mut Findings) {
    for route in facts.index.routes() {
        match &route.spec {
            RouteSpec::Http(spec) => {
                for (at, rule) in spec.rules.iter().flatten().enumerate() {
                    http_rule(facts, findings, route, at, rule);
                }
            }
            RouteSpec::Grpc(spec) => {
                for (at, rule) in spec.rules.iter().enumerate() {
                    for policy in policies(facts, route, rule.name.as_deref()) {
                        judge(
                            findings,
                            &Handled {
                                what: of_rule(route, at),
                                traffic: traffic(Inline::default(), policy),
                                rule: Some((&route.object, at)),
                                has_own_retry: false,
                                policy,
                                may_write: false,
                            },
                        );
                    }
                }
            }
            RouteSpec::Tls(_) | RouteSpec::Tcp(_) => {}
        }
    }
    for service in facts.index.services() {
        for port in &service.ports {
            unrouted(facts, findings, service, port);
        }
    }
}

fn of_rule(route: &Route, at: usize) -> String {
    format!("rules[{at}] of {} {}", route.object.kind, route.name)
}

fn http_rule(
    facts: &Facts<'_>,
    findings: &mut Findings,
    route: &Route,
    at: usize,
    rule: &HttpRouteRule,
) {
    let writes = |method: Option<HttpMethod>| {
        matches!(method, None | Some(HttpMethod::Post | HttpMethod::Patch))
    };
    let may_write = rule.matches.is_empty() || rule.matches.iter().any(|one| writes(one.method));
    let path = [Key("spec"), Key("rules"), Index(at), Key("retry")];
    let origin = route.origin.part("retry", route.object.line_at(&path));
    for policy in policies(facts, route, rule.name.as_deref()) {
        let inline = Inline {
            timeouts: rule.timeouts.as_ref(),
            retry: rule.retry.as_ref().map(|retry| (retry, &origin)),
        };
        let handled = Handled {
            what: of_rule(route, at),
            traffic: traffic(inline, policy),
            rule: Some((&route.object, at)),
            has_own_retry: rule.retry.is_some(),
            policy,
            may_write,
        };
        judge(findings, &handled);
    }
}

/// Requests to a port that no route governs: only a policy says something about them.
fn unrouted(facts: &Facts<'_>, findings: &mut Findings, service: &Service, port: &ServicePort) {
    let governing = facts.index.governing(service, port, None);
    let routed = governing.is_some_and(|governing| !governing.routes.is_empty());
    let policy = facts.index.traffic_policy(&service.name, port, None, None);
    let (Some(policy), false) = (policy, routed) else {
        return;
    };
    let grpc = port.protocol == PortProtocol::Http2;
    judge(
        findings,
        &Handled {
            what: format!("Service {}", service.name),
            traffic: traffic(Inline::default(), Some(policy)),
            rule: None,
            has_own_retry: false,
            policy: Some(policy),
            may_write: !grpc && port.protocol != PortProtocol::Opaque,
        },
    );
}

/// The policies that hold for a rule: one for each port that the route governs, or the route's own
/// when the Service is not in the input.
fn policies<'f>(
    facts: &'f Facts<'_>,
    route: &Route,
    rule: Option<&str>,
) -> Vec<Option<&'f TrafficPolicy>> {
    let index = &facts.routed;
    let mut found: Vec<Option<&TrafficPolicy>> = Vec::new();
    for parent in route.spec.parents().iter().filter(|p| p.is_service()) {
        let name = parent_name(route, parent);
        let Some(service) = index.service(&name) else {
            continue;
        };
        let governed = service.ports.iter();
        for port in governed.filter(|port| is_parent(route, parent, &name, port)) {
            let consumer =
                (name.namespace != route.name.namespace).then_some(&route.name.namespace);
            let policy = index.traffic_policy(&name, port, consumer, Some((route, rule)));
            let known = found
                .iter()
                .any(|known| known.map(|known| &known.name) == policy.map(|policy| &policy.name));
            if !known {
                found.push(policy);
            }
        }
    }
    found
}

fn judge(findings: &mut Findings, handled: &Handled<'_>) {
    if let Some(retry) = &handled.traffic.retry {
        outlast(findings, handled, retry);
        not_idempotent(findings, handled, retry);
        budget(findings, handled, retry);
    }
    let abort = handled
        .traffic
        .fault
        .as_ref()
        .and_then(|fault| fault.abort.as_ref());
    if let (Some((_, PerTenThousand(10_000))), Some(policy)) = (abort, handled.policy) {
        let message = format!("every request of {} is aborted by this fault", handled.what);
        let help = "set a `percentage`, or remove the fault when the experiment is over";
        let path = ["spec", "fault", "abort"].map(Key);
        findings.add(Code::FaultHitsAll, &policy.object, &path, message, help);
    }
}

/// Where the retries are written.
fn retry_place<'a>(handled: &Handled<'a>) -> Option<(&'a Object, Vec<Step<'static>>)> {
    match (handled.rule, handled.policy) {
        (Some((object, at)), _) if handled.has_own_retry => {
            let path = vec![Key("spec"), Key("rules"), Index(at), Key("retry")];
            Some((object, path))
        }
        (_, Some(policy)) => Some((&policy.object, vec![Key("spec"), Key("retry")])),
        _ => None,
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
    let Some((object, path)) = retry_place(handled) else {
        return;
    };
    let message = format!(
        "of {} retries only {started} can start when tries time out: each try may last \
         {per_try:?}, the request {request:?}",
        retry.attempts
    );
    let help = format!(
        "{}: shorten the time of a try, or give the request more than tries × time",
        handled.what
    );
    findings.add(Code::RetriesOutlastTimeout, object, &path, message, help);
}

fn not_idempotent(findings: &mut Findings, handled: &Handled<'_>, retry: &RetryPolicy) {
    if retry.on.statuses.is_empty() || !handled.may_write {
        return;
    }
    let Some((object, path)) = retry_place(handled) else {
        return;
    };
    let message = format!(
        "status codes are retried for every method, and {} takes POST and PATCH as well",
        handled.what
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
        let message = format!("the budget allows no retry at all of {}", handled.what);
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
