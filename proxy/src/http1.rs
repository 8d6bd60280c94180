//! HTTP/1.1 on one connection (RFC 9112), as a server and as a client.
//!
//! ```text
//!             ┌──────────── Core (one lock, never contended) ───────────┐
//!   peer ◀──▶ │ Wire: read buffer │ head scanner │ body decoder ─▶ Source │
//!             │       outbox      │ head writer  │ body encoder ◀─ Sink   │
//!             └──────────────────────────────────────────────────────────┘
//! ```
//!
//! A connection hands out two owned halves per exchange, a [`Source`](crate::exchange::Source) for
//! the message that comes in and a [`Sink`](crate::exchange::Sink) for the one that goes out. They
//! work at the same time, so an answer may begin before its request has ended. There is no task and
//! no channel behind them: polling a half does the I/O. All polls of one exchange should come from
//! one task, since an [`AsyncRead`](tokio::io::AsyncRead) remembers one waker.
//!
//! Framing is strict. Whatever two implementations could read differently is refused with an error
//! and the connection ends: a proxy that guesses is how requests are smuggled (RFC 9112 §11.2).

mod body;
mod chunked;
mod client;
mod codec;
mod encode;
mod error;
mod fields;
mod framing;
mod request;
mod response;
mod scan;
mod server;
mod target;
mod wire;

#[cfg(test)]
mod tests;

pub use client::{ClientConn, RequestSink, ResponseBody};
pub use error::HeadError;
pub use server::{NextError, RequestBody, ResponseSink, ServerConn};

pub(crate) use response::is_bodiless;
pub(crate) use wire::stream_error;

/// Longest head (start line and fields) by default. Envoy's default is 60 KiB; browsers and tokens
/// stay under 16.
pub const HEAD_BYTES_MAX: usize = 60 * 1024;

/// Most header fields by default, and Envoy's default. Cookies are one field.
pub const HEADERS_MAX: usize = 100;

/// The most header fields that can be configured: they are tokenised into an array on the stack.
pub const HEADERS_CEILING: usize = 256;

/// Longest start line by default. RFC 9112 §3 asks for at least 8000 octets.
pub const START_LINE_BYTES_MAX: usize = 16 * 1024;

/// Longest chunk-size line with its extensions. Nobody uses extensions; 16 hexadecimal digits do
/// fit.
pub const CHUNK_LINE_BYTES_MAX: usize = 256;

/// All chunk extensions of one body together: without a bound, one-byte chunks with long extensions
/// cost a receiver 200 times the payload (CVE-2023-39326). hyper has the same number.
pub const CHUNK_EXTENSION_BYTES_MAX: usize = 16 * 1024;

/// Longest trailer section. gRPC messages in `grpc-message` are the largest honest use.
pub const TRAILER_BYTES_MAX: usize = 16 * 1024;

/// Most of a request body that is read and thrown away to keep a connection whose answer came
/// early. Above it a new connection is cheaper than the rest of the body.
pub const DRAIN_BYTES_MAX: usize = 64 * 1024;

/// What a connection accepts. All sizes in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub head_bytes: usize,
    /// Number of fields, at most [`HEADERS_CEILING`].
    pub headers: usize,
    pub start_line_bytes: usize,
    pub chunk_line_bytes: usize,
    pub chunk_extension_bytes: usize,
    pub trailer_bytes: usize,
    pub drain_bytes: usize,
}

// === impl Limits ===

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes: HEAD_BYTES_MAX,
            headers: HEADERS_MAX,
            start_line_bytes: START_LINE_BYTES_MAX,
            chunk_line_bytes: CHUNK_LINE_BYTES_MAX,
            chunk_extension_bytes: CHUNK_EXTENSION_BYTES_MAX,
            trailer_bytes: TRAILER_BYTES_MAX,
            drain_bytes: DRAIN_BYTES_MAX,
        }
    }
}
