//! Breakers, health checks and what sheds load.

use super::policy;

#[test]
fn a_breaker_has_the_block_of_its_type_only() {
    for kind in ["Unified", "FailureAccrual", "RollingWindow"] {
        let block = format!("{}{}", kind[..1].to_lowercase(), &kind[1..]);
        let text = format!("  circuitBreaker: {{type: {kind}, {block}: {{}}}}\n");
        policy("BackendPolicy", &text, &[]);
    }
    policy(
        "BackendPolicy",
        "  circuitBreaker:
    type: RollingWindow
    unified: {}
    failureAccrual: {}
",
        &[
            "8 error: `unified` has no effect when the type is RollingWindow",
            "9 error: `failureAccrual` has no effect when the type is RollingWindow",
        ],
    );
}

#[test]
fn values_of_breakers_are_in_range() {
    policy(
        "BackendPolicy",
        "  circuitBreaker:
    type: FailureAccrual
    failureAccrual:
      consecutiveFailures: 0
      successRate: {required: 0, window: 1ms, requests: 5, minRequests: 2}
      backoff: {min: 10m}
",
        &[
            "10 error: the window is too short",
            "10 error: the average has two windows",
            "10 error: `minRequests` has no effect with `requests`",
            "9 error: both conditions of the breaker are off: it never opens",
            "11 error: backoff.max (300s) is shorter than backoff.min (600s)",
        ],
    );
    policy(
        "BackendPolicy",
        "  circuitBreaker:
    type: RollingWindow
    rollingWindow:
      sleepWindow: 0s
      healthSnapshotInterval: 11s
      forceOpen: true
      forceClosed: true
",
        &[
            "9 error: `sleepWindow` is zero",
            "10 error: `healthSnapshotInterval` is longer than the window",
            "9 error: the breaker is forced open and closed",
        ],
    );
    let text =
        "  circuitBreaker: {type: RollingWindow, rollingWindow: {errorThresholdPercentage: 0}}\n";
    policy(
        "BackendPolicy",
        text,
        &[
            "6 error: `spec.circuitBreaker.rollingWindow.errorThresholdPercentage`: 0 is out of range: allowed is a whole number from 1 to 100",
        ],
    );
}

#[test]
fn health_checks_ask_something() {
    policy(
        "BackendPolicy",
        "  healthCheck: {}\n",
        &["6 warning: the health check checks nothing"],
    );
    for active in [
        "{}",
        "{type: HTTP, http: {path: /healthz, expectedStatuses: [2xx]}}",
        "{type: TCP, tcp: {send: PING, receive: PONG}}",
        "{type: GRPC, grpc: {service: shop.Web}}",
    ] {
        let text = format!("  healthCheck: {{active: {active}}}\n");
        policy("BackendPolicy", &text, &[]);
    }
    policy(
        "BackendPolicy",
        "  healthCheck:
    active:
      timeout: 20s
      interval: 0s
      http: {path: healthz, host: 'a b', expectedStatuses: []}
      grpc: {}
  connectFailFast: {backoff: {min: 1m}}
",
        &[
            "9 error: `interval` is zero",
            "8 warning: the timeout (20s) is longer than the interval (0ns)",
            "11 error: `grpc` has no effect when the type is HTTP",
            "10 error: `path` is no path",
            "10 error: `host` is no host",
            "10 error: no status passes: every endpoint would be unhealthy",
            "12 error: backoff.max (32s) is shorter than backoff.min (60s)",
        ],
    );
}

#[test]
fn values_that_shed_load_are_in_range() {
    policy(
        "BackendPolicy",
        "  adaptiveConcurrency: {updateInterval: 0s, maxConcurrency: 2}\n",
        &[
            "6 error: `updateInterval` is zero",
            "6 error: maxConcurrency (2) is less than minConcurrency (3)",
        ],
    );
    policy(
        "TrafficPolicy",
        "  admissionControl: {samplingWindow: 10ms, successRateThreshold: 0.95, aggression: 0.5, maxRejectionProbability: 101}\n",
        &[
            "6 error: the window is too short",
            "6 error: `successRateThreshold` is 0.95",
            "6 error: `aggression` is 0.5",
            "6 error: `maxRejectionProbability` is 101",
        ],
    );
}

#[test]
fn failure_lists_and_slow_answers() {
    policy(
        "TrafficPolicy",
        "  failureStatuses: [404, 5xx, '420-429']\n  failureGrpcCodes: [4, 14]\n",
        &[],
    );
    policy(
        "TrafficPolicy",
        "  failureStatuses: [5xx, 600]\n",
        &[
            "6 error: `spec.failureStatuses[1]`: `600` is no status: write one from 100 to 599, a range such as \"500-599\", or \"5xx\"",
        ],
    );
    policy(
        "TrafficPolicy",
        "  fault: {responseBandwidth: {kibPerSecond: 64, percentage: 101}}\n",
        &["6 error: `percentage` is 101"],
    );
}
