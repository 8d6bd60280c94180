use std::thread;

use serde_json::Value;

use super::harness::{Proxy, app, ask, get, service};
use crate::common::Place;

fn mesh() -> (Place, Proxy) {
    let place = Place::new();
    place.file("mesh/api.yaml", service("api", &[app("api")]));
    let proxy = Proxy::start(&place, &[]);
    (place, proxy)
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

#[test]
fn health_is_read_only_and_tells_nothing_else() {
    let (_place, proxy) = mesh();
    let check = |method: &str, path: &str, status: u16| {
        let answer = ask(proxy.health, method, "10.1.2.3:14020", path, "");
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
    };
    check("GET", "/ready", 200);
    check("HEAD", "/ready", 200);
    check("GET", "/live", 200);
    check("POST", "/ready", 405);
    for path in [
        "/config",
        "/endpoints",
        "/certificates",
        "/log-level",
        "/frames",
        "/",
    ] {
        check("GET", path, 404);
    }
    check("POST", "/drain", 404);
    assert_eq!(proxy.get("api", "/").status, 200);
}

#[test]
fn admin_answers_only_to_names_of_the_loopback_address() {
    let (_place, proxy) = mesh();
    let status = |host: &str| ask(proxy.admin, "GET", host, "/config", "").status;
    for host in ["127.0.0.1", "127.0.0.1:14000", "localhost", "[::1]:14000"] {
        assert_eq!(status(host), 200, "{host}");
    }
    for host in [
        "evil.example",
        "10.0.0.1",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
    ] {
        assert_eq!(status(host), 403, "{host}");
    }
    assert_eq!(
        ask(proxy.admin, "POST", "evil.example", "/drain", "").status,
        403
    );
}

#[test]
fn the_configuration_and_the_endpoints_can_be_seen() {
    let (_place, proxy) = mesh();
    assert_eq!(proxy.get("api", "/").status, 200);
    let config = json(&proxy.ask_admin("GET", "/config", "").body);
    assert_eq!(config["workload"]["name"], "shop/web");
    let service = &config["outbound"]["services"][0];
    assert_eq!(service["service"], "shop/api:80");
    assert_eq!(service["rules"][0]["backends"][0]["backend"], "shop/api:80");
    let origin = service["origin"].as_str().unwrap();
    assert!(origin.contains("mesh/api.yaml:4"), "{origin}");
    let endpoints = json(&proxy.ask_admin("GET", "/endpoints", "").body);
    let endpoint = &endpoints[0];
    assert_eq!(endpoint["backend"], "shop/api:80");
    assert_eq!(endpoint["state"], "closed");
    assert_eq!(endpoint["requests"], 1);
}

#[test]
fn an_endpoint_that_was_ejected_says_why_and_until_when() {
    let place = Place::new();
    place.file("mesh/api.yaml", service("api", &[app("a"), app("b")]));
    let policy = "apiVersion: meshctl.dev/v1alpha1\nkind: BackendPolicy\n\
        metadata: {name: api, namespace: shop}\nspec:\n  targetRefs: [{kind: Service, name: api}]\n  \
        outlierDetection: {interval: 1s, baseEjectionTime: 60s, maxEjectionPercent: 50}\n";
    place.file("mesh/policy.yaml", policy);
    let proxy = Proxy::start(&place, &[]);
    for _ in 0..20 {
        proxy.get("api", "/fail");
    }
    let endpoints = json(&proxy.ask_admin("GET", "/endpoints", "").body);
    let all = endpoints.as_array().unwrap();
    let ejected = all.iter().find(|e| e["state"] == "ejected");
    let ejected = ejected.unwrap_or_else(|| panic!("{endpoints:#}"));
    assert!(
        ejected["reason"].as_str().unwrap().contains('5'),
        "{ejected:#}"
    );
    assert!(
        ejected["until"].as_str() > ejected["since"].as_str(),
        "{ejected:#}"
    );
}

#[test]
fn the_log_level_can_be_read_and_changed() {
    let (_place, proxy) = mesh();
    assert_eq!(proxy.ask_admin("GET", "/log-level", "").body, "info\n");
    assert_eq!(
        proxy.ask_admin("PUT", "/log-level", "debug").body,
        "debug\n"
    );
    assert_eq!(proxy.ask_admin("GET", "/log-level", "").body, "debug\n");
    let refused = proxy.ask_admin("PUT", "/log-level", "loud");
    assert_eq!(
        (refused.status, &*refused.body),
        (400, "levels are error, warn, info, debug, trace\n")
    );
    assert_eq!(
        proxy
            .ask_admin("PUT", "/log-level", &"x".repeat(1000))
            .status,
        400
    );
    assert_eq!(proxy.ask_admin("DELETE", "/log-level", "").status, 405);
}

#[test]
fn frames_are_lines_of_statistics() {
    let (_place, proxy) = mesh();
    assert_eq!(proxy.get("api", "/").status, 200);
    let admin = proxy.admin;
    let other = thread::spawn(move || get(admin, "localhost", "/frames?count=1"));
    let answer = get(admin, "localhost", "/frames?interval_ms=100&count=3");
    assert!(
        answer.head.contains("content-type: application/jsonl"),
        "{}",
        answer.head
    );
    // Chunked: the lines that begin an object.
    let frames: Vec<Value> = answer
        .body
        .lines()
        .filter(|l| l.starts_with('{'))
        .map(json)
        .collect();
    assert_eq!(frames.len(), 3);
    let services = frames[2]["services"].to_string();
    assert!(services.contains("\"requests\":1"), "{services}");
    assert_ne!(frames[0]["at_ns"], frames[2]["at_ns"]);
    // Whoever comes later is told the same events.
    for body in [&answer.body, &other.join().unwrap().body] {
        assert!(body.contains("proxy-started"), "{body}");
    }
    assert_eq!(get(admin, "localhost", "/frames?interval_ms=1").status, 400);
}

#[test]
fn a_drain_can_be_asked_for() {
    let (_place, mut proxy) = mesh();
    assert_eq!(proxy.ask_admin("GET", "/drain", "").status, 405);
    assert_eq!(proxy.ask_admin("POST", "/drain", "").status, 202);
    assert_eq!(proxy.ends(), Some(0));
    proxy.wait_for("asked to: draining");
}

#[test]
fn prometheus_is_answered_on_the_address_of_the_pod() {
    let (_place, proxy) = mesh();
    assert_eq!(proxy.get("api", "/").status, 200);
    let answer = get(proxy.health, "h", "/metrics");
    assert!(
        answer
            .head
            .contains("content-type: text/plain; version=0.0.4"),
        "{}",
        answer.head
    );
    let row = |name: &str| {
        let mut lines = answer.body.lines().filter(|l| l.starts_with(name));
        lines
            .next()
            .unwrap_or_else(|| panic!("no {name}: {}", answer.body))
            .to_owned()
    };
    let requests = row("meshctl_service_requests_total");
    assert!(
        requests.contains("service=\"api\"") && requests.ends_with(" 1"),
        "{requests}"
    );
    row("meshctl_service_request_duration_seconds_bucket");
    row("process_resident_memory_bytes");
}
