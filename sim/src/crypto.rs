//! Cryptography of a simulated world: real protocol, real encryption, cheap and seeded keys.
//!
//! The rustls state machine, webpki's chain building and AES-GCM are the real ones, so expiry,
//! rotation, wrong names and unknown authorities behave as in production. Key exchange and
//! signatures are replaced by hashes of what they are given: they cost nothing and depend on the
//! seed alone. **They protect nothing**; that a forged signature is refused is not tested here
//! ([`Crypto::Real`] is for that).

use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::crypto::{CryptoProvider, GetRandomFailed, SecureRandom};

mod kx;
pub mod pki;
mod sign;

/// Which cryptography a world uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Crypto {
    /// Cheap, seeded, repeatable.
    #[default]
    Simulated,
    /// aws-lc-rs. Handshakes cost ten times as much and draw real randomness: the bytes on the
    /// wire, and with them the trace hash, differ between runs.
    Real,
}

/// Randomness from the stream of the node whose task is running.
#[derive(Debug)]
struct NodeRandom;

// === impl Crypto ===

impl Crypto {
    /// The provider for rustls configurations of this world.
    pub fn provider(self) -> Arc<CryptoProvider> {
        let real = aws_lc_rs::default_provider();
        Arc::new(match self {
            Self::Real => real,
            Self::Simulated => CryptoProvider {
                // AES-128 before AES-256: half the key schedule, the same record format.
                cipher_suites: vec![
                    aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256,
                    aws_lc_rs::cipher_suite::TLS13_AES_256_GCM_SHA384,
                ],
                kx_groups: vec![&kx::SimKx],
                signature_verification_algorithms: sign::ALGORITHMS,
                secure_random: &NodeRandom,
                key_provider: &sign::SimKeys,
            },
        })
    }
}

// === impl NodeRandom ===

impl SecureRandom for NodeRandom {
    fn fill(&self, buf: &mut [u8]) -> Result<(), GetRandomFailed> {
        match crate::world::fill_random(buf) {
            true => Ok(()),
            false => Err(GetRandomFailed),
        }
    }
}

#[cfg(test)]
mod tests;
