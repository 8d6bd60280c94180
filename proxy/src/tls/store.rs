//! The identity a proxy has now, as ready-made TLS configurations.
//!
//! New material is looked for when a handshake begins, so that no task has to wait for it. Material
//! that cannot be used never replaces material that can: the old one stays, and the reason is kept
//! for the report.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::identity::Identity;
use engine::time::Wall;
use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, InconsistentKeys, RootCertStore, ServerConfig};
use rustls_pki_types::CertificateDer;
use tokio::sync::watch;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::outside::Outside;
use super::verify::{ExpectMesh, ExpectServer};
use super::{Alpn, BadMaterial, Material};
use crate::telemetry::totals::HandshakeTally;

/// Client configurations kept: one per identity and protocol a workload talks to. Beyond it all are
/// made anew; a workload with that many destinations pays some microseconds per connection.
const CLIENT_CONFIGS_MAX: usize = 1024;

/// TLS configurations made from the newest usable [`Material`].
pub struct Store {
    clock: Arc<dyn TimeProvider>,
    crypto: Arc<CryptoProvider>,
    pub(crate) handshakes: HandshakeTally,
    /// For servers outside the mesh.
    pub(crate) outside: Outside,
    /// None: the proxy has no identity, and takes part in no handshake.
    inner: Option<Mutex<Inner>>,
}

struct Inner {
    material: watch::Receiver<Arc<Material>>,
    server: Arc<ServerConfig>,
    key: Arc<CertifiedKey>,
    roots: Arc<RootCertStore>,
    bundle: Vec<CertificateDer<'static>>,
    clients: BTreeMap<(Identity, Alpn), Arc<ClientConfig>>,
    refused: Option<String>,
}

// === impl Store ===

impl Store {
    pub(crate) fn new(
        clock: Arc<dyn TimeProvider>,
        crypto: Arc<CryptoProvider>,
        material: Option<watch::Receiver<Arc<Material>>>,
        outside: Outside,
    ) -> Result<Self, BadMaterial> {
        let inner = match material {
            Some(mut material) => {
                let first = material.borrow_and_update().clone();
                let (server, key, roots) = build(&clock, &crypto, &first)?;
                Some(Mutex::new(Inner {
                    material,
                    server,
                    key,
                    roots,
                    bundle: first.roots.clone(),
                    clients: BTreeMap::new(),
                    refused: None,
                }))
            }
            None => None,
        };
        Ok(Self {
            clock,
            crypto,
            handshakes: HandshakeTally::default(),
            outside,
            inner,
        })
    }

    /// For inbound handshakes: asks for a certificate of the mesh and offers the mesh's protocols.
    ///
    /// # Errors
    ///
    /// When the proxy has no certificate.
    pub fn server(&self) -> Result<Arc<ServerConfig>, BadMaterial> {
        Ok(self.current()?.server.clone())
    }

    /// For a connection to the workload `identity`.
    pub fn client(
        &self,
        identity: &Identity,
        alpn: Alpn,
    ) -> Result<Arc<ClientConfig>, BadMaterial> {
        let mut inner = self.current()?;
        let key = (identity.clone(), alpn);
        if let Some(config) = inner.clients.get(&key) {
            return Ok(config.clone());
        }
        let verifier = ExpectServer {
            identity: identity.clone(),
            roots: inner.roots.clone(),
            algorithms: self.crypto.signature_verification_algorithms,
        };
        let mut config =
            ClientConfig::builder_with_details(self.crypto.clone(), self.clock.clone())
                .with_protocol_versions(&[&rustls::version::TLS13])
                .map_err(|e| BadMaterial::Config(e.to_string()))?
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(verifier))
                .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(inner.key.clone())));
        config.alpn_protocols = vec![alpn.id().to_vec()];
        config.resumption = Resumption::disabled();
        config.enable_sni = false;
        let config = Arc::new(config);
        if inner.clients.len() >= CLIENT_CONFIGS_MAX {
            inner.clients.clear();
        }
        inner.clients.insert(key, config.clone());
        Ok(config)
    }

    /// Why the newest material is not in use, when it is not.
    pub fn refused(&self) -> Option<String> {
        self.current().ok()?.refused.clone()
    }

    /// The certificates in use, the workload's first, then its issuers; none without an identity.
    pub fn chain(&self) -> Vec<CertificateDer<'static>> {
        let current = self.current();
        current.map_or(Vec::new(), |inner| inner.key.cert.clone())
    }

    /// Whose the workload's own certificate is, and until when it is valid.
    pub fn expiry(&self) -> Option<(String, Wall)> {
        let chain = self.chain();
        let (_, parsed) = X509Certificate::from_der(chain.first()?).ok()?;
        let end = u64::try_from(parsed.validity().not_after.timestamp()).ok()?;
        let identity = uris(&parsed).into_iter().next()?;
        Some((identity, Wall(end.saturating_mul(1_000_000_000))))
    }

    /// The trust bundle in use.
    pub fn bundle(&self) -> Vec<CertificateDer<'static>> {
        let current = self.current();
        current.map_or(Vec::new(), |inner| inner.bundle.clone())
    }

    fn current(&self) -> Result<MutexGuard<'_, Inner>, BadMaterial> {
        let inner = self.inner.as_ref().ok_or(BadMaterial::None)?;
        let mut inner = inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.material.has_changed().unwrap_or(false) {
            let newest = inner.material.borrow_and_update().clone();
            match build(&self.clock, &self.crypto, &newest) {
                Ok((server, key, roots)) => {
                    inner.server = server;
                    inner.key = key;
                    inner.roots = roots;
                    inner.bundle.clone_from(&newest.roots);
                    inner.clients.clear();
                    inner.refused = None;
                }
                Err(why) => inner.refused = Some(why.to_string()),
            }
        }
        Ok(inner)
    }
}

type Built = (Arc<ServerConfig>, Arc<CertifiedKey>, Arc<RootCertStore>);

fn build(
    clock: &Arc<dyn TimeProvider>,
    crypto: &Arc<CryptoProvider>,
    material: &Material,
) -> Result<Built, BadMaterial> {
    if material.chain.is_empty() {
        return Err(BadMaterial::NoChain);
    }
    let key = crypto
        .key_provider
        .load_private_key(material.key.clone_key())
        .map_err(BadMaterial::Key)?;
    let key = Arc::new(CertifiedKey::new(material.chain.clone(), key));
    // Files are replaced one after the other: between them they do not belong together.
    if let Err(rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) = key.keys_match() {
        return Err(BadMaterial::Mismatch);
    }
    let mut roots = RootCertStore::empty();
    let (usable, _) = roots.add_parsable_certificates(material.roots.iter().cloned());
    if usable == 0 {
        return Err(BadMaterial::NoRoots);
    }
    let roots = Arc::new(roots);
    let inner = WebPkiClientVerifier::builder_with_provider(roots.clone(), crypto.clone())
        .build()
        .map_err(|e| BadMaterial::Config(e.to_string()))?;
    let mut server = ServerConfig::builder_with_details(crypto.clone(), clock.clone())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|e| BadMaterial::Config(e.to_string()))?
        .with_client_cert_verifier(Arc::new(ExpectMesh { inner }))
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(key.clone())));
    server.alpn_protocols = Alpn::ALL.iter().map(|a| a.id().to_vec()).collect();
    server.session_storage = Arc::new(NoServerSessionStorage {});
    server.send_tls13_tickets = 0;
    Ok((Arc::new(server), key, roots))
}

/// The URIs among the names of a certificate: SPIFFE ids.
pub(crate) fn uris(certificate: &X509Certificate<'_>) -> Vec<String> {
    let names = certificate.subject_alternative_name().ok().flatten();
    names.map_or(Vec::new(), |names| {
        let names = names.value.general_names.iter();
        let uris = names.filter_map(|name| match name {
            GeneralName::URI(uri) => Some((*uri).to_owned()),
            _ => None,
        });
        uris.collect()
    })
}
