//! Two pods with sidecars, in memory.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use engine::identity::Identity;
use engine::snapshot::{
    Inbound, InboundPort, Locality, ObjectName, Outbound, PodAddress, Snapshot, Workload,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;

use crate::config::{Bootstrap, Bounds};
use crate::net::testing::{INBOUND, Node, OUTBOUND, TestIo, World};
use crate::net::{Accept, Rt};
use crate::tls::Material;
use crate::tls::testing::{Authority, crypto, identity};
use crate::{Proxy, start};

/// The client pod.
pub(crate) const WEB: &str = "10.0.0.1";
/// The server pod.
pub(crate) const API: &str = "10.0.0.2";

pub(crate) struct Mesh {
    pub(crate) world: World,
    pub(crate) ca: Authority,
}

/// One pod: its application's runtime and its proxy.
pub(crate) struct Pod {
    pub(crate) app: Node,
    pub(crate) proxy: Proxy<Node>,
    pub(crate) snapshots: watch::Sender<Arc<Snapshot>>,
    pub(crate) tls: watch::Sender<Arc<Material>>,
}

impl Mesh {
    pub(crate) fn new() -> Self {
        Self {
            world: World::default(),
            ca: Authority::new(),
        }
    }

    pub(crate) async fn pod(&self, ip: &str, account: &str, snapshot: Snapshot) -> Pod {
        self.pod_with(ip, snapshot, self.ca.issue(account)).await
    }

    pub(crate) async fn pod_with(&self, ip: &str, s: Snapshot, material: Arc<Material>) -> Pod {
        let rt = self.world.node(ip, false);
        let (snapshots, newest) = watch::channel(Arc::new(s));
        let (tls, identity) = watch::channel(material);
        let bootstrap = Bootstrap {
            name: ip.to_owned(),
            outbound: Some(at(ip, OUTBOUND)),
            inbound: Some(at(ip, INBOUND)),
            tls: identity,
            crypto: crypto(),
            observer: None,
            bounds: Bounds::default(),
        };
        let proxy = start(bootstrap, newest, rt).await.unwrap();
        self.world.mesh(ip);
        Pod {
            app: self.world.node(ip, true),
            proxy,
            snapshots,
            tls,
        }
    }
}

pub(crate) fn at(ip: &str, port: u16) -> SocketAddr {
    SocketAddr::new(ip.parse().unwrap(), port)
}

/// A world in which nothing is known but the two pods.
pub(crate) fn snapshot(account: &str) -> Snapshot {
    Snapshot {
        version: 1,
        workload: Arc::new(Workload {
            name: ObjectName::new("shop", account),
            controller: format!("Deployment/{account}"),
            identity: identity(account),
            locality: Locality::default(),
        }),
        outbound: Arc::new(Outbound {
            by_pod: Arc::new(BTreeMap::from([(
                API.parse().unwrap(),
                Arc::new(pod_address(identity("api"))),
            )])),
            ..Outbound::default()
        }),
        inbound: Arc::new(Inbound::default()),
    }
}

pub(crate) fn pod_address(identity: Identity) -> PodAddress {
    PodAddress {
        name: ObjectName::new("shop", "api"),
        identity: Some(identity),
    }
}

pub(crate) fn inbound(port: InboundPort) -> Arc<Inbound> {
    Arc::new(Inbound {
        ports: BTreeMap::new(),
        default: port,
    })
}

/// Answers every line with itself, and an end with `bye`.
pub(crate) async fn echo(node: &Node, at: SocketAddr) {
    let mut listener = node.listen(at).await.unwrap();
    let rt = node.clone();
    node.spawn(async move {
        while let Ok((mut io, _)) = listener.accept().await {
            rt.spawn(async move {
                let mut buf = [0; 1024];
                while let Ok(n) = io.read(&mut buf).await {
                    let said = if n == 0 { &b"bye"[..] } else { &buf[..n] };
                    if io.write_all(said).await.is_err() || n == 0 {
                        break;
                    }
                }
            });
        }
    });
}

/// Says `line`, ends its side, and returns everything it hears.
pub(crate) async fn say(io: &mut TestIo, line: &str) -> std::io::Result<String> {
    io.write_all(line.as_bytes()).await?;
    io.shutdown().await?;
    let mut heard = String::new();
    io.read_to_string(&mut heard).await?;
    Ok(heard)
}
