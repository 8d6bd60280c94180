//! What is spoken on a port: declared, or to be found out.
//!
//! In this order: `appProtocol` (KEP-1422), the annotation `meshctl.dev/opaque-ports`, the prefix
//! of the port's name (`http-web`, `grpc`), the well-known ports of protocols where the server
//! speaks first, and else detection.

use engine::snapshot::PortProtocol;

/// Ports of protocols in which the server speaks first, so that peeking would wait in vain: SMTP,
/// submission, MySQL, Galera, PostgreSQL, Redis, Elasticsearch transport, Memcached (the list that
/// Linkerd uses).
const OPAQUE_PORTS: [u16; 8] = [25, 587, 3306, 4444, 5432, 6379, 9300, 11211];

/// Most entries of one `meshctl.dev/opaque-ports` annotation that are read.
const OPAQUE_RANGES_MAX: usize = 64;

/// The protocol of a Service's port.
pub(crate) fn of_port(
    app_protocol: Option<&str>,
    name: &str,
    port: u16,
    opaque: &[(u16, u16)],
) -> PortProtocol {
    let prefix = name.split('-').next().unwrap_or_default();
    let declared_opaque = opaque
        .iter()
        .any(|(from, to)| (*from..=*to).contains(&port));
    app_protocol
        .and_then(by_app_protocol)
        .or_else(|| declared_opaque.then_some(PortProtocol::Opaque))
        .or_else(|| {
            // gRPC-Web is HTTP of either version, and `web` a likely name for anything.
            let grpc_web = name == "grpc-web" || name.starts_with("grpc-web-");
            if grpc_web {
                Some(PortProtocol::Detect)
            } else {
                by_name(prefix)
            }
        })
        .unwrap_or_else(|| of_number(port))
}

/// The protocol of a port about which nothing is declared.
pub(crate) fn of_number(port: u16) -> PortProtocol {
    if OPAQUE_PORTS.contains(&port) {
        PortProtocol::Opaque
    } else {
        PortProtocol::Detect
    }
}

fn by_app_protocol(app_protocol: &str) -> Option<PortProtocol> {
    match app_protocol.to_ascii_lowercase().as_str() {
        "kubernetes.io/h2c" | "h2c" => Some(PortProtocol::Http2),
        "kubernetes.io/ws" | "ws" => Some(PortProtocol::Http1),
        "kubernetes.io/wss" | "wss" => Some(PortProtocol::Opaque),
        other => by_name(other),
    }
}

fn by_name(prefix: &str) -> Option<PortProtocol> {
    match prefix {
        "http" => Some(PortProtocol::Http1),
        "http2" | "grpc" | "h2c" => Some(PortProtocol::Http2),
        // TLS of the application's own: bytes to us.
        "https" | "tls" | "tcp" | "mongo" | "redis" | "mysql" | "postgres" => {
            Some(PortProtocol::Opaque)
        }
        _ => None,
    }
}

/// Whether an `appProtocol` says that HTTP of some version is spoken in the clear; none when it
/// says nothing known.
pub(crate) fn is_http(app_protocol: &str) -> Option<bool> {
    by_app_protocol(app_protocol).map(|protocol| protocol != PortProtocol::Opaque)
}

/// The same of a port's name.
pub(crate) fn is_http_name(name: &str) -> Option<bool> {
    let prefix = name.split('-').next().unwrap_or_default();
    by_name(prefix).map(|protocol| protocol != PortProtocol::Opaque)
}

/// Reads `3306,7000-7010`.
///
/// # Errors
/// The entry that is no port and no range of ports.
pub(crate) fn opaque_ports(annotation: &str) -> Result<Vec<(u16, u16)>, String> {
    let mut ranges = Vec::new();
    for entry in annotation
        .split(',')
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
    {
        let (from, to) = entry.split_once('-').unwrap_or((entry, entry));
        match (from.trim().parse::<u16>(), to.trim().parse::<u16>()) {
            (Ok(from), Ok(to)) if from > 0 && from <= to && ranges.len() < OPAQUE_RANGES_MAX => {
                ranges.push((from, to));
            }
            _ => return Err(entry.chars().take(40).collect()),
        }
    }
    Ok(ranges)
}

#[cfg(test)]
mod tests {
    use super::*;
    use PortProtocol::{Detect, Http1, Http2, Opaque};

    #[test]
    fn a_port_speaks_what_is_declared_first() {
        let check = |app: Option<&str>, name: &str, port: u16, expected: PortProtocol| {
            let seen = of_port(app, name, port, &[(7000, 7010)]);
            assert_eq!(seen, expected, "{app:?} {name} {port}");
        };
        check(None, "", 8080, Detect);
        check(None, "web", 80, Detect);
        check(None, "http", 8080, Http1);
        check(None, "http-web", 8080, Http1);
        check(None, "httpweb", 8080, Detect);
        check(None, "http2-web", 8080, Http2);
        check(None, "grpc", 8080, Http2);
        check(None, "grpc-web", 8080, Detect);
        check(None, "grpc-api", 8080, Http2);
        check(None, "tcp-db", 8080, Opaque);
        check(None, "https", 443, Opaque);
        check(Some("http"), "tcp-x", 8080, Http1);
        check(Some("kubernetes.io/h2c"), "", 80, Http2);
        check(Some("kubernetes.io/ws"), "", 80, Http1);
        check(Some("example.com/own"), "http", 80, Http1);
        check(Some("example.com/own"), "", 80, Detect);
        check(None, "", 3306, Opaque);
        check(None, "http", 3306, Http1);
        check(None, "", 7005, Opaque);
        check(None, "http", 7005, Opaque);
        check(Some("http"), "", 7005, Http1);
    }

    #[test]
    fn opaque_ports_are_ports_and_ranges() {
        assert_eq!(
            opaque_ports("3306, 7000-7010"),
            Ok(vec![(3306, 3306), (7000, 7010)])
        );
        assert_eq!(opaque_ports(""), Ok(vec![]));
        for bad in ["x", "70000", "0", "9-8", "1-2-3"] {
            assert!(opaque_ports(bad).is_err(), "{bad}");
        }
    }
}
