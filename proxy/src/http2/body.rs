//! The two directions of a stream.

use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll, ready};
use std::sync::Arc;

use bytes::Bytes;
use h2::{Reason, RecvStream, SendStream};
use http::HeaderMap;

use super::stream_error;
use crate::exchange::{Frame, Length, StreamError};
use crate::headers;

/// What comes in.
#[derive(Debug)]
pub(super) struct Incoming {
    stream: RecvStream,
    pub(super) length: Length,
    /// Bytes handed out last, whose window has not been given back.
    unreleased: usize,
    phase: Phase,
}

/// What goes out. Holds at most one data frame that the peer's window does not admit yet.
#[derive(Debug)]
pub(super) struct Outgoing {
    stream: SendStream<Bytes>,
    pending: Bytes,
    after: After,
}

/// Closed until an upgrade or a CONNECT is answered: before that, both halves of its exchange have
/// empty bodies, as they have with HTTP/1.1.
#[derive(Clone, Debug, Default)]
pub(super) struct Gate(Arc<AtomicBool>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Data,
    Trailers,
    End,
}

/// What follows the pending data.
#[derive(Debug)]
enum After {
    More,
    End,
    Trailers(HeaderMap),
    Nothing,
}

// === impl Incoming ===

impl Incoming {
    pub(super) fn new(stream: RecvStream, length: Length) -> Self {
        Self {
            stream,
            length,
            unreleased: 0,
            phase: Phase::Data,
        }
    }

    pub(super) fn is_end(&self) -> bool {
        self.phase == Phase::End || self.stream.is_end_stream()
    }

    pub(super) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame, StreamError>>> {
        self.release();
        while self.phase == Phase::Data {
            match ready!(self.stream.poll_data(cx)) {
                Some(Ok(data)) if data.is_empty() => {}
                Some(Ok(data)) => {
                    self.unreleased = data.len();
                    return Poll::Ready(Some(Ok(Frame::Data(data))));
                }
                Some(Err(e)) => return Poll::Ready(Some(Err(self.fail(&e)))),
                None => self.phase = Phase::Trailers,
            }
        }
        if self.phase == Phase::End {
            return Poll::Ready(None);
        }
        match ready!(self.stream.poll_trailers(cx)) {
            Ok(trailers) => {
                self.phase = Phase::End;
                Poll::Ready(trailers.map(|t| Ok(Frame::Trailers(allowed(t)))))
            }
            Err(e) => Poll::Ready(Some(Err(self.fail(&e)))),
        }
    }

    fn fail(&mut self, e: &h2::Error) -> StreamError {
        self.phase = Phase::End;
        stream_error(e)
    }

    fn release(&mut self) {
        let n = core::mem::take(&mut self.unreleased);
        if n > 0 {
            // Fails only for more than is held, or when the stream is closed and needs none.
            let _ = self.stream.flow_control().release_capacity(n);
        }
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        self.release();
    }
}

// === impl Outgoing ===

impl Outgoing {
    /// `ended`: the head was the whole message.
    pub(super) fn new(stream: SendStream<Bytes>, ended: bool) -> Self {
        Self {
            stream,
            pending: Bytes::new(),
            after: match ended {
                true => After::Nothing,
                false => After::More,
            },
        }
    }

    /// Everything has been handed over to the connection.
    pub(super) fn is_done(&self) -> bool {
        matches!(self.after, After::Nothing) && self.pending.is_empty()
    }

    pub(super) fn send(&mut self, frame: Frame, end: bool) -> Result<(), StreamError> {
        match (frame, &self.after) {
            (Frame::Data(data), After::More) if self.pending.is_empty() => {
                self.pending = data;
                if end {
                    self.after = After::End;
                }
            }
            (Frame::Data(data), After::More) if data.is_empty() => {
                if end {
                    self.after = After::End;
                }
            }
            (Frame::Trailers(trailers), After::More) => {
                self.after = After::Trailers(allowed(trailers));
            }
            (Frame::Data(data), After::Nothing) if data.is_empty() => return Ok(()),
            _ => {
                return Err(protocol(
                    "a frame was sent to a sink that was not ready for it",
                ));
            }
        }
        self.hand_over().map(|_| ())
    }

    /// Ready when no frame is pending.
    pub(super) fn poll_empty(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        loop {
            if self.hand_over()? {
                return Poll::Ready(Ok(()));
            }
            match ready!(self.stream.poll_capacity(cx)) {
                Some(Ok(_)) => {}
                Some(Err(e)) => return Poll::Ready(Err(stream_error(&e))),
                None => return Poll::Ready(Err(StreamError::Reset)),
            }
        }
    }

    pub(super) fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.stream.poll_reset(cx).map(|_| ())
    }

    pub(super) fn reset(&mut self, reason: Reason) {
        if !matches!(self.after, After::Nothing) {
            self.after = After::Nothing;
            self.pending = Bytes::new();
            self.stream.send_reset(reason);
        }
    }

    /// Gives the connection what the peer's window admits; true when nothing is left.
    fn hand_over(&mut self) -> Result<bool, StreamError> {
        while !self.pending.is_empty() {
            self.stream.reserve_capacity(self.pending.len());
            let room = self.stream.capacity();
            if room == 0 {
                return Ok(false);
            }
            let part = self.pending.split_to(room.min(self.pending.len()));
            let last = self.pending.is_empty() && matches!(self.after, After::End);
            self.stream.send_data(part, last).map_err(|e| gone(&e))?;
            if last {
                self.after = After::Nothing;
            }
        }
        match core::mem::replace(&mut self.after, After::Nothing) {
            After::More => {
                self.after = After::More;
                Ok(())
            }
            After::End => self.stream.send_data(Bytes::new(), true),
            After::Trailers(trailers) => self.stream.send_trailers(trailers),
            After::Nothing => Ok(()),
        }
        .map_err(|e| gone(&e))?;
        Ok(true)
    }
}

// === impl Gate ===

impl Gate {
    pub(super) fn open(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub(super) fn is_open(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Trailers without what no recipient may act on.
fn allowed(mut trailers: HeaderMap) -> HeaderMap {
    if trailers.keys().any(headers::is_forbidden_trailer) {
        let kept = trailers
            .iter()
            .filter(|(name, _)| !headers::is_forbidden_trailer(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        trailers = kept;
    }
    trailers
}

/// Sending fails in one way that is not a mistake of ours: the stream has been reset meanwhile.
pub(super) fn gone(e: &h2::Error) -> StreamError {
    match e.reason() {
        Some(_) => stream_error(e),
        None if e.is_io() => stream_error(e),
        None => StreamError::Reset,
    }
}

fn protocol(what: &str) -> StreamError {
    StreamError::Protocol(what.to_owned())
}
