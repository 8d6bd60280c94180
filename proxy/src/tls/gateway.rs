//! TLS that a gateway ends: server certificates for clients outside the mesh, chosen by the name
//! that the client asks for (RFC 6066 §3).

use core::fmt;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::snapshot::Gateway;
use engine::snapshot::gateway::{Certificate, GatewayPort, Listener, ListenerTls};
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::time_provider::TimeProvider;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// What is spoken inside, the best first.
pub(super) const HTTP2: &[u8] = b"h2";
pub(super) const HTTP1: &[u8] = b"http/1.1";

/// A certificate that cannot be shown to anybody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the certificate {name} cannot be used: {cause}")]
pub struct BadCertificate {
    pub name: Arc<str>,
    pub cause: String,
}

/// Ready-made TLS configurations, one per listener. They live as long as the certificates stay the
/// same, and with them the sessions that clients resume.
pub(crate) struct Certificates {
    clock: Arc<dyn TimeProvider>,
    crypto: Arc<CryptoProvider>,
    kept: Mutex<BTreeMap<Place, Kept>>,
}

/// Port, and name of the listener.
type Place = (u16, Arc<str>);

struct Kept {
    of: Vec<Arc<Certificate>>,
    config: Arc<ServerConfig>,
}

/// The certificates of one listener.
struct ByName(Vec<Named>);

struct Named {
    /// DNS names of the certificate, in lower case.
    names: Vec<String>,
    key: Arc<CertifiedKey>,
}

/// Looks for what is wrong with the certificates of a gateway.
pub fn check(gateway: &Gateway, crypto: &CryptoProvider) -> Vec<BadCertificate> {
    let mut found = Vec::new();
    for (_, listener) in gateway.listeners() {
        let ListenerTls::Terminate(certificates) = &listener.tls else {
            continue;
        };
        for certificate in certificates {
            if let Err(bad) = read(certificate, crypto)
                && !found.contains(&bad)
            {
                found.push(bad);
            }
        }
    }
    found
}

// === impl Certificates ===

impl Certificates {
    pub(crate) fn new(clock: Arc<dyn TimeProvider>, crypto: Arc<CryptoProvider>) -> Self {
        Self {
            clock,
            crypto,
            kept: Mutex::default(),
        }
    }

    /// Forgets the listeners that are no more.
    pub(crate) fn retain(&self, gateway: &Gateway) {
        self.lock().retain(|(port, name), _| {
            let port = gateway.ports.get(port);
            port.is_some_and(|port| port.named(name).is_some())
        });
    }

    /// How TLS is ended at a listener; an error says why it cannot be.
    pub(crate) fn config(
        &self,
        port: &GatewayPort,
        listener: &Listener,
    ) -> Result<Arc<ServerConfig>, String> {
        let ListenerTls::Terminate(certificates) = &listener.tls else {
            return Err("TLS is not ended here".to_owned());
        };
        let place = (port.port, listener.name.clone());
        let mut kept = self.lock();
        if let Some(same) = kept.get(&place).filter(|kept| kept.of == *certificates) {
            return Ok(same.config.clone());
        }
        let config = Arc::new(self.build(listener, certificates)?);
        kept.insert(
            place,
            Kept {
                of: certificates.clone(),
                config: config.clone(),
            },
        );
        Ok(config)
    }

    fn build(
        &self,
        listener: &Listener,
        certificates: &[Arc<Certificate>],
    ) -> Result<ServerConfig, String> {
        let named = certificates.iter().map(|one| read(one, &self.crypto));
        let named: Result<Vec<Named>, BadCertificate> = named.collect();
        let named = named.map_err(|bad| bad.to_string())?;
        if named.is_empty() {
            return Err(format!("the listener {} has no certificate", listener.name));
        }
        let builder = ServerConfig::builder_with_details(self.crypto.clone(), self.clock.clone());
        let mut config = builder
            .with_safe_default_protocol_versions()
            .map_err(|e| e.to_string())?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(ByName(named)));
        if listener.http {
            config.alpn_protocols = vec![HTTP2.to_vec(), HTTP1.to_vec()];
        }
        Ok(config)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Place, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the client asked for HTTP/2.
pub(crate) fn speaks_http2(alpn: Option<&[u8]>) -> bool {
    alpn == Some(HTTP2)
}

/// A certificate with its key, ready to be shown.
pub(super) fn certified(
    certificate: &Certificate,
    crypto: &CryptoProvider,
) -> Result<Arc<CertifiedKey>, BadCertificate> {
    read(certificate, crypto).map(|named| named.key)
}

fn read(certificate: &Certificate, crypto: &CryptoProvider) -> Result<Named, BadCertificate> {
    let bad = |cause: String| BadCertificate {
        name: certificate.name.clone(),
        cause,
    };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&certificate.chain).collect();
    let chain = chain.map_err(|e| bad(format!("tls.crt: {e}")))?;
    let Some(leaf) = chain.first() else {
        return Err(bad("tls.crt holds no certificate".to_owned()));
    };
    let parsed = webpki::EndEntityCert::try_from(leaf);
    let parsed = parsed.map_err(|e| bad(format!("tls.crt: {e}")))?;
    let names = parsed.valid_dns_names().map(str::to_ascii_lowercase);
    let names = names.collect();
    let key = PrivateKeyDer::from_pem_slice(&certificate.key);
    let key = key.map_err(|e| bad(format!("tls.key: {e}")))?;
    let key = CertifiedKey::from_der(chain, key, crypto).map_err(|e| bad(e.to_string()))?;
    Ok(Named {
        names,
        key: Arc::new(key),
    })
}

/// How well a name of a certificate covers the one asked for: 2 exactly, 1 by a wildcard for one
/// label (RFC 9525 §6.3).
fn covers(name: &str, asked: &str) -> u8 {
    if name == asked {
        return 2;
    }
    let suffix = name
        .strip_prefix('*')
        .filter(|suffix| suffix.starts_with('.'));
    let label = suffix.and_then(|suffix| asked.strip_suffix(suffix));
    label
        .is_some_and(|label| !label.is_empty() && !label.contains('.'))
        .into()
}

// === impl ByName ===

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let asked = hello.server_name().unwrap_or_default().to_ascii_lowercase();
        let schemes = hello.signature_schemes();
        // Of two that cover the name as well, one that the client can verify; then the first.
        let rank = |named: &Named| {
            let names = named.names.iter().map(|name| covers(name, &asked));
            let able = named.key.key.choose_scheme(schemes).is_some();
            (able, names.max().unwrap_or(0))
        };
        let best = self.0.iter().rev().max_by_key(|named| rank(named));
        best.map(|named| named.key.clone())
    }
}

impl fmt::Debug for ByName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.iter().map(|named| &named.names);
        f.debug_list().entries(names).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_covered_exactly_or_by_one_label() {
        assert_eq!(covers("a.example", "a.example"), 2);
        assert_eq!(covers("*.example", "a.example"), 1);
        assert_eq!(covers("*.example", "b.a.example"), 0);
        assert_eq!(covers("*.example", "example"), 0);
        assert_eq!(covers("*.example", ".example"), 0);
        assert_eq!(covers("a.example", ""), 0);
    }
}
