//! Two pods with sidecars, in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use engine::head::{RequestHead, ResponseHead};
use engine::identity::Identity;
use engine::origin::Origin;
use engine::snapshot::{
    Balancer, Cluster, ClusterKey, ClusterProtocol, Endpoint, EndpointHealth, EndpointSet,
    Frontend, Inbound, InboundPort, Locality, ObjectName, Outbound, PodAddress, PodTls,
    PortProtocol, RouteKind, RouteTable, Rule, Snapshot, Workload, route::RetryOn,
    route::RetryPolicy,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;

use crate::config::{Bootstrap, Bounds};
use crate::exchange::{Answer, Frame, Length, Respond, Sink, Source, StreamError};
use crate::http1::{ClientConn, Limits, ServerConn};
use crate::net::testing::{INBOUND, Node, OUTBOUND, TestIo, World};
use crate::net::{Accept, Rt};
use crate::observe::{Observer, RequestRecord};
use crate::telemetry::outputs::Outputs;
use crate::tls::Material;
use crate::tls::testing::{Authority, crypto, identity};
use crate::{Proxy, start};

/// The client pod.
pub(crate) const WEB: &str = "10.0.0.1";
/// The server pod.
pub(crate) const API: &str = "10.0.0.2";
/// The service in front of it.
pub(crate) const SERVICE: &str = "10.96.0.1:80";

pub(crate) struct Mesh {
    pub(crate) world: World,
    pub(crate) ca: Authority,
    pub(crate) seen: Arc<Records>,
    pub(crate) outputs: Option<Arc<Outputs>>,
    pub(crate) proxy_protocol: BTreeSet<u16>,
}

/// Everything the observers of all proxies were told.
#[derive(Default)]
pub(crate) struct Records(pub(crate) Mutex<Vec<RequestRecord>>);

impl Observer for Records {
    fn on_request(&self, record: RequestRecord) {
        self.0.lock().unwrap().push(record);
    }
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
            seen: Arc::default(),
            outputs: None,
            proxy_protocol: BTreeSet::new(),
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
            outbound: vec![at(ip, OUTBOUND)],
            inbound: vec![at(ip, INBOUND)],
            in_place: BTreeMap::new(),
            gateway: None,
            system_roots: Vec::new(),
            tls: Some(identity),
            crypto: crypto(),
            observer: Some(self.seen.clone()),
            proxy_protocol: self.proxy_protocol.clone(),
            outputs: self.outputs.clone(),
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
        standpoint: Arc::default(),
        outbound: Arc::new(Outbound {
            by_pod: Arc::new(BTreeMap::from([(
                API.parse().unwrap(),
                Arc::new(pod_address(identity("api"))),
            )])),
            ..Outbound::default()
        }),
        inbound: Arc::new(Inbound::default()),
        gateway: Arc::default(),
    }
}

pub(crate) fn pod_address(identity: Identity) -> PodAddress {
    PodAddress {
        name: ObjectName::new("shop", "api"),
        identity: Some(identity),
        tls: PodTls::default(),
        unproxied: Vec::new(),
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

/// The frontend `http://api` on port 80 with one backend: the endpoints given.
pub(crate) fn with_service(account: &str, endpoints: &[SocketAddr]) -> Snapshot {
    with_rule(account, endpoints, |_| {})
}

/// The same with a route of one rule, changed by `edit`.
pub(crate) fn with_rule(
    account: &str,
    endpoints: &[SocketAddr],
    edit: impl FnOnce(&mut Rule),
) -> Snapshot {
    let mut snapshot = snapshot(account);
    let key = ClusterKey {
        service: ObjectName::new("shop", "api"),
        port: 80,
    };
    let origin = Origin::default_of("test");
    let table = RouteTable::to_service(key.clone(), origin.clone());
    let mut rule = (*table.rules()[0]).clone();
    edit(&mut rule);
    let frontend = Frontend {
        service: key.service.clone(),
        port: 80,
        protocol: PortProtocol::Detect,
        routes: Arc::new(RouteTable::new(RouteKind::Http, vec![rule])),
        origin: origin.clone(),
    };
    let set = EndpointSet {
        key: key.clone(),
        version: 1,
        endpoints: endpoints.iter().map(|a| Arc::new(endpoint(*a))).collect(),
    };
    let mut cluster = Cluster::with_defaults(key.clone(), ClusterProtocol::Same, origin);
    cluster.balancer = Balancer::RoundRobin;
    let outbound = Arc::make_mut(&mut snapshot.outbound);
    outbound.frontends = Arc::new(vec![Arc::new(frontend)]);
    outbound.by_address = BTreeMap::from([(SERVICE.parse().unwrap(), 0)]).into();
    outbound.by_host = BTreeMap::from([("api".into(), BTreeMap::from([(80, 0)]))]).into();
    outbound.clusters = BTreeMap::from([(key.clone(), Arc::new(cluster))]).into();
    outbound.endpoints = BTreeMap::from([(key, Arc::new(set))]).into();
    snapshot
}

fn endpoint(address: SocketAddr) -> Endpoint {
    Endpoint {
        address,
        name: ObjectName::new("shop", format!("api-{}", address.ip())),
        weight: 1,
        health: EndpointHealth::Healthy,
        locality: Locality::default(),
        identity: Some(identity("api")),
    }
}

/// What an application answers.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: String,
    pub(crate) delay: Duration,
}

/// An HTTP/1.1 application: `answer` gets the head and the body of each request.
pub(crate) async fn app(
    node: &Node,
    at: SocketAddr,
    answer: impl Fn(&RequestHead, String) -> Reply + Send + Sync + 'static,
) {
    let mut listener = node.listen(at).await.unwrap();
    let rt = node.clone();
    let answer = Arc::new(answer);
    node.spawn(async move {
        while let Ok((io, _)) = listener.accept().await {
            let (answer, rt2) = (answer.clone(), rt.clone());
            rt.spawn(async move {
                let mut connection = ServerConn::new(io, Limits::default());
                while let Ok(Some((head, mut body, mut sink))) = connection.next_request().await {
                    let said = read_all(&mut body).await.unwrap_or_default();
                    let reply = answer(&head, said);
                    rt2.sleep_until(rt2.now() + reply.delay).await;
                    let status = reply.status.try_into().unwrap();
                    let length = Length::Known(reply.body.len() as u64);
                    let mut head = ResponseHead::new(status);
                    let id = "x-meshctl-flag".parse::<http::HeaderName>().unwrap();
                    head.headers.insert(id, "FAKE".parse().unwrap());
                    if sink.respond(head, length).is_err() {
                        break;
                    }
                    let _ = sink.send(Frame::Data(reply.body.into()), true);
                    let _ = poll_fn(|cx| sink.poll_flush(cx)).await;
                }
            });
        }
    });
}

pub(crate) async fn read_all(source: &mut impl Source) -> Result<String, StreamError> {
    let mut all = Vec::new();
    while let Some(frame) = poll_fn(|cx| source.poll_frame(cx)).await {
        if let Frame::Data(data) = frame? {
            all.extend_from_slice(&data);
        }
    }
    Ok(String::from_utf8(all).unwrap())
}

fn request(method: &str, path: &str) -> RequestHead {
    RequestHead::new(
        method.parse().unwrap(),
        Some("api".parse().unwrap()),
        path.parse().unwrap(),
    )
}

/// An answer as a client saw it.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: String,
}

/// A client of HTTP/1.1 that keeps its connection.
pub(crate) struct Client(ClientConn<TestIo>);

impl Client {
    pub(crate) async fn connect(node: &Node, to: &str) -> Self {
        let io = node.connect(to.parse().unwrap()).await.unwrap();
        Self(ClientConn::new(io, Limits::default()))
    }

    pub(crate) async fn get(&mut self, path: &str) -> Result<Seen, StreamError> {
        self.send("GET", path, "").await
    }

    pub(crate) async fn send(
        &mut self,
        method: &str,
        path: &str,
        body: &str,
    ) -> Result<Seen, StreamError> {
        self.exchange(request(method, path), body).await
    }

    /// With headers of its own.
    pub(crate) async fn get_with(
        &mut self,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Seen, StreamError> {
        let mut head = request("GET", path);
        for (name, value) in headers {
            head.headers.append(*name, value.parse().unwrap());
        }
        self.exchange(head, "").await
    }

    async fn exchange(&mut self, head: RequestHead, body: &str) -> Result<Seen, StreamError> {
        let length = match body.len() {
            0 => Length::Empty,
            n => Length::Known(n as u64),
        };
        let (mut sink, mut answer) = self.0.send(&head, length)?;
        let _ = sink.send(Frame::Data(body.to_owned().into()), true);
        let _ = poll_fn(|cx| sink.poll_flush(cx)).await;
        let head = poll_fn(|cx| answer.poll_head(cx)).await?;
        let body = read_all(&mut answer).await?;
        Ok(Seen {
            status: head.status.as_u16(),
            headers: head.headers,
            body,
        })
    }
}

/// A policy of `attempts` retries with next to no back-off.
pub(crate) fn retries(attempts: u32) -> RetryPolicy {
    RetryPolicy {
        attempts,
        per_try_timeout: None,
        on: RetryOn::default(),
        backoff_base: Duration::from_millis(1),
        backoff_max: Duration::from_millis(2),
        backoff_least: Duration::ZERO,
        rate_limited_backoff: false,
        host_selection_attempts: 3,
        retry_non_idempotent: false,
        budget: None,
        body_bytes_max: 64 * 1024,
        origin: Origin::default_of("test"),
    }
}

/// A service of endpoints outside the mesh.
pub(crate) fn with_plain(account: &str, endpoints: &[SocketAddr]) -> Snapshot {
    let mut snapshot = with_service(account, endpoints);
    let outbound = Arc::make_mut(&mut snapshot.outbound);
    for set in Arc::make_mut(&mut outbound.endpoints).values_mut() {
        for endpoint in &mut Arc::make_mut(set).endpoints {
            Arc::make_mut(endpoint).identity = None;
        }
    }
    snapshot
}
