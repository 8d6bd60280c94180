//! What a proxy is started with: typed once, at the door.

use core::net::{IpAddr, SocketAddr};
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls_pki_types::CertificateDer;
use tokio::sync::watch;

use crate::http2::KeepAlive;
use crate::observe::Observer;
use crate::telemetry::outputs::Outputs;
use crate::tls::Material;

/// Everything a proxy needs besides its snapshots and the world.
pub struct Bootstrap {
    /// Name of the proxy in reports, for example `shop/web-0`.
    pub name: String,
    /// Where connections of the application arrive; empty = this proxy has no outbound side.
    pub outbound: Vec<SocketAddr>,
    /// Where connections to the application arrive; empty = this proxy has no inbound side.
    pub inbound: Vec<SocketAddr>,
    /// Ports of inbound listeners whose connections nothing redirected, and whom they are for. A
    /// connection that says neither is closed.
    pub in_place: BTreeMap<u16, InPlace>,
    /// Where the ports of a gateway are bound; none = this proxy is no gateway.
    pub gateway: Option<Doors>,
    /// The workload's certificate, key and trust bundle. A new value is used by the next handshake;
    /// connections that exist stay. None: the proxy takes part in no handshake.
    pub tls: Option<watch::Receiver<Arc<Material>>>,
    /// The authorities that the machine trusts, for servers outside the mesh.
    pub system_roots: Vec<CertificateDer<'static>>,
    /// The cryptography behind TLS.
    pub crypto: Arc<CryptoProvider>,
    /// Ports of listeners behind a load balancer: their connections begin with a PROXY header, that
    /// says who the client is and where it wanted to go. One without is closed. Whoever can reach
    /// such a port can be anybody.
    pub proxy_protocol: BTreeSet<u16>,
    /// Told of every request when it has ended.
    pub observer: Option<Arc<dyn Observer>>,
    /// Access log, traces and their export; shared by the workers of a process.
    pub outputs: Option<Arc<Outputs>>,
    pub bounds: Bounds,
}

/// A port on which the proxy listens in the application's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InPlace {
    /// The port as the workload declares it: what policies speak of.
    pub port: u16,
    /// Where the application listens.
    pub app: SocketAddr,
}

/// Where a gateway's ports are, and whom it believes.
#[derive(Clone)]
pub struct Doors {
    /// By the port as the Gateway declares it.
    pub places: BTreeMap<u16, Vec<SocketAddr>>,
    /// For all other ports.
    pub addresses: Vec<IpAddr>,
    /// Proxies in front whose word about the client is taken: entries at the end of
    /// `X-Forwarded-For`.
    pub trusted_hops: usize,
    /// Told what cannot be bound after the start.
    pub tell: Arc<dyn Fn(&str) + Send + Sync>,
}

/// The bounds of a proxy. Each protects its memory or its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Accepted connections at once, per listener. Above it new ones wait in the kernel's backlog,
    /// which slows the client down instead of failing it.
    pub connections: usize,
    /// How long the first bytes of a connection are waited for before it is taken for a protocol
    /// in which the server speaks first (Linkerd's value).
    pub detect_timeout: Duration,
    /// A handshake that takes longer is given up (Linkerd's value).
    pub handshake_timeout: Duration,
    /// A connection of a client that sends no request for this long is closed (Envoy's value).
    pub idle_timeout: Duration,
    /// Bytes that a mirror may lie behind the request it copies; one that lies further is given up.
    pub mirror_body: usize,
    /// Mirrored requests under way at once; above it copies are not sent.
    pub mirrors: usize,
    /// Bytes in flight per direction of a forwarded byte stream.
    pub tcp_buffer: usize,
    /// When an upstream HTTP/2 connection is pinged, and when it is given up.
    pub keep_alive: KeepAlive,
}

// === impl Bounds ===

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections: 10_000,
            detect_timeout: Duration::from_secs(10),
            handshake_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(3600),
            mirror_body: 64 * 1024,
            mirrors: 128,
            tcp_buffer: 16 * 1024,
            keep_alive: KeepAlive::default(),
        }
    }
}
