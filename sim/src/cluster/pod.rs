//! One simulated pod: its node, its sidecar and its application, started, crashed and stopped.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use engine::identity::Identity;
use engine::report::Frame;
use engine::snapshot::{ObjectName, PortProtocol, Snapshot};
use engine::time::Instant;
use proxy::net::Rt as _;
use proxy::tls::Material;
use proxy::{Bootstrap, Proxy};
use rustls::crypto::CryptoProvider;
use tokio::sync::watch;

use crate::app::{AppPod, AppSpec, Behaviour};
use crate::client::Client;
use crate::crypto::pki::Credentials;
use crate::load::Origin;
use crate::net::SimRt;
use crate::policy::{Agent, Caller, Site, Sites};
use crate::story::Stories;
use crate::witness::Witness;
use crate::world::{Capture, NodeId, NodeSpec, Role, World};

/// Ports of the sidecar in every pod.
pub(crate) const OUTBOUND: u16 = 14001;
pub(crate) const INBOUND: u16 = 14006;
/// Health and metrics, administration: never captured.
const OWN_PORTS: [(u16, u16); 2] = [(14020, 14020), (14000, 14000)];

/// A pod from its creation to its end.
pub(crate) struct Pod {
    pub(crate) name: ObjectName,
    pub(crate) node: NodeId,
    pub(crate) ip: IpAddr,
    /// `shop/Deployment/web`
    pub(crate) workload: Arc<str>,
    /// Position among the pods of the workload, by which events choose.
    pub(crate) index: u32,
    /// Grows with every start and stop: what was planned for an older life is void.
    pub(crate) life: u32,
    pub(crate) state: State,
    pub(crate) ports: Vec<(u16, PortProtocol)>,
    pub(crate) app: Arc<AppSpec>,
    pub(crate) behaviour: Arc<Mutex<Behaviour>>,
    pub(crate) sidecar: Option<Sidecar>,
    /// Where the application's requests come from, while it runs.
    pub(crate) origin: Option<Origin>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Created; its processes are not there yet, or not ready.
    Starting,
    Ready,
    /// Its processes died.
    Down,
    Terminating,
}

/// The proxy of a pod.
pub(crate) struct Sidecar {
    pub(crate) identity: Identity,
    pub(crate) snapshots: watch::Sender<Arc<Snapshot>>,
    pub(crate) material: watch::Sender<Arc<Material>>,
    running: Slot,
    /// Version of the newest configuration that is on its way to it.
    pub(crate) newest: u64,
    /// What the proxy is to do next cannot overtake what it was told before.
    pub(crate) delivered_until: Instant,
    /// Cut off from the control plane by so many events.
    pub(crate) disconnected: u32,
    /// What it missed meanwhile.
    pub(crate) missed: Option<Arc<Snapshot>>,
}

type Slot = Arc<Mutex<Option<Running>>>;

/// What stands beside the application.
#[derive(Clone)]
enum Running {
    Proxy(Arc<Proxy<SimRt>>),
    Agent(Arc<Agent>),
}

/// What all pods of a run have in common.
#[derive(Clone)]
pub(crate) struct Common {
    pub(crate) crypto: Arc<CryptoProvider>,
    pub(crate) root: rustls::pki_types::CertificateDer<'static>,
    pub(crate) witness: Witness,
    pub(crate) stories: Stories,
    /// Who is where, at the policy level; none at the wire level.
    pub(crate) sites: Option<Sites>,
}

/// Where a pod is put.
pub(crate) struct Place {
    pub(crate) ip: IpAddr,
    pub(crate) zone: Arc<str>,
    /// Where its traffic goes, when it has a proxy.
    pub(crate) capture: Option<Capture>,
}

// === impl Pod ===

impl Pod {
    /// Puts a pod on a node of its own; nothing runs yet.
    pub(crate) fn create(
        world: &World,
        name: ObjectName,
        workload: Arc<str>,
        index: u32,
        app: Arc<AppSpec>,
        place: &Place,
    ) -> Self {
        let node = world.add_node(NodeSpec {
            name: format!("Pod/{name}"),
            namespace: name.namespace.to_string(),
            ip: place.ip,
            zone: Arc::clone(&place.zone),
            groups: vec![Arc::clone(&workload)],
            capture: place.capture.clone(),
        });
        Self {
            name,
            node,
            ip: place.ip,
            workload,
            index,
            life: 0,
            state: State::Starting,
            ports: Vec::new(),
            app,
            behaviour: Arc::default(),
            sidecar: None,
            origin: None,
        }
    }

    /// Starts the application.
    pub(crate) fn start_app(&mut self, world: &World, common: &Common) {
        let rt = world.rt(self.node, Role::App);
        self.behaviour
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .started = world.now();
        let agent = self.sidecar.as_ref().and_then(Sidecar::agent);
        let client = match &common.sites {
            None => Client::new(rt),
            Some(sites) => {
                let caller = Caller::new(rt, self.ip, agent.clone(), sites.clone());
                Client::with_caller(rt, caller)
            }
        };
        let app = AppPod::with_client(
            &self.name.to_string(),
            client,
            Arc::clone(&self.app),
            Arc::clone(&self.behaviour),
            common.witness.clone(),
        );
        match &common.sites {
            None => app.start(&self.ports),
            Some(sites) => sites.put(
                self.ip,
                Site {
                    node: self.node,
                    life: self.life,
                    app: Some((rt, Arc::clone(&app))),
                    agent,
                },
            ),
        }
        self.origin = Some(Origin {
            rt,
            client: Client::clone(app.client()),
        });
    }

    /// Starts the sidecar, if the pod has one.
    pub(crate) fn start_sidecar(&mut self, world: &World, common: &Common) {
        let Some(sidecar) = &mut self.sidecar else {
            return;
        };
        let observer = common.stories.clone();
        let bootstrap = Bootstrap {
            name: self.name.to_string(),
            outbound: vec![SocketAddr::new(Ipv4Addr::LOCALHOST.into(), OUTBOUND)],
            inbound: vec![SocketAddr::new(self.ip, INBOUND)],
            in_place: Default::default(),
            gateway: None,
            system_roots: Vec::new(),
            tls: Some(sidecar.material.subscribe()),
            crypto: Arc::clone(&common.crypto),
            observer: common
                .stories
                .wanted()
                .then(|| Arc::new(observer) as Arc<_>),
            proxy_protocol: Default::default(),
            outputs: None,
            bounds: proxy::Bounds::default(),
        };
        let snapshots = sidecar.snapshots.subscribe();
        let rt = world.rt(self.node, Role::Proxy);
        let slot = Slot::default();
        if let Some(sites) = &common.sites {
            let (name, identity) = (self.name.to_string(), sidecar.identity.clone());
            let agent = Agent::start(&name, identity, self.ip, snapshots, rt, sites.clone());
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(Running::Agent(agent));
            sidecar.running = slot;
            return;
        }
        sidecar.running = Arc::clone(&slot);
        rt.spawn(async move {
            // It cannot fail here: the ports of a fresh node are free and the material is good.
            if let Ok(proxy) = proxy::start(bootstrap, snapshots, rt).await {
                *slot.lock().unwrap_or_else(PoisonError::into_inner) =
                    Some(Running::Proxy(Arc::new(proxy)));
            }
        });
    }

    /// Lets the sidecar finish what it has, until `deadline` at most.
    pub(crate) fn drain(&self, world: &World, deadline: Instant) {
        let Some(proxy) = self.sidecar.as_ref().and_then(Sidecar::proxy) else {
            return;
        };
        world.rt(self.node, Role::Proxy).spawn(async move {
            proxy.drain(deadline).await;
        });
    }

    /// Changes what events do to its application.
    pub(crate) fn behave<T>(&self, change: impl FnOnce(&mut Behaviour) -> T) {
        change(
            &mut self
                .behaviour
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
    }

    /// Forgets the processes; the node's tasks are the caller's to drop.
    pub(crate) fn stopped(&mut self, common: &Common) {
        if let Some(sites) = &common.sites {
            sites.down(self.ip);
        }
        self.life += 1;
        self.origin = None;
        if let Some(sidecar) = &mut self.sidecar {
            *sidecar
                .running
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = None;
        }
    }
}

// === impl Sidecar ===

impl Sidecar {
    pub(crate) fn new(identity: Identity, snapshot: Arc<Snapshot>, material: Material) -> Self {
        Self {
            identity,
            newest: snapshot.version,
            snapshots: watch::Sender::new(snapshot),
            material: watch::Sender::new(Arc::new(material)),
            running: Slot::default(),
            delivered_until: Instant::ZERO,
            disconnected: 0,
            missed: None,
        }
    }

    fn running(&self) -> Option<Running> {
        self.running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn proxy(&self) -> Option<Arc<Proxy<SimRt>>> {
        match self.running()? {
            Running::Proxy(proxy) => Some(proxy),
            Running::Agent(_) => None,
        }
    }

    fn agent(&self) -> Option<Arc<Agent>> {
        match self.running()? {
            Running::Agent(agent) => Some(agent),
            Running::Proxy(_) => None,
        }
    }

    /// What the proxy did since the last call.
    pub(crate) fn sample(&self) -> Option<Frame> {
        Some(match self.running()? {
            Running::Proxy(proxy) => proxy.take_frame(),
            Running::Agent(agent) => agent.take_frame(),
        })
    }
}

/// Certificate, key and trust bundle as the proxy takes them.
pub(crate) fn material(
    credentials: &Credentials,
    root: &rustls::pki_types::CertificateDer<'static>,
) -> Material {
    Material {
        chain: credentials.chain.clone(),
        key: credentials.key.clone_key(),
        roots: vec![root.clone()],
    }
}

/// What is captured of a pod in the mesh, as its annotations and its namespace's say.
pub(crate) fn capture(pod: &model::index::Pod, index: &model::index::Index) -> Capture {
    let mut skip_inbound = OWN_PORTS.to_vec();
    skip_inbound.extend(index.uncaptured_inbound(pod));
    Capture {
        outbound: OUTBOUND,
        inbound: INBOUND,
        skip_outbound: index.uncaptured_outbound(pod),
        skip_inbound,
    }
}

/// The ports an application serves: what its containers declare and what Services send to it, with
/// the protocol a Service gives them.
pub(crate) fn ports_of(
    pod: &model::index::Pod,
    index: &model::index::Index,
) -> Vec<(u16, PortProtocol)> {
    let declared = pod.ports.iter().map(|p| p.port);
    let mut numbers: BTreeSet<u16> = declared.collect();
    let mut protocols = std::collections::BTreeMap::new();
    for service in index.services_of_pod(&pod.name) {
        for port in &service.ports {
            if let Some(number) = pod.resolve(&port.target) {
                numbers.insert(number);
                let protocol = index.protocol(service, port);
                protocols.entry(number).or_insert(protocol);
            }
        }
    }
    let protocol = |n| protocols.get(&n).copied().unwrap_or(PortProtocol::Detect);
    numbers.into_iter().map(|n| (n, protocol(n))).collect()
}

/// Credentials outlive every run; what expires does so by an event.
pub(crate) const CERTIFICATE_LIFETIME: Duration = Duration::from_secs(24 * 3600);
