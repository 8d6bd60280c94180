//! What is spoken on a port: declared, or to be found out.
//!
//! In this order: `appProtocol` (KEP-1422), the annotation `meshctl.dev/opaque-ports` of the
//! Service or its namespace ([`super::Index::protocol`]), the prefix of the port's name
//! (`http-web`, `grpc`), the well-known ports of protocols where the server speaks first, and else
//! detection.

use engine::snapshot::PortProtocol;

/// Ports of protocols in which the server speaks first, so that peeking would wait in vain: SMTP,
/// submission, MySQL, Galera, PostgreSQL, Redis, Elasticsearch transport, Memcached (the list that
/// Linkerd uses).
const OPAQUE_PORTS: [u16; 8] = [25, 587, 3306, 4444, 5432, 6379, 9300, 11211];

/// What a Service's port says by itself: its protocol, and whether `appProtocol` says it, which no
/// annotation overrules.
pub(crate) fn of_port(app_protocol: Option<&str>, name: &str, port: u16) -> (PortProtocol, bool) {
    let prefix = name.split('-').next().unwrap_or_default();
    if let Some(protocol) = app_protocol.and_then(by_app_protocol) {
        return (protocol, true);
    }
    // gRPC-Web is HTTP of either version, and `web` a likely name for anything.
    let grpc_web = name == "grpc-web" || name.starts_with("grpc-web-");
    let by_name = if grpc_web {
        Some(PortProtocol::Detect)
    } else {
        by_name(prefix)
    };
    (by_name.unwrap_or_else(|| of_number(port)), false)
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

#[cfg(test)]
mod tests {
    use super::*;
    use PortProtocol::{Detect, Http1, Http2, Opaque};

    #[test]
    fn a_port_speaks_what_is_declared_first() {
        let check = |app: Option<&str>, name: &str, port: u16, expected: PortProtocol| {
            let (seen, _) = of_port(app, name, port);
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
    }
}
