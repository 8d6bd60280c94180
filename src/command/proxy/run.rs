//! From start to drain.
//!
//! ```text
//!  configuration thread: files ─▶ changed? ─▶ read, judge ─▶ snapshot, certificate ─┐ watch channels
//!  workers:              listeners ─▶ connections ◀────────────────────────────────┘
//!  this task:            signals ─▶ drain
//! ```
//!
//! Reading and lowering have a thread of their own, so that a large mesh that changes does not hold
//! up requests.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::sync::Arc;

use engine::snapshot::Snapshot;
use engine::time::Duration;
use model::inject::PROXY_PORTS;
use proxy::admin::{About, Admin};
use proxy::net::Rt as _;
use proxy::net::real::Real;
use proxy::tls::Material;
use proxy::{Bootstrap, Bounds, Drained, InPlace, Proxy};
use rustls::crypto::aws_lc_rs;
use tokio::sync::{Notify, watch};

use super::args::{Place, ProxyArgs, Role};
use super::config::{self, Config, Source};
use super::control::Control;
use super::follow::{Identity, Manifests};
use super::log::{Level, Log};
use super::signals::Signals;
use super::{gateway, identity};
use crate::error::{Answer, Error};
use crate::memory;
use crate::ui::Ui;

const OUTBOUND: u16 = PROXY_PORTS[0];
const INBOUND: u16 = PROXY_PORTS[1];
const HEALTH: u16 = PROXY_PORTS[2];
const ADMIN: u16 = PROXY_PORTS[3];

/// How often memory is looked through.
const TIDY_INTERVAL: Duration = Duration::from_secs(5);

/// Everything that was read before the first listener is bound.
struct Start {
    config: Config,
    manifests: Manifests,
    identity: Option<(Arc<Material>, Identity)>,
}

pub(super) fn run(ui: &mut Ui, args: &ProxyArgs) -> Result<Answer, Error> {
    let workload = args.check()?;
    let log = Log::new(ui, args.log_level);
    let runtime = runtime(args.workers).map_err(cannot_start)?;
    runtime.block_on(async {
        // Before anything is served: a signal that comes early is a drain like any other.
        let signals = Signals::catch().map_err(cannot_start)?;
        let start = read(args, &log, workload.clone())?;
        serve(args, &log, start, signals).await
    })
}

fn runtime(workers: u16) -> io::Result<tokio::runtime::Runtime> {
    let mut builder = match workers {
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    if workers > 1 {
        builder.worker_threads(usize::from(workers));
    }
    builder.enable_all().build()
}

fn cannot_start(error: io::Error) -> Error {
    Error::new("the proxy cannot start").caused_by(error)
}

/// Reads everything once, watched from before it is read.
fn read(
    args: &ProxyArgs,
    log: &Log,
    workload: engine::snapshot::ObjectName,
) -> Result<Start, Error> {
    let probes = args.probe.iter().map(|probe| config::probe(probe));
    let probes: Result<Vec<_>, Error> = probes.collect();
    let identity = Identity::watch(&args.identity)?;
    let source = Source {
        files: args.files.clone(),
        recursive: args.recursive,
        gateway: gateway::name(args, &workload),
        workload,
        trust_domain: args.identity.trust_domain.clone(),
        proven: identity.as_ref().map(|(proven, _)| proven.identity.clone()),
        zone: args.zone.clone(),
        region: args.region.clone(),
        probes: probes?.into_iter().flatten().collect(),
    };
    let manifests = Manifests::watch(source);
    let config = manifests.read()?;
    log.findings(Level::Warn, &config.warnings);
    log.tell(
        Level::Info,
        &format!("{}: {}", config.snapshot.workload.name, config.found),
    );
    if identity.is_none() {
        let text = "no certificate was given (--cert, --key, --trust-bundle): nothing is encrypted";
        log.tell(Level::Warn, text);
    }
    Ok(Start {
        config,
        manifests,
        identity: identity.map(|(proven, watch)| (proven.material, watch)),
    })
}

async fn serve(
    args: &ProxyArgs,
    log: &Log,
    start: Start,
    mut signals: Signals,
) -> Result<Answer, Error> {
    let (bootstrap, material) = bootstrap(args, log, &start);
    let outputs = bootstrap.outputs.clone();
    let (snapshots, newest) = watch::channel(start.config.snapshot.clone());
    let rt = Real::new();
    let proxy = proxy::start(bootstrap, newest, rt.clone()).await;
    let proxy = Arc::new(proxy.map_err(|e| cannot_start(e).hint(args.role.elsewhere()))?);
    let asked = Arc::new(Notify::new());
    let (told, admin) = tell(args, log, &proxy, &asked).await?;
    let outputs = match outputs {
        Some(outputs) => {
            let observe = move || admin.observed();
            Some(args.telemetry.start(outputs, rt.clone(), observe)?)
        }
        None => None,
    };
    follow(log, start, snapshots, material).map_err(cannot_start)?;
    memory::give_back(true);
    rt.spawn(tidy(rt.clone()));
    log.tell(
        Level::Info,
        &format!("serving: {}{told}", listeners(&proxy)),
    );
    let why = tokio::select! {
        signal = signals.next() => signal,
        () = asked.notified() => "asked to",
    };
    let answer = drain(args, log, &proxy, &rt, why, signals).await;
    if let Some(outputs) = outputs {
        outputs.finish().await;
    }
    answer
}

/// Starts the listeners for those who ask about the proxy; says where they are.
async fn tell(
    args: &ProxyArgs,
    log: &Log,
    proxy: &Arc<Proxy<Real>>,
    asked: &Arc<Notify>,
) -> Result<(String, Arc<Admin<Real>>), Error> {
    let control = Control {
        log: log.clone(),
        drain: asked.clone(),
    };
    let about = About {
        version: env!("CARGO_PKG_VERSION"),
        role: args.role.word(),
    };
    let admin = Admin::new(proxy.clone(), about, Box::new(control));
    let mut told = String::new();
    let failed = |flag: &str, at: SocketAddr, error: io::Error| {
        let error = cannot_start(error).caused_by(format!("cannot listen on {at}"));
        error.hint(format!("choose another address, or none: {flag}"))
    };
    for at in Place::all(&args.listen.health, everywhere(HEALTH)) {
        let bound = admin.health(at).await;
        let bound = bound.map_err(|e| failed("--health", at, e))?;
        told.push_str(&format!(", health {bound}"));
    }
    for at in Place::all(
        &args.listen.admin,
        vec![(Ipv4Addr::LOCALHOST, ADMIN).into()],
    ) {
        let bound = admin.admin(at).await;
        let bound = bound.map_err(|e| failed("--admin", at, e))?;
        told.push_str(&format!(", admin {bound}"));
    }
    Ok((told, admin))
}

/// Finishes what was accepted.
async fn drain(
    args: &ProxyArgs,
    log: &Log,
    proxy: &Proxy<Real>,
    rt: &Real,
    why: &str,
    mut signals: Signals,
) -> Result<Answer, Error> {
    let within = args.drain_timeout;
    log.tell(
        Level::Info,
        &format!("{why}: draining for at most {within:?}"),
    );
    let drained = tokio::select! {
        drained = proxy.drain(rt.now() + within) => drained,
        again = signals.next() => {
            log.tell(Level::Warn, &format!("{again}: what is under way is cut"));
            proxy.drain(rt.now()).await
        }
    };
    match drained {
        Drained::Clean => {
            log.tell(Level::Info, "drained: nothing was lost");
            Ok(Answer::Yes)
        }
        Drained::Cut(connections) => {
            log.tell(
                Level::Warn,
                &format!("drained: {connections} connections were cut"),
            );
            Ok(Answer::No)
        }
    }
}

fn bootstrap(
    args: &ProxyArgs,
    log: &Log,
    start: &Start,
) -> (Bootstrap, Option<watch::Sender<Arc<Material>>>) {
    let config = &start.config;
    let (outbound, inbound) = match args.role {
        // Nobody is captured: it has no application.
        Role::Gateway => (Vec::new(), Vec::new()),
        Role::Sidecar if config.in_place.is_empty() => (here(OUTBOUND), everywhere(INBOUND)),
        Role::Sidecar => (here(OUTBOUND), config.in_place.keys().copied().collect()),
    };
    let inbound = Place::all(&args.listen.inbound, inbound);
    let (material, tls) = match &start.identity {
        Some((first, _)) => {
            let (sender, receiver) = watch::channel(first.clone());
            (Some(sender), Some(receiver))
        }
        None => (None, None),
    };
    let name = config.snapshot.workload.name.to_string();
    let workload = proxy::telemetry::workload(&config.snapshot);
    let bootstrap = Bootstrap {
        name: name.clone(),
        outbound: Place::all(&args.listen.outbound, outbound),
        in_place: in_place(&inbound, config),
        inbound,
        system_roots: identity::system_roots(),
        gateway: gateway::doors(args, log, all_addresses()),
        tls,
        crypto: Arc::new(aws_lc_rs::default_provider()),
        proxy_protocol: args.listen.proxy_protocol.iter().copied().collect(),
        observer: None,
        outputs: args.telemetry.outputs(&workload, &name),
        bounds: Bounds::default(),
    };
    (bootstrap, material)
}

/// Whom connections to the inbound listeners are for that nothing redirected: by the ports of the
/// Workload, or by its only one.
fn in_place(inbound: &[SocketAddr], config: &Config) -> BTreeMap<u16, InPlace> {
    let mut places = BTreeMap::new();
    for at in inbound {
        let declared = config.in_place.iter();
        let declared = declared.filter(|(own, _)| own.port() == at.port());
        let declared = declared.map(|(_, place)| *place).next();
        let place = declared.or_else(|| match config.ports[..] {
            [only] if only != at.port() && config.in_place.is_empty() => {
                Some(config::place(only, only))
            }
            _ => None,
        });
        if let Some(place) = place {
            places.insert(at.port(), place);
        }
    }
    places
}

/// A port of the loopback addresses that this machine has.
fn here(port: u16) -> Vec<SocketAddr> {
    let mut all = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, port))];
    if has_ipv6() {
        all.push(SocketAddr::from((Ipv6Addr::LOCALHOST, port)));
    }
    all
}

/// A port of all addresses.
fn everywhere(port: u16) -> Vec<SocketAddr> {
    let all = all_addresses().into_iter();
    all.map(|address| SocketAddr::new(address, port)).collect()
}

/// All addresses of the families that this machine has.
fn all_addresses() -> Vec<IpAddr> {
    let mut all = vec![IpAddr::from(Ipv4Addr::UNSPECIFIED)];
    if has_ipv6() {
        all.push(Ipv6Addr::UNSPECIFIED.into());
    }
    all
}

fn has_ipv6() -> bool {
    TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok()
}

/// After a burst of requests, nothing but time frees what they took.
async fn tidy(rt: Real) {
    loop {
        rt.sleep_until(rt.now() + TIDY_INTERVAL).await;
        memory::give_back(false);
    }
}

/// Starts the thread that keeps configuration and certificate new.
fn follow(
    log: &Log,
    start: Start,
    snapshots: watch::Sender<Arc<Snapshot>>,
    material: Option<watch::Sender<Arc<Material>>>,
) -> io::Result<()> {
    let runtime = runtime(1)?;
    let log = log.clone();
    let in_place = start.config.in_place;
    let identity = start.identity.map(|(_, watch)| watch).zip(material);
    let manifests = start.manifests;
    let work = async move {
        let manifests = manifests.follow(log.clone(), snapshots, in_place);
        match identity {
            Some((watch, material)) => {
                tokio::join!(manifests, watch.follow(log, material));
            }
            None => manifests.await,
        }
    };
    let thread = std::thread::Builder::new().name("configuration".into());
    thread.spawn(move || runtime.block_on(work))?;
    Ok(())
}

fn listeners(proxy: &Proxy<Real>) -> String {
    let sides = [
        ("outbound", proxy.outbound_addrs()),
        ("inbound", proxy.inbound_addrs()),
    ];
    let sides = sides.into_iter().filter(|(_, all)| !all.is_empty());
    let sides = sides.map(|(name, all)| {
        let all: Vec<String> = all.iter().map(ToString::to_string).collect();
        format!("{name} {}", all.join(" "))
    });
    let ports = proxy.gateway_addrs().into_iter();
    let ports = ports.map(|(port, at)| format!("port {port} at {at}"));
    sides.chain(ports).collect::<Vec<_>>().join(", ")
}
