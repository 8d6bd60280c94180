//! Upstream connections: made once, used often, closed when idle.
//!
//! ```text
//!  Pool ─ Destination ─┬─ http1::Queue   one exchange at a time, newest idle first
//!                      └─ http2::Mux     many exchanges on one connection
//! ```
//!
//! A connect runs on a task of its own: a request that is cancelled while it waits does not take
//! the connection with it, and whoever comes next finds it ready. The pool knows no limits: whoever
//! enters it asks the engine before a connect is started, and the permit lives with the connection.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use engine::live::ConnectionPermit;
use engine::snapshot::ClusterKey;
use engine::time::{Duration, Instant};
use tokio::sync::oneshot;

use crate::http2::{Heard, KeepAlive};
use crate::net::{AnyIo, Rt};
use crate::telemetry::{EndpointRowId, Telemetry};
use crate::tls::{Alpn, Store};
use crate::{http1 as codec1, http2 as codec2};

pub mod connect;
pub(crate) mod exchange;
pub(crate) mod http1;
pub(crate) mod http2;

pub use connect::{Client, ConnectError, Peer, connect};

use exchange::Lease;
use http1::{Queue, Reusable};
use http2::{Found, Multiplexed, Mux, Share};

/// What is spoken on a connection, besides whether it is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wire {
    Http1,
    Http2,
}

/// Whom a connection belongs to. Two backends never share one, so that the limits of each hold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Destination {
    pub(crate) peer: Peer,
    /// None: the pod was addressed directly, or it is our own application.
    pub(crate) cluster: Option<ClusterKey>,
}

/// How long things may take, from the policy of the backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) connect: Duration,
    pub(crate) idle: Duration,
}

/// What whoever enters the pool finds.
pub(crate) enum Entered<R: Rt> {
    Ready(Lease<R>),
    Queued(Queued<R>),
}

/// A request that waits for a connection.
pub(crate) struct Queued<R: Rt> {
    pool: Arc<Pool<R>>,
    to: Destination,
    times: Times,
    wants_connect: bool,
    line: Line<R>,
}

enum Line<R: Rt> {
    One {
        home: Arc<One<R>>,
        next: oneshot::Receiver<Result<Pooled1<R>, ConnectError>>,
    },
    Many {
        home: Arc<Many>,
        next: oneshot::Receiver<Result<Share<Pooled2>, ConnectError>>,
    },
}

/// The upstream connections of one proxy.
pub(crate) struct Pool<R: Rt> {
    rt: R,
    tls: Arc<Store>,
    telemetry: Arc<Telemetry>,
    keep_alive: KeepAlive,
    inner: Mutex<Inner<R>>,
}

/// Who knows whether an HTTP/2 connection runs, besides its streams: its driver and the pool.
const HANDLES_IDLE: usize = 2;

struct Inner<R: Rt> {
    http1: BTreeMap<Destination, Arc<One<R>>>,
    http2: BTreeMap<Destination, Arc<Many>>,
    /// When idle connections are looked for next; none while there is nothing to look at.
    next_sweep: Option<Instant>,
    /// Counts the tasks that were started for it: only the last one goes on.
    sweeper: u64,
}

/// The HTTP/1.1 connections of one destination.
pub(crate) struct One<R: Rt> {
    queue: Queue<Pooled1<R>>,
    idle: Duration,
}

/// An HTTP/1.1 connection and what it holds.
pub(crate) struct Pooled1<R: Rt> {
    connection: codec1::ClientConn<AnyIo<R::Io>>,
    _hold: Hold,
}

/// What a connection holds from its connect to its end: a place under the limits, and one in the
/// statistics.
pub(crate) struct Hold {
    telemetry: Arc<Telemetry>,
    row: EndpointRowId,
    made: bool,
    _permit: Option<ConnectionPermit>,
}

/// The HTTP/2 connections of one destination.
struct Many {
    mux: Arc<Mux<Pooled2>>,
    idle: Duration,
}

/// An HTTP/2 connection. Its place under the limits lives with its driver.
#[derive(Clone)]
pub(crate) struct Pooled2 {
    client: codec2::Client,
    /// False once the driver has ended.
    running: Arc<AtomicBool>,
    /// When something was last read, in nanoseconds.
    last_heard: Arc<AtomicU64>,
}

// === impl Pool ===

impl<R: Rt> Pool<R> {
    pub(crate) fn new(
        rt: R,
        tls: Arc<Store>,
        telemetry: Arc<Telemetry>,
        keep_alive: KeepAlive,
    ) -> Arc<Self> {
        Arc::new(Self {
            keep_alive,
            rt,
            tls,
            telemetry,
            inner: Mutex::new(Inner {
                http1: BTreeMap::new(),
                http2: BTreeMap::new(),
                next_sweep: None,
                sweeper: 0,
            }),
        })
    }

    /// A connection to `to` with room for one more exchange, or a place in the queue for one.
    pub(crate) fn enter(self: &Arc<Self>, to: Destination, wire: Wire, times: Times) -> Entered<R> {
        let (wants_connect, line) = match wire {
            Wire::Http1 => {
                let home = self.one(&to, times.idle);
                if let Some(pooled) = home.queue.take() {
                    return Entered::Ready(Lease::one(self.rt.clone(), home, pooled));
                }
                let place = home.queue.wait();
                let next = place.next;
                (place.connect, Line::One { home, next })
            }
            Wire::Http2 => {
                let home = self.many(&to, times.idle);
                match home.mux.find() {
                    Found::Share(share) => return Entered::Ready(Lease::Many(share)),
                    Found::Wait(place) => {
                        let next = place.next;
                        (place.connect, Line::Many { home, next })
                    }
                }
            }
        };
        Entered::Queued(Queued {
            pool: self.clone(),
            to,
            times,
            wants_connect,
            line,
        })
    }

    /// Closes every idle connection.
    pub(crate) fn clear(&self) {
        let inner = self.lock();
        inner.http1.values().for_each(|one| one.queue.clear());
        inner.http2.values().for_each(|many| many.mux.clear());
    }

    fn one(&self, to: &Destination, idle: Duration) -> Arc<One<R>> {
        let mut inner = self.lock();
        if let Some(found) = inner.http1.get(to)
            && found.idle == idle
        {
            return found.clone();
        }
        // First use, or the policy changed: connections of the old one end with their exchange.
        let new = Arc::new(One {
            queue: Queue::new(),
            idle,
        });
        inner.http1.insert(to.clone(), new.clone());
        new
    }

    fn many(&self, to: &Destination, idle: Duration) -> Arc<Many> {
        let mut inner = self.lock();
        if let Some(found) = inner.http2.get(to)
            && found.idle == idle
        {
            return found.clone();
        }
        let mux = Arc::new(Mux::new());
        let new = Arc::new(Many { mux, idle });
        inner.http2.insert(to.clone(), new.clone());
        new
    }

    fn lock(&self) -> MutexGuard<'_, Inner<R>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the task that closes idle connections, unless one runs that looks at them within
    /// `idle` from now. It ends when nothing is left.
    fn ensure_sweeps(self: &Arc<Self>, idle: Duration) {
        let by = self.rt.now() + idle;
        let mut inner = self.lock();
        if inner.next_sweep.is_some_and(|at| at <= by) {
            return;
        }
        inner.next_sweep = Some(by);
        inner.sweeper += 1;
        let this = inner.sweeper;
        drop(inner);
        let pool = Arc::downgrade(self);
        let rt = self.rt.clone();
        self.rt.spawn(async move {
            while let Some(next) = Self::sweep(&pool, this, rt.now()) {
                rt.sleep_until(next).await;
            }
        });
    }

    fn sweep(pool: &Weak<Self>, sweeper: u64, now: Instant) -> Option<Instant> {
        let pool = pool.upgrade()?;
        let mut inner = pool.lock();
        // Another looks earlier.
        if inner.sweeper != sweeper {
            return None;
        }
        let mut next: Option<Instant> = None;
        let mut keep = |unused: bool, due: Instant| {
            if !unused {
                next = Some(next.map_or(due, |n| n.min(due)));
            }
            !unused
        };
        // What is in use now can become idle at the earliest now.
        inner.http1.retain(|_, one| {
            let due = one.queue.sweep(now, one.idle);
            let unused = one.queue.is_unused() && Arc::strong_count(one) == 1;
            keep(unused, due.unwrap_or(now + one.idle))
        });
        inner.http2.retain(|_, many| {
            let due = many.mux.sweep(now, many.idle);
            let unused = many.mux.is_unused() && Arc::strong_count(many) == 1;
            keep(unused, due.unwrap_or(now + many.idle))
        });
        inner.next_sweep = next;
        next
    }
}

// === impl Queued ===

impl<R: Rt> Queued<R> {
    /// Whether a connect should be started for this request, if the limits allow it.
    pub(crate) fn wants_connect(&self) -> bool {
        self.wants_connect
    }

    /// Starts a connect. It serves whoever waits longest. The connection counts in `row`.
    pub(crate) fn connect(&mut self, permit: Option<ConnectionPermit>, row: EndpointRowId) {
        self.wants_connect = false;
        let mut hold = Hold {
            telemetry: self.pool.telemetry.clone(),
            row,
            made: false,
            _permit: permit,
        };
        let (pool, times) = (self.pool.clone(), self.times);
        let (peer, rt) = (self.to.peer.clone(), self.pool.rt.clone());
        match &self.line {
            Line::One { home, .. } => {
                home.queue.connecting();
                let home = home.clone();
                self.pool.rt.spawn(async move {
                    match connect(&rt, &pool.tls, &peer, Alpn::H1, times.connect).await {
                        Ok(io) => {
                            let limits = codec1::Limits::default();
                            let connection = codec1::ClientConn::new(io, limits);
                            hold.connected();
                            let pooled = Pooled1 {
                                connection,
                                _hold: hold,
                            };
                            home.queue.connected(pooled, rt.now());
                            pool.ensure_sweeps(times.idle);
                        }
                        Err(e) => {
                            hold.failed();
                            home.queue.failed(e);
                        }
                    }
                });
            }
            Line::Many { home, .. } => {
                home.mux.connecting();
                let home = home.clone();
                self.pool.rt.spawn(async move {
                    match connect2(&pool, &peer, times.connect).await {
                        Ok((client, driver, last_heard)) => {
                            hold.connected();
                            let running = Arc::new(AtomicBool::new(true));
                            home.mux.connected(Pooled2 {
                                client,
                                running: running.clone(),
                                last_heard: last_heard.clone(),
                            });
                            pool.ensure_sweeps(times.idle);
                            let keep_alive = pool.keep_alive;
                            // Weak hands from here: an idle connection must not keep the pool.
                            drop((pool, home));
                            let busy = || Arc::strong_count(&running) > HANDLES_IDLE;
                            let _ = keep_alive.drive(driver, &rt, &last_heard, busy).await;
                            running.store(false, Ordering::Relaxed);
                            drop(hold);
                        }
                        Err(e) => {
                            hold.failed();
                            home.mux.failed(&e);
                        }
                    }
                });
            }
        }
    }

    /// The connection, when one is free or the connect has ended. May be dropped and called again.
    pub(crate) async fn ready(&mut self) -> Result<Lease<R>, ConnectError> {
        match &mut self.line {
            Line::One { home, next } => match next.await {
                Ok(Ok(pooled)) => Ok(Lease::one(self.pool.rt.clone(), home.clone(), pooled)),
                Ok(Err(e)) => Err(e),
                Err(_) => Err(gone(&self.to)),
            },
            Line::Many { next, .. } => match next.await {
                Ok(result) => result.map(Lease::Many),
                Err(_) => Err(gone(&self.to)),
            },
        }
    }
}

/// A connection that begins HTTP/2: its handle, what drives it, and when it was last heard.
type Connected2<R> = (
    codec2::Client,
    codec2::Driver<Heard<AnyIo<<R as Rt>::Io>, R>>,
    Arc<AtomicU64>,
);

/// Connects and begins HTTP/2.
async fn connect2<R: Rt>(
    pool: &Pool<R>,
    peer: &Peer,
    timeout: Duration,
) -> Result<Connected2<R>, ConnectError> {
    let io = connect(&pool.rt, &pool.tls, peer, Alpn::H2, timeout).await?;
    let (io, last_heard) = Heard::new(io, pool.rt.clone());
    let begun = codec2::client(io, &codec2::Config::default()).await;
    let (client, driver) = begun.map_err(|_| ConnectError::Io {
        address: peer.address,
        kind: std::io::ErrorKind::ConnectionReset,
    })?;
    Ok((client, driver, last_heard))
}

/// The task that would have served us is gone with its runtime.
fn gone(to: &Destination) -> ConnectError {
    ConnectError::Io {
        address: to.peer.address,
        kind: std::io::ErrorKind::ConnectionAborted,
    }
}

// === impl Hold ===

impl Hold {
    fn connected(&mut self) {
        self.made = true;
        self.telemetry.connected(self.row, true);
    }

    fn failed(self) {
        self.telemetry.connected(self.row, false);
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if self.made {
            self.telemetry.disconnected(self.row);
        }
    }
}

// === impl Pooled1 ===

impl<R: Rt> Reusable for Pooled1<R> {
    fn is_alive(&mut self) -> bool {
        let mut cx = core::task::Context::from_waker(core::task::Waker::noop());
        self.connection.is_reusable() && self.connection.poll_closed(&mut cx).is_pending()
    }
}

// === impl Pooled2 ===

impl Multiplexed for Pooled2 {
    fn is_alive(&self) -> bool {
        let mut cx = core::task::Context::from_waker(core::task::Waker::noop());
        let taking = |polled: core::task::Poll<Result<(), _>>| match polled {
            core::task::Poll::Ready(result) => result.is_ok(),
            core::task::Poll::Pending => true,
        };
        self.running.load(Ordering::Relaxed) && taking(self.client.clone().poll_ready(&mut cx))
    }

    fn streams_max(&self) -> usize {
        self.client.max_streams()
    }

    fn heard(&self) -> Instant {
        Instant::from_nanos(self.last_heard.load(Ordering::Relaxed))
    }
}
