use core::fmt::Write as _;
use core::time::Duration;

use engine::report::{BackendKey, EdgeKey, EndpointKey, Frame};
use engine::snapshot::{ClusterKey, ObjectName};

use super::*;
use crate::top::store::Clock;

/// `from > to` is a call that its client counted, `from < to` one that its server counted in the
/// clear and `from = to` one of a proven caller; `service : backend pod` an endpoint.
fn shown(lines: &[&str]) -> String {
    let mut frame = Frame::empty("mesh");
    frame.window = Some(Duration::from_secs(1));
    let cluster = |name: &str| ClusterKey {
        service: ObjectName::new("shop", name),
        port: 80,
    };
    for line in lines {
        let words: Vec<&str> = line.split(' ').collect();
        if let [service, ":", backend, pod] = words[..] {
            let (service, backend) = (cluster(service), cluster(backend));
            let endpoint = EndpointKey {
                backend: backend.clone(),
                endpoint: ObjectName::new("shop", pod),
                address: ([10, 0, 0, 1], 80).into(),
            };
            frame.endpoints.0.entry(endpoint).or_default();
            let route = "default".into();
            let key = BackendKey {
                service,
                route,
                backend,
            };
            frame.backends.0.entry(key).or_default();
            continue;
        }
        let [from, how, to] = words[..] else {
            panic!("{line}");
        };
        let (from, to, side, tls) = match how {
            ">" => (
                workload(from),
                format!("shop/{to}:80"),
                Side::Client,
                Security::Mutual,
            ),
            "<" => (from.to_owned(), workload(to), Side::Server, Security::Plain),
            _ => (
                from.to_owned(),
                workload(to),
                Side::Server,
                Security::Mutual,
            ),
        };
        let key = EdgeKey {
            from: from.into(),
            to: to.into(),
            side,
            tls,
        };
        let counters = frame.edges.0.entry(key).or_default();
        (counters.requests, counters.success) = (2, 2);
    }
    let now = Instant::ZERO + Duration::from_secs(1);
    let mut store = Store::new(Duration::MAX);
    let id = store.add("mesh", Clock::virtual_time(now));
    store.ingest(id, frame, now);
    let mut out = String::new();
    for call in calls(&store, now) {
        let rate = call.traffic.per_second.unwrap();
        let again = if call.again { " ^" } else { "" };
        writeln!(out, "{}{} {rate}{again}", call.branch, call.name).unwrap();
    }
    out
}

fn workload(name: &str) -> String {
    format!("shop/Deployment/{name}")
}

#[test]
fn calls_stand_below_those_that_lead_to_them() {
    let text = shown(&[
        "visitors > web",
        "web > cart",
        "web > reviews",
        "cart > payments",
        "reviews-v1 > ratings",
        "reviews-v2 > ratings",
        "web : web web-7f-x",
        "web : web web-7f-y",
        "cart : cart cart-0",
        "reviews : reviews-v1 reviews-v1-6d-a",
        "reviews : reviews-v2 reviews-v2-6d-a",
    ]);
    insta::assert_snapshot!(text, @"
    shop/Deployment/visitors 2
    └ shop/web:80 2
      ├ shop/cart:80 2
      │ └ shop/payments:80 2
      └ shop/reviews:80 2
        └ shop/ratings:80 4
    ");
}

#[test]
fn what_a_service_calls_is_shown_once_and_circles_end() {
    let text = shown(&[
        "a > b",
        "b > a",
        "b > c",
        "x > c",
        "c > d",
        "a : a a-0",
        "b : b b-0",
        "c : c c-0",
    ]);
    insta::assert_snapshot!(text, @"
    shop/Deployment/x 2
    └ shop/c:80 2
      └ shop/d:80 2
    shop/Deployment/a 2
    └ shop/b:80 2
      ├ shop/a:80 2 ^
      └ shop/c:80 2 ^
    ");
}

#[test]
fn callers_that_only_servers_know_stand_at_the_end() {
    let text = shown(&[
        "a > b",
        "b : b b-0",
        "outside < b",
        "spiffe://cluster.local/ns/shop/sa/a = b",
        "spiffe://cluster.local/ns/shop/sa/z = y",
    ]);
    insta::assert_snapshot!(text, @"
    shop/Deployment/a 2
    └ shop/b:80 2
    outside 2
    └ shop/Deployment/b 2
    spiffe://cluster.local/ns/shop/sa/z 2
    └ shop/Deployment/y 2
    ");
}
