use engine::failure::Flag;
use engine::report::{Ended, EndpointState, EndpointStatus};
use proptest::prelude::*;

use super::*;
use crate::top::fixture::{Proxy, cluster};
use crate::top::store::{Clock, Link, SourceId};

const WINDOW: Duration = Duration::from_secs(10);

fn at(seconds: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(seconds)
}

/// A store with a source for each proxy, which has seen their first frames.
fn store(proxies: &mut [Proxy]) -> (Store, Vec<SourceId>) {
    let mut store = Store::new(WINDOW);
    let mut ids = Vec::new();
    for proxy in proxies {
        let id = store.add(proxy.recorder.source(), Clock::real(at(0)));
        store.set_link(id, Link::Live, at(0));
        store.ingest(id, proxy.frame(1), at(1));
        ids.push(id);
    }
    (store, ids)
}

fn only_service(store: &Store) -> ServiceView {
    Overview::new(store, at(100)).services.remove(0)
}

#[test]
fn rates_of_sources_with_different_windows_add_up() {
    let mut proxies = [Proxy::new("shop/a"), Proxy::new("shop/b")];
    let (mut store, ids) = store(&mut proxies);
    proxies[0].requests("shop/cart", 10);
    store.ingest(ids[0], proxies[0].frame(2), at(3));
    proxies[1].requests("shop/cart", 30);
    store.ingest(ids[1], proxies[1].frame(3), at(4));
    let cart = only_service(&store);
    assert_eq!(cart.traffic.per_second, Some(5.0 + 10.0));
    assert_eq!(cart.traffic.requests, 40);
    assert_eq!(cart.mtls, Some(1.0));
    let overview = Overview::new(&store, at(100));
    assert_eq!(overview.totals.per_second, Some(15.0));
    assert_eq!(overview.window, Some(10.0));
}

#[test]
fn nothing_is_claimed_before_two_frames() {
    let mut proxies = [Proxy::new("shop/a")];
    proxies[0].requests("shop/cart", 10);
    let (store, _) = store(&mut proxies);
    let cart = only_service(&store);
    assert_eq!(cart.traffic.per_second, None);
    assert_eq!(
        (cart.traffic.success_rate, cart.traffic.p99_us),
        (None, None)
    );
}

#[test]
fn rejections_and_retries_have_their_reasons() {
    let mut proxies = [Proxy::new("shop/a")];
    let (mut store, ids) = store(&mut proxies);
    proxies[0].requests("shop/cart", 4);
    let mut frame = proxies[0].frame(2);
    for row in frame.services.0.values_mut() {
        row.flags = [
            (Flag::RateLimited, 2),
            (Flag::Timeout, 1),
            (Flag::Overflow, 4),
        ]
        .into_iter()
        .collect();
        (row.retries, row.timeouts) = (6, 1);
    }
    frame
        .backends
        .0
        .values_mut()
        .for_each(|row| row.retries_left = Some(12));
    store.ingest(ids[0], frame, at(3));
    let cart = only_service(&store);
    assert_eq!(
        cart.traffic.rejected_per_second,
        [("RL", 1.0), ("UO", 2.0)].into()
    );
    assert_eq!(cart.traffic.rejected(), 3.0);
    assert_eq!(
        (
            cart.traffic.retries_per_second,
            cart.traffic.timeouts_per_second
        ),
        (3.0, 0.5)
    );
    assert_eq!(cart.retries_left, Some(12));
}

#[test]
fn an_endpoint_is_counted_once_in_the_worst_state_that_a_proxy_sees() {
    let mut proxies = [Proxy::new("shop/a"), Proxy::new("shop/b")];
    for proxy in &mut proxies {
        proxy.requests("shop/cart", 1);
        proxy.state("shop/cart", 0, EndpointState::default());
        proxy.state("shop/cart", 1, EndpointState::default());
    }
    let open = EndpointState::new(EndpointStatus::Open, "5 consecutive failures");
    let open = open.since(at(0)).until(at(8)).next_probe(at(8));
    proxies[1].state("shop/cart", 1, open);
    let (store, _) = store(&mut proxies);
    let overview = Overview::new(&store, at(3));
    let endpoints = &overview.services[0].endpoints;
    assert_eq!((endpoints.ready, endpoints.total), (1, 2));
    assert_eq!((endpoints.closed, endpoints.open), (1, 1));
    assert_eq!(
        endpoints.next_probe,
        Some(5.0),
        "the clocks show 3 s when it is 3 s"
    );
    let rows = super::endpoints(&store, Some(&cluster("shop", "cart")), at(3));
    assert_eq!(rows[1].state.word, "open");
    assert_eq!(rows[1].state.reason, "5 consecutive failures");
    assert_eq!(
        (rows[1].state.since, rows[1].state.until),
        (Some(3.0), Some(5.0))
    );
    assert_eq!(
        rows[1].states,
        [("closed".into(), 1), ("open".into(), 1)].into()
    );
    assert_eq!(rows[0].state.word, "closed");
    let none = super::endpoints(&store, Some(&cluster("shop", "car")), at(3));
    assert!(none.is_empty(), "a name that begins like another");
}

#[test]
fn configured_weights_stand_beside_observed_ones() {
    let mut proxies = [Proxy::new("shop/a")];
    proxies[0].requests("shop/cart", 1);
    let (mut store, ids) = store(&mut proxies);
    proxies[0].requests("shop/cart", 3);
    let mut frame = proxies[0].frame(1);
    let (key, row) = frame.backends.0.first_key_value().unwrap();
    let canary = BackendKey {
        backend: cluster("shop", "cart-v2"),
        ..key.clone()
    };
    let mut canary_row = row.clone();
    (canary_row.weight, canary_row.counters.start_at) = (3, Some(frame.at));
    canary_row.counters.success = 1;
    canary_row.counters.requests = 1;
    frame.backends.0.insert(canary, canary_row);
    store.ingest(ids[0], frame, at(2));
    let routes = routes(&store, &cluster("shop", "cart"), at(2));
    assert_eq!(routes.len(), 1);
    let shares: Vec<_> = routes[0]
        .backends
        .iter()
        .map(|b| (b.configured, b.observed))
        .collect();
    assert_eq!(shares, [(Some(0.25), Some(0.75)), (Some(0.75), Some(0.25))]);
    assert_eq!(
        super::routes(&store, &cluster("shop", "ca"), at(2)).len(),
        0
    );
}

#[test]
fn what_a_lost_source_said_last_is_marked() {
    let mut proxies = [Proxy::new("shop/a"), Proxy::new("shop/b")];
    proxies[0].requests("shop/cart", 1);
    proxies[1].requests("shop/cart", 1);
    proxies[1].requests("shop/web", 1);
    let (mut store, ids) = store(&mut proxies);
    store.set_link(ids[1], Link::Lost("connection refused".into()), at(2));
    let overview = Overview::new(&store, at(2));
    let stale: Vec<_> = overview
        .services
        .iter()
        .map(|s| (&*s.service, s.stale))
        .collect();
    assert_eq!(stale, [("shop/cart:80", false), ("shop/web:80", true)]);
    assert_eq!(
        overview.sources[1].why.as_deref(),
        Some("connection refused")
    );
}

#[test]
fn events_carry_their_age_on_the_clock_of_their_source() {
    let mut proxies = [Proxy::new("shop/a")];
    proxies[0].state(
        "shop/cart",
        1,
        EndpointState::new(EndpointStatus::Open, "x"),
    );
    let (store, _) = store(&mut proxies);
    let events: Vec<_> = events(&store, at(31)).collect();
    assert_eq!((events[0].at_s, events[0].ago_s), (0.0, 31.0));
}

#[test]
fn spans_are_short() {
    for (seconds, text) in [
        (0.04, "0.0s"),
        (9.94, "9.9s"),
        (12.7, "12s"),
        (185.0, "3m05s"),
        (7_800.0, "2h10m"),
        (864_000.0, "10d"),
        (f64::INFINITY, "213503982334601d"),
    ] {
        assert_eq!(span(seconds), text);
    }
}

proptest! {
    /// Percentiles come from all latencies together: never an average of percentiles.
    #[test]
    fn percentiles_are_those_of_all_latencies_of_all_sources(
        latencies in proptest::collection::vec(proptest::collection::vec(1u64..2_000_000, 0..40), 1..4),
    ) {
        let mut proxies: Vec<_> = (0..latencies.len()).map(|i| Proxy::new(&format!("shop/{i}"))).collect();
        let (mut store, ids) = store(&mut proxies);
        for ((proxy, id), micros) in proxies.iter_mut().zip(ids).zip(&latencies) {
            for us in micros {
                proxy.request("shop/cart", Ended::Success, Duration::from_micros(*us));
            }
            store.ingest(id, proxy.frame(1), at(2));
        }
        let mut all: Vec<u64> = latencies.concat();
        all.sort_unstable();
        let services = Overview::new(&store, at(2)).services;
        prop_assert_eq!(services.is_empty(), all.is_empty());
        for cart in services {
            for (q, seen) in [(50, cart.traffic.p50_us), (95, cart.traffic.p95_us), (99, cart.traffic.p99_us)] {
                let rank = (q * all.len()).div_ceil(100).max(1);
                let (exact, seen) = (all[rank - 1] as f64, seen.unwrap() as f64);
                prop_assert!(seen >= exact && seen <= exact * (1.0 + 1.0 / 128.0) + 1.0);
            }
        }
    }
}
