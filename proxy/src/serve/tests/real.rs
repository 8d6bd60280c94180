//! The same proxy over TCP on loopback.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::Arc;

use engine::head::{RequestHead, ResponseHead};
use tokio::sync::watch;

use super::super::testing::*;
use crate::config::{Bootstrap, Bounds};
use crate::exchange::{Answer, Frame, Length, Respond, Sink};
use crate::http1::{ClientConn, Limits, ServerConn};
use crate::net::real::Real;
use crate::net::{Accept, Rt};
use crate::tls::testing::{Authority, crypto};

#[tokio::test]
async fn a_request_goes_through_a_proxy_over_tcp() {
    let rt = Real::new();
    let anywhere = at("127.0.0.1", 0);
    let mut listener = rt.listen(anywhere).await.unwrap();
    let endpoint = listener.local_addr();
    rt.spawn(async move {
        let (io, _) = listener.accept().await.unwrap();
        let mut connection = ServerConn::new(io, Limits::default());
        while let Ok(Some((_, _, mut reply))) = connection.next_request().await {
            let head = ResponseHead::new(http::StatusCode::OK);
            reply.respond(head, Length::Known(2)).unwrap();
            reply.send(Frame::Data("ok".into()), true).unwrap();
            poll_fn(|cx| reply.poll_flush(cx)).await.unwrap();
        }
    });
    let (_snapshots, newest) = watch::channel(Arc::new(with_plain("web", &[endpoint])));
    let (_tls, material) = watch::channel(Authority::new().issue("web"));
    let bootstrap = Bootstrap {
        name: "web".to_owned(),
        outbound: vec![anywhere],
        inbound: Vec::new(),
        in_place: BTreeMap::new(),
        gateway: None,
        system_roots: Vec::new(),
        tls: Some(material),
        crypto: crypto(),
        observer: None,
        proxy_protocol: Default::default(),
        outputs: None,
        bounds: Bounds::default(),
    };
    let proxy = crate::start(bootstrap, newest, rt.clone()).await.unwrap();
    let io = rt.connect(proxy.outbound_addr().unwrap()).await.unwrap();
    let mut client = ClientConn::new(io, Limits::default());
    for _ in 0..2 {
        let authority = Some("api".parse().unwrap());
        let head = RequestHead::new(http::Method::GET, authority, "/".parse().unwrap());
        let (mut sink, mut answer) = client.send(&head, Length::Empty).unwrap();
        poll_fn(|cx| sink.poll_flush(cx)).await.unwrap();
        let head = poll_fn(|cx| answer.poll_head(cx)).await.unwrap();
        assert_eq!(head.status, http::StatusCode::OK);
        assert_eq!(read_all(&mut answer).await.unwrap(), "ok");
    }
    assert_eq!(proxy.frame().services.total().success, 2);
}
