//! One connection to one endpoint: TCP, then mutual TLS when the endpoint is in the mesh.

use core::net::SocketAddr;
use std::io;
use std::sync::Arc;

use engine::failure::Flag;
use engine::identity::Identity;
use engine::snapshot::outside::Originate;
use engine::snapshot::{Cluster, Endpoint, ProxyHeader};
use engine::time::Duration;
use tokio::io::AsyncWriteExt as _;

use crate::net::{AnyIo, Rt};
use crate::proxy_protocol;
use crate::tls::client::{HandshakeError, handshake};
use crate::tls::{Alpn, Store};

/// Why there is no connection. Nothing was sent on it: every request may be sent elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    #[error("connect to {address}: {kind}")]
    Io {
        address: SocketAddr,
        kind: io::ErrorKind,
    },
    #[error("connect to {address}: no answer within {timeout:?}")]
    Timeout {
        address: SocketAddr,
        timeout: Duration,
    },
    #[error("TLS to {address}: {cause}")]
    Tls { address: SocketAddr, cause: String },
}

/// Where to, and what is to be spoken there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Peer {
    pub address: SocketAddr,
    /// Present iff it is in the mesh.
    pub identity: Option<Identity>,
    /// The TLS that is begun when it is not.
    pub tls: Option<Arc<Originate>>,
    /// What it is told first about the client, when it is not in the mesh.
    pub introduced: Option<Introduced>,
    /// It is the application of this very proxy.
    pub own: bool,
}

/// The header of the PROXY protocol that a connection begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Introduced {
    pub version: ProxyHeader,
    /// None: the proxy asks on its own account.
    pub client: Option<Client>,
}

/// Whose connection it is, and where it wanted to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Client {
    pub source: SocketAddr,
    pub destination: SocketAddr,
}

/// Connects within `timeout`, handshake included. A meshed peer is never spoken to in the clear.
pub async fn connect<R: Rt>(
    rt: &R,
    tls: &Store,
    peer: &Peer,
    alpn: Alpn,
    timeout: Duration,
) -> Result<AnyIo<R::Io>, ConnectError> {
    let address = peer.address;
    let opened = async {
        let opened = match peer.own {
            true => rt.connect_app(address).await,
            false => rt.connect(address).await,
        };
        let broken = |kind: io::ErrorKind| ConnectError::Io { address, kind };
        let mut io = opened.map_err(|e| broken(e.kind()))?;
        let shaken = match (&peer.identity, &peer.tls) {
            (Some(identity), _) => handshake(tls, identity, alpn, address, io).await,
            (None, outside) => {
                if let Some(introduced) = &peer.introduced {
                    let header = introduced.header();
                    io.write_all(&header).await.map_err(|e| broken(e.kind()))?;
                }
                let Some(originate) = outside else {
                    return Ok(AnyIo::Plain(io));
                };
                tls.outside.handshake(originate, alpn, address, io).await
            }
        };
        match shaken {
            Ok(stream) => Ok(AnyIo::TlsClient(Box::new(stream))),
            Err(HandshakeError::Broken { kind, .. } | HandshakeError::Left { kind }) => {
                Err(broken(kind))
            }
            Err(HandshakeError::Refused(cause)) => Err(ConnectError::Tls { address, cause }),
        }
    };
    tokio::select! {
        biased;
        done = opened => done,
        () = rt.sleep_until(rt.now() + timeout) => Err(ConnectError::Timeout { address, timeout }),
    }
}

// === impl Peer ===

impl Peer {
    /// Somebody of whom nothing is known but the address.
    pub fn at(address: SocketAddr) -> Self {
        Self {
            address,
            identity: None,
            tls: None,
            introduced: None,
            own: false,
        }
    }

    /// An endpoint of a backend, for a client; none = on the proxy's own account.
    pub fn of(endpoint: &Endpoint, cluster: &Cluster, client: Option<Client>) -> Self {
        let outside = endpoint.identity.is_none();
        let header = cluster.proxy_header.filter(|_| outside);
        Self {
            identity: endpoint.identity.clone(),
            tls: cluster.tls.clone().filter(|_| outside),
            introduced: header.map(|version| Introduced { version, client }),
            ..Self::at(endpoint.address)
        }
    }
}

// === impl Introduced ===

impl Introduced {
    fn header(&self) -> Vec<u8> {
        let version = match self.version {
            ProxyHeader::V1 => proxy_protocol::Version::V1,
            ProxyHeader::V2 => proxy_protocol::Version::V2,
        };
        let of = self.client.map(|client| proxy_protocol::Addresses {
            source: client.source,
            destination: client.destination,
        });
        proxy_protocol::write(version, of)
    }
}

// === impl ConnectError ===

impl ConnectError {
    pub const fn flag(&self) -> Flag {
        match self {
            Self::Io { .. } | Self::Timeout { .. } => Flag::ConnectFailure,
            Self::Tls { .. } => Flag::Tls,
        }
    }
}
