use core::time::Duration;

use http::StatusCode;
use proptest::prelude::*;

use super::*;
use crate::failure::Flag;
use crate::snapshot::{ClusterKey, ObjectName};

fn cluster(name: &str) -> ClusterKey {
    ClusterKey {
        service: ObjectName::new("shop", name),
        port: 80,
    }
}

fn at(seconds: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(seconds)
}

/// A frame in which `n` requests of a proxy went from web to cart, `failed` of them badly.
fn frame(source: &str, n: u64, failed: u64) -> Frame {
    let mut recorder = Recorder::new(source);
    record(&mut recorder, at(1), n, failed);
    recorder.frame(at(10))
}

fn record(recorder: &mut Recorder, now: Instant, n: u64, failed: u64) {
    let service = cluster("cart");
    let backend = BackendKey {
        service: service.clone(),
        route: "cart[0]".into(),
        backend: cluster("cart-v2"),
    };
    let endpoint = EndpointKey {
        backend: cluster("cart-v2"),
        endpoint: ObjectName::new("shop", "cart-v2-0"),
        address: "10.0.0.7:8080".parse().unwrap(),
    };
    let service = recorder.services.id(&ServiceKey { service }, now).unwrap();
    let backend = recorder.backends.id(&backend, now).unwrap();
    let endpoint = recorder.endpoints.id(&endpoint, now).unwrap();
    let source = recorder.source().to_owned();
    for i in 0..n {
        let bad = i < failed;
        let (how, status) = if bad {
            (Ended::Failure, 503)
        } else {
            (Ended::Success, 200)
        };
        for counters in [
            recorder.services.get_mut(service).unwrap(),
            &mut recorder.backends.get_mut(backend).unwrap().counters,
            &mut recorder.endpoints.get_mut(endpoint).unwrap().counters,
        ] {
            counters.start();
            counters.count_status(StatusCode::from_u16(status).unwrap());
            counters.count_grpc(if bad { 14 } else { 99 });
            if bad {
                counters.flags.add(Flag::Overflow);
            }
            counters.end(how, Duration::from_millis(i + 1));
        }
    }
    let status = if failed > 0 {
        EndpointStatus::Ejected
    } else {
        EndpointStatus::Closed
    };
    let state = EndpointState::new(status, source).until(at(failed));
    recorder
        .endpoints
        .get_mut(endpoint)
        .unwrap()
        .set_state(state);
    let web = EdgeKey {
        from: "shop/Deployment/web".into(),
        to: "shop/cart:80".into(),
        side: Side::Client,
        tls: Security::Mutual,
    };
    let edge = recorder.edges.id(&web, now).unwrap();
    let route = RouteKey {
        service: cluster("cart"),
        route: "cart[0]".into(),
    };
    let route = recorder.routes.id(&route, now).unwrap();
    for _ in 0..n {
        recorder.edges.get_mut(edge).unwrap().start();
        recorder.routes.get_mut(route).unwrap().counters.start();
    }
    recorder.routes.get_mut(route).unwrap().origin = format!("HTTPRoute v{n}");
    recorder.backends.get_mut(backend).unwrap().weight = n as u32;
    let row = recorder.endpoints.get_mut(endpoint).unwrap();
    row.estimate_us = (n > 0).then_some(n);
    row.connections.opened += n;
    row.connections.open = 1;
    recorder.event(at(n), EventKind::Ejected, "shop/cart-v2:80 shop/cart-v2-0");
}

#[test]
fn counters_say_how_requests_ended() {
    let frame = frame("shop/web-0", 10, 3);
    let cart = frame.services.total();
    assert_eq!((cart.requests, cart.success, cart.failure), (10, 7, 3));
    assert_eq!((cart.ended(), cart.in_flight), (10, 0));
    assert_eq!(cart.status, [0, 7, 0, 0, 3]);
    assert_eq!(cart.flags.get(Flag::Overflow), 3);
    assert_eq!(cart.success_rate(), Some(0.7));
    assert_eq!(
        cart.grpc,
        [(2, 7), (14, 3)].into(),
        "an undefined code is UNKNOWN"
    );
}

#[test]
fn requests_that_count_for_nobody_do_not_move_the_success_rate() {
    let mut counters = Counters::default();
    assert_eq!(counters.success_rate(), None);
    for how in [Ended::Success, Ended::Ignored, Ended::LocalFailure] {
        counters.start();
        counters.end(how, Duration::ZERO);
    }
    assert_eq!(counters.success_rate(), Some(0.5));
    assert_eq!(counters.latency.count(), 2);
    counters.start();
    assert_eq!(counters.in_flight, counters.requests - counters.ended());
}

#[test]
fn a_window_is_the_difference_of_two_cumulative_frames() {
    let mut recorder = Recorder::new("shop/web-0");
    record(&mut recorder, at(1), 10, 3);
    let earlier = recorder.frame(at(10));
    record(&mut recorder, at(11), 4, 1);
    let later = recorder.frame(at(15));
    let window = later.since(&earlier);
    assert_eq!(window.window, Some(Duration::from_secs(5)));
    let cart = window.services.total();
    assert_eq!(
        (cart.requests, cart.failure, cart.latency.count()),
        (4, 1, 4)
    );
    assert_eq!(cart.flags.get(Flag::Overflow), 1);
    assert_eq!(window.edges.total().requests, 4);
    assert_eq!(window.edges.total().in_flight, 14, "a gauge is that of now");
    assert_eq!(window.endpoints.total().connections.opened, 4);
    assert_eq!(
        window.events.len(),
        1,
        "events are those since the frame before"
    );
    let unchanged = later.since(&later);
    assert_eq!(unchanged.services.total().requests, 0);
    assert_eq!(unchanged.services.total().grpc, [].into());
}

#[test]
fn a_row_that_began_anew_is_taken_whole() {
    let earlier = frame("shop/web-0", 10, 3);
    let mut restarted = Recorder::new("shop/web-0");
    record(&mut restarted, at(12), 2, 0);
    let window = restarted.frame(at(15)).since(&earlier);
    assert_eq!(window.services.total().requests, 2);
    assert_eq!(window.endpoints.total().counters.requests, 2);
}

#[test]
fn a_retired_row_is_not_found_by_its_old_id() {
    let mut recorder = Recorder::new("shop/web-0");
    let key = |name| ServiceKey {
        service: cluster(name),
    };
    let cart = recorder.services.id(&key("cart"), at(0)).unwrap();
    assert!(recorder.services.id(&key("cart"), at(5)) == Some(cart));
    recorder
        .services
        .retire(|key, _| *key.service.service.name != *"cart");
    assert!(recorder.services.get_mut(cart).is_none() && recorder.services.is_empty());
    let web = recorder.services.id(&key("web"), at(6)).unwrap();
    recorder.services.get_mut(web).unwrap().start();
    assert!(
        recorder.services.get_mut(cart).is_none(),
        "the slot has a new owner"
    );
    assert_eq!(recorder.services.len(), 1);
}

#[test]
fn events_beyond_the_bound_are_counted() {
    let mut recorder = Recorder::new("shop/web-0");
    for _ in 0..EVENTS_MAX_AND_TWO {
        recorder.event(at(1), EventKind::BreakerOpened, "shop/cart:80");
    }
    let frame = recorder.frame(at(2));
    assert_eq!(
        (frame.events.len(), frame.events_dropped),
        (recorder::EVENTS_MAX, 2)
    );
    assert_eq!(recorder.frame(at(3)).events_dropped, 0);
}

const EVENTS_MAX_AND_TWO: usize = recorder::EVENTS_MAX + 2;

#[test]
fn the_state_that_keeps_most_traffic_away_wins_and_all_are_counted() {
    let mut merged = Frame::empty("mesh");
    for (source, failed) in [("shop/a", 0), ("shop/b", 2), ("shop/c", 1)] {
        merged.merge(&frame(source, 5, failed));
    }
    let endpoint = merged.endpoints.total();
    assert_eq!(endpoint.state.status, EndpointStatus::Ejected);
    assert_eq!(
        endpoint.state.reason, "shop/b",
        "ejected until later than c"
    );
    assert_eq!(endpoint.proxies_in(EndpointStatus::Ejected), 2);
    assert_eq!(endpoint.proxies_in(EndpointStatus::Closed), 1);
    assert_eq!(merged.proxies, 3);
}

#[test]
fn merged_rows_add_counters_and_gauges_and_keep_the_greatest_of_the_rest() {
    let mut merged = Frame::empty("mesh");
    merged.merge(&frame("shop/a", 9, 0));
    merged.merge(&frame("shop/b", 4, 0));
    let endpoint = merged.endpoints.total();
    assert_eq!(
        (endpoint.connections.opened, endpoint.connections.open),
        (13, 2)
    );
    assert_eq!(endpoint.estimate_us, Some(9));
    assert_eq!(merged.backends.total().weight, 9);
    assert_eq!(merged.routes.total().origin, "HTTPRoute v9");
    assert_eq!(merged.routes.total().counters.in_flight, 13);
    assert_eq!(merged.edges.total().requests, 13);
    assert_eq!(
        merged
            .services
            .total_of(|k| k.service == cluster("web"))
            .requests,
        0
    );
}

#[test]
fn states_are_ordered_by_how_much_traffic_they_keep_away() {
    let probing = EndpointStatus::HalfOpen { taken: 1, slots: 2 };
    let order = [
        EndpointStatus::Closed,
        probing,
        EndpointStatus::Open,
        EndpointStatus::Ejected,
        EndpointStatus::ConnectDead,
        EndpointStatus::Unhealthy,
        EndpointStatus::Draining,
    ];
    assert!(order.is_sorted());
    assert_eq!(probing.to_string(), "half-open 1/2");
    assert!(
        order
            .iter()
            .all(|s| s.takes_traffic() == (*s == EndpointStatus::Closed))
    );
}

proptest! {
    #[test]
    fn frames_merge_to_the_same_in_any_order(
        parts in proptest::collection::vec((0u64..6, 0u64..3), 1..6),
        seed in any::<u64>(),
    ) {
        let frames: Vec<Frame> = parts
            .iter()
            .enumerate()
            .map(|(i, (n, failed))| frame(&format!("shop/web-{i}"), *n, *failed))
            .collect();
        let mut order: Vec<usize> = (0..frames.len()).collect();
        let mut rng = crate::entropy::Entropy::from_seed(seed);
        for i in (1..order.len()).rev() {
            order.swap(i, rng.index(i + 1));
        }
        let (mut forth, mut shuffled, mut grouped) =
            (Frame::empty("mesh"), Frame::empty("mesh"), Frame::empty("mesh"));
        frames.iter().for_each(|f| forth.merge(f));
        order.iter().for_each(|i| shuffled.merge(&frames[*i]));
        let (left, right) = frames.split_at(frames.len() / 2);
        for half in [right, left] {
            let mut part = Frame::empty("part");
            half.iter().for_each(|f| part.merge(f));
            grouped.merge(&part);
        }
        prop_assert_eq!(&forth, &shuffled);
        prop_assert_eq!(&forth, &grouped);
        let requests: u64 = parts.iter().map(|(n, _)| n).sum();
        prop_assert_eq!(forth.services.total().requests, requests);
    }

    #[test]
    fn taking_is_the_same_as_subtracting_the_frame_before(
        steps in proptest::collection::vec((0u64..90, 0u64..3), 1..5),
    ) {
        let (mut whole, mut taken) = (Recorder::new("shop/web-0"), Recorder::new("shop/web-0"));
        let mut before: Option<Frame> = None;
        for (second, (n, failed)) in (1..).zip(steps) {
            for recorder in [&mut whole, &mut taken] {
                record(recorder, at(second), n, failed);
            }
            let frame = whole.frame(at(second));
            let since = before.as_ref().map_or_else(|| frame.clone(), |b| frame.since(b));
            let window = taken.take(at(second));
            if before.is_none() {
                prop_assert_eq!(window.window, None);
            }
            prop_assert_eq!(window, since);
            before = Some(frame);
        }
    }
}

#[cfg(feature = "serde")]
mod json {
    use super::*;

    #[test]
    fn a_frame_reads_back_as_it_was_written() {
        for frame in [frame("shop/web-0", 10, 3), Frame::empty("none"), {
            let all = frame("shop/web-0", 4, 0);
            all.since(&Frame::empty("x"))
        }] {
            let text = serde_json::to_string(&frame).unwrap();
            let back: Frame = serde_json::from_str(&text).unwrap();
            assert_eq!(back, frame);
            assert_eq!(serde_json::to_string(&back).unwrap(), text);
        }
    }

    #[test]
    fn keys_and_values_of_a_row_stand_side_by_side() {
        let frame = frame("shop/web-0", 2, 1);
        let json = serde_json::to_value(&frame).unwrap();
        let row = &json["endpoints"][0];
        assert_eq!(row["backend"], "shop/cart-v2:80");
        assert_eq!(row["endpoint"], "shop/cart-v2-0");
        assert_eq!(row["state"]["status"], "ejected");
        assert_eq!(row["requests"], 2);
        assert_eq!(row["flags"]["UO"], 1);
        assert_eq!(row["latency"]["sum_us"], 3000);
        assert_eq!(json["events"][0]["kind"], "ejected");
    }

    #[test]
    fn event_kinds_are_written_as_they_are_shown() {
        for kind in [EventKind::CertificateRenewed, EventKind::FailFastLeft] {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }

    #[test]
    fn a_bucket_out_of_range_is_refused() {
        let text = r#"{"sum_us": 1, "buckets": [[99999, 1]]}"#;
        let refused = serde_json::from_str::<Histogram>(text).unwrap_err();
        assert!(refused.to_string().contains("out of range"), "{refused}");
    }
}
