//! The client's side of a connection.

use core::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use engine::head::{RequestHead, ResponseHead};
use http::{Method, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite};

use super::body::{Decoder, Encoder};
use super::codec::{Core, Shared};
use super::error::HeadError;
use super::response::{self, Asked};
use super::{Limits, encode};
use crate::exchange::{Answer, Frame, Length, Sink, Source, StreamError};

/// Most informational responses (1xx) before the final one. Honest servers send one or two.
const INFORMATIONAL_MAX: usize = 16;

/// A connection to send requests on, one exchange after the other.
#[derive(Debug)]
pub struct ClientConn<Io> {
    state: Shared<State<Io>>,
}

/// Where the body of a request goes. A write that fails is not the last word: the server may have
/// answered and closed, so poll the [`ResponseBody`] for its head.
#[derive(Debug)]
pub struct RequestSink<Io> {
    state: Shared<State<Io>>,
    turn: u64,
}

/// The response: its head, then its body. After 101, or 2xx to CONNECT, what the server sends.
#[derive(Debug)]
pub struct ResponseBody<Io> {
    state: Shared<State<Io>>,
    turn: u64,
}

#[derive(Debug)]
struct State<Io> {
    core: Core<Io>,
    /// Counts exchanges, so that a half that outlived its own cannot touch the next.
    turn: u64,
    asked: Asked,
    answer: Phase,
    length: Length,
    informed: usize,
}

/// How far the response has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Not a byte of it has arrived.
    Silent,
    /// Its head is not complete.
    Begun,
    /// Its head has been handed out.
    Body,
}

// === impl ClientConn ===

impl<Io> ClientConn<Io> {
    pub fn new(io: Io, limits: Limits) -> Self {
        let mut core = Core::new(io, BytesMut::new(), limits);
        core.encoder = Encoder::Done;
        Self {
            state: Shared::new(State {
                core,
                turn: 0,
                asked: Asked::Other,
                answer: Phase::Body,
                length: Length::Empty,
                informed: 0,
            }),
        }
    }

    /// Exchanges begun on this connection.
    pub fn exchanges(&self) -> u64 {
        self.state.lock().turn
    }

    /// True when another request may be sent: both messages are complete, and neither side wants to
    /// close. Bytes that nobody asked for make a connection useless too: they could be taken for
    /// the next answer.
    pub fn is_reusable(&self) -> bool {
        let state = self.state.lock();
        let core = &state.core;
        core.persist
            && core.encoder.is_done()
            && core.decoder.is_done()
            && state.answer == Phase::Body
            && core.wire.read.is_empty()
            && core.wire.is_flushed()
            && !core.wire.is_broken()
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> ClientConn<Io> {
    /// Begins an exchange on a reusable connection. Nothing is written yet: the head leaves with
    /// the first frame of the body, or when the sink is flushed. `length` decides the framing,
    /// whatever `content-length` says.
    pub fn send(
        &mut self,
        head: &RequestHead,
        length: Length,
    ) -> Result<(RequestSink<Io>, ResponseBody<Io>), StreamError> {
        if !self.is_reusable() {
            return Err(StreamError::Refused);
        }
        let mut state = self.state.lock();
        state.begin(head, length);
        let turn = state.turn;
        drop(state);
        let sink = RequestSink {
            state: self.state.clone(),
            turn,
        };
        let body = ResponseBody {
            state: self.state.clone(),
            turn,
        };
        Ok((sink, body))
    }

    /// For a connection between exchanges: ready when the server closed it, or sent something that
    /// was not asked for. Either way it is of no more use.
    pub fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state.lock();
        if state.core.wire.is_broken() || !state.core.wire.read.is_empty() {
            return Poll::Ready(());
        }
        state.core.wire.slim();
        state.core.wire.poll_fill(cx, 0).map(|_| ())
    }

    /// Hands the connection over with what was read beyond the last head. The halves of the
    /// exchange become useless.
    pub async fn into_io(self) -> Result<(Io, Bytes), StreamError> {
        core::future::poll_fn(|cx| self.state.lock().core.wire.poll_flush(cx)).await?;
        self.take_io().ok_or(StreamError::Incomplete)
    }

    /// Hands the connection over as it is; bytes not yet written are lost.
    pub fn take_io(self) -> Option<(Io, Bytes)> {
        self.state.lock().core.wire.take()
    }
}

// === impl State ===

impl<Io> State<Io> {
    fn begin(&mut self, head: &RequestHead, length: Length) {
        self.turn += 1;
        self.asked = match head.method {
            Method::HEAD => Asked::Head,
            Method::CONNECT => Asked::Connect,
            _ => Asked::Other,
        };
        self.answer = Phase::Silent;
        self.length = Length::Unknown;
        self.informed = 0;
        self.core.decoder = Decoder::Done;
        let (encoder, framing) = match length {
            _ if self.asked == Asked::Connect => (Encoder::Done, encode::Framing::None),
            Length::Known(0) => (Encoder::Done, encode::Framing::Length(0)),
            Length::Known(n) => (Encoder::Length(n), encode::Framing::Length(n)),
            Length::Unknown => (Encoder::Chunked, encode::Framing::Chunked),
            Length::Empty => (Encoder::Done, empty_framing(&head.method)),
        };
        self.core.encoder = encoder;
        encode::request(self.core.wire.out.tail(), head, framing);
    }

    fn fail(&mut self, e: StreamError) -> StreamError {
        self.core.decoder = Decoder::Failed;
        self.core.give_up();
        let silent = self.answer == Phase::Silent && self.turn > 1;
        match e {
            StreamError::Reset | StreamError::Incomplete if silent => StreamError::Stale,
            e => e,
        }
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> State<Io> {
    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<ResponseHead, StreamError>> {
        if self.answer == Phase::Body {
            return Poll::Ready(Err(protocol("a response has one final head")));
        }
        loop {
            if !self.core.wire.read.is_empty() {
                self.answer = Phase::Begun;
            }
            match self.take_answer() {
                Ok(Some(head)) => return Poll::Ready(Ok(head)),
                Ok(None) => {}
                Err(e) => {
                    let e = StreamError::Protocol(e.to_string());
                    return Poll::Ready(Err(self.fail(e)));
                }
            }
            if self.informed > INFORMATIONAL_MAX {
                let e = protocol("too many informational responses");
                return Poll::Ready(Err(self.fail(e)));
            }
            match ready!(self.core.wire.poll_fill(cx, 0)) {
                Ok(0) => return Poll::Ready(Err(self.fail(StreamError::Incomplete))),
                Ok(_) => {}
                Err(e) => return Poll::Ready(Err(self.fail(e))),
            }
        }
    }

    /// The next head among the bytes at hand, 100 aside.
    fn take_answer(&mut self) -> Result<Option<ResponseHead>, HeadError> {
        while self.informed <= INFORMATIONAL_MAX {
            let Some(bytes) = self.core.take_head()? else {
                return Ok(None);
            };
            let answer = response::read(&bytes, self.core.limits.headers, self.asked)?;
            let status = answer.head.status;
            if status.is_informational() && !answer.tunnel {
                self.informed += 1;
                if status == StatusCode::CONTINUE {
                    continue;
                }
                return Ok(Some(answer.head));
            }
            self.answer = Phase::Body;
            self.core.persist &= answer.persist;
            self.core.decoder = Decoder::new(answer.body);
            self.length = self.core.decoder.length();
            if answer.tunnel {
                // The switch happens after the request (RFC 9110 §7.8); one still being sent would
                // end up inside the tunnel.
                if !self.core.encoder.is_done() {
                    return Err(HeadError::StartLine);
                }
                self.core.tunnel = true;
                self.core.encoder = Encoder::Tunnel;
                self.core.decoder = Decoder::Close;
                self.length = Length::Unknown;
            }
            if !self.core.persist || self.core.decoder.is_done() {
                self.core.wake_closed();
            }
            return Ok(Some(answer.head));
        }
        Ok(None)
    }

    /// Ready when the server takes no more of the request: the connection broke, or the whole
    /// answer is here and the connection ends with it.
    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let core = &mut self.core;
        let answered = self.answer == Phase::Body && core.decoder.is_done() && !core.tunnel;
        // In a tunnel each direction ends by itself.
        let broken = core.wire.is_write_broken() || (!core.tunnel && core.wire.is_broken());
        if broken || (answered && !core.persist) {
            return Poll::Ready(());
        }
        core.wait_closed(cx);
        Poll::Pending
    }
}

/// What to say of a body that is not there: methods that usually have one name its length
/// (RFC 9110 §8.6).
fn empty_framing(method: &Method) -> encode::Framing {
    match *method {
        Method::POST | Method::PUT | Method::PATCH => encode::Framing::Length(0),
        _ => encode::Framing::None,
    }
}

// === impl ResponseBody ===

impl<Io> ResponseBody<Io> {
    /// True once a byte of the answer has arrived: the server has seen the request.
    pub fn has_begun(&self) -> bool {
        let state = self.state.lock();
        state.turn != self.turn || state.answer != Phase::Silent
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Answer for ResponseBody<Io> {
    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<ResponseHead, StreamError>> {
        let mut state = self.state.lock();
        if state.turn == self.turn {
            state.poll_head(cx)
        } else {
            Poll::Ready(Err(protocol("the exchange is over")))
        }
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Source for ResponseBody<Io> {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, StreamError>>> {
        let mut state = self.state.lock();
        if state.turn != self.turn {
            return Poll::Ready(None);
        }
        let polled = state.core.poll_body(cx);
        if state.core.decoder.is_done() {
            state.core.wake_closed();
        }
        polled
    }

    fn is_end(&self) -> bool {
        let state = self.state.lock();
        state.turn != self.turn || (state.answer == Phase::Body && state.core.decoder.is_done())
    }

    fn length(&self) -> Length {
        self.state.lock().length
    }
}

// === impl RequestSink ===

impl<Io: AsyncRead + AsyncWrite + Unpin> Sink for RequestSink<Io> {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        let mut state = self.state.lock();
        if state.turn == self.turn {
            state.core.wire.poll_ready(cx)
        } else {
            Poll::Ready(Ok(()))
        }
    }

    fn send(&mut self, frame: Frame, end: bool) -> Result<(), StreamError> {
        let mut state = self.state.lock();
        if state.turn == self.turn {
            state.core.send(frame, end)
        } else {
            Err(protocol("the exchange is over"))
        }
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
        if state.turn == self.turn {
            state.core.give_up();
        }
    }
}

fn protocol(what: &str) -> StreamError {
    StreamError::Protocol(what.to_owned())
}
