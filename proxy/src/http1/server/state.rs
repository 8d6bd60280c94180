//! What a server's connection knows between polls, and what it does with it.

use core::task::{Context, Poll, Waker, ready};

use bytes::{Buf, BytesMut};
use engine::head::{RequestHead, ResponseHead};
use http::{HeaderValue, Method, StatusCode, header};
use tokio::io::{AsyncRead, AsyncWrite};

use super::super::body::{Decoder, Encoder};
use super::super::codec::Core;
use super::super::error::HeadError;
use super::super::{Limits, encode, request, response};
use super::{NextError, protocol};
use crate::exchange::{Frame, Length, StreamError};

/// Empty lines tolerated before a request line: RFC 9112 §2.2 asks for at least one, for clients
/// that end a body with a line break too many.
const EMPTY_LINES_MAX: usize = 4;

/// While an answer is awaited, requests that were sent ahead are read up to this many bytes: enough
/// to notice that the client left, too little to hoard.
const AHEAD_BYTES_MAX: usize = 8 * 1024;

#[derive(Debug)]
pub(super) struct State<Io> {
    pub(super) core: Core<Io>,
    /// Counts exchanges, so that a half that outlived its own cannot touch the next.
    pub(super) turn: u64,
    pub(super) asked: Asked,
    pub(super) responded: bool,
    /// The client waits for 100 before it sends its body.
    expect: bool,
    /// A response was begun and given up.
    pub(super) aborted: bool,
    empty_lines: usize,
    drained: usize,
    next: Option<Waker>,
}

/// What the response has to know about its request.
#[derive(Debug)]
pub(super) struct Asked {
    head: bool,
    connect: bool,
    pub(super) http10: bool,
    upgrade: Option<HeaderValue>,
}

// === impl State ===

impl<Io> State<Io> {
    pub(super) fn new(io: Io, read: BytesMut, limits: Limits) -> Self {
        let mut core = Core::new(io, read, limits);
        core.encoder = Encoder::Done;
        Self {
            core,
            turn: 0,
            asked: Asked::nothing(),
            responded: true,
            expect: false,
            aborted: false,
            empty_lines: 0,
            drained: 0,
            next: None,
        }
    }

    /// The exchange at hand has its response.
    pub(super) fn is_over(&self) -> bool {
        self.responded && self.core.encoder.is_done()
    }

    pub(super) fn wake_next(&mut self) {
        if let Some(waker) = self.next.take() {
            waker.wake();
        }
    }

    pub(super) fn respond(
        &mut self,
        head: &ResponseHead,
        length: Length,
    ) -> Result<(), StreamError> {
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
    pub(super) fn poll_readable(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<bool, StreamError>> {
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
    pub(super) fn poll_request(
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

    pub(super) fn poll_body(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame, StreamError>>> {
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
    pub(super) fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
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
