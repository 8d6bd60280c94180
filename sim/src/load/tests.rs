use core::net::{IpAddr, Ipv4Addr};
use core::time::Duration;
use std::sync::{Arc, Mutex};

use engine::report::Counters;
use engine::snapshot::PortProtocol;
use engine::time::Instant;
use http::StatusCode;

use super::{LoadSpec, Origin, Sender};
use crate::app::{AppPod, AppSpec, Behaviour};
use crate::client::Client;
use crate::dist::Dist;
use crate::oracle::Oracle;
use crate::scenario::{Load, Span, Spec};
use crate::story::{Stories, Tell};
use crate::witness::Witness;
use crate::world::{Crash, NodeId, NodeSpec, Role, World, WorldOptions};

fn node(world: &World, name: &str, n: u8) -> NodeId {
    let ip: IpAddr = Ipv4Addr::new(10, 0, 0, n).into();
    world.add_node(NodeSpec {
        name: name.into(),
        namespace: "test".into(),
        ip,
        zone: "".into(),
        groups: Vec::new(),
        capture: None,
    })
}

struct Bench {
    world: World,
    server: NodeId,
    client: NodeId,
    sender: Sender,
    witness: Witness,
}

/// A load against an application of one worker and 1 ms.
fn bench(load: &str, stories: Tell) -> Bench {
    let world = World::new(&WorldOptions::default());
    let (server, client) = (
        node(&world, "Pod/test/app", 1),
        node(&world, "Client/test", 2),
    );
    let spec = AppSpec {
        service_time: Dist::Constant(Duration::from_millis(1)),
        workers: 1,
        queue: 1_000_000,
        error_rate: 0.0,
        error_status: StatusCode::INTERNAL_SERVER_ERROR,
        response_size: 10,
        calls: Vec::new(),
        cold_start: None,
        counts_rate_limits: false,
        contents: std::collections::BTreeMap::new(),
    };
    let witness = Witness::new(Oracle::new(
        &Spec::default(),
        &model::index::Index::default(),
    ));
    let behaviour = Arc::new(Mutex::new(Behaviour::default()));
    let rt = world.rt(server, Role::App);
    AppPod::new("test/app", rt, Arc::new(spec), behaviour, witness.clone())
        .start(&[(80, PortProtocol::Http1)]);
    let load: Load = serde_json::from_str(load).unwrap();
    let spec = LoadSpec::new(&load, Span::from_secs(10)).unwrap();
    let sender = Sender::new(spec, witness.clone(), Stories::new(stories));
    let rt = world.rt(client, Role::App);
    sender.set_origins(vec![Origin {
        rt,
        client: Client::new(rt),
    }]);
    let driver = node(&world, "World/driver", 3);
    sender.start(
        world.rt(driver, Role::App),
        world.entropy("load", "arrivals"),
    );
    Bench {
        world,
        server,
        client,
        sender,
        witness,
    }
}

impl Bench {
    fn until(&self, seconds: u64) -> Counters {
        self.world
            .run_until(Instant::ZERO + Duration::from_secs(seconds))
            .unwrap();
        self.sender.cut()
    }

    fn breaches(&self) -> usize {
        self.witness
            .finish(self.world.now(), self.sender.in_flight() == 0)
            .len()
    }
}

const TO: &str = r#""name": "l", "to": "http://10.0.0.1/""#;

#[test]
fn a_constant_load_sends_its_rate() {
    let bench = bench(
        &format!(r#"{{{TO}, "rate": 100, "arrival": "constant"}}"#),
        Tell::None,
    );
    let seen = bench.until(5);
    assert_eq!(seen.requests, 501);
    let rest = bench.until(20);
    assert_eq!(seen.success + rest.success, 1_000);
    assert_eq!((rest.in_flight, bench.breaches()), (0, 0));
}

#[test]
fn a_poisson_load_sends_about_its_rate_with_bursts() {
    let bench = bench(&format!(r#"{{{TO}, "rate": 300}}"#), Tell::None);
    let seen = bench.until(20);
    assert!((2_800..3_200).contains(&seen.requests), "{}", seen.requests);
    assert!(seen.latency.quantile(0.99) > seen.latency.quantile(0.5));
    assert_eq!(bench.breaches(), 0);
}

#[test]
fn users_wait_for_their_answers() {
    let load = format!(r#"{{{TO}, "users": 5, "thinkTime": "99ms"}}"#);
    let bench = bench(&load, Tell::None);
    let seen = bench.until(20);
    // Each user makes a round in a little over 100 ms.
    assert!((450..=500).contains(&seen.requests), "{}", seen.requests);
    assert_eq!((seen.in_flight, bench.breaches()), (0, 0));
}

#[test]
fn users_come_and_go_with_the_shape() {
    let shape = r#""shape": {"steps": [{"at": "2s", "target": 10}, {"at": "4s", "target": 0}]}"#;
    let load = format!(r#"{{{TO}, "users": 1, "thinkTime": "100ms", {shape}}}"#);
    let bench = bench(&load, Tell::None);
    let [one, ten, none] = [2, 4, 9].map(|t| bench.until(t).requests);
    assert!((15..=25).contains(&one), "{one}");
    assert!((160..=210).contains(&ten), "{ten}");
    assert!(none <= 10, "{none}");
}

#[test]
fn a_stalled_server_is_charged_for_every_request_it_kept_waiting() {
    let bench = bench(
        &format!(r#"{{{TO}, "rate": 100, "arrival": "constant"}}"#),
        Tell::None,
    );
    bench.until(2);
    bench.world.pause(bench.server);
    bench.until(4);
    bench.world.unpause(bench.server);
    let seen = bench.until(20);
    // 200 requests met the stall of two seconds: a tenth of a load of 1000 waited a second or more.
    let slow = seen.latency.quantile(0.9).unwrap();
    assert!(slow >= 1_000_000, "{slow} µs");
    assert_eq!(bench.breaches(), 0);
}

#[test]
fn requests_of_a_sender_that_crashes_end_as_nobodys_failure() {
    let bench = bench(
        &format!(r#"{{{TO}, "rate": 2000, "arrival": "constant"}}"#),
        Tell::None,
    );
    bench.until(1);
    bench.world.crash(bench.client, Crash::Reset);
    let seen = bench.sender.cut();
    assert!(seen.ignored > 100, "{}", seen.ignored);
    assert_eq!(bench.sender.in_flight(), 0);
}

#[test]
fn a_load_nobody_can_send_fails_on_the_senders_side() {
    let bench = bench(
        &format!(r#"{{{TO}, "rate": 10, "arrival": "constant"}}"#),
        Tell::None,
    );
    bench.sender.set_origins(Vec::new());
    let seen = bench.until(20);
    assert_eq!((seen.requests, seen.local_failure), (100, 100));
    assert_eq!(bench.breaches(), 0);
}

#[test]
fn stories_are_kept_of_the_requests_asked_for() {
    let load = format!(r#"{{{TO}, "rate": 10, "arrival": "constant"}}"#);
    for (tell, expected) in [(Tell::None, 0), (Tell::First(3), 3), (Tell::Failed, 50)] {
        let bench = bench(&load, tell);
        bench.until(5);
        bench.world.crash(bench.server, Crash::Reset);
        bench.until(20);
        let stories = bench.sender.stories.finish();
        assert!(
            stories.len().abs_diff(expected) <= 1,
            "{tell:?}: {}",
            stories.len()
        );
    }
}
