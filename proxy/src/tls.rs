//! Mutual TLS 1.3 between the proxies of the mesh, with identities from SPIFFE URI names.
//!
//! ```text
//!  Material (chain, key, trust bundle) ──watch──▶ Store ─┬─ server config   inbound handshakes
//!                                                        └─ client configs  one per expected identity
//! ```
//!
//! A certificate is valid when it chains to the trust bundle at the node's wall-clock time and
//! carries exactly one SPIFFE URI name (X509-SVID §2). DNS names play no part. Sessions are never
//! resumed: a resumed one would outlive the certificate it was made with.

use core::fmt;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::time_provider::TimeProvider;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, UnixTime};

use crate::net::Rt;

pub mod client;
pub mod explain;
pub mod gateway;
pub(crate) mod outside;
pub mod server;
pub mod store;
pub mod verify;

pub use store::Store;
pub use verify::WrongIdentity;

/// Application protocols between two proxies of the mesh. A client offers exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Alpn {
    /// HTTP requests, multiplexed over HTTP/2.
    H2,
    /// One HTTP/1.1 exchange after the other: requests that upgrade.
    H1,
    /// Bytes.
    Tcp,
}

/// A workload's own certificate and whom it trusts.
pub struct Material {
    /// The workload's certificate first, then its issuers up to a trust anchor.
    pub chain: Vec<CertificateDer<'static>>,
    pub key: PrivateKeyDer<'static>,
    /// The trust bundle.
    pub roots: Vec<CertificateDer<'static>>,
}

/// Why identity material cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadMaterial {
    #[error("the private key cannot be used: {0}")]
    Key(rustls::Error),
    #[error("this proxy was given no certificate")]
    None,
    #[error("the private key is not that of the certificate")]
    Mismatch,
    #[error("the certificate chain is empty")]
    NoChain,
    #[error("the trust bundle holds no usable certificate")]
    NoRoots,
    #[error("{0}")]
    Config(String),
}

/// The seam's wall clock as rustls wants it.
struct Clock<R>(R);

// === impl Alpn ===

impl Alpn {
    pub const ALL: [Self; 3] = [Self::H2, Self::H1, Self::Tcp];

    /// The protocol id on the wire.
    pub const fn id(self) -> &'static [u8] {
        match self {
            Self::H2 => b"meshctl-h2",
            Self::H1 => b"meshctl-h1",
            Self::Tcp => b"meshctl-tcp",
        }
    }

    pub fn from_id(id: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.id() == id)
    }
}

// === impl Material ===

impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never the key.
        f.debug_struct("Material")
            .field("chain", &self.chain.len())
            .field("roots", &self.roots.len())
            .finish_non_exhaustive()
    }
}

// === impl Clock ===

impl<R: Rt> TimeProvider for Clock<R> {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = self.0.wall().unix_seconds();
        Some(UnixTime::since_unix_epoch(core::time::Duration::from_secs(
            seconds,
        )))
    }
}

impl<R> fmt::Debug for Clock<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// A store over the seam's wall clock.
pub fn store<R: Rt>(
    rt: &R,
    crypto: Arc<CryptoProvider>,
    material: Option<tokio::sync::watch::Receiver<Arc<Material>>>,
    system: &[CertificateDer<'static>],
) -> Result<Store, BadMaterial> {
    let clock: Arc<dyn TimeProvider> = Arc::new(Clock(rt.clone()));
    let outside = outside::Outside::new(clock.clone(), crypto.clone(), system);
    Store::new(clock, crypto, material, outside)
}

/// The certificates of a gateway, over the seam's wall clock.
pub(crate) fn certificates<R: Rt>(rt: &R, crypto: Arc<CryptoProvider>) -> gateway::Certificates {
    gateway::Certificates::new(Arc::new(Clock(rt.clone())), crypto)
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
