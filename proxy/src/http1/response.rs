//! The head of a response.

use core::mem::MaybeUninit;

use bytes::Bytes;
use engine::head::ResponseHead;
use http::{HeaderValue, StatusCode, header};

use super::HEADERS_CEILING;
use super::error::HeadError;
use super::fields::Fields;
use super::framing::BodyEnd;
use super::request::limited;

/// The kind of request a response answers, as far as that changes its framing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Head,
    Connect,
    Other,
}

/// A response head, and what it says about its connection.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) head: ResponseHead,
    pub(super) body: BodyEnd,
    /// The connection no longer speaks HTTP after this head.
    pub(super) tunnel: bool,
    pub(super) persist: bool,
}

/// Reads `head`, which ends with its empty line.
pub(super) fn read(head: &Bytes, headers_max: usize, asked: Asked) -> Result<Response, HeadError> {
    let limit = headers_max.min(HEADERS_CEILING);
    let mut slots = [const { MaybeUninit::uninit() }; HEADERS_CEILING];
    let mut line = httparse::Response::new(&mut []);
    let parsed = httparse::ParserConfig::default().parse_response_with_uninit_headers(
        &mut line,
        head,
        &mut slots[..limit],
    );
    match parsed.map_err(|e| limited(e, limit))? {
        httparse::Status::Complete(_) => {}
        httparse::Status::Partial => return Err(HeadError::StartLine),
    }
    let (Some(code), Some(version)) = (line.code, line.version) else {
        return Err(HeadError::StartLine);
    };
    let http10 = version == 0;
    let status = StatusCode::from_u16(code).map_err(|_| HeadError::StartLine)?;
    let mut fields = Fields::read(head, line.headers)?;
    fields.framing.check(http10)?;
    let switching = status == StatusCode::SWITCHING_PROTOCOLS;
    if switching && let Some(token) = fields.upgrade.take() {
        let token = HeaderValue::from_maybe_shared(token).map_err(|_| HeadError::HeaderValue)?;
        fields.headers.insert(header::UPGRADE, token);
    }
    let tunnel = switching || (asked == Asked::Connect && status.is_success());
    let body = if tunnel || asked == Asked::Head || is_bodiless(status) {
        BodyEnd::Empty
    } else {
        fields.framing.of_response()
    };
    let mut head = ResponseHead::new(status);
    head.headers = fields.headers;
    Ok(Response {
        head,
        body,
        tunnel,
        persist: fields.options.persist(http10) && body != BodyEnd::Close && !tunnel,
    })
}

/// Statuses whose responses have no body whatever their fields say (RFC 9112 §6.3).
pub(crate) fn is_bodiless(status: StatusCode) -> bool {
    status.is_informational()
        || status == StatusCode::NO_CONTENT
        || status == StatusCode::NOT_MODIFIED
}
