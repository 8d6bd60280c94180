//! Pairs of connections over pipes, and translations between the versions.

mod hostile;
mod keep_alive;
mod limits;
mod translate;

use core::future::{pending, poll_fn};
use core::pin::pin;

use bytes::Bytes;
use engine::head::{RequestHead, ResponseHead};
use futures_util::stream::{FuturesUnordered, StreamExt};
use http::uri::{Authority, PathAndQuery};
use http::{HeaderMap, Method, StatusCode};
use tokio::io::DuplexStream;

use super::*;
use crate::exchange::{Answer, Frame, Length, Pump, PumpError, Respond, Sink, Source};

/// Everything a source yields, data in one piece.
async fn collect(source: &mut impl Source) -> Result<(Vec<u8>, Option<HeaderMap>), StreamError> {
    let mut body = Vec::new();
    while let Some(frame) = poll_fn(|cx| source.poll_frame(cx)).await {
        match frame? {
            Frame::Data(data) => body.extend_from_slice(&data),
            Frame::Trailers(trailers) => return Ok((body, Some(trailers))),
        }
    }
    Ok((body, None))
}

async fn push(sink: &mut impl Sink, frame: Frame, end: bool) -> Result<(), StreamError> {
    poll_fn(|cx| sink.poll_ready(cx)).await?;
    sink.send(frame, end)?;
    poll_fn(|cx| sink.poll_flush(cx)).await
}

async fn head(answer: &mut impl Answer) -> Result<ResponseHead, StreamError> {
    poll_fn(|cx| answer.poll_head(cx)).await
}

async fn pump(source: &mut impl Source, sink: &mut impl Sink) -> Result<(), PumpError> {
    let mut pump = Pump::new();
    poll_fn(|cx| pump.poll(cx, source, sink)).await
}

fn request(method: Method, path: &'static str) -> RequestHead {
    let authority = Authority::from_static("shop:8080");
    RequestHead::new(method, Some(authority), PathAndQuery::from_static(path))
}

fn data(bytes: &'static [u8]) -> Frame {
    Frame::Data(Bytes::from_static(bytes))
}

fn trailers(value: &'static str) -> HeaderMap {
    let mut map = HeaderMap::new();
    map.insert("grpc-status", value.parse().unwrap());
    map
}

fn ok() -> ResponseHead {
    ResponseHead::new(StatusCode::OK)
}

/// Runs `test` against a server that answers every request with `answer`, all streams at once.
async fn with_server<T, A, F>(config: Config, answer: A, test: impl AsyncFnOnce(Client) -> T) -> T
where
    A: Fn(RequestHead, RequestBody, ResponseSink) -> F,
    F: Future<Output = ()>,
{
    let (near, far) = tokio::io::duplex(1 << 20);
    let serve = async {
        let mut server = server(far, &config).await.unwrap();
        let mut answers = FuturesUnordered::new();
        loop {
            tokio::select! {
                biased;
                Some(()) = answers.next() => {}
                next = server.accept() => match next {
                    Some(Ok((head, body, sink))) => answers.push(answer(head, body, sink)),
                    _ => break,
                }
            }
        }
    };
    let (client, driver) = client(near, &Config::default()).await.unwrap();
    behind(async { tokio::join!(serve, driver) }, test(client)).await
}

/// Runs `test` to its end, with `background` beside it.
async fn behind<T>(background: impl Future, test: impl Future<Output = T>) -> T {
    let background = pin!(async {
        background.await;
        pending::<()>().await;
    });
    tokio::select! {
        biased;
        value = test => value,
        () = background => unreachable!(),
    }
}

/// Waits until what is under way has been delivered.
async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

async fn echo(_: RequestHead, mut body: RequestBody, mut sink: ResponseSink) {
    // A stream that was reset meanwhile takes neither.
    if sink.respond(ok(), Length::Unknown).is_ok() {
        let _ = pump(&mut body, &mut sink).await;
    }
}

#[tokio::test]
async fn an_exchange_carries_bodies_and_trailers_both_ways() {
    with_server(Config::default(), echo, async |mut client| {
        let head_out = request(Method::POST, "/p?q");
        let (mut sink, mut answer) = client.send(&head_out, Length::Unknown).unwrap();
        assert_eq!(head(&mut answer).await.unwrap().status, 200);
        for _ in 0..3 {
            push(&mut sink, data(b"ping"), false).await.unwrap();
            let frame = poll_fn(|cx| answer.poll_frame(cx)).await;
            assert_eq!(frame, Some(Ok(data(b"ping"))));
        }
        push(&mut sink, Frame::Trailers(trailers("0")), true)
            .await
            .unwrap();
        assert_eq!(
            collect(&mut answer).await.unwrap(),
            (vec![], Some(trailers("0")))
        );
        assert!(answer.is_end());
    })
    .await;
}

#[tokio::test]
async fn many_streams_share_a_connection() {
    with_server(Config::default(), echo, async |client| {
        let mut all = FuturesUnordered::new();
        for i in 0..200usize {
            let mut client = client.clone();
            all.push(async move {
                poll_fn(|cx| client.poll_ready(cx)).await.unwrap();
                let head_out = request(Method::POST, "/");
                let (mut sink, mut answer) = client.send(&head_out, Length::Unknown).unwrap();
                let body = Bytes::from(vec![b'x'; i * 100]);
                push(&mut sink, Frame::Data(body), true).await.unwrap();
                head(&mut answer).await.unwrap();
                assert_eq!(collect(&mut answer).await.unwrap().0.len(), i * 100);
            });
        }
        while all.next().await.is_some() {}
    })
    .await;
}

#[tokio::test]
async fn lengths_are_known_where_the_head_tells() {
    let answer = async |_: RequestHead, body: RequestBody, mut sink: ResponseSink| {
        let text = match body.length() {
            Length::Empty => data(b"empty"),
            Length::Known(_) => data(b"known"),
            Length::Unknown => data(b"unknown"),
        };
        sink.respond(ok(), Length::Unknown).unwrap();
        push(&mut sink, text, true).await.unwrap();
    };
    with_server(Config::default(), answer, async |mut client| {
        for (length, expected) in [
            (Length::Empty, "empty"),
            (Length::Known(0), "empty"),
            (Length::Known(1), "known"),
            (Length::Unknown, "unknown"),
        ] {
            let head_out = request(Method::POST, "/");
            let (_sink, mut answer) = client.send(&head_out, length).unwrap();
            head(&mut answer).await.unwrap();
            let (body, _) = collect(&mut answer).await.unwrap();
            assert_eq!(String::from_utf8(body).unwrap(), expected, "{length:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn responses_without_a_body_end_with_their_head() {
    let answer = async |head: RequestHead, _: RequestBody, mut sink: ResponseSink| {
        let status: u16 = head.path.as_str()[1..].parse().unwrap();
        let mut answer = ResponseHead::new(StatusCode::from_u16(status).unwrap());
        answer.headers.insert("content-length", 7.into());
        sink.respond(answer, Length::Empty).unwrap();
        // What a pump does with a source that is empty.
        push(&mut sink, data(b""), true).await.unwrap();
    };
    with_server(Config::default(), answer, async |mut client| {
        for (method, path, length) in [
            (Method::HEAD, "/200", Some("7")),
            (Method::GET, "/304", Some("7")),
            (Method::GET, "/204", None),
            (Method::GET, "/200", Some("0")),
        ] {
            let (_, mut answer) = client.send(&request(method, path), Length::Empty).unwrap();
            let answered = head(&mut answer).await.unwrap();
            let seen = answered
                .headers
                .get("content-length")
                .map(|v| v.to_str().unwrap());
            assert_eq!(seen, length, "{path}");
            assert_eq!(answer.length(), Length::Empty, "{path}");
            assert_eq!(
                collect(&mut answer).await.unwrap(),
                (vec![], None),
                "{path}"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn informational_responses_come_before_the_final_one() {
    let answer = async |_: RequestHead, _: RequestBody, mut sink: ResponseSink| {
        for status in [100, 103, 100] {
            let status = StatusCode::from_u16(status).unwrap();
            sink.inform(ResponseHead::new(status)).unwrap();
        }
        assert!(!sink.has_responded());
        sink.respond(ok(), Length::Empty).unwrap();
        assert!(
            sink.inform(ResponseHead::new(StatusCode::EARLY_HINTS))
                .is_err()
        );
    };
    with_server(Config::default(), answer, async |mut client| {
        let (_, mut answer) = client
            .send(&request(Method::GET, "/"), Length::Empty)
            .unwrap();
        assert_eq!(head(&mut answer).await.unwrap().status, 103);
        assert_eq!(head(&mut answer).await.unwrap().status, 200);
    })
    .await;
}

#[tokio::test]
async fn an_early_answer_stops_the_upload_and_is_read_whole() {
    let answer = async |_: RequestHead, body: RequestBody, mut sink: ResponseSink| {
        sink.respond(
            ResponseHead::new(StatusCode::PAYLOAD_TOO_LARGE),
            Length::Unknown,
        )
        .unwrap();
        push(&mut sink, data(b"too large"), true).await.unwrap();
        drop(body);
    };
    with_server(Config::default(), answer, async |mut client| {
        let (mut sink, mut answer) = client
            .send(&request(Method::POST, "/"), Length::Unknown)
            .unwrap();
        push(&mut sink, data(b"x"), false).await.unwrap();
        assert_eq!(head(&mut answer).await.unwrap().status, 413);
        poll_fn(|cx| sink.poll_closed(cx)).await;
        assert_eq!(collect(&mut answer).await.unwrap().0, b"too large");
    })
    .await;
}

#[tokio::test]
async fn resets_reach_the_other_side() {
    // The server gives up, in one way or another.
    for reason in [
        Some(Reason::REFUSED_STREAM),
        Some(Reason::ENHANCE_YOUR_CALM),
        None,
    ] {
        let answer = async |_: RequestHead, _: RequestBody, mut sink: ResponseSink| match reason {
            Some(reason) => sink.reset(reason),
            None => drop(sink),
        };
        let expected = match reason {
            Some(Reason::REFUSED_STREAM) => StreamError::Refused,
            _ => StreamError::Reset,
        };
        with_server(Config::default(), answer, async |mut client| {
            let (_, mut answer) = client
                .send(&request(Method::GET, "/"), Length::Empty)
                .unwrap();
            assert_eq!(head(&mut answer).await.unwrap_err(), expected);
        })
        .await;
    }
    // In the middle of a body.
    let answer = async |_: RequestHead, _: RequestBody, mut sink: ResponseSink| {
        sink.respond(ok(), Length::Known(9)).unwrap();
        push(&mut sink, data(b"abc"), false).await.unwrap();
        settle().await;
    };
    with_server(Config::default(), answer, async |mut client| {
        let (_, mut answer) = client
            .send(&request(Method::GET, "/"), Length::Empty)
            .unwrap();
        head(&mut answer).await.unwrap();
        assert_eq!(collect(&mut answer).await, Err(StreamError::Reset));
    })
    .await;
}

#[tokio::test]
async fn a_client_that_gives_up_is_noticed() {
    let (near, far) = tokio::io::duplex(1 << 16);
    let (mut client, driver) = client(near, &Config::default()).await.unwrap();
    let test = async {
        let mut server = server(far, &Config::default()).await.unwrap();
        let (sink, answer) = client
            .send(&request(Method::POST, "/"), Length::Unknown)
            .unwrap();
        let (_, mut body, mut respond) = server.accept().await.unwrap().unwrap();
        drop((sink, answer));
        behind(server.accept(), async {
            poll_fn(|cx| respond.poll_closed(cx)).await;
            assert_eq!(collect(&mut body).await, Err(StreamError::Reset));
            assert!(respond.respond(ok(), Length::Empty).is_err());
        })
        .await;
    };
    behind(driver, test).await;
}

#[tokio::test]
async fn a_drain_finishes_what_was_accepted_and_refuses_the_rest() {
    let (near, far) = tokio::io::duplex(1 << 16);
    let (mut client, driver) = client(near, &Config::default()).await.unwrap();
    let serve = async {
        let mut server = server(far, &Config::default()).await.unwrap();
        let (_, _, mut sink) = server.accept().await.unwrap().unwrap();
        server.drain();
        assert!(server.has_streams());
        let rest = async { server.accept().await.is_none() };
        let answer = async {
            settle().await;
            sink.respond(ok(), Length::Empty).unwrap();
            drop(sink);
        };
        let (ended, ()) = tokio::join!(rest, answer);
        assert!(ended);
    };
    let test = async {
        let (_, mut first) = client
            .send(&request(Method::GET, "/"), Length::Empty)
            .unwrap();
        assert_eq!(head(&mut first).await.unwrap().status, 200);
        drop(first);
        let refused = poll_fn(|cx| client.poll_ready(cx)).await;
        assert_eq!(refused, Err(StreamError::Refused));
    };
    let ((), end, ()) = tokio::join!(serve, driver, test);
    assert_eq!(end, Ok(()));
}

#[tokio::test]
async fn a_lost_connection_breaks_its_streams() {
    let (near, far) = tokio::io::duplex(1 << 16);
    let (mut client, driver) = client(near, &Config::default()).await.unwrap();
    let test = async {
        let mut server = server(far, &Config::default()).await.unwrap();
        let (_, mut answer) = client
            .send(&request(Method::GET, "/"), Length::Empty)
            .unwrap();
        let exchange = server.accept().await.unwrap().unwrap();
        drop((exchange, server));
        assert_eq!(
            head(&mut answer).await.unwrap_err(),
            StreamError::Incomplete
        );
    };
    behind(driver, test).await;
}

#[tokio::test]
async fn connect_opens_a_tunnel() {
    let answer = async |head: RequestHead, mut body: RequestBody, mut sink: ResponseSink| {
        assert_eq!((head.method, head.path.as_str()), (Method::CONNECT, "/"));
        assert!(body.is_end(), "no body before the tunnel");
        sink.respond(ok(), Length::Empty).unwrap();
        pump(&mut body, &mut sink).await.unwrap();
    };
    with_server(Config::default(), answer, async |mut client| {
        let (mut sink, mut answer) = client
            .send(&request(Method::CONNECT, "/"), Length::Empty)
            .unwrap();
        push(&mut sink, data(b""), true).await.unwrap();
        assert_eq!(head(&mut answer).await.unwrap().status, 200);
        push(&mut sink, data(b"through"), false).await.unwrap();
        let frame = poll_fn(|cx| answer.poll_frame(cx)).await;
        assert_eq!(frame, Some(Ok(data(b"through"))));
        push(&mut sink, data(b""), true).await.unwrap();
        assert_eq!(collect(&mut answer).await.unwrap(), (vec![], None));
    })
    .await;
}
