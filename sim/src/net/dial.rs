//! Opening a connection: who it reaches, the handshake, and the ways it fails.
//!
//! ```text
//!   app ──connect──▶ captured? ──yes──▶ own sidecar's outbound listener (loopback, at once)
//!                        │no
//!                        ▼
//!                own address? the proxy: its own inbound listener; others: the port itself
//!                        │no
//!                        ▼
//!                ClusterIP? one endpoint is drawn, as kube-proxy does
//!                        ▼
//!        SYN ──latency──▶ pod in the mesh? its inbound listener : the port itself
//!            ◀──latency── accepted, or refused; a lost SYN is sent again after 1, 2, 4 … s
//! ```

use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::task::Waker;
use core::time::Duration;
use std::io;

use engine::entropy::Entropy;
use proxy::net::ConnInfo;

use super::NetEvent;
use super::pipe::Pipe;
use super::state::{BACKLOG, Conn, ConnEnd, ConnKey, EndState, Key, Net};
use crate::exec::wheel::TimerKey;
use crate::world::{Capture, Crash, Node, NodeId, NodeState, Role, Shared};

/// Linux's `tcp_syn_retries`: with a first timeout of 1 s that doubles, a connect to nowhere fails
/// after 127 s.
const SYN_RETRIES: u32 = 6;
const SYN_TIMEOUT: Duration = Duration::from_secs(1);

/// The first ephemeral port of Linux, and how many there are.
const EPHEMERAL_FIRST: u16 = 32_768;
const EPHEMERAL_COUNT: u16 = 28_232;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A connect under way.
pub(crate) struct Dial {
    from: NodeId,
    to: Target,
    local: SocketAddr,
    attempt: u32,
    pub(crate) timer: Option<TimerKey>,
    pub(crate) waker: Option<Waker>,
    pub(crate) result: Option<io::Result<ConnKey>>,
}

/// Where a connect ends up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Target {
    /// `None`: nobody has the address.
    node: Option<NodeId>,
    port: u16,
    original_dst: Option<SocketAddr>,
}

/// What a connect led to at once.
pub(crate) enum Started {
    Done(io::Result<ConnKey>),
    UnderWay(Key),
}

// === impl Shared: connects ===

impl Shared {
    /// `app`: it is for the application of the own node, past its proxy.
    pub(crate) fn start_dial(
        &self,
        from: NodeId,
        role: Role,
        to: SocketAddr,
        app: bool,
    ) -> Started {
        let mut nodes = self.nodes.borrow_mut();
        let node = &mut nodes[from.0 as usize];
        if node.state != NodeState::Up {
            return Started::Done(Err(io::ErrorKind::NetworkUnreachable.into()));
        }
        let port = EPHEMERAL_FIRST + node.next_port;
        node.next_port = (node.next_port + 1) % EPHEMERAL_COUNT;
        let mut net = self.net.borrow_mut();
        let Some(target) = net.route(&mut nodes, from, role, to, app) else {
            return Started::Done(Err(refused()));
        };
        if target.node == Some(from) {
            // Who is captured keeps the address that it would have called from.
            let ip = match target.original_dst {
                Some(_) => nodes[from.0 as usize].spec.ip,
                None => LOOPBACK,
            };
            let local = SocketAddr::new(ip, port);
            return Started::Done(self.open(&mut net, &nodes, from, local, target).map(
                |(k, i)| {
                    net.enqueue(from, target.port, k, i);
                    k
                },
            ));
        }
        if target.node.is_none() {
            net.counts.connects_to_nowhere += 1;
        }
        let key = net.dials.insert(Dial {
            from,
            to: target,
            local: SocketAddr::new(nodes[from.0 as usize].spec.ip, port),
            attempt: 0,
            timer: None,
            waker: None,
            result: None,
        });
        self.send_syn(&mut net, &mut nodes, key);
        Started::UnderWay(key)
    }

    /// Sends the first packet, or finds that it is lost.
    fn send_syn(&self, net: &mut Net, nodes: &mut [Node], key: Key) {
        let now = self.exec.now();
        let Some(dial) = net.dials.get_mut(key) else {
            return;
        };
        let (from, to, attempt) = (dial.from, dial.to.node, dial.attempt);
        let reached = to.filter(|to| {
            nodes[to.0 as usize].state != NodeState::Down(Crash::Silent)
                && !net.is_blocked(nodes, from, *to)
        });
        let (at, event) = match reached {
            Some(to) => (now + one_way(net, nodes, from, to), NetEvent::Syn { key }),
            None => (
                now + SYN_TIMEOUT * (1 << attempt),
                NetEvent::SynRetry { key },
            ),
        };
        if let Some(dial) = net.dials.get_mut(key) {
            dial.timer = Some(self.net_timer(at, event));
        }
    }

    pub(crate) fn on_syn_retry(&self, key: Key) {
        let mut nodes = self.nodes.borrow_mut();
        let mut net = self.net.borrow_mut();
        let Some(dial) = net.dials.get_mut(key) else {
            return;
        };
        dial.attempt += 1;
        if dial.attempt > SYN_RETRIES {
            let silent = io::Error::new(io::ErrorKind::TimedOut, "no answer to connect");
            dial.finish(Err(silent));
            return;
        }
        self.send_syn(&mut net, &mut nodes, key);
    }

    /// The first packet arrives.
    pub(crate) fn on_syn(&self, key: Key) {
        let now = self.exec.now();
        let mut nodes = self.nodes.borrow_mut();
        let mut net = self.net.borrow_mut();
        let Some(dial) = net.dials.get_mut(key) else {
            return;
        };
        let (from, target, local, attempt) = (dial.from, dial.to, dial.local, dial.attempt);
        let Some(to) = target.node else {
            return;
        };
        let full = net
            .listeners
            .get(&(to, target.port))
            .is_some_and(|l| l.backlog.len() >= BACKLOG);
        let dead = nodes[to.0 as usize].state == NodeState::Down(Crash::Silent);
        let (at, event) = if full || dead || net.is_blocked(&nodes, to, from) {
            let started = now + SYN_TIMEOUT * (1 << attempt);
            (started, NetEvent::SynRetry { key })
        } else {
            let back = now + one_way(&mut net, &mut nodes, to, from);
            match self.open(&mut net, &nodes, from, local, target) {
                Ok((conn, info)) => {
                    let accepted = back + one_way(&mut net, &mut nodes, from, to);
                    let port = target.port;
                    self.net_timer(
                        accepted,
                        NetEvent::Accepted {
                            node: to,
                            port,
                            conn,
                            info,
                        },
                    );
                    (back, NetEvent::Connected { key, conn })
                }
                Err(_) => (back, NetEvent::Refused { key }),
            }
        };
        if let Some(dial) = net.dials.get_mut(key) {
            dial.timer = Some(self.net_timer(at, event));
        }
    }

    pub(crate) fn on_connected(&self, key: Key, conn: ConnKey) {
        let mut net = self.net.borrow_mut();
        if let Some(dial) = net.dials.get_mut(key) {
            dial.finish(Ok(conn));
            return;
        }
        drop(net);
        self.close(conn, 0, true);
    }

    pub(crate) fn on_refused(&self, key: Key) {
        if let Some(dial) = self.net.borrow_mut().dials.get_mut(key) {
            dial.finish(Err(refused()));
        }
    }

    pub(crate) fn on_accepted(&self, node: NodeId, port: u16, conn: ConnKey, info: ConnInfo) {
        let mut net = self.net.borrow_mut();
        if net.listeners.contains_key(&(node, port)) {
            net.enqueue(node, port, conn, info);
        } else {
            drop(net);
            self.close(conn, 1, true);
        }
    }

    /// Gives a connect up.
    pub(crate) fn cancel_dial(&self, key: Key) {
        let Some(dial) = self.net.borrow_mut().dials.remove(key) else {
            return;
        };
        match dial.result {
            Some(Ok(conn)) => self.close(conn, 0, true),
            Some(Err(_)) => {}
            // The connection may exist at the other side already: the handshake's own event finds
            // that nobody waits for it and resets it, so it has to come.
            None => {}
        }
    }

    /// Makes the connection, if somebody listens.
    fn open(
        &self,
        net: &mut Net,
        nodes: &[Node],
        from: NodeId,
        local: SocketAddr,
        target: Target,
    ) -> io::Result<(ConnKey, ConnInfo)> {
        let to = target.node.ok_or_else(refused)?;
        let listener = net.listeners.get(&(to, target.port)).ok_or_else(refused)?;
        let private = listener.at.ip().is_loopback() && from != to;
        let down = nodes[to.0 as usize].state != NodeState::Up;
        if private || down || (from != to && net.is_refused(nodes, to)) {
            return Err(refused());
        }
        let ip = if from == to {
            listener.at.ip()
        } else {
            nodes[to.0 as usize].spec.ip
        };
        let info = ConnInfo {
            peer: local,
            local: SocketAddr::new(ip, target.port),
            original_dst: target.original_dst,
        };
        let ordinal = net.opened.entry((from, to)).or_default();
        *ordinal += 1;
        let purpose = ordinal.to_string();
        let mut pipe = |a: NodeId, b: NodeId| {
            let (a_name, b_name) = (
                &nodes[a.0 as usize].spec.name,
                &nodes[b.0 as usize].spec.name,
            );
            let rng = match a == b {
                true => Entropy::from_seed(0),
                false => Entropy::keyed(self.seed, &format!("{a_name}>{b_name}"), &purpose),
            };
            Pipe::new(net.link(nodes, a, b), net.is_blocked(nodes, a, b), rng)
        };
        let pipes = [pipe(from, to), pipe(to, from)];
        let end = |node| ConnEnd {
            node,
            state: EndState::Open,
        };
        let conn = Conn {
            ends: [end(from), end(to)],
            pipes,
        };
        net.counts.connections_opened += 1;
        Ok((net.conns.insert(conn), info))
    }
}

// === impl Net: connects ===

impl Net {
    /// Where a connect goes; `None` when the service has no endpoints (kube-proxy rejects).
    fn route(
        &self,
        nodes: &mut [Node],
        from: NodeId,
        role: Role,
        to: SocketAddr,
        app: bool,
    ) -> Option<Target> {
        let node = &mut nodes[from.0 as usize];
        let here = to.ip() == node.spec.ip;
        if to.ip().is_loopback() || here {
            // A proxy that balances to its own pod comes in as any other client does.
            let capture = node.spec.capture.as_ref();
            let redirect = capture.filter(|_| here && role == Role::Proxy && !app);
            let redirect = redirect.filter(|c| c.takes(to.port()));
            return Some(Target {
                node: Some(from),
                port: redirect.map_or(to.port(), |c| c.inbound),
                original_dst: redirect.map(|_| to),
            });
        }
        if let (Role::App, Some(capture)) = (role, &node.spec.capture)
            && !within(&capture.skip_outbound, to.port())
        {
            return Some(Target {
                node: Some(from),
                port: capture.outbound,
                original_dst: Some(to),
            });
        }
        let to = match self.services.get(&to) {
            Some(endpoints) if endpoints.is_empty() => return None,
            Some(endpoints) => endpoints[node.net.index(endpoints.len())],
            None => to,
        };
        let dest = self.by_ip.get(&to.ip()).copied();
        let capture = dest.and_then(|d| nodes[d.0 as usize].spec.capture.as_ref());
        let redirect = capture.filter(|c| c.takes(to.port()));
        Some(Target {
            node: dest,
            port: redirect.map_or(to.port(), |c| c.inbound),
            original_dst: redirect.map(|_| to),
        })
    }

    fn enqueue(&mut self, node: NodeId, port: u16, conn: ConnKey, info: ConnInfo) {
        if let Some(listener) = self.listeners.get_mut(&(node, port)) {
            listener.backlog.push_back((conn, info));
            if let Some(waker) = listener.waker.take() {
                waker.wake();
            }
        }
    }
}

// === impl Capture ===

impl Capture {
    /// Whether connections to this port arrive at the proxy.
    fn takes(&self, port: u16) -> bool {
        !within(&self.skip_inbound, port) && port != self.inbound
    }
}

// === impl Dial ===

impl Dial {
    fn finish(&mut self, result: io::Result<ConnKey>) {
        self.result = Some(result);
        self.timer = None;
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// The latency of one small packet of a handshake.
fn one_way(net: &mut Net, nodes: &mut [Node], from: NodeId, to: NodeId) -> Duration {
    match net.link(nodes, from, to) {
        Some(link) => link.delay(0, &mut nodes[from.0 as usize].net),
        None => Duration::ZERO,
    }
}

fn within(ranges: &[(u16, u16)], port: u16) -> bool {
    let mut ranges = ranges.iter();
    ranges.any(|(from, to)| (*from..=*to).contains(&port))
}

fn refused() -> io::Error {
    io::ErrorKind::ConnectionRefused.into()
}
