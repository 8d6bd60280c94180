//! The server's side of a connection.

use core::future::poll_fn;
use core::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use engine::head::{RequestHead, ResponseHead};
use http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite};

use super::body::{Decoder, Encoder};
use super::codec::Shared;
use super::error::HeadError;
use super::{Limits, encode};
use crate::exchange::{Frame, Length, Respond, Sink, Source, StreamError};

mod state;

use state::State;

/// A connection on which requests arrive, one exchange after the other.
///
/// [`next_request`](Self::next_request) may be dropped and called again without loss, so that it
/// can be raced with a deadline or a drain.
#[derive(Debug)]
pub struct ServerConn<Io> {
    state: Shared<State<Io>>,
}

/// The body of a request. After the exchange has become a tunnel, what the client sends.
#[derive(Debug)]
pub struct RequestBody<Io> {
    state: Shared<State<Io>>,
    turn: u64,
    length: Length,
}

/// Where the response goes. Dropping it unfinished breaks the connection: see
/// [`ServerConn::is_broken`].
#[derive(Debug)]
pub struct ResponseSink<Io> {
    state: Shared<State<Io>>,
    turn: u64,
}

/// Why there is no next request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NextError {
    /// What arrived is no request. Answer with [`ServerConn::refuse`], then close.
    #[error("{0}")]
    Refused(#[from] HeadError),
    /// The connection broke; nobody is there to answer to.
    #[error("{0}")]
    Broken(#[from] StreamError),
}

// === impl ServerConn ===

impl<Io> ServerConn<Io> {
    pub fn new(io: Io, limits: Limits) -> Self {
        Self::with_read(io, BytesMut::new(), limits)
    }

    /// A connection of which `read` has been read already, by protocol detection.
    pub fn with_read(io: Io, read: BytesMut, limits: Limits) -> Self {
        Self {
            state: Shared::new(State::new(io, read, limits)),
        }
    }

    /// True between exchanges with nothing of the next request here: closing now loses nothing that
    /// the server has seen.
    pub fn is_idle(&self) -> bool {
        let state = self.state.lock();
        state.is_over() && state.core.decoder.is_done() && state.core.wire.read.is_empty()
    }

    /// The next response says `connection: close`, and no request is read after it.
    pub fn close_after(&self) {
        self.state.lock().core.persist = false;
    }

    /// True when a response was given up midway: the connection has to be reset, since closing it
    /// in order could make a truncated body look complete.
    pub fn is_broken(&self) -> bool {
        self.state.lock().aborted
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> ServerConn<Io> {
    /// Waits until the next request has begun to arrive: the moment an idle timeout ends and a head
    /// timeout starts. False when there will be none.
    pub async fn readable(&mut self) -> Result<bool, StreamError> {
        poll_fn(|cx| self.state.lock().poll_readable(cx)).await
    }

    /// The next request with the two halves of its exchange; `None` when the connection is over in
    /// good order: then [`close`](Self::close) it. Waits for the response of the exchange before,
    /// and reads at most [`Limits::drain_bytes`] of a body that was left unread.
    pub async fn next_request(
        &mut self,
    ) -> Result<Option<(RequestHead, RequestBody<Io>, ResponseSink<Io>)>, NextError> {
        let next = poll_fn(|cx| self.state.lock().poll_request(cx)).await?;
        Ok(next.map(|(head, turn, length)| {
            let body = RequestBody {
                state: self.state.clone(),
                turn,
                length,
            };
            let sink = ResponseSink {
                state: self.state.clone(),
                turn,
            };
            (head, body, sink)
        }))
    }

    /// Answers what was refused. The connection ends with this response.
    pub fn refuse(&mut self, head: ResponseHead, body: Bytes) {
        let mut state = self.state.lock();
        state.core.persist = false;
        state.core.decoder = Decoder::Done;
        state.core.encoder = Encoder::Done;
        let framing = encode::Framing::Length(body.len() as u64);
        let out = state.core.wire.out.tail();
        encode::response(out, &head, framing, encode::Connection::Close);
        state.core.wire.out.data(body);
    }

    /// Ends the connection in order: writes what is left, closes the writing side, and reads (at
    /// most [`Limits::drain_bytes`]) until the client closes too. Without that last step the
    /// client's unread bytes would cause a reset that destroys the response on its way (RFC 9112
    /// §9.6). Not bounded in time: race it with a deadline.
    pub async fn close(self) -> Result<(), StreamError> {
        let mut left = {
            let mut state = self.state.lock();
            state.core.persist = false;
            state.core.wire.want_shutdown();
            state.core.limits.drain_bytes
        };
        poll_fn(|cx| self.state.lock().core.wire.poll_flush(cx)).await?;
        while left > 0 {
            let n = poll_fn(|cx| {
                let wire = &mut self.state.lock().core.wire;
                wire.read.clear();
                wire.poll_fill(cx, 0)
            })
            .await?;
            if n == 0 {
                break;
            }
            left = left.saturating_sub(n);
        }
        Ok(())
    }

    /// Hands the connection over with what was read beyond the last message: after an upgrade, or
    /// to reset it. Writes out what was accepted before. The halves of the exchange become useless.
    pub async fn into_io(self) -> Result<(Io, Bytes), StreamError> {
        poll_fn(|cx| self.state.lock().core.wire.poll_flush(cx)).await?;
        self.take_io().ok_or(StreamError::Incomplete)
    }

    /// Hands the connection over as it is; bytes not yet written are lost.
    pub fn take_io(self) -> Option<(Io, Bytes)> {
        self.state.lock().core.wire.take()
    }
}

// === impl RequestBody ===

impl<Io: AsyncRead + AsyncWrite + Unpin> Source for RequestBody<Io> {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, StreamError>>> {
        let mut state = self.state.lock();
        if state.turn == self.turn {
            state.poll_body(cx)
        } else {
            Poll::Ready(None)
        }
    }

    fn is_end(&self) -> bool {
        let state = self.state.lock();
        state.turn != self.turn || state.core.decoder.is_done()
    }

    fn length(&self) -> Length {
        self.length
    }
}

// === impl ResponseSink ===

impl<Io> ResponseSink<Io> {
    fn at_turn<T>(
        &self,
        f: impl FnOnce(&mut State<Io>) -> Result<T, StreamError>,
    ) -> Result<T, StreamError> {
        let mut state = self.state.lock();
        if state.turn == self.turn {
            f(&mut state)
        } else {
            Err(protocol("the exchange is over"))
        }
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Respond for ResponseSink<Io> {
    fn inform(&mut self, head: ResponseHead) -> Result<(), StreamError> {
        self.at_turn(|state| {
            let status = head.status;
            let allowed = status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS;
            if state.responded || !allowed {
                return Err(protocol(
                    "an informational response comes before the final one",
                ));
            }
            if !state.asked.http10 {
                let out = state.core.wire.out.tail();
                let connection = encode::Connection::Default;
                encode::response(out, &head, encode::Framing::None, connection);
            }
            Ok(())
        })
    }

    fn respond(&mut self, head: ResponseHead, length: Length) -> Result<(), StreamError> {
        self.at_turn(|state| state.respond(&head, length))
    }

    fn has_responded(&self) -> bool {
        let state = self.state.lock();
        state.turn != self.turn || state.responded
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Sink for ResponseSink<Io> {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        let mut state = self.state.lock();
        if state.turn == self.turn {
            state.core.wire.poll_ready(cx)
        } else {
            Poll::Ready(Ok(()))
        }
    }

    fn send(&mut self, frame: Frame, end: bool) -> Result<(), StreamError> {
        self.at_turn(|state| {
            state.core.send(frame, end)?;
            if state.core.encoder.is_done() {
                state.wake_next();
            }
            Ok(())
        })
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        let mut state = self.state.lock();
        if state.turn == self.turn {
            state.core.wire.poll_flush(cx)
        } else {
            Poll::Ready(Ok(()))
        }
    }

    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state.lock();
        if state.turn == self.turn {
            state.poll_closed(cx)
        } else {
            Poll::Ready(())
        }
    }

    fn abort(&mut self) {
        let mut state = self.state.lock();
        if state.turn == self.turn && !state.is_over() {
            state.aborted = true;
            state.core.encoder = Encoder::Done;
            state.responded = true;
            state.core.give_up();
            state.wake_next();
        }
    }
}

impl<Io> Drop for ResponseSink<Io> {
    fn drop(&mut self) {
        let mut state = self.state.lock();
        if state.turn == self.turn && !state.is_over() && !state.core.tunnel {
            state.aborted = true;
            state.core.give_up();
            state.wake_next();
        }
    }
}

fn protocol(what: &str) -> StreamError {
    StreamError::Protocol(what.to_owned())
}
