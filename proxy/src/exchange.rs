//! One exchange: a request and its response as streams of frames, whatever the protocol.
//!
//! ```text
//!              downstream (client)                     upstream (server)
//!   request    head ─▶ Source ──────── pump ───────▶ Sink ◀─ head
//!   response   head ◀─ Sink   ◀─────── pump ──────── Source ◀ head
//! ```
//!
//! The HTTP/1.1 and HTTP/2 codecs stand behind these two traits, each replaceable alone: heads are
//! [`engine::head`] values, bodies are frames of data and at most one block of trailers.
//! Back-pressure is the contract of [`Sink::poll_ready`]: a pump reads a frame only when the other
//! side has room.

use core::task::{Context, Poll};
use std::future::poll_fn;

use bytes::Bytes;
use engine::head::ResponseHead;
use http::HeaderMap;

mod pump;
mod replay;
mod tee;

#[cfg(test)]
mod tests;

pub use pump::{Pump, PumpError};
pub use replay::Replay;
pub use tee::{MIRROR_FRAMES_MAX, Mirror, Tee};

/// A piece of a body.
#[derive(Clone, Debug, PartialEq)]
pub enum Frame {
    Data(Bytes),
    /// Ends the body.
    Trailers(HeaderMap),
}

/// How long a body is, when that is known from its head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// Nothing follows the head.
    Empty,
    Known(u64),
    /// Chunked, HTTP/2 without `content-length`, or until the connection closes.
    Unknown,
}

/// Why a stream broke.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// The peer reset the stream or the connection.
    #[error("the peer reset the stream")]
    Reset,
    /// The peer closed the connection before the message was complete.
    #[error("the connection closed before the message was complete")]
    Incomplete,
    /// HTTP/2 `REFUSED_STREAM`, or above the last id of a GOAWAY: certainly not processed.
    #[error("the peer refused the stream unprocessed")]
    Refused,
    /// A connection that had served before was closed by the peer before the first byte of this
    /// answer: it was idle too long, and the request was most likely never read (RFC 9112 §9.3.1).
    #[error("the peer had closed the idle connection")]
    Stale,
    /// The peer sent something that is not HTTP.
    #[error("protocol error: {0}")]
    Protocol(String),
    /// A bound of ours was exceeded.
    #[error("{what} exceeds the limit of {limit} bytes")]
    TooLarge { what: &'static str, limit: usize },
    /// TLS broke after its handshake, as when the peer refuses our certificate: a client of TLS 1.3
    /// learns of it with the first bytes it reads.
    #[error("{0}")]
    Tls(String),
    #[error("{0}")]
    Io(std::io::ErrorKind),
}

/// Where a body comes from.
pub trait Source {
    /// The next frame; `None` after the last one. After an error nothing more may be polled.
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, StreamError>>>;

    /// True when it is known that no frame follows.
    fn is_end(&self) -> bool;

    fn length(&self) -> Length;
}

impl<S: Source + ?Sized> Source for Box<S> {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, StreamError>>> {
        (**self).poll_frame(cx)
    }

    fn is_end(&self) -> bool {
        (**self).is_end()
    }

    fn length(&self) -> Length {
        (**self).length()
    }
}

/// Where a body goes.
pub trait Sink {
    /// Ready when there is room for one more data frame (of any size; the sink buffers what it has
    /// accepted, and is not ready again until that is nearly gone). Errors when the peer went away.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>>;

    /// Hands over a frame; `end` says that it is the last. Trailers always end. An empty last data
    /// frame ends a body. Never blocks.
    fn send(&mut self, frame: Frame, end: bool) -> Result<(), StreamError>;

    /// Pushes out what is buffered, as far as the peer takes it.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>>;

    /// Ready when the peer no longer wants the body (reset, connection gone).
    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// Gives the body up: RST_STREAM with HTTP/2, a connection that is not reused with HTTP/1.1.
    fn abort(&mut self);
}

/// The sink of a response: its head first.
pub trait Respond: Sink {
    /// Sends an informational response (1xx other than 101) ahead of the final one. Clients of
    /// HTTP/1.0 never see one (RFC 9110 §15.2).
    fn inform(&mut self, head: ResponseHead) -> Result<(), StreamError>;

    /// Sends the final head; once. `length` decides the framing, whatever `content-length` says.
    /// With [`Length::Empty`] the response is complete. After 101, or 2xx to CONNECT, the two
    /// halves of the exchange carry the bytes of the tunnel.
    fn respond(&mut self, head: ResponseHead, length: Length) -> Result<(), StreamError>;

    /// True once a final head was handed over.
    fn has_responded(&self) -> bool;
}

/// The source of a response: its head first.
pub trait Answer: Source {
    /// The next head: informational ones (1xx; 100 is not shown, since our requests never wait for
    /// it) and then the final one, after which the body may be polled and this not again.
    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<ResponseHead, StreamError>>;
}

/// Informational responses before the final one that somebody waits for who only wants that; more
/// is no answer.
const INFORMATIONAL_MAX: usize = 4;

/// The final head of a response.
///
/// # Errors
/// When there is none.
pub(crate) async fn final_head(answer: &mut impl Answer) -> Result<ResponseHead, StreamError> {
    for _ in 0..=INFORMATIONAL_MAX {
        let head = poll_fn(|cx| answer.poll_head(cx)).await?;
        if !head.status.is_informational() {
            return Ok(head);
        }
    }
    let why = "too many informational responses";
    Err(StreamError::Protocol(why.to_owned()))
}

/// Sends a body that is there as a whole.
///
/// # Errors
/// When the peer does not take it.
pub(crate) async fn send_whole(sink: &mut impl Sink, body: Bytes) -> Result<(), StreamError> {
    poll_fn(|cx| sink.poll_ready(cx)).await?;
    sink.send(Frame::Data(body), true)?;
    poll_fn(|cx| sink.poll_flush(cx)).await
}
