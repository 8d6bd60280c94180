//! Answers that the proxy gives itself: failures, redirects, preflights, injected aborts.
//!
//! A client that speaks gRPC is answered in gRPC: status 200 and a *Trailers-Only* response
//! (<https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>), since its library would show
//! anything else as a broken transport.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};

use crate::failure::{Failure, Flag};
use crate::head::{RequestHead, ResponseHead};
use crate::origin::Origin;
use crate::snapshot::route::AbortWith;

pub mod grpc;

/// Response header that carries the [`Flag`] of a failure.
pub const FLAG_HEADER: HeaderName = HeaderName::from_static("x-meshctl-flag");

/// Response header by which a proxy tells its peer what it would have refused: policies that audit,
/// limits in shadow mode. Never sent to an application.
pub const SHADOW_HEADER: HeaderName = HeaderName::from_static("x-meshctl-shadow");

/// Response header of a request that the breaker of its route refused.
pub const SHORT_CIRCUIT_HEADER: HeaderName = HeaderName::from_static("x-meshctl-short-circuit");

/// The most bytes of a failure's cause that are sent to a client. Causes are one sentence; this
/// bounds what a long name out of a manifest can add to each response.
const CAUSE_LEN_MAX: usize = 512;

/// A whole response made by the proxy.
#[derive(Clone, Debug)]
pub struct LocalResponse {
    pub status: StatusCode,
    /// Complete: has `content-type` and `content-length` where there is a body, and `grpc-status`
    /// and `grpc-message` in a gRPC answer.
    pub headers: HeaderMap,
    /// Not sent to a HEAD request, whose `content-length` stays (RFC 9110 §9.3.2).
    pub body: Bytes,
    /// What the answer counts as in logs, metrics and the `x-meshctl-flag` header.
    pub flag: Option<Flag>,
    /// Present iff the answer is gRPC's: the response ends with its head.
    pub grpc_status: Option<u32>,
    /// The manifest behind it.
    pub origin: Option<Origin>,
}

// === impl LocalResponse ===

impl LocalResponse {
    /// An answer with no headers and no body.
    pub fn empty(status: StatusCode) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            flag: None,
            grpc_status: None,
            origin: None,
        }
    }

    /// The answer to `request` when it failed: the flag's status with the cause as text, or the
    /// same in gRPC.
    pub fn from_failure(failure: &Failure, request: &RequestHead) -> Self {
        let answer = if request.is_grpc() {
            let code = match failure.flag {
                // UNAVAILABLE, which 429 is in gRPC's table, asks clients to try again at once.
                Flag::RateLimited => grpc::RESOURCE_EXHAUSTED,
                _ => grpc::status_of_http(failure.status()),
            };
            Self::grpc(code, &failure.cause)
        } else {
            Self::text(failure.status(), &failure.cause)
        };
        Self {
            origin: failure.origin.clone(),
            ..answer.with_flag(failure.flag)
        }
    }

    /// The answer of an injected abort. A status of the other protocol is translated, so that an
    /// HTTP abort reaches a gRPC client as a gRPC status and the reverse (as in Envoy).
    pub fn from_abort(abort: AbortWith, request: &RequestHead, origin: Origin) -> Self {
        const CAUSE: &str = "fault injected";
        let answer = match (abort, request.is_grpc()) {
            (AbortWith::Http(status), false) => Self::text(status, CAUSE),
            (AbortWith::Http(status), true) => Self::grpc(grpc::status_of_http(status), CAUSE),
            (AbortWith::Grpc(code), true) => Self::grpc(code, CAUSE),
            (AbortWith::Grpc(code), false) => Self::text(grpc::http_of_status(code), CAUSE),
        };
        Self {
            origin: Some(origin),
            ..answer.with_flag(Flag::FaultInjected)
        }
    }

    /// A plain-text answer of one line, where the status allows a body.
    pub fn text(status: StatusCode, line: &str) -> Self {
        // RFC 9110 §6.4.1 and §8.6: no body, and with 1xx and 204 no Content-Length.
        if status.is_informational() || matches!(status.as_u16(), 204 | 304) {
            return Self::empty(status);
        }
        let body = Bytes::from(format!("{}\n", clip(line)));
        let mut answer = Self::empty(status);
        let text = HeaderValue::from_static("text/plain; charset=utf-8");
        answer.headers.insert(CONTENT_TYPE, text);
        answer.headers.insert(CONTENT_LENGTH, body.len().into());
        answer.body = body;
        answer
    }

    /// A Trailers-Only answer with a status of gRPC.
    pub fn grpc(code: u32, message: &str) -> Self {
        let mut answer = Self::empty(StatusCode::OK);
        let grpc_type = HeaderValue::from_static("application/grpc");
        answer.headers.insert(CONTENT_TYPE, grpc_type);
        answer.headers.insert(grpc::STATUS, code.into());
        if let Some(message) = grpc::encode_message(clip(message)) {
            answer.headers.insert(grpc::MESSAGE, message);
        }
        answer.grpc_status = Some(code);
        answer
    }

    /// Sets the flag and its header.
    #[must_use]
    pub fn with_flag(mut self, flag: Flag) -> Self {
        let value = HeaderValue::from_static(flag.as_str());
        self.headers.insert(FLAG_HEADER, value);
        if flag == Flag::ShortCircuited {
            let value = HeaderValue::from_static("true");
            self.headers.insert(SHORT_CIRCUIT_HEADER, value);
        }
        self.flag = Some(flag);
        self
    }

    #[must_use]
    pub fn with_origin(mut self, origin: Origin) -> Self {
        self.origin = Some(origin);
        self
    }

    /// Head and body, as a codec sends them.
    pub fn into_parts(self) -> (ResponseHead, Bytes) {
        let head = ResponseHead {
            status: self.status,
            headers: self.headers,
        };
        (head, self.body)
    }
}

/// At most [`CAUSE_LEN_MAX`] bytes of `text`, cut between characters.
fn clip(text: &str) -> &str {
    let mut end = text.len().min(CAUSE_LEN_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests;
