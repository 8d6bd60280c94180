use std::future::poll_fn;
use std::time::Duration;

use engine::head::{Protocol, RequestHead, ResponseHead};
use http::HeaderMap;

use super::super::testing::*;
use crate::Drained;
use crate::exchange::{Answer, Frame, Length, Respond, Sink, Source, StreamError};
use crate::http2::{self, Config};
use crate::net::testing::Node;
use crate::net::{Accept, Rt};

/// A client of HTTP/2 with prior knowledge.
async fn client(node: &Node, to: &str) -> http2::Client {
    let io = node.connect(to.parse().unwrap()).await.unwrap();
    let (client, driver) = http2::client(io, &Config::default()).await.unwrap();
    node.spawn(async move {
        let _ = driver.await;
    });
    client
}

/// An application of HTTP/2 that says its body again, `delay` later, with a gRPC status.
async fn grpc_app(node: &Node, port: u16, delay: Duration) {
    let mut listener = node.listen(at(API, port)).await.unwrap();
    let rt = node.clone();
    node.spawn(async move {
        while let Ok((io, _)) = listener.accept().await {
            let rt2 = rt.clone();
            rt.spawn(async move {
                let mut server = http2::server(io, &Config::default()).await.unwrap();
                while let Some(Ok((head, body, reply))) = server.accept().await {
                    assert_eq!(head.protocol, Protocol::Http2);
                    let rt3 = rt2.clone();
                    rt2.spawn(async move {
                        rt3.sleep_until(rt3.now() + delay).await;
                        let _ = answer(body, reply).await;
                    });
                }
            });
        }
    });
}

async fn answer(mut body: impl Source, mut reply: impl Respond) -> Result<(), StreamError> {
    let said = read_all(&mut body).await?;
    let mut head = ResponseHead::new(http::StatusCode::OK);
    let grpc = "application/grpc".parse().unwrap();
    head.headers.insert("content-type", grpc);
    reply.respond(head, Length::Unknown)?;
    poll_fn(|cx| reply.poll_ready(cx)).await?;
    reply.send(Frame::Data(said.into()), false)?;
    poll_fn(|cx| reply.poll_ready(cx)).await?;
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", "0".parse().unwrap());
    reply.send(Frame::Trailers(trailers), true)?;
    poll_fn(|cx| reply.poll_flush(cx)).await
}

/// One call; the body and the gRPC status of the answer.
async fn call(mut client: http2::Client, said: &str) -> Result<(String, String), StreamError> {
    let mut head = RequestHead::new(
        http::Method::POST,
        Some("api".parse().unwrap()),
        "/shop.Api/Say".parse().unwrap(),
    );
    let grpc = "application/grpc".parse().unwrap();
    head.headers.insert("content-type", grpc);
    head.headers.insert("te", "trailers".parse().unwrap());
    poll_fn(|cx| client.poll_ready(cx)).await?;
    let (mut sink, mut source) = client.send(&head, Length::Unknown)?;
    poll_fn(|cx| sink.poll_ready(cx)).await?;
    sink.send(Frame::Data(said.to_owned().into()), true)?;
    poll_fn(|cx| sink.poll_flush(cx)).await?;
    poll_fn(|cx| source.poll_head(cx)).await?;
    let (mut body, mut status) = (String::new(), String::new());
    while let Some(frame) = poll_fn(|cx| source.poll_frame(cx)).await {
        match frame? {
            Frame::Data(data) => body.push_str(std::str::from_utf8(&data).unwrap()),
            Frame::Trailers(trailers) => {
                status = trailers["grpc-status"].to_str().unwrap().to_owned();
            }
        }
    }
    Ok((body, status))
}

#[tokio::test(start_paused = true)]
async fn calls_with_trailers_share_one_connection_between_the_proxies() {
    let mesh = Mesh::new();
    let web = mesh
        .pod(WEB, "web", with_service("web", &[at(API, 8080)]))
        .await;
    let api = mesh.pod(API, "api", snapshot("api")).await;
    grpc_app(&api.app, 8080, Duration::from_secs(1)).await;
    let client = client(&web.app, SERVICE).await;
    let began = web.app.now();
    let calls = (0..50).map(|n| {
        let client = client.clone();
        async move { call(client, &n.to_string()).await.unwrap() }
    });
    let answers = futures_util::future::join_all(calls).await;
    for (n, (body, status)) in answers.into_iter().enumerate() {
        assert_eq!((body, status.as_str()), (n.to_string(), "0"));
    }
    assert_eq!(web.app.now().since(began).as_secs(), 1, "all at once");
    assert_eq!(mesh.world.connects("10.0.0.2:14006"), 1);
    assert_eq!(mesh.world.connects("10.0.0.2:8080"), 1);
    let frame = web.proxy.frame();
    let total = frame.services.total();
    assert_eq!((total.success, total.grpc.get(&0)), (50, Some(&50)));
}

#[tokio::test(start_paused = true)]
async fn a_drain_lets_open_streams_finish() {
    let mesh = Mesh::new();
    let web = mesh
        .pod(WEB, "web", with_service("web", &[at(API, 8080)]))
        .await;
    let api = mesh.pod(API, "api", snapshot("api")).await;
    grpc_app(&api.app, 8080, Duration::from_secs(2)).await;
    let rt = mesh.world.node(WEB, false);
    let client = client(&web.app, SERVICE).await;
    let deadline = rt.now() + Duration::from_secs(30);
    let drain = async {
        rt.sleep_until(rt.now() + Duration::from_secs(1)).await;
        tokio::join!(web.proxy.drain(deadline), api.proxy.drain(deadline))
    };
    let (answer, drained) = tokio::join!(call(client.clone(), "x"), drain);
    assert_eq!(answer.unwrap(), ("x".to_owned(), "0".to_owned()));
    assert_eq!(drained, (Drained::Clean, Drained::Clean));
    assert!(rt.now() < deadline);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_frees_its_stream_everywhere() {
    let mesh = Mesh::new();
    let web = mesh
        .pod(WEB, "web", with_service("web", &[at(API, 8080)]))
        .await;
    let api = mesh.pod(API, "api", snapshot("api")).await;
    grpc_app(&api.app, 8080, Duration::from_secs(60)).await;
    let rt = mesh.world.node(WEB, false);
    let client = client(&web.app, SERVICE).await;
    tokio::select! {
        biased;
        _ = call(client.clone(), "x") => panic!("the answer comes later"),
        () = rt.sleep_until(rt.now() + Duration::from_secs(1)) => {}
    }
    rt.sleep_until(rt.now() + Duration::from_secs(1)).await;
    let total = web.proxy.frame().services.total();
    assert_eq!((total.in_flight, total.ignored), (0, 1));
    let total = api.proxy.frame().edges.total();
    assert_eq!((total.in_flight, total.ignored), (0, 1));
}
