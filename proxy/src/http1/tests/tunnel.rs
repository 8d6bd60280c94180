//! Upgrades and CONNECT: the same two halves carry the bytes that follow.

use super::*;

const UPGRADE: &str = "GET /chat HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
                       sec-websocket-version: 13\r\n\r\n";

#[tokio::test]
async fn an_upgrade_turns_both_halves_into_the_tunnel() {
    let (mut peer, mut conn) = server(4096);
    write(&mut peer, format!("{UPGRADE}early")).await;
    let (head_in, mut body, mut sink) = conn.next_request().await.unwrap().unwrap();
    assert_eq!(head_in.upgrade.as_deref(), Some("websocket"));
    assert!(!head_in.headers.contains_key("upgrade"));
    assert!(body.is_end());
    let switch = ResponseHead::new(StatusCode::SWITCHING_PROTOCOLS);
    sink.respond(switch, Length::Empty).unwrap();
    flush(&mut sink).await.unwrap();
    let expected = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n\
                    upgrade: websocket\r\n\r\n";
    assert_eq!(received(&mut peer).await, expected);
    let frame = poll_fn(|cx| body.poll_frame(cx)).await.unwrap().unwrap();
    assert_eq!(frame, data(b"early"));
    push(&mut sink, data(b"pong"), false).await.unwrap();
    assert_eq!(received(&mut peer).await, "pong");
    // Half-close in both directions.
    push(&mut sink, data(b""), true).await.unwrap();
    let mut rest = Vec::new();
    peer.read_to_end(&mut rest).await.unwrap();
    write(&mut peer, "bye").await;
    drop(peer);
    assert_eq!(collect(&mut body).await.unwrap().0, b"bye");
    drop(sink);
    assert!(!conn.is_broken());
    assert!(conn.next_request().await.unwrap().is_none());
}

#[tokio::test]
async fn an_upgraded_connection_can_be_taken_with_what_was_read() {
    let (mut peer, mut conn) = server(4096);
    write(&mut peer, format!("{UPGRADE}early")).await;
    let (_, _, mut sink) = conn.next_request().await.unwrap().unwrap();
    let switch = ResponseHead::new(StatusCode::SWITCHING_PROTOCOLS);
    sink.respond(switch, Length::Empty).unwrap();
    let (mut io, read) = conn.into_io().await.unwrap();
    assert_eq!(read, "early");
    assert!(received(&mut peer).await.starts_with("HTTP/1.1 101"));
    io.write_all(b"raw").await.unwrap();
    assert_eq!(received(&mut peer).await, "raw");
    assert!(flush(&mut sink).await.is_err());
}

#[tokio::test]
async fn a_refused_upgrade_leaves_the_connection_as_it_was() {
    let (mut peer, mut conn) = server(4096);
    write(&mut peer, UPGRADE).await;
    let (_, _, mut sink) = conn.next_request().await.unwrap().unwrap();
    sink.respond(ResponseHead::new(StatusCode::FORBIDDEN), Length::Empty)
        .unwrap();
    write(&mut peer, UPGRADE).await;
    assert!(conn.next_request().await.unwrap().is_some());
}

#[tokio::test]
async fn h2c_is_never_upgraded_to() {
    let (mut peer, mut conn) = server(4096);
    let fields = "connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk";
    write(
        &mut peer,
        format!("GET / HTTP/1.1\r\nhost: a\r\n{fields}\r\n\r\n"),
    )
    .await;
    let (head_in, ..) = conn.next_request().await.unwrap().unwrap();
    assert_eq!(head_in.upgrade, None);
    assert!(head_in.headers.is_empty(), "{:?}", head_in.headers);
}

#[tokio::test]
async fn connect_opens_a_tunnel_with_any_success() {
    let (mut peer, mut conn) = server(4096);
    write(
        &mut peer,
        "CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\nhello",
    )
    .await;
    let (head_in, mut body, mut sink) = conn.next_request().await.unwrap().unwrap();
    assert_eq!(head_in.method, Method::CONNECT);
    assert_eq!(head_in.authority.unwrap(), "a:443");
    sink.respond(ok(), Length::Unknown).unwrap();
    flush(&mut sink).await.unwrap();
    assert_eq!(received(&mut peer).await, "HTTP/1.1 200 OK\r\n\r\n");
    let frame = poll_fn(|cx| body.poll_frame(cx)).await.unwrap().unwrap();
    assert_eq!(frame, data(b"hello"));
}

#[tokio::test]
async fn a_client_upgrades() {
    let (mut peer, mut conn) = client(4096);
    let mut head_out = get("/chat");
    head_out.upgrade = Some("websocket".to_owned());
    let (mut sink, mut answer) = conn.send(&head_out, Length::Empty).unwrap();
    flush(&mut sink).await.unwrap();
    let expected = "GET /chat HTTP/1.1\r\nhost: shop:8080\r\nconnection: upgrade\r\n\
                    upgrade: websocket\r\n\r\n";
    assert_eq!(received(&mut peer).await, expected);
    let switch =
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n";
    write(&mut peer, format!("{switch}\r\nfirst")).await;
    let answered = head(&mut answer).await.unwrap();
    assert_eq!(answered.headers["upgrade"], "websocket");
    assert_eq!(answer.length(), Length::Unknown);
    push(&mut sink, data(b"ping"), false).await.unwrap();
    assert_eq!(received(&mut peer).await, "ping");
    drop(peer);
    assert_eq!(collect(&mut answer).await.unwrap().0, b"first");
    assert!(!conn.is_reusable());
}
