//! The chunked coding (RFC 9112 §7.1): `size [;extensions] CRLF data CRLF … 0 CRLF trailers CRLF`.

use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::scan::{Bounds, Scanner};
use super::{HEADERS_CEILING, Limits};
use crate::exchange::StreamError;
use crate::headers;

/// Where in the coding the next byte belongs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chunked {
    state: State,
    /// Extension bytes of this body so far.
    extensions: usize,
}

/// What the bytes at hand amount to.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    NeedMore,
    Data(Bytes),
    End(Option<HeaderMap>),
}

#[derive(Clone, Copy, Debug)]
enum State {
    Size,
    Data(u64),
    /// The CRLF after the data.
    AfterData,
    Trailers(Scanner),
}

// === impl Chunked ===

impl Chunked {
    pub(super) const fn new() -> Self {
        Self {
            state: State::Size,
            extensions: 0,
        }
    }

    /// Bytes of data known to follow without interruption; 0 when that is not known.
    pub(super) fn expected(&self) -> u64 {
        match self.state {
            State::Data(left) => left,
            _ => 0,
        }
    }

    /// Whether the body ends with the bytes at hand, and if so takes them. Knowing the end together
    /// with the last data lets the next hop mark it there.
    pub(super) fn ends(&self, buf: &mut BytesMut) -> bool {
        const END: &[u8] = b"\r\n0\r\n\r\n";
        let ends = matches!(self.state, State::AfterData) && buf.starts_with(END);
        if ends {
            buf.advance(END.len());
        }
        ends
    }

    /// Takes what it can from `buf`.
    pub(super) fn step(
        &mut self,
        buf: &mut BytesMut,
        limits: &Limits,
    ) -> Result<Step, StreamError> {
        loop {
            match &mut self.state {
                State::Size => {
                    let Some(size) = self.size_line(buf, limits)? else {
                        return Ok(Step::NeedMore);
                    };
                    self.state = match size {
                        0 => State::Trailers(Scanner::default()),
                        n => State::Data(n),
                    };
                }
                State::Data(left) => {
                    if buf.is_empty() {
                        return Ok(Step::NeedMore);
                    }
                    let n = buf.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                    *left -= n as u64;
                    if *left == 0 {
                        self.state = State::AfterData;
                    }
                    return Ok(Step::Data(buf.split_to(n).freeze()));
                }
                State::AfterData => {
                    match &buf[..] {
                        [b'\r', b'\n', ..] => buf.advance(2),
                        [] | [b'\r'] => return Ok(Step::NeedMore),
                        _ => return Err(protocol("a chunk is longer than its size")),
                    }
                    self.state = State::Size;
                }
                State::Trailers(scanner) => {
                    let bounds = Bounds {
                        total: limits.trailer_bytes,
                        first_line: limits.trailer_bytes,
                    };
                    let end = scanner.find(buf, bounds).map_err(|e| match e {
                        super::HeadError::BareLineFeed => {
                            protocol("a trailer line ends without CR")
                        }
                        _ => too_large("the trailer section", limits.trailer_bytes),
                    })?;
                    let Some(end) = end else {
                        return Ok(Step::NeedMore);
                    };
                    let section = buf.split_to(end).freeze();
                    return Ok(Step::End(trailers(&section, limits.headers)?));
                }
            }
        }
    }

    /// Reads `1*HEXDIG [BWS ";" extension] CRLF`, if it is all there.
    fn size_line(
        &mut self,
        buf: &mut BytesMut,
        limits: &Limits,
    ) -> Result<Option<u64>, StreamError> {
        let window = &buf[..buf.len().min(limits.chunk_line_bytes)];
        let Some(lf) = memchr::memchr(b'\n', window) else {
            if window.len() == limits.chunk_line_bytes {
                return Err(too_large("a chunk-size line", limits.chunk_line_bytes));
            }
            return Ok(None);
        };
        let line = window[..lf]
            .strip_suffix(b"\r")
            .ok_or_else(|| protocol("a chunk-size line ends without CR"))?;
        let digits = line.iter().take_while(|b| b.is_ascii_hexdigit()).count();
        let size = hexadecimal(&line[..digits]).ok_or_else(|| protocol("invalid chunk size"))?;
        let extension = &line[digits..];
        if !extension.is_empty() {
            let starts = headers::trim(extension).first() == Some(&b';');
            let clean = extension
                .iter()
                .all(|b| *b == b'\t' || (*b >= b' ' && *b != 0x7f));
            if !starts || !clean {
                return Err(protocol("invalid chunk extension"));
            }
            self.extensions += extension.len();
            if self.extensions > limits.chunk_extension_bytes {
                return Err(too_large("chunk extensions", limits.chunk_extension_bytes));
            }
        }
        buf.advance(lf + 1);
        Ok(Some(size))
    }
}

/// The fields of a trailer section that end with its empty line; `None` when there are none.
fn trailers(section: &Bytes, headers_max: usize) -> Result<Option<HeaderMap>, StreamError> {
    if section == &b"\r\n"[..] {
        return Ok(None);
    }
    let limit = headers_max.min(HEADERS_CEILING);
    let mut slots = [httparse::EMPTY_HEADER; HEADERS_CEILING];
    let fields = match httparse::parse_headers(section, &mut slots[..limit]) {
        Ok(httparse::Status::Complete((_, fields))) => fields,
        Ok(httparse::Status::Partial) => return Err(protocol("invalid trailer section")),
        Err(httparse::Error::TooManyHeaders) => {
            return Err(protocol("too many fields in the trailer section"));
        }
        Err(_) => return Err(protocol("invalid trailer field")),
    };
    let mut map = HeaderMap::with_capacity(fields.len());
    for field in fields {
        let name = HeaderName::from_bytes(field.name.as_bytes());
        let value = HeaderValue::from_maybe_shared(section.slice_ref(field.value));
        let (Ok(name), Ok(value)) = (name, value) else {
            return Err(protocol("invalid trailer field"));
        };
        if !headers::is_forbidden_trailer(&name) {
            map.append(name, value);
        }
    }
    Ok((!map.is_empty()).then_some(map))
}

/// `1*HEXDIG` that fits 64 bits.
fn hexadecimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 16 {
        return None;
    }
    digits.iter().try_fold(0u64, |n, b| {
        let digit = char::from(*b).to_digit(16)?;
        Some(n << 4 | u64::from(digit))
    })
}

fn protocol(what: &str) -> StreamError {
    StreamError::Protocol(what.to_owned())
}

const fn too_large(what: &'static str, limit: usize) -> StreamError {
    StreamError::TooLarge { what, limit }
}
