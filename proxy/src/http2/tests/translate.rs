//! HTTP/1.1 to HTTP/2 and back: what a client and a server see of a chain of both.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::http1::{ClientConn, Limits, ServerConn};

/// Forwards one exchange: heads as they are, both bodies at once, informational responses too, and
/// the bytes of a tunnel.
async fn forward(
    mut body: impl Source,
    mut respond: impl Respond,
    mut sink: impl Sink,
    mut answer: impl Answer,
) {
    let up = pump(&mut body, &mut sink);
    let down = async {
        let head = loop {
            let head = head(&mut answer).await.unwrap();
            let status = head.status;
            if !status.is_informational() || status == StatusCode::SWITCHING_PROTOCOLS {
                break head;
            }
            respond.inform(head).unwrap();
        };
        let tunnel = head.status == StatusCode::SWITCHING_PROTOCOLS;
        let length = answer.length();
        respond.respond(head, length).unwrap();
        poll_fn(|cx| respond.poll_flush(cx)).await.unwrap();
        if !tunnel {
            pump(&mut answer, &mut respond).await.unwrap();
        }
        tunnel
    };
    let (_, tunnel) = tokio::join!(up, down);
    if tunnel {
        let up = pump(&mut body, &mut sink);
        let down = pump(&mut answer, &mut respond);
        let _ = tokio::join!(up, down);
    }
}

/// client ─ HTTP/1.1 ─▶ proxy ─ HTTP/2 ─▶ proxy ─ HTTP/1.1 ─▶ server: what the server receives of
/// `request`, and what the client receives of `response`.
async fn chain(request: &str, response: &str) -> (String, String) {
    let (mut client, near) = tokio::io::duplex(1 << 16);
    let (left, right) = tokio::io::duplex(1 << 16);
    let (far, mut app) = tokio::io::duplex(1 << 16);
    let first = async {
        let (mut up, driver) = super::client(left, &Config::default()).await.unwrap();
        let serve = async {
            let mut down = ServerConn::new(near, Limits::default());
            // Extended CONNECT is allowed once the settings have arrived.
            settle().await;
            while let Ok(Some((head, body, respond))) = down.next_request().await {
                let (sink, answer) = up.send(&head, body.length()).unwrap();
                forward(body, respond, sink, answer).await;
            }
        };
        behind(driver, serve).await;
        pending::<()>().await;
    };
    let second = async {
        let mut down = server(right, &Config::default()).await.unwrap();
        let mut up = ClientConn::new(far, Limits::default());
        while let Some(Ok((head, body, respond))) = down.accept().await {
            let (sink, answer) = up.send(&head, body.length()).unwrap();
            let mut exchange = pin!(forward(body, respond, sink, answer));
            tokio::select! {
                biased;
                () = &mut exchange => {}
                _ = down.accept() => {}
            }
        }
        pending::<()>().await;
    };
    let test = async {
        client.write_all(request.as_bytes()).await.unwrap();
        let seen = read_some(&mut app).await;
        app.write_all(response.as_bytes()).await.unwrap();
        let answered = read_some(&mut client).await;
        (seen, answered)
    };
    behind(async { tokio::join!(first, second) }, test).await
}

/// Reads until nothing more comes.
async fn read_some(peer: &mut DuplexStream) -> String {
    let mut all = Vec::new();
    let mut bytes = vec![0; 1 << 16];
    let mut quiet = 0;
    while quiet < 20 {
        tokio::select! {
            biased;
            n = peer.read(&mut bytes) => {
                let n = n.unwrap();
                if n == 0 {
                    break;
                }
                all.extend_from_slice(&bytes[..n]);
                quiet = 0;
            }
            () = settle() => quiet += 1,
        }
    }
    String::from_utf8(all).unwrap()
}

async fn check(request: &str, seen: &str, response: &str, answered: &str) {
    let (request_seen, response_seen) = chain(request, response).await;
    assert_eq!(request_seen, seen);
    assert_eq!(response_seen, answered);
}

#[tokio::test]
async fn trailers_survive_both_translations() {
    check(
        "POST /p HTTP/1.1\r\nhost: shop\r\nTE: trailers\r\nconnection: TE\r\n\
         transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nsum: 1\r\n\r\n",
        "POST /p HTTP/1.1\r\nhost: shop\r\nconnection: te\r\nte: trailers\r\n\
         transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nsum: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: grpc-status\r\n\r\n\
         2\r\nhi\r\n0\r\ngrpc-status: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntrailer: grpc-status\r\ntransfer-encoding: chunked\r\n\r\n\
         2\r\nhi\r\n0\r\ngrpc-status: 0\r\n\r\n",
    )
    .await;
}

#[tokio::test]
async fn known_lengths_survive_and_connection_headers_do_not() {
    check(
        "POST /p HTTP/1.1\r\nHost: shop:80\r\nCookie: a=1\r\nconnection: keep-alive, x-hop\r\n\
         keep-alive: 5\r\nx-hop: 1\r\nX-End: 1\r\ncontent-length: 3\r\n\r\nabc",
        "POST /p HTTP/1.1\r\nhost: shop:80\r\ncookie: a=1\r\nx-end: 1\r\n\
         content-length: 3\r\n\r\nabc",
        "HTTP/1.1 404 Not Found\r\nconnection: x-hop\r\nx-hop: 1\r\nserver: app\r\n\
         content-length: 2\r\n\r\nno",
        "HTTP/1.1 404 Not Found\r\nserver: app\r\ncontent-length: 2\r\n\r\nno",
    )
    .await;
}

#[tokio::test]
async fn empty_messages_stay_empty() {
    check(
        "GET / HTTP/1.1\r\nhost: shop\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: shop\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
    )
    .await;
    check(
        "HEAD / HTTP/1.1\r\nhost: shop\r\n\r\n",
        "HEAD / HTTP/1.1\r\nhost: shop\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n",
    )
    .await;
}

#[tokio::test]
async fn a_request_without_an_authority_crosses() {
    check(
        "GET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: \r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
    )
    .await;
}

#[tokio::test]
async fn an_upgrade_crosses_as_an_extended_connect() {
    let request = "GET /chat HTTP/1.1\r\nhost: shop\r\nconnection: upgrade\r\n\
                   upgrade: websocket\r\nsec-websocket-key: k\r\n\r\n";
    let seen = "GET /chat HTTP/1.1\r\nhost: shop\r\nconnection: upgrade\r\n\
                upgrade: websocket\r\nsec-websocket-key: k\r\n\r\n";
    let response = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n\
                    upgrade: websocket\r\nsec-websocket-accept: a\r\n\r\nfirst";
    let (request_seen, answered) = chain(request, response).await;
    assert_eq!(request_seen, seen);
    let (head, tunnel) = answered.split_once("\r\n\r\n").unwrap();
    let mut lines: Vec<_> = head.lines().collect();
    lines.sort_unstable();
    let expected = [
        "HTTP/1.1 101 Switching Protocols",
        "connection: upgrade",
        "sec-websocket-accept: a",
        "upgrade: websocket",
    ];
    assert_eq!(lines, expected);
    assert_eq!(tunnel, "first");
}

/// What a server makes of a head, sent by a client that checks nothing.
async fn read(build: impl FnOnce(&mut http::Request<()>)) -> Result<RequestHead, u16> {
    let (near, far) = tokio::io::duplex(1 << 16);
    let serve = async {
        let mut server = server(far, &Config::default()).await.unwrap();
        server.accept().await.unwrap().map(|(head, ..)| head)
    };
    let (mut send, connection) = h2::client::handshake(near).await.unwrap();
    let mut request = http::Request::new(());
    *request.uri_mut() = "http://shop/p".parse().unwrap();
    *request.version_mut() = http::Version::HTTP_2;
    build(&mut request);
    let (answer, _) = send.send_request(request, true).unwrap();
    let mut serve = pin!(serve);
    let test = async {
        tokio::select! {
            biased;
            head = &mut serve => Ok(head.unwrap()),
            answer = answer => Err(answer.map_or(0, |a| a.status().as_u16())),
        }
    };
    behind(connection, test).await
}

#[tokio::test]
async fn heads_are_normalised() {
    let head = read(|r| {
        let headers = r.headers_mut();
        headers.append("cookie", "a=1".parse().unwrap());
        headers.append("cookie", "b=2".parse().unwrap());
        headers.append("host", "SHOP".parse().unwrap());
        headers.append("te", "trailers".parse().unwrap());
    })
    .await
    .unwrap();
    assert_eq!(head.authority.unwrap(), "shop");
    assert_eq!(head.path.as_str(), "/p");
    assert_eq!(head.headers["cookie"], "a=1; b=2");
    assert_eq!(head.headers["te"], "trailers");
    assert!(!head.headers.contains_key("host"));
    assert_eq!(head.upgrade, None);
}

#[tokio::test]
async fn heads_that_could_be_read_two_ways_are_refused() {
    let other_host = read(|r| {
        r.headers_mut().insert("host", "other".parse().unwrap());
    });
    assert_eq!(other_host.await.unwrap_err(), 400);
    let user = read(|r| *r.uri_mut() = "http://user@shop/".parse().unwrap());
    assert_eq!(user.await.unwrap_err(), 400);
    let port = read(|r| *r.uri_mut() = "http://shop:99999/".parse().unwrap());
    assert_eq!(port.await.unwrap_err(), 400);
    let lengths = read(|r| {
        r.headers_mut()
            .append("content-length", "0".parse().unwrap());
        r.headers_mut()
            .append("content-length", "1".parse().unwrap());
    });
    assert!(lengths.await.is_err());
}

#[test]
fn values_that_differ_in_each_request_stay_out_of_the_compression_table() {
    let mut head = request(Method::GET, "/");
    for name in ["x-request-id", "traceparent", "x-tenant"] {
        let value = http::HeaderValue::from_static("a");
        head.headers.insert(name, value);
    }
    let written = head::write_request(&head, Length::Empty).unwrap();
    let literal = |name: &str| written.headers()[name].is_sensitive();
    assert!(literal("x-request-id") && literal("traceparent"));
    assert!(!literal("x-tenant"));
}
