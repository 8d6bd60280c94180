//! Writes heads.

use bytes::BytesMut;
use engine::head::{RequestHead, ResponseHead};
use http::{HeaderMap, HeaderName, Method, StatusCode, header};

use crate::headers;

/// Space made before a head is written: most need no more, and counting first costs a walk.
const HEAD_BYTES: usize = 1024;

/// The framing field of a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    None,
    Length(u64),
    Chunked,
    /// The `content-length` among the headers, which describes a body that is not sent (HEAD, 304).
    AsGiven,
}

/// The `connection` field of a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Connection {
    /// Nothing to say: persistent HTTP/1.1.
    Default,
    Close,
    KeepAlive,
    Upgrade,
}

/// Writes a request in origin-form (or `authority-form` for CONNECT).
pub(super) fn request(out: &mut BytesMut, head: &RequestHead, framing: Framing) {
    out.reserve(HEAD_BYTES);
    let authority = head.authority.as_ref().map_or("", |a| a.as_str());
    out.extend_from_slice(head.method.as_str().as_bytes());
    out.extend_from_slice(b" ");
    if head.method == Method::CONNECT {
        out.extend_from_slice(authority.as_bytes());
    } else {
        out.extend_from_slice(head.path.as_str().as_bytes());
    }
    out.extend_from_slice(b" HTTP/1.1\r\nhost: ");
    out.extend_from_slice(authority.as_bytes());
    out.extend_from_slice(b"\r\n");
    let te = head.headers.contains_key(header::TE);
    match (&head.upgrade, te) {
        (Some(token), _) => {
            // A token cannot hold a line break: it came through one of our own parsers or a type
            // that forbids them; anything else is not sent.
            if http::HeaderValue::from_str(token).is_ok() {
                out.extend_from_slice(b"connection: upgrade\r\nupgrade: ");
                out.extend_from_slice(token.as_bytes());
                out.extend_from_slice(b"\r\n");
            }
        }
        (None, true) => out.extend_from_slice(b"connection: te\r\nte: trailers\r\n"),
        (None, false) => {}
    }
    fields(out, &head.headers, framing);
}

/// Writes a response head.
pub(super) fn response(
    out: &mut BytesMut,
    head: &ResponseHead,
    framing: Framing,
    connection: Connection,
) {
    out.reserve(HEAD_BYTES);
    status_line(out, head.status);
    out.extend_from_slice(match connection {
        Connection::Default => b"",
        Connection::Close => b"connection: close\r\n",
        Connection::KeepAlive => b"connection: keep-alive\r\n",
        Connection::Upgrade => b"connection: upgrade\r\n",
    });
    if connection == Connection::Upgrade {
        for token in head.headers.get_all(header::UPGRADE) {
            field(out, header::UPGRADE.as_str(), token.as_bytes());
        }
    }
    fields(out, &head.headers, framing);
}

/// Writes `size CRLF` in hexadecimal.
pub(super) fn chunk_size(out: &mut BytesMut, size: usize) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut line = [0u8; 18];
    let mut at = 16;
    let mut rest = size;
    line[16..].copy_from_slice(b"\r\n");
    loop {
        at -= 1;
        line[at] = DIGITS[rest & 15];
        rest >>= 4;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&line[at..]);
}

/// Writes the fields of a trailer section.
pub(super) fn trailers(out: &mut BytesMut, trailers: &HeaderMap) {
    for (name, value) in trailers {
        if !headers::is_forbidden_trailer(name) {
            field(out, name.as_str(), value.as_bytes());
        }
    }
}

/// Writes end-to-end fields, the framing field and the empty line.
fn fields(out: &mut BytesMut, headers: &HeaderMap, framing: Framing) {
    for (name, value) in headers {
        if is_end_to_end(name) {
            field(out, name.as_str(), value.as_bytes());
        }
    }
    match framing {
        Framing::None => {}
        Framing::Length(n) => {
            let mut digits = itoa::Buffer::new();
            field(out, "content-length", digits.format(n).as_bytes());
        }
        Framing::Chunked => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        Framing::AsGiven => {
            if let Some(value) = headers.get(header::CONTENT_LENGTH) {
                field(out, "content-length", value.as_bytes());
            }
        }
    }
    out.extend_from_slice(b"\r\n");
}

/// What is copied as it is: not what describes the connection, nor what we write ourselves.
fn is_end_to_end(name: &HeaderName) -> bool {
    !matches!(*name, header::CONTENT_LENGTH | header::HOST | header::TE)
        && !headers::is_hop_by_hop(name)
}

fn field(out: &mut BytesMut, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

fn status_line(out: &mut BytesMut, status: StatusCode) {
    if status == StatusCode::OK {
        out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
        return;
    }
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(status.as_str().as_bytes());
    out.extend_from_slice(b" ");
    out.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    out.extend_from_slice(b"\r\n");
}
