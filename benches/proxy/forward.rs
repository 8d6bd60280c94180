//! What the benchmark is itself: the backend, a copy of bytes, a plain forwarder on hyper. Each is
//! this program once more, in a process of its own.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response, server};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};

use crate::contender::Shape;
use crate::process::{self, Process};
use crate::{Started, free};

/// How the processes of the benchmark are told apart from the one that a person starts.
pub(crate) const CHILD: &str = "one-process";

const HTTP1: &str = "http1";
const HTTP2: &str = "http2";

pub(crate) fn backend(at: SocketAddr, http2: bool) -> Process {
    start(
        process::OTHERS,
        &["backend", protocol(http2), &at.to_string()],
    )
}

pub(crate) fn copy(backend: SocketAddr) -> Started {
    let at = free();
    let args = ["copy", &at.to_string(), &backend.to_string()];
    (at, vec![start(process::PROXIES, &args)])
}

pub(crate) fn hyper(shape: Shape, backend: SocketAddr) -> Started {
    let at = free();
    let (from, to) = (shape.clients_are_http2(), shape.backend_is_http2());
    let (own, other) = (at.to_string(), backend.to_string());
    let args = ["hyper", &own, &other, protocol(from), protocol(to)];
    (at, vec![start(process::PROXIES, &args)])
}

fn start(cores: &str, args: &[&str]) -> Process {
    let own = std::env::current_exe().unwrap();
    process::start(cores, &[&[own.to_str().unwrap(), CHILD], args].concat())
}

fn protocol(http2: bool) -> &'static str {
    if http2 { HTTP2 } else { HTTP1 }
}

/// One of them, for as long as the process lives.
pub(crate) fn run(args: &[String]) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    runtime.block_on(async {
        match args[..] {
            ["backend", protocol, at] => serve_backend(at, protocol == HTTP2).await,
            ["copy", at, to] => serve_copy(at, to.parse().unwrap()).await,
            ["hyper", at, to, from, into] => {
                serve_hyper(at, to.parse().unwrap(), from == HTTP2, into == HTTP2).await;
            }
            _ => panic!("no such process: {args:?}"),
        }
    });
}

async fn accept(listener: &TcpListener) -> TcpStream {
    let (stream, _) = listener.accept().await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Answers with as many bytes as the path says.
async fn serve_backend(at: &str, http2: bool) {
    let listener = TcpListener::bind(at).await.unwrap();
    let large = Bytes::from(vec![b'x'; 1 << 20]);
    loop {
        let (stream, large) = (accept(&listener).await, large.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let size: usize = request.uri().path()[1..].parse().unwrap();
            let body = Full::new(large.slice(..size));
            async move { Ok::<_, hyper::Error>(Response::new(body)) }
        });
        tokio::spawn(connection(stream, http2, service));
    }
}

/// Serves one connection; the client decides when it ends.
async fn connection<S, B>(stream: TcpStream, http2: bool, service: S)
where
    S: hyper::service::Service<Request<Incoming>, Response = Response<B>> + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let io = TokioIo::new(stream);
    // An error is a client that left.
    if http2 {
        let builder = server::conn::http2::Builder::new(TokioExecutor::new());
        drop(builder.serve_connection(io, service).await);
    } else {
        let mut builder = server::conn::http1::Builder::new();
        builder.timer(TokioTimer::new());
        drop(builder.serve_connection(io, service).await);
    }
}

async fn serve_copy(at: &str, to: SocketAddr) {
    let listener = TcpListener::bind(at).await.unwrap();
    loop {
        let mut client = accept(&listener).await;
        tokio::spawn(async move {
            let mut server = TcpStream::connect(to).await.unwrap();
            server.set_nodelay(true).unwrap();
            drop(tokio::io::copy_bidirectional(&mut client, &mut server).await);
        });
    }
}

type Answer = Response<UnsyncBoxBody<Bytes, hyper::Error>>;

async fn serve_hyper(at: &str, to: SocketAddr, from_http2: bool, into_http2: bool) {
    let listener = TcpListener::bind(at).await.unwrap();
    let upstream = Upstream {
        to,
        shared: match into_http2 {
            true => Some(connect2(to).await),
            false => None,
        },
        idle: Arc::default(),
    };
    loop {
        let (stream, upstream) = (accept(&listener).await, upstream.clone());
        let service = service_fn(move |request| upstream.clone().send(request));
        tokio::spawn(connection(stream, from_http2, service));
    }
}

type Sender1 = http1::SendRequest<Incoming>;
type Sender2 = http2::SendRequest<Incoming>;

/// Connections to the backend: one that is shared, or as many as are needed at once.
#[derive(Clone)]
struct Upstream {
    to: SocketAddr,
    shared: Option<Sender2>,
    idle: Arc<Mutex<Vec<Sender1>>>,
}

/// A body that gives the connection back at its end.
struct Lent {
    body: Incoming,
    sender: Option<Sender1>,
    idle: Arc<Mutex<Vec<Sender1>>>,
}

async fn connect2(to: SocketAddr) -> Sender2 {
    let stream = TcpStream::connect(to).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let io = TokioIo::new(stream);
    let shaken = http2::handshake(TokioExecutor::new(), io).await;
    let (sender, connection) = shaken.unwrap();
    tokio::spawn(connection);
    sender
}

// === impl Upstream ===

impl Upstream {
    async fn send(mut self, request: Request<Incoming>) -> hyper::Result<Answer> {
        if let Some(shared) = &mut self.shared {
            return Ok(shared
                .send_request(request)
                .await?
                .map(BodyExt::boxed_unsync));
        }
        let idle = self.idle.lock().unwrap().pop();
        let mut sender = match idle {
            Some(sender) => sender,
            None => self.connect1().await,
        };
        sender.ready().await?;
        let answer = sender.send_request(origin(request)).await?;
        Ok(answer.map(|body| {
            BodyExt::boxed_unsync(Lent {
                body,
                sender: Some(sender),
                idle: self.idle,
            })
        }))
    }

    async fn connect1(&self) -> Sender1 {
        let stream = TcpStream::connect(self.to).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let shaken = http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = shaken.unwrap();
        tokio::spawn(connection);
        sender
    }
}

/// The request as HTTP/1.1 has it: the authority in `Host`, the path alone as target.
fn origin(mut request: Request<Incoming>) -> Request<Incoming> {
    if let Some(authority) = request.uri().authority().cloned() {
        let host = authority.as_str().parse().unwrap();
        request.headers_mut().insert("host", host);
        *request.uri_mut() = request.uri().path().parse().unwrap();
        *request.version_mut() = hyper::Version::HTTP_11;
    }
    request
}

// === impl Lent ===

impl Body for Lent {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.idle.lock().unwrap().extend(self.sender.take());
    }
}
