//! The PROXY protocol, versions 1 and 2
//! (<https://www.haproxy.org/download/3.1/doc/proxy-protocol.txt>): how a load balancer that
//! forwards bytes says who its client is and where it wanted to go.
//!
//! ```text
//!  1:  PROXY TCP4 192.0.2.1 10.0.0.7 51234 443\r\n
//!  2:  \r\n\r\n\0\r\nQUIT\n │ version, command │ family │ length │ addresses, ports, TLVs
//! ```
//!
//! A port that expects the header gets it first or closes: guessing would let any client choose its
//! address. It is read byte by byte to its end and no further, so that whoever serves the
//! connection finds its first byte where it begins.

use core::fmt::Write as _;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// The longest header of version 1, as the document has it.
pub const V1_BYTES_MAX: usize = 107;

/// The most bytes behind the fixed part of version 2. Addresses take 36, the TLVs of the known load
/// balancers less than 512; the format would allow 64 KiB.
pub const V2_BYTES_MAX: usize = 4096;

/// How version 2 begins.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// Bytes of version 2 before the addresses.
const V2_FIXED: usize = 16;

/// How version 1 begins.
const V1_START: &[u8] = b"PROXY ";

/// Command and family of version 2 that are written and read.
const VERSION: u8 = 0x20;
const LOCAL: u8 = 0x20;
const PROXY: u8 = 0x21;
const TCP4: u8 = 0x11;
const TCP6: u8 = 0x21;

/// Who is behind a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    pub source: SocketAddr,
    /// Where the client connected to.
    pub destination: SocketAddr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    V1,
    V2,
}

/// What the bytes at hand amount to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// Not the whole header; at least this many bytes more.
    Partial(usize),
    /// The header is this long. Without addresses the sender speaks for itself (a health check),
    /// or of a protocol that is not TCP.
    Whole(usize, Option<Addresses>),
}

/// Why bytes are no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadHeader {
    #[error("the connection does not begin with a PROXY header")]
    NoHeader,
    #[error("the PROXY header is malformed")]
    Malformed,
    #[error("the PROXY header is longer than its limit")]
    TooLong,
}

/// Reads the header at the start of `io`, and nothing behind it. The caller bounds the time.
///
/// # Errors
///
/// When there is none, or the connection breaks.
pub async fn read<I: AsyncRead + Unpin>(io: &mut I) -> io::Result<Option<Addresses>> {
    let mut seen = Vec::with_capacity(V1_BYTES_MAX);
    loop {
        let more = match parse(&seen) {
            Ok(Parsed::Whole(_, addresses)) => return Ok(addresses),
            Ok(Parsed::Partial(more)) => more,
            Err(why) => return Err(io::Error::new(io::ErrorKind::InvalidData, why)),
        };
        let before = seen.len();
        seen.resize(before + more, 0);
        io.read_exact(&mut seen[before..]).await?;
    }
}

/// Reads the header at the start of `bytes`.
///
/// # Errors
///
/// As soon as the bytes cannot become one.
pub fn parse(bytes: &[u8]) -> Result<Parsed, BadHeader> {
    let starts = |start: &[u8]| bytes.iter().zip(start).all(|(a, b)| a == b);
    match bytes.first() {
        None => Ok(Parsed::Partial(1)),
        Some(_) if starts(V1_START) => v1(bytes),
        Some(_) if starts(&SIGNATURE) => v2(bytes),
        Some(_) => Err(BadHeader::NoHeader),
    }
}

/// The header of a connection on behalf of `of`; none: the sender speaks for itself. Addresses of
/// two families are written as those of IPv6.
pub fn write(version: Version, of: Option<Addresses>) -> Vec<u8> {
    match version {
        Version::V1 => write_v1(of),
        Version::V2 => write_v2(of),
    }
}

fn v1(bytes: &[u8]) -> Result<Parsed, BadHeader> {
    let window = &bytes[..bytes.len().min(V1_BYTES_MAX)];
    let Some(end) = memchr::memchr(b'\n', window) else {
        return match bytes.len() {
            // The next byte may be the last.
            0..V1_BYTES_MAX => Ok(Parsed::Partial(1)),
            _ => Err(BadHeader::TooLong),
        };
    };
    let line = window[..end].strip_suffix(b"\r");
    let line = line.and_then(|line| core::str::from_utf8(line).ok());
    let fields = line.and_then(|line| line.strip_prefix("PROXY "));
    let fields = fields.ok_or(BadHeader::Malformed)?;
    let addresses = match fields.split_once(' ') {
        Some(("TCP4", rest)) => Some(v1_addresses(rest, IpAddr::is_ipv4)),
        Some(("TCP6", rest)) => Some(v1_addresses(rest, IpAddr::is_ipv6)),
        // What follows is to be ignored.
        Some(("UNKNOWN", _)) => None,
        None if fields == "UNKNOWN" => None,
        _ => Some(None),
    };
    match addresses {
        None => Ok(Parsed::Whole(end + 1, None)),
        Some(Some(addresses)) => Ok(Parsed::Whole(end + 1, Some(addresses))),
        Some(None) => Err(BadHeader::Malformed),
    }
}

fn v1_addresses(fields: &str, family: impl Fn(&IpAddr) -> bool) -> Option<Addresses> {
    let mut fields = fields.split(' ');
    let mut next = || fields.next();
    let (source, destination) = (ip(next()?)?, ip(next()?)?);
    let (from, to) = (port(next()?)?, port(next()?)?);
    let whole = next().is_none() && family(&source) && family(&destination);
    whole.then_some(Addresses {
        source: SocketAddr::new(source, from),
        destination: SocketAddr::new(destination, to),
    })
}

fn ip(text: &str) -> Option<IpAddr> {
    text.parse().ok()
}

/// Decimal without leading zeros, as the document has it.
fn port(text: &str) -> Option<u16> {
    let plain = text == "0" || !text.starts_with('0');
    (plain && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

fn v2(bytes: &[u8]) -> Result<Parsed, BadHeader> {
    if bytes.len() < V2_FIXED {
        return Ok(Parsed::Partial(V2_FIXED - bytes.len()));
    }
    let (command, family) = (bytes[12], bytes[13]);
    let len = usize::from(u16::from_be_bytes([bytes[14], bytes[15]]));
    if len > V2_BYTES_MAX {
        return Err(BadHeader::TooLong);
    }
    if command & 0xf0 != VERSION || command & 0x0f > 1 {
        return Err(BadHeader::Malformed);
    }
    let end = V2_FIXED + len;
    let Some(body) = bytes.get(V2_FIXED..end) else {
        return Ok(Parsed::Partial(end - bytes.len()));
    };
    let addresses = match (command, family) {
        (PROXY, TCP4) => Some(v2_v4(body).ok_or(BadHeader::Malformed)?),
        (PROXY, TCP6) => Some(v2_v6(body).ok_or(BadHeader::Malformed)?),
        // LOCAL, or a family that we do not forward.
        _ => None,
    };
    Ok(Parsed::Whole(end, addresses))
}

fn v2_v4(body: &[u8]) -> Option<Addresses> {
    let (ips, rest) = body.split_at_checked(8)?;
    let ip = |at: usize| {
        Some(Ipv4Addr::from(
            <[u8; 4]>::try_from(ips.get(at..at + 4)?).ok()?,
        ))
    };
    ports(ip(0)?.into(), ip(4)?.into(), rest)
}

fn v2_v6(body: &[u8]) -> Option<Addresses> {
    let (ips, rest) = body.split_at_checked(32)?;
    let ip = |at: usize| {
        Some(Ipv6Addr::from(
            <[u8; 16]>::try_from(ips.get(at..at + 16)?).ok()?,
        ))
    };
    ports(ip(0)?.into(), ip(16)?.into(), rest)
}

fn ports(source: IpAddr, destination: IpAddr, rest: &[u8]) -> Option<Addresses> {
    let [a, b, c, d, ..] = *rest else { return None };
    Some(Addresses {
        source: SocketAddr::new(source, u16::from_be_bytes([a, b])),
        destination: SocketAddr::new(destination, u16::from_be_bytes([c, d])),
    })
}

fn write_v1(of: Option<Addresses>) -> Vec<u8> {
    let mut line = String::with_capacity(V1_BYTES_MAX);
    // Writing to a string cannot fail.
    let _ = match of.map(one_family) {
        None => write!(line, "PROXY UNKNOWN\r\n"),
        Some((from, to)) => write!(
            line,
            "PROXY {} {} {} {} {}\r\n",
            if from.is_ipv4() { "TCP4" } else { "TCP6" },
            from.ip(),
            to.ip(),
            from.port(),
            to.port()
        ),
    };
    line.into_bytes()
}

fn write_v2(of: Option<Addresses>) -> Vec<u8> {
    let mut out = SIGNATURE.to_vec();
    let (family, addresses) = match of.map(one_family) {
        None => (0, Vec::new()),
        Some((SocketAddr::V4(from), SocketAddr::V4(to))) => {
            let ips = [from.ip().octets(), to.ip().octets()].concat();
            (TCP4, ips)
        }
        Some((from, to)) => {
            let ips = [from, to].map(|at| v6(at.ip()).octets());
            (TCP6, ips.concat())
        }
    };
    out.push(if of.is_some() { PROXY } else { LOCAL });
    out.push(family);
    let ports: Vec<u8> = of.map_or_else(Vec::new, |of| {
        let ports = [of.source.port(), of.destination.port()];
        ports.into_iter().flat_map(u16::to_be_bytes).collect()
    });
    let len = (addresses.len() + ports.len()) as u16;
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(&addresses);
    out.extend_from_slice(&ports);
    out
}

/// Both of IPv4, or both of IPv6.
fn one_family(of: Addresses) -> (SocketAddr, SocketAddr) {
    let (from, to) = (of.source, of.destination);
    if from.is_ipv4() == to.is_ipv4() {
        return (from, to);
    }
    let wide = |at: SocketAddr| SocketAddr::new(v6(at.ip()).into(), at.port());
    (wide(from), wide(to))
}

fn v6(ip: IpAddr) -> Ipv6Addr {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    }
}

#[cfg(test)]
mod tests;
