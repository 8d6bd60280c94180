use core::time::Duration;
use std::sync::Arc;

use engine::identity::Identity;
use engine::time::Wall;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::time_provider::TimeProvider;
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, RootCertStore, ServerConfig,
    ServerConnection, SignatureScheme,
};

use super::Crypto;
use super::pki::{Credentials, Pki};
use crate::world::{EPOCH, World, WorldOptions};

const DAY: Duration = Duration::from_secs(24 * 3600);

#[derive(Debug)]
struct At(Wall);

impl TimeProvider for At {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_nanos(self.0.0)))
    }
}

/// The chain has to be good and the one URI name equal, as between sidecars.
#[derive(Debug)]
struct Expect {
    inner: Arc<WebPkiServerVerifier>,
    identity: String,
}

impl ServerCertVerifier for Expect {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self
            .inner
            .verify_server_cert(end_entity, intermediates, name, ocsp, now)
        {
            Err(Error::InvalidCertificate(
                rustls::CertificateError::NotValidForName
                | rustls::CertificateError::NotValidForNameContext { .. },
            )) => {}
            other => return other,
        }
        let found = end_entity
            .windows(self.identity.len())
            .any(|w| w == self.identity.as_bytes());
        match found {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(Error::General("wrong identity".into())),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
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

fn identity(name: &str) -> Identity {
    Identity::of_service_account("cluster.local", "shop", name)
}

fn roots(pki: &Pki) -> Arc<RootCertStore> {
    let mut store = RootCertStore::empty();
    store.add(pki.root().clone()).unwrap();
    Arc::new(store)
}

struct Side<'a> {
    trusts: &'a Pki,
    credentials: Credentials,
}

/// One mutual handshake at `now` where the client expects the server to be `expected`.
fn handshake(
    crypto: Crypto,
    client: &Side<'_>,
    server: &Side<'_>,
    expected: &str,
    now: Wall,
) -> Result<Vec<u8>, Error> {
    let provider = crypto.provider();
    let inner = WebPkiServerVerifier::builder_with_provider(roots(client.trusts), provider.clone());
    let verifier = Expect {
        inner: inner.build().unwrap(),
        identity: identity(expected).to_string(),
    };
    let chain = (
        client.credentials.chain.clone(),
        client.credentials.key.clone_key(),
    );
    let mut c = ClientConfig::builder_with_details(provider.clone(), Arc::new(At(now)))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_client_auth_cert(chain.0, chain.1)?;
    c.resumption = rustls::client::Resumption::disabled();
    let verifier =
        WebPkiClientVerifier::builder_with_provider(roots(server.trusts), provider.clone());
    let chain = (
        server.credentials.chain.clone(),
        server.credentials.key.clone_key(),
    );
    let mut s = ServerConfig::builder_with_details(provider, Arc::new(At(now)))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(chain.0, chain.1)?;
    s.send_tls13_tickets = 0;
    let name = ServerName::try_from("mesh.invalid").unwrap();
    shake(
        ClientConnection::new(Arc::new(c), name)?,
        ServerConnection::new(Arc::new(s))?,
    )
}

/// Moves bytes until both are done; returns all of them.
fn shake(mut c: ClientConnection, mut s: ServerConnection) -> Result<Vec<u8>, Error> {
    let mut wire = Vec::new();
    while c.is_handshaking() || s.is_handshaking() || c.wants_write() || s.wants_write() {
        let start = wire.len();
        while c.wants_write() {
            c.write_tls(&mut wire).unwrap();
        }
        let mut flight = &wire[start..];
        while !flight.is_empty() {
            s.read_tls(&mut flight).unwrap();
            s.process_new_packets()?;
        }
        let start = wire.len();
        while s.wants_write() {
            s.write_tls(&mut wire).unwrap();
        }
        let mut flight = &wire[start..];
        while !flight.is_empty() {
            c.read_tls(&mut flight).unwrap();
            c.process_new_packets()?;
        }
    }
    Ok(wire)
}

fn world(seed: u64) -> World {
    World::new(&WorldOptions {
        seed,
        ..WorldOptions::default()
    })
}

/// Client `web` calls server `api`; both have a day.
fn call(crypto: Crypto, expected: &str, days_later: u32, foreign: bool) -> Result<Vec<u8>, String> {
    let _world = world(1);
    let mut pki = Pki::new(crypto, 1, "mesh", EPOCH).unwrap();
    let other = Pki::new(crypto, 1, "other", EPOCH).unwrap();
    let client = pki.issue(&identity("web"), EPOCH, DAY).unwrap();
    let server = pki.issue(&identity("api"), EPOCH, DAY).unwrap();
    let client = Side {
        trusts: if foreign { &other } else { &pki },
        credentials: client,
    };
    let server = Side {
        trusts: &pki,
        credentials: server,
    };
    let now = Wall(EPOCH.0 + engine::time::nanos(DAY * days_later) + 1);
    handshake(crypto, &client, &server, expected, now).map_err(|e| e.to_string())
}

#[test]
fn a_good_peer_is_accepted_by_both_sides() {
    for crypto in [Crypto::Simulated, Crypto::Real] {
        assert!(call(crypto, "api", 0, false).is_ok(), "{crypto:?}");
    }
}

#[test]
fn an_expired_certificate_is_refused() {
    for crypto in [Crypto::Simulated, Crypto::Real] {
        let error = call(crypto, "api", 2, false).unwrap_err();
        assert!(error.contains("expired"), "{error}");
    }
}

#[test]
fn a_wrong_identity_is_refused() {
    assert_eq!(
        call(Crypto::Simulated, "pay", 0, false).unwrap_err(),
        "unexpected error: wrong identity"
    );
}

#[test]
fn an_unknown_authority_is_refused() {
    let error = call(Crypto::Simulated, "api", 0, true).unwrap_err();
    assert!(error.contains("UnknownIssuer"), "{error}");
}

#[test]
fn the_same_seed_gives_the_same_handshake() {
    let first = call(Crypto::Simulated, "api", 0, false).unwrap();
    assert_eq!(first, call(Crypto::Simulated, "api", 0, false).unwrap());
}

#[test]
fn without_a_world_there_is_no_randomness() {
    let provider = Crypto::Simulated.provider();
    assert!(provider.secure_random.fill(&mut [0; 4]).is_err());
}
