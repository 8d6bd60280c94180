//! Heads between HTTP/2 and the engine.

use engine::head::{Protocol, RequestHead, ResponseHead, Scheme};
use h2::ext;
use http::uri::{Parts, PathAndQuery, Uri};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version, header,
};

use crate::exchange::Length;
use crate::headers;

/// Why a head was refused although `h2` took it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum HeadError {
    #[error("the authority is not a host and optional port")]
    Authority,
    #[error("Host differs from :authority")]
    HostMismatch,
    #[error("Content-Length is not one decimal number")]
    ContentLength,
}

/// Fields with another value in each request. HPACK's dynamic table would hold nothing else, and h2
/// compares a new value with every older one of the same name: a tenth of the time of a small
/// request. Marked as sensitive they are sent as literals (RFC 7541 §6.2.3), one byte longer.
const UNIQUE: [HeaderName; 4] = [
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("x-b3-traceid"),
    HeaderName::from_static("x-b3-spanid"),
];

/// Reads a request head. `host` takes the place of a missing `:authority` and may not differ from
/// one (RFC 9113 §8.3.1); cookie crumbs are joined (§8.2.3); an extended CONNECT becomes an
/// upgrade.
pub(super) fn read_request(head: Request<()>) -> Result<RequestHead, HeadError> {
    let (mut parts, ()) = head.into_parts();
    let upgrade = parts
        .extensions
        .remove::<ext::Protocol>()
        .map(|p| p.as_str().to_owned());
    let uri = parts.uri.into_parts();
    let mut headers = parts.headers;
    let authority = authority(uri.authority, &mut headers)?;
    headers::normalise_length(&mut headers).map_err(|_| HeadError::ContentLength)?;
    headers::join_cookies(&mut headers);
    strip(&mut headers);
    let connect = parts.method == Method::CONNECT;
    Ok(RequestHead {
        method: match &upgrade {
            Some(_) => Method::GET,
            None => parts.method,
        },
        scheme: match uri.scheme {
            Some(scheme) if scheme == http::uri::Scheme::HTTPS => Scheme::Https,
            _ => Scheme::Http,
        },
        authority,
        path: match uri.path_and_query {
            Some(path) if !connect || upgrade.is_some() => path,
            _ => PathAndQuery::from_static("/"),
        },
        headers,
        protocol: Protocol::Http2,
        upgrade,
        source: None,
    })
}

/// Writes a request head. Without an authority (HTTP/1.0 without `Host`) there is no `:authority`
/// either, as RFC 9113 §8.3.1 asks of a translation.
pub(super) fn write_request(head: &RequestHead, length: Length) -> Option<Request<()>> {
    let connect = head.method == Method::CONNECT;
    let mut uri = Parts::default();
    uri.authority.clone_from(&head.authority);
    if !connect {
        uri.path_and_query = Some(head.path.clone());
        if head.authority.is_some() {
            uri.scheme = Some(match head.scheme {
                Scheme::Http => http::uri::Scheme::HTTP,
                Scheme::Https => http::uri::Scheme::HTTPS,
            });
        }
    }
    let mut request = Request::new(());
    *request.uri_mut() = Uri::from_parts(uri).ok()?;
    *request.version_mut() = match head.authority {
        Some(_) => Version::HTTP_2,
        // How h2 is told that `:authority` may be missing.
        None => Version::HTTP_11,
    };
    *request.method_mut() = head.method.clone();
    if let Some(token) = &head.upgrade {
        *request.method_mut() = Method::CONNECT;
        request
            .extensions_mut()
            .insert(ext::Protocol::from(&**token));
    }
    let mut fields = head.headers.clone();
    fields.remove(header::HOST);
    strip(&mut fields);
    set_length(&mut fields, length);
    for name in &UNIQUE {
        if let Some(value) = fields.get_mut(name) {
            value.set_sensitive(true);
        }
    }
    *request.headers_mut() = fields;
    Some(request)
}

/// Reads a response head.
pub(super) fn read_response(head: Response<()>) -> Result<ResponseHead, HeadError> {
    let (parts, ()) = head.into_parts();
    let mut response = ResponseHead::new(parts.status);
    response.headers = parts.headers;
    headers::normalise_length(&mut response.headers).map_err(|_| HeadError::ContentLength)?;
    strip(&mut response.headers);
    Ok(response)
}

/// Writes a response head. `bodiless`: its `content-length` describes a body that is not sent.
pub(super) fn write_response(head: ResponseHead, length: Length, bodiless: bool) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = head.status;
    let mut fields = head.headers;
    strip(&mut fields);
    if head.status == StatusCode::NO_CONTENT {
        fields.remove(header::CONTENT_LENGTH);
    } else if !bodiless {
        set_length(&mut fields, length);
    }
    *response.headers_mut() = fields;
    response
}

/// How long a body is, by its head and whether the stream ended with it.
pub(super) fn length(headers: &HeaderMap, ended: bool) -> Length {
    if ended {
        return Length::Empty;
    }
    let value = headers.get(header::CONTENT_LENGTH);
    match value.and_then(|v| headers::decimal(v.as_bytes())) {
        Some(n) => Length::Known(n),
        None => Length::Unknown,
    }
}

/// `content-length` says what will be sent, or nothing: a peer resets a stream that contradicts it.
fn set_length(fields: &mut HeaderMap, length: Length) {
    match length {
        Length::Known(n) => {
            fields.insert(header::CONTENT_LENGTH, HeaderValue::from(n));
        }
        Length::Unknown => {
            fields.remove(header::CONTENT_LENGTH);
        }
        Length::Empty => {
            if fields.contains_key(header::CONTENT_LENGTH) {
                fields.insert(header::CONTENT_LENGTH, HeaderValue::from(0));
            }
        }
    }
}

/// Fields that HTTP/2 forbids (RFC 9113 §8.2.2). Codecs have removed them; applications may not
/// have.
fn strip(fields: &mut HeaderMap) {
    let forbidden = |name| headers::is_hop_by_hop(name) || *name == header::TE;
    if fields.keys().any(forbidden) {
        headers::remove_hop_by_hop(fields);
    }
}

fn authority(
    authority: Option<http::uri::Authority>,
    fields: &mut HeaderMap,
) -> Result<Option<http::uri::Authority>, HeadError> {
    let mut authority = authority;
    if let header::Entry::Occupied(entry) = fields.entry(header::HOST) {
        let (_, hosts) = entry.remove_entry_mult();
        for host in hosts {
            let host =
                http::uri::Authority::from_maybe_shared(host).map_err(|_| HeadError::Authority)?;
            match &authority {
                Some(authority) if *authority != host => return Err(HeadError::HostMismatch),
                Some(_) => {}
                None => authority = Some(host),
            }
        }
    }
    match &authority {
        Some(given) if !headers::is_host(given) => Err(HeadError::Authority),
        // None: a translated request of HTTP/1.0, whose target names no host.
        _ => Ok(authority),
    }
}
