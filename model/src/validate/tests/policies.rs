//! BackendPolicy and TrafficPolicy.

use super::*;

/// `spec` goes on at line 6.
#[track_caller]
fn policy(kind: &str, spec: &str, expected: &[&str]) {
    let text = format!(
        "apiVersion: meshctl.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: p}}\nspec:\n  \
         targetRefs: [{{kind: Service, name: web}}]\n{spec}"
    );
    assert_eq!(said(&text), expected, "{spec}");
}

#[track_caller]
fn targets(kind: &str, targets: &str, expected: &[&str]) {
    let set = if kind == "BackendPolicy" {
        "limits"
    } else {
        "retry"
    };
    let text = format!(
        "apiVersion: meshctl.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: p}}\nspec:\n  \
         {set}: {{}}\n  targetRefs:\n{targets}"
    );
    assert_eq!(said(&text), expected, "{targets}");
}

#[test]
fn targets_are_of_the_kinds_a_policy_is_for() {
    targets(
        "BackendPolicy",
        "  - {kind: Service, name: web, sectionName: http}\n",
        &[],
    );
    targets(
        "BackendPolicy",
        "  - {kind: Service, name: web, namespace: other}\n",
        &[],
    );
    targets(
        "BackendPolicy",
        "    []\n",
        &["5 error: the policy has no targetRefs: it applies to nothing"],
    );
    targets(
        "BackendPolicy",
        "  - {group: gateway.networking.k8s.io, kind: HTTPRoute, name: r}\n",
        &[
            "7 error: HTTPRoute (group \"gateway.networking.k8s.io\") cannot be a target of this policy",
        ],
    );
    targets(
        "BackendPolicy",
        "  - {group: gateway.networking.x-k8s.io, kind: XBackend, name: b}\n",
        &[
            "7 error: XBackend (group \"gateway.networking.x-k8s.io\") is not supported by this version",
        ],
    );
    targets(
        "TrafficPolicy",
        "  - {group: gateway.networking.k8s.io, kind: Gateway, name: g}\n",
        &[],
    );
    targets(
        "TrafficPolicy",
        "  - {kind: Namespace, name: ns, sectionName: x}\n  - {group: gateway.networking.k8s.io, kind: HTTPRoute, name: r, namespace: ns}\n",
        &[
            "7 error: a Namespace has no sections",
            "8 error: a HTTPRoute is named without namespace",
        ],
    );
    let twice = "  - {kind: Service, name: web}\n".repeat(2);
    targets(
        "TrafficPolicy",
        &twice,
        &["8 error: the target web is named twice"],
    );
}

#[test]
fn what_is_not_supported_is_refused_with_its_line() {
    policy(
        "BackendPolicy",
        "  tls: {mode: Mesh}
  connection:
    tcpKeepalive: {}
    maxConnectionDuration: 1h
    http2: {}
    maxRequestsPerConnection: 1
",
        &[
            "6 error: `tls` is not supported by this version",
            "8 error: `tcpKeepalive` is not supported by this version",
            "9 error: `maxConnectionDuration` is not supported by this version",
            "10 error: `http2` is not supported by this version",
            "11 error: `maxRequestsPerConnection` is not supported by this version",
        ],
    );
    policy(
        "TrafficPolicy",
        "  mirror: {}\n  timeouts: {idle: 1s, streamIdle: 1s}\n",
        &[
            "6 error: `mirror` is not supported by this version",
            "7 error: `idle` is not supported by this version",
            "7 error: `streamIdle` is not supported by this version",
        ],
    );
}

#[test]
fn fields_of_another_type_are_refused() {
    policy(
        "BackendPolicy",
        "  loadBalancer: {type: RoundRobin, leastRequest: {choiceCount: 2}}\n",
        &["6 error: `leastRequest` has no effect when the type is RoundRobin"],
    );
    policy(
        "TrafficPolicy",
        "  retryBudget:\n    mode: Concurrency\n    interval: 1s\n    minRetryRate: 1\n",
        &[
            "8 error: `interval` has no effect when the mode is Concurrency",
            "9 error: `minRetryRate` has no effect when the mode is Concurrency",
        ],
    );
}

#[test]
fn values_of_a_backend_policy_are_in_range() {
    policy(
        "BackendPolicy",
        "  loadBalancer:
    type: PeakEwma
    peakEwma: {decay: 0s}
  connection: {connectTimeout: 0s}
  outlierDetection:
    baseEjectionTime: 10s
    maxEjectionTime: 5s
    maxEjectionPercent: 0
    detectors:
      localOriginFailures: {}
      successRate: {standardDeviationFactor: 1000}
  circuitBreaker:
    unified:
      maxFailures: 0
      successRate: {threshold: 0, window: 1ms}
      backoff: {min: 2s, max: 1s, jitter: -1}
",
        &[
            "8 error: `decay` is zero",
            "9 error: `connectTimeout` is zero",
            "12 error: maxEjectionTime 5s is shorter than baseEjectionTime 10s",
            "13 warning: with maxEjectionPercent 0 nothing is ever ejected",
            "15 error: localOriginFailures has no effect without splitExternalLocalOriginErrors",
            "16 error: `standardDeviationFactor` is 1000",
            "20 error: the window is too short",
            "19 error: both conditions of the breaker are off: it never opens",
            "21 error: `jitter` is -1",
            "21 error: backoff.max (1s) is shorter than backoff.min (2s)",
        ],
    );
    let text = "  panicThresholdPercent: 101\n";
    policy(
        "BackendPolicy",
        text,
        &[
            "6 error: `spec.panicThresholdPercent`: 101 is out of range: allowed is a whole number from 0 to 100",
        ],
    );
}

#[test]
fn values_of_a_traffic_policy_are_in_range() {
    policy(
        "TrafficPolicy",
        "  retry:
    perTryTimeout: 0s
    backoff: {base: 2s, max: 1s}
  retryBudget: {percent: 12.5, interval: 2h}
  timeouts: {request: 1s, backendRequest: 2s}
  fault:
    delay: {fixed: 1s, percentage: 0.001}
    abort: {percentage: 101}
",
        &[
            "7 error: `perTryTimeout` is zero",
            "8 error: backoff.max 1s is shorter than backoff.base 2s",
            "9 error: `percent` is not a whole number",
            "9 error: `interval` is out of range",
            "10 error: backendRequest timeout cannot be longer than request timeout",
            "12 error: `percentage` is 0.001",
            "13 error: an abort needs exactly one status",
            "13 error: `percentage` is 101",
        ],
    );
    policy(
        "TrafficPolicy",
        "  fault: {}\n",
        &["6 error: the fault does nothing"],
    );
}

#[test]
fn a_policy_that_sets_nothing_is_named() {
    policy("BackendPolicy", "", &["5 warning: the policy sets nothing"]);
    policy("TrafficPolicy", "", &["5 warning: the policy sets nothing"]);
}

mod guards;
