use serde_json::json;

use super::{between, manifests, observe, speaking, spec};
use crate::record::Observations;
use crate::run::Options;

/// As the others, with a load that is large enough for shares.
fn seen(more: serde_json::Value) -> Observations {
    let mut more = more;
    more["load"] = json!([{"name": "browse", "to": "http://web.shop/", "rate": 40,
                           "arrival": "constant", "timeout": "2s"}]);
    observe(&spec(more), &manifests(3), Options::default()).0
}

/// The share of failures among the requests that ended in a window.
fn share_failed(seen: &Observations, from: u64, to: u64) -> f64 {
    let (good, bad) = between(seen, from, to);
    bad as f64 / (good + bad).max(1) as f64
}

/// An event from 3 s to 6 s: the share of failures while it lasts, and from two seconds after it.
fn check(event: serde_json::Value, during: core::ops::RangeInclusive<f64>) {
    let mut event = event;
    event["at"] = json!("3s");
    event["for"] = json!("3s");
    let seen = seen(json!({"duration": "14s", "events": [event.clone()]}));
    let hit = share_failed(&seen, 3, 6);
    assert!(during.contains(&hit), "{event}: {hit} failed");
    assert_eq!(between(&seen, 0, 3).1, 0, "{event}: before");
    assert_eq!(between(&seen, 12, 14).1, 0, "{event}: afterwards");
}

const API: &str = "shop/Deployment/api";

#[test]
fn refused_pods_fail_only_connections_that_are_made_anew() {
    check(json!({"refuse": {"target": API}}), 0.0..=0.0);
}

#[test]
fn a_paused_pod_keeps_requests_waiting() {
    check(json!({"pause": {"target": API, "pods": 1}}), 0.0..=0.3);
    check(json!({"pause": {"target": API}}), 0.5..=1.0);
}

#[test]
fn lost_packets_cost_time_and_no_requests() {
    check(
        json!({"loss": {"from": "*", "to": "*", "rate": "1%"}}),
        0.0..=0.0,
    );
}

#[test]
fn a_clock_that_is_far_ahead_fails_new_handshakes() {
    let events = json!([
        {"at": "3s", "for": "3s", "skew": {"target": API, "ahead": "2400h"}},
        {"at": "3100ms", "reset": {"target": API}}]);
    let seen = seen(json!({"duration": "14s", "events": events}));
    assert!(share_failed(&seen, 4, 6) > 0.9);
    assert_eq!(between(&seen, 12, 14).1, 0);
}

#[test]
fn a_silent_crash_of_all_pods_is_a_timeout_for_everybody() {
    check(json!({"crash": {"target": API, "silent": true}}), 0.3..=1.0);
}

#[test]
fn added_latency_and_narrow_links_show_in_the_percentiles() {
    let p50 = |event: serde_json::Value| {
        let seen = seen(json!({"events": [event]}));
        seen.totals().latency.quantile(0.5).unwrap()
    };
    let plain = p50(json!({"at": "9s", "reset": {"target": API}}));
    let added = p50(json!({"at": "0s", "latency": {"from": "*", "to": "*", "add": "10ms"}}));
    // Two hops between nodes, there and back.
    assert!(
        (40_000..41_500).contains(&(added - plain)),
        "{plain} {added}"
    );
    let narrow = json!({"from": "*", "to": "*", "limit": "1Mbps"});
    let slow = p50(json!({"at": "0s", "bandwidth": narrow}));
    // A kilobyte takes 8 ms, and comes back twice.
    assert!(slow > plain + 16_000, "{plain} {slow}");
}

#[test]
fn a_proxy_that_is_cut_off_from_the_control_plane_keeps_what_it_knows() {
    let seen = |cut: bool| {
        let mut events = vec![json!({"at": "2s", "scale": {"target": API, "replicas": 1}})];
        if cut {
            let cut = json!({"at": "1s", "disconnect": {"target": "shop/Deployment/web"}});
            events.push(cut);
        }
        let seen = seen(json!({"duration": "20s", "events": events}));
        let mut end = engine::report::Frame::empty("end");
        seen.frames[12..].iter().for_each(|f| end.merge(f));
        let mut used: Vec<_> = end.endpoints.iter().collect();
        used.retain(|(k, r)| &*k.backend.service.name == "api" && r.counters.requests > 0);
        used.len()
    };
    assert_eq!((seen(false), seen(true)), (1, 3));
}

#[test]
fn a_change_that_is_on_its_way_when_a_proxy_is_cut_off_is_caught_up_with() {
    // It takes 50 ms to 500 ms. That it arrives in the end is an invariant as well.
    let events = json!([
        {"at": "2s", "scale": {"target": API, "replicas": 1}},
        {"at": "2020ms", "for": "2s", "disconnect": {"target": "shop/Deployment/web"}}]);
    let seen = seen(json!({"duration": "20s", "events": events}));
    let mut end = engine::report::Frame::empty("end");
    seen.frames[12..].iter().for_each(|f| end.merge(f));
    let mut used: Vec<_> = end.endpoints.iter().collect();
    used.retain(|(k, r)| &*k.backend.service.name == "api" && r.counters.requests > 0);
    assert_eq!(used.len(), 1);
}

#[test]
fn a_fault_within_another_one_does_not_end_it() {
    let outer = |inner: serde_json::Value| {
        let mut long = inner.clone();
        (long["at"], long["for"]) = (json!("3s"), json!("6s"));
        let mut short = inner;
        (short["at"], short["for"]) = (json!("4s"), json!("1s"));
        let seen = seen(json!({"duration": "16s", "events": [long, short]}));
        assert!(share_failed(&seen, 6, 9) > 0.5);
        assert_eq!(between(&seen, 14, 16).1, 0);
    };
    outer(json!({"crash": {"target": API}}));
    outer(json!({"pause": {"target": API}}));
}

#[test]
fn grpc_goes_through_the_mesh_with_its_status() {
    let spec = spec(json!({
        "apps": [{"workload": "shop/Deployment/web", "serviceTime": "1ms", "errorRate": "50%",
                  "errorStatus": 503}],
        "load": [{"name": "browse", "to": "grpc://web.shop/shop.Web/Get", "rate": 100,
                  "from": "shop/Deployment/api"}]}));
    let (seen, _) = observe(&spec, &speaking("grpc", 2), Options::default());
    let totals = seen.totals();
    assert_eq!(totals.grpc.keys().copied().collect::<Vec<_>>(), [0, 14]);
    assert!(totals.success > 400 && totals.failure > 400, "{totals:?}");
}
