//! HTTP/2 (RFC 9113) over the `h2` crate, as a server and as a client: each stream is one exchange
//! with two owned halves, like those of [`http1`](crate::http1).
//!
//! **Flow control is the back-pressure.** A window is given back to the sender when the frame that
//! used it has been taken on, which a pump does once the other side has room; and a sink hands `h2`
//! no more than the peer's window and its own small buffer admit.
//!
//! **Upgrades look like those of HTTP/1.1.** An extended CONNECT (RFC 8441) becomes a GET with
//! [`upgrade`](engine::head::RequestHead::upgrade) and the other way around, its 200 a 101, so that
//! nothing above knows how a WebSocket came in. The two halves seem empty until the tunnel is open.
//!
//! **Determinism.** `h2` reads the real clock in two places (`Stream::set_queued`,
//! `Recv::clear_expired_reset_streams`), both only to forget, after `reset_stream_duration`,
//! streams that were reset here. The comparison is `elapsed > reset_stream_duration`, so that with
//! [`Duration::MAX`] it is false whatever the clock says, and the clock decides nothing.
//! [`RESET_STREAMS_MAX`] bounds what is remembered then; late frames of streams beyond it are
//! answered with `STREAM_CLOSED`, of which [`ERROR_RESETS_MAX`] are granted per connection.

mod body;
mod client;
mod head;
mod keep_alive;
mod resets;
mod server;

#[cfg(test)]
mod tests;

use core::time::Duration;

use h2::Reason;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::exchange::StreamError;

pub use client::{Client, Driver, RequestSink, ResponseBody};
pub use keep_alive::{Heard, KeepAlive};
pub use server::{RequestBody, ResponseSink, Server};

/// Largest header list by default, with 32 bytes of overhead per field as RFC 9113 §10.5.1 counts.
/// The same number as for HTTP/1.1.
pub const HEADER_LIST_BYTES_MAX: u32 = 60 * 1024;

/// Most concurrent streams a client may open by default; Envoy's default.
pub const CONCURRENT_STREAMS_MAX: u32 = 1024;

/// Window of one stream: what a slow reader costs. The protocol's initial value, 64 MB/s at a round
/// trip of one millisecond.
pub const STREAM_WINDOW_BYTES: u32 = 65_535;

/// Window of a connection: what all its slow readers together cost.
pub const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;

/// What a sink may hand over before the peer's window and the socket take it. Small, since a pump
/// has a frame of its own in hand.
pub const SEND_BUFFER_BYTES_MAX: usize = 64 * 1024;

/// Streams that a client reset before they were accepted here; one more ends the connection (the
/// "rapid reset" of CVE-2023-44487). The default of `h2`.
pub const PENDING_ACCEPT_RESETS_MAX: usize = 20;

/// Streams that a client may open and reset before it has an answer, if they are more than half of
/// all: above it the connection is ended with `ENHANCE_YOUR_CALM`. The "rapid reset" of
/// CVE-2023-44487 when streams are accepted as fast as they come (Envoy's value and rule).
pub const PREMATURE_RESETS_MAX: u32 = 500;

/// Streams reset here whose late frames are ignored, over the life of a connection (about 0.5 KiB
/// each).
pub const RESET_STREAMS_MAX: usize = 128;

/// Resets caused by the peer's faults, or by late frames of forgotten streams, over the life of a
/// connection. They are queued until the peer reads them: about 200 bytes each, 3 MiB in all.
pub const ERROR_RESETS_MAX: usize = 16 * 1024;

/// What a connection accepts and how much it buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    pub header_list_bytes: u32,
    pub concurrent_streams: u32,
    pub stream_window_bytes: u32,
    pub connection_window_bytes: u32,
    pub send_buffer_bytes: usize,
    pub pending_accept_resets: usize,
}

// === impl Config ===

impl Default for Config {
    fn default() -> Self {
        Self {
            header_list_bytes: HEADER_LIST_BYTES_MAX,
            concurrent_streams: CONCURRENT_STREAMS_MAX,
            stream_window_bytes: STREAM_WINDOW_BYTES,
            connection_window_bytes: CONNECTION_WINDOW_BYTES,
            send_buffer_bytes: SEND_BUFFER_BYTES_MAX,
            pending_accept_resets: PENDING_ACCEPT_RESETS_MAX,
        }
    }
}

/// Speaks HTTP/2 as a server on `io`, with prior knowledge or after ALPN. Completes when the
/// client's preface has arrived.
pub async fn server<Io>(io: Io, config: &Config) -> Result<Server<Io>, StreamError>
where
    Io: AsyncRead + AsyncWrite + Unpin,
{
    let mut builder = h2::server::Builder::new();
    builder
        .max_header_list_size(config.header_list_bytes)
        .max_concurrent_streams(config.concurrent_streams)
        .initial_window_size(config.stream_window_bytes)
        .initial_connection_window_size(config.connection_window_bytes)
        .max_send_buffer_size(config.send_buffer_bytes)
        .max_pending_accept_reset_streams(config.pending_accept_resets)
        .max_concurrent_reset_streams(RESET_STREAMS_MAX)
        .max_local_error_reset_streams(Some(ERROR_RESETS_MAX))
        .reset_stream_duration(Duration::MAX)
        .enable_connect_protocol();
    let connection = builder.handshake(io).await.map_err(|e| stream_error(&e))?;
    Ok(Server::new(connection))
}

/// Speaks HTTP/2 as a client on `io`, with prior knowledge or after ALPN. The [`Driver`] does all
/// the I/O of the connection and has to be spawned; it ends when the connection does. Requests may
/// be sent before the server has said anything.
pub async fn client<Io>(io: Io, config: &Config) -> Result<(Client, Driver<Io>), StreamError>
where
    Io: AsyncRead + AsyncWrite + Unpin,
{
    let mut builder = h2::client::Builder::new();
    builder
        .max_header_list_size(config.header_list_bytes)
        .initial_window_size(config.stream_window_bytes)
        .initial_connection_window_size(config.connection_window_bytes)
        .max_send_buffer_size(config.send_buffer_bytes)
        .max_pending_accept_reset_streams(config.pending_accept_resets)
        .max_concurrent_reset_streams(RESET_STREAMS_MAX)
        .max_local_error_reset_streams(Some(ERROR_RESETS_MAX))
        .reset_stream_duration(Duration::MAX)
        .enable_push(false);
    let (send, connection) = builder.handshake(io).await.map_err(|e| stream_error(&e))?;
    Ok((Client::new(send), Driver::new(connection)))
}

/// An error of `h2` as a stream sees it. A stream learns of the peer's GOAWAY only if its id lies
/// above the last one that was processed (`Inner::recv_go_away`), so that it is refused, not
/// broken.
fn stream_error(e: &h2::Error) -> StreamError {
    if let Some(io) = e.get_io() {
        // How h2 tells streams that the connection ended.
        if io.kind() == std::io::ErrorKind::BrokenPipe {
            return StreamError::Incomplete;
        }
        return crate::http1::stream_error(io);
    }
    match e.reason() {
        Some(Reason::REFUSED_STREAM) => StreamError::Refused,
        Some(_) if e.is_remote() && e.is_go_away() => StreamError::Refused,
        Some(_) if e.is_remote() => StreamError::Reset,
        Some(reason) => StreamError::Protocol(reason.description().to_owned()),
        None => StreamError::Protocol(e.to_string()),
    }
}
