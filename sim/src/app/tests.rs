use core::net::{IpAddr, Ipv4Addr};
use core::time::Duration;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use engine::snapshot::PortProtocol;
use engine::time::Instant;
use http::{HeaderMap, StatusCode};
use proxy::net::Rt as _;

use super::{AppPod, AppSpec, Behaviour, CallSpec, Errors, Slowness, destination};
use crate::client::{Answer, Ask, Client, NoAnswer};
use crate::dist::Dist;
use crate::net::link::{LinkPatch, LinkRule};
use crate::scenario::OnError;
use crate::witness::Witness;
use crate::world::{NodeId, NodeSpec, Role, World, WorldOptions};

const PORT: u16 = 8080;

fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn world() -> World {
    let world = World::new(&WorldOptions::default());
    world.set_links(vec![LinkRule::everywhere(LinkPatch {
        latency: Some(Dist::ZERO),
        ..LinkPatch::default()
    })]);
    world
}

fn node(world: &World, n: u8) -> NodeId {
    let ip: IpAddr = Ipv4Addr::new(10, 0, 0, n).into();
    world.set_dns(&format!("app-{n}.test.svc.cluster.local"), vec![ip]);
    world.add_node(NodeSpec {
        name: format!("Pod/test/app-{n}"),
        namespace: "test".into(),
        ip,
        zone: "".into(),
        groups: Vec::new(),
        capture: None,
    })
}

fn spec() -> AppSpec {
    AppSpec {
        service_time: Dist::Constant(millis(10)),
        workers: 2,
        queue: 1,
        error_rate: 0.0,
        error_status: StatusCode::INTERNAL_SERVER_ERROR,
        response_size: 100_000,
        calls: Vec::new(),
        cold_start: None,
        counts_rate_limits: false,
        contents: std::collections::BTreeMap::new(),
    }
}

/// An application on a node of its own; what events do to it.
fn app(world: &World, n: u8, spec: AppSpec) -> Arc<Mutex<Behaviour>> {
    let behaviour = Arc::new(Mutex::new(Behaviour::default()));
    let rt = world.rt(node(world, n), Role::App);
    let name = format!("test/app-{n}");
    let pod = AppPod::new(
        &name,
        rt,
        Arc::new(spec),
        behaviour.clone(),
        Witness::deaf(),
    );
    pod.start(&[(PORT, PortProtocol::Detect)]);
    behaviour
}

fn ask(url: &str) -> Ask {
    let (dest, authority, path) = destination(&url.parse().unwrap(), None).unwrap();
    Ask {
        dest,
        method: http::Method::GET,
        authority,
        path,
        headers: HeaderMap::new(),
        body_bytes: 0,
        message: Bytes::new(),
    }
}

fn call_to(n: u8, parallel: bool) -> CallSpec {
    let url = format!("http://app-{n}:{PORT}/");
    let (dest, authority, path) = destination(&url.parse().unwrap(), None).unwrap();
    CallSpec {
        dest,
        authority,
        path,
        method: http::Method::GET,
        probability: 1.0,
        parallel,
        body_bytes: 10,
        timeout: None,
        retries: 0,
        on_error: OnError::Fail,
    }
}

type Seen = (Result<Answer, NoAnswer>, u64);

/// Sends `n` requests at once; their answers and the milliseconds they took, by time.
fn burst(world: &World, n: usize, url: &str, timeout: Option<Duration>) -> Vec<Seen> {
    let client = Client::new(world.rt(node(world, 200), Role::App));
    burst_from(world, &client, n, &ask(url), timeout)
}

fn burst_from(
    world: &World,
    client: &Client,
    n: usize,
    ask: &Ask,
    timeout: Option<Duration>,
) -> Vec<Seen> {
    let start = world.now();
    let answers = Arc::new(Mutex::new(Vec::new()));
    for _ in 0..n {
        let (client, ask, answers) = (client.clone(), ask.clone(), answers.clone());
        let rt = client.rt();
        rt.spawn(async move {
            let answer = client.call(&ask, timeout).await;
            let took = rt.now().since(start).as_millis() as u64;
            answers.lock().unwrap().push((answer, took));
        });
    }
    world.run_for(Duration::from_secs(5)).unwrap();
    let answers = answers.lock().unwrap().clone();
    assert_eq!(answers.len(), n);
    answers
}

fn statuses(seen: &[Seen]) -> Vec<(u16, u64)> {
    seen.iter()
        .map(|(a, took)| (a.as_ref().map_or(0, |a| a.status.as_u16()), *took))
        .collect()
}

#[test]
fn requests_beyond_workers_wait_and_beyond_the_queue_are_refused() {
    let world = world();
    app(&world, 1, spec());
    let seen = burst(&world, 4, "http://10.0.0.1:8080/", None);
    assert_eq!(statuses(&seen), [(503, 0), (200, 10), (200, 10), (200, 20)]);
    assert_eq!(seen[1].0.as_ref().unwrap().body_bytes, 100_000);
}

#[test]
fn a_request_without_an_answer_in_time_is_given_up() {
    let world = world();
    app(&world, 1, spec());
    let seen = burst(&world, 1, "http://10.0.0.1:8080/", Some(millis(3)));
    assert_eq!(seen, [(Err(NoAnswer::Timeout(millis(3))), 3)]);
}

#[test]
fn names_and_connections_that_fail_are_told_apart() {
    let world = world();
    app(&world, 1, spec());
    let dns = burst(&world, 1, "http://nobody/", None);
    assert!(matches!(dns[0].0, Err(NoAnswer::Dns { .. })), "{dns:?}");
    let refused = burst(&world, 1, "http://app-1:9/", None);
    assert!(
        matches!(refused[0].0, Err(NoAnswer::Connect(_))),
        "{refused:?}"
    );
}

#[test]
fn events_make_a_pod_slow_and_faulty() {
    let world = world();
    let behaviour = app(&world, 1, spec());
    let slow = Slowness {
        factor: 3.0,
        add: Some(Dist::Constant(millis(5))),
    };
    behaviour.lock().unwrap().slow.insert(0, slow);
    let url = "http://10.0.0.1:8080/";
    assert_eq!(statuses(&burst(&world, 1, url, None)), [(200, 35)]);
    behaviour.lock().unwrap().slow.clear();
    let errors = Errors {
        rate: 1.0,
        status: StatusCode::BAD_GATEWAY,
        service_time: Some(Dist::Constant(millis(1))),
    };
    behaviour.lock().unwrap().errors.insert(1, errors);
    assert_eq!(statuses(&burst(&world, 1, url, None)), [(502, 1)]);
}

#[test]
fn calls_are_made_in_sequence_or_in_parallel() {
    let world = world();
    app(&world, 1, spec());
    app(&world, 2, spec());
    for (n, parallel, took) in [(3, false, 30), (4, true, 20)] {
        let calls = vec![call_to(1, false), call_to(2, parallel)];
        app(&world, n, AppSpec { calls, ..spec() });
        let url = format!("http://10.0.0.{n}:8080/");
        let seen = burst(&world, 1, &url, None);
        // Names are resolved on first use: half a millisecond per host.
        let (status, seen) = statuses(&seen)[0];
        assert_eq!(status, 200);
        assert!(
            (took..=took + 1).contains(&seen),
            "parallel {parallel}: {seen} ms"
        );
    }
}

#[test]
fn a_failed_call_fails_the_request_unless_it_is_ignored() {
    let world = world();
    for (n, on_error, expected) in [(3, OnError::Fail, 500), (4, OnError::Ignore, 200)] {
        let call = CallSpec {
            on_error,
            ..call_to(99, false)
        };
        app(
            &world,
            n,
            AppSpec {
                calls: vec![call],
                ..spec()
            },
        );
        let seen = burst(&world, 1, &format!("http://10.0.0.{n}:8080/"), None);
        assert_eq!(statuses(&seen)[0].0, expected, "{on_error:?}");
    }
}

#[test]
fn grpc_is_spoken_over_one_connection_with_its_status_in_trailers() {
    let world = world();
    let ok = AppSpec {
        workers: 10,
        ..spec()
    };
    app(&world, 1, ok.clone());
    let failing = AppSpec {
        error_rate: 1.0,
        error_status: StatusCode::SERVICE_UNAVAILABLE,
        ..ok
    };
    app(&world, 2, failing);
    let client = Client::new(world.rt(node(&world, 200), Role::App));
    for (n, code, bytes) in [(1, 0, 100_000), (2, 14, 0)] {
        let mut ask = ask(&format!("grpc://10.0.0.{n}:8080/shop.Cart/Get"));
        ask.body_bytes = 70_000;
        burst_from(&world, &client, 1, &ask, None);
        let before = world.stats().connections_opened;
        for (answer, _) in burst_from(&world, &client, 5, &ask, None) {
            let answer = answer.unwrap();
            assert_eq!((answer.status, answer.grpc), (StatusCode::OK, Some(code)));
            assert_eq!(answer.body_bytes, bytes);
        }
        assert_eq!(world.stats().connections_opened, before);
    }
}

#[test]
fn a_pooled_connection_that_the_server_closed_is_replaced_without_a_failure() {
    let world = world();
    app(&world, 1, spec());
    let client = Client::new(world.rt(node(&world, 200), Role::App));
    let ask = ask("http://app-1:8080/");
    let first = burst_from(&world, &client, 1, &ask, None);
    world.reset_connections(&crate::net::link::Place::Any);
    let second = burst_from(&world, &client, 1, &ask, None);
    assert_eq!(statuses(&first)[0].0, 200);
    assert_eq!(statuses(&second)[0].0, 200);
}

#[test]
fn a_cold_application_becomes_faster() {
    let spec = AppSpec {
        cold_start: Some(crate::scenario::ColdStart {
            lasts: crate::scenario::Span::from_secs(10),
            factor: 5.0,
        }),
        ..spec()
    };
    let takes = |age| {
        let mut rng = engine::entropy::Entropy::from_seed(1);
        let now = Instant::ZERO + Duration::from_secs(age);
        spec.draw(&Behaviour::default(), now, &mut rng).takes
    };
    assert_eq!(
        [takes(0), takes(5), takes(10)],
        [millis(50), millis(30), millis(10)]
    );
}
