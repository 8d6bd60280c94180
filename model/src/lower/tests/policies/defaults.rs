//! What `docs/policies.md` gives as defaults is what holds when nothing is said.

use engine::health::OVERPROVISIONING_PERCENT;

use super::*;

/// The example of a kind about a Service of this name, as if that were shop/web.
fn documented(kind: &str, service: &str) -> String {
    let text = include_str!("../../../../../docs/policies.md");
    let mut blocks = text
        .split("```yaml\n")
        .skip(1)
        .filter_map(|b| b.split("```").next());
    let head = format!("kind: {kind}\nmetadata: {{name: {service}, ");
    let found = blocks.find(|block| block.contains(&head)).unwrap();
    let spec = found.split_once("spec:\n").unwrap().1;
    let mut lines = spec.lines().skip_while(|line| line.contains("targetRefs"));
    policy(
        kind,
        "p",
        "shop",
        TO_WEB,
        &lines.by_ref().collect::<Vec<_>>().join("\n"),
    )
}

#[test]
fn what_holds_when_nothing_is_written() {
    let seen = cluster("", CART);
    let p2c = Balancer::PeakEwma {
        decay: Duration::from_secs(10),
        default_rtt: Duration::from_millis(30),
        failure_penalty: Duration::from_secs(5),
    };
    assert_eq!(seen.balancer, p2c);
    let limits = &seen.limits;
    let of_1024 = [limits.connections, limits.pending_requests, limits.requests];
    assert_eq!(of_1024, [1024; 3]);
    assert_eq!(limits.connections_per_endpoint, None);
    assert_eq!(seen.connect_timeout, Duration::from_secs(1));
    assert_eq!(
        (seen.panic_threshold_percent, OVERPROVISIONING_PERCENT),
        (50, 140)
    );
    let off = (
        &seen.outlier,
        &seen.breaker,
        &seen.adaptive,
        &seen.health_check,
    );
    assert_eq!(off, (&None, &None, &None, &None));
    assert!(seen.fail_fast.is_none() && seen.slow_start.is_none());
    let snapshot = snapshot_of(SHOP, CART.0, CART.1);
    let at = snapshot.outbound.by_host["web.shop"][&80];
    let rule = &snapshot.outbound.frontends[at].routes.rules()[0];
    assert!(rule.retry.is_none() && rule.fault.is_none() && rule.admission.is_none());
    assert_eq!(
        (rule.timeouts.request, rule.timeouts.backend_request),
        (None, None)
    );
}

#[test]
fn the_values_of_a_backend_policy_are_its_defaults() {
    // All that is said not to be a default, and blocks without values.
    let empty = "  loadBalancer: {peakEwma: {failurePenalty: 5s}}
  limits: {perEndpoint: {maxConnections: 100}}
  outlierDetection: {}
  circuitBreaker: {}
  connectFailFast: {}
  healthCheck: {active: {}}
  adaptiveConcurrency: {}";
    let empty = cluster(&policy("BackendPolicy", "p", "shop", TO_WEB, empty), CART);
    let written = cluster(&documented("BackendPolicy", "fraud"), CART);
    assert_eq!(
        written.policy_hash, empty.policy_hash,
        "{written:#?}\n{empty:#?}"
    );
    assert_ne!(written.policy_hash, cluster("", CART).policy_hash);
}

#[test]
fn the_values_of_a_traffic_policy_are_its_defaults() {
    let rule = |extra: &str| {
        let snapshot = snapshot_of(&format!("{SHOP}{extra}"), CART.0, CART.1);
        let at = snapshot.outbound.by_host["web.shop"][&80];
        Arc::clone(&snapshot.outbound.frontends[at].routes.rules()[0])
    };
    let written = rule(&documented("TrafficPolicy", "catalog"));
    let empty = "  retry: {}\n  admissionControl: {}";
    let empty = rule(&policy("TrafficPolicy", "p", "shop", TO_WEB, empty));
    // Where it is written is another place.
    let origin = empty.origin.clone();
    let retry = |rule: &Rule| {
        let mut retry = rule.retry.clone().unwrap();
        retry.origin = origin.clone();
        format!("{retry:?}")
    };
    let admission = |rule: &Rule| {
        let mut admission = rule.admission.clone().unwrap();
        admission.origin = origin.clone();
        admission
    };
    assert_eq!(retry(&written), retry(&empty));
    assert_eq!(admission(&written), admission(&empty));
}
