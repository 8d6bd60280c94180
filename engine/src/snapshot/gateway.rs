//! What a gateway listens for: its listeners by port, each with the routes attached to it. Which
//! listener a connection or a request is for is decided in [`crate::gateway`].

use core::fmt;
use std::collections::BTreeMap;
use std::sync::Arc;

use xxhash_rust::xxh3::Xxh3Default;

use super::{Frontend, InboundPort};

/// A gateway's listeners. Without ports the proxy is no gateway.
#[derive(Clone, Debug, Default)]
pub struct Gateway {
    pub ports: BTreeMap<u16, Arc<GatewayPort>>,
    /// Who may pass its listeners, and how often.
    pub guard: Arc<InboundPort>,
}

/// The listeners that share a port: told apart by host name.
#[derive(Clone, Debug)]
pub struct GatewayPort {
    pub port: u16,
    pub spoken: Spoken,
    /// In the order in which they are asked ([`GatewayPort::new`]).
    listeners: Vec<Arc<Listener>>,
}

/// What all clients of a port begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Spoken {
    /// HTTP/1.1, or HTTP/2 with prior knowledge; the authority names the listener.
    Http,
    /// A ClientHello, whose server name names the listener.
    Tls,
    /// Anything; the port has one listener.
    Tcp,
}

/// One listener of a Gateway or a ListenerSet.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Unique in its port: of the object that has it, and its own.
    pub name: Arc<str>,
    /// In lower case, exact or `*.suffix`; none = all names.
    pub host: Option<Arc<str>>,
    pub tls: ListenerTls,
    /// HTTP inside TLS, or without it; else bytes.
    pub http: bool,
    /// Its address in statistics, and the routes attached to it.
    pub frontend: Arc<Frontend>,
}

#[derive(Clone, Debug)]
pub enum ListenerTls {
    None,
    /// Forwarded as it is.
    Passthrough,
    /// Ended here. The certificate that covers the server name is shown, else the first; without
    /// any nobody is let in.
    Terminate(Vec<Arc<Certificate>>),
}

/// A certificate for clients outside the mesh, as PEM.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Certificate {
    /// Namespace and name of the Secret.
    pub name: Arc<str>,
    /// The server's own first, then its issuers.
    pub chain: Arc<[u8]>,
    pub key: Arc<[u8]>,
    /// Of chain and key, so that a renewed one is another.
    hash: u64,
}

// === impl Gateway ===

impl Gateway {
    pub fn is_empty(&self) -> bool {
        self.ports.is_empty()
    }

    /// Every listener, by port.
    pub fn listeners(&self) -> impl Iterator<Item = (&GatewayPort, &Arc<Listener>)> {
        let ports = self.ports.values();
        ports.flat_map(|port| port.listeners.iter().map(move |one| (&**port, one)))
    }
}

// === impl GatewayPort ===

impl GatewayPort {
    /// `listeners` are in order of precedence: of two with one host name the first counts.
    pub fn new(port: u16, spoken: Spoken, mut listeners: Vec<Arc<Listener>>) -> Self {
        // Stable: the most specific name is asked first.
        listeners
            .sort_by_key(|one| core::cmp::Reverse(crate::route::host::rank(one.host.as_deref())));
        Self {
            port,
            spoken,
            listeners,
        }
    }

    /// The most specific host name first.
    pub fn listeners(&self) -> &[Arc<Listener>] {
        &self.listeners
    }
}

// === impl Certificate ===

impl Certificate {
    pub fn new(name: impl Into<Arc<str>>, chain: &[u8], key: &[u8]) -> Self {
        let mut hash = Xxh3Default::new();
        for part in [chain, key] {
            hash.update(&part.len().to_le_bytes());
            hash.update(part);
        }
        Self {
            name: name.into(),
            chain: chain.into(),
            key: key.into(),
            hash: hash.digest(),
        }
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never the key.
        f.debug_struct("Certificate")
            .field("name", &self.name)
            .field("hash", &self.hash)
            .finish_non_exhaustive()
    }
}
