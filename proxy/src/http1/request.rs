//! The head of a request.

use core::mem::MaybeUninit;

use bytes::Bytes;
use engine::head::{Protocol, RequestHead};
use http::Method;

use super::error::HeadError;
use super::fields::Fields;
use super::framing::BodyEnd;
use super::{HEADERS_CEILING, target};
use crate::headers;

/// A request head, and what it says about its connection.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) head: RequestHead,
    pub(super) body: BodyEnd,
    pub(super) http10: bool,
    /// The client is willing to send another request afterwards.
    pub(super) persist: bool,
    pub(super) expect_continue: bool,
}

/// Reads `head`, which ends with its empty line.
pub(super) fn read(head: &Bytes, headers_max: usize) -> Result<Request, HeadError> {
    let limit = headers_max.min(HEADERS_CEILING);
    let mut slots = [const { MaybeUninit::uninit() }; HEADERS_CEILING];
    let mut line = httparse::Request::new(&mut []);
    let parsed = line.parse_with_uninit_headers(head, &mut slots[..limit]);
    match parsed.map_err(|e| limited(e, limit))? {
        httparse::Status::Complete(_) => {}
        httparse::Status::Partial => return Err(HeadError::StartLine),
    }
    let (Some(method), Some(path), Some(version)) = (line.method, line.path, line.version) else {
        return Err(HeadError::StartLine);
    };
    let http10 = version == 0;
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| HeadError::StartLine)?;
    let fields = Fields::read(head, line.headers)?;
    fields.framing.check(http10)?;
    let target = target::read(
        &method,
        head.slice_ref(path.as_bytes()),
        fields.host,
        http10,
    )?;
    let connect = method == Method::CONNECT;
    let body = fields.framing.of_request();
    // What follows a CONNECT belongs to the tunnel; a length would contest that (RFC 9110 §9.3.6).
    if connect && body != BodyEnd::Empty {
        return Err(HeadError::ContentLength);
    }
    let upgrade = match fields.upgrade {
        Some(token) if fields.options.upgrade && !http10 && !connect => {
            headers::upgrade_token(&token)
        }
        _ => None,
    };
    Ok(Request {
        body,
        http10,
        persist: fields.options.persist(http10),
        expect_continue: fields.expect_continue && !http10 && body != BodyEnd::Empty,
        head: RequestHead {
            method,
            scheme: target.scheme,
            authority: target.authority,
            path: target.path,
            headers: fields.headers,
            protocol: Protocol::Http1,
            upgrade,
            source: None,
        },
    })
}

/// httparse does not know how many slots it was given.
pub(super) fn limited(e: httparse::Error, limit: usize) -> HeadError {
    match e.into() {
        HeadError::TooManyHeaders { .. } => HeadError::TooManyHeaders { limit },
        other => other,
    }
}
