//! MC0601 to MC0608, MC0611: endpoints that are meant to be taken out, and never are.
//!
//! The rules are those of `engine::outlier` and of the balancer's panic: one host may be ejected
//! when `100 · (ejected + 1) ≤ maxEjectionPercent · hosts`, and health is ignored when the healthy
//! share is below `panicThresholdPercent`. How many endpoints there are is known only where all of
//! a Service's pods are in the input.

use engine::snapshot::Outlier;

use super::facts::Facts;
use super::{Code, Findings};
use crate::index::{BackendPolicy, Service};
use crate::lower::cluster;
use crate::number::Percent;
use crate::policy::{Detectors, OutlierDetection};
use crate::yaml::Step::{self, Key};

/// `engine::snapshot::Cluster::with_defaults`.
const PANIC_DEFAULT: u32 = 50;
/// The engine keeps the factor of standard deviations in thousandths.
const THOUSAND: u64 = 1000;

pub(super) fn analyze(facts: &Facts<'_>, findings: &mut Findings) {
    for policy in facts.index.backend_policies() {
        if let Some(spec) = &policy.spec.outlier_detection {
            let outlier = cluster::outlier(spec);
            off(findings, policy, &outlier);
            shadowed(findings, policy, spec, &outlier);
            panics(findings, policy, &outlier);
        }
    }
    for service in facts.index.services() {
        let Some(hosts) = facts.endpoints(service) else {
            continue;
        };
        for policy in effective(facts, service) {
            if let Some(spec) = &policy.spec.outlier_detection {
                let outlier = cluster::outlier(spec);
                few_hosts(findings, policy, service, &outlier, hosts);
                minimum_hosts(findings, policy, service, spec, &outlier, hosts);
            }
            cap(findings, policy, service, hosts);
        }
    }
}

/// The policies that hold for the ports of a Service, in the eyes of all clients.
fn effective<'f>(facts: &'f Facts<'_>, service: &Service) -> Vec<&'f BackendPolicy> {
    let consumers = facts.index.backend_consumers(&service.name);
    let views = || core::iter::once(None).chain(consumers.iter().map(Some));
    let mut found: Vec<&BackendPolicy> = Vec::new();
    for port in &service.ports {
        for view in views() {
            let policy = facts.index.backend_policy(&service.name, port, view);
            found.extend(policy.filter(|policy| found.iter().all(|p| p.name != policy.name)));
        }
    }
    found
}

fn field(key: &'static str) -> [Step<'static>; 3] {
    ["spec", "outlierDetection", key].map(Key)
}

/// No detector carries out what it finds.
fn off(findings: &mut Findings, policy: &BackendPolicy, outlier: &Outlier) {
    let split = outlier.split_external_local_origin_errors;
    let shares = [
        outlier.consecutive_5xx.enforcing,
        outlier.consecutive_gateway_failure.enforcing,
        outlier.consecutive_local_origin_failure.enforcing * u32::from(split),
        outlier.success_rate.enforcing,
        outlier.failure_percentage.enforcing,
    ];
    if shares.iter().all(|share| *share == 0) {
        let message = "every detector has `enforcing: 0`: nothing is ever ejected";
        let help = "findings are only counted; give one detector a share above 0";
        let path = field("detectors");
        findings.add(Code::DetectorsOff, &policy.object, &path, message, help);
    }
}

/// A gateway failure is a 5xx as well, so the other detector is never later.
fn shadowed(
    findings: &mut Findings,
    policy: &BackendPolicy,
    spec: &OutlierDetection,
    outlier: &Outlier,
) {
    let written = spec
        .detectors
        .as_ref()
        .is_some_and(|d| d.gateway_failures.is_some());
    let (any, gateway) = (outlier.consecutive_5xx, outlier.consecutive_gateway_failure);
    let acts = any.enforcing == 100 && any.threshold > 0;
    if written && acts && gateway.threshold >= any.threshold {
        let message = format!(
            "gatewayFailures never acts: consecutive5xx ejects after {} of the same failures",
            any.threshold
        );
        let help = "502, 503 and 504 count for both: set a lower number here";
        let path = ["spec", "outlierDetection", "detectors", "gatewayFailures"].map(Key);
        findings.add(Code::DetectorShadowed, &policy.object, &path, message, help);
    }
}

/// What may be ejected at most, and what panic brings back.
fn panics(findings: &mut Findings, policy: &BackendPolicy, outlier: &Outlier) {
    let spec = &policy.spec;
    let panic = spec
        .panic_threshold_percent
        .map_or(PANIC_DEFAULT, |p| p.u32());
    let percent = outlier.max_ejection_percent;
    if percent + panic <= 100 {
        return;
    }
    let message = format!(
        "maxEjectionPercent is {percent}, but below {panic} % of healthy endpoints health is \
         ignored: at most {} % stay out",
        100 - panic
    );
    let help = "lower panicThresholdPercent together with it (0 = health is never ignored)";
    let written = spec.outlier_detection.as_ref();
    let path = match written.and_then(|outlier| outlier.max_ejection_percent) {
        Some(_) => field("maxEjectionPercent").to_vec(),
        None => vec![Key("spec"), Key("panicThresholdPercent")],
    };
    findings.add(
        Code::PanicBeatsEjection,
        &policy.object,
        &path,
        message,
        help,
    );
}

fn few_hosts(
    findings: &mut Findings,
    policy: &BackendPolicy,
    service: &Service,
    outlier: &Outlier,
    hosts: u32,
) {
    if hosts == 1 {
        let message = format!(
            "{} has one endpoint here: there is no other to send to when it is ejected",
            service.name
        );
        let help = "outlier detection needs at least two endpoints";
        let path = ["spec", "outlierDetection"].map(Key);
        findings.add(Code::SingleEndpoint, &policy.object, &path, message, help);
        return;
    }
    let percent = outlier.max_ejection_percent;
    let allowed = 100 <= u64::from(percent) * u64::from(hosts);
    // A share of zero is a finding without knowing the endpoints.
    if allowed || outlier.always_eject_one_host || percent == 0 {
        return;
    }
    let message = format!(
        "{percent} % of the {hosts} endpoints of {} are less than one: nothing is ever ejected",
        service.name
    );
    let help = format!(
        "with {hosts} endpoints at least {} % are needed, or `alwaysEjectOneHost: true`",
        100_u32.div_ceil(hosts)
    );
    let path = field("maxEjectionPercent");
    findings.add(Code::NeverEjects, &policy.object, &path, message, help);
}

/// Detectors that compare endpoints decide nothing below a number of them. Those that nobody wrote
/// are left alone: others act.
fn minimum_hosts(
    findings: &mut Findings,
    policy: &BackendPolicy,
    service: &Service,
    spec: &OutlierDetection,
    outlier: &Outlier,
    hosts: u32,
) {
    let Some(Detectors {
        success_rate,
        failure_percentage,
        ..
    }) = &spec.detectors
    else {
        return;
    };
    let written = [
        (
            "successRate",
            success_rate.is_some(),
            outlier.success_rate.minimum_hosts,
        ),
        (
            "failurePercentage",
            failure_percentage.is_some(),
            outlier.failure_percentage.minimum_hosts,
        ),
    ];
    for (key, present, minimum) in written {
        if present && hosts < minimum {
            let message = format!(
                "{key} decides nothing: it needs {minimum} endpoints, {} has {hosts} here",
                service.name
            );
            let help = format!("set `minimumHosts` to at most {hosts}");
            let path = ["spec", "outlierDetection", "detectors", key].map(Key);
            findings.add(Code::TooFewHosts, &policy.object, &path, message, help);
        }
    }
    if success_rate.is_some() && hosts >= outlier.success_rate.minimum_hosts {
        deviation(findings, policy, service, outlier, hosts);
    }
}

/// Of n values none is farther below their mean than √(n−1) standard deviations (P. A. Samuelson,
/// "How Deviant Can You Be?", 1968).
fn deviation(
    findings: &mut Findings,
    policy: &BackendPolicy,
    service: &Service,
    outlier: &Outlier,
    hosts: u32,
) {
    let factor = u64::from(outlier.success_rate.stdev_factor);
    let most = u64::from(hosts.saturating_sub(1));
    if factor * factor <= most * THOUSAND * THOUSAND {
        return;
    }
    let factor = factor as f64 / THOUSAND as f64;
    let needed = (factor * factor).ceil() as u64 + 1;
    let message = format!(
        "successRate never ejects: of {hosts} endpoints none is more than {:.2} standard \
         deviations below the mean, and {factor} are asked for",
        (most as f64).sqrt()
    );
    let help = format!(
        "{} has {hosts} endpoints here: it needs {needed}, or a lower `standardDeviationFactor`",
        service.name
    );
    let path = [
        "spec",
        "outlierDetection",
        "detectors",
        "successRate",
        "standardDeviationFactor",
    ]
    .map(Key);
    findings.add(Code::NeverFarEnough, &policy.object, &path, message, help);
}

/// The breakers of one endpoint are free of the cap (`engine::live`).
fn cap(findings: &mut Findings, policy: &BackendPolicy, service: &Service, hosts: u32) {
    let Some(breaker) = &policy.spec.circuit_breaker else {
        return;
    };
    let of = |key, cap: Option<Percent>| cap.map(|cap| (key, cap));
    let unified = breaker.unified.as_ref();
    let accrual = breaker.failure_accrual.as_ref();
    let written = [
        of("unified", unified.and_then(|u| u.breaker_cap_percent)),
        of(
            "failureAccrual",
            accrual.and_then(|a| a.breaker_cap_percent),
        ),
    ];
    for (key, cap) in written.into_iter().flatten() {
        if hosts < 2 || u64::from(cap.u32()) * u64::from(hosts) >= 100 {
            continue;
        }
        let message = format!(
            "{cap} % of the {hosts} endpoints of {} are less than one: no breaker ever opens",
            service.name
        );
        let help = format!(
            "with {hosts} endpoints at least {} % are needed",
            100_u32.div_ceil(hosts)
        );
        let path = ["spec", "circuitBreaker", key, "breakerCapPercent"].map(Key);
        findings.add(Code::BreakerCapTooLow, &policy.object, &path, message, help);
    }
}
