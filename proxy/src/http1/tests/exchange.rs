//! Connections over pipes: reuse, pipelining, early answers, back-pressure, endings.

use super::*;
use crate::exchange::Pump;

#[tokio::test]
async fn a_connection_serves_one_exchange_after_the_other() {
    let (mut peer, mut conn) = server(4096);
    for _ in 0..3 {
        assert!(conn.is_idle());
        write(
            &mut peer,
            "POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi",
        )
        .await;
        let (head, mut body, mut sink) = conn.next_request().await.unwrap().unwrap();
        assert_eq!(head.path.as_str(), "/x");
        assert!(!head.headers.contains_key("host"));
        assert_eq!(head.headers["content-length"], "2");
        assert_eq!(body.length(), Length::Known(2));
        assert!(!conn.is_idle());
        assert_eq!(collect(&mut body).await.unwrap().0, b"hi");
        sink.respond(ok(), Length::Known(3)).unwrap();
        push(&mut sink, data(b"abc"), true).await.unwrap();
        let expected = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc";
        assert_eq!(received(&mut peer).await, expected);
    }
}

#[tokio::test]
async fn the_first_byte_of_a_request_is_noticed_and_a_close_before_it() {
    let (mut peer, mut conn) = server(4096);
    let quiet = tokio::select! {
        biased;
        _ = conn.readable() => false,
        () = tokio::task::yield_now() => true,
    };
    assert!(quiet);
    write(&mut peer, "\r\nG").await;
    assert_eq!(conn.readable().await, Ok(true));
    assert!(!conn.is_idle());
    write(&mut peer, "ET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let (_, _, mut sink) = conn.next_request().await.unwrap().unwrap();
    sink.respond(ok(), Length::Empty).unwrap();
    flush(&mut sink).await.unwrap();
    peer.shutdown().await.unwrap();
    assert_eq!(conn.readable().await, Ok(false));
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let (mut peer, mut conn) = server(4096);
    let one = "GET /1 HTTP/1.1\r\nhost: a\r\n\r\n";
    let two = "POST /2 HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi";
    write(&mut peer, format!("{one}{two}{one}")).await;
    let mut paths = Vec::new();
    for _ in 0..3 {
        // The body of the second is not read: the connection skips it.
        let (head, _body, mut sink) = conn.next_request().await.unwrap().unwrap();
        paths.push(head.path.to_string());
        sink.respond(ok(), Length::Empty).unwrap();
    }
    assert_eq!(paths, ["/1", "/2", "/1"]);
}

#[tokio::test]
async fn an_answer_may_begin_before_its_request_has_ended() {
    let (mut peer, mut conn) = server(4096);
    write(
        &mut peer,
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n",
    )
    .await;
    let (_, mut body, mut sink) = conn.next_request().await.unwrap().unwrap();
    sink.respond(ok(), Length::Unknown).unwrap();
    flush(&mut sink).await.unwrap();
    assert!(
        received(&mut peer)
            .await
            .contains("transfer-encoding: chunked")
    );
    for ping in ["1\r\na\r\n", "1\r\nb\r\n"] {
        write(&mut peer, ping).await;
        let frame = poll_fn(|cx| body.poll_frame(cx)).await.unwrap().unwrap();
        push(&mut sink, frame, false).await.unwrap();
        assert_eq!(received(&mut peer).await, ping);
    }
    write(&mut peer, "0\r\nsum: 2\r\n\r\n").await;
    let frame = poll_fn(|cx| body.poll_frame(cx)).await.unwrap().unwrap();
    push(&mut sink, frame, true).await.unwrap();
    assert_eq!(received(&mut peer).await, "0\r\nsum: 2\r\n\r\n");
    assert!(body.is_end());
}

#[tokio::test]
async fn a_client_that_expects_100_gets_it_when_its_body_is_wanted() {
    let head = "PUT / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n";
    let (mut peer, mut conn) = server(4096);
    write(&mut peer, head).await;
    let (head_in, mut body, mut sink) = conn.next_request().await.unwrap().unwrap();
    assert!(
        !head_in.headers.contains_key("expect"),
        "we answer it, so the next hop must not"
    );
    assert_eq!(received(&mut peer).await, "");
    let read = async {
        let (body, _) = collect(&mut body).await.unwrap();
        assert_eq!(body, b"hi");
    };
    let send = async {
        assert_eq!(received(&mut peer).await, "HTTP/1.1 100 Continue\r\n\r\n");
        write(&mut peer, "hi").await;
    };
    tokio::join!(read, send);
    sink.respond(ok(), Length::Empty).unwrap();
    flush(&mut sink).await.unwrap();
    assert!(!received(&mut peer).await.contains("close"));

    // Refused without reading: the client may send the body or not, so the connection must end.
    write(&mut peer, head).await;
    let (_, _body, mut sink) = conn.next_request().await.unwrap().unwrap();
    let refusal = ResponseHead::new(StatusCode::FORBIDDEN);
    sink.respond(refusal, Length::Empty).unwrap();
    flush(&mut sink).await.unwrap();
    let answer = received(&mut peer).await;
    assert!(
        answer.starts_with("HTTP/1.1 403 Forbidden\r\nconnection: close\r\n"),
        "{answer}"
    );
    assert!(conn.next_request().await.unwrap().is_none());
}

#[tokio::test]
async fn the_client_is_told_when_the_connection_ends() {
    let check = async |request: &str, expected: &str, more: bool| {
        let (mut peer, mut conn) = server(4096);
        write(&mut peer, request).await;
        let (_, _, mut sink) = conn.next_request().await.unwrap().unwrap();
        sink.respond(ok(), Length::Unknown).unwrap();
        push(&mut sink, data(b"x"), true).await.unwrap();
        assert_eq!(received(&mut peer).await, expected, "{request:?}");
        if !more {
            assert!(conn.next_request().await.unwrap().is_none());
        }
    };
    let chunked = "transfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n";
    check(
        "GET / HTTP/1.1\r\nhost: a\r\n\r\n",
        &format!("HTTP/1.1 200 OK\r\n{chunked}"),
        true,
    )
    .await;
    check(
        "GET / HTTP/1.1\r\nhost: a\r\nconnection: foo, Close\r\n\r\n",
        &format!("HTTP/1.1 200 OK\r\nconnection: close\r\n{chunked}"),
        false,
    )
    .await;
    // HTTP/1.0 knows no chunks: the close ends the body, even if it asked to keep the connection.
    check(
        "GET / HTTP/1.0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nx",
        false,
    )
    .await;
    let keep = "GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n";
    check(keep, "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nx", false).await;
    let head = "HTTP/1.1 200 OK\r\n\r\n";
    check("HEAD / HTTP/1.1\r\nhost: a\r\n\r\n", head, true).await;
}

#[tokio::test]
async fn http10_connections_persist_when_both_sides_say_so() {
    let (mut peer, mut conn) = server(4096);
    write(
        &mut peer,
        "GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n",
    )
    .await;
    let (_, _, mut sink) = conn.next_request().await.unwrap().unwrap();
    sink.respond(ok(), Length::Known(1)).unwrap();
    push(&mut sink, data(b"x"), true).await.unwrap();
    let expected = "HTTP/1.1 200 OK\r\nconnection: keep-alive\r\ncontent-length: 1\r\n\r\nx";
    assert_eq!(received(&mut peer).await, expected);
    write(&mut peer, "GET /2 HTTP/1.0\r\n\r\n").await;
    assert!(conn.next_request().await.unwrap().is_some());
}

#[tokio::test]
async fn a_drain_ends_the_connection_after_the_response() {
    let (mut peer, mut conn) = server(4096);
    write(&mut peer, "GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let (_, _, mut sink) = conn.next_request().await.unwrap().unwrap();
    conn.close_after();
    sink.respond(ok(), Length::Empty).unwrap();
    assert!(conn.next_request().await.unwrap().is_none());
    assert!(received(&mut peer).await.contains("connection: close\r\n"));
    let (closed, rest) = tokio::join!(conn.close(), async {
        let mut rest = Vec::new();
        peer.read_to_end(&mut rest).await.unwrap();
        drop(peer);
        rest
    });
    assert_eq!((closed, rest), (Ok(()), Vec::new()));
}

#[tokio::test]
async fn a_refused_request_is_answered_before_the_close() {
    let (mut peer, mut conn) = server(4096);
    write(
        &mut peer,
        "GET / HTTP/1.1\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n",
    )
    .await;
    let Err(NextError::Refused(e)) = conn.next_request().await else {
        panic!("no Host");
    };
    conn.refuse(ResponseHead::new(e.status()), Bytes::from_static(b"no"));
    assert!(
        conn.next_request().await.unwrap().is_none(),
        "nothing behind it is read"
    );
    let close = conn.close();
    let read = async {
        let mut all = String::new();
        peer.read_to_string(&mut all).await.unwrap();
        drop(peer);
        all
    };
    let (_, all) = tokio::join!(close, read);
    let expected = "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 2\r\n\r\nno";
    assert_eq!(all, expected);
}

#[tokio::test]
async fn an_abandoned_response_breaks_the_connection() {
    let (mut peer, mut conn) = server(4096);
    write(&mut peer, "GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let (_, _, mut sink) = conn.next_request().await.unwrap().unwrap();
    sink.respond(ok(), Length::Known(5)).unwrap();
    push(&mut sink, data(b"abc"), false).await.unwrap();
    assert!(!conn.is_broken());
    drop(sink);
    assert!(conn.is_broken());
    assert!(conn.next_request().await.unwrap().is_none());
}

#[tokio::test]
async fn a_body_that_breaks_its_promise_is_an_error() {
    for (frame, end) in [(data(b"toolong"), true), (data(b"abc"), true)] {
        let (mut peer, mut conn) = server(4096);
        write(&mut peer, "GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        let (_, _, mut sink) = conn.next_request().await.unwrap().unwrap();
        sink.respond(ok(), Length::Known(5)).unwrap();
        assert!(sink.send(frame, end).is_err());
        drop(sink);
        assert!(conn.is_broken());
    }
}

#[tokio::test]
async fn a_client_that_leaves_is_noticed_while_its_answer_is_awaited() {
    let (mut peer, mut conn) = server(4096);
    write(&mut peer, "GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let (_, _, mut sink) = conn.next_request().await.unwrap().unwrap();
    let early = tokio::select! {
        biased;
        () = poll_fn(|cx| sink.poll_closed(cx)) => true,
        () = tokio::task::yield_now() => false,
    };
    assert!(!early);
    drop(peer);
    poll_fn(|cx| sink.poll_closed(cx)).await;
}

#[tokio::test]
async fn a_slow_reader_slows_its_writer_down() {
    let (mut peer, mut conn) = server(1024);
    write(&mut peer, "GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let (_, _, mut sink) = conn.next_request().await.unwrap().unwrap();
    sink.respond(ok(), Length::Unknown).unwrap();
    let mut sent = 0;
    let frame = Bytes::from(vec![b'x'; 1024]);
    loop {
        let ready = tokio::select! {
            biased;
            ready = poll_fn(|cx| sink.poll_ready(cx)) => { ready.unwrap(); true }
            () = tokio::task::yield_now() => false,
        };
        if !ready {
            break;
        }
        sink.send(Frame::Data(frame.clone()), false).unwrap();
        sent += frame.len();
        assert!(sent < 64 * 1024, "the sink takes everything");
    }
    let mut buf = vec![0; 64 * 1024];
    let mut read = 0;
    while read < sent {
        let n = tokio::select! {
            biased;
            n = peer.read(&mut buf) => n.unwrap(),
            _ = poll_fn(|cx| sink.poll_flush(cx)) => 0,
        };
        read += n;
    }
    poll_fn(|cx| sink.poll_ready(cx)).await.unwrap();
}

#[tokio::test]
async fn a_client_sends_head_and_small_body_in_one_write() {
    let (mut peer, mut conn) = client(64 * 1024);
    let mut head_out = request(Method::POST, "/p?q=1");
    head_out.headers.insert("x-a", "1".parse().unwrap());
    head_out.headers.insert("te", "trailers".parse().unwrap());
    let (mut sink, mut answer) = conn.send(&head_out, Length::Known(2)).unwrap();
    assert_eq!(received(&mut peer).await, "", "the head waits for its body");
    push(&mut sink, data(b"hi"), true).await.unwrap();
    let expected = "POST /p?q=1 HTTP/1.1\r\nhost: shop:8080\r\nconnection: te\r\nte: trailers\r\n\
                    x-a: 1\r\ncontent-length: 2\r\n\r\nhi";
    assert_eq!(received(&mut peer).await, expected);
    assert!(!conn.is_reusable());
    let early = "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n";
    write(&mut peer, format!("{early}HTTP/1.1 404 Nope\r\nconnection: x-hop\r\nx-hop: 1\r\ncontent-length: 1\r\n\r\n!"))
        .await;
    assert!(!answer.has_begun());
    assert_eq!(head(&mut answer).await.unwrap().status, 103);
    assert!(answer.has_begun());
    let answered = head(&mut answer).await.unwrap();
    assert_eq!(answered.status, 404);
    assert!(
        answered.headers.keys().eq(["content-length"]),
        "{:?}",
        answered.headers
    );
    assert_eq!(answer.length(), Length::Known(1));
    assert_eq!(collect(&mut answer).await.unwrap().0, b"!");
    assert!(conn.is_reusable());
}

#[tokio::test]
async fn requests_without_a_body_say_so_where_one_is_usual() {
    for (method, length, expected) in [
        (
            Method::GET,
            Length::Empty,
            "GET / HTTP/1.1\r\nhost: shop:8080\r\n\r\n",
        ),
        (
            Method::POST,
            Length::Empty,
            "POST / HTTP/1.1\r\nhost: shop:8080\r\ncontent-length: 0\r\n\r\n",
        ),
        (
            Method::DELETE,
            Length::Known(0),
            "DELETE / HTTP/1.1\r\nhost: shop:8080\r\ncontent-length: 0\r\n\r\n",
        ),
    ] {
        let (mut peer, mut conn) = client(4096);
        let (mut sink, _) = conn.send(&request(method, "/"), length).unwrap();
        flush(&mut sink).await.unwrap();
        assert_eq!(received(&mut peer).await, expected);
    }
}

#[tokio::test]
async fn a_closed_idle_connection_is_told_from_one_that_broke() {
    let answer_one = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    // Never used before: the server is at fault.
    let (peer, mut conn) = client(4096);
    let (_sink, mut answer) = conn.send(&get("/"), Length::Empty).unwrap();
    drop(peer);
    assert_eq!(
        head(&mut answer).await.unwrap_err(),
        StreamError::Incomplete
    );

    // Used before, not a byte of the second answer: it had been closed meanwhile.
    let (mut peer, mut conn) = client(4096);
    let (mut sink, mut answer) = conn.send(&get("/"), Length::Empty).unwrap();
    flush(&mut sink).await.unwrap();
    write(&mut peer, answer_one).await;
    head(&mut answer).await.unwrap();
    let (_sink, mut answer) = conn.send(&get("/"), Length::Empty).unwrap();
    drop(peer);
    assert_eq!(head(&mut answer).await.unwrap_err(), StreamError::Stale);
    assert!(!conn.is_reusable());

    // A byte of it was there: the request had been read.
    let (mut peer, mut conn) = client(4096);
    let (mut sink, mut answer) = conn.send(&get("/"), Length::Empty).unwrap();
    flush(&mut sink).await.unwrap();
    write(&mut peer, answer_one).await;
    head(&mut answer).await.unwrap();
    let (_sink, mut answer) = conn.send(&get("/"), Length::Empty).unwrap();
    write(&mut peer, "H").await;
    drop(peer);
    assert_eq!(
        head(&mut answer).await.unwrap_err(),
        StreamError::Incomplete
    );
}

#[tokio::test]
async fn an_idle_connection_notices_a_close_and_unasked_bytes() {
    for bytes in ["", "HTTP/1.1 408 Request Timeout\r\n\r\n"] {
        let (mut peer, mut conn) = client(4096);
        let open = tokio::select! {
            biased;
            () = poll_fn(|cx| conn.poll_closed(cx)) => false,
            () = tokio::task::yield_now() => true,
        };
        assert!(open && conn.is_reusable());
        write(&mut peer, bytes).await;
        if bytes.is_empty() {
            drop(peer);
        }
        poll_fn(|cx| conn.poll_closed(cx)).await;
        assert!(!conn.is_reusable());
        assert!(conn.send(&get("/"), Length::Empty).is_err());
    }
}

#[tokio::test]
async fn an_early_answer_is_read_although_the_upload_failed() {
    let (mut peer, mut conn) = client(256);
    let (mut sink, mut answer) = conn
        .send(&request(Method::POST, "/"), Length::Unknown)
        .unwrap();
    write(
        &mut peer,
        "HTTP/1.1 413 Too Big\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
    )
    .await;
    assert_eq!(head(&mut answer).await.unwrap().status, 413);
    poll_fn(|cx| sink.poll_closed(cx)).await;
    let mut upload = Endless;
    let mut pump = Pump::new();
    let end = poll_fn(|cx| pump.poll(cx, &mut upload, &mut sink)).await;
    assert_eq!(end, Err(crate::exchange::PumpError::Unwanted));
    assert!(!conn.is_reusable());
}

#[tokio::test]
async fn an_unfinished_upload_makes_the_connection_useless() {
    let (mut peer, mut conn) = client(4096);
    let (sink, mut answer) = conn
        .send(&request(Method::POST, "/"), Length::Known(10))
        .unwrap();
    write(&mut peer, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!(head(&mut answer).await.unwrap().status, 200);
    drop((sink, answer));
    assert!(!conn.is_reusable());
}

/// A body without end.
struct Endless;

impl Source for Endless {
    fn poll_frame(
        &mut self,
        _: &mut core::task::Context<'_>,
    ) -> core::task::Poll<Option<Result<Frame, StreamError>>> {
        core::task::Poll::Ready(Some(Ok(data(&[b'x'; 1024]))))
    }

    fn is_end(&self) -> bool {
        false
    }

    fn length(&self) -> Length {
        Length::Unknown
    }
}
