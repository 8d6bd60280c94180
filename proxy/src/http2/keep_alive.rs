//! Pings on a connection that fell silent while somebody waits (RFC 9113 §6.7).
//!
//! A network that swallows packets resets nothing: without pings every request on a pooled
//! connection would wait for its timeout until TCP gives up, minutes later. A ping that stays
//! unanswered ends the connection, its streams break, and the next request connects anew.
//!
//! The values are Linkerd's (`proxy.control.streams`, HTTP/2 keep-alive of 10 s and 3 s). Two
//! things are ours: a connection on which anything was heard within the interval is not pinged, and
//! neither is one without streams; so neither busy nor idle connections pay for it.

use core::pin::{Pin, pin};
use core::sync::atomic::{AtomicU64, Ordering};
use core::task::{Context, Poll};
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use engine::time::Instant;
use h2::{Ping, PingPong};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Driver, stream_error};
use crate::exchange::StreamError;
use crate::net::{Rt, write_through};

/// When a connection is pinged, and when it is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    /// Silence after which a connection with streams is pinged.
    pub interval: Duration,
    /// How long its answer may take.
    pub timeout: Duration,
}

/// A connection that remembers when something was last read from it.
#[derive(Debug)]
pub struct Heard<Io, R> {
    io: Io,
    rt: R,
    last: Arc<AtomicU64>,
}

// === impl KeepAlive ===

impl Default for KeepAlive {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(10),
            timeout: Duration::from_secs(3),
        }
    }
}

impl KeepAlive {
    /// Drives a connection to its end. `busy` says whether it has streams.
    ///
    /// # Errors
    ///
    /// When the connection broke, or a ping was not answered.
    pub async fn drive<R: Rt, Io>(
        self,
        mut driver: Driver<Heard<Io, R>>,
        rt: &R,
        last: &AtomicU64,
        busy: impl Fn() -> bool,
    ) -> Result<(), StreamError>
    where
        Io: AsyncRead + AsyncWrite + Unpin,
    {
        let Some(mut ping) = driver.ping_pong() else {
            return driver.await;
        };
        let mut driver = pin!(driver);
        loop {
            let silent_since = Instant::from_nanos(last.load(Ordering::Relaxed));
            let now = rt.now();
            let due = silent_since + self.interval;
            let wake = if due > now { due } else { now + self.interval };
            if due > now || !busy() {
                tokio::select! {
                    biased;
                    ended = &mut driver => return ended,
                    () = rt.sleep_until(wake) => continue,
                }
            }
            tokio::select! {
                biased;
                ended = &mut driver => return ended,
                answered = answer(&mut ping) => answered?,
                () = rt.sleep_until(now + self.timeout) => return Err(StreamError::Incomplete),
            }
        }
    }
}

async fn answer(ping: &mut PingPong) -> Result<(), StreamError> {
    ping.send_ping(Ping::opaque())
        .map_err(|e| stream_error(&e))?;
    let pong = poll_fn(|cx| ping.poll_pong(cx)).await;
    pong.map(|_| ()).map_err(|e| stream_error(&e))
}

// === impl Heard ===

// The clock is never pinned.
impl<Io: Unpin, R> Unpin for Heard<Io, R> {}

impl<Io, R: Rt> Heard<Io, R> {
    /// Wraps a connection; the second value is the time of the last read, in nanoseconds.
    pub fn new(io: Io, rt: R) -> (Self, Arc<AtomicU64>) {
        let last = Arc::new(AtomicU64::new(rt.now().as_nanos()));
        let heard = Self {
            io,
            rt,
            last: last.clone(),
        };
        (heard, last)
    }
}

impl<Io: AsyncRead + Unpin, R: Rt> AsyncRead for Heard<Io, R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.io).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.last.store(self.rt.now().as_nanos(), Ordering::Relaxed);
        }
        polled
    }
}

write_through!([Io: AsyncWrite + Unpin, R: Rt] Heard<Io, R>, io);
