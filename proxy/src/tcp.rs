//! Two byte streams, copied both ways. A half-close is passed on: each direction ends by itself.

use core::pin::Pin;
use core::sync::atomic::{AtomicU64, Ordering};
use core::task::{Context, Poll};
use std::io;

use engine::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::net::{Abort, Rt};

/// How a forwarded stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    /// From the first stream to the second.
    pub sent: u64,
    /// From the second stream to the first.
    pub received: u64,
    /// None: both directions ended in order.
    pub broken: Option<io::ErrorKind>,
}

/// Bytes that passed, readable while they pass.
#[derive(Debug, Default)]
struct Passed {
    sent: AtomicU64,
    received: AtomicU64,
}

/// Counts the bytes written to a stream.
struct Counted<'a, I> {
    io: &'a mut I,
    written: &'a AtomicU64,
}

/// Copies until both directions have ended, one of them broke, or nothing passed for `idle`. A
/// broken stream resets the other, so that neither side takes a cut message for a whole one.
pub async fn copy<R, A, B>(rt: &R, mut a: A, mut b: B, buffer: usize, idle: Duration) -> Copied
where
    R: Rt,
    A: AsyncRead + AsyncWrite + Abort + Unpin,
    B: AsyncRead + AsyncWrite + Abort + Unpin,
{
    let passed = Passed::default();
    let result = {
        let mut left = Counted {
            io: &mut a,
            written: &passed.received,
        };
        let mut right = Counted {
            io: &mut b,
            written: &passed.sent,
        };
        let copied =
            tokio::io::copy_bidirectional_with_sizes(&mut left, &mut right, buffer, buffer);
        tokio::select! {
            biased;
            result = copied => result.map(|_| ()),
            () = silence(rt, &passed, idle) => Err(io::ErrorKind::TimedOut.into()),
        }
    };
    if result.is_err() {
        a.abort();
        b.abort();
    }
    Copied {
        sent: passed.sent.load(Ordering::Relaxed),
        received: passed.received.load(Ordering::Relaxed),
        broken: result.err().map(|e| e.kind()),
    }
}

/// Completes when no byte passed for at least `idle` (and less than twice that).
async fn silence<R: Rt>(rt: &R, passed: &Passed, idle: Duration) {
    let mut before = None;
    loop {
        let now = (
            passed.sent.load(Ordering::Relaxed),
            passed.received.load(Ordering::Relaxed),
        );
        if before == Some(now) {
            return;
        }
        before = Some(now);
        rt.sleep_until(rt.now() + idle).await;
    }
}

// === impl Counted ===

impl<I: AsyncRead + Unpin> AsyncRead for Counted<'_, I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.io).poll_read(cx, buf)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Counted<'_, I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut *self.io).poll_write(cx, buf);
        if let Poll::Ready(Ok(n)) = polled {
            self.written.fetch_add(n as u64, Ordering::Relaxed);
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.io).poll_shutdown(cx)
    }
}
