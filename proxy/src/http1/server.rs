//! The server's side of a connection.

use core::future::poll_fn;
use core::task::{Context, Poll, Waker, ready};

use bytes::{Buf, Bytes, BytesMut};
use engine::head::{RequestHead, ResponseHead};
use http::{HeaderValue, Method, StatusCode, header};
use tokio::io::{AsyncRead, AsyncWrite};

use super::body::{Decoder, Encoder};
use super::codec::{Core, Shared};
use super::error::HeadError;
use super::{Limits, encode, request, response};
use crate::exchange::{Frame, Length, Respond, Sink, Source, StreamError};

/// Empty lines tolerated before a request line: RFC 9112 §2.2 asks for at least one, for clients that
/// end a body with a line break too many.
const EMPTY_LINES_MAX: usize = 4;

/// While an answer is awaited, requests that were sent ahead are read up to this many bytes: enough
/// to notice that the client left, too little to hoard.
const AHEAD_BYTES_MAX: usize = 8 * 1024;

/// A connection on which requests arrive, one exchange after the other.
///
/// [`next_request`](Self::next_request) may be dropped and called again without loss, so that it can
/// be raced with a deadline or a drain.
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

#[derive(Debug)]
struct State<Io> {
    core: Core<Io>,
    /// Counts exchanges, so that a half that outlived its own cannot touch the next.
    turn: u64,
    asked: Asked,
    responded: bool,
    /// The client waits for 100 before it sends its body.
    expect: bool,
    /// A response was begun and given up.
    aborted: bool,
    empty_lines: usize,
    drained: usize,
    next: Option<Waker>,
}

/// What the response has to know about its request.
#[derive(Debug)]
struct Asked {
    head: bool,
    connect: bool,
    http10: bool,
    upgrade: Option<HeaderValue>,
}

// === impl ServerConn ===

impl<Io> ServerConn<Io> {
    pub fn new(io: Io, limits: Limits) -> Self {
        Self::with_read(io, BytesMut::new(), limits)
    }

    /// A connection of which `read` has been read already, by protocol detection.
    pub fn with_read(io: Io, read: BytesMut, limits: Limits) -> Self {
        let mut core = Core::new(io, read, limits);
        core.encoder = Encoder::Done;
        Self {
            state: Shared::new(State {
                core,
                turn: 0,
                asked: Asked::nothing(),
                responded: true,
                expect: false,
                aborted: false,
                empty_lines: 0,
                drained: 0,
                next: None,
            }),
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
    /// good order: then [`close`](Self::close) it. Waits for the response of the exchange before, and
    /// reads at most [`Limits::drain_bytes`] of a body that was left unread.
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

    /// Ends the connection in order: writes what is left, closes the writing side, and reads (at most
    /// [`Limits::drain_bytes`]) until the client closes too. Without that last step the client's
    /// unread bytes would cause a reset that destroys the response on its way (RFC 9112 §9.6). Not
    /// bounded in time: race it with a deadline.
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

    /// Hands the connection over with what was read beyond the last message: after an upgrade, or to
    /// reset it. Writes out what was accepted before. The halves of the exchange become useless.
    pub async fn into_io(self) -> Result<(Io, Bytes), StreamError> {
        poll_fn(|cx| self.state.lock().core.wire.poll_flush(cx)).await?;
        self.take_io().ok_or(StreamError::Incomplete)
    }

    /// Hands the connection over as it is; bytes not yet written are lost.
    pub fn take_io(self) -> Option<(Io, Bytes)> {
        self.state.lock().core.wire.take()
    }
}

// === impl State ===

impl<Io> State<Io> {
    /// The exchange at hand has its response.
    fn is_over(&self) -> bool {
        self.responded && self.core.encoder.is_done()
    }

    fn wake_next(&mut self) {
        if let Some(waker) = self.next.take() {
            waker.wake();
        }
    }

    fn respond(&mut self, head: &ResponseHead, length: Length) -> Result<(), StreamError> {
        let status = head.status;
        let switching = status == StatusCode::SWITCHING_PROTOCOLS;
        if self.responded || (status.is_informational() && !switching) {
            return Err(protocol("a response has one final head"));
        }
        let tunnel = switching || (self.asked.connect && status.is_success());
        if tunnel && !self.core.decoder.is_done() {
            return Err(protocol("an upgrade begins after the body of its request"));
        }
        self.responded = true;
        if self.expect {
            // The client may send its body or not: whatever follows could be either.
            self.expect = false;
            self.core.persist = false;
        }
        let (encoder, framing) = self.framing(status, tunnel, length);
        self.core.encoder = encoder;
        self.core.persist &= encoder != Encoder::Close;
        let connection = match (switching, tunnel, self.core.persist) {
            (true, ..) => encode::Connection::Upgrade,
            (false, true, _) => encode::Connection::Default,
            (.., false) => encode::Connection::Close,
            (.., true) if self.asked.http10 => encode::Connection::KeepAlive,
            (.., true) => encode::Connection::Default,
        };
        let out = self.core.wire.out.tail();
        match &self.asked.upgrade {
            Some(token) if switching && !head.headers.contains_key(header::UPGRADE) => {
                let mut head = head.clone();
                head.headers.insert(header::UPGRADE, token.clone());
                encode::response(out, &head, framing, connection);
            }
            _ => encode::response(out, head, framing, connection),
        }
        if tunnel {
            self.core.tunnel = true;
            self.core.persist = false;
            self.core.decoder = Decoder::Close;
        }
        self.wake_next();
        Ok(())
    }

    fn framing(
        &self,
        status: StatusCode,
        tunnel: bool,
        length: Length,
    ) -> (Encoder, encode::Framing) {
        use encode::Framing;
        if tunnel {
            return (Encoder::Tunnel, Framing::None);
        }
        if status == StatusCode::NO_CONTENT {
            return (Encoder::Bodiless, Framing::None);
        }
        if self.asked.head || response::is_bodiless(status) {
            let framing = match length {
                Length::Known(n) if self.asked.head => Framing::Length(n),
                _ => Framing::AsGiven,
            };
            return (Encoder::Bodiless, framing);
        }
        match length {
            Length::Empty | Length::Known(0) => (Encoder::Done, Framing::Length(0)),
            Length::Known(n) => (Encoder::Length(n), Framing::Length(n)),
            Length::Unknown if self.asked.http10 => (Encoder::Close, Framing::None),
            Length::Unknown => (Encoder::Chunked, Framing::Chunked),
        }
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> State<Io> {
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, StreamError>> {
        if !ready!(self.poll_turn_end(cx))? {
            return Poll::Ready(Ok(false));
        }
        loop {
            self.skip_empty_lines();
            if !self.core.wire.read.is_empty() {
                return Poll::Ready(Ok(true));
            }
            if ready!(self.core.wire.poll_fill(cx, 0))? == 0 {
                return Poll::Ready(Ok(false));
            }
        }
    }

    #[expect(clippy::type_complexity, reason = "one caller, which takes it apart")]
    fn poll_request(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<(RequestHead, u64, Length)>, NextError>> {
        if !ready!(self.poll_turn_end(cx))? {
            return Poll::Ready(Ok(None));
        }
        loop {
            self.skip_empty_lines();
            match self.take_request() {
                Ok(Some(request)) => return Poll::Ready(Ok(Some(self.begin(request)))),
                Ok(None) => {}
                Err(e) => {
                    // Where the next message begins is no longer known.
                    self.core.persist = false;
                    return Poll::Ready(Err(e.into()));
                }
            }
            if ready!(self.core.wire.poll_fill(cx, 0))? == 0 {
                self.core.persist = false;
                return Poll::Ready(if self.core.wire.read.is_empty() {
                    Ok(None)
                } else {
                    Err(StreamError::Incomplete.into())
                });
            }
        }
    }

    fn take_request(&mut self) -> Result<Option<request::Request>, HeadError> {
        if self.empty_lines > EMPTY_LINES_MAX {
            let limit = EMPTY_LINES_MAX;
            return Err(HeadError::EmptyLines { limit });
        }
        match self.core.take_head()? {
            Some(head) => request::read(&head, self.core.limits.headers).map(Some),
            None => Ok(None),
        }
    }

    /// Brings the exchange at hand to its end. False when no other may follow.
    fn poll_turn_end(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, StreamError>> {
        if self.aborted || self.core.wire.is_write_broken() {
            return Poll::Ready(Ok(false));
        }
        if self.core.tunnel {
            return Poll::Ready(Ok(false));
        }
        if !self.is_over() {
            self.next = Some(cx.waker().clone());
            return Poll::Pending;
        }
        ready!(self.core.wire.poll_flush(cx))?;
        while self.core.persist && !self.core.decoder.is_done() {
            match ready!(self.core.poll_body(cx)) {
                Some(Ok(Frame::Data(data))) => {
                    self.drained += data.len();
                    if self.drained > self.core.limits.drain_bytes {
                        self.core.persist = false;
                    }
                }
                Some(Ok(Frame::Trailers(_))) | None => {}
                Some(Err(_)) => self.core.persist = false,
            }
        }
        if self.core.wire.read.is_empty() {
            self.core.wire.slim();
        }
        Poll::Ready(Ok(self.core.persist))
    }

    fn skip_empty_lines(&mut self) {
        while self.core.wire.read.starts_with(b"\r\n") && self.empty_lines <= EMPTY_LINES_MAX {
            self.core.wire.read.advance(2);
            self.empty_lines += 1;
        }
    }

    fn begin(&mut self, request: request::Request) -> (RequestHead, u64, Length) {
        let head = request.head;
        self.turn += 1;
        self.asked = Asked {
            head: head.method == Method::HEAD,
            connect: head.method == Method::CONNECT,
            http10: request.http10,
            upgrade: head
                .upgrade
                .as_ref()
                .and_then(|token| HeaderValue::from_str(token).ok()),
        };
        self.core.decoder = Decoder::new(request.body);
        self.core.encoder = Encoder::Idle;
        self.core.persist = request.persist;
        self.responded = false;
        self.expect = request.expect_continue;
        self.empty_lines = 0;
        self.drained = 0;
        (head, self.turn, self.core.decoder.length())
    }

    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, StreamError>>> {
        if self.expect {
            self.expect = false;
            if self.core.wire.read.is_empty() && !self.responded {
                self.core.wire.out.bytes(b"HTTP/1.1 100 Continue\r\n\r\n");
            }
        }
        // Nothing else flushes before the response begins. A failure will show when it is written.
        if !self.responded && !self.core.wire.is_flushed() {
            let _ = self.core.wire.poll_flush(cx);
        }
        self.core.poll_body(cx)
    }

    /// Ready when the client is gone. Between its body and our answer nobody reads, so this does: a
    /// client that closes even one direction no longer waits (as nginx and hyper have it).
    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            // In a tunnel each direction ends by itself.
            let wire = &self.core.wire;
            if wire.is_write_broken() || (!self.core.tunnel && wire.is_broken()) {
                return Poll::Ready(());
            }
            if self.core.tunnel || !self.core.decoder.is_done() {
                self.core.wait_closed(cx);
                return Poll::Pending;
            }
            if self.core.wire.read.len() >= AHEAD_BYTES_MAX {
                return Poll::Pending;
            }
            if ready!(self.core.wire.poll_fill(cx, 0)).is_err() {
                return Poll::Ready(());
            }
        }
    }
}

// === impl Asked ===

impl Asked {
    const fn nothing() -> Self {
        Self {
            head: false,
            connect: false,
            http10: false,
            upgrade: None,
        }
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
