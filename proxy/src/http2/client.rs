//! The client's side of a connection.

use core::pin::Pin;
use core::task::{Context, Poll, ready};

use bytes::Bytes;
use engine::head::{RequestHead, ResponseHead};
use h2::Reason;
use http::{HeaderValue, Method, Response, StatusCode, header};
use tokio::io::{AsyncRead, AsyncWrite};

use super::body::{Gate, Incoming, Outgoing};
use super::{head, stream_error};
use crate::exchange::{Answer, Frame, Length, Sink, Source, StreamError};
use crate::headers::websocket;

/// Most informational responses (1xx) before the final one. Honest servers send one or two.
const INFORMATIONAL_MAX: usize = 16;

/// Opens streams on a connection. Cheap to clone; the connection ends in order when all clones and
/// all streams are gone.
#[derive(Clone, Debug)]
pub struct Client {
    send: h2::client::SendRequest<Bytes>,
}

/// All the I/O of a client's connection. Ends when the connection does.
#[derive(Debug)]
pub struct Driver<Io>
where
    Io: AsyncRead + AsyncWrite + Unpin,
{
    connection: h2::client::Connection<Io, Bytes>,
}

/// Where the body of a request goes. Dropping it leaves the response alone; when both halves are
/// dropped unfinished, the stream is reset.
#[derive(Debug)]
pub struct RequestSink {
    outgoing: Outgoing,
    gate: Option<Gate>,
}

/// The response: its head, then its body. After 101, or 2xx to CONNECT, what the server sends.
#[derive(Debug)]
pub struct ResponseBody {
    state: State,
    gate: Option<Gate>,
    upgrade: Option<String>,
    /// What a client of HTTP/1.1 has to be shown of a WebSocket.
    accept: Option<HeaderValue>,
    informed: usize,
}

#[derive(Debug)]
enum State {
    Head(h2::client::ResponseFuture),
    Body(Incoming),
}

// === impl Client ===

impl Client {
    pub(super) fn new(send: h2::client::SendRequest<Bytes>) -> Self {
        Self { send }
    }

    /// Ready when another stream may be opened. Pending while a request of this handle waits for
    /// the server's limit of streams. An error means that the connection takes no more: `Refused`
    /// after a GOAWAY.
    pub fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        self.send.poll_ready(cx).map_err(|e| stream_error(&e))
    }

    /// Most streams that the server allows at a time, as far as it has said so yet. One request
    /// above it waits inside the connection, so count streams before asking for more.
    pub fn max_streams(&self) -> usize {
        self.send.current_max_send_streams()
    }

    /// True when the server takes upgrades as extended CONNECT (RFC 8441). Known once its settings
    /// have arrived.
    pub fn takes_upgrades(&self) -> bool {
        self.send.is_extended_connect_protocol_enabled()
    }

    /// Opens a stream; the connection writes by itself. `length` decides whether the stream ends
    /// with its head, whatever `content-length` says.
    pub fn send(
        &mut self,
        head: &RequestHead,
        length: Length,
    ) -> Result<(RequestSink, ResponseBody), StreamError> {
        if head.upgrade.is_some() && !self.takes_upgrades() {
            return Err(protocol("the server takes no extended CONNECT"));
        }
        let gate = (head.upgrade.is_some() || head.method == Method::CONNECT).then(Gate::default);
        let length = match gate {
            Some(_) => Length::Unknown,
            None => length,
        };
        let end = matches!(length, Length::Empty | Length::Known(0));
        let request = head::write_request(head, length)
            .ok_or_else(|| protocol("the request has no form in HTTP/2"))?;
        let (response, stream) = self
            .send
            .send_request(request, end)
            .map_err(|e| stream_error(&e))?;
        let sink = RequestSink {
            outgoing: Outgoing::new(stream, end),
            gate: gate.clone(),
        };
        let body = ResponseBody {
            state: State::Head(response),
            gate,
            upgrade: head.upgrade.clone(),
            accept: websocket::accept(head),
            informed: 0,
        };
        Ok((sink, body))
    }
}

// === impl Driver ===

impl<Io> Driver<Io>
where
    Io: AsyncRead + AsyncWrite + Unpin,
{
    pub(super) fn new(connection: h2::client::Connection<Io, Bytes>) -> Self {
        Self { connection }
    }

    /// For pings; once.
    pub(super) fn ping_pong(&mut self) -> Option<h2::PingPong> {
        self.connection.ping_pong()
    }
}

impl<Io> Future for Driver<Io>
where
    Io: AsyncRead + AsyncWrite + Unpin,
{
    type Output = Result<(), StreamError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.connection)
            .poll(cx)
            .map_err(|e| stream_error(&e))
    }
}

// === impl RequestSink ===

impl RequestSink {
    fn is_shut(&self) -> bool {
        self.gate.as_ref().is_some_and(|gate| !gate.is_open())
    }
}

impl Sink for RequestSink {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        self.outgoing.poll_empty(cx)
    }

    fn send(&mut self, frame: Frame, end: bool) -> Result<(), StreamError> {
        if self.is_shut() {
            return match frame {
                Frame::Data(data) if data.is_empty() => Ok(()),
                _ => Err(protocol("an upgrade begins after the body of its request")),
            };
        }
        self.outgoing.send(frame, end)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        self.outgoing.poll_empty(cx)
    }

    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.outgoing.poll_closed(cx)
    }

    fn abort(&mut self) {
        self.outgoing.reset(Reason::CANCEL);
    }
}

// === impl ResponseBody ===

impl ResponseBody {
    fn poll_final(&mut self, cx: &mut Context<'_>) -> Poll<Result<ResponseHead, StreamError>> {
        let State::Head(future) = &mut self.state else {
            return Poll::Ready(Err(protocol("a response has one final head")));
        };
        let response = match ready!(Pin::new(future).poll(cx)) {
            Ok(response) => response,
            Err(e) => return Poll::Ready(Err(stream_error(&e))),
        };
        let (parts, stream) = response.into_parts();
        let mut head = head::read_response(Response::from_parts(parts, ()))
            .map_err(|e| StreamError::Protocol(e.to_string()))?;
        if head.status.is_informational() {
            return Poll::Ready(Err(protocol("HTTP/2 has no 101")));
        }
        let tunnel = self.gate.as_ref().filter(|_| head.status.is_success());
        let mut length = head::length(&head.headers, stream.is_end_stream());
        if let Some(gate) = tunnel {
            gate.open();
            length = Length::Unknown;
            if let Some(token) = self.upgrade.take() {
                head.status = StatusCode::SWITCHING_PROTOCOLS;
                if let Ok(token) = HeaderValue::try_from(token) {
                    head.headers.insert(header::UPGRADE, token);
                }
                // One that came from a server of HTTP/1.1 further on stays.
                if let Some(accept) = self.accept.take() {
                    let field = head.headers.entry(header::SEC_WEBSOCKET_ACCEPT);
                    field.or_insert(accept);
                }
            }
        }
        self.state = State::Body(Incoming::new(stream, length));
        Poll::Ready(Ok(head))
    }
}

impl Answer for ResponseBody {
    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<ResponseHead, StreamError>> {
        loop {
            let State::Head(future) = &mut self.state else {
                return Poll::Ready(Err(protocol("a response has one final head")));
            };
            if self.informed > INFORMATIONAL_MAX {
                return Poll::Ready(Err(protocol("too many informational responses")));
            }
            match future.poll_informational(cx) {
                Poll::Ready(Some(Ok(response))) => {
                    self.informed += 1;
                    if response.status() != StatusCode::CONTINUE {
                        let head = head::read_response(response);
                        let head = head.map_err(|e| StreamError::Protocol(e.to_string()));
                        return Poll::Ready(head);
                    }
                }
                Poll::Ready(Some(Err(e))) => return Poll::Ready(Err(stream_error(&e))),
                Poll::Ready(None) => return self.poll_final(cx),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

impl Source for ResponseBody {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, StreamError>>> {
        match &mut self.state {
            State::Body(incoming) => incoming.poll_frame(cx),
            State::Head(_) => Poll::Ready(Some(Err(protocol("a body comes after its head")))),
        }
    }

    fn is_end(&self) -> bool {
        match &self.state {
            State::Body(incoming) => incoming.is_end(),
            State::Head(_) => false,
        }
    }

    fn length(&self) -> Length {
        match &self.state {
            State::Body(incoming) => incoming.length,
            State::Head(_) => Length::Unknown,
        }
    }
}

fn protocol(what: &str) -> StreamError {
    StreamError::Protocol(what.to_owned())
}
