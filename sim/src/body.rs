//! Bodies of simulated messages: so many bytes, nobody reads what they say.

use core::future::poll_fn;

use bytes::Bytes;
use http::HeaderMap;
use proxy::exchange::{Frame, Sink, Source, StreamError};

/// A frame of a simulated body. As large as an HTTP/2 frame by default, so that large bodies show
/// flow control.
const CHUNK: usize = 16 * 1024;

static ZEROS: [u8; CHUNK] = [0; CHUNK];

/// A body that was read to its end.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Whole {
    pub(crate) bytes: u64,
    pub(crate) trailers: Option<HeaderMap>,
}

/// Reads a body to its end.
pub(crate) async fn drain(source: &mut (impl Source + ?Sized)) -> Result<Whole, StreamError> {
    let mut whole = Whole::default();
    if source.is_end() {
        return Ok(whole);
    }
    while let Some(frame) = poll_fn(|cx| source.poll_frame(cx)).await {
        match frame? {
            Frame::Data(data) => whole.bytes += data.len() as u64,
            Frame::Trailers(trailers) => whole.trailers = Some(trailers),
        }
    }
    Ok(whole)
}

/// Writes a body of `size` zeros; at least one.
pub(crate) async fn fill(sink: &mut (impl Sink + ?Sized), size: u64) -> Result<(), StreamError> {
    let mut left = size;
    while left > 0 {
        poll_fn(|cx| sink.poll_ready(cx)).await?;
        let data = zeros(left);
        left -= data.len() as u64;
        sink.send(Frame::Data(data), left == 0)?;
    }
    poll_fn(|cx| sink.poll_flush(cx)).await
}

/// The next frame of a body of which `left` bytes are to come.
pub(crate) fn zeros(left: u64) -> Bytes {
    Bytes::from_static(&ZEROS[..left.min(CHUNK as u64) as usize])
}

/// Bytes before a gRPC message: not compressed, and its length (gRPC over HTTP/2,
/// "Length-Prefixed-Message").
pub(crate) const GRPC_PREFIX: u64 = 5;

/// The prefix of a message of `size` bytes.
pub(crate) fn grpc_prefix(size: u64) -> Bytes {
    let len = u32::try_from(size).unwrap_or(u32::MAX).to_be_bytes();
    Bytes::copy_from_slice(&[0, len[0], len[1], len[2], len[3]])
}
