//! The seam on tokio's paused clock: a virtual microsecond is a millisecond of tokio's, the finest
//! it knows. For one test; it has latency and capture, and nothing else of a network.

use core::future::Future;
use core::net::SocketAddr;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use bytes::{Buf, Bytes};
use engine::entropy::Entropy;
use engine::time::{Instant, Wall};
use proxy::net::{Abort, Accept, ConnInfo, Resolved, Rt};
use sim::world::EPOCH;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc;
use tokio::time::{Sleep, sleep_until};

use super::{LATENCY, PODS, PORT, ip};

const SCALE: u32 = 1000;

#[derive(Clone)]
pub(crate) struct ClockRt {
    pod: usize,
    captured: bool,
    net: Arc<Net>,
}

struct Net {
    start: tokio::time::Instant,
    /// By pod and port.
    listeners: Mutex<BTreeMap<(usize, u16), Backlog>>,
    draws: Mutex<Entropy>,
}

type Backlog = mpsc::UnboundedSender<(Io, ConnInfo)>;

pub(crate) struct Io {
    latency: Duration,
    start: tokio::time::Instant,
    out: Option<mpsc::UnboundedSender<(Instant, Bytes)>>,
    incoming: mpsc::UnboundedReceiver<(Instant, Bytes)>,
    next: Option<(Pin<Box<Sleep>>, Bytes)>,
}

pub(crate) struct Listener {
    at: SocketAddr,
    queue: mpsc::UnboundedReceiver<(Io, ConnInfo)>,
}

/// Runs `f` with the application's and the proxy's runtime of both pods.
pub(crate) fn run<T, F>(f: impl FnOnce([ClockRt; 2], [ClockRt; 2]) -> F) -> T
where
    F: Future<Output = T>,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let net = Arc::new(Net {
            start: tokio::time::Instant::now(),
            listeners: Mutex::default(),
            draws: Mutex::new(Entropy::from_seed(3)),
        });
        let rts = |captured| {
            [0, 1].map(|pod| ClockRt {
                pod,
                captured,
                net: net.clone(),
            })
        };
        f(rts(true), rts(false)).await
    })
}

fn to_tokio(start: tokio::time::Instant, at: Instant) -> tokio::time::Instant {
    start + at.since(Instant::ZERO) * SCALE
}

fn now(start: tokio::time::Instant) -> Instant {
    Instant::ZERO + start.elapsed() / SCALE
}

// === impl ClockRt ===

impl ClockRt {
    /// The pod, port and original destination that a connect reaches.
    fn route(&self, to: SocketAddr) -> (usize, u16, Option<SocketAddr>) {
        if to.ip().is_loopback() || to.ip() == ip(self.pod) {
            return (self.pod, to.port(), None);
        }
        if self.captured {
            return (self.pod, 14001, Some(to));
        }
        let pod = (0..PODS.len()).find(|p| ip(*p) == to.ip()).expect("a pod");
        assert_eq!(to.port(), PORT);
        (pod, 14006, Some(to))
    }
}

impl Rt for ClockRt {
    type Io = Io;
    type Listener = Listener;
    type Sleep = Sleeping;

    fn now(&self) -> Instant {
        now(self.net.start)
    }

    fn wall(&self) -> Wall {
        Wall(EPOCH.0 + self.now().as_nanos())
    }

    fn sleep_until(&self, at: Instant) -> Sleeping {
        // tokio's clock ends before ours does.
        let year = Instant::ZERO + Duration::from_secs(86_400 * 365);
        Sleeping((at < year).then(|| Box::pin(sleep_until(to_tokio(self.net.start, at)))))
    }

    fn spawn(&self, f: impl Future<Output = ()> + Send + 'static) {
        tokio::runtime::Handle::current().spawn(f);
    }

    async fn connect(&self, to: SocketAddr) -> io::Result<Io> {
        let (pod, port, original_dst) = self.route(to);
        let latency = match pod == self.pod {
            true => Duration::ZERO,
            false => LATENCY,
        };
        let listener = self
            .net
            .listeners
            .lock()
            .unwrap()
            .get(&(pod, port))
            .cloned();
        if !latency.is_zero() {
            self.sleep_until(self.now() + latency * 2).await;
        }
        let listener = listener.ok_or(io::ErrorKind::ConnectionRefused)?;
        let ((a, from_a), (b, from_b)) = (mpsc::unbounded_channel(), mpsc::unbounded_channel());
        let io = |out, incoming| Io {
            latency,
            start: self.net.start,
            out: Some(out),
            incoming,
            next: None,
        };
        let info = ConnInfo {
            peer: SocketAddr::new(ip(self.pod), 40_000),
            local: SocketAddr::new(ip(pod), port),
            original_dst,
        };
        let _ = listener.send((io(b, from_a), info));
        Ok(io(a, from_b))
    }

    async fn listen(&self, at: SocketAddr) -> io::Result<Listener> {
        let (sender, queue) = mpsc::unbounded_channel();
        self.net
            .listeners
            .lock()
            .unwrap()
            .insert((self.pod, at.port()), sender);
        Ok(Listener { at, queue })
    }

    async fn resolve(&self, _name: &str) -> io::Result<Resolved> {
        Err(io::ErrorKind::NotFound.into())
    }

    async fn send_datagrams(&self, _: SocketAddr, _: Vec<Bytes>) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn rand(&self) -> u64 {
        self.net.draws.lock().unwrap().u64()
    }
}

/// A sleep that may be for ever.
pub(crate) struct Sleeping(Option<Pin<Box<Sleep>>>);

impl Future for Sleeping {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.0 {
            Some(sleep) => sleep.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }
}

// === impl Listener ===

impl Accept for Listener {
    type Io = Io;

    async fn accept(&mut self) -> io::Result<(Io, ConnInfo)> {
        self.queue
            .recv()
            .await
            .ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    fn local_addr(&self) -> SocketAddr {
        self.at
    }
}

// === impl Io ===

impl AsyncRead for Io {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.next.is_none() {
            let Some((at, data)) = ready!(this.incoming.poll_recv(cx)) else {
                return Poll::Ready(Ok(()));
            };
            this.next = Some((Box::pin(sleep_until(to_tokio(this.start, at))), data));
        }
        if let Some((arrival, data)) = &mut this.next {
            if !this.latency.is_zero() {
                ready!(arrival.as_mut().poll(cx));
            }
            let n = data.len().min(buf.remaining());
            buf.put_slice(&data[..n]);
            data.advance(n);
            if data.is_empty() {
                this.next = None;
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Io {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let at = now(self.start) + self.latency;
        let sent = self
            .out
            .as_ref()
            .map(|o| o.send((at, Bytes::copy_from_slice(data))));
        Poll::Ready(match sent {
            Some(Ok(())) => Ok(data.len()),
            _ => Err(io::ErrorKind::BrokenPipe.into()),
        })
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.out = None;
        Poll::Ready(Ok(()))
    }
}

impl Abort for Io {
    fn abort(&mut self) {
        self.out = None;
        self.incoming.close();
    }
}
