//! Who is at the other end: chain, validity in time, and exactly one SPIFFE name.

use core::fmt;
use std::sync::Arc;

use engine::identity::Identity;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature};
use rustls::server::ParsedCertificate;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, PeerMisbehaved,
    RootCertStore, SignatureScheme,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

/// The certificate is good, but it is somebody else's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the peer is {presented}, not {expected}")]
pub struct WrongIdentity {
    pub expected: Identity,
    /// As the certificate has it; says so when there is no SPIFFE name.
    pub presented: String,
}

/// The certificate names no workload.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the certificate has {0} URI names that are SPIFFE ids, expected exactly one")]
pub struct NoIdentity(pub usize);

/// A server has to be one certain workload.
pub(super) struct ExpectServer {
    pub(super) identity: Identity,
    pub(super) roots: Arc<RootCertStore>,
    pub(super) algorithms: WebPkiSupportedAlgorithms,
}

/// A client may be any workload of the mesh.
pub(super) struct ExpectMesh {
    pub(super) inner: Arc<dyn ClientCertVerifier>,
}

/// The SPIFFE id of a certificate: its one URI name (X509-SVID §2).
pub fn identity_of(certificate: &CertificateDer<'_>) -> Result<Identity, Error> {
    let bad = |_| Error::InvalidCertificate(CertificateError::BadEncoding);
    let parsed = webpki::EndEntityCert::try_from(certificate).map_err(bad)?;
    let mut found = parsed.valid_uri_names().filter_map(|n| n.parse().ok());
    match (found.next(), found.count()) {
        (Some(identity), 0) => Ok(identity),
        (first, more) => Err(other(NoIdentity(usize::from(first.is_some()) + more))),
    }
}

fn other(cause: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(cause))))
}

/// TLS 1.2 is compiled out; a peer that gets here speaks something nobody offered.
fn never_tls12() -> Result<HandshakeSignatureValid, Error> {
    Err(PeerMisbehaved::SelectedUnofferedCipherSuite.into())
}

// === impl ExpectServer ===

impl ServerCertVerifier for ExpectServer {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let certificate = ParsedCertificate::try_from(end_entity)?;
        verify_server_cert_signed_by_trust_anchor(
            &certificate,
            &self.roots,
            intermediates,
            now,
            self.algorithms.all,
        )?;
        let presented = identity_of(end_entity)?;
        if presented == self.identity {
            return Ok(ServerCertVerified::assertion());
        }
        Err(other(WrongIdentity {
            expected: self.identity.clone(),
            presented: presented.to_string(),
        }))
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        never_tls12()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl fmt::Debug for ExpectServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExpectServer({})", self.identity)
    }
}

// === impl ExpectMesh ===

impl ClientCertVerifier for ExpectMesh {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        // A workload has one certificate: hints would be bytes nobody reads.
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self
            .inner
            .verify_client_cert(end_entity, intermediates, now)?;
        identity_of(end_entity)?;
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        never_tls12()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

impl fmt::Debug for ExpectMesh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExpectMesh")
    }
}
