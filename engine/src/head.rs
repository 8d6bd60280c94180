//! Request and response heads as the engine sees them: protocol-neutral, already normalised.

use core::net::IpAddr;

use http::uri::{Authority, PathAndQuery};
use http::{HeaderMap, Method, StatusCode};

/// How a request arrived or an attempt leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    Http1,
    Http2,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    Http,
    Https,
}

/// The head of one request.
///
/// The codec has separated the target into its parts: `Host` is moved into `authority` (and is not
/// in `headers`), and connection-level headers (RFC 9110 §7.6.1) have been removed.
#[derive(Clone, Debug)]
pub struct RequestHead {
    pub method: Method,
    pub scheme: Scheme,
    /// Host and optional port; absent only for HTTP/1.0 requests without `Host`.
    pub authority: Option<Authority>,
    /// Path and query; `*` for `OPTIONS *`, `/` for CONNECT.
    pub path: PathAndQuery,
    pub headers: HeaderMap,
    /// The protocol the client spoke.
    pub protocol: Protocol,
    /// The token of an upgrade: `Upgrade:` of HTTP/1.1 (RFC 9110 §7.8) or `:protocol` of an
    /// extended CONNECT (RFC 8441).
    pub upgrade: Option<String>,
    /// Where the connection came from, when that is known.
    pub source: Option<IpAddr>,
}

/// The head of one response.
#[derive(Clone, Debug)]
pub struct ResponseHead {
    pub status: StatusCode,
    pub headers: HeaderMap,
}

// === impl RequestHead ===

impl RequestHead {
    /// A request as the codecs build it, with no headers.
    pub fn new(method: Method, authority: Option<Authority>, path: PathAndQuery) -> Self {
        Self {
            method,
            scheme: Scheme::Http,
            authority,
            path,
            headers: HeaderMap::new(),
            protocol: Protocol::Http1,
            upgrade: None,
            source: None,
        }
    }

    /// True when the content type is gRPC's (`application/grpc`, `application/grpc+proto`, …; not
    /// gRPC-Web, which is ordinary HTTP).
    pub fn is_grpc(&self) -> bool {
        let Some(value) = self.headers.get(http::header::CONTENT_TYPE) else {
            return false;
        };
        let rest = value.as_bytes().strip_prefix(b"application/grpc");
        matches!(rest, Some([] | [b'+' | b';', ..]))
    }

    /// Host without port, in lower case only if the client sent it so; empty when absent.
    pub fn host(&self) -> &str {
        self.authority.as_ref().map_or("", |a| a.host())
    }
}

// === impl ResponseHead ===

impl ResponseHead {
    pub fn new(status: StatusCode) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
        }
    }
}
