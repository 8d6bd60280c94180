//! Which policy holds, and what it becomes.

use core::time::Duration;

use engine::snapshot::{ClusterProtocol, Limits, Outlier, UnifiedBreaker};

use super::*;

pub(super) fn policy(kind: &str, name: &str, namespace: &str, target: &str, spec: &str) -> String {
    format!(
        "---
apiVersion: meshctl.dev/v1alpha1
kind: {kind}
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  targetRefs: [{target}]
{spec}
"
    )
}

fn panic_policy(name: &str, namespace: &str, target: &str, percent: u32) -> String {
    let spec = format!("  panicThresholdPercent: {percent}");
    policy("BackendPolicy", name, namespace, target, &spec)
}

fn cluster(extra: &str, client: (&str, &str)) -> Arc<Cluster> {
    let snapshot = snapshot_of(&format!("{SHOP}{extra}"), client.0, client.1);
    let key = layout::key(&ObjectName::new("shop", "web"), 80);
    Arc::clone(&snapshot.outbound.clusters[&key])
}

const TO_WEB: &str = "{kind: Service, name: web}";
const TO_WEB_OF_SHOP: &str = "{kind: Service, name: web, namespace: shop}";

#[test]
fn the_most_specific_backend_policy_holds_whole() {
    let mesh = panic_policy(
        "mesh",
        "shop",
        "{group: gateway.networking.x-k8s.io, kind: XMesh, name: mesh}",
        1,
    );
    let namespace = panic_policy("ns", "shop", "{kind: Namespace, name: shop}", 2);
    let service = panic_policy("svc", "shop", TO_WEB, 3);
    let port = panic_policy(
        "port",
        "shop",
        "{kind: Service, name: web, sectionName: http}",
        4,
    );
    let consumer = panic_policy("mine", "cart", TO_WEB_OF_SHOP, 5);
    let mut all = String::new();
    for (policy, expected) in [(mesh, 1), (namespace, 2), (service, 3), (port, 4)] {
        // The more specific one is written first, so that the order of the file cannot decide.
        all = format!("{policy}{all}");
        assert_eq!(cluster(&all, CART).panic_threshold_percent, expected);
        assert_eq!(cluster(&all, WEB).panic_threshold_percent, expected);
    }
    all.push_str(&consumer);
    assert_eq!(
        cluster(&all, CART).panic_threshold_percent,
        5,
        "the client's own policy wins"
    );
    assert_eq!(cluster(&all, WEB).panic_threshold_percent, 4);
}

#[test]
fn of_two_policies_for_one_target_the_older_holds() {
    let young = panic_policy("a", "shop", TO_WEB, 1);
    let old = panic_policy("z", "shop", TO_WEB, 2);
    assert_eq!(
        cluster(&format!("{old}{young}"), CART).panic_threshold_percent,
        2
    );
    assert_eq!(
        cluster(&format!("{young}{old}"), CART).panic_threshold_percent,
        1
    );
}

#[test]
fn a_namespace_policy_does_not_reach_other_namespaces() {
    let policy = panic_policy("ns", "cart", "{kind: Namespace, name: cart}", 2);
    assert_eq!(cluster(&policy, CART).panic_threshold_percent, 50);
}

#[test]
fn empty_blocks_mean_their_defaults() {
    let spec = "  outlierDetection: {}\n  circuitBreaker: {}";
    let seen = cluster(&policy("BackendPolicy", "p", "shop", TO_WEB, spec), CART);
    assert_eq!(seen.outlier, Some(Outlier::default()));
    assert_eq!(
        seen.outlier
            .as_ref()
            .map(|outlier| outlier.max_ejection_percent),
        Some(50)
    );
    assert_eq!(seen.breaker, Some(UnifiedBreaker::default().into()));
    assert_eq!(seen.balancer, Balancer::default_for(true));
    let origin = seen.policy_origin.as_ref().map(ToString::to_string);
    assert_eq!(
        origin.as_deref(),
        Some("BackendPolicy shop/p spec (m.yaml:33)")
    );
}

#[test]
fn every_field_of_a_backend_policy_arrives() {
    let spec = "  loadBalancer: {type: LeastRequest, leastRequest: {choiceCount: 3, activeRequestBias: 0.5, selection: FullScan}}
  connection: {connectTimeout: 250ms, idleTimeout: 5s, protocol: HTTP2}
  limits:
    maxConnections: 1
    maxPendingRequests: 2
    maxParallelRequests: 3
    maxParallelRetries: 4
    perEndpoint: {maxConnections: 5}
    queueTimeout: 6s
  outlierDetection:
    interval: 1s
    baseEjectionTime: 400s
    maxEjectionTimeJitter: 3s
    maxEjectionPercent: 40
    alwaysEjectOneHost: true
    splitExternalLocalOriginErrors: true
    detectors:
      consecutive5xx: {consecutive: 7}
      gatewayFailures: {consecutive: 8}
      localOriginFailures: {consecutive: 9, enforcing: 10}
      successRate: {minimumHosts: 2, requestVolume: 3, standardDeviationFactor: 1.25}
      failurePercentage: {minimumHosts: 4, requestVolume: 5, threshold: 60}
  circuitBreaker:
    unified:
      maxFailures: 0
      successRate: {threshold: 0.5, window: 20s, minRequests: 6}
      backoff: {min: 2s, max: 4s, jitter: 0.25}
      honorRetryAfter: true
      breakerCapPercent: 30";
    let seen = cluster(&policy("BackendPolicy", "p", "shop", TO_WEB, spec), CART);
    assert_eq!(
        seen.balancer,
        Balancer::LeastRequest {
            choice_count: 3,
            active_request_bias: 0.5,
            full_scan: true
        }
    );
    assert_eq!(seen.connect_timeout, Duration::from_millis(250));
    assert_eq!(seen.idle_timeout, Duration::from_secs(5));
    assert_eq!(seen.protocol, ClusterProtocol::Http2);
    let limits = Limits {
        connections: 1,
        pending_requests: 2,
        requests: 3,
        retries: 4,
        connections_per_endpoint: Some(5),
        queue_timeout: Duration::from_secs(6),
    };
    assert_eq!(seen.limits, limits);
    let outlier = seen.outlier.clone().unwrap();
    // Not said, and not shorter than the first ejection.
    assert_eq!(outlier.max_ejection_time, Duration::from_secs(400));
    assert_eq!(outlier.max_ejection_time_jitter, Duration::from_secs(3));
    assert!(outlier.always_eject_one_host && outlier.split_external_local_origin_errors);
    assert_eq!(
        (outlier.interval, outlier.max_ejection_percent),
        (Duration::from_secs(1), 40)
    );
    let consecutive = [
        outlier.consecutive_5xx,
        outlier.consecutive_gateway_failure,
        outlier.consecutive_local_origin_failure,
    ];
    let seen_consecutive = consecutive.map(|c| (c.threshold, c.enforcing));
    assert_eq!(
        seen_consecutive,
        [(7, 100), (8, 100), (9, 10)],
        "what is written acts"
    );
    assert_eq!(
        (
            outlier.success_rate.stdev_factor,
            outlier.success_rate.minimum_hosts
        ),
        (1250, 2)
    );
    let percentage = outlier.failure_percentage;
    assert_eq!((percentage.threshold, percentage.request_volume), (60, 5));
    assert_eq!(percentage.enforcing, 100);
    let breaker = UnifiedBreaker {
        max_failures: 0,
        success_rate_threshold: 0.5,
        window: Duration::from_secs(20),
        min_requests: 6,
        backoff_min: Duration::from_secs(2),
        backoff_max: Duration::from_secs(4),
        jitter: 0.25,
        honor_retry_after: true,
        cap_percent: 30,
    };
    assert_eq!(seen.breaker, Some(breaker.into()));
}

#[test]
fn the_failure_penalty_can_be_set_and_switched_off() {
    let spec = "  loadBalancer: {peakEwma: {decay: 1s, defaultRtt: 2ms, failurePenalty: 0s}}";
    let seen = cluster(&policy("BackendPolicy", "p", "shop", TO_WEB, spec), CART);
    let expected = Balancer::PeakEwma {
        decay: Duration::from_secs(1),
        default_rtt: Duration::from_millis(2),
        failure_penalty: Duration::ZERO,
    };
    assert_eq!(seen.balancer, expected);
}

#[test]
fn a_policy_that_only_moves_keeps_the_policy_hash() {
    let spec = "  circuitBreaker: {}";
    let here = cluster(&policy("BackendPolicy", "p", "shop", TO_WEB, spec), CART);
    let moved = policy("BackendPolicy", "p", "shop", TO_WEB, spec);
    let there = cluster(&format!("---\n# a comment\n\n{moved}"), CART);
    assert_ne!(here.policy_origin, there.policy_origin);
    assert_eq!(here.policy_hash, there.policy_hash);
    let other = cluster(
        &policy(
            "BackendPolicy",
            "p",
            "shop",
            TO_WEB,
            "  circuitBreaker: {unified: {maxFailures: 8}}",
        ),
        CART,
    );
    assert_ne!(here.policy_hash, other.policy_hash);
}

const ROUTE: &str = "---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: r, namespace: shop}
spec:
  parentRefs: [{group: '', kind: Service, name: web}]
  rules:
  - name: first
    matches: [{path: {value: /a}}]
    backendRefs: [{name: web, port: 80}]
  - backendRefs: [{name: web, port: 80}]
";

/// The request timeout of each rule of web, in seconds.
fn timeouts(extra: &str, client: (&str, &str)) -> Vec<Option<u64>> {
    let snapshot = snapshot_of(&format!("{SHOP}{extra}"), client.0, client.1);
    let at = snapshot.outbound.by_host["web.shop"][&80];
    let rules = snapshot.outbound.frontends[at].routes.rules();
    rules
        .iter()
        .map(|rule| rule.timeouts.request.map(|d| d.as_secs()))
        .collect()
}

fn timeout_policy(name: &str, namespace: &str, target: &str, seconds: u32) -> String {
    let spec = format!("  timeouts: {{request: {seconds}s}}");
    policy("TrafficPolicy", name, namespace, target, &spec)
}

#[test]
fn the_most_specific_traffic_policy_holds() {
    let namespace = timeout_policy("ns", "shop", "{kind: Namespace, name: shop}", 1);
    let service = timeout_policy("svc", "shop", TO_WEB, 2);
    let port = timeout_policy(
        "port",
        "shop",
        "{kind: Service, name: web, sectionName: '80'}",
        3,
    );
    let to_route = "group: gateway.networking.k8s.io, kind: HTTPRoute, name: r";
    let route = timeout_policy("route", "shop", &format!("{{{to_route}}}"), 4);
    let rule = timeout_policy(
        "rule",
        "shop",
        &format!("{{{to_route}, sectionName: first}}"),
        5,
    );
    let consumer = timeout_policy("mine", "cart", TO_WEB_OF_SHOP, 6);
    let mut all = format!("{ROUTE}{namespace}");
    assert_eq!(timeouts(&all, CART), [Some(1), Some(1)]);
    all.push_str(&service);
    assert_eq!(timeouts(&all, CART), [Some(2), Some(2)]);
    all.push_str(&port);
    assert_eq!(timeouts(&all, CART), [Some(3), Some(3)]);
    all.push_str(&consumer);
    assert_eq!(timeouts(&all, CART), [Some(6), Some(6)]);
    assert_eq!(timeouts(&all, WEB), [Some(3), Some(3)]);
    all.push_str(&route);
    assert_eq!(timeouts(&all, CART), [Some(4), Some(4)]);
    all.push_str(&rule);
    assert_eq!(timeouts(&all, CART), [Some(5), Some(4)]);
}

#[test]
fn a_service_without_routes_has_traffic_policies_too() {
    assert_eq!(
        timeouts(&timeout_policy("svc", "shop", TO_WEB, 2), CART),
        [Some(2)]
    );
    assert_eq!(timeouts("", CART), [None]);
}

#[test]
fn an_empty_retry_is_two_retries_with_a_budget() {
    check_routes(
        &policy("TrafficPolicy", "t", "shop", TO_WEB, "  retry: {}")[4..],
        CART,
        "web.shop",
        80,
        "Default Http1\n\
         default [] Service shop/web port 80 (m.yaml:7) \
         retry=2 reset=true try=true on=[][] 0ns+25ms..250ms budget=20%/10s+10/s \
         (TrafficPolicy shop/t retry (m.yaml:34))\n  \
         1 -> shop/web:80 Service shop/web port 80 (m.yaml:7)\n",
    );
}

fn retry_of(extra: &str) -> Option<String> {
    let snapshot = snapshot_of(&format!("{SHOP}{extra}"), CART.0, CART.1);
    let at = snapshot.outbound.by_host["web.shop"][&80];
    let rules = snapshot.outbound.frontends[at].routes.rules();
    let text = rules[0].retry.as_ref().map(retry_text)?;
    Some(text.split(" (").next().unwrap_or_default().to_owned())
}

#[test]
fn retries_follow_the_policy() {
    let check = |spec: &str, expected: Option<&str>| {
        let text = policy("TrafficPolicy", "t", "shop", TO_WEB, spec);
        assert_eq!(retry_of(&text).as_deref(), expected, "{spec}");
    };
    check("  timeouts: {request: 1s}", None);
    check("  retry: {attempts: 0}", None);
    check(
        "  retry: {attempts: 1, codes: [503], backoff: {base: 10ms}}",
        Some("retry=1 reset=true try=true on=[\"503-503\"][] 0ns+10ms..100ms budget=20%/10s+10/s"),
    );
    check(
        "  retry: {retryOn: [5xx, unavailable, connect-failure], backoff: {base: 1s, max: 2s}}\n  \
         retryBudget: {percent: 30, interval: 20s, minRetryRate: 1}",
        Some("retry=2 reset=false try=false on=[\"500-599\"][14] 0ns+1s..2s budget=30%/20s+1/s"),
    );
    check(
        "  retry: {}\n  retryBudget: {mode: Concurrency, percent: 12.5, minRetryConcurrency: 1}",
        Some("retry=2 reset=true try=true on=[][] 0ns+25ms..250ms budget=12.5% of active, min 1"),
    );
    check(
        "  retry: {}\n  retryBudget: {mode: None}",
        Some("retry=2 reset=true try=true on=[][] 0ns+25ms..250ms budget=none"),
    );
}

#[test]
fn what_a_route_says_itself_goes_before_its_policy_field_by_field() {
    let own = ROUTE.replace(
        "  - backendRefs",
        "  - timeouts: {request: 0s, backendRequest: 1s}\n    \
         retry: {attempts: 3, codes: [500], backoff: 5ms}\n    backendRefs",
    );
    let spec = "  timeouts: {request: 9s, backendRequest: 8s}\n  retry: {attempts: 1}\n  \
                retryBudget: {percent: 50}";
    let text = format!(
        "{SHOP}{own}{}",
        policy("TrafficPolicy", "t", "shop", TO_WEB, spec)
    );
    let snapshot = snapshot_of(&text, CART.0, CART.1);
    let seen = routes(&snapshot, "web.shop", 80);
    let lines: Vec<&str> = seen.lines().filter(|line| !line.starts_with(' ')).collect();
    assert_eq!(
        lines[1..],
        [
            "shop/r/first [/a*] HTTPRoute shop/r rules[0] (m.yaml:35) request=9s try=8s retry=1 \
             reset=true try=true on=[][] 0ns+25ms..250ms budget=50%/10s+10/s \
             (TrafficPolicy shop/t retry (m.yaml:48))",
            "shop/r/rules[1] [/*] HTTPRoute shop/r rules[1] (m.yaml:38) try=1s retry=3 \
             reset=true try=true on=[\"500-500\"][] 5ms+5ms..50ms budget=50%/10s+10/s \
             (HTTPRoute shop/r rules[1].retry (m.yaml:39))",
        ]
    );
}

#[test]
fn faults_carry_their_shares() {
    let spec = "  fault: {delay: {fixed: 2s, percentage: 12.34}, abort: {grpcStatus: 14}}";
    let text = policy("TrafficPolicy", "t", "shop", TO_WEB, spec);
    let snapshot = snapshot_of(&format!("{SHOP}{text}"), CART.0, CART.1);
    let seen = routes(&snapshot, "web.shop", 80);
    let expected = "fault=Some((2s, PerTenThousand(1234)))/Some((Grpc(14), PerTenThousand(10000)))";
    assert!(seen.contains(expected), "{seen}");
}

mod defaults;
mod guards;

/// The requests of the limits of the client's side, of each rule of the port's table.
fn client_limits(extra: &str, client: (&str, &str)) -> Vec<Vec<u32>> {
    let snapshot = snapshot_of(&format!("{SHOP}{extra}"), client.0, client.1);
    let name = ObjectName::new("shop", "web");
    let mut frontends = snapshot.outbound.frontends.iter();
    let frontend = frontends.find(|frontend| frontend.service == name);
    let rules = frontend.unwrap().routes.rules().iter();
    let limits = |rule: &Arc<Rule>| {
        let limits = rule.limits.iter().flat_map(|policy| &policy.rules);
        limits.map(|rule| rule.limit.requests).collect()
    };
    rules.map(limits).collect()
}

#[test]
fn limits_of_the_clients_side_hold_together_for_those_they_are_about() {
    let limit = |name: &str, namespace: &str, target: &str, side: &str, requests: u32| {
        let spec =
            format!("  side: {side}\n  local: {{rules: [{{limit: {{requests: {requests}}}}}]}}");
        policy("RateLimitPolicy", name, namespace, target, &spec)
    };
    let all = limit("all", "shop", TO_WEB, "Client", 1);
    let port = limit(
        "port",
        "shop",
        "{kind: Service, name: web, sectionName: http}",
        "Client",
        2,
    );
    let mine = limit("mine", "cart", TO_WEB_OF_SHOP, "Client", 3);
    let server = limit("server", "shop", TO_WEB, "Server", 4);
    let written = format!("{all}{port}{mine}{server}");
    assert_eq!(client_limits(&written, WEB), [[1, 2]]);
    assert_eq!(client_limits(&written, CART), [[1, 2, 3]]);
}
