//! One connection to one endpoint: TCP, then mutual TLS when the endpoint is in the mesh.

use core::net::SocketAddr;
use std::io;

use engine::failure::Flag;
use engine::identity::Identity;
use engine::time::Duration;

use crate::net::{AnyIo, Rt};
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
    /// It is the application of this very proxy.
    pub own: bool,
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
        let io = opened.map_err(|e| ConnectError::Io {
            address,
            kind: e.kind(),
        })?;
        let Some(identity) = &peer.identity else {
            return Ok(AnyIo::Plain(io));
        };
        match handshake(tls, identity, alpn, address, io).await {
            Ok(stream) => Ok(AnyIo::TlsClient(Box::new(stream))),
            Err(HandshakeError::Broken { kind, .. }) => Err(ConnectError::Io { address, kind }),
            Err(HandshakeError::Refused(cause)) => Err(ConnectError::Tls { address, cause }),
        }
    };
    tokio::select! {
        biased;
        done = opened => done,
        () = rt.sleep_until(rt.now() + timeout) => Err(ConnectError::Timeout { address, timeout }),
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
