//! Certificate, key and trust bundle from files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::identity::Identity;
use proxy::tls::{Material, verify};
use rustls::crypto::aws_lc_rs;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::args::IdentityArgs;
use crate::error::Error;
use crate::input;

/// What the files hold, and whom the certificate names.
pub(super) struct Proven {
    pub(super) material: Arc<Material>,
    pub(super) identity: Identity,
}

// === impl IdentityArgs ===

impl IdentityArgs {
    /// The files that were named.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let all = [&self.cert, &self.key, &self.trust_bundle];
        all.into_iter().flatten().cloned().collect()
    }

    /// Reads the files; none when none were named.
    pub(super) fn read(&self) -> Result<Option<Proven>, Error> {
        let (Some(cert), Some(key), Some(bundle)) = (&self.cert, &self.key, &self.trust_bundle)
        else {
            return Ok(None);
        };
        let chain = certificates(cert)?;
        let text = input::read_file(key)?;
        let key_der = PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|e| {
            let message = format!("{} holds no private key", key.display());
            Error::new(message)
                .caused_by(e)
                .hint("write it as PEM: BEGIN PRIVATE KEY")
        })?;
        let provider = aws_lc_rs::default_provider();
        CertifiedKey::from_der(chain.clone(), key_der.clone_key(), &provider).map_err(|e| {
            let (key, cert) = (key.display(), cert.display());
            Error::new(format!("{key} is not the key of {cert}")).caused_by(e)
        })?;
        let identity = chain.first().map(verify::identity_of).transpose();
        let identity = identity.map_err(|e| {
            let message = format!("{} names no workload", cert.display());
            Error::new(message)
                .caused_by(e)
                .hint("it needs exactly one URI name, spiffe://DOMAIN/ns/NAMESPACE/sa/ACCOUNT")
        })?;
        let identity = identity.ok_or_else(|| no_certificate(cert))?;
        let material = Material {
            chain,
            key: key_der,
            roots: certificates(bundle)?,
        };
        Ok(Some(Proven {
            material: Arc::new(material),
            identity,
        }))
    }
}

/// Where systems keep the certificates of the authorities that they trust: Debian, Fedora, Alpine,
/// SUSE. `SSL_CERT_FILE` goes before them, as for OpenSSL.
const SYSTEM_ROOTS: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
];

/// The authorities that the machine trusts; none where it has no such file.
pub(super) fn system_roots() -> Vec<CertificateDer<'static>> {
    let named = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    let mut files = named.into_iter().chain(SYSTEM_ROOTS.map(PathBuf::from));
    let text = files.find_map(|file| std::fs::read(file).ok());
    let text = text.unwrap_or_default();
    CertificateDer::pem_slice_iter(&text)
        .filter_map(Result::ok)
        .collect()
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let text = input::read_file(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    let found = found.map_err(|e| no_certificate(path).caused_by(e))?;
    match found.is_empty() {
        true => Err(no_certificate(path)),
        false => Ok(found),
    }
}

fn no_certificate(path: &Path) -> Error {
    Error::new(format!("{} holds no certificate", path.display()))
        .hint("write it as PEM: BEGIN CERTIFICATE")
}
