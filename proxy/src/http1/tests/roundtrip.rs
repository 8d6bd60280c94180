//! Properties: what is written is read again, however the bytes arrive; no bytes make it panic.

use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::io;

use proptest::collection::vec;
use proptest::prelude::*;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::*;

/// A connection that reads given bytes in given pieces and keeps what is written. Never pends: an
/// exchange with it needs no runtime.
#[derive(Debug, Default)]
struct Script {
    input: Vec<u8>,
    at: usize,
    pieces: Vec<usize>,
    piece: usize,
    written: Vec<u8>,
}

impl Script {
    fn new(input: Vec<u8>, pieces: &[usize]) -> Self {
        Self {
            input,
            pieces: pieces.to_vec(),
            ..Self::default()
        }
    }

    fn size(&mut self) -> usize {
        self.piece += 1;
        let pieces = &self.pieces;
        let size = pieces.get(self.piece % pieces.len().max(1)).copied();
        size.unwrap_or(usize::MAX).max(1)
    }
}

impl AsyncRead for Script {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let n = self
            .size()
            .min(buf.remaining())
            .min(self.input.len() - self.at);
        buf.put_slice(&self.input[self.at..self.at + n]);
        self.at += n;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Script {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let n = self.size().min(bytes.len());
        self.written.extend_from_slice(&bytes[..n]);
        Poll::Ready(Ok(n))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Runs what cannot pend.
fn run<T>(f: impl Future<Output = T>) -> T {
    let mut f = core::pin::pin!(f);
    match f.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a script never pends"),
    }
}

#[derive(Clone, Debug)]
struct Message {
    headers: Vec<(String, String)>,
    frames: Vec<Vec<u8>>,
    known: bool,
    trailers: Vec<(String, String)>,
}

impl Message {
    fn length(&self) -> Length {
        match (self.known, self.body().len()) {
            (true, 0) => Length::Empty,
            (true, n) => Length::Known(n as u64),
            (false, _) => Length::Unknown,
        }
    }

    fn body(&self) -> Vec<u8> {
        self.frames.concat()
    }

    fn sent_trailers(&self) -> Option<HeaderMap> {
        (!self.known && !self.trailers.is_empty()).then(|| map(&self.trailers))
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = map(&self.headers);
        if let Length::Known(n) = self.length() {
            headers.insert("content-length", n.into());
        }
        headers
    }

    async fn send(&self, sink: &mut impl Sink) {
        for frame in &self.frames {
            push(sink, Frame::Data(frame.clone().into()), false)
                .await
                .unwrap();
        }
        let last = match self.sent_trailers() {
            Some(trailers) => Frame::Trailers(trailers),
            None => data(b""),
        };
        push(sink, last, true).await.unwrap();
    }
}

fn map(pairs: &[(String, String)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        let name = http::HeaderName::from_bytes(name.as_bytes()).unwrap();
        map.append(name, value.parse().unwrap());
    }
    map
}

fn fields() -> impl Strategy<Value = Vec<(String, String)>> {
    vec(("x-[a-z0-9]{1,12}", "[!-~]([ -~]{0,20}[!-~])?"), 0..8)
}

fn message() -> impl Strategy<Value = Message> {
    let frames = prop_oneof![
        4 => vec(vec(any::<u8>(), 0..64), 0..6),
        1 => vec(vec(any::<u8>(), 4000..9000), 1..4),
    ];
    (fields(), frames, any::<bool>(), fields()).prop_map(|(headers, frames, known, trailers)| {
        Message {
            headers,
            frames,
            known,
            trailers,
        }
    })
}

fn pieces() -> impl Strategy<Value = Vec<usize>> {
    vec(prop_oneof![1usize..8, 1usize..5000], 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn requests_survive_any_splitting(messages in vec(message(), 1..4), cut in pieces()) {
        let mut bytes = Vec::new();
        for message in &messages {
            // A request alone on its connection: a script answers nothing.
            let mut conn = ClientConn::new(Script::new(Vec::new(), &cut), Limits::default());
            let mut head = request(Method::POST, "/p?q");
            head.headers = map(&message.headers);
            run(async {
                let (mut sink, _) = conn.send(&head, message.length()).unwrap();
                message.send(&mut sink).await;
            });
            bytes.extend_from_slice(&conn.take_io().unwrap().0.written);
        }
        let mut conn = ServerConn::new(Script::new(bytes, &cut), Limits::default());
        run(async {
            for message in &messages {
                let (head, mut body, mut sink) = conn.next_request().await.unwrap().unwrap();
                assert_eq!(head.path.as_str(), "/p?q");
                let mut expected = message.headers();
                if message.length() == Length::Empty {
                    expected.insert("content-length", 0.into());
                }
                assert_eq!(head.headers, expected);
                let seen = collect(&mut body).await.unwrap();
                assert_eq!(seen, (message.body(), message.sent_trailers()));
                assert!(body.is_end());
                sink.respond(ok(), Length::Empty).unwrap();
            }
            assert!(conn.next_request().await.unwrap().is_none());
        });
    }

    #[test]
    fn responses_survive_any_splitting(messages in vec(message(), 1..4), cut in pieces()) {
        let asks = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n".repeat(messages.len());
        let mut conn = ServerConn::new(Script::new(asks, &cut), Limits::default());
        run(async {
            for message in &messages {
                let (_, _, mut sink) = conn.next_request().await.unwrap().unwrap();
                let mut head = ok();
                head.headers = map(&message.headers);
                sink.respond(head, message.length()).unwrap();
                message.send(&mut sink).await;
            }
        });
        let bytes = conn.take_io().unwrap().0.written;
        // Whatever is at hand beyond the first answer makes the connection useless, so each answer
        // is read on a connection of its own.
        let mut rest = &bytes[..];
        for message in &messages {
            let mut conn = ClientConn::new(Script::new(rest.to_vec(), &cut), Limits::default());
            run(async {
                let (_, mut answer) = conn.send(&get("/"), Length::Empty).unwrap();
                let head = head(&mut answer).await.unwrap();
                let mut expected = message.headers();
                if message.length() == Length::Empty {
                    expected.insert("content-length", 0.into());
                }
                assert_eq!(head.headers, expected);
                let seen = collect(&mut answer).await.unwrap();
                assert_eq!(seen, (message.body(), message.sent_trailers()));
            });
            let (io, read) = conn.take_io().unwrap();
            rest = &rest[io.at - read.len()..];
        }
        assert!(rest.is_empty());
    }

    #[test]
    fn no_bytes_make_a_server_panic(bytes in noise(), cut in pieces()) {
        let mut conn = ServerConn::new(Script::new(bytes, &cut), Limits::default());
        run(async {
            while let Ok(Some((_, mut body, mut sink))) = conn.next_request().await {
                let _ = collect(&mut body).await;
                let _ = sink.respond(ok(), Length::Unknown);
                let _ = sink.send(data(b"x"), true);
            }
        });
    }

    #[test]
    fn no_bytes_make_a_client_panic(bytes in noise(), cut in pieces()) {
        let mut conn = ClientConn::new(Script::new(bytes, &cut), Limits::default());
        run(async {
            while let Ok((_, mut answer)) = conn.send(&get("/"), Length::Empty) {
                while let Ok(head) = head(&mut answer).await {
                    if !head.status.is_informational() {
                        let _ = collect(&mut answer).await;
                        break;
                    }
                }
            }
        });
    }
}

/// Bytes that look enough like HTTP to get past the first line.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        2 => vec(any::<u8>(), 0..20),
        1 => Just(b"\r\n".to_vec()),
        1 => Just(b"\r\n\r\n".to_vec()),
        1 => Just(b"POST / HTTP/1.1\r\nhost: a\r\n".to_vec()),
        1 => Just(b"CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n".to_vec()),
        1 => Just(b"HTTP/1.1 200 OK\r\n".to_vec()),
        1 => Just(b"HTTP/1.1 101 X\r\nupgrade: y\r\n\r\n".to_vec()),
        1 => Just(b"transfer-encoding: chunked\r\n\r\n".to_vec()),
        1 => Just(b"content-length: 7\r\n".to_vec()),
        1 => Just(b"expect: 100-continue\r\n".to_vec()),
        1 => Just(b"3\r\nabc\r\n".to_vec()),
        1 => Just(b"0\r\na: b\r\n\r\n".to_vec()),
        1 => Just(b"ffffffffffffffff\r\n".to_vec()),
    ];
    vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}
