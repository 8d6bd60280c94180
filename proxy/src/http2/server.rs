//! The server's side of a connection.

use core::task::{Context, Poll};

use bytes::Bytes;
use engine::head::{RequestHead, ResponseHead};
use h2::{Reason, RecvStream};
use http::{Method, Request, Response, StatusCode, header};
use tokio::io::{AsyncRead, AsyncWrite};

use super::body::{Gate, Incoming, Outgoing, gone};
use super::resets::Resets;
use super::{head, stream_error};
use crate::exchange::{Frame, Length, Respond, Sink, Source, StreamError};

/// A connection on which requests arrive, many at a time. Polling [`accept`](Self::accept) does the
/// I/O of all its streams, so it has to go on while they are served.
#[derive(Debug)]
pub struct Server<Io>
where
    Io: AsyncRead + AsyncWrite + Unpin,
{
    connection: h2::server::Connection<Io, Bytes>,
    resets: Resets,
    calmed: bool,
}

/// The body of a request. After the exchange has become a tunnel, what the client sends.
#[derive(Debug)]
pub struct RequestBody {
    incoming: Incoming,
    gate: Option<Gate>,
}

/// Where the response goes. Dropping it unfinished resets the stream.
#[derive(Debug)]
pub struct ResponseSink {
    state: State,
    head_only: bool,
    connect: bool,
    /// The body is dropped, whatever its source holds.
    bodiless: bool,
    gate: Option<Gate>,
    /// The client sent a key of HTTP/1.1, and knows what the answer to it means.
    keyed: bool,
    resets: Resets,
    /// The client gave the stream up.
    gone: bool,
}

#[derive(Debug)]
enum State {
    Head(h2::server::SendResponse<Bytes>),
    Body(Outgoing),
}

// === impl Server ===

impl<Io> Server<Io>
where
    Io: AsyncRead + AsyncWrite + Unpin,
{
    pub(super) fn new(connection: h2::server::Connection<Io, Bytes>) -> Self {
        Self {
            connection,
            resets: Resets::default(),
            calmed: false,
        }
    }

    /// The next request with the two halves of its exchange; `None` when the connection has ended
    /// in order, which after [`drain`](Self::drain) it does once its last stream has. May be
    /// dropped and called again without loss. A head that `h2` lets pass but RFC 9113 does not is
    /// answered with 400 here.
    pub async fn accept(
        &mut self,
    ) -> Option<Result<(RequestHead, RequestBody, ResponseSink), StreamError>> {
        loop {
            if self.resets.are_too_many() && !self.calmed {
                self.calmed = true;
                self.connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
            }
            match self.connection.accept().await? {
                Ok((request, respond)) => {
                    self.resets.opened();
                    if let Some(exchange) = begin(request, respond, &self.resets) {
                        return Some(Ok(exchange));
                    }
                }
                Err(e) => return Some(Err(stream_error(&e))),
            }
        }
    }

    /// Tells the client to open no more streams here; those that exist are finished.
    pub fn drain(&mut self) {
        self.connection.graceful_shutdown();
    }

    /// True while a stream is open.
    pub fn has_streams(&self) -> bool {
        self.connection.has_streams()
    }
}

fn begin(
    request: Request<RecvStream>,
    mut respond: h2::server::SendResponse<Bytes>,
    resets: &Resets,
) -> Option<(RequestHead, RequestBody, ResponseSink)> {
    let (parts, stream) = request.into_parts();
    let Ok(head) = head::read_request(Request::from_parts(parts, ())) else {
        let mut refusal = Response::new(());
        *refusal.status_mut() = StatusCode::BAD_REQUEST;
        // A stream that was reset meanwhile needs no answer.
        let _ = respond.send_response(refusal, true);
        return None;
    };
    let connect = head.method == Method::CONNECT;
    let gate = (connect || head.upgrade.is_some()).then(Gate::default);
    let length = match gate {
        Some(_) => Length::Empty,
        None => head::length(&head.headers, stream.is_end_stream()),
    };
    let body = RequestBody {
        incoming: Incoming::new(stream, length),
        gate: gate.clone(),
    };
    let sink = ResponseSink {
        state: State::Head(respond),
        head_only: head.method == Method::HEAD,
        connect,
        bodiless: false,
        gate,
        keyed: head.headers.contains_key(header::SEC_WEBSOCKET_KEY),
        resets: resets.clone(),
        gone: false,
    };
    Some((head, body, sink))
}

// === impl RequestBody ===

impl RequestBody {
    fn is_shut(&self) -> bool {
        self.gate.as_ref().is_some_and(|gate| !gate.is_open())
    }
}

impl Source for RequestBody {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, StreamError>>> {
        if self.is_shut() {
            return Poll::Ready(None);
        }
        self.incoming.poll_frame(cx)
    }

    fn is_end(&self) -> bool {
        self.is_shut() || self.incoming.is_end()
    }

    fn length(&self) -> Length {
        self.incoming.length
    }
}

// === impl ResponseSink ===

impl ResponseSink {
    /// Gives the exchange up with a reason of one's own; [`Sink::abort`] says `INTERNAL_ERROR`.
    pub fn reset(&mut self, reason: Reason) {
        match &mut self.state {
            State::Head(respond) => respond.send_reset(reason),
            State::Body(outgoing) => outgoing.reset(reason),
        }
    }

    /// The client reset the stream.
    fn left(&mut self) {
        if !self.gone && !self.has_responded() {
            self.resets.premature();
        }
        self.gone = true;
    }

    fn body(&mut self) -> Result<&mut Outgoing, StreamError> {
        match &mut self.state {
            State::Body(outgoing) => Ok(outgoing),
            State::Head(_) => Err(protocol("a body was sent before its head")),
        }
    }
}

impl Respond for ResponseSink {
    fn inform(&mut self, head: ResponseHead) -> Result<(), StreamError> {
        let State::Head(respond) = &mut self.state else {
            return Err(protocol(
                "an informational response comes before the final one",
            ));
        };
        if !head.status.is_informational() || head.status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(protocol(
                "an informational response comes before the final one",
            ));
        }
        let response = head::write_response(head, Length::Empty, true);
        respond.send_informational(response).map_err(|e| gone(&e))
    }

    fn respond(&mut self, mut head: ResponseHead, length: Length) -> Result<(), StreamError> {
        let State::Head(respond) = &mut self.state else {
            return Err(protocol("a response has one final head"));
        };
        let switching = head.status == StatusCode::SWITCHING_PROTOCOLS;
        if switching && !self.connect && self.gate.is_some() {
            head.status = StatusCode::OK;
            if !self.keyed {
                head.headers.remove(header::SEC_WEBSOCKET_ACCEPT);
            }
        } else if head.status.is_informational() {
            return Err(protocol("a response has one final head"));
        }
        let tunnel = switching || (self.connect && head.status.is_success());
        self.bodiless = !tunnel && (self.head_only || crate::http1::is_bodiless(head.status));
        let empty = matches!(length, Length::Empty | Length::Known(0));
        let end = !tunnel && (self.bodiless || empty);
        let length = match tunnel {
            true => Length::Unknown,
            false => length,
        };
        let response = head::write_response(head, length, self.bodiless);
        let stream = match respond.send_response(response, end) {
            Ok(stream) => stream,
            Err(e) => {
                self.left();
                return Err(gone(&e));
            }
        };
        self.state = State::Body(Outgoing::new(stream, end));
        if let Some(gate) = self.gate.as_ref().filter(|_| tunnel) {
            gate.open();
        }
        Ok(())
    }

    fn has_responded(&self) -> bool {
        matches!(self.state, State::Body(_))
    }
}

impl Sink for ResponseSink {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        self.body()?.poll_empty(cx)
    }

    fn send(&mut self, frame: Frame, end: bool) -> Result<(), StreamError> {
        if self.bodiless {
            return Ok(());
        }
        self.body()?.send(frame, end)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        match &mut self.state {
            State::Head(_) => Poll::Ready(Ok(())),
            State::Body(outgoing) => outgoing.poll_empty(cx),
        }
    }

    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.state {
            State::Head(respond) => {
                let left = respond.poll_reset(cx).map(|_| ());
                if left.is_ready() {
                    self.left();
                }
                left
            }
            State::Body(outgoing) => outgoing.poll_closed(cx),
        }
    }

    fn abort(&mut self) {
        self.reset(Reason::INTERNAL_ERROR);
    }
}

impl Drop for ResponseSink {
    fn drop(&mut self) {
        match &mut self.state {
            State::Head(respond) => respond.send_reset(Reason::INTERNAL_ERROR),
            State::Body(outgoing) if outgoing.is_done() => {}
            State::Body(outgoing) => outgoing.reset(Reason::INTERNAL_ERROR),
        }
    }
}

fn protocol(what: &str) -> StreamError {
    StreamError::Protocol(what.to_owned())
}
