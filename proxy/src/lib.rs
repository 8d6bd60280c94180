//! Moves the bytes: the data plane of the mesh.
//!
//! ```text
//!            ┌───────────── proxy of the client ─────────────┐   ┌──── proxy of the server ────┐
//!  app ────▶ │ listen ▶ detect ▶ serve::outbound ▶ pool ▶ TLS │ ▶ │ listen ▶ detect ▶ TLS ▶      │
//!            │          bounded   engine::Session  h1, h2     │   │ serve::inbound ▶ pool        │ ─▶ app
//!            └───────────────────────────────────────────────┘   └──────────────────────────────┘
//! ```
//!
//! Everything that is decided about a request is decided by [`engine`]; this package obeys. All it
//! wants from the world goes through [`net::Rt`].
#![deny(unsafe_code)]

use core::net::SocketAddr;
use core::sync::atomic::AtomicUsize;
use std::io;
use std::sync::{Arc, Mutex};

use engine::entropy::Entropy;
use engine::live::Clusters;
use engine::report::{Event, EventKind, Frame, Recorder};
use engine::snapshot::Snapshot;
use engine::time::Instant;
use tokio::sync::watch;

pub mod admin;
pub mod config;
mod errand;
pub mod exchange;
mod gateway;
mod grpc;
pub mod headers;
pub mod http1;
pub mod http2;
pub mod jwt;
pub mod listen;
mod names;
pub mod net;
pub mod observe;
pub mod pool;
mod proto;
pub mod proxy_protocol;
pub mod rls;
mod serve;
pub mod tap;
pub mod tcp;
pub mod telemetry;
pub mod tls;

pub use config::{Bootstrap, Bounds, Doors, InPlace};
pub use listen::drain::Drained;

use listen::drain::{Drain, Watch};
use net::{Abort, Accept, ConnInfo, Rt};
use pool::Pool;
use serve::{Shared, inbound, outbound};
use tap::Taps;
use telemetry::Telemetry;
use telemetry::totals::{Door, Totals};
use tls::Material;

/// A running proxy. Dropping the handle does not stop it.
pub struct Proxy<R: Rt> {
    shared: Arc<Shared<R>>,
    drain: Drain,
    outbound: Vec<SocketAddr>,
    inbound: Vec<SocketAddr>,
    gateway: Arc<gateway::Bound>,
}

/// Binds the listeners and serves until drained. Snapshots are used as they arrive: the newest one
/// holds for the next request, also on connections that exist.
///
/// # Errors
///
/// When a listener cannot be bound, or the identity material cannot be used.
pub async fn start<R: Rt>(
    bootstrap: Bootstrap,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    rt: R,
) -> io::Result<Proxy<R>> {
    let renewals = bootstrap.tls.clone();
    let tls = tls::store(
        &rt,
        bootstrap.crypto.clone(),
        bootstrap.tls,
        &bootstrap.system_roots,
    )
    .map_err(|e| io::Error::new(io::ErrorKind::InvalidInput, e))?;
    let tls = Arc::new(tls);
    let (now, first) = (rt.now(), snapshots.borrow().clone());
    let clusters = Clusters::new(rt.rand());
    clusters.follow(&first, now);
    let counts = Arc::new(Telemetry::new(&bootstrap.name, now));
    let shared = Arc::new(Shared {
        rt: rt.clone(),
        name: bootstrap.name,
        report_name: telemetry::workload(&first),
        snapshots,
        pool: Pool::new(
            rt.clone(),
            tls.clone(),
            counts.clone(),
            bootstrap.bounds.keep_alive,
        ),
        telemetry: counts,
        tls,
        bounds: bootstrap.bounds,
        proxy_protocol: bootstrap.proxy_protocol,
        observer: bootstrap.observer,
        outputs: bootstrap.outputs,
        taps: Arc::default(),
        clusters,
        entropy: Mutex::new(Entropy::from_seed(rt.rand())),
        mirrors: AtomicUsize::new(0),
        key_sets: jwt::KeySets::default(),
        names: names::Names::default(),
        in_place: bootstrap.in_place,
        certificates: tls::certificates(&rt, bootstrap.crypto),
        trusted_hops: bootstrap
            .gateway
            .as_ref()
            .map_or(0, |doors| doors.trusted_hops),
    });
    let (drain, watch) = Drain::new();
    // Both are bound before either serves: a proxy that cannot do its work does none of it.
    let outbound = bind(&rt, &bootstrap.outbound).await?;
    let inbound = bind(&rt, &bootstrap.inbound).await?;
    let gateway = Arc::new(gateway::Bound::default());
    let gate = match bootstrap.gateway {
        Some(doors) => {
            let (shared, watch) = (shared.clone(), watch.clone());
            Some(gateway::Gate::open(shared, doors, watch, gateway.clone()).await?)
        }
        None => None,
    };
    let proxy = Proxy {
        outbound: outbound.iter().map(Accept::local_addr).collect(),
        inbound: inbound.iter().map(Accept::local_addr).collect(),
        shared: shared.clone(),
        drain,
        gateway,
    };
    rt.spawn(follow(shared.clone(), watch.clone()));
    if let Some(renewals) = renewals {
        rt.spawn(tell_renewals(shared.clone(), renewals, watch.clone()));
    }
    rt.spawn(errand::run(shared.clone(), watch.clone()));
    rt.spawn(jwt::fetch::run(shared.clone(), watch.clone()));
    rt.spawn(names::run(shared.clone(), watch.clone()));
    for listener in outbound {
        let (door, watch) = (Door::Outbound, watch.clone());
        rt.spawn(accepting(
            &shared,
            listener,
            door,
            watch,
            outbound::connection,
        ));
    }
    for listener in inbound {
        let (door, watch) = (Door::Inbound, watch.clone());
        rt.spawn(accepting(
            &shared,
            listener,
            door,
            watch,
            inbound::connection,
        ));
    }
    if let Some(gate) = gate {
        rt.spawn(gate.follow());
    }
    Ok(proxy)
}

/// Brings what was learned about the backends in line with each new configuration.
async fn follow<R: Rt>(shared: Arc<Shared<R>>, mut watch: Watch) {
    let mut snapshots = shared.snapshots.clone();
    loop {
        tokio::select! {
            biased;
            () = watch.draining() => return,
            changed = snapshots.changed() => if changed.is_err() {
                // The source is gone; the last configuration stays.
                return;
            },
        }
        let newest = snapshots.borrow_and_update().clone();
        let now = shared.rt.now();
        shared.clusters.follow(&shared.names.within(&newest), now);
        let version = format!("{:016x}", newest.version);
        shared
            .telemetry
            .event(now, EventKind::ConfigurationApplied, &version);
    }
}

/// Says when the workload has a new certificate that can be used, or could have been.
async fn tell_renewals<R: Rt>(
    shared: Arc<Shared<R>>,
    mut renewals: watch::Receiver<Arc<Material>>,
    mut ends: Watch,
) {
    renewals.mark_unchanged();
    loop {
        tokio::select! {
            biased;
            () = ends.draining() => return,
            changed = renewals.changed() => if changed.is_err() {
                // The source is gone; the last certificate stays.
                return;
            },
        }
        let expiry = shared
            .tls
            .expiry()
            .filter(|_| shared.tls.refused().is_none());
        if let Some((identity, until)) = expiry {
            let (kind, detail) = match until > shared.rt.wall() {
                true => (EventKind::CertificateRenewed, "valid until"),
                false => (EventKind::CertificateExpired, "it was valid until"),
            };
            let event = Event::new(shared.rt.now(), &shared.name, kind, identity);
            let detail = format!("{detail} {}", tls::explain::rfc3339(until));
            shared.telemetry.happened(event.because(detail));
        }
    }
}

async fn bind<R: Rt>(rt: &R, all: &[SocketAddr]) -> io::Result<Vec<R::Listener>> {
    let mut bound = Vec::with_capacity(all.len());
    for at in all {
        bound.push(listen_at(rt, *at).await?);
    }
    Ok(bound)
}

async fn listen_at<R: Rt>(rt: &R, at: SocketAddr) -> io::Result<R::Listener> {
    let named = |e: io::Error| io::Error::new(e.kind(), format!("cannot listen on {at}: {e}"));
    rt.listen(at).await.map_err(named)
}

/// The accept loop of one listener; every connection gets a task of its own, which ends when the
/// time of a drain is up.
fn accepting<R, F, Fut>(
    shared: &Arc<Shared<R>>,
    listener: R::Listener,
    door: Door,
    watch: Watch,
    serve: F,
) -> impl Future<Output = ()> + Send + use<R, F, Fut>
where
    R: Rt,
    F: Fn(Arc<Shared<R>>, R::Io, ConnInfo, Watch) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let rt = shared.rt.clone();
    let shared = shared.clone();
    let spawner = rt.clone();
    let connections = shared.bounds.connections;
    let balanced = shared
        .proxy_protocol
        .contains(&listener.local_addr().port());
    let each = move |io, info, slot: listen::Slot| {
        let (shared, watch) = (shared.clone(), slot.watch.clone());
        let serve = serve.clone();
        let entered = shared.telemetry.accepted(door);
        spawner.spawn(async move {
            let _entered = entered;
            let served = async move {
                if let Some((io, info)) = introduced(&shared, io, info, balanced).await {
                    serve(shared, io, info, watch).await;
                }
            };
            let mut slot = slot;
            tokio::select! {
                biased;
                () = served => {}
                () = slot.watch.stopped() => {}
            }
        });
    };
    listen::run(rt, listener, connections, watch, each)
}

/// The connection as the load balancer in front introduces it, when there is one; none when it
/// does not do so in time.
async fn introduced<R: Rt>(
    shared: &Shared<R>,
    mut io: R::Io,
    mut info: ConnInfo,
    balanced: bool,
) -> Option<(R::Io, ConnInfo)> {
    if !balanced {
        return Some((io, info));
    }
    let until = shared.rt.now() + shared.bounds.detect_timeout;
    let read = tokio::select! {
        biased;
        read = proxy_protocol::read(&mut io) => read.ok(),
        () = shared.rt.sleep_until(until) => None,
    };
    let Some(found) = read else {
        io.abort();
        return None;
    };
    if let Some(addresses) = found {
        info.peer = addresses.source;
        info.original_dst = Some(addresses.destination);
    }
    Some((io, info))
}

// === impl Proxy ===

impl<R: Rt> Proxy<R> {
    /// Name of the proxy in reports.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Where the first outbound listener is bound.
    pub fn outbound_addr(&self) -> Option<SocketAddr> {
        self.outbound.first().copied()
    }

    /// Where the first inbound listener is bound.
    pub fn inbound_addr(&self) -> Option<SocketAddr> {
        self.inbound.first().copied()
    }

    /// Where all outbound listeners are bound.
    pub fn outbound_addrs(&self) -> &[SocketAddr] {
        &self.outbound
    }

    /// Where all inbound listeners are bound.
    pub fn inbound_addrs(&self) -> &[SocketAddr] {
        &self.inbound
    }

    /// The ports of the gateway, as it declares them, and where each is bound.
    pub fn gateway_addrs(&self) -> Vec<(u16, SocketAddr)> {
        self.gateway.all()
    }

    /// Whether new connections are accepted.
    pub fn ready(&self) -> bool {
        !self.drain.is_draining()
    }

    /// Stops accepting, finishes what was accepted, closes idle connections. What is still under
    /// way at `deadline` is cut.
    pub async fn drain(&self, deadline: Instant) -> Drained {
        let drained = self.drain.run(&self.shared.rt, deadline).await;
        self.shared.pool.clear();
        drained
    }

    /// Everything that was counted since the start, the state of every endpoint, and the events
    /// since the frame before.
    pub fn frame(&self) -> Frame {
        self.report(Recorder::frame)
    }

    /// Everything that was counted since the start and the state of every endpoint, without events,
    /// which are left for [`frame`](Self::frame).
    pub fn metrics(&self) -> Frame {
        self.report(Recorder::peek)
    }

    /// What was counted since the last call, the state of every endpoint, and the events since
    /// then. For a single reader that keeps what it got: [`frame`](Self::frame) counts from here
    /// on as well.
    pub fn take_frame(&self) -> Frame {
        self.report(Recorder::take)
    }

    /// Those who look at its requests.
    pub fn taps(&self) -> &Arc<Taps> {
        &self.shared.taps
    }

    /// What was counted since the start besides frames: listeners, handshakes, events, and what was
    /// exported by outputs (which are the same for all proxies that share them).
    pub fn totals(&self) -> Totals {
        let mut totals = self.shared.telemetry.totals();
        totals.handshakes = self.shared.tls.handshakes.get();
        if let Some(outputs) = &self.shared.outputs {
            totals.merge(&outputs.totals());
        }
        totals
    }

    fn report(&self, frame: impl FnOnce(&mut Recorder, Instant) -> Frame) -> Frame {
        let shared = &self.shared;
        let now = shared.rt.now();
        let telemetry = &shared.telemetry;
        telemetry.report(&shared.clusters, &shared.name, now, frame)
    }
}

#[cfg(test)]
impl Proxy<net::testing::Node> {
    /// Bytes of the futures that serve one connection of each listener.
    pub(crate) async fn task_sizes(&self) -> (usize, usize) {
        let connection = async || {
            let mut listener = self.shared.rt.listen(([10, 0, 0, 1], 9).into()).await?;
            let _client = self.shared.rt.connect(([10, 0, 0, 1], 9).into()).await?;
            listener.accept().await
        };
        let mut sizes = [0; 2];
        let (_drain, watch) = Drain::new();
        if let Ok((io, info)) = connection().await {
            let serve = outbound::connection(self.shared.clone(), io, info, watch.clone());
            sizes[0] = size_of_val(&serve);
        }
        if let Ok((io, info)) = connection().await {
            let serve = inbound::connection(self.shared.clone(), io, info, watch);
            sizes[1] = size_of_val(&serve);
        }
        sizes.into()
    }
}
