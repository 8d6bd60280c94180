//! What one proxied HTTP/1.1 exchange costs in the codec alone: a request is parsed and written on,
//! a response is parsed and written back, in memory, with ten headers each way and a body of a
//! hundred bytes; beside it the same with hyper. `cargo bench --profile dist --bench codec`.
//!
//! This is the figure behind the codec of our own: it leaves out system calls, which both need, and
//! routing. The last figures stand in `docs/performance.md`.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that cannot go on has failed"
)]

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use http_body_util::BodyExt as _;
use hyper_util::rt::TokioIo;
use proxy::exchange::{Answer as _, Pump, Respond as _, Source as _};
use proxy::http1::{ClientConn, Limits, ServerConn};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

const REQUEST: &[u8] = b"GET /api/v1/products?limit=20 HTTP/1.1\r\nHost: shop.default.svc:8080\r\n\
User-Agent: curl/7.88.1\r\nAccept: application/json\r\nAccept-Encoding: gzip, deflate\r\n\
Authorization: Bearer abcdefghijklmnopqrstuvwxyz0123456789\r\n\
X-Request-Id: 7f3d9c1e-1111-2222-3333-444455556666\r\n\
X-B3-TraceId: 463ac35c9f6413ad48485a3953bb6124\r\nX-B3-SpanId: a2fb4a1d1a96d312\r\n\
Cookie: session=0123456789abcdef\r\nX-Forwarded-For: 10.1.2.3\r\n\r\n";

const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
Content-Length: 100\r\nDate: Fri, 20 Nov 2026 10:00:00 GMT\r\nServer: app/1.0\r\n\
Cache-Control: no-cache\r\nVary: Accept-Encoding\r\nETag: \"abcdef0123456789\"\r\n\
X-Request-Id: 7f3d9c1e-1111-2222-3333-444455556666\r\nX-Frame-Options: DENY\r\n\
Set-Cookie: a=b; Path=/\r\n\r\n\
0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789";

/// Exchanges per measurement, and measurements; the median is printed.
const EXCHANGES: u32 = 20_000;
const RUNS: usize = 9;

/// A peer that answers everything written with the same message.
struct Peer {
    message: &'static [u8],
    /// Whether the message is there to be read.
    ready: bool,
    reader: Option<Waker>,
}

impl Peer {
    fn new(message: &'static [u8], ready: bool) -> Self {
        Self {
            message,
            ready,
            reader: None,
        }
    }
}

impl AsyncRead for Peer {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.ready {
            self.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        self.ready = false;
        buf.put_slice(self.message);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Peer {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.ready = true;
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn main() {
    println!(
        "{:<58} {:>10}",
        "one proxied HTTP/1.1 exchange in memory", "ns"
    );
    row("own codec", own());
    row(
        "hyper (server and client connection, no router)",
        hyper_forwarder(),
    );
}

fn row(name: &str, mut times: Vec<f64>) {
    times.sort_by(f64::total_cmp);
    println!("{name:<58} {:>10.0}", times[times.len() / 2]);
}

fn own() -> Vec<f64> {
    let mut server = ServerConn::new(Peer::new(REQUEST, true), Limits::default());
    let mut client = ClientConn::new(Peer::new(RESPONSE, false), Limits::default());
    let measure = |_| {
        let started = Instant::now();
        for _ in 0..EXCHANGES {
            at_once(async {
                let (head, mut body, mut down) = server.next_request().await.unwrap().unwrap();
                let (mut up, mut answer) = client.send(&head, body.length()).unwrap();
                let mut request = Pump::new();
                poll_fn(|cx| request.poll(cx, &mut body, &mut up))
                    .await
                    .unwrap();
                let response = poll_fn(|cx| answer.poll_head(cx)).await.unwrap();
                down.respond(response, answer.length()).unwrap();
                let mut back = Pump::new();
                poll_fn(|cx| back.poll(cx, &mut answer, &mut down))
                    .await
                    .unwrap();
                assert!(client.is_reusable());
            });
        }
        started.elapsed().as_nanos() as f64 / f64::from(EXCHANGES)
    };
    (0..RUNS).map(measure).collect()
}

/// Nothing here ever waits: the peers answer at once.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the peers answer at once"),
    }
}

/// The plainest forwarder that hyper allows: what its documentation shows, without a runtime's I/O.
fn hyper_forwarder() -> Vec<f64> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(tokio::task::LocalSet::new().run_until(async {
        let client = TokioIo::new(Peer::new(RESPONSE, false));
        let (sender, driver) = hyper::client::conn::http1::handshake(client).await.unwrap();
        tokio::task::spawn_local(driver);
        let sender = std::rc::Rc::new(tokio::sync::Mutex::new(sender));
        let (done, mut exchanges) = tokio::sync::mpsc::unbounded_channel();
        let forward = hyper::service::service_fn(move |request| {
            let (sender, done) = (sender.clone(), done.clone());
            async move {
                let mut sender = sender.lock().await;
                sender.ready().await?;
                let response = sender.send_request(request).await?;
                let (head, body) = response.into_parts();
                let body = body.collect().await?.to_bytes();
                let _ = done.send(());
                let body = http_body_util::Full::new(body);
                Ok::<_, hyper::Error>(hyper::Response::from_parts(head, body))
            }
        });
        let server = TokioIo::new(Peer::new(REQUEST, true));
        let connection =
            hyper::server::conn::http1::Builder::new().serve_connection(server, forward);
        tokio::task::spawn_local(connection);
        let mut times = Vec::new();
        for _ in 0..RUNS {
            let started = Instant::now();
            for _ in 0..EXCHANGES {
                exchanges.recv().await.unwrap();
            }
            times.push(started.elapsed().as_nanos() as f64 / f64::from(EXCHANGES));
        }
        times
    }))
}
