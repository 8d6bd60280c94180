//! The hash of a request, for ring hash and Maglev: headers, cookies, query parameters and the
//! source address, combined as Envoy does (`route_components.proto`, `HashPolicy`).
//!
//! A hash is xxHash64 with seed 0 of the value's bytes; of a header with several values, of all of
//! them in order of their bytes. A request without a cookie that has a lifetime gets one: a random
//! value, where Envoy takes the addresses of the connection, since behind a sidecar these are the
//! same for every user.

use http::header::{COOKIE, HeaderMap, HeaderName, HeaderValue};
use xxhash_rust::xxh64::xxh64;

use crate::entropy::Entropy;
use crate::head::RequestHead;
use crate::snapshot::balance::{HashOn, HashSource};
use crate::time::Duration;

/// What came of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hashed {
    /// None when the request has nothing of what is hashed.
    pub hash: Option<u64>,
    /// To be set on the response.
    pub cookie: Option<HeaderValue>,
}

/// The hash of a request. Without `rng` no cookie is made up.
pub fn evaluate(on: &[HashOn], head: &RequestHead, mut rng: Option<&mut Entropy>) -> Hashed {
    let mut found = Hashed::default();
    for part in on {
        let new = match &part.source {
            HashSource::Header(name) => header(&head.headers, name),
            HashSource::Cookie { name, ttl, path } => match cookie(&head.headers, name) {
                Some(value) => Some(xxh64(value, 0)),
                None => ttl.zip(rng.as_deref_mut()).map(|(ttl, rng)| {
                    let value = format!("{:016x}", rng.u64());
                    found.cookie = set_cookie(name, &value, path.as_deref(), ttl);
                    xxh64(value.as_bytes(), 0)
                }),
            },
            HashSource::SourceIp => head.source.map(|ip| xxh64(ip.to_string().as_bytes(), 0)),
            HashSource::QueryParam(name) => {
                query(head, name).map(|value| xxh64(value.as_bytes(), 0))
            }
        };
        if let Some(new) = new {
            // Turned, so that two equal parts do not cancel each other out.
            found.hash = Some(found.hash.map_or(0, |old| old.rotate_left(1)) ^ new);
        }
        if part.terminal && found.hash.is_some() {
            break;
        }
    }
    found
}

fn header(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    let mut values: Vec<&[u8]> = headers
        .get_all(name)
        .iter()
        .map(HeaderValue::as_bytes)
        .collect();
    if values.is_empty() {
        return None;
    }
    values.sort_unstable();
    Some(values.into_iter().fold(0, |seed, value| xxh64(value, seed)))
}

/// The value of the first cookie of that name that is not empty (RFC 6265 §5.4 says how they are
/// sent).
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a [u8]> {
    let pairs = headers
        .get_all(COOKIE)
        .iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    let mut values = pairs.filter_map(|pair| {
        let pair = pair.trim_ascii();
        let at = pair.iter().position(|byte| *byte == b'=')?;
        let value = pair.get(at + 1..)?.trim_ascii();
        let value = value.strip_prefix(b"\"").unwrap_or(value);
        let value = value.strip_suffix(b"\"").unwrap_or(value);
        (pair[..at].trim_ascii() == name.as_bytes() && !value.is_empty()).then_some(value)
    });
    values.next()
}

/// None when name or path cannot stand in a header, which validation of the policy excludes.
fn set_cookie(name: &str, value: &str, path: Option<&str>, ttl: Duration) -> Option<HeaderValue> {
    let mut text = format!("{name}=\"{value}\"");
    if !ttl.is_zero() {
        text.push_str(&format!("; Max-Age={}", ttl.as_secs()));
    }
    if let Some(path) = path {
        text.push_str(&format!("; Path={path}"));
    }
    text.push_str("; HttpOnly");
    HeaderValue::try_from(text).ok()
}

/// The first parameter of that name, as it is sent: what is encoded stays encoded.
fn query<'a>(head: &'a RequestHead, name: &str) -> Option<&'a str> {
    let mut pairs = head.path.query()?.split('&');
    pairs.find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (key == name).then_some(value)
    })
}

#[cfg(test)]
mod tests;
