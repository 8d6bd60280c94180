//! One simulated world: its nodes, its network and its clock, owned by one thread.
//!
//! Handles ([`SimRt`], connections, sleeps) are plain indexes into the world of the thread, so they
//! are `Send` as the seam demands and cost no lock. Worlds on different threads do not know each
//! other. A handle that outlives its world is inert: reads fail, closing does nothing.

use core::cell::{Cell, RefCell};
use core::fmt;
use core::net::{IpAddr, SocketAddr};
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::rc::Rc;
use std::sync::Arc;

use engine::entropy::Entropy;
use engine::time::{Instant, Wall};

use crate::dist::Dist;
use crate::exec::{DeferredTask, Event, Exec, Livelock};
use crate::net::link::{LinkRule, Place};
use crate::net::state::Net;
use crate::net::trace::{Trace, TraceEvent};
use crate::net::{NetEvent, NetStats, SimRt};

/// Where virtual time starts on the wall clock: 2026-01-01T00:00:00Z. Fixed, so that reports and
/// certificates are the same in every run.
pub const EPOCH: Wall = Wall(1_767_225_600 * 1_000_000_000);

/// A world. Dropping it drops every task in it.
pub struct World {
    shared: Rc<Shared>,
}

/// How a world differs from the default one.
#[derive(Clone, Debug, Default)]
pub struct WorldOptions {
    pub seed: u64,
    /// Draw the next ready task instead of taking the oldest: explores other interleavings, still
    /// decided by the seed.
    pub shuffle: bool,
    /// Keep every trace event (memory grows with the run): to find the first difference of two
    /// runs.
    pub keep_trace: bool,
}

/// A node: a pod, or a client outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(crate) u32);

/// Which runtime of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The application: its connects are captured when the pod is in the mesh.
    App,
    /// The sidecar: never captured.
    Proxy,
}

/// What a node is made from.
#[derive(Clone, Debug)]
pub struct NodeSpec {
    /// Unique; keys the node's random streams: `Pod/shop/web-0`.
    pub name: String,
    /// Where unqualified DNS names are looked up.
    pub namespace: String,
    pub ip: IpAddr,
    pub zone: Arc<str>,
    /// What link rules and partitions may call it besides its own name: its workload, services.
    pub groups: Vec<Arc<str>>,
    pub capture: Option<Capture>,
}

/// Traffic redirection of a pod in the mesh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    pub outbound: u16,
    pub inbound: u16,
    /// Destination ports that are left alone, as inclusive ranges.
    pub skip_outbound: Vec<(u16, u16)>,
    /// Own ports that are left alone, as inclusive ranges.
    pub skip_inbound: Vec<(u16, u16)>,
}

/// What the peers of a crashed node see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crash {
    /// The processes died, the address still answers: connections are reset, connects refused.
    Reset,
    /// The machine is gone: connections go silent, connects time out.
    Silent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NodeState {
    Up,
    Down(Crash),
}

pub(crate) struct Node {
    pub(crate) spec: NodeSpec,
    pub(crate) state: NodeState,
    paused: bool,
    deferred: Vec<DeferredTask>,
    /// Added to the wall clock, in nanoseconds.
    skew: i64,
    app: Entropy,
    proxy: Entropy,
    crypto: Entropy,
    pub(crate) net: Entropy,
    pub(crate) next_port: u16,
}

pub(crate) struct Shared {
    pub(crate) id: u64,
    pub(crate) seed: u64,
    pub(crate) exec: Exec,
    pub(crate) nodes: RefCell<Vec<Node>>,
    pub(crate) net: RefCell<Net>,
    pub(crate) trace: RefCell<Trace>,
    /// Draws made outside every node (certificates, the world's own choices).
    crypto: RefCell<Entropy>,
}

thread_local! {
    static WORLD: RefCell<Option<Rc<Shared>>> = const { RefCell::new(None) };
    static WORLD_ID: Cell<u64> = const { Cell::new(0) };
}

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

// === the thread's world ===

/// Calls `f` with the world `id`, unless it is gone or belongs to another thread.
pub(crate) fn with<R>(id: u64, f: impl FnOnce(&Shared) -> R) -> Option<R> {
    if WORLD_ID.try_with(Cell::get) != Ok(id) {
        return None;
    }
    WORLD.with(|w| w.borrow().as_deref().map(f))
}

fn current<R>(f: impl FnOnce(&Shared) -> R) -> Option<R> {
    let id = WORLD_ID.try_with(Cell::get).ok()?;
    with(id, f)
}

/// Keeps a ready task back while its node is paused.
pub(crate) fn defer_if_paused(node: NodeId, task: DeferredTask) -> bool {
    current(|w| {
        let node = &mut w.nodes.borrow_mut()[node.0 as usize];
        if node.paused {
            node.deferred.push(task);
        }
        node.paused
    })
    .unwrap_or(false)
}

pub(crate) fn node_name(node: NodeId) -> String {
    current(|w| w.nodes.borrow()[node.0 as usize].spec.name.clone()).unwrap_or_default()
}

/// Random bytes for cryptography, from the stream of the node whose task is running (and from the
/// world's own outside of tasks). False when the thread has no world.
pub(crate) fn fill_random(buf: &mut [u8]) -> bool {
    current(|w| {
        let fill = |rng: &mut Entropy, buf: &mut [u8]| {
            for chunk in buf.chunks_mut(8) {
                chunk.copy_from_slice(&rng.u64().to_le_bytes()[..chunk.len()]);
            }
        };
        match w.exec.current() {
            Some((node, _)) => fill(&mut w.nodes.borrow_mut()[node.0 as usize].crypto, buf),
            None => fill(&mut w.crypto.borrow_mut(), buf),
        }
    })
    .is_some()
}

// === impl World ===

impl World {
    /// Makes the thread's world.
    ///
    /// # Panics
    /// When the thread already has one: handles could not tell them apart.
    pub fn new(options: &WorldOptions) -> Self {
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        let seed = options.seed;
        let shuffle = options
            .shuffle
            .then(|| Entropy::keyed(seed, "world", "shuffle"));
        let shared = Rc::new(Shared {
            id,
            seed,
            exec: Exec::new(id, shuffle),
            nodes: RefCell::default(),
            net: RefCell::new(Net::default()),
            trace: RefCell::new(Trace::new(options.keep_trace)),
            crypto: RefCell::new(Entropy::keyed(seed, "world", "crypto")),
        });
        WORLD.with(|w| {
            let mut slot = w.borrow_mut();
            assert!(slot.is_none(), "this thread already simulates a world");
            *slot = Some(Rc::clone(&shared));
        });
        WORLD_ID.set(id);
        Self { shared }
    }

    pub fn now(&self) -> Instant {
        self.shared.exec.now()
    }

    /// Adds a node that is up.
    pub fn add_node(&self, spec: NodeSpec) -> NodeId {
        let mut nodes = self.shared.nodes.borrow_mut();
        let id = NodeId(nodes.len() as u32);
        self.shared.net.borrow_mut().by_ip.insert(spec.ip, id);
        let stream = |purpose| Entropy::keyed(self.shared.seed, &spec.name, purpose);
        nodes.push(Node {
            state: NodeState::Up,
            paused: false,
            deferred: Vec::new(),
            skew: 0,
            app: stream("app"),
            proxy: stream("proxy"),
            crypto: stream("crypto"),
            net: stream("net"),
            next_port: 0,
            spec,
        });
        id
    }

    /// The world as one role of a node sees it.
    pub fn rt(&self, node: NodeId, role: Role) -> SimRt {
        SimRt::new(self.shared.id, node, role)
    }

    /// Runs everything that happens up to and including `at`.
    ///
    /// # Errors
    /// When time stops advancing: a task wakes itself for ever.
    pub fn run_until(&self, at: Instant) -> Result<(), Livelock> {
        let shared = &*self.shared;
        shared.exec.run_until(at, |event| shared.net_event(event))
    }

    pub fn run_for(&self, d: Duration) -> Result<(), Livelock> {
        self.run_until(self.now() + d)
    }

    /// A random stream of its own for `owner` and `purpose`.
    pub fn entropy(&self, owner: &str, purpose: &str) -> Entropy {
        Entropy::keyed(self.shared.seed, owner, purpose)
    }

    // --- faults on nodes ---

    /// Drops all tasks, listeners and connections of a node.
    pub fn crash(&self, node: NodeId, how: Crash) {
        self.shared.nodes.borrow_mut()[node.0 as usize].state = NodeState::Down(how);
        self.shared.trace("crash", node, &[]);
        self.shared.sever(node, how);
        self.unpause(node);
        self.shared.exec.kill(node, None);
    }

    /// Brings a crashed node back, empty: its owner starts its processes again. Peers that still
    /// hold connections from before are reset.
    pub fn restart(&self, node: NodeId) {
        self.shared.nodes.borrow_mut()[node.0 as usize].state = NodeState::Up;
        self.shared.trace("restart", node, &[]);
        self.shared.reset_stale(node);
    }

    /// Kills the processes of one role; the node stays up. What they had open is closed by the
    /// kernel.
    pub fn kill(&self, node: NodeId, role: Role) {
        self.shared.trace("kill", node, &[role as u8]);
        self.shared.exec.kill(node, Some(role));
    }

    /// Stops the world of a node: nothing in it runs until [`World::unpause`].
    pub fn pause(&self, node: NodeId) {
        self.shared.trace("pause", node, &[]);
        self.shared.nodes.borrow_mut()[node.0 as usize].paused = true;
    }

    pub fn unpause(&self, node: NodeId) {
        let mut nodes = self.shared.nodes.borrow_mut();
        let node = &mut nodes[node.0 as usize];
        node.paused = false;
        let deferred = core::mem::take(&mut node.deferred);
        drop(nodes);
        self.shared.exec.resume(deferred);
    }

    /// Sets by how many nanoseconds the wall clock of a node is wrong.
    pub fn skew(&self, node: NodeId, nanos: i64) {
        self.shared.nodes.borrow_mut()[node.0 as usize].skew = nanos;
    }

    // --- faults on the network ---

    /// Replaces the rules of the links; each one that matches patches the link, in their order.
    /// Open connections follow.
    pub fn set_links(&self, rules: Vec<LinkRule>) {
        self.shared.set_links(rules);
    }

    /// Drops every packet from `from` to `to`, and back when `both`. Returns what heals it.
    pub fn partition(&self, from: Place, to: Place, both: bool) -> u64 {
        self.shared.partition(from, to, both)
    }

    /// Ends a partition: retransmissions get through.
    pub fn heal(&self, partition: u64) {
        self.shared.heal(partition);
    }

    /// Refuses new connections to matching nodes (RST) until [`World::unrefuse`].
    pub fn refuse(&self, to: Place) -> u64 {
        self.shared.net.borrow_mut().refuse(to)
    }

    pub fn unrefuse(&self, rule: u64) {
        self.shared.net.borrow_mut().unrefuse(rule);
    }

    /// Resets every open connection of matching nodes, as a middlebox that lost its state does.
    pub fn reset_connections(&self, of: &Place) {
        self.shared.reset_connections(of);
    }

    // --- names and addresses ---

    /// Makes `name` (fully qualified, lower case) resolve; an empty list exists without addresses.
    pub fn set_dns(&self, name: &str, addresses: Vec<IpAddr>) {
        self.shared.net.borrow_mut().dns.set(name, addresses);
    }

    /// DNS answers nothing (`true`) or works again.
    pub fn set_dns_down(&self, down: bool) {
        self.shared.net.borrow_mut().dns.down = down;
    }

    /// How long DNS takes to answer.
    pub fn set_dns_time(&self, time: Dist) {
        self.shared.net.borrow_mut().dns.time = time;
    }

    /// What the node-local load balancer (kube-proxy) does with a ClusterIP and port.
    pub fn set_service(&self, address: SocketAddr, endpoints: Vec<SocketAddr>) {
        self.shared
            .net
            .borrow_mut()
            .services
            .insert(address, endpoints);
    }

    pub fn remove_service(&self, address: SocketAddr) {
        self.shared.net.borrow_mut().services.remove(&address);
    }

    // --- evidence ---

    /// Adds an application event to the trace hash.
    pub fn note(&self, what: &'static str, node: NodeId, data: &[u8]) {
        self.shared.trace(what, node, data);
    }

    /// Adds an event of the world itself to the trace hash.
    pub(crate) fn mark(&self, what: &'static str, number: u64) {
        let now = self.now();
        self.shared
            .trace
            .borrow_mut()
            .event(now, what, u32::MAX, &number.to_le_bytes());
    }

    /// Hash over all application events and network writes so far.
    pub fn trace_hash(&self) -> u64 {
        self.shared.trace.borrow().hash()
    }

    /// The events, when they are kept.
    pub fn trace_events(&self) -> Vec<TraceEvent> {
        self.shared.trace.borrow().events().to_vec()
    }

    pub fn stats(&self) -> NetStats {
        self.shared.net.borrow().stats()
    }

    pub fn live_tasks(&self) -> usize {
        self.shared.exec.live_tasks()
    }

    pub fn live_timers(&self) -> usize {
        self.shared.exec.live_timers()
    }

    /// Polls of tasks so far.
    pub fn polls(&self) -> u64 {
        self.shared.exec.polls()
    }

    pub fn node_name(&self, node: NodeId) -> String {
        self.shared.nodes.borrow()[node.0 as usize]
            .spec
            .name
            .clone()
    }

    pub fn is_up(&self, node: NodeId) -> bool {
        self.shared.nodes.borrow()[node.0 as usize].state == NodeState::Up
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.shared.exec.clear();
        WORLD_ID.set(0);
        let world = WORLD.with(|w| w.borrow_mut().take());
        drop(world);
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World")
            .field("now", &self.now())
            .finish_non_exhaustive()
    }
}

// === impl Shared ===

impl Shared {
    pub(crate) fn trace(&self, what: &'static str, node: NodeId, data: &[u8]) {
        let now = self.exec.now();
        self.trace.borrow_mut().event(now, what, node.0, data);
    }

    pub(crate) fn net_timer(&self, at: Instant, event: NetEvent) -> crate::exec::wheel::TimerKey {
        self.exec.timer(at, Event::Net(event))
    }

    pub(crate) fn wall(&self, node: NodeId) -> Wall {
        let skew = self.nodes.borrow()[node.0 as usize].skew;
        let wall = EPOCH.0.saturating_add(self.exec.now().as_nanos());
        Wall(wall.saturating_add_signed(skew))
    }

    pub(crate) fn dns_time(&self, node: NodeId) -> Duration {
        let time = self.net.borrow().dns.time.clone();
        time.sample(&mut self.nodes.borrow_mut()[node.0 as usize].net)
    }

    pub(crate) fn rand(&self, node: NodeId, role: Role) -> u64 {
        let node = &mut self.nodes.borrow_mut()[node.0 as usize];
        match role {
            Role::App => node.app.u64(),
            Role::Proxy => node.proxy.u64(),
        }
    }
}
