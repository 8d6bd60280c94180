//! Between the statuses of gRPC and HTTP, and `grpc-message`.
//!
//! Source: <https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md>,
//! <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md> and, for the way back, the
//! comments of `google/rpc/code.proto`.

use http::StatusCode;
use http::header::{HeaderName, HeaderValue};

/// Header or trailer with the status code of a gRPC response.
pub const STATUS: HeaderName = HeaderName::from_static("grpc-status");
/// Header or trailer with the message of a gRPC response, percent-encoded.
pub const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

pub const UNKNOWN: u32 = 2;
const PERMISSION_DENIED: u32 = 7;
/// What a rate limit is answered with (Envoy and gRPC proxyless do the same).
pub const RESOURCE_EXHAUSTED: u32 = 8;
const UNIMPLEMENTED: u32 = 12;
const INTERNAL: u32 = 13;
const UNAVAILABLE: u32 = 14;
const UNAUTHENTICATED: u32 = 16;

/// What a gRPC client library makes of an HTTP status without `grpc-status`.
pub fn status_of_http(status: StatusCode) -> u32 {
    match status.as_u16() {
        400 => INTERNAL,
        401 => UNAUTHENTICATED,
        403 => PERMISSION_DENIED,
        404 => UNIMPLEMENTED,
        429 | 502 | 503 | 504 => UNAVAILABLE,
        _ => UNKNOWN,
    }
}

/// The HTTP status that says the same as a gRPC status (`google/rpc/code.proto`); 500 for codes
/// that nobody defined.
pub fn http_of_status(code: u32) -> StatusCode {
    let status = match code {
        0 => 200,
        1 => 499, // CANCELLED; nginx's "client closed request", as code.proto says
        3 | 9 | 11 => 400,
        4 => 504,
        5 => 404,
        6 | 10 => 409,
        7 => 403,
        8 => 429,
        12 => 501,
        14 => 503,
        16 => 401,
        _ => 500,
    };
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// `message` as `grpc-message` carries it: `%XX` for all but the printable ASCII characters, and
/// for `%` itself. None for an empty message, which is left out.
pub fn encode_message(message: &str) -> Option<HeaderValue> {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    if message.is_empty() {
        return None;
    }
    let mut out = Vec::with_capacity(message.len());
    for byte in message.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => out.push(byte),
            _ => out.extend_from_slice(&[
                b'%',
                HEX[usize::from(byte >> 4)],
                HEX[usize::from(byte & 15)],
            ]),
        }
    }
    HeaderValue::from_maybe_shared(bytes::Bytes::from(out)).ok()
}
