//! Two clocks, one answer: the same proxies and the same load on the simulator's executor and on
//! tokio's paused clock take the same time.
//!
//! The second implementation of the seam shares nothing with the first one but the trait: another
//! scheduler, another network, another timer. What both agree on is not an artefact of either.

#![expect(clippy::unwrap_used, reason = "a test: what fails here fails the test")]

use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::future::poll_fn;
use std::sync::{Arc, Mutex};

use engine::entropy::Entropy;
use engine::head::{RequestHead, ResponseHead};
use engine::identity::Identity;
use engine::snapshot::{ObjectName, Snapshot};
use engine::time::Instant;
use model::index::{Fact, MeshMode};
use model::load::load;
use model::lower::Lowering;
use proxy::exchange::{Answer as _, Length, Respond as _, Sink as _};
use proxy::http1::{ClientConn, Limits, ServerConn};
use proxy::net::{Accept as _, Rt};
use proxy::tls::Material;
use sim::crypto::Crypto;
use sim::crypto::pki::Pki;
use sim::dist::Dist;
use sim::net::link::{LinkPatch, LinkRule};
use sim::world::{Capture, EPOCH, NodeSpec, Role, World, WorldOptions};
use tokio::sync::watch;

#[path = "clock/tokio_clock.rs"]
mod tokio_clock;

const LATENCY: Duration = Duration::from_micros(300);
const REQUESTS: u64 = 400;
const SPACING: Duration = Duration::from_millis(2);
const PODS: [&str; 2] = ["client", "server"];
const PORT: u16 = 8080;

const MANIFESTS: &str = "
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: two, labels: {app: client}}
spec: {containers: [{name: app, image: x}]}
---
apiVersion: v1
kind: Pod
metadata: {name: server, namespace: two, labels: {app: server}}
spec: {containers: [{name: app, image: x, ports: [{containerPort: 8080}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: server, namespace: two}
spec:
  selector: {app: server}
  clusterIP: 10.96.0.1
  ports: [{name: http, port: 80, targetPort: 8080}]
";

fn ip(pod: usize) -> IpAddr {
    Ipv4Addr::new(10, 0, 0, pod as u8 + 1).into()
}

/// What each proxy acts on.
fn snapshots() -> Vec<Arc<Snapshot>> {
    let reading = model::resource::read("two.yaml", MANIFESTS);
    let mut index = load(&reading.resources, MeshMode::All).index;
    for (i, name) in PODS.iter().enumerate() {
        let mut pod = index.pod(&ObjectName::new("two", *name)).unwrap().clone();
        pod.address = Some(ip(i));
        index.apply(Fact::Pod(pod));
    }
    let mut lowering = Lowering::new("cluster.local");
    lowering.update(&index);
    let snapshot = |name: &&str| lowering.snapshot(&ObjectName::new("two", *name)).unwrap();
    PODS.iter().map(snapshot).collect()
}

/// Starts both sidecars and the server, sends the load from the client; `(request, latency)`.
async fn two_hops<R: Rt>(apps: [R; 2], proxies: [R; 2]) -> Vec<(u64, Duration)> {
    let mut pki = Pki::new(Crypto::Real, 1, "two", EPOCH).unwrap();
    let identity = Identity::of_service_account("cluster.local", "two", "default");
    let mut held = Vec::new();
    for (i, snapshot) in snapshots().into_iter().enumerate() {
        let own = pki
            .issue(&identity, EPOCH, Duration::from_secs(3600))
            .unwrap();
        let material = Material {
            chain: own.chain,
            key: own.key,
            roots: vec![pki.root().clone()],
        };
        let (material, tls) = watch::channel(Arc::new(material));
        let (sender, snapshots) = watch::channel(snapshot);
        let bootstrap = proxy::Bootstrap {
            name: PODS[i].into(),
            outbound: vec![SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 14001)],
            inbound: vec![SocketAddr::new(ip(i), 14006)],
            in_place: Default::default(),
            gateway: None,
            system_roots: Vec::new(),
            tls: Some(tls),
            crypto: Crypto::Real.provider(),
            observer: None,
            proxy_protocol: Default::default(),
            outputs: None,
            bounds: proxy::Bounds::default(),
        };
        let proxy = proxy::start(bootstrap, snapshots, proxies[i].clone())
            .await
            .unwrap();
        held.push((material, sender, proxy));
    }
    let [client, server] = apps;
    serve(server).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    for i in 0..REQUESTS {
        let due = Instant::ZERO + SPACING * (i as u32 + 1);
        client.sleep_until(due).await;
        let (rt, seen) = (client.clone(), seen.clone());
        client.spawn(async move {
            request(&rt).await;
            seen.lock().unwrap().push((i, rt.now().since(due)));
        });
    }
    client
        .sleep_until(Instant::ZERO + SPACING * (REQUESTS as u32 + 1000))
        .await;
    let mut seen = seen.lock().unwrap().clone();
    seen.sort_unstable();
    seen
}

/// A server that takes as long for its n-th request on either clock.
async fn serve<R: Rt>(rt: R) {
    let at = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), PORT);
    let mut listener = rt.listen(at).await.unwrap();
    let times = Dist::LogNormal {
        p50: Duration::from_millis(3),
        p99: Duration::from_millis(20),
    };
    let draws = Arc::new(Mutex::new(Entropy::from_seed(7)));
    let spawner = rt.clone();
    spawner.spawn(async move {
        loop {
            let (io, _) = listener.accept().await.unwrap();
            let (rt, times, draws) = (rt.clone(), times.clone(), draws.clone());
            rt.clone().spawn(async move {
                let mut conn = ServerConn::new(io, Limits::default());
                while let Ok(Some((_, _, mut sink))) = conn.next_request().await {
                    let takes = times.sample(&mut draws.lock().unwrap());
                    rt.sleep_until(rt.now() + takes).await;
                    sink.respond(ResponseHead::new(http::StatusCode::OK), Length::Empty)
                        .unwrap();
                    poll_fn(|cx| sink.poll_flush(cx)).await.unwrap();
                }
            });
        }
    });
}

async fn request<R: Rt>(rt: &R) {
    let to = SocketAddr::new(Ipv4Addr::new(10, 96, 0, 1).into(), 80);
    let io = rt.connect(to).await.unwrap();
    let mut conn = ClientConn::new(io, Limits::default());
    let path = http::uri::PathAndQuery::from_static("/");
    let authority = http::uri::Authority::from_static("server");
    let head = RequestHead::new(http::Method::GET, Some(authority), path);
    let (mut sink, mut answer) = conn.send(&head, Length::Empty).unwrap();
    poll_fn(|cx| sink.poll_flush(cx)).await.unwrap();
    let head = poll_fn(|cx| answer.poll_head(cx)).await.unwrap();
    assert_eq!(head.status, 200);
}

fn on_the_simulator() -> Vec<(u64, Duration)> {
    let world = World::new(&WorldOptions::default());
    world.set_links(vec![LinkRule::everywhere(LinkPatch {
        latency: Some(Dist::Constant(LATENCY)),
        ..LinkPatch::default()
    })]);
    let nodes = [0, 1].map(|i| {
        world.add_node(NodeSpec {
            name: PODS[i].into(),
            namespace: "two".into(),
            ip: ip(i),
            zone: "".into(),
            groups: Vec::new(),
            capture: Some(Capture {
                outbound: 14001,
                inbound: 14006,
                skip_outbound: Vec::new(),
                skip_inbound: Vec::new(),
            }),
        })
    });
    let rts = |role| nodes.map(|node| world.rt(node, role));
    let out = Arc::new(Mutex::new(Vec::new()));
    let (slot, apps, proxies) = (out.clone(), rts(Role::App), rts(Role::Proxy));
    apps[0].spawn(async move {
        let seen = two_hops(apps, proxies).await;
        *slot.lock().unwrap() = seen;
    });
    world.run_for(Duration::from_secs(10)).unwrap();
    out.lock().unwrap().clone()
}

#[test]
fn the_executor_and_tokios_paused_clock_agree() {
    let here = on_the_simulator();
    let there = tokio_clock::run(two_hops);
    assert_eq!(
        (here.len(), there.len()),
        (REQUESTS as usize, REQUESTS as usize)
    );
    let sorted = |seen: &[(u64, Duration)]| {
        let mut latencies: Vec<Duration> = seen.iter().map(|(_, l)| *l).collect();
        latencies.sort_unstable();
        latencies
    };
    let (a, b) = (sorted(&here), sorted(&there));
    for percent in [1, 10, 50, 90, 99] {
        let index = a.len() * percent / 100;
        let (ours, theirs) = (a[index], b[index]);
        // tokio counts in virtual microseconds here, and rounds each timer and hop up.
        let allowed = theirs / 100 + Duration::from_micros(15);
        assert!(
            ours.abs_diff(theirs) <= allowed,
            "p{percent}: {ours:?} and {theirs:?}"
        );
    }
}
