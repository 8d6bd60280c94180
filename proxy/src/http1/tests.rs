//! What the tests of the codec share: sources from values, and readers of whole bodies.

mod exchange;
mod framing;
mod roundtrip;
mod tunnel;

use core::future::poll_fn;

use bytes::Bytes;
use engine::head::{RequestHead, ResponseHead};
use http::{HeaderMap, Method, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::*;
use crate::exchange::{Answer, Frame, Length, Respond, Sink, Source, StreamError};

/// Everything a source yields, data in one piece.
pub(super) async fn collect(
    source: &mut impl Source,
) -> Result<(Vec<u8>, Option<HeaderMap>), StreamError> {
    let mut body = Vec::new();
    while let Some(frame) = poll_fn(|cx| source.poll_frame(cx)).await {
        match frame? {
            Frame::Data(data) => body.extend_from_slice(&data),
            Frame::Trailers(trailers) => return Ok((body, Some(trailers))),
        }
    }
    Ok((body, None))
}

/// Sends `frame` as soon as the sink takes it, and flushes.
pub(super) async fn push(sink: &mut impl Sink, frame: Frame, end: bool) -> Result<(), StreamError> {
    poll_fn(|cx| sink.poll_ready(cx)).await?;
    sink.send(frame, end)?;
    poll_fn(|cx| sink.poll_flush(cx)).await
}

pub(super) async fn flush(sink: &mut impl Sink) -> Result<(), StreamError> {
    poll_fn(|cx| sink.poll_flush(cx)).await
}

pub(super) async fn head(answer: &mut impl Answer) -> Result<ResponseHead, StreamError> {
    poll_fn(|cx| answer.poll_head(cx)).await
}

pub(super) fn get(path: &'static str) -> RequestHead {
    request(Method::GET, path)
}

pub(super) fn request(method: Method, path: &'static str) -> RequestHead {
    let authority = http::uri::Authority::from_static("shop:8080");
    let path = http::uri::PathAndQuery::from_static(path);
    RequestHead::new(method, Some(authority), path)
}

pub(super) fn ok() -> ResponseHead {
    ResponseHead::new(StatusCode::OK)
}

/// A server on one end of a pipe of `size` bytes.
pub(super) fn server(size: usize) -> (DuplexStream, ServerConn<DuplexStream>) {
    let (peer, io) = tokio::io::duplex(size);
    (peer, ServerConn::new(io, Limits::default()))
}

/// A client on one end of a pipe of `size` bytes.
pub(super) fn client(size: usize) -> (DuplexStream, ClientConn<DuplexStream>) {
    let (peer, io) = tokio::io::duplex(size);
    (peer, ClientConn::new(io, Limits::default()))
}

/// What `peer` has been sent so far, without waiting for more.
pub(super) async fn received(peer: &mut DuplexStream) -> String {
    let mut bytes = vec![0; 64 * 1024];
    let read = tokio::select! {
        biased;
        read = peer.read(&mut bytes) => read.unwrap(),
        () = tokio::task::yield_now() => 0,
    };
    String::from_utf8(bytes[..read].to_vec()).unwrap()
}

pub(super) fn data(bytes: &'static [u8]) -> Frame {
    Frame::Data(Bytes::from_static(bytes))
}

pub(super) async fn write(peer: &mut DuplexStream, bytes: impl AsRef<[u8]>) {
    peer.write_all(bytes.as_ref()).await.unwrap();
}
