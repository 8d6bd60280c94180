//! What breakers, health checks and what sheds load become.

use ::http::{Method, StatusCode};
use engine::snapshot::breaker::{AverageRate, Force, RateWindow};
use engine::snapshot::route::{PerTenThousand, StatusRange};
use engine::snapshot::{
    AdaptiveConcurrency, AdmissionControl, Breaker, ConnectFailFast, FailureAccrual, HealthCheck,
    HttpProbe, ProbeKind, RollingWindow, Rule,
};

use super::*;

fn backend(spec: &str) -> Arc<Cluster> {
    cluster(&policy("BackendPolicy", "p", "shop", TO_WEB, spec), CART)
}

fn rule(spec: &str) -> Arc<Rule> {
    let extra = policy("TrafficPolicy", "p", "shop", TO_WEB, spec);
    let snapshot = snapshot_of(&format!("{SHOP}{extra}"), CART.0, CART.1);
    let at = snapshot.outbound.by_host["web.shop"][&80];
    Arc::clone(&snapshot.outbound.frontends[at].routes.rules()[0])
}

const S: Duration = Duration::from_secs(1);

#[test]
fn each_type_of_breaker_and_its_fields() {
    let seen = backend(
        "  circuitBreaker:
    type: FailureAccrual
    failureAccrual:
      consecutiveFailures: 3
      successRate: {required: 0.5, requests: 50}
      backoff: {min: 2s, max: 9s}
      breakerCapPercent: 40",
    );
    let accrual = FailureAccrual {
        consecutive_failures: 3,
        success_rate: AverageRate {
            required: 0.5,
            window: RateWindow::Requests(50),
            min_requests: 5,
        },
        backoff_min: 2 * S,
        backoff_max: 9 * S,
        cap_percent: 40,
    };
    assert_eq!(seen.breaker, Some(Breaker::FailureAccrual(accrual)));
    assert_eq!(seen.balancer, Balancer::default_for(true));
    let seen = backend(
        "  circuitBreaker:
    type: RollingWindow
    rollingWindow:
      window: 20s
      buckets: 5
      requestVolumeThreshold: 7
      errorThresholdPercentage: 25
      sleepWindow: 3s
      healthSnapshotInterval: 0s
      forceClosed: true",
    );
    let rolling = RollingWindow {
        window: 20 * S,
        buckets: 5,
        request_volume_threshold: 7,
        error_threshold_percent: 25,
        sleep_window: 3 * S,
        snapshot_interval: Duration::ZERO,
        force: Force::Closed,
    };
    assert_eq!(seen.breaker, Some(Breaker::RollingWindow(rolling)));
    // It keeps nobody from an endpoint that fails fast.
    assert_eq!(seen.balancer, Balancer::default_for(false));
    for (kind, expected) in [
        (
            "FailureAccrual",
            Breaker::FailureAccrual(FailureAccrual::default()),
        ),
        (
            "RollingWindow",
            Breaker::RollingWindow(RollingWindow::default()),
        ),
    ] {
        let seen = backend(&format!("  circuitBreaker: {{type: {kind}}}"));
        assert_eq!(seen.breaker, Some(expected));
    }
}

#[test]
fn health_checks_and_fail_fast() {
    let seen = backend("  healthCheck: {active: {}}\n  connectFailFast: {}");
    assert_eq!(seen.health_check, Some(HealthCheck::default()));
    assert_eq!(seen.fail_fast, Some(ConnectFailFast::default()));
    let seen = backend(
        "  healthCheck:
    active:
      interval: 2s
      intervalJitter: 1s
      timeout: 3s
      unhealthyThreshold: 4
      healthyThreshold: 5
      noTrafficInterval: 6s
      ignoreHealthOnHostRemoval: false
      http: {path: /healthz, method: HEAD, host: web, expectedStatuses: [2xx], retriableStatuses: [503]}
  connectFailFast: {backoff: {min: 7s, max: 8s}, maxReconnects: 9}
  outlierDetection: {successfulActiveHealthCheckUnejectHost: false}",
    );
    let check = HealthCheck {
        interval: 2 * S,
        interval_jitter: S,
        timeout: 3 * S,
        unhealthy_threshold: 4,
        healthy_threshold: 5,
        no_traffic_interval: 6 * S,
        ignore_on_removal: false,
        probe: ProbeKind::Http(HttpProbe {
            method: Method::HEAD,
            path: "/healthz".parse().unwrap(),
            host: Some("web".into()),
            expected: vec![StatusRange { from: 200, to: 299 }],
            retriable: vec![StatusRange { from: 503, to: 503 }],
        }),
    };
    assert_eq!(seen.health_check, Some(check));
    let fail_fast = ConnectFailFast {
        backoff_min: 7 * S,
        backoff_max: 8 * S,
        reconnects_max: Some(9),
    };
    assert_eq!(seen.fail_fast, Some(fail_fast));
    assert!(seen.outlier.as_ref().is_some_and(|o| !o.uneject_on_check));
    let probe = |spec: &str| {
        let seen = backend(&format!("  healthCheck: {{active: {spec}}}"));
        seen.health_check.clone().unwrap().probe
    };
    let service = "shop.Web".into();
    let grpc = "{type: GRPC, grpc: {service: shop.Web}}";
    assert_eq!(probe(grpc), ProbeKind::Grpc { service });
    let tcp = ProbeKind::Tcp {
        send: b"PING"[..].into(),
        receive: b"PONG"[..].into(),
    };
    assert_eq!(probe("{type: TCP, tcp: {send: PING, receive: PONG}}"), tcp);
}

#[test]
fn what_sheds_load() {
    let seen = backend("  adaptiveConcurrency: {}");
    assert_eq!(seen.adaptive, Some(AdaptiveConcurrency::default()));
    let seen = backend(
        "  adaptiveConcurrency:
    samplePercentile: 90
    updateInterval: 1s
    maxConcurrency: 20
    minConcurrency: 2
    status: 529
    minRtt: {interval: 30s, requestCount: 5, jitterPercent: 6, bufferPercent: 7}",
    );
    let adaptive = AdaptiveConcurrency {
        sample_percentile: 90,
        update_interval: S,
        max_concurrency: 20,
        min_concurrency: 2,
        min_rtt_interval: 30 * S,
        min_rtt_request_count: 5,
        min_rtt_jitter_percent: 6,
        min_rtt_buffer_percent: 7,
        status: StatusCode::from_u16(529).unwrap(),
    };
    assert_eq!(seen.adaptive, Some(adaptive));
    let seen = rule(
        "  admissionControl:
    samplingWindow: 5s
    successRateThreshold: 50
    aggression: 2
    rpsThreshold: 3
    maxRejectionProbability: 40",
    );
    let seen = seen.admission.clone().unwrap();
    assert_eq!(
        seen.origin.to_string(),
        "TrafficPolicy shop/p admissionControl (m.yaml:35)"
    );
    let expected = AdmissionControl {
        sampling_window: 5 * S,
        success_rate_threshold: 0.5,
        aggression: 2.0,
        rps_threshold: 3,
        max_rejection_probability: 0.4,
        origin: seen.origin.clone(),
    };
    assert_eq!(seen, expected);
}

#[test]
fn failures_of_a_rule_and_the_faults_that_are_left() {
    let seen = rule(
        "  failureStatuses: [404, 5xx]
  failureGrpcCodes: [4]
  fault: {responseBandwidth: {kibPerSecond: 2, percentage: 10}, maxActiveFaults: 3}",
    );
    let codes = [404, 500].map(|from| StatusRange {
        from,
        to: if from == 404 { 404 } else { 599 },
    });
    assert_eq!(seen.failures.statuses.as_deref(), Some(&codes[..]));
    assert_eq!(seen.failures.grpc.as_deref(), Some(&[4][..]));
    let fault = seen.fault.clone().unwrap();
    assert_eq!(fault.bandwidth, Some((2048, PerTenThousand(1000))));
    assert_eq!(fault.active_max, Some(3));
}
