//! Signatures without mathematics: a hash of public key and message, as long as an Ed25519 one.
//!
//! Anybody can make one. Corruption of a message or a key is still noticed, which is all that a
//! simulated network can do to it.

use std::sync::Arc;

use rustls::crypto::{KeyProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::{
    AlgorithmIdentifier, InvalidSignature, PrivateKeyDer, SignatureVerificationAlgorithm, alg_id,
};
use rustls::sign::{Signer, SigningKey};
use rustls::{Error, SignatureAlgorithm, SignatureScheme};
use xxhash_rust::xxh3::xxh3_128_with_seed;

/// Length of an Ed25519 public key and of its seed.
pub(super) const KEY: usize = 32;
const SIGNATURE: usize = 64;

/// PKCS #8 of an Ed25519 key (RFC 8410 §7), before the 32 bytes of the seed.
const PKCS8_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

pub(super) static ALGORITHMS: WebPkiSupportedAlgorithms = WebPkiSupportedAlgorithms {
    all: &[&Verify],
    mapping: &[(SignatureScheme::ED25519, &[&Verify])],
};

/// A private key: what it signs with is derived from the seed of its PKCS #8 form.
#[derive(Clone, Debug)]
pub(super) struct SimKey {
    public: [u8; KEY],
}

#[derive(Debug)]
pub(super) struct SimKeys;

#[derive(Debug)]
struct Verify;

// === impl SimKey ===

impl SimKey {
    pub(super) fn from_seed(seed: [u8; KEY]) -> Self {
        let mut public = [0; KEY];
        public[..16].copy_from_slice(&xxh3_128_with_seed(&seed, 1).to_le_bytes());
        public[16..].copy_from_slice(&xxh3_128_with_seed(&seed, 2).to_le_bytes());
        Self { public }
    }

    pub(super) fn public(&self) -> &[u8; KEY] {
        &self.public
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        signature(&self.public, message).to_vec()
    }
}

/// The PKCS #8 form of the Ed25519 key with this seed, which both providers read.
pub(super) fn pkcs8(seed: [u8; KEY]) -> Vec<u8> {
    [&PKCS8_PREFIX[..], &seed[..]].concat()
}

impl SigningKey for SimKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let ours = offered.contains(&SignatureScheme::ED25519);
        ours.then(|| Box::new(self.clone()) as Box<dyn Signer>)
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ED25519
    }
}

impl Signer for SimKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(Self::sign(self, message))
    }

    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}

// === impl SimKeys ===

impl KeyProvider for SimKeys {
    fn load_private_key(&self, key: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, Error> {
        let seed = key.secret_der().strip_prefix(&PKCS8_PREFIX[..]);
        match seed.map(<[u8; KEY]>::try_from) {
            Some(Ok(seed)) => Ok(Arc::new(SimKey::from_seed(seed))),
            _ => Err(Error::General("not an Ed25519 key in PKCS #8".into())),
        }
    }
}

// === impl Verify ===

impl SignatureVerificationAlgorithm for Verify {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        given: &[u8],
    ) -> Result<(), InvalidSignature> {
        match signature(public_key, message) == given {
            true => Ok(()),
            false => Err(InvalidSignature),
        }
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ED25519
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ED25519
    }
}

fn signature(public_key: &[u8], message: &[u8]) -> [u8; SIGNATURE] {
    let key = xxh3_128_with_seed(public_key, 3);
    let body = xxh3_128_with_seed(message, key as u64);
    let mut out = [0; SIGNATURE];
    for (i, chunk) in out.chunks_exact_mut(16).enumerate() {
        let part = body.wrapping_mul(2 * i as u128 + 1) ^ key;
        chunk.copy_from_slice(&part.to_le_bytes());
    }
    out
}
