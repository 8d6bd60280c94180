use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::sync::watch;

use super::client::HandshakeError;
use super::server::{Hello, HelloReader};
use super::testing::{Authority, crypto, identity};
use super::*;
use crate::net::testing::World;

struct Side {
    store: Store,
    rotate: watch::Sender<Arc<Material>>,
}

fn side(material: Arc<Material>) -> Side {
    let (rotate, rx) = watch::channel(material);
    let node = World::default().node("10.0.0.1", false);
    let store = store(&node, crypto(), Some(rx), &[]).unwrap();
    Side { store, rotate }
}

/// One handshake between the two sides; the client expects `expected`.
async fn meet(client: &Side, server: &Side, expected: &str) -> (String, String) {
    let (a, mut b) = duplex(16 * 1024);
    let address = "10.0.0.2:80".parse().unwrap();
    let there = async {
        let mut reader = HelloReader::new();
        let mut buf = [0; 4096];
        let accepted = loop {
            let n = b.read(&mut buf).await.unwrap();
            match reader.push(&buf[..n], true) {
                Hello::Partial => {}
                Hello::Mesh(accepted) => break *accepted,
                other => panic!("{other:?}"),
            }
        };
        match server::handshake(&server.store, accepted, b).await {
            Ok((mut io, peer)) => {
                io.write_all(b"!").await.unwrap();
                format!("{} {:?}", peer.identity, peer.alpn)
            }
            Err(why) => why,
        }
    };
    let expected = identity(expected);
    let here = async {
        match client::handshake(&client.store, &expected, Alpn::H2, address, a).await {
            Ok(mut io) => match io.read_u8().await {
                Ok(_) => "ok".to_owned(),
                Err(e) => explain::tls_error(&e).map_or(e.kind().to_string(), |e| {
                    explain::words(e, expected.as_str())
                }),
            },
            Err(HandshakeError::Refused(why)) => why,
            Err(e) => e.to_string(),
        }
    };
    tokio::join!(here, there)
}

#[tokio::test(start_paused = true)]
async fn both_sides_learn_who_the_other_is() {
    let ca = Authority::new();
    let (web, api) = (side(ca.issue("web")), side(ca.issue("api")));
    let (here, there) = meet(&web, &api, "api").await;
    assert_eq!(here, "ok");
    assert_eq!(there, "spiffe://cluster.local/ns/shop/sa/web H2");
}

#[tokio::test(start_paused = true)]
async fn another_workload_of_the_mesh_is_refused() {
    let ca = Authority::new();
    let (web, evil) = (side(ca.issue("web")), side(ca.issue("evil")));
    let (here, _) = meet(&web, &evil, "api").await;
    assert_eq!(
        here,
        "expected spiffe://cluster.local/ns/shop/sa/api but the certificate is of \
         spiffe://cluster.local/ns/shop/sa/evil"
    );
}

#[tokio::test(start_paused = true)]
async fn an_expired_certificate_is_refused_with_its_date() {
    let ca = Authority::new();
    let (web, api) = (
        side(ca.issue("web")),
        side(ca.issue_until(&identity("api"), 2025)),
    );
    let (here, _) = meet(&web, &api, "api").await;
    assert_eq!(
        here,
        "certificate of spiffe://cluster.local/ns/shop/sa/api expired at 2025-01-01T00:00:00Z"
    );
}

#[tokio::test(start_paused = true)]
async fn an_expired_client_is_refused_and_told_why() {
    let ca = Authority::new();
    let (web, api) = (
        side(ca.issue_until(&identity("web"), 2025)),
        side(ca.issue("api")),
    );
    let (here, there) = meet(&web, &api, "api").await;
    assert_eq!(
        there,
        "certificate of the client expired at 2025-01-01T00:00:00Z"
    );
    assert!(
        here.contains("refused our certificate: it has expired"),
        "{here}"
    );
}

#[tokio::test(start_paused = true)]
async fn another_mesh_is_refused() {
    let (web, api) = (
        side(Authority::new().issue("web")),
        side(Authority::new().issue("api")),
    );
    let (here, _) = meet(&web, &api, "api").await;
    assert!(here.contains("not in the trust bundle"), "{here}");
}

#[tokio::test(start_paused = true)]
async fn rotated_material_is_used_by_the_next_handshake_and_bad_material_is_not() {
    let ca = Authority::new();
    let (web, api) = (
        side(ca.issue("web")),
        side(ca.issue_until(&identity("api"), 2025)),
    );
    assert_ne!(meet(&web, &api, "api").await.0, "ok");
    api.rotate.send_replace(ca.issue("api"));
    assert_eq!(meet(&web, &api, "api").await.0, "ok");

    let good = ca.issue("api");
    api.rotate.send_replace(Arc::new(Material {
        chain: good.chain.clone(),
        key: good.key.clone_key(),
        roots: Vec::new(),
    }));
    assert_eq!(meet(&web, &api, "api").await.0, "ok");
    let refused = api.store.refused();
    assert_eq!(
        refused.as_deref(),
        Some("the trust bundle holds no usable certificate")
    );
}

#[test]
fn dates_are_printed_as_rfc3339() {
    let check = |seconds: u64, text: &str| {
        assert_eq!(
            explain::rfc3339(engine::time::Wall(seconds * 1_000_000_000)),
            text
        );
    };
    check(0, "1970-01-01T00:00:00Z");
    check(951_782_400, "2000-02-29T00:00:00Z");
    check(1_767_225_599, "2025-12-31T23:59:59Z");
    check(4_107_542_400, "2100-03-01T00:00:00Z");
}
