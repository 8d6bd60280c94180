//! The connecting side of a mesh connection.

use core::net::SocketAddr;
use std::io;

use engine::identity::Identity;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{Alpn, Store, explain};

/// Why a mesh connection was not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// A certificate was refused, here or there. One sentence, with the identity and the reason.
    #[error("{0}")]
    Refused(String),
    /// The server outside left before the handshake was done.
    #[error("the server left during the handshake: {kind}")]
    Left { kind: io::ErrorKind },
    /// The connection broke before the handshake was done.
    #[error("the connection to {identity} broke during the handshake: {kind}")]
    Broken {
        identity: Identity,
        kind: io::ErrorKind,
    },
}

/// Speaks mutual TLS to `address`, which has to be `identity`.
pub async fn handshake<I>(
    store: &Store,
    identity: &Identity,
    alpn: Alpn,
    address: SocketAddr,
    io: I,
) -> Result<TlsStream<I>, HandshakeError>
where
    I: AsyncRead + AsyncWrite + Unpin,
{
    let mut shaking = store.handshakes.begin(false);
    let config = store
        .client(identity, alpn)
        .map_err(|e| HandshakeError::Refused(format!("own identity: {e}")))?;
    // The name is not used: the verifier knows the identity, and no SNI is sent.
    let name = ServerName::IpAddress(address.ip().into());
    let stream = TlsConnector::from(config)
        .connect(name, io)
        .await
        .map_err(|e| match explain::tls_error(&e) {
            Some(error) => HandshakeError::Refused(explain::words(error, identity.as_str())),
            None => HandshakeError::Broken {
                identity: identity.clone(),
                kind: e.kind(),
            },
        })?;
    if stream.get_ref().1.alpn_protocol() == Some(alpn.id()) {
        shaking.succeeded();
        return Ok(stream);
    }
    Err(HandshakeError::Refused(format!(
        "{identity} at {address} does not speak {}: is it a proxy of this mesh?",
        String::from_utf8_lossy(alpn.id())
    )))
}
