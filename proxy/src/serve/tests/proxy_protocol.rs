//! Listeners behind a load balancer.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::super::testing::*;
use crate::net::Rt as _;
use crate::net::testing::OUTBOUND;
use crate::proxy_protocol::{Addresses, Version, write};

/// Says `line` to an outbound listener that expects a header, as the load balancer does.
async fn through(header: &[u8], line: &str) -> std::io::Result<String> {
    let mut mesh = Mesh::new();
    mesh.proxy_protocol = [OUTBOUND].into();
    let web = mesh
        .pod(WEB, "web", with_plain("web", &[at(API, 8080)]))
        .await;
    let api = mesh.world.node(API, false);
    echo(&api, at(API, 8080)).await;
    let balancer = mesh.world.node(WEB, false);
    let mut io = balancer.connect(web.proxy.outbound_addr().unwrap()).await?;
    io.write_all(header).await?;
    say(&mut io, line).await
}

#[tokio::test(start_paused = true)]
async fn the_header_says_where_the_client_wanted_to_go() {
    let of = Addresses {
        source: "192.0.2.1:51234".parse().unwrap(),
        destination: SERVICE.parse().unwrap(),
    };
    for version in [Version::V1, Version::V2] {
        let header = write(version, Some(of));
        let heard = through(&header, "\u{1}hello").await.unwrap();
        assert_eq!(heard, "\u{1}hellobye");
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_a_header_is_reset() {
    let error = through(b"GET / HTTP/1.1\r\nhost: api\r\n\r\n", "").await;
    assert_eq!(
        error.unwrap_err().kind(),
        std::io::ErrorKind::ConnectionReset
    );
}

#[tokio::test(start_paused = true)]
async fn a_balancer_that_says_nothing_is_given_up() {
    let mut mesh = Mesh::new();
    mesh.proxy_protocol = [OUTBOUND].into();
    let web = mesh.pod(WEB, "web", snapshot("web")).await;
    let balancer = mesh.world.node(WEB, false);
    let began = balancer.now();
    let mut io = balancer
        .connect(web.proxy.outbound_addr().unwrap())
        .await
        .unwrap();
    let error = io.read_u8().await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(balancer.now().since(began).as_secs(), 10);
}
