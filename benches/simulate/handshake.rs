//! What a mutual TLS 1.3 handshake between two sidecars costs, both sides and the connection
//! together, with simulated and with real cryptography.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::sync::Arc;

use engine::identity::Identity;
use proxy::net::{Accept as _, Rt as _};
use proxy::tls::server::{Hello, HelloReader};
use proxy::tls::{Alpn, Material, Store, client, server, store};
use sim::crypto::Crypto;
use sim::crypto::pki::Pki;
use sim::net::SimRt;
use sim::world::{EPOCH, NodeSpec, Role, World, WorldOptions};
use tokio::io::AsyncReadExt as _;
use tokio::sync::watch;

use crate::cpu_seconds;

const ROUNDS: u32 = 5_000;
const PORT: u16 = 443;

fn ip(n: u8) -> IpAddr {
    Ipv4Addr::new(10, 0, 0, n).into()
}

fn node(world: &World, n: u8) -> SimRt {
    let node = world.add_node(NodeSpec {
        name: format!("Pod/bench/{n}"),
        namespace: "bench".into(),
        ip: ip(n),
        zone: "".into(),
        groups: Vec::new(),
        capture: None,
    });
    world.rt(node, Role::Proxy)
}

async fn accept(rt: SimRt, store: Arc<Store>) {
    let at = SocketAddr::new(ip(2), PORT);
    let mut listener = rt.listen(at).await.expect("a free port");
    while let Ok((mut io, _)) = listener.accept().await {
        let mut reader = HelloReader::new();
        let mut bytes = vec![0; 4096];
        let n = io.read(&mut bytes).await.expect("a hello");
        let Hello::Mesh(hello) = reader.push(&bytes[..n], true) else {
            return;
        };
        server::handshake(&store, *hello, io)
            .await
            .expect("a good client");
    }
}

/// Microseconds of CPU per handshake.
pub(crate) fn measure(crypto: Crypto) -> f64 {
    let world = World::new(&WorldOptions::default());
    let (a, b) = (node(&world, 1), node(&world, 2));
    let identity = Identity::of_service_account("cluster.local", "bench", "default");
    let mut pki = Pki::new(crypto, 1, "bench", EPOCH).expect("an authority");
    let mut side = |rt: &SimRt| {
        let own = pki
            .issue(&identity, EPOCH, Duration::from_secs(36_000))
            .expect("a leaf");
        let material = Material {
            chain: own.chain,
            key: own.key,
            roots: vec![pki.root().clone()],
        };
        let (sender, receiver) = watch::channel(Arc::new(material));
        let store = store(rt, crypto.provider(), Some(receiver), &[]).expect("good material");
        (Arc::new(store), sender)
    };
    let ((ours, _keep), (theirs, _keep_too)) = (side(&a), side(&b));
    b.spawn(accept(b, theirs));
    let before = cpu_seconds();
    a.spawn(async move {
        let to = SocketAddr::new(ip(2), PORT);
        for _ in 0..ROUNDS {
            let io = a.connect(to).await.expect("a listener");
            let done = client::handshake(&ours, &identity, Alpn::H2, to, io).await;
            done.expect("a good server");
        }
    });
    world
        .run_for(Duration::from_secs(3_600))
        .expect("time passes");
    assert_eq!(world.stats().connections_opened, u64::from(ROUNDS));
    (cpu_seconds() - before) * 1e6 / f64::from(ROUNDS)
}
