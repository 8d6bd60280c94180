//! A network in memory for tests: nodes with addresses, capture as sidecars have it, refused and
//! unanswered connects, resets. Time is tokio's and can be paused.
#![expect(
    clippy::disallowed_methods,
    reason = "an implementation of the seam for tests"
)]

use core::future::Future;
use core::pin::Pin;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::task::{Context, Poll};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use engine::time::{Instant, Wall};
use tokio::io::{AsyncRead, DuplexStream, ReadBuf};
use tokio::sync::mpsc;

use super::{Abort, Accept, ConnInfo, Resolved, Rt, write_through};

pub(crate) const OUTBOUND: u16 = 14001;
pub(crate) const INBOUND: u16 = 14006;
/// 2026-01-01T00:00:00Z
pub(crate) const EPOCH: u64 = 1_767_225_600;

type Incoming = (TestIo, ConnInfo);

#[derive(Clone, Default)]
pub(crate) struct World(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    listeners: BTreeMap<SocketAddr, mpsc::UnboundedSender<Incoming>>,
    meshed: BTreeSet<IpAddr>,
    connects: BTreeMap<SocketAddr, usize>,
    port: u16,
    datagrams: Vec<(SocketAddr, Bytes)>,
}

/// One runtime on a node: the application's (captured) or the proxy's (not captured).
#[derive(Clone)]
pub(crate) struct Node {
    world: World,
    ip: IpAddr,
    captured: bool,
    origin: tokio::time::Instant,
    rand: Arc<AtomicU64>,
}

pub(crate) struct TestIo {
    io: DuplexStream,
    reset: Arc<AtomicBool>,
}

pub(crate) struct TestListener {
    local: SocketAddr,
    incoming: mpsc::UnboundedReceiver<Incoming>,
}

impl World {
    /// A runtime of the pod `ip`; captured: its connects go through the pod's outbound listener.
    pub(crate) fn node(&self, ip: &str, captured: bool) -> Node {
        Node {
            world: self.clone(),
            ip: ip.parse().unwrap(),
            captured,
            origin: tokio::time::Instant::now(),
            rand: Arc::new(AtomicU64::new(1)),
        }
    }

    /// Connects to the pod go to its inbound listener from now on.
    pub(crate) fn mesh(&self, ip: &str) {
        self.0.lock().unwrap().meshed.insert(ip.parse().unwrap());
    }

    /// The datagrams that were sent, with where to.
    pub(crate) fn datagrams(&self) -> Vec<(SocketAddr, Bytes)> {
        self.0.lock().unwrap().datagrams.clone()
    }

    /// How many connects were made to where (after capture).
    pub(crate) fn connects(&self, to: &str) -> usize {
        let to: SocketAddr = to.parse().unwrap();
        *self.0.lock().unwrap().connects.get(&to).unwrap_or(&0)
    }
}

impl Node {
    pub(crate) fn ip(&self) -> IpAddr {
        self.ip
    }
}

impl Rt for Node {
    type Io = TestIo;
    type Listener = TestListener;
    type Sleep = tokio::time::Sleep;

    fn now(&self) -> Instant {
        Instant::ZERO + (tokio::time::Instant::now() - self.origin)
    }

    fn wall(&self) -> Wall {
        Wall(EPOCH * 1_000_000_000 + self.now().as_nanos())
    }

    fn sleep_until(&self, at: Instant) -> Self::Sleep {
        let max = core::time::Duration::from_secs(30 * 24 * 3600);
        tokio::time::sleep(at.since(self.now()).min(max))
    }

    fn spawn(&self, f: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(f);
    }

    async fn connect(&self, to: SocketAddr) -> io::Result<TestIo> {
        tokio::task::yield_now().await;
        let (listener, info) = {
            let mut world = self.world.0.lock().unwrap();
            let (at, original_dst) = if self.captured && world.meshed.contains(&self.ip) {
                (SocketAddr::new(self.ip, OUTBOUND), Some(to))
            } else if to.ip() != self.ip && world.meshed.contains(&to.ip()) {
                (SocketAddr::new(to.ip(), INBOUND), Some(to))
            } else {
                (to, None)
            };
            *world.connects.entry(at).or_default() += 1;
            world.port = world.port.wrapping_add(1);
            let peer = SocketAddr::new(self.ip, 30000 + world.port % 30000);
            let info = ConnInfo {
                peer,
                local: at,
                original_dst,
            };
            (world.listeners.get(&at).cloned(), info)
        };
        let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
        let (a, b) = tokio::io::duplex(64 * 1024);
        let reset = Arc::new(AtomicBool::new(false));
        let io = |io| TestIo {
            io,
            reset: reset.clone(),
        };
        listener
            .ok_or_else(refused)?
            .send((io(b), info))
            .map_err(|_| refused())?;
        Ok(io(a))
    }

    async fn listen(&self, at: SocketAddr) -> io::Result<TestListener> {
        let (tx, incoming) = mpsc::unbounded_channel();
        self.world.0.lock().unwrap().listeners.insert(at, tx);
        Ok(TestListener {
            local: at,
            incoming,
        })
    }

    async fn resolve(&self, _name: &str) -> io::Result<Resolved> {
        Err(io::ErrorKind::NotFound.into())
    }

    async fn send_datagrams(&self, to: SocketAddr, datagrams: Vec<Bytes>) -> io::Result<()> {
        let mut world = self.world.0.lock().unwrap();
        world
            .datagrams
            .extend(datagrams.into_iter().map(|d| (to, d)));
        Ok(())
    }

    fn rand(&self) -> u64 {
        let n = self.rand.fetch_add(1, Ordering::Relaxed);
        engine::entropy::Entropy::from_seed(n).u64()
    }
}

impl Accept for TestListener {
    type Io = TestIo;

    async fn accept(&mut self) -> io::Result<(TestIo, ConnInfo)> {
        match self.incoming.recv().await {
            Some(incoming) => Ok(incoming),
            None => core::future::pending().await,
        }
    }

    fn local_addr(&self) -> SocketAddr {
        self.local
    }
}

impl Abort for TestIo {
    fn abort(&mut self) {
        self.reset.store(true, Ordering::Relaxed);
    }
}

impl AsyncRead for TestIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.io).poll_read(cx, buf);
        let ended = matches!(polled, Poll::Ready(Ok(()))) && buf.filled().len() == before;
        if ended && self.reset.load(Ordering::Relaxed) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        polled
    }
}

write_through!([] TestIo, io);
