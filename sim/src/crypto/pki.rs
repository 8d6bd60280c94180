//! The mesh's certificate authority in a simulation: a root per world, leaves per identity.

use core::time::Duration;

use engine::entropy::Entropy;
use engine::identity::Identity;
use engine::time::Wall;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, PublicKeyData, SanType, SerialNumber,
    SignatureAlgorithm,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::Crypto;
use super::sign::{KEY, SimKey, pkcs8};

/// How long a root is valid around the start of the world; longer than any simulation.
const ROOT_LIFETIME: Duration = Duration::from_secs(3650 * 24 * 3600);

/// Certificates are valid from a little before they are issued, for clocks that are late.
const BACKDATED: Duration = Duration::from_secs(60);

/// A certificate authority whose keys come from the seed.
pub struct Pki {
    issuer: Issuer<'static, AnyKey>,
    root: CertificateDer<'static>,
    rng: Entropy,
}

/// What a workload proves its identity with.
#[derive(Debug)]
pub struct Credentials {
    /// Leaf first; without the root.
    pub chain: Vec<CertificateDer<'static>>,
    pub key: PrivateKeyDer<'static>,
    pub not_after: Wall,
}

/// A certificate could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot issue a certificate for {identity}: {cause}")]
pub struct IssueError {
    identity: String,
    cause: rcgen::Error,
}

enum AnyKey {
    Simulated(SimKey),
    Real(KeyPair),
}

// === impl Pki ===

impl Pki {
    /// The authority called `name` under `seed`; another name is another authority, which peers of
    /// the first do not trust.
    ///
    /// # Errors
    /// Only when the encoder refuses the name.
    pub fn new(crypto: Crypto, seed: u64, name: &str, now: Wall) -> Result<Self, IssueError> {
        let failed = |cause| IssueError {
            identity: name.to_owned(),
            cause,
        };
        let mut rng = Entropy::keyed(seed, name, "authority");
        let (key, _) = AnyKey::generate(crypto, &mut rng).map_err(failed)?;
        let mut params = CertificateParams::default();
        params.not_before = date(earlier(now, ROOT_LIFETIME));
        params.not_after = date(later(now, ROOT_LIFETIME));
        params.serial_number = Some(SerialNumber::from(1));
        params.distinguished_name = named(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.key_identifier_method = KeyIdMethod::PreSpecified(key.der_bytes()[..20].to_vec());
        let root = params.self_signed(&key).map_err(failed)?;
        let root = root.der().clone();
        let issuer = Issuer::new(params, key);
        Ok(Self { issuer, root, rng })
    }

    /// The certificate that peers trust.
    pub fn root(&self) -> &CertificateDer<'static> {
        &self.root
    }

    /// Issues a leaf with the identity as its only name.
    ///
    /// # Errors
    /// Only when the identity cannot be encoded.
    pub fn issue(
        &mut self,
        identity: &Identity,
        now: Wall,
        lifetime: Duration,
    ) -> Result<Credentials, IssueError> {
        let failed = |cause| IssueError {
            identity: identity.to_string(),
            cause,
        };
        let (key, der) =
            AnyKey::generate(self.issuer.key().kind(), &mut self.rng).map_err(failed)?;
        let not_after = later(now, lifetime);
        let mut params = CertificateParams::default();
        params.not_before = date(earlier(now, BACKDATED));
        params.not_after = date(not_after);
        params.serial_number = Some(SerialNumber::from(self.rng.u64() >> 1));
        params.distinguished_name = DistinguishedName::new();
        let uri = identity.as_str().try_into().map_err(failed)?;
        params.subject_alt_names = vec![SanType::URI(uri)];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        params.key_identifier_method = KeyIdMethod::PreSpecified(key.der_bytes()[..20].to_vec());
        let leaf = params.signed_by(&key, &self.issuer).map_err(failed)?;
        Ok(Credentials {
            chain: vec![leaf.der().clone()],
            key: PrivatePkcs8KeyDer::from(der).into(),
            not_after,
        })
    }
}

impl Clone for Credentials {
    fn clone(&self) -> Self {
        Self {
            chain: self.chain.clone(),
            key: self.key.clone_key(),
            not_after: self.not_after,
        }
    }
}

fn named(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}

fn earlier(at: Wall, d: Duration) -> Wall {
    Wall(at.0.saturating_sub(engine::time::nanos(d)))
}

fn later(at: Wall, d: Duration) -> Wall {
    Wall(at.0.saturating_add(engine::time::nanos(d)))
}

fn date(at: Wall) -> time::OffsetDateTime {
    // A u64 of nanoseconds ends in the year 2554, which the type can hold.
    let seconds = i64::try_from(at.unix_seconds()).unwrap_or(i64::MAX);
    time::OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(time::OffsetDateTime::UNIX_EPOCH)
}

// === impl AnyKey ===

impl AnyKey {
    /// A key pair from the stream, with its PKCS #8 form.
    fn generate(crypto: Crypto, rng: &mut Entropy) -> Result<(Self, Vec<u8>), rcgen::Error> {
        let mut seed = [0; KEY];
        for chunk in seed.chunks_exact_mut(8) {
            chunk.copy_from_slice(&rng.u64().to_le_bytes());
        }
        let der = pkcs8(seed);
        let key = match crypto {
            Crypto::Simulated => Self::Simulated(SimKey::from_seed(seed)),
            Crypto::Real => Self::Real(KeyPair::try_from(der.as_slice())?),
        };
        Ok((key, der))
    }

    fn kind(&self) -> Crypto {
        match self {
            Self::Simulated(_) => Crypto::Simulated,
            Self::Real(_) => Crypto::Real,
        }
    }
}

impl PublicKeyData for AnyKey {
    fn der_bytes(&self) -> &[u8] {
        match self {
            Self::Simulated(key) => key.public(),
            Self::Real(key) => key.der_bytes(),
        }
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_ED25519
    }
}

impl rcgen::SigningKey for AnyKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        match self {
            Self::Simulated(key) => Ok(key.sign(message)),
            Self::Real(key) => key.sign(message),
        }
    }
}

impl core::fmt::Debug for Pki {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Pki")
            .field("root", &self.root)
            .finish_non_exhaustive()
    }
}
