//! The virtual network: the simulator's implementation of the proxy's seam.
//!
//! Connections are pairs of byte pipes with latency, a window and an end; there are no packets, but
//! what packets do to a stream is modelled: loss delays, partitions hold back, resets cut.
//! Inside a node everything arrives at once.
//!
//! Not modelled: congestion control and slow start, acknowledgements (a window opens when the
//! reader reads, not half a round trip later), keep-alive probes, fragmentation.

use core::future::Future;
use core::net::SocketAddr;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::collections::VecDeque;
use std::io;

use bytes::Bytes;
use engine::time::{Instant, Wall};
use proxy::net::{Abort, Accept, ConnInfo, Resolved, Rt};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::exec::Event;
use crate::exec::wheel::TimerKey;
use crate::world::{self, NodeId, Role, Shared};

pub(crate) mod block;
pub(crate) mod conn;
pub(crate) mod dial;
pub(crate) mod dns;
pub(crate) mod hop;
pub mod link;
pub(crate) mod pipe;
pub(crate) mod state;
pub mod trace;

use dial::Started;
use state::{ConnKey, Key, Listener};

pub use pipe::WINDOW;
pub use state::NetStats;

/// The world as one role of a node sees it.
#[derive(Clone, Copy, Debug)]
pub struct SimRt {
    world: u64,
    node: NodeId,
    role: Role,
}

/// One end of a connection.
#[derive(Debug)]
pub struct SimIo {
    world: u64,
    key: ConnKey,
    /// 0: who connected; 1: who accepted.
    end: usize,
}

#[derive(Debug)]
pub struct SimListener {
    world: u64,
    node: NodeId,
    at: SocketAddr,
    generation: u64,
}

#[derive(Debug)]
pub struct SimSleep {
    world: u64,
    at: Instant,
    timer: Option<TimerKey>,
}

/// What the network does at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NetEvent {
    /// The first of what `pipes[from]` holds arrives.
    Arrival {
        key: ConnKey,
        from: usize,
    },
    ResetArrival {
        key: ConnKey,
        from: usize,
    },
    Syn {
        key: Key,
    },
    SynRetry {
        key: Key,
    },
    Connected {
        key: Key,
        conn: ConnKey,
    },
    Refused {
        key: Key,
    },
    Accepted {
        node: NodeId,
        port: u16,
        conn: ConnKey,
        info: ConnInfo,
    },
}

struct Connect {
    rt: SimRt,
    /// To the application of the own node, past its proxy.
    app: bool,
    to: SocketAddr,
    dial: Option<Key>,
}

// === impl Shared: events ===

impl Shared {
    pub(crate) fn net_event(&self, event: NetEvent) {
        match event {
            NetEvent::Arrival { key, from } => self.on_arrival(key, from),
            NetEvent::ResetArrival { key, from } => self.on_reset_arrival(key, from),
            NetEvent::Syn { key } => self.on_syn(key),
            NetEvent::SynRetry { key } => self.on_syn_retry(key),
            NetEvent::Connected { key, conn } => self.on_connected(key, conn),
            NetEvent::Refused { key } => self.on_refused(key),
            NetEvent::Accepted {
                node,
                port,
                conn,
                info,
            } => self.on_accepted(node, port, conn, info),
        }
    }
}

// === impl SimRt ===

impl SimRt {
    pub(crate) fn new(world: u64, node: NodeId, role: Role) -> Self {
        Self { world, node, role }
    }

    pub fn node(&self) -> NodeId {
        self.node
    }

    /// Adds an application event to the trace hash.
    pub fn note(&self, what: &'static str, data: &[u8]) {
        world::with(self.world, |w| w.trace(what, self.node, data));
    }

    fn io(&self, key: ConnKey, end: usize) -> SimIo {
        SimIo {
            world: self.world,
            key,
            end,
        }
    }
}

impl Rt for SimRt {
    type Io = SimIo;
    type Listener = SimListener;
    type Sleep = SimSleep;

    fn now(&self) -> Instant {
        world::with(self.world, |w| w.exec.now()).unwrap_or(Instant::FAR_FUTURE)
    }

    fn wall(&self) -> Wall {
        world::with(self.world, |w| w.wall(self.node)).unwrap_or_default()
    }

    fn sleep_until(&self, at: Instant) -> SimSleep {
        SimSleep {
            world: self.world,
            at,
            timer: None,
        }
    }

    fn spawn(&self, f: impl Future<Output = ()> + Send + 'static) {
        world::with(self.world, |w| {
            let up = w.nodes.borrow()[self.node.0 as usize].state == world::NodeState::Up;
            if up {
                w.exec.spawn(self.node, self.role, f);
            }
        });
    }

    fn connect(&self, to: SocketAddr) -> impl Future<Output = io::Result<SimIo>> + Send {
        Connect {
            rt: *self,
            app: false,
            to,
            dial: None,
        }
    }

    fn connect_app(&self, to: SocketAddr) -> impl Future<Output = io::Result<SimIo>> + Send {
        Connect {
            rt: *self,
            app: true,
            to,
            dial: None,
        }
    }

    async fn listen(&self, at: SocketAddr) -> io::Result<SimListener> {
        world::with(self.world, |w| {
            let mut net = w.net.borrow_mut();
            let generation = net.rule_id();
            let free = |p: &u16| !net.listeners.contains_key(&(self.node, *p));
            let port = match at.port() {
                0 => (1024..u16::MAX).find(free),
                port => Some(port).filter(free),
            };
            let Some(port) = port else {
                return Err(io::ErrorKind::AddrInUse.into());
            };
            let at = SocketAddr::new(at.ip(), port);
            let listener = Listener {
                generation,
                at,
                backlog: VecDeque::new(),
                waker: None,
            };
            net.listeners.insert((self.node, port), listener);
            Ok(SimListener {
                world: self.world,
                node: self.node,
                at,
                generation,
            })
        })
        .unwrap_or_else(|| Err(over()))
    }

    async fn resolve(&self, name: &str) -> io::Result<Resolved> {
        let time = world::with(self.world, |w| w.dns_time(self.node)).unwrap_or_default();
        self.sleep_until(self.now() + time).await;
        world::with(self.world, |w| {
            let nodes = w.nodes.borrow();
            let namespace = &nodes[self.node.0 as usize].spec.namespace;
            let addresses = w.net.borrow().dns.lookup(name, namespace)?;
            Ok(Resolved { addresses })
        })
        .unwrap_or_else(|| Err(over()))
    }

    /// The virtual network has no UDP: nothing in it pushes metrics.
    async fn send_datagrams(&self, _: SocketAddr, _: Vec<Bytes>) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn rand(&self) -> u64 {
        world::with(self.world, |w| w.rand(self.node, self.role)).unwrap_or_default()
    }
}

// === impl SimSleep ===

impl Future for SimSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let (at, timer) = (self.at, self.timer);
        let outcome = world::with(self.world, |w| {
            if at <= w.exec.now() {
                return Poll::Ready(());
            }
            if at == Instant::FAR_FUTURE {
                return Poll::Pending;
            }
            if !timer.is_some_and(|t| w.exec.rewake(t, cx.waker())) {
                let event = Event::Wake(cx.waker().clone());
                self.timer = Some(w.exec.timer(at, event));
            }
            Poll::Pending
        });
        outcome.unwrap_or(Poll::Pending)
    }
}

impl Drop for SimSleep {
    fn drop(&mut self) {
        if let Some(timer) = self.timer {
            world::with(self.world, |w| w.exec.cancel(timer));
        }
    }
}

// === impl Connect ===

impl Future for Connect {
    type Output = io::Result<SimIo>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (rt, to) = (self.rt, self.to);
        let outcome = world::with(rt.world, |w| {
            let dial = match self.dial {
                Some(dial) => dial,
                None => match w.start_dial(rt.node, rt.role, to, self.app) {
                    Started::Done(result) => return Poll::Ready(result),
                    Started::UnderWay(dial) => *self.dial.insert(dial),
                },
            };
            let mut net = w.net.borrow_mut();
            let Some(state) = net.dials.get_mut(dial) else {
                return Poll::Ready(Err(over()));
            };
            match state.result.take() {
                Some(result) => {
                    net.dials.remove(dial);
                    self.dial = None;
                    Poll::Ready(result)
                }
                None => {
                    conn::remember(&mut state.waker, cx.waker());
                    Poll::Pending
                }
            }
        });
        let outcome = outcome.unwrap_or_else(|| Poll::Ready(Err(over())));
        outcome.map(|result| result.map(|key| rt.io(key, 0)))
    }
}

impl Drop for Connect {
    fn drop(&mut self) {
        if let Some(dial) = self.dial {
            world::with(self.rt.world, |w| w.cancel_dial(dial));
        }
    }
}

// === impl SimListener ===

impl SimListener {
    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(SimIo, ConnInfo)>> {
        let outcome = world::with(self.world, |w| {
            let mut net = w.net.borrow_mut();
            let listener = net.listeners.get_mut(&(self.node, self.at.port()));
            let Some(listener) = listener.filter(|l| l.generation == self.generation) else {
                return Poll::Pending;
            };
            match listener.backlog.pop_front() {
                Some(conn) => Poll::Ready(conn),
                None => {
                    conn::remember(&mut listener.waker, cx.waker());
                    Poll::Pending
                }
            }
        });
        let Some(Poll::Ready((key, info))) = outcome else {
            return Poll::Pending;
        };
        let io = SimIo {
            world: self.world,
            key,
            end: 1,
        };
        Poll::Ready(Ok((io, info)))
    }
}

impl Accept for SimListener {
    type Io = SimIo;

    fn accept(&mut self) -> impl Future<Output = io::Result<(SimIo, ConnInfo)>> + Send {
        core::future::poll_fn(|cx| self.poll_accept(cx))
    }

    fn local_addr(&self) -> SocketAddr {
        self.at
    }
}

impl Drop for SimListener {
    fn drop(&mut self) {
        world::with(self.world, |w| {
            let mut net = w.net.borrow_mut();
            let place = (self.node, self.at.port());
            let ours = |l: &Listener| l.generation == self.generation;
            if !net.listeners.get(&place).is_some_and(ours) {
                return;
            }
            let listener = net.listeners.remove(&place);
            drop(net);
            for (key, _) in listener.into_iter().flat_map(|l| l.backlog) {
                w.close(key, 1, true);
            }
        });
    }
}

// === impl SimIo ===

impl AsyncRead for SimIo {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        world::with(self.world, |w| {
            w.poll_read(self.key, self.end, cx.waker(), buf)
        })
        .unwrap_or_else(|| Poll::Ready(Err(over())))
    }
}

impl AsyncWrite for SimIo {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        world::with(self.world, |w| {
            w.poll_write(self.key, self.end, cx.waker(), data)
        })
        .unwrap_or_else(|| Poll::Ready(Err(over())))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = world::with(self.world, |w| w.shutdown(self.key, self.end));
        Poll::Ready(done.unwrap_or_else(|| Err(over())))
    }
}

impl Abort for SimIo {
    fn abort(&mut self) {
        world::with(self.world, |w| w.close(self.key, self.end, true));
    }
}

impl Drop for SimIo {
    fn drop(&mut self) {
        world::with(self.world, |w| w.close(self.key, self.end, false));
    }
}

fn over() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, "the simulated world is over")
}

#[cfg(test)]
mod tests;
