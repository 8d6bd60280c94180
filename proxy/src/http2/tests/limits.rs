//! Bounds: windows, streams, heads; and what the clock may not decide.

use core::task::Poll;

use super::*;

/// Sends until the sink takes no more; how much that was.
async fn fill(sink: &mut impl Sink) -> usize {
    let frame = Bytes::from(vec![b'x'; 16 * 1024]);
    let mut sent = 0;
    loop {
        settle().await;
        let ready = tokio::select! {
            biased;
            ready = poll_fn(|cx| sink.poll_ready(cx)) => { ready.unwrap(); true }
            () = tokio::task::yield_now() => false,
        };
        if !ready {
            return sent;
        }
        sink.send(Frame::Data(frame.clone()), false).unwrap();
        sent += frame.len();
        assert!(sent < 4 << 20, "nothing stops the sender");
    }
}

#[tokio::test]
async fn a_body_nobody_takes_stops_at_the_window() {
    let (near, far) = tokio::io::duplex(1 << 20);
    let (mut client, driver) = client(near, &Config::default()).await.unwrap();
    let test = async {
        let mut server = server(far, &Config::default()).await.unwrap();
        let (mut sink, _answer) = client
            .send(&request(Method::POST, "/"), Length::Unknown)
            .unwrap();
        let (_, mut body, _respond) = server.accept().await.unwrap().unwrap();
        behind(server.accept(), async {
            let window = STREAM_WINDOW_BYTES as usize;
            let sent = fill(&mut sink).await;
            assert!((window..window + 32 * 1024).contains(&sent), "{sent}");
            // A frame that was handed out but not taken on keeps its window.
            let Some(Ok(Frame::Data(first))) = poll_fn(|cx| body.poll_frame(cx)).await else {
                panic!("data");
            };
            assert_eq!(fill(&mut sink).await, 0);
            let mut taken = first.len();
            while taken < sent - 16 * 1024 {
                let frame = poll_fn(|cx| body.poll_frame(cx)).await;
                let Some(Ok(Frame::Data(next))) = frame else {
                    panic!("data");
                };
                taken += next.len();
            }
            assert!(fill(&mut sink).await > 0);
        })
        .await;
    };
    behind(driver, test).await;
}

#[tokio::test]
async fn the_window_of_an_abandoned_body_returns_to_the_connection() {
    let answer = async |_: RequestHead, mut body: RequestBody, mut sink: ResponseSink| {
        let _ = poll_fn(|cx| body.poll_frame(cx)).await;
        sink.respond(ok(), Length::Empty).unwrap();
    };
    let config = Config {
        connection_window_bytes: 65_535,
        ..Config::default()
    };
    with_server(config, answer, async |mut client| {
        for _ in 0..20 {
            let (mut sink, mut answer) = client
                .send(&request(Method::POST, "/"), Length::Unknown)
                .unwrap();
            push(&mut sink, Frame::Data(vec![b'x'; 30_000].into()), false)
                .await
                .unwrap();
            assert_eq!(head(&mut answer).await.unwrap().status, 200);
        }
    })
    .await;
}

#[tokio::test]
async fn streams_beyond_the_limit_wait() {
    let config = Config {
        concurrent_streams: 2,
        ..Config::default()
    };
    let answer = async |_: RequestHead, mut body: RequestBody, mut sink: ResponseSink| {
        collect(&mut body).await.unwrap();
        sink.respond(ok(), Length::Empty).unwrap();
    };
    with_server(config, answer, async |mut client| {
        settle().await;
        assert_eq!(client.max_streams(), 2);
        let mut open = Vec::new();
        for _ in 0..3 {
            poll_fn(|cx| client.poll_ready(cx)).await.unwrap();
            settle().await;
            open.push(
                client
                    .send(&request(Method::POST, "/"), Length::Unknown)
                    .unwrap(),
            );
        }
        let ready = tokio::select! {
            biased;
            _ = poll_fn(|cx| client.poll_ready(cx)) => true,
            () = settle() => false,
        };
        assert!(!ready, "the third waits inside the connection");
        let (mut sink, mut answer) = open.remove(0);
        push(&mut sink, data(b""), true).await.unwrap();
        assert_eq!(head(&mut answer).await.unwrap().status, 200);
        poll_fn(|cx| client.poll_ready(cx)).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    with_server(Config::default(), echo, async |mut client| {
        let mut head_out = request(Method::GET, "/");
        let large = "x".repeat(HEADER_LIST_BYTES_MAX as usize);
        head_out.headers.insert("x-large", large.parse().unwrap());
        let (_, mut answer) = client.send(&head_out, Length::Empty).unwrap();
        assert_eq!(head(&mut answer).await.unwrap().status, 431);
        let (_, mut answer) = client
            .send(&request(Method::GET, "/"), Length::Empty)
            .unwrap();
        assert_eq!(
            head(&mut answer).await.unwrap().status,
            200,
            "the connection lives on"
        );
    })
    .await;
}

#[tokio::test]
async fn a_body_shorter_than_its_length_is_an_error() {
    with_server(Config::default(), echo, async |mut client| {
        let mut head_out = request(Method::POST, "/");
        head_out.headers.insert("content-length", 1.into());
        let (mut sink, mut answer) = client.send(&head_out, Length::Known(9)).unwrap();
        push(&mut sink, data(b"abc"), true).await.unwrap();
        let seen = async {
            head(&mut answer).await?;
            collect(&mut answer).await
        };
        assert!(seen.await.is_err());
    })
    .await;
}

/// Many streams are reset, more than are remembered, and their late frames arrive: the connection
/// goes on, and however much real time passes, nothing depends on it.
#[tokio::test]
async fn resets_beyond_what_is_remembered_do_not_end_the_connection() {
    let answer = async |_: RequestHead, _: RequestBody, mut sink: ResponseSink| {
        let _ = sink.respond(ok(), Length::Unknown);
        let _ = push(&mut sink, data(b"late"), true).await;
    };
    with_server(Config::default(), answer, async |mut client| {
        for _ in 0..3 * RESET_STREAMS_MAX {
            poll_fn(|cx| client.poll_ready(cx)).await.unwrap();
            let exchange = client
                .send(&request(Method::GET, "/"), Length::Empty)
                .unwrap();
            tokio::task::yield_now().await;
            drop(exchange);
        }
        settle().await;
        let (_, mut answer) = client
            .send(&request(Method::GET, "/"), Length::Empty)
            .unwrap();
        assert_eq!(head(&mut answer).await.unwrap().status, 200);
    })
    .await;
}

#[tokio::test]
async fn bytes_that_are_not_http2_are_refused() {
    use tokio::io::AsyncWriteExt;
    for bytes in [&b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"[..], b"", &[0; 64]] {
        let (mut peer, io) = tokio::io::duplex(4096);
        peer.write_all(bytes).await.unwrap();
        peer.shutdown().await.unwrap();
        assert!(server(io, &Config::default()).await.is_err(), "{bytes:?}");
    }
}

/// Streams that a client of the tests below opens at most.
const STREAMS: usize = 3 * PREMATURE_RESETS_MAX as usize;

/// Opens streams and resets `share` of each ten at once; how many could be opened.
async fn open_and_reset(share: usize) -> usize {
    let answer = async |_: RequestHead, _: RequestBody, mut sink: ResponseSink| {
        // As a handler does that waits for its upstream.
        for _ in 0..8 {
            tokio::task::yield_now().await;
        }
        let closed = poll_fn(|cx| Poll::Ready(sink.poll_closed(cx).is_ready())).await;
        if !closed {
            let _ = sink.respond(ok(), Length::Empty);
        }
    };
    with_server(Config::default(), answer, async |mut client| {
        for n in 0..STREAMS {
            if poll_fn(|cx| client.poll_ready(cx)).await.is_err() {
                return n;
            }
            let Ok((mut sink, mut answer)) =
                client.send(&request(Method::GET, "/"), Length::Unknown)
            else {
                return n;
            };
            if n % 10 < share {
                tokio::task::yield_now().await;
                sink.abort();
                tokio::task::yield_now().await;
            } else if head(&mut answer).await.is_err() {
                return n;
            }
        }
        STREAMS
    })
    .await
}

#[tokio::test]
async fn a_client_that_resets_most_of_its_streams_is_shown_the_door() {
    let limit = PREMATURE_RESETS_MAX as usize;
    let opened = open_and_reset(10).await;
    assert!((limit..limit + 50).contains(&opened), "{opened}");
    let opened = open_and_reset(7).await;
    assert!(opened < 2 * limit, "{opened}");
    assert_eq!(open_and_reset(4).await, STREAMS);
}
