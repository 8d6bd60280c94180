//! `grpc.health.v1.Health/Check` (<https://github.com/grpc/grpc/blob/master/doc/health-checking.md>).
//!
//! Two messages of one field each.

use std::future::poll_fn;

use bytes::Bytes;
use engine::check::Probed;
use engine::classify::{grpc, grpc_status};
use engine::head::RequestHead;
use engine::snapshot::Endpoint;
use http::header::{CONTENT_TYPE, TE, USER_AGENT};
use http::uri::PathAndQuery;
use http::{HeaderValue, Method};
use tokio::io::{AsyncRead, AsyncWrite};

use super::{AGENT, INFORMATIONAL_MAX, authority};
use crate::exchange::{Answer, Frame, Length, Sink as _, Source as _, StreamError};
use crate::http2;
use crate::net::AnyIo;
use crate::proto::{Fields, Value, Writer, frame, unframe};

const PATH: &str = "/grpc.health.v1.Health/Check";

/// The most bytes of an answer: one field and its frame are seven.
const ANSWER_BYTES_MAX: usize = 4096;

/// `HealthCheckResponse.ServingStatus.SERVING`.
const SERVING: u64 = 1;

/// Asks on a connection of its own; none when there is no answer.
pub(super) async fn ask<I>(io: AnyIo<I>, service: &str, endpoint: &Endpoint) -> Option<Probed>
where
    AnyIo<I>: AsyncRead + AsyncWrite + Unpin,
{
    let (client, driver) = http2::client(io, &http2::Config::default()).await.ok()?;
    let mut head = RequestHead::new(
        Method::POST,
        Some(authority(None, endpoint)?),
        PathAndQuery::from_static(PATH),
    );
    let headers = &mut head.headers;
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(TE, HeaderValue::from_static("trailers"));
    headers.insert(USER_AGENT, AGENT);
    tokio::select! {
        biased;
        answer = call(client, &head, request(service)) => answer.ok(),
        _ = driver => None,
    }
}

async fn call(
    mut client: http2::Client,
    head: &RequestHead,
    message: Vec<u8>,
) -> Result<Probed, StreamError> {
    poll_fn(|cx| client.poll_ready(cx)).await?;
    let length = Length::Known(message.len() as u64);
    let (mut sink, mut answer) = client.send(head, length)?;
    poll_fn(|cx| sink.poll_ready(cx)).await?;
    sink.send(Frame::Data(Bytes::from(message)), true)?;
    poll_fn(|cx| sink.poll_flush(cx)).await?;
    let mut head = poll_fn(|cx| answer.poll_head(cx)).await?;
    for _ in 0..INFORMATIONAL_MAX {
        if head.status.is_informational() {
            head = poll_fn(|cx| answer.poll_head(cx)).await?;
        }
    }
    let mut status = grpc_status(&head.headers);
    let mut body = Vec::new();
    while let Some(frame) = poll_fn(|cx| answer.poll_frame(cx)).await {
        match frame? {
            Frame::Data(data) if body.len() + data.len() <= ANSWER_BYTES_MAX => {
                body.extend_from_slice(&data);
            }
            Frame::Data(_) => return Ok(Probed::Refused),
            Frame::Trailers(trailers) => status = status.or(grpc_status(&trailers)),
        }
    }
    let serving = status == Some(grpc::OK) && serving_status(&body) == Some(SERVING);
    Ok(match serving {
        true => Probed::Passed,
        false => Probed::Refused,
    })
}

/// `HealthCheckRequest { string service = 1 }` with gRPC's frame before it.
fn request(service: &str) -> Vec<u8> {
    let mut message = Writer::default();
    message.text(1, service);
    frame(&message.into_bytes())
}

/// The first field of `HealthCheckResponse { ServingStatus status = 1 }`; zero when it is left out,
/// as Protocol Buffers do with zeros. None for what is no such message.
fn serving_status(framed: &[u8]) -> Option<u64> {
    let mut status = 0;
    for field in Fields::of(unframe(framed).ok()?) {
        if let (1, Value::Number(number)) = field.ok()? {
            status = number;
        }
    }
    Some(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_its_service() {
        assert_eq!(request(""), [0, 0, 0, 0, 0]);
        assert_eq!(request("ab"), [0, 0, 0, 0, 4, 0x0a, 2, b'a', b'b']);
        let long = request(&"x".repeat(200));
        assert_eq!(long[..8], [0, 0, 0, 0, 203, 0x0a, 0xc8, 0x01]);
    }

    #[test]
    fn only_a_whole_answer_says_serving() {
        let check = |bytes: &[u8], expected| assert_eq!(serving_status(bytes), expected);
        check(&[0, 0, 0, 0, 2, 0x08, 1], Some(1));
        // A field of a later version.
        check(&[0, 0, 0, 0, 2, 0x10, 1], Some(0));
        check(&[0, 0, 0, 0, 2, 0x08, 2], Some(2));
        check(&[0, 0, 0, 0, 0], Some(0));
        // Compressed, cut off, nothing.
        check(&[1, 0, 0, 0, 2, 0x08, 1], None);
        check(&[0, 0, 0, 0, 3, 0x08, 1], None);
        check(&[0, 0, 0], None);
        check(&[], None);
    }
}
