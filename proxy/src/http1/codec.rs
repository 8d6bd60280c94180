//! What server and client connections have in common: one message in, one message out, one lock.

use core::task::{Context, Poll, Waker, ready};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite};

use super::Limits;
use super::body::{Decoded, Decoder, Encoder};
use super::error::HeadError;
use super::scan::{Bounds, Scanner};
use super::wire::Wire;
use crate::exchange::{Frame, StreamError};

/// A value shared by a connection and its two halves. All three live in one task as a rule, so that
/// the lock costs two uncontended atomic operations.
#[derive(Debug)]
pub(super) struct Shared<T>(Arc<Mutex<T>>);

/// One connection's codec: buffers, the body that comes in and the body that goes out.
#[derive(Debug)]
pub(super) struct Core<Io> {
    pub(super) wire: Wire<Io>,
    pub(super) limits: Limits,
    pub(super) decoder: Decoder,
    pub(super) encoder: Encoder,
    /// Another exchange may follow.
    pub(super) persist: bool,
    /// The connection has left HTTP.
    pub(super) tunnel: bool,
    scanner: Scanner,
    /// Waits to hear that the peer went away.
    closed: Option<Waker>,
}

// === impl Shared ===

impl<T> Shared<T> {
    pub(super) fn new(value: T) -> Self {
        Self(Arc::new(Mutex::new(value)))
    }

    /// A panic under the lock was the bug of one exchange; the state is only bytes and is still
    /// whole, so that the connection may at least be closed.
    pub(super) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

// === impl Core ===

impl<Io> Core<Io> {
    pub(super) fn new(io: Io, read: BytesMut, limits: Limits) -> Self {
        Self {
            wire: Wire::new(io, read),
            limits,
            decoder: Decoder::Done,
            encoder: Encoder::Idle,
            persist: true,
            tunnel: false,
            scanner: Scanner::default(),
            closed: None,
        }
    }

    /// The head at the start of the read buffer, once it is complete.
    pub(super) fn take_head(&mut self) -> Result<Option<Bytes>, HeadError> {
        let bounds = Bounds {
            total: self.limits.head_bytes,
            first_line: self.limits.start_line_bytes,
        };
        let Some(end) = self.scanner.find(&self.wire.read, bounds)? else {
            return Ok(None);
        };
        self.scanner = Scanner::default();
        Ok(Some(self.wire.read.split_to(end).freeze()))
    }

    /// Accepts a frame of the outgoing body.
    pub(super) fn send(&mut self, frame: Frame, end: bool) -> Result<(), StreamError> {
        let tunnel = self.encoder == Encoder::Tunnel;
        match self.encoder.encode(frame, end, &mut self.wire.out) {
            Ok(()) => {
                if tunnel && self.encoder == Encoder::Done {
                    self.wire.want_shutdown();
                }
                Ok(())
            }
            Err(e) => {
                self.give_up();
                Err(e)
            }
        }
    }

    /// The connection ends with this exchange, and whoever waits for that is told.
    pub(super) fn give_up(&mut self) {
        self.persist = false;
        self.wake_closed();
    }

    pub(super) fn wake_closed(&mut self) {
        if let Some(waker) = self.closed.take() {
            waker.wake();
        }
    }

    pub(super) fn wait_closed(&mut self, cx: &Context<'_>) {
        match &mut self.closed {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Core<Io> {
    /// The next frame of the incoming body.
    pub(super) fn poll_body(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame, StreamError>>> {
        loop {
            match self.decoder.decode(&mut self.wire.read, &self.limits) {
                Ok(Decoded::Frame(frame)) => return Poll::Ready(Some(Ok(frame))),
                Ok(Decoded::End) => return Poll::Ready(None),
                Ok(Decoded::NeedMore) => {}
                Err(e) => {
                    self.give_up();
                    return Poll::Ready(Some(Err(e)));
                }
            }
            match ready!(self.wire.poll_fill(cx, self.decoder.expected())) {
                Ok(0) => {
                    self.give_up();
                    return Poll::Ready(self.decoder.eof().err().map(Err));
                }
                Ok(_) => {}
                Err(e) => {
                    self.decoder = Decoder::Failed;
                    self.give_up();
                    return Poll::Ready(Some(Err(e)));
                }
            }
        }
    }
}
