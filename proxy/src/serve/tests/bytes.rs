use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use engine::snapshot::{InboundPort, InboundTls, Passthrough};

use super::super::testing::*;
use crate::Drained;
use crate::net::Rt;
use crate::tls::testing::identity;

fn strict() -> InboundPort {
    InboundPort {
        tls: InboundTls::Strict,
        ..InboundPort::default()
    }
}

#[tokio::test(start_paused = true)]
async fn bytes_go_through_both_proxies_over_mutual_tls_and_a_half_close_is_kept() {
    let mesh = Mesh::new();
    let web = mesh.pod(WEB, "web", snapshot("web")).await;
    let mut served = snapshot("api");
    served.inbound = inbound(strict());
    let api = mesh.pod(API, "api", served).await;
    echo(&api.app, at(API, 9000)).await;

    let mut io = web.app.connect(at(API, 9000)).await.unwrap();
    assert_eq!(say(&mut io, "hello\n").await.unwrap(), "hello\nbye");
    assert_eq!(mesh.world.connects("10.0.0.2:14006"), 1);
}

#[tokio::test(start_paused = true)]
async fn strict_refuses_bytes_from_outside_the_mesh_and_permissive_takes_them() {
    let mesh = Mesh::new();
    let mut served = snapshot("api");
    served.inbound = inbound(strict());
    let api = mesh.pod(API, "api", served.clone()).await;
    echo(&api.app, at(API, 9000)).await;
    let outside = mesh.world.node("10.9.9.9", false);

    let mut io = outside.connect(at(API, 9000)).await.unwrap();
    let refused = say(&mut io, "hello\n").await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionReset);

    served.inbound = inbound(InboundPort::default());
    api.snapshots.send_replace(Arc::new(served));
    let mut io = outside.connect(at(API, 9000)).await.unwrap();
    assert_eq!(say(&mut io, "hello\n").await.unwrap(), "hello\nbye");
}

#[tokio::test(start_paused = true)]
async fn a_peer_with_another_identity_gets_no_bytes() {
    let mesh = Mesh::new();
    let web = mesh.pod(WEB, "web", snapshot("web")).await;
    let evil = mesh.pod(API, "evil", snapshot("api")).await;
    echo(&evil.app, at(API, 9000)).await;

    let mut io = web.app.connect(at(API, 9000)).await.unwrap();
    let refused = say(&mut io, "hello\n").await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionReset);

    evil.tls.send_replace(mesh.ca.issue("api"));
    let mut io = web.app.connect(at(API, 9000)).await.unwrap();
    assert_eq!(say(&mut io, "hello\n").await.unwrap(), "hello\nbye");
}

#[tokio::test(start_paused = true)]
async fn unknown_destinations_pass_unless_denied() {
    let mesh = Mesh::new();
    let mut client = snapshot("web");
    let web = mesh.pod(WEB, "web", client.clone()).await;
    let outside = mesh.world.node("10.9.9.9", false);
    echo(&outside, at("10.9.9.9", 9000)).await;

    let mut io = web.app.connect(at("10.9.9.9", 9000)).await.unwrap();
    assert_eq!(say(&mut io, "hello\n").await.unwrap(), "hello\nbye");

    Arc::make_mut(&mut client.outbound).passthrough = Passthrough::Deny;
    web.snapshots.send_replace(Arc::new(client));
    let mut io = web.app.connect(at("10.9.9.9", 9000)).await.unwrap();
    let refused = say(&mut io, "hello\n").await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionReset);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_speaks_first_is_reached_when_the_client_stays_silent() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use crate::net::Accept;
    let mesh = Mesh::new();
    let api = mesh.pod(API, "api", snapshot("api")).await;
    let mut listener = api.app.listen(at(API, 3306)).await.unwrap();
    api.app.spawn(async move {
        let (mut io, _) = listener.accept().await.unwrap();
        io.write_all(b"banner").await.unwrap();
    });
    let outside = mesh.world.node("10.9.9.9", false);
    let mut io = outside.connect(at(API, 3306)).await.unwrap();
    let began = outside.now();
    let mut heard = String::new();
    io.read_to_string(&mut heard).await.unwrap();
    assert_eq!(heard, "banner");
    let waited = outside.now().since(began);
    assert_eq!(waited.as_secs(), 10, "the bound of detection");
}

#[tokio::test(start_paused = true)]
async fn a_drain_waits_for_what_was_accepted_and_cuts_it_at_its_deadline() {
    let mesh = Mesh::new();
    let web = mesh.pod(WEB, "web", snapshot("web")).await;
    let api = mesh.pod(API, "api", snapshot("api")).await;
    echo(&api.app, at(API, 9000)).await;
    let rt = mesh.world.node(WEB, false);

    let mut first = web.app.connect(at(API, 9000)).await.unwrap();
    let deadline = rt.now() + Duration::from_secs(5);
    let (drained, heard) = tokio::join!(web.proxy.drain(deadline), say(&mut first, "hello\n"));
    assert_eq!(heard.unwrap(), "hello\nbye");
    assert_eq!(drained, Drained::Clean);
    assert!(!web.proxy.ready());
    let refused = web.app.connect(at(API, 9000)).await.err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);

    let mut held = rt.connect(at(API, 9000)).await.unwrap();
    use tokio::io::AsyncWriteExt;
    held.write_all(b"x\n").await.unwrap();
    let deadline = rt.now() + Duration::from_secs(5);
    assert_eq!(api.proxy.drain(deadline).await, Drained::Cut(1));
}

#[tokio::test(start_paused = true)]
async fn an_expired_certificate_gets_no_bytes() {
    let mesh = Mesh::new();
    let web = mesh.pod(WEB, "web", snapshot("web")).await;
    let expired = mesh.ca.issue_until(&identity("api"), 2025);
    let api = mesh.pod_with(API, snapshot("api"), expired).await;
    echo(&api.app, at(API, 9000)).await;

    let mut io = web.app.connect(at(API, 9000)).await.unwrap();
    let refused = say(&mut io, "hello\n").await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionReset);
}

#[tokio::test(start_paused = true)]
async fn bytes_for_a_service_are_balanced_and_a_dead_endpoint_is_passed_over() {
    let mesh = Mesh::new();
    let dead = at("10.0.0.3", 9000);
    let web = with_service("web", &[at(API, 9000), dead]);
    let web = mesh.pod(WEB, "web", web).await;
    let api = mesh.pod(API, "api", snapshot("api")).await;
    echo(&api.app, at(API, 9000)).await;
    for _ in 0..4 {
        let mut io = web.app.connect(SERVICE.parse().unwrap()).await.unwrap();
        assert_eq!(say(&mut io, "\0bytes\n").await.unwrap(), "\0bytes\nbye");
    }
    assert!(mesh.world.connects("10.0.0.3:9000") >= 1);
    let frame = web.proxy.frame();
    let total = frame.services.total();
    assert_eq!((total.requests, total.success, total.in_flight), (4, 4, 0));
    assert_eq!((total.bytes_in, total.bytes_out), (28, 40));
    assert!(total.retries >= 1);
}
