//! Key exchange without mathematics: the shared secret is the XOR of the two public shares.
//!
//! It uses the id of X25519, whose shares have the same 32 bytes, so the handshake has its real
//! shape and size.

use rustls::crypto::{ActiveKeyExchange, GetRandomFailed, SharedSecret, SupportedKxGroup};
use rustls::{Error, NamedGroup, PeerMisbehaved};

const SHARE: usize = 32;

#[derive(Debug)]
pub(super) struct SimKx;

struct Active([u8; SHARE]);

impl SupportedKxGroup for SimKx {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let mut share = [0; SHARE];
        if !crate::world::fill_random(&mut share) {
            return Err(GetRandomFailed.into());
        }
        Ok(Box::new(Active(share)))
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

impl ActiveKeyExchange for Active {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        let Ok(peer) = <[u8; SHARE]>::try_from(peer) else {
            return Err(PeerMisbehaved::InvalidKeyShare.into());
        };
        let mut secret = self.0;
        for (mine, theirs) in secret.iter_mut().zip(peer) {
            *mine ^= theirs;
        }
        Ok(SharedSecret::from(&secret[..]))
    }

    fn pub_key(&self) -> &[u8] {
        &self.0
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}
