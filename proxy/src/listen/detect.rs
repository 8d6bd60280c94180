//! What does this connection speak? Found out from its first bytes, with a bound in bytes and time.
//!
//! Nothing is consumed: what was read is read again by whoever serves the connection. A client that
//! says nothing within the time is taken for one that waits for the server to speak first.

use bytes::{Bytes, BytesMut};
use engine::time::Instant;
use rustls::server::Accepted;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

use crate::net::{Prefixed, Rt};
use crate::tls::server::{Hello, HelloReader};

/// The most that is read to find out: one TLS record with its header, the longest a ClientHello is
/// without being split, and twice the request line that most servers accept.
const DETECT_BYTES_MAX: usize = 16 * 1024 + 5;

/// Room for the first read: a usual ClientHello or request head.
const FIRST_READ: usize = 1024;

/// How a client that speaks HTTP/2 begins (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The longest request method that counts as HTTP/1.1.
const METHOD_LEN_MAX: usize = 32;

/// A TLS handshake record of any version begins so (RFC 8446 §5.1).
const TLS_HANDSHAKE: [u8; 2] = [0x16, 0x03];

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    pub tls: LookTls,
    pub http: LookHttp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookTls {
    No,
    /// Only its server name is of interest.
    Name,
    /// It may be a peer of the mesh.
    Mesh,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookHttp {
    /// The port is declared opaque.
    No,
    /// It may be HTTP or anything else.
    Maybe,
    /// The port is declared HTTP: only the version is in question.
    Declared,
}

/// What was found.
pub enum Detected {
    /// TLS with one of the mesh's protocols; its hello is consumed.
    Mesh(Box<Accepted>),
    /// Other TLS.
    Tls {
        sni: Option<String>,
    },
    Http1,
    Http2,
    Opaque,
    /// The client closed without a byte.
    Closed,
}

enum Verdict {
    More,
    Done(Detected),
}

/// Looks at the beginning of `io`; ends at `until` at the latest.
pub async fn detect<R, I>(
    rt: &R,
    mut io: I,
    look: Look,
    until: Instant,
) -> std::io::Result<(Detected, Prefixed<I>)>
where
    R: Rt,
    I: AsyncRead + AsyncWrite + Unpin,
{
    let mut seen = BytesMut::with_capacity(FIRST_READ);
    let mut hello: Option<HelloReader> = None;
    let mut sleep = std::pin::pin!(rt.sleep_until(until));
    loop {
        let before = seen.len();
        let n = tokio::select! {
            biased;
            read = io.read_buf(&mut seen) => read?,
            () = &mut sleep => return Ok((silent(look), Prefixed::new(seen.freeze(), io))),
        };
        if n == 0 {
            let found = if seen.is_empty() {
                Detected::Closed
            } else {
                Detected::Opaque
            };
            return Ok((found, Prefixed::new(seen.freeze(), io)));
        }
        match judge(&seen, before, look, &mut hello) {
            Verdict::Done(found @ Detected::Mesh(_)) => {
                return Ok((found, Prefixed::new(Bytes::new(), io)));
            }
            Verdict::Done(found) => return Ok((found, Prefixed::new(seen.freeze(), io))),
            Verdict::More if seen.len() >= DETECT_BYTES_MAX => {
                return Ok((silent(look), Prefixed::new(seen.freeze(), io)));
            }
            Verdict::More => {}
        }
    }
}

/// What a connection is taken for when it did not say enough.
fn silent(look: Look) -> Detected {
    match look.http {
        LookHttp::Declared => Detected::Http1,
        LookHttp::No | LookHttp::Maybe => Detected::Opaque,
    }
}

fn judge(seen: &[u8], before: usize, look: Look, hello: &mut Option<HelloReader>) -> Verdict {
    if look.tls != LookTls::No && seen[0] == TLS_HANDSHAKE[0] {
        return match seen.get(1) {
            None => Verdict::More,
            Some(&v) if v == TLS_HANDSHAKE[1] => {
                let new = if hello.is_some() { before } else { 0 };
                let reader = hello.get_or_insert_with(HelloReader::new);
                match reader.push(&seen[new..], look.tls == LookTls::Mesh) {
                    Hello::Partial => Verdict::More,
                    Hello::Mesh(accepted) => Verdict::Done(Detected::Mesh(accepted)),
                    Hello::Foreign { sni } => Verdict::Done(Detected::Tls { sni }),
                    Hello::Broken => Verdict::Done(Detected::Opaque),
                }
            }
            Some(_) => Verdict::Done(silent(look)),
        };
    }
    match look.http {
        LookHttp::No => Verdict::Done(Detected::Opaque),
        LookHttp::Maybe => http(seen, true),
        LookHttp::Declared => http(seen, false),
    }
}

fn http(seen: &[u8], doubt: bool) -> Verdict {
    if seen.len() < PREFACE.len() && PREFACE.starts_with(seen) {
        return Verdict::More;
    }
    if seen.starts_with(PREFACE) {
        return Verdict::Done(Detected::Http2);
    }
    if !doubt {
        return Verdict::Done(Detected::Http1);
    }
    // RFC 9112 §2.2: a server ignores an empty line before the request line.
    let start = seen
        .iter()
        .position(|b| !matches!(b, b'\r' | b'\n'))
        .unwrap_or(seen.len());
    let line = &seen[start..];
    if let Some(end) = memchr::memchr(b'\n', line) {
        return Verdict::Done(if is_request_line(&line[..end]) {
            Detected::Http1
        } else {
            Detected::Opaque
        });
    }
    let method = line.iter().take_while(|b| is_method_byte(**b)).count();
    let could_be = match line.get(method) {
        None => method <= METHOD_LEN_MAX,
        Some(b' ') => (1..=METHOD_LEN_MAX).contains(&method),
        Some(_) => false,
    };
    if could_be {
        Verdict::More
    } else {
        Verdict::Done(Detected::Opaque)
    }
}

fn is_method_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'!' | b'$' | b'*' | b'+')
}

/// `METHOD target HTTP/1.x`
fn is_request_line(line: &[u8]) -> bool {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let method = line.iter().take_while(|b| is_method_byte(**b)).count();
    (1..=METHOD_LEN_MAX).contains(&method)
        && line.get(method) == Some(&b' ')
        && (line.ends_with(b" HTTP/1.1") || line.ends_with(b" HTTP/1.0"))
}

#[cfg(test)]
mod tests;
