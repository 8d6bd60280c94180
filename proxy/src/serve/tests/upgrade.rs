use core::net::SocketAddr;
use std::future::poll_fn;
use std::sync::Arc;

use bytes::Bytes;
use engine::head::ResponseHead;
use engine::snapshot::{ClusterProtocol, InboundPort, PortProtocol};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::super::testing::*;
use crate::exchange::{Frame, Length, Respond as _, Sink as _, Source as _};
use crate::http2;
use crate::net::testing::Node;
use crate::net::{Accept, Rt};

#[tokio::test(start_paused = true)]
async fn an_upgraded_connection_carries_bytes_both_ways_until_both_sides_end() {
    let mesh = Mesh::new();
    let web = mesh
        .pod(WEB, "web", with_service("web", &[at(API, 8080)]))
        .await;
    let api = mesh.pod(API, "api", snapshot("api")).await;
    let mut listener = api.app.listen(at(API, 8080)).await.unwrap();
    api.app.spawn(async move {
        let (mut io, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(io.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap().to_lowercase();
        assert!(head.contains("upgrade: websocket"), "{head}");
        let answer = "HTTP/1.1 101 Switching Protocols\r\n\
                      connection: upgrade\r\nupgrade: websocket\r\n\r\nwelcome ";
        io.write_all(answer.as_bytes()).await.unwrap();
        let mut heard = String::new();
        io.read_to_string(&mut heard).await.unwrap();
        io.write_all(heard.to_uppercase().as_bytes()).await.unwrap();
    });
    let mut io = web.app.connect(SERVICE.parse().unwrap()).await.unwrap();
    let request = "GET /chat HTTP/1.1\r\nhost: api\r\n\
                   connection: upgrade\r\nupgrade: websocket\r\n\r\n";
    io.write_all(request.as_bytes()).await.unwrap();
    let mut heard = String::new();
    while !heard.ends_with("welcome ") {
        heard.push(char::from(io.read_u8().await.unwrap()));
    }
    assert!(heard.starts_with("HTTP/1.1 101 "), "{heard}");
    assert_eq!(say(&mut io, "good bye").await.unwrap(), "GOOD BYE");
    let total = web.proxy.frame().services.total();
    assert_eq!((total.success, total.in_flight), (1, 0));
}

/// An application that speaks HTTP/2 alone, and takes WebSockets as RFC 8441 has them: each
/// message comes back in capitals.
async fn http2_app(node: &Node, at: SocketAddr) {
    let mut listener = node.listen(at).await.unwrap();
    let rt = node.clone();
    node.spawn(async move {
        let (io, _) = listener.accept().await.unwrap();
        let mut server = http2::server(io, &http2::Config::default()).await.unwrap();
        while let Some(Ok((head, mut body, mut reply))) = server.accept().await {
            assert_eq!(head.upgrade.as_deref(), Some("websocket"));
            let switch = ResponseHead::new(http::StatusCode::SWITCHING_PROTOCOLS);
            reply.respond(switch, Length::Unknown).unwrap();
            rt.spawn(async move {
                while let Some(Ok(frame)) = poll_fn(|cx| body.poll_frame(cx)).await {
                    if let Frame::Data(data) = frame {
                        let loud = data.to_ascii_uppercase();
                        poll_fn(|cx| reply.poll_ready(cx)).await.unwrap();
                        reply.send(Frame::Data(loud.into()), false).unwrap();
                    }
                }
                let _ = reply.send(Frame::Data(Bytes::new()), true);
                let _ = poll_fn(|cx| reply.poll_flush(cx)).await;
            });
        }
    });
}

#[tokio::test(start_paused = true)]
async fn a_websocket_reaches_a_server_that_speaks_http2_alone() {
    let check = async |meshed: bool| {
        let mesh = Mesh::new();
        let mut service = match meshed {
            true => with_service("web", &[at(API, 8080)]),
            false => with_plain("web", &[at(API, 8080)]),
        };
        let outbound = Arc::make_mut(&mut service.outbound);
        for cluster in Arc::make_mut(&mut outbound.clusters).values_mut() {
            Arc::make_mut(cluster).protocol = ClusterProtocol::Http2;
        }
        let web = mesh.pod(WEB, "web", service).await;
        let mut served = snapshot("api");
        served.inbound = inbound(InboundPort {
            protocol: PortProtocol::Http2,
            ..InboundPort::default()
        });
        let api = mesh.pod(API, "api", served).await;
        http2_app(&api.app, at(API, 8080)).await;
        let mut io = web.app.connect(SERVICE.parse().unwrap()).await.unwrap();
        let request = "GET /chat HTTP/1.1\r\nhost: api\r\nconnection: upgrade\r\n\
                       upgrade: websocket\r\nsec-websocket-version: 13\r\n\
                       sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        io.write_all(request.as_bytes()).await.unwrap();
        let mut heard = String::new();
        while !heard.ends_with("\r\n\r\n") {
            heard.push(char::from(io.read_u8().await.unwrap()));
        }
        assert!(heard.starts_with("HTTP/1.1 101 "), "{meshed}: {heard}");
        // The proof of RFC 6455 §1.3, without which no client goes on.
        let proof = "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
        assert!(heard.contains(proof), "{meshed}: {heard}");
        assert_eq!(say(&mut io, "good bye").await.unwrap(), "GOOD BYE");
    };
    check(false).await;
    check(true).await;
}
