//! MC0610, MC0612: conditions of breakers that no traffic can meet.
//!
//! How many requests there will be nobody knows from manifests. But a breaker counts those of one
//! client proxy, and there is a number that none of them sends.

use core::time::Duration;

use engine::snapshot::Breaker;
use engine::snapshot::breaker::{Force, RateWindow};

use super::{Code, Findings};
use crate::check::facts::Facts;
use crate::index::BackendPolicy;
use crate::lower::{breaker, cluster};
use crate::policy::OutlierDetection;
use crate::yaml::Step::{self, Key};

/// Requests in a second, ten times what a proxy of many cores serves.
const RATE_MAX: u128 = 10_000_000;
const NANOS_PER_SECOND: u128 = 1_000_000_000;

pub(super) fn analyze(facts: &Facts<'_>, findings: &mut Findings) {
    for policy in facts.index.backend_policies() {
        if let Some(spec) = &policy.spec.circuit_breaker {
            of_breaker(findings, policy, &breaker::breaker(spec));
        }
        if let Some(spec) = &policy.spec.outlier_detection {
            of_detectors(findings, policy, spec);
        }
    }
}

fn of_breaker(findings: &mut Findings, policy: &BackendPolicy, breaker: &Breaker) {
    match breaker {
        Breaker::Unified(breaker) if breaker.success_rate_threshold > 0.0 => {
            let path = ["spec", "circuitBreaker", "unified", "successRate"];
            let keys = ["minRequests", "window"];
            volume(
                findings,
                policy,
                &path,
                keys,
                breaker.min_requests,
                breaker.window,
            );
        }
        Breaker::FailureAccrual(breaker) if breaker.success_rate.required > 0.0 => {
            let rate = &breaker.success_rate;
            if let RateWindow::Time(window) = rate.window {
                let path = ["spec", "circuitBreaker", "failureAccrual", "successRate"];
                let keys = ["minRequests", "window"];
                volume(findings, policy, &path, keys, rate.min_requests, window);
            }
        }
        Breaker::RollingWindow(breaker) if breaker.force == Force::No => {
            let path = ["spec", "circuitBreaker", "rollingWindow"];
            let keys = ["requestVolumeThreshold", "window"];
            let least = breaker.request_volume_threshold;
            volume(findings, policy, &path, keys, least, breaker.window);
            // Looks and parts of the window stand on the same grid (`engine::breaker::rolling`).
            if breaker.buckets == 1 && breaker.snapshot_interval == breaker.window {
                let message = "the window has one part and is looked at whenever a new one \
                               begins: it is always empty, and the breaker never opens";
                let help = "set `buckets` above 1, or look more often";
                let path = [&path[..], &["buckets"]].concat();
                let path: Vec<Step<'_>> = path.into_iter().map(Key).collect();
                findings.add(
                    Code::WindowAlwaysEmpty,
                    &policy.object,
                    &path,
                    message,
                    help,
                );
            }
        }
        _ => {}
    }
}

fn of_detectors(findings: &mut Findings, policy: &BackendPolicy, spec: &OutlierDetection) {
    let outlier = cluster::outlier(spec);
    let Some(detectors) = &spec.detectors else {
        return;
    };
    let written = [
        (
            "successRate",
            detectors.success_rate.is_some(),
            outlier.success_rate.request_volume,
        ),
        (
            "failurePercentage",
            detectors.failure_percentage.is_some(),
            outlier.failure_percentage.request_volume,
        ),
    ];
    for (key, present, least) in written {
        if present {
            let path = ["spec", "outlierDetection", "detectors", key];
            let keys = ["requestVolume", "interval"];
            volume(findings, policy, &path, keys, least, outlier.interval);
        }
    }
}

/// More requests are waited for than come within the time.
fn volume(
    findings: &mut Findings,
    policy: &BackendPolicy,
    path: &[&str],
    [count, time]: [&str; 2],
    least: u32,
    within: Duration,
) {
    if u128::from(least) * NANOS_PER_SECOND <= RATE_MAX * within.as_nanos() {
        return;
    }
    let message = format!(
        "nothing is ever decided: {least} requests within {within:?} are more than a proxy sends"
    );
    let help = format!("lower `{count}`, or raise `{time}`: each client proxy counts its own");
    let path = [path, &[count]].concat();
    let path: Vec<Step<'_>> = path.into_iter().map(Key).collect();
    findings.add(
        Code::NeverEnoughRequests,
        &policy.object,
        &path,
        message,
        help,
    );
}
