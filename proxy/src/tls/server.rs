//! The accepting side of a mesh connection.

use core::fmt;
use std::io;

use engine::identity::Identity;
use rustls::server::{Accepted, Acceptor};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::server::{StartHandshake, TlsStream};

use super::verify::identity_of;
use super::{Alpn, Store, explain};

/// A client's hello as far as it has arrived.
pub enum Hello {
    /// More bytes are needed.
    Partial,
    /// It offers one of the mesh's protocols. All bytes given were consumed.
    Mesh(Box<Accepted>),
    /// Somebody else's TLS, with the server name it asks for.
    Foreign { sni: Option<String> },
    /// Not TLS after all.
    Broken,
}

/// Reads a client's hello piece by piece.
pub struct HelloReader(Acceptor);

/// A client of the mesh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    pub identity: Identity,
    pub alpn: Alpn,
}

// === impl HelloReader ===

impl HelloReader {
    pub fn new() -> Self {
        Self(Acceptor::default())
    }

    /// Takes the next `bytes` of the stream. Unless `mesh`, every TLS is somebody else's.
    pub fn push(&mut self, mut bytes: &[u8], mesh: bool) -> Hello {
        while !bytes.is_empty() {
            match self.0.read_tls(&mut bytes) {
                Ok(0) | Err(_) => return Hello::Broken,
                Ok(_) => {}
            }
            match self.0.accept() {
                Ok(None) => {}
                Ok(Some(accepted)) => return judge(accepted, bytes, mesh),
                Err(_) => return Hello::Broken,
            }
        }
        Hello::Partial
    }
}

impl Default for HelloReader {
    fn default() -> Self {
        Self::new()
    }
}

/// A client of TLS 1.3 cannot say more than its hello before it is answered; when bytes are left
/// over, it is not one of ours.
fn judge(accepted: Accepted, rest: &[u8], mesh: bool) -> Hello {
    let hello = accepted.client_hello();
    let sni = hello.server_name().map(str::to_owned);
    let ours = hello
        .alpn()
        .is_some_and(|mut ids| ids.any(|id| Alpn::from_id(id).is_some()));
    if mesh && ours && rest.is_empty() {
        return Hello::Mesh(Box::new(accepted));
    }
    Hello::Foreign { sni }
}

impl fmt::Debug for Hello {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Partial => f.write_str("Partial"),
            Self::Mesh(_) => f.write_str("Mesh"),
            Self::Foreign { sni } => write!(f, "Foreign({sni:?})"),
            Self::Broken => f.write_str("Broken"),
        }
    }
}

/// Finishes a handshake whose hello has been read; says who the client is.
pub async fn handshake<I>(
    store: &Store,
    accepted: Accepted,
    io: I,
) -> Result<(TlsStream<I>, Peer), String>
where
    I: AsyncRead + AsyncWrite + Unpin,
{
    let mut shaking = store.handshakes.begin(true);
    let config = store.server().map_err(|e| e.to_string())?;
    let stream = StartHandshake::from_parts(accepted, io)
        .into_stream(config)
        .await
        .map_err(|e| reason(&e))?;
    let session = stream.get_ref().1;
    let alpn = session.alpn_protocol().and_then(Alpn::from_id);
    let leaf = session.peer_certificates().and_then(<[_]>::first);
    let (Some(alpn), Some(leaf)) = (alpn, leaf) else {
        return Err("the client showed no certificate or no protocol of the mesh".to_owned());
    };
    let identity = identity_of(leaf).map_err(|e| explain::words(&e, "the client"))?;
    shaking.succeeded();
    Ok((stream, Peer { identity, alpn }))
}

fn reason(error: &io::Error) -> String {
    match explain::tls_error(error) {
        Some(cause) => explain::words(cause, "the client"),
        None => format!("the client left during the handshake: {}", error.kind()),
    }
}
