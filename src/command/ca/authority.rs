//! The authority in its directory.
//!
//! ```text
//!  root.crt root.key      signs issuers; may be taken away from the machine between rotations
//!  issuer.crt issuer.key  signs workloads
//!  bundle.crt             every root that is trusted: two of them while the root is replaced
//! ```
//!
//! Certificates follow X509-SVID: signing certificates name the trust domain, leaves one workload.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use engine::identity::Identity;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use time::OffsetDateTime;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::error::Error;
use crate::{input, write};

/// Certificates are valid from a little before they are made, for clocks that are late.
const BACKDATED: Duration = Duration::from_secs(60);

/// How long the signing certificates last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lifetimes {
    pub(super) root: Duration,
    pub(super) issuer: Duration,
}

/// A certificate that signs, with its key.
pub(super) struct Signer {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    trust_domain: String,
    not_after: OffsetDateTime,
}

/// A certificate for one workload.
pub(super) struct Leaf {
    /// The leaf and its issuer.
    pub(super) chain: String,
    pub(super) key: String,
    pub(super) not_after: OffsetDateTime,
}

/// Files of the authority's directory.
pub(super) struct Directory<'a>(pub(super) &'a Path);

// === impl Directory ===

impl Directory<'_> {
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Reads a signing certificate and its key.
    pub(super) fn signer(&self, name: &str) -> Result<Signer, Error> {
        let at = self.file(&format!("{name}.crt"));
        let pem =
            input::read_file(&at).map_err(|e| e.hint("make an authority: meshctl ca init"))?;
        let key_at = self.file(&format!("{name}.key"));
        let key = KeyPair::from_pem(&input::read_file(&key_at)?).map_err(|e| {
            Error::new(format!("{} holds no private key", key_at.display())).caused_by(e)
        })?;
        Signer::read(&at, pem, key)
    }

    /// Writes a signing certificate and its key.
    pub(super) fn write(&self, name: &str, signer: &Signer) -> Result<(), Error> {
        let key = signer.issuer.key().serialize_pem();
        write::privately(&self.file(&format!("{name}.key")), key.as_bytes())?;
        write::atomically(&self.file(&format!("{name}.crt")), signer.pem.as_bytes())
    }

    pub(super) fn bundle(&self) -> Result<String, Error> {
        input::read_file(&self.file("bundle.crt"))
    }

    pub(super) fn write_bundle(&self, pem: &str) -> Result<(), Error> {
        write::atomically(&self.file("bundle.crt"), pem.as_bytes())
    }
}

/// Makes a directory that only its owner may look into.
pub(super) fn private_directory(path: &Path) -> Result<(), Error> {
    let failed = |e: std::io::Error| {
        Error::new(format!("cannot make the directory {}", path.display())).caused_by(e)
    };
    if path.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(path).map_err(failed)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(failed)?;
    }
    Ok(())
}

// === impl Signer ===

impl Signer {
    /// A new root, which trusts itself.
    pub(super) fn root(trust_domain: &str, lifetime: Duration) -> Result<Self, Error> {
        let key = KeyPair::generate().map_err(failed)?;
        let name = format!("meshctl root {}", serial()?);
        let params = signing(&name, trust_domain, lifetime, 1)?;
        let certificate = params.self_signed(&key).map_err(failed)?;
        Ok(Self {
            pem: certificate.pem(),
            trust_domain: trust_domain.to_owned(),
            not_after: params.not_after,
            issuer: Issuer::new(params, key),
        })
    }

    /// A new issuer, signed by this root.
    pub(super) fn issuer(&self, lifetime: Duration) -> Result<Self, Error> {
        let key = KeyPair::generate().map_err(failed)?;
        let name = format!("meshctl issuer {}", serial()?);
        let mut params = signing(&name, &self.trust_domain, lifetime, 0)?;
        params.not_after = params.not_after.min(self.not_after);
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer).map_err(failed)?;
        Ok(Self {
            pem: certificate.pem(),
            trust_domain: self.trust_domain.clone(),
            not_after: params.not_after,
            issuer: Issuer::new(params, key),
        })
    }

    /// A certificate for the service account, at most as long as this issuer's own.
    pub(super) fn leaf(
        &self,
        namespace: &str,
        account: &str,
        lifetime: Duration,
    ) -> Result<Leaf, Error> {
        let now = OffsetDateTime::from(SystemTime::now());
        if self.not_after <= now {
            return Err(Error::new("the issuer's certificate has expired")
                .hint("make a new one: meshctl ca rotate"));
        }
        let identity = Identity::of_service_account(&self.trust_domain, namespace, account);
        let key = KeyPair::generate().map_err(failed)?;
        let mut params = CertificateParams::default();
        params.not_before = now - BACKDATED;
        params.not_after = (now + lifetime).min(self.not_after);
        params.distinguished_name = DistinguishedName::new();
        let name = identity.as_str().try_into().map_err(failed)?;
        params.subject_alt_names = vec![SanType::URI(name)];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        params.use_authority_key_identifier_extension = true;
        let leaf = params.signed_by(&key, &self.issuer).map_err(failed)?;
        Ok(Leaf {
            chain: format!("{}{}", leaf.pem(), self.pem),
            key: key.serialize_pem(),
            not_after: params.not_after,
        })
    }

    pub(super) fn pem(&self) -> &str {
        &self.pem
    }

    pub(super) fn trust_domain(&self) -> &str {
        &self.trust_domain
    }

    pub(super) fn not_after(&self) -> OffsetDateTime {
        self.not_after
    }

    /// What it takes to sign with a certificate that was written earlier.
    fn read(at: &Path, pem: String, key: KeyPair) -> Result<Self, Error> {
        let bad = |why: &str| {
            Error::new(format!(
                "{} is no certificate of an authority",
                at.display()
            ))
            .caused_by(why)
        };
        let der =
            CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| bad("it is not PEM"))?;
        let (_, parsed) = X509Certificate::from_der(&der).map_err(|e| bad(&e.to_string()))?;
        let names = parsed.subject_alternative_name().ok().flatten();
        let names = names.iter().flat_map(|names| &names.value.general_names);
        let mut domains = names.filter_map(|name| match name {
            GeneralName::URI(uri) => uri.strip_prefix("spiffe://"),
            _ => None,
        });
        let trust_domain = domains
            .next()
            .ok_or_else(|| bad("it names no trust domain"))?;
        let name = parsed.subject().iter_common_name().next();
        let name = name.and_then(|name| name.as_str().ok());
        let name = name.ok_or_else(|| bad("it has no common name"))?;
        let end = parsed.validity().not_after.timestamp();
        let not_after =
            OffsetDateTime::from_unix_timestamp(end).map_err(|e| bad(&e.to_string()))?;
        let trust_domain = trust_domain.to_owned();
        let params = signing(name, &trust_domain, Duration::ZERO, 0)?;
        Ok(Self {
            issuer: Issuer::new(params, key),
            pem,
            trust_domain,
            not_after,
        })
    }
}

fn signing(
    name: &str,
    trust_domain: &str,
    lifetime: Duration,
    below: u8,
) -> Result<CertificateParams, Error> {
    let now = OffsetDateTime::from(SystemTime::now());
    let mut params = CertificateParams::default();
    params.not_before = now - BACKDATED;
    params.not_after = now + lifetime;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let domain = format!("spiffe://{trust_domain}");
    params.subject_alt_names = vec![SanType::URI(domain.as_str().try_into().map_err(failed)?)];
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(below));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

/// Tells one signing certificate from the next of the same domain.
fn serial() -> Result<String, Error> {
    let mut bytes = [0; 6];
    let random = rustls::crypto::aws_lc_rs::default_provider().secure_random;
    random
        .fill(&mut bytes)
        .map_err(|_| Error::new("the operating system gives no randomness"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn failed(cause: rcgen::Error) -> Error {
    Error::new("the certificate cannot be made").caused_by(cause)
}
