//! TLS towards servers outside the mesh: their certificates are judged as a browser would, by the
//! name that was asked for, and ours is shown when they ask for one.

use core::fmt;
use core::net::SocketAddr;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use engine::snapshot::outside::{Originate, Subject, Trust};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::server::ParsedCertificate;
use rustls::sign::SingleCertAndKey;
use rustls::time_provider::TimeProvider;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::client::HandshakeError;
use super::{Alpn, explain, gateway};

/// Configurations kept; beyond it all are made anew. One for each backend with TLS.
const CONFIGS_MAX: usize = 1024;

/// Client configurations for backends outside the mesh, made once each, and with them the sessions
/// that are resumed.
pub(crate) struct Outside {
    clock: Arc<dyn TimeProvider>,
    crypto: Arc<CryptoProvider>,
    /// The authorities that the machine trusts.
    system: Arc<RootCertStore>,
    configs: Mutex<BTreeMap<(Originate, Alpn), Arc<ClientConfig>>>,
}

/// A server whose certificate has one of some names.
#[derive(Debug)]
struct ExpectSubject {
    roots: Arc<RootCertStore>,
    crypto: Arc<CryptoProvider>,
    subjects: Vec<Subject>,
}

// === impl Outside ===

impl Outside {
    pub(crate) fn new(
        clock: Arc<dyn TimeProvider>,
        crypto: Arc<CryptoProvider>,
        system: &[CertificateDer<'static>],
    ) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(system.iter().cloned());
        Self {
            clock,
            crypto,
            system: Arc::new(roots),
            configs: Mutex::default(),
        }
    }

    /// Shakes hands with the server at `address`.
    pub(crate) async fn handshake<I>(
        &self,
        originate: &Originate,
        alpn: Alpn,
        address: SocketAddr,
        io: I,
    ) -> Result<TlsStream<I>, HandshakeError>
    where
        I: AsyncRead + AsyncWrite + Unpin,
    {
        let refused = |why: String| HandshakeError::Refused(why);
        let config = self.config(originate, alpn).map_err(refused)?;
        let asked = originate.server_name.to_string();
        let name = ServerName::try_from(asked.clone());
        let name = name.map_err(|e| refused(format!("`{asked}` is no server name: {e}")))?;
        let shaken = TlsConnector::from(config).connect(name, io).await;
        let stream = shaken.map_err(|e| match explain::tls_error(&e) {
            Some(error) => HandshakeError::Refused(explain::words(error, &asked)),
            None => HandshakeError::Left { kind: e.kind() },
        })?;
        let spoken = stream.get_ref().1.alpn_protocol();
        if alpn == Alpn::H2 && !gateway::speaks_http2(spoken) {
            return Err(refused(format!(
                "{asked} at {address} does not speak HTTP/2"
            )));
        }
        Ok(stream)
    }

    fn config(&self, originate: &Originate, alpn: Alpn) -> Result<Arc<ClientConfig>, String> {
        let mut configs = self.configs.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (originate.clone(), alpn);
        if let Some(config) = configs.get(&key) {
            return Ok(config.clone());
        }
        let config = Arc::new(self.build(originate, alpn)?);
        if configs.len() >= CONFIGS_MAX {
            configs.clear();
        }
        configs.insert(key, config.clone());
        Ok(config)
    }

    fn build(&self, originate: &Originate, alpn: Alpn) -> Result<ClientConfig, String> {
        let roots = self.roots(&originate.trust)?;
        let verifier: Arc<dyn ServerCertVerifier> = match originate.subjects.is_empty() {
            true => {
                let verifier =
                    WebPkiServerVerifier::builder_with_provider(roots, self.crypto.clone());
                verifier.build().map_err(|e| e.to_string())?
            }
            false => Arc::new(ExpectSubject {
                roots,
                crypto: self.crypto.clone(),
                subjects: originate.subjects.clone(),
            }),
        };
        let builder = ClientConfig::builder_with_details(self.crypto.clone(), self.clock.clone())
            .with_safe_default_protocol_versions()
            .map_err(|e| e.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = match &originate.certificate {
            None => builder.with_no_client_auth(),
            Some(own) => {
                let key = gateway::certified(own, &self.crypto).map_err(|bad| bad.to_string())?;
                builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(key)))
            }
        };
        config.alpn_protocols = match alpn {
            Alpn::H2 => vec![gateway::HTTP2.to_vec()],
            Alpn::H1 => vec![gateway::HTTP1.to_vec()],
            Alpn::Tcp => Vec::new(),
        };
        Ok(config)
    }

    fn roots(&self, trust: &Trust) -> Result<Arc<RootCertStore>, String> {
        let bundle = match trust {
            Trust::System if self.system.is_empty() => {
                return Err("this machine trusts no authorities".to_owned());
            }
            Trust::System => return Ok(self.system.clone()),
            Trust::Nobody(why) => return Err(why.to_string()),
            Trust::Bundle(bundle) => bundle,
        };
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bundle.pem).collect();
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(found.map_err(|e| format!("the CA bundle: {e}"))?);
        match roots.is_empty() {
            true => Err("the CA bundle holds no usable certificate".to_owned()),
            false => Ok(Arc::new(roots)),
        }
    }
}

// === impl ExpectSubject ===

impl ExpectSubject {
    fn has(&self, end_entity: &CertificateDer<'_>) -> Result<bool, Error> {
        let bad = |_| Error::InvalidCertificate(CertificateError::BadEncoding);
        let parsed = webpki::EndEntityCert::try_from(end_entity).map_err(bad)?;
        Ok(self.subjects.iter().any(|subject| match subject {
            Subject::Host(host) => ServerName::try_from(&**host)
                .is_ok_and(|name| parsed.verify_is_valid_for_subject_name(&name).is_ok()),
            Subject::Uri(uri) => parsed.valid_uri_names().any(|name| name == &**uri),
        }))
    }
}

impl ServerCertVerifier for ExpectSubject {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        verify_server_cert_signed_by_trust_anchor(
            &ParsedCertificate::try_from(end_entity)?,
            &self.roots,
            intermediates,
            now,
            self.crypto.signature_verification_algorithms.all,
        )?;
        match self.has(end_entity)? {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(Error::InvalidCertificate(CertificateError::NotValidForName)),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.crypto.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.crypto.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.crypto.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}

impl fmt::Debug for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Outside")
    }
}
