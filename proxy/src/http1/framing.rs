//! How long a message body is (RFC 9112 §6).

use http::HeaderValue;

use super::error::HeadError;
use crate::headers;

/// What the framing fields of one head said, gathered field by field.
#[derive(Clone, Debug, Default)]
pub(super) struct Framing {
    pub(super) content_length: Option<u64>,
    pub(super) chunked: bool,
}

/// Where a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyEnd {
    Empty,
    Length(u64),
    Chunked,
    Close,
}

// === impl Framing ===

impl Framing {
    /// Takes one `Content-Length` line. Equal repetitions are one value (RFC 9110 §8.6); anything
    /// else that is not a number in plain digits is refused.
    pub(super) fn content_length(&mut self, value: &[u8]) -> Result<(), HeadError> {
        for part in value.split(|b| *b == b',') {
            let n = headers::decimal(headers::trim(part)).ok_or(HeadError::ContentLength)?;
            match self.content_length {
                None => self.content_length = Some(n),
                Some(before) if before == n => {}
                Some(_) => return Err(HeadError::ContentLength),
            }
        }
        Ok(())
    }

    /// Takes one `Transfer-Encoding` line. Exactly one `chunked` is understood: codings before it
    /// are not implemented, after it or twice they are forbidden (RFC 9112 §6.1).
    pub(super) fn transfer_encoding(&mut self, value: &[u8]) -> Result<(), HeadError> {
        if self.chunked || value.is_empty() || value.contains(&b',') {
            return Err(HeadError::TransferEncoding);
        }
        if !value.eq_ignore_ascii_case(b"chunked") {
            return Err(HeadError::UnknownCoding);
        }
        self.chunked = true;
        Ok(())
    }

    /// Checks what no single field can show. HTTP/1.0 has no chunked coding: such a message is
    /// faulty framing (RFC 9112 §6.1).
    pub(super) fn check(&self, http10: bool) -> Result<(), HeadError> {
        if self.chunked && http10 {
            return Err(HeadError::TransferEncoding);
        }
        if self.chunked && self.content_length.is_some() {
            return Err(HeadError::LengthConflict);
        }
        Ok(())
    }

    /// Where the body of a request ends: without framing fields there is none.
    pub(super) fn of_request(&self) -> BodyEnd {
        match (self.chunked, self.content_length) {
            (true, _) => BodyEnd::Chunked,
            (false, Some(0) | None) => BodyEnd::Empty,
            (false, Some(n)) => BodyEnd::Length(n),
        }
    }

    /// Where the body of a response that may have one ends: without framing fields, at the close.
    pub(super) fn of_response(&self) -> BodyEnd {
        match (self.chunked, self.content_length) {
            (true, _) => BodyEnd::Chunked,
            (false, Some(0)) => BodyEnd::Empty,
            (false, Some(n)) => BodyEnd::Length(n),
            (false, None) => BodyEnd::Close,
        }
    }

    /// The one value that is passed on.
    pub(super) fn normalised(&self) -> Option<HeaderValue> {
        self.content_length.map(HeaderValue::from)
    }
}
