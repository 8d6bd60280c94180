//! The request target and `Host` (RFC 9112 §3.2): four forms, one meaning.

use bytes::Bytes;
use engine::head::Scheme;
use http::Method;
use http::uri::{Authority, PathAndQuery};

use super::error::HeadError;

/// What a target and `Host` say together.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) scheme: Scheme,
    pub(super) authority: Option<Authority>,
    pub(super) path: PathAndQuery,
}

/// Reads `target` for `method`, with the value of `Host` when there was one. `http10`: `Host` may
/// be absent.
pub(super) fn read(
    method: &Method,
    target: Bytes,
    host: Option<Bytes>,
    http10: bool,
) -> Result<Target, HeadError> {
    let host = host.map(host_of).transpose()?;
    if host.is_none() && !http10 {
        return Err(HeadError::HostMissing);
    }
    // A fragment has no place in a target (RFC 9112 §3.2); http would cut it off in silence.
    if memchr::memchr(b'#', &target).is_some() {
        return Err(HeadError::Target);
    }
    if *method == Method::CONNECT {
        return connect(target, host);
    }
    match target.first() {
        Some(b'/') => Ok(Target {
            scheme: Scheme::Http,
            authority: host,
            path: path_of(target)?,
        }),
        Some(b'*') if target.len() == 1 && *method == Method::OPTIONS => Ok(Target {
            scheme: Scheme::Http,
            authority: host,
            path: PathAndQuery::from_static("*"),
        }),
        _ => absolute(method, &target, host),
    }
}

/// `authority-form`: the port is not optional, since there is no default (RFC 9110 §9.3.6).
fn connect(target: Bytes, host: Option<Authority>) -> Result<Target, HeadError> {
    let authority = authority_of(target).ok_or(HeadError::Target)?;
    if authority.port().is_none() {
        return Err(HeadError::Target);
    }
    Ok(Target {
        scheme: Scheme::Http,
        authority: Some(same(authority, host)?),
        path: PathAndQuery::from_static("/"),
    })
}

/// `absolute-form`. RFC 9112 §3.2.2 lets the target win over a different `Host`; a peer that reads
/// `Host` would disagree, so a difference is refused.
fn absolute(method: &Method, target: &Bytes, host: Option<Authority>) -> Result<Target, HeadError> {
    let (scheme, rest) = if let Some(rest) = strip_prefix(target, b"http://") {
        (Scheme::Http, rest)
    } else if let Some(rest) = strip_prefix(target, b"https://") {
        (Scheme::Https, rest)
    } else {
        return Err(HeadError::Target);
    };
    let end = memchr::memchr2(b'/', b'?', &rest).unwrap_or(rest.len());
    let authority = authority_of(rest.slice(..end)).ok_or(HeadError::Target)?;
    let tail = rest.slice(end..);
    let path = match tail.first() {
        // RFC 9112 §3.2.4: how a client asks a proxy for `OPTIONS *`.
        None if *method == Method::OPTIONS => PathAndQuery::from_static("*"),
        None => PathAndQuery::from_static("/"),
        Some(b'?') => {
            let mut path = Vec::with_capacity(tail.len() + 1);
            path.push(b'/');
            path.extend_from_slice(&tail);
            path_of(Bytes::from(path))?
        }
        Some(_) => path_of(tail)?,
    };
    Ok(Target {
        scheme,
        authority: Some(same(authority, host)?),
        path,
    })
}

fn same(target: Authority, host: Option<Authority>) -> Result<Authority, HeadError> {
    match host {
        Some(host) if host != target => Err(HeadError::HostMismatch),
        _ => Ok(target),
    }
}

fn host_of(value: Bytes) -> Result<Authority, HeadError> {
    authority_of(value).ok_or(HeadError::HostInvalid)
}

/// `uri-host [ ":" port ]`: no user information (RFC 9110 §4.2.4), a port of 16 bits.
fn authority_of(bytes: Bytes) -> Option<Authority> {
    if memchr::memchr(b'@', &bytes).is_some() {
        return None;
    }
    let authority = Authority::from_maybe_shared(bytes).ok()?;
    crate::headers::is_host(&authority).then_some(authority)
}

fn path_of(bytes: Bytes) -> Result<PathAndQuery, HeadError> {
    PathAndQuery::from_maybe_shared(bytes).map_err(|_| HeadError::Target)
}

fn strip_prefix(bytes: &Bytes, prefix: &[u8]) -> Option<Bytes> {
    let head = bytes.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix)
        .then(|| bytes.slice(prefix.len()..))
}
