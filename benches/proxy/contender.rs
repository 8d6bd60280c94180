//! Who is compared, in what shape.

use std::net::SocketAddr;
use std::path::Path;

use crate::{Started, forward, mesh, peers};

/// What stands between clients and backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Http1,
    Http2In,
    Http2,
    /// Two proxies with mutual TLS between them.
    Sidecars,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contender {
    /// Nothing: clients talk to the backend.
    Direct,
    /// Bytes from one connection to another.
    TcpCopy,
    Haproxy,
    Nginx,
    Envoy,
    /// hyper's server and hyper's client, and nothing else.
    Hyper,
    /// This proxy with routing, peak EWMA, breakers, limits, outlier detection and metrics; with
    /// authorization where there is an inbound side.
    Meshctl,
}

use Contender::{Direct, Envoy, Haproxy, Hyper, Meshctl, Nginx, TcpCopy};

/// Who can do it. nginx speaks HTTP/2 to backends only for gRPC; a copy knows no HTTP; a hyper with
/// mutual TLS would be one more proxy to write.
pub(crate) fn all(shape: Shape) -> &'static [Contender] {
    match shape {
        Shape::Http1 => &[Direct, TcpCopy, Haproxy, Nginx, Envoy, Hyper, Meshctl],
        Shape::Http2In => &[Haproxy, Nginx, Envoy, Hyper, Meshctl],
        Shape::Http2 => &[Haproxy, Envoy, Hyper, Meshctl],
        Shape::Sidecars => &[Haproxy, Envoy, Meshctl],
    }
}

// === impl Shape ===

impl Shape {
    pub(crate) fn clients_are_http2(self) -> bool {
        matches!(self, Self::Http2In | Self::Http2)
    }

    pub(crate) fn backend_is_http2(self) -> bool {
        self == Self::Http2
    }
}

// === impl Contender ===

impl Contender {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Direct => "direct",
            TcpCopy => "TCP copy",
            Haproxy => "HAProxy",
            Nginx => "nginx",
            Envoy => "Envoy",
            Hyper => "hyper",
            Meshctl => "meshctl",
        }
    }

    /// None where the program is not installed.
    pub(crate) fn start(
        self,
        shape: Shape,
        backend: SocketAddr,
        directory: &Path,
    ) -> Option<Started> {
        Some(match self {
            Direct => (backend, Vec::new()),
            TcpCopy => forward::copy(backend),
            Hyper => forward::hyper(shape, backend),
            Haproxy => peers::haproxy(shape, backend, directory)?,
            Nginx => peers::nginx(shape, backend, directory)?,
            Envoy => peers::envoy(shape, backend, directory)?,
            Meshctl if shape == Shape::Sidecars => mesh::sidecars(backend, directory),
            Meshctl => mesh::outbound(backend, shape.backend_is_http2(), 1, directory),
        })
    }
}
