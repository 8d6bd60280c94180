use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::io;
use std::sync::{Arc, Mutex};

use engine::time::Instant;
use proxy::net::{Abort, Accept, ConnInfo, Rt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::link::{LinkPatch, LinkRule, Place};
use super::{SimIo, SimRt, WINDOW};
use crate::dist::Dist;
use crate::world::{Capture, Crash, NodeId, NodeSpec, Role, World, WorldOptions};

const PORT: u16 = 8080;

fn ip(n: u8) -> IpAddr {
    Ipv4Addr::new(10, 0, 0, n).into()
}

fn at(n: u8) -> SocketAddr {
    SocketAddr::new(ip(n), PORT)
}

fn spec(n: u8) -> NodeSpec {
    NodeSpec {
        name: format!("Pod/shop/web-{n}"),
        namespace: "shop".into(),
        ip: ip(n),
        zone: format!("zone-{}", n % 2).into(),
        groups: vec!["Deployment/web".into()],
        capture: None,
    }
}

fn ms(n: u64) -> Instant {
    Instant::from_nanos(n * 1_000_000)
}

fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn seeded(seed: u64) -> World {
    let options = WorldOptions {
        seed,
        ..WorldOptions::default()
    };
    World::new(&options)
}

/// Two nodes, 1 ms apart, with an echo server on the second.
fn pair() -> (World, NodeId, NodeId) {
    let world = seeded(1);
    world.set_links(vec![link_of(millis(1))]);
    let a = world.add_node(spec(1));
    let b = world.add_node(spec(2));
    echo(&world, b);
    (world, a, b)
}

fn link_of(latency: Duration) -> LinkRule {
    LinkRule::everywhere(LinkPatch {
        latency: Some(Dist::Constant(latency)),
        ..LinkPatch::default()
    })
}

fn serve<F>(
    world: &World,
    node: NodeId,
    port: u16,
    f: impl Fn(SimRt, SimIo, ConnInfo) -> F + Send + 'static,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let rt = world.rt(node, Role::Proxy);
    rt.spawn(async move {
        let any = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port);
        let mut listener = rt.listen(any).await.unwrap();
        loop {
            let (io, info) = listener.accept().await.unwrap();
            rt.spawn(f(rt, io, info));
        }
    });
}

fn echo(world: &World, node: NodeId) {
    serve(world, node, PORT, |_, mut io, _| async move {
        let mut buf = vec![0; 4096];
        while let Ok(n @ 1..) = io.read(&mut buf).await {
            if io.write_all(&buf[..n]).await.is_err() {
                return;
            }
        }
        let _ = io.shutdown().await;
    });
}

/// Runs `f` on a node; what it returns, with the time it ended.
struct Outcome<T>(Arc<Mutex<Option<(Instant, T)>>>);

impl<T> Outcome<T> {
    fn get(&self) -> (Instant, T) {
        self.0
            .lock()
            .unwrap()
            .take()
            .expect("the task has not ended")
    }

    fn is_pending(&self) -> bool {
        self.0.lock().unwrap().is_none()
    }
}

fn run<T: Send + 'static, F>(world: &World, node: NodeId, f: impl FnOnce(SimRt) -> F) -> Outcome<T>
where
    F: Future<Output = T> + Send + 'static,
{
    let rt = world.rt(node, Role::App);
    let out = Arc::new(Mutex::new(None));
    let (slot, future) = (Arc::clone(&out), f(rt));
    rt.spawn(async move {
        let value = future.await;
        *slot.lock().unwrap() = Some((rt.now(), value));
    });
    Outcome(out)
}

async fn ask(rt: SimRt, to: SocketAddr, what: &'static [u8]) -> io::Result<Vec<u8>> {
    let mut io = rt.connect(to).await?;
    io.write_all(what).await?;
    io.shutdown().await?;
    let mut answer = Vec::new();
    io.read_to_end(&mut answer).await?;
    Ok(answer)
}

#[test]
fn a_connect_takes_a_round_trip_and_an_answer_another() {
    let (world, a, _) = pair();
    let answer = run(&world, a, |rt| ask(rt, at(2), b"hello"));
    world.run_until(ms(100)).unwrap();
    let (when, answer) = answer.get();
    assert_eq!(answer.unwrap(), b"hello");
    assert_eq!(when, ms(4));
}

#[test]
fn a_latency_below_a_millisecond_is_exact() {
    let (world, a, _) = pair();
    world.set_links(vec![link_of(Duration::from_nanos(12_345))]);
    let answer = run(&world, a, |rt| ask(rt, at(2), b"x"));
    world.run_until(ms(1)).unwrap();
    assert_eq!(answer.get().0, Instant::from_nanos(4 * 12_345));
}

#[test]
fn bytes_arrive_in_order_whatever_the_jitter_and_loss() {
    let (world, a, _) = pair();
    world.set_links(vec![LinkRule::everywhere(LinkPatch {
        latency: Some(Dist::LogNormal {
            p50: millis(1),
            p99: millis(30),
        }),
        jitter: Some(millis(5)),
        loss: Some(0.05),
        bandwidth: Some(1_000_000),
        add: Some(Dist::Constant(millis(1))),
    })]);
    let all = run(&world, a, |rt| async move {
        let io = rt.connect(at(2)).await.unwrap();
        let (mut read, mut write) = tokio::io::split(io);
        rt.spawn(async move {
            for i in 0..2_000u32 {
                write.write_all(&i.to_be_bytes()).await.unwrap();
                rt.sleep_until(rt.now() + Duration::from_micros(50)).await;
            }
            write.shutdown().await.unwrap();
        });
        let mut seen = Vec::new();
        read.read_to_end(&mut seen).await.unwrap();
        seen
    });
    world.run_until(ms(600_000)).unwrap();
    let expected: Vec<u8> = (0..2_000u32).flat_map(u32::to_be_bytes).collect();
    assert_eq!(all.get().1, expected);
}

#[test]
fn a_writer_waits_when_nobody_reads() {
    let (world, a, b) = pair();
    serve(&world, b, 9, |rt, mut io, _| async move {
        rt.sleep_until(ms(1_000)).await;
        let mut all = Vec::new();
        io.read_to_end(&mut all).await.unwrap();
        assert_eq!(all.len(), 3 * WINDOW);
    });
    let sent = run(&world, a, |rt| async move {
        let mut io = rt.connect(SocketAddr::new(ip(2), 9)).await.unwrap();
        io.write_all(&vec![1; 3 * WINDOW]).await.unwrap();
        io.shutdown().await.unwrap();
    });
    world.run_until(ms(900)).unwrap();
    assert!(sent.is_pending());
    assert_eq!(world.stats().bytes_under_way, WINDOW as u64);
    world.run_until(ms(2_000)).unwrap();
    assert!(sent.get().0 >= ms(1_000));
    let stats = world.stats();
    assert_eq!(stats.bytes_written, stats.bytes_read);
    assert_eq!((stats.bytes_under_way, stats.connections_open), (0, 0));
}

#[test]
fn bandwidth_spreads_a_transfer_over_time() {
    let (world, a, _) = pair();
    world.set_links(vec![LinkRule::everywhere(LinkPatch {
        latency: Some(Dist::ZERO),
        bandwidth: Some(1_000_000),
        ..LinkPatch::default()
    })]);
    let answer = run(&world, a, |rt| async move {
        let io = rt.connect(at(2)).await.unwrap();
        let (mut read, mut write) = tokio::io::split(io);
        rt.spawn(async move {
            write.write_all(&[7; 500_000]).await.unwrap();
            write.shutdown().await.unwrap();
        });
        let mut all = Vec::new();
        read.read_to_end(&mut all).await.unwrap();
        all.len()
    });
    world.run_until(ms(10_000)).unwrap();
    let (when, len) = answer.get();
    assert_eq!(len, 500_000);
    assert!(when >= ms(500) && when < ms(1_100), "{when:?}");
}

#[test]
fn a_port_nobody_listens_on_refuses_after_a_round_trip() {
    let (world, a, _) = pair();
    let outcome = run(&world, a, |rt| ask(rt, SocketAddr::new(ip(2), 81), b""));
    world.run_until(ms(100)).unwrap();
    let (when, result) = outcome.get();
    assert_eq!(result.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    assert_eq!(when, ms(2));
}

#[test]
fn an_address_nobody_has_stays_silent_until_the_kernel_gives_up() {
    let (world, a, _) = pair();
    let outcome = run(&world, a, |rt| ask(rt, at(99), b""));
    world.run_until(ms(126_000)).unwrap();
    assert!(outcome.is_pending());
    world.run_until(ms(128_000)).unwrap();
    assert_eq!(outcome.get().1.unwrap_err().kind(), io::ErrorKind::TimedOut);
}

#[test]
fn a_refused_node_resets_connects_until_the_rule_is_lifted() {
    let (world, a, b) = pair();
    let rule = world.refuse(Place::Node(b));
    let refused = run(&world, a, |rt| ask(rt, at(2), b"x"));
    world.run_until(ms(10)).unwrap();
    assert_eq!(
        refused.get().1.unwrap_err().kind(),
        io::ErrorKind::ConnectionRefused
    );
    world.unrefuse(rule);
    let fine = run(&world, a, |rt| ask(rt, at(2), b"x"));
    world.run_until(ms(20)).unwrap();
    assert_eq!(fine.get().1.unwrap(), b"x");
}

/// A connection that asks at 10 ms and at 100 ms.
fn two_questions(world: &World, node: NodeId) -> Outcome<Vec<(u64, io::Result<()>)>> {
    run(world, node, |rt| async move {
        let mut io = rt.connect(at(2)).await.unwrap();
        let mut log = Vec::new();
        for t in [10, 100] {
            rt.sleep_until(ms(t)).await;
            let mut buf = [0; 1];
            let outcome = async {
                io.write_all(b"?").await?;
                io.read_exact(&mut buf).await.map(|_| ())
            };
            let outcome = outcome.await;
            log.push((rt.now().as_nanos() / 1_000_000, outcome));
        }
        log
    })
}

#[test]
fn a_partition_stalls_open_connections_and_heals_with_a_retransmission() {
    let (world, a, b) = pair();
    let log = two_questions(&world, a);
    world.run_until(ms(50)).unwrap();
    let cut = world.partition(Place::Node(a), Place::Node(b), true);
    world.run_until(ms(5_000)).unwrap();
    assert!(log.is_pending());
    world.heal(cut);
    world.run_until(ms(60_000)).unwrap();
    let (_, log) = log.get();
    assert_eq!(log[0].0, 12);
    // Written at 100 ms; retransmitted 0.2, 0.6, 1.4, 3.0 and 6.2 s later.
    assert_eq!(log[1].0, 6_302);
    assert!(log[1].1.is_ok());
}

#[test]
fn a_one_way_partition_lets_questions_through_but_no_answers() {
    let (world, a, b) = pair();
    let log = two_questions(&world, a);
    world.run_until(ms(50)).unwrap();
    world.partition(Place::Node(b), Place::Node(a), false);
    world.run_until(ms(200)).unwrap();
    assert!(log.is_pending());
    // The question was read and answered; only the answer is under way.
    assert_eq!(world.stats().bytes_under_way, 1);
}

#[test]
fn a_connect_into_a_partition_succeeds_with_a_later_syn() {
    let (world, a, b) = pair();
    let cut = world.partition(Place::Node(a), Place::Node(b), true);
    let answer = run(&world, a, |rt| ask(rt, at(2), b"x"));
    world.run_until(ms(2_500)).unwrap();
    world.heal(cut);
    world.run_until(ms(10_000)).unwrap();
    // SYNs at 0, 1 and 3 s.
    assert_eq!(answer.get().0, ms(3_004));
}

#[test]
fn a_crash_with_reset_is_seen_after_the_latency() {
    let (world, a, b) = pair();
    let log = two_questions(&world, a);
    world.run_until(ms(50)).unwrap();
    world.crash(b, Crash::Reset);
    world.run_until(ms(1_000)).unwrap();
    let (_, log) = log.get();
    assert_eq!(log[1].0, 100);
    let error = log[1].1.as_ref().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    let refused = run(&world, a, |rt| ask(rt, at(2), b"x"));
    world.run_until(ms(1_100)).unwrap();
    assert_eq!(
        refused.get().1.unwrap_err().kind(),
        io::ErrorKind::ConnectionRefused
    );
}

#[test]
fn a_silent_crash_is_not_seen_until_the_node_is_back() {
    let (world, a, b) = pair();
    let log = two_questions(&world, a);
    world.run_until(ms(50)).unwrap();
    world.crash(b, Crash::Silent);
    world.run_until(ms(5_000)).unwrap();
    assert!(log.is_pending());
    world.restart(b);
    echo(&world, b);
    world.run_until(ms(6_000)).unwrap();
    let (_, log) = log.get();
    assert_eq!(
        log[1].1.as_ref().unwrap_err().kind(),
        io::ErrorKind::ConnectionReset
    );
    let fine = run(&world, a, |rt| ask(rt, at(2), b"x"));
    world.run_until(ms(7_000)).unwrap();
    assert_eq!(fine.get().1.unwrap(), b"x");
}

#[test]
fn a_paused_node_answers_when_it_runs_again() {
    let (world, a, b) = pair();
    let log = two_questions(&world, a);
    world.run_until(ms(50)).unwrap();
    world.pause(b);
    world.run_until(ms(400)).unwrap();
    assert!(log.is_pending());
    world.unpause(b);
    world.run_until(ms(500)).unwrap();
    assert_eq!(log.get().1[1].0, 401);
}

#[test]
fn an_abort_is_a_reset_and_a_drop_is_an_end() {
    for abort in [true, false] {
        let (world, a, b) = pair();
        serve(&world, b, 9, move |rt, mut io, _| async move {
            rt.sleep_until(ms(10)).await;
            if abort {
                io.abort();
            }
        });
        let end = run(&world, a, |rt| async move {
            let mut io = rt.connect(SocketAddr::new(ip(2), 9)).await.unwrap();
            io.read(&mut [0; 1]).await.map_err(|e| e.kind())
        });
        world.run_until(ms(20)).unwrap();
        let expected = match abort {
            true => Err(io::ErrorKind::ConnectionReset),
            false => Ok(0),
        };
        assert_eq!(end.get(), (ms(11), expected));
    }
}

#[test]
fn writing_to_a_closed_peer_ends_in_a_reset() {
    let (world, a, b) = pair();
    serve(&world, b, 9, |_, io, _| async move { drop(io) });
    let end = run(&world, a, |rt| async move {
        let mut io = rt.connect(SocketAddr::new(ip(2), 9)).await.unwrap();
        rt.sleep_until(ms(10)).await;
        io.write_all(b"first").await.unwrap();
        rt.sleep_until(ms(20)).await;
        io.write_all(b"second").await.map_err(|e| e.kind())
    });
    world.run_until(ms(30)).unwrap();
    assert_eq!(end.get().1, Err(io::ErrorKind::ConnectionReset));
    let stats = world.stats();
    assert_eq!(stats.bytes_written, stats.bytes_lost);
}

fn captured(n: u8) -> NodeSpec {
    let capture = Capture {
        outbound: 14001,
        inbound: 14006,
        skip_outbound: vec![(5432, 5432)],
        skip_inbound: vec![(14020, 14020)],
    };
    NodeSpec {
        capture: Some(capture),
        ..spec(n)
    }
}

/// Every listener answers with its port and the original destination.
fn who(world: &World, node: NodeId, port: u16) {
    serve(world, node, port, move |_, mut io, info| async move {
        let text = format!("{port} {:?}", info.original_dst);
        let _ = io.write_all(text.as_bytes()).await;
        let mut rest = Vec::new();
        let _ = io.read_to_end(&mut rest).await;
    });
}

#[test]
fn traffic_of_a_meshed_pod_is_captured_on_both_sides() {
    let world = seeded(1);
    let (a, b) = (world.add_node(captured(1)), world.add_node(captured(2)));
    for node in [a, b] {
        for port in [14001, 14006, 14020, 5432, PORT] {
            who(&world, node, port);
        }
    }
    let check = |role, to: SocketAddr, expected: &str| {
        let rt = world.rt(a, role);
        let out = run(&world, a, |_| ask(rt, to, b""));
        world.run_for(millis(10)).unwrap();
        let seen = String::from_utf8(out.get().1.unwrap()).unwrap();
        assert_eq!(seen, expected, "{role:?} to {to}");
    };
    let port = |n, p| SocketAddr::new(ip(n), p);
    let local = |p| SocketAddr::new(Ipv4Addr::LOCALHOST.into(), p);
    check(Role::App, at(2), "14001 Some(10.0.0.2:8080)");
    check(Role::App, port(2, 5432), "14006 Some(10.0.0.2:5432)");
    check(Role::App, at(1), "8080 None");
    check(Role::App, local(PORT), "8080 None");
    check(Role::Proxy, at(2), "14006 Some(10.0.0.2:8080)");
    check(Role::Proxy, port(2, 14020), "14020 None");
    check(Role::Proxy, at(1), "14006 Some(10.0.0.1:8080)");
    check(Role::Proxy, local(PORT), "8080 None");
}

#[test]
fn a_cluster_ip_leads_to_its_endpoints_and_refuses_without_any() {
    let (world, a, _) = pair();
    let vip = SocketAddr::new(Ipv4Addr::new(10, 96, 0, 1).into(), 80);
    world.set_service(vip, vec![at(2)]);
    let fine = run(&world, a, |rt| ask(rt, vip, b"x"));
    world.run_until(ms(10)).unwrap();
    assert_eq!(fine.get().1.unwrap(), b"x");
    world.set_service(vip, Vec::new());
    let refused = run(&world, a, |rt| ask(rt, vip, b"x"));
    world.run_until(ms(20)).unwrap();
    assert_eq!(
        refused.get().1.unwrap_err().kind(),
        io::ErrorKind::ConnectionRefused
    );
}

#[test]
fn names_resolve_with_the_search_path_of_the_namespace() {
    let (world, a, _) = pair();
    world.set_dns("web.shop.svc.cluster.local", vec![ip(2)]);
    world.set_dns("db.data.svc.cluster.local", vec![ip(1)]);
    let check = |name: &'static str, expected: Result<IpAddr, io::ErrorKind>| {
        let out = run(&world, a, |rt| async move { rt.resolve(name).await });
        world.run_for(millis(10)).unwrap();
        let seen = out.get().1.map(|r| r.addresses[0]).map_err(|e| e.kind());
        assert_eq!(seen, expected, "{name}");
    };
    check("web", Ok(ip(2)));
    check("web.shop", Ok(ip(2)));
    check("WEB.shop.svc", Ok(ip(2)));
    check("web.shop.svc.cluster.local.", Ok(ip(2)));
    check("db", Err(io::ErrorKind::NotFound));
    check("db.data", Ok(ip(1)));
    world.set_dns_down(true);
    check("web", Err(io::ErrorKind::TimedOut));
}

#[test]
fn a_cancelled_connect_leaves_no_connection() {
    let (world, a, _) = pair();
    let out = run(&world, a, |rt| async move {
        let connect = rt.connect(at(2));
        let timeout = rt.sleep_until(ms(1));
        tokio::select! {
            biased;
            _ = connect => false,
            () = timeout => true,
        }
    });
    world.run_until(ms(100)).unwrap();
    assert!(out.get().1);
    assert_eq!(world.stats().connections_open, 0);
    assert_eq!(world.live_timers(), 0);
}

#[test]
fn a_task_that_wakes_itself_for_ever_is_reported_by_name() {
    let (world, a, _) = pair();
    world.rt(a, Role::App).spawn(async {
        loop {
            tokio::task::yield_now().await;
        }
    });
    let stuck = world.run_until(ms(1));
    // yield_now of tokio wakes through its own runtime when there is one, and at once without.
    let error = stuck.unwrap_err();
    assert!(error.to_string().contains("Pod/shop/web-1"), "{error}");
}

/// `n` nodes, each asking its neighbour ten times at its own pace.
fn ring(seed: u64, n: u8, shuffle: bool) -> (u64, Vec<Vec<u64>>) {
    let world = World::new(&WorldOptions {
        seed,
        shuffle,
        keep_trace: false,
    });
    let nodes: Vec<_> = (1..=n).map(|i| world.add_node(spec(i))).collect();
    let draws = Arc::new(Mutex::new(vec![Vec::new(); usize::from(n)]));
    for (i, node) in nodes.iter().enumerate() {
        echo(&world, *node);
        let rt = world.rt(*node, Role::App);
        let next = at((i as u8 + 1) % n + 1);
        let draws = Arc::clone(&draws);
        rt.spawn(async move {
            for _ in 0..10 {
                let pause = rt.rand() % 1_000_000;
                draws.lock().unwrap()[i].push(pause);
                rt.sleep_until(rt.now() + Duration::from_nanos(pause)).await;
                ask(rt, next, b"ping").await.unwrap();
            }
        });
    }
    world.run_until(ms(1_000)).unwrap();
    let draws = draws.lock().unwrap().clone();
    (world.trace_hash(), draws)
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    assert_eq!(ring(3, 100, false), ring(3, 100, false));
    assert_ne!(ring(3, 10, false).0, ring(4, 10, false).0);
    assert_eq!(ring(3, 10, true), ring(3, 10, true));
}

#[test]
fn another_node_does_not_change_the_draws_of_the_others() {
    let (small, large) = (ring(3, 20, false).1, ring(3, 21, false).1);
    assert_eq!(small[..], large[..20]);
}

#[test]
fn worlds_on_other_threads_are_other_worlds() {
    let here = ring(5, 5, false);
    let there = std::thread::spawn(|| ring(5, 5, false));
    let also = ring(5, 5, false);
    assert_eq!(here, there.join().unwrap());
    assert_eq!(here, also);
}
