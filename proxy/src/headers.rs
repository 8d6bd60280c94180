//! Headers between hops: what concerns one connection only is taken out, and the two versions of
//! HTTP are translated into each other (RFC 9110 §7.6.1, RFC 9113 §8, RFC 8441).

use core::str;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::Authority;

pub(crate) mod websocket;

pub use websocket::ensure_websocket_key;

/// The only value of `te` that HTTP/2 allows (RFC 9113 §8.2.2), and the only one we pass on.
pub const TRAILERS: HeaderValue = HeaderValue::from_static("trailers");

/// Most fields `Connection` may nominate. Honest messages nominate one or two.
const NOMINATED_MAX: usize = 16;

/// What `Connection` said.
#[derive(Debug, Default)]
pub(crate) struct Options {
    pub(crate) close: bool,
    pub(crate) keep_alive: bool,
    pub(crate) upgrade: bool,
    nominated: Vec<HeaderName>,
}

/// `content-length` is not one decimal number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Content-Length is not one decimal number")]
pub(crate) struct InvalidLength;

// === impl Options ===

impl Options {
    /// Takes one `Connection` line.
    pub(crate) fn read(&mut self, value: &[u8]) {
        for option in value.split(|b| *b == b',').map(trim) {
            if option.eq_ignore_ascii_case(b"close") {
                self.close = true;
            } else if option.eq_ignore_ascii_case(b"keep-alive") {
                self.keep_alive = true;
            } else if option.eq_ignore_ascii_case(b"upgrade") {
                self.upgrade = true;
            } else if self.nominated.len() < NOMINATED_MAX
                && let Ok(name) = HeaderName::from_bytes(option)
                && !is_protected(&name)
            {
                self.nominated.push(name);
            }
        }
    }

    /// Whether the peer wants to keep the connection (RFC 9112 §9.3).
    pub(crate) fn persist(&self, http10: bool) -> bool {
        !self.close && (!http10 || self.keep_alive)
    }
}

/// Removes the fields that `Connection` nominated.
pub(crate) fn remove_nominated(headers: &mut HeaderMap, options: &Options) {
    for name in &options.nominated {
        headers.remove(name);
    }
}

/// Removes everything that concerns one connection (RFC 9110 §7.6.1) from a head that did not come
/// through a codec of ours: an application's, or one read from HTTP/2.
pub fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let mut options = Options::default();
    for value in headers.get_all(header::CONNECTION) {
        options.read(value.as_bytes());
    }
    remove_nominated(headers, &options);
    for name in [
        header::CONNECTION,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
        KEEP_ALIVE,
        PROXY_CONNECTION,
        HTTP2_SETTINGS,
    ] {
        headers.remove(name);
    }
    keep_only_trailers(headers);
}

/// `te` is passed on as `trailers` or not at all.
pub(crate) fn keep_only_trailers(headers: &mut HeaderMap) {
    let mut values = headers.get_all(header::TE).iter();
    let wanted = values.any(|v| wants_trailers(v.as_bytes()));
    if wanted {
        headers.insert(header::TE, TRAILERS);
    } else {
        headers.remove(header::TE);
    }
}

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const HTTP2_SETTINGS: HeaderName = HeaderName::from_static("http2-settings");

/// Fields that concern one connection whether or not `Connection` nominates them. `http2-settings`
/// belongs to the h2c upgrade, which RFC 9113 §3.1 withdrew.
pub(crate) fn is_hop_by_hop(name: &HeaderName) -> bool {
    if matches!(
        *name,
        header::CONNECTION | header::TRANSFER_ENCODING | header::UPGRADE
    ) {
        return true;
    }
    let name = name.as_str();
    // Lengths first: this runs for every field of every message.
    matches!(name.len(), 10 | 14 | 16)
        && matches!(name, "keep-alive" | "http2-settings" | "proxy-connection")
}

/// Fields that stay although `Connection` nominates them. Otherwise a client could make a proxy
/// drop what the next hop decides by: framing, identity and provenance.
fn is_protected(name: &HeaderName) -> bool {
    matches!(
        *name,
        header::CONTENT_LENGTH
            | header::HOST
            | header::TRANSFER_ENCODING
            | header::TE
            | header::AUTHORIZATION
            | header::COOKIE
            | header::FORWARDED
            | header::CACHE_CONTROL
    ) || name.as_str().starts_with("x-forwarded-")
}

/// True when one line of `TE` lists `trailers` (with any weight but none is defined).
pub(crate) fn wants_trailers(value: &[u8]) -> bool {
    value
        .split(|b| *b == b',')
        .any(|coding| trim(coding).eq_ignore_ascii_case(b"trailers"))
}

/// The protocols of an `Upgrade` field without `h2c`: RFC 9113 §3.1 withdrew it, and a back end
/// that still takes it would speak HTTP/2 past the proxy.
pub(crate) fn upgrade_token(value: &[u8]) -> Option<String> {
    let value = str::from_utf8(value).ok()?;
    let mut tokens = value
        .split(',')
        .map(str::trim)
        .filter(|t| !t.is_empty() && !t.eq_ignore_ascii_case("h2c"));
    let first = tokens.next()?.to_owned();
    Some(tokens.fold(first, |all, next| all + ", " + next))
}

/// Trailers that no recipient may act on (RFC 9110 §6.5.1): framing, routing, authentication and
/// content format belong to the head, and a recipient that merges trailers would be misled.
pub(crate) fn is_forbidden_trailer(name: &HeaderName) -> bool {
    is_hop_by_hop(name)
        || matches!(
            *name,
            header::CONTENT_LENGTH
                | header::HOST
                | header::TE
                | header::TRAILER
                | header::EXPECT
                | header::MAX_FORWARDS
                | header::AUTHORIZATION
                | header::PROXY_AUTHORIZATION
                | header::COOKIE
                | header::SET_COOKIE
                | header::CONTENT_TYPE
                | header::CONTENT_ENCODING
                | header::CONTENT_RANGE
                | header::RANGE
        )
}

/// `uri-host [ ":" port ]` with a host that is not empty and a port of 16 bits.
pub(crate) fn is_host(authority: &Authority) -> bool {
    let host = authority.host();
    if host.is_empty() || authority.as_str().contains('@') {
        return false;
    }
    match authority.as_str()[host.len()..].strip_prefix(':') {
        None => authority.as_str().len() == host.len(),
        Some(port) => port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok(),
    }
}

/// Reduces `content-length` to one value. Equal repetitions are one (RFC 9110 §8.6).
pub(crate) fn normalise_length(headers: &mut HeaderMap) -> Result<(), InvalidLength> {
    let mut length = None;
    let mut plain = true;
    for value in headers.get_all(header::CONTENT_LENGTH) {
        for part in value.as_bytes().split(|b| *b == b',') {
            let n = decimal(trim(part)).ok_or(InvalidLength)?;
            plain &= length.is_none();
            if *length.get_or_insert(n) != n {
                return Err(InvalidLength);
            }
        }
    }
    if let Some(n) = length.filter(|_| !plain) {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(n));
    }
    Ok(())
}

/// Joins cookie crumbs, which HTTP/2 may split for compression, into the one field that everything
/// else expects (RFC 9113 §8.2.3).
pub(crate) fn join_cookies(headers: &mut HeaderMap) {
    let mut crumbs = headers.get_all(header::COOKIE).iter();
    let (Some(first), Some(_)) = (crumbs.next(), crumbs.next()) else {
        return;
    };
    let mut joined = first.as_bytes().to_vec();
    for crumb in headers.get_all(header::COOKIE).iter().skip(1) {
        joined.extend_from_slice(b"; ");
        joined.extend_from_slice(crumb.as_bytes());
    }
    if let Ok(joined) = HeaderValue::from_maybe_shared(Bytes::from(joined)) {
        headers.insert(header::COOKIE, joined);
    }
}

/// Without spaces and tabs at both ends.
pub(crate) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// `1*DIGIT` that fits 64 bits: no sign, no space, no other base.
pub(crate) fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    let mut n: u64 = 0;
    for b in digits {
        let digit = b.checked_sub(b'0').filter(|d| *d <= 9)?;
        n = n.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    Some(n)
}

#[cfg(test)]
mod tests;
