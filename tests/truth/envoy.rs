//! The same scenarios with a real Envoy in the place of the proxy, with the same configuration in its
//! own words.
//!
//! Not all: where ours is another algorithm (budgets over time, breakers) there is nothing to
//! compare. `tests/envoy` compares the algorithms themselves, request by request.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::agree;
use super::cases;
use super::compare::Row;
use super::log::Log;
use super::real::{self, Addresses, Middle};
use crate::envoy::peer::{Envoy, cluster, endpoints};

// === impl Envoy ===

impl Middle for Envoy {
    fn entry(&self) -> SocketAddr {
        self.address()
    }
}

/// The pods of a Deployment as a cluster, with more of Envoy's fields.
fn pods(addresses: &Addresses, name: &str, more: Value) -> Value {
    let all: Vec<_> = addresses
        .iter()
        .filter(|((deployment, _), _)| deployment == name)
        .map(|(_, address)| *address)
        .collect();
    let mut cluster = cluster(name, endpoints(&all), more);
    // Changes of health count at once, and too few healthy endpoints are no reason to ignore it.
    cluster["common_lb_config"] = json!({
        "healthy_panic_threshold": {"value": 0}, "update_merge_window": "0s",
    });
    cluster
}

fn route(to: Value) -> Value {
    json!({"match": {"prefix": "/"}, "route": to})
}

#[track_caller]
fn check(
    name: &str,
    rows: fn(&Log, &Log) -> Vec<Row>,
    config: impl Fn(&Addresses) -> (Vec<Value>, Vec<Value>),
) {
    agree(name, rows, |truth, seed| {
        real::run_through(truth, seed, |_, addresses| {
            let (clusters, routes) = config(addresses);
            Box::new(Envoy::start(&format!("truth-{name}"), &clusters, &routes))
        })
    });
}

#[test]
#[ignore = "needs envoy"]
fn envoy_splits_as_the_simulator_says() {
    check("split", cases::split, |to| {
        let weights = json!([{"name": "web", "weight": 90}, {"name": "other", "weight": 10}]);
        let clusters = ["web", "other"].map(|name| pods(to, name, json!({})));
        let route = route(json!({"weighted_clusters": {"clusters": weights}}));
        (clusters.to_vec(), vec![route])
    });
}

#[test]
#[ignore = "needs envoy"]
fn envoy_matches_headers_as_the_simulator_says() {
    check("header", cases::header, |to| {
        let testers = json!([{"name": "x-tester", "string_match": {"exact": "yes"}}]);
        let mut other = route(json!({"cluster": "other"}));
        other["match"]["headers"] = testers;
        let clusters = ["web", "other"].map(|name| pods(to, name, json!({})));
        (
            clusters.to_vec(),
            vec![other, route(json!({"cluster": "web"}))],
        )
    });
}

#[test]
#[ignore = "needs envoy"]
fn envoy_times_out_as_the_simulator_says() {
    check("timeout", cases::timeout, |to| {
        let web = pods(to, "web", json!({"lb_policy": "ROUND_ROBIN"}));
        (
            vec![web],
            vec![route(json!({"cluster": "web", "timeout": "0.15s"}))],
        )
    });
}

#[test]
#[ignore = "needs envoy"]
fn envoy_tries_elsewhere_as_the_simulator_says() {
    check("try_timeout", cases::try_timeout, |to| {
        let web = pods(to, "web", json!({"lb_policy": "RANDOM"}));
        let retry = json!({
            "retry_on": "gateway-error", "num_retries": 1, "per_try_timeout": "0.1s",
            "retry_back_off": {"base_interval": "0.001s", "max_interval": "0.002s"},
            "retry_host_predicate": [{
                "name": "envoy.retry_host_predicates.previous_hosts",
                "typed_config": {"@type": "type.googleapis.com/envoy.extensions.retry.host\
                                           .previous_hosts.v3.PreviousHostsPredicate"},
            }],
            "host_selection_retry_max_attempts": 1,
        });
        let to = json!({"cluster": "web", "timeout": "0s", "retry_policy": retry});
        (vec![web], vec![route(to)])
    });
}

#[test]
#[ignore = "needs envoy"]
fn envoy_ejects_when_the_simulator_says() {
    check("ejection", cases::ejection, |to| {
        let more = json!({
            "lb_policy": "ROUND_ROBIN",
            "outlier_detection": {
                "consecutive_5xx": 3, "interval": "0.25s", "base_ejection_time": "1s",
                "max_ejection_percent": 50, "enforcing_success_rate": 0,
                "enforcing_consecutive_gateway_failure": 0,
            },
        });
        let web = pods(to, "web", more);
        (vec![web], vec![route(json!({"cluster": "web"}))])
    });
}

#[test]
#[ignore = "needs envoy"]
fn envoy_refuses_what_the_simulator_refuses() {
    check("limits", cases::limits, |to| {
        let more = json!({
            "lb_policy": "ROUND_ROBIN",
            "circuit_breakers": {"thresholds": [{"max_requests": 4}]},
        });
        let web = pods(to, "web", more);
        (vec![web], vec![route(json!({"cluster": "web"}))])
    });
}

#[test]
#[ignore = "needs envoy"]
fn envoy_spares_a_slow_endpoint_as_the_simulator_says() {
    check("least_request", cases::least_request, |to| {
        let web = pods(to, "web", json!({"lb_policy": "LEAST_REQUEST"}));
        (vec![web], vec![route(json!({"cluster": "web"}))])
    });
}

#[test]
#[ignore = "needs envoy"]
fn envoy_mirrors_as_the_simulator_says() {
    check("mirror", cases::mirror, |to| {
        let half = json!({"default_value": {"numerator": 50, "denominator": "HUNDRED"}});
        let mirror = json!([{"cluster": "other", "runtime_fraction": half}]);
        let clusters = ["web", "other"].map(|name| pods(to, name, json!({})));
        let to = json!({"cluster": "web", "request_mirror_policies": mirror});
        (clusters.to_vec(), vec![route(to)])
    });
}
