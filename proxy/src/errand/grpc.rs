//! `grpc.health.v1.Health/Check` (<https://github.com/grpc/grpc/blob/master/doc/health-checking.md>).
//!
//! Two messages of one field each.

use engine::check::Probed;
use engine::classify::grpc;
use engine::head::RequestHead;
use engine::snapshot::Endpoint;
use http::Method;
use http::header::USER_AGENT;
use http::uri::PathAndQuery;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{AGENT, authority};
use crate::grpc::unary;
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
    let authority = authority(None, endpoint)?;
    let path = PathAndQuery::from_static(PATH);
    let mut head = RequestHead::new(Method::POST, Some(authority), path);
    head.headers.insert(USER_AGENT, AGENT);
    let reply = unary(io, head, request(service), ANSWER_BYTES_MAX).await;
    let reply = reply.ok()?;
    let said = reply.framed.and_then(|framed| serving_status(&framed));
    Some(
        match reply.status == Some(grpc::OK) && said == Some(SERVING) {
            true => Probed::Passed,
            false => Probed::Refused,
        },
    )
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
