//! The HTTP client of simulated applications and loads: pooled connections, as every client library
//! has them.
//!
//! It is plain on purpose. What it does not do (retries, balancing, circuit breaking) is what the
//! mesh is tested for. The one thing it does for itself is what every client does: a request that
//! meets a pooled connection the server has closed meanwhile is sent once more on a new one.

use core::future::poll_fn;
use core::net::SocketAddr;
use core::task::{Context, Poll, Waker};
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use engine::failure::Flag;
use engine::head::{RequestHead, ResponseHead};
use engine::time::Instant;
use http::uri::{Authority, PathAndQuery};
use http::{HeaderMap, HeaderValue, Method};
use proxy::exchange::{Answer as _, Length, Sink as _, StreamError};
use proxy::http1;
use proxy::net::Rt as _;

use crate::body;
use crate::net::{SimIo, SimRt};
use crate::policy::Caller;
use crate::scenario::ClientProtocol;

pub(crate) mod http2;

/// Idle connections kept per destination. Go's `MaxIdleConnsPerHost` is 2 and a known trap; Java
/// and Node clients keep hundreds.
const IDLE_MAX: usize = 256;

/// A pooled connection that was idle longer is closed instead of used (Go: 90 s, Node: 5 s,
/// undici: 4 s).
const IDLE_TIME: core::time::Duration = core::time::Duration::from_secs(60);

/// One client: an application's, or a load's on one sender.
#[derive(Clone)]
pub struct Client {
    rt: SimRt,
    pools: Arc<Mutex<BTreeMap<Dest, Pool>>>,
    /// At the policy level requests are handed over, not sent.
    caller: Option<Caller>,
}

/// A request to be sent.
#[derive(Clone, Debug)]
pub struct Ask {
    pub dest: Dest,
    pub method: Method,
    pub authority: Authority,
    pub path: PathAndQuery,
    pub headers: HeaderMap,
    pub body_bytes: u64,
    /// What the body says, where bytes are not sent and somebody looks at it; else empty.
    pub message: Bytes,
}

/// Where connections go.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dest {
    pub host: Arc<str>,
    pub port: u16,
    pub protocol: Protocol,
    /// Requests are gRPC messages.
    pub grpc: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    Http1,
    Http2,
}

/// A complete answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub status: http::StatusCode,
    pub grpc: Option<u32>,
    /// Set by a proxy of the mesh that answered itself.
    pub flag: Option<Flag>,
    pub body_bytes: u64,
    /// As of [`Ask::message`].
    pub message: Bytes,
}

/// No complete answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    #[error("cannot resolve `{host}`: {cause}")]
    Dns { host: Arc<str>, cause: String },
    #[error("cannot connect: {0}")]
    Connect(io::ErrorKind),
    #[error("{0}")]
    Stream(#[from] StreamError),
    #[error("no answer within {0:?}")]
    Timeout(core::time::Duration),
}

#[derive(Default)]
struct Pool {
    address: Option<SocketAddr>,
    /// The one used last is used first, so that surplus connections grow old.
    idle: Vec<(Instant, http1::ClientConn<SimIo>)>,
    shared: Option<http2::Shared>,
}

/// The header in which a proxy says why it answered itself.
const FLAG_HEADER: &str = "x-meshctl-flag";

// === impl Protocol ===

impl From<ClientProtocol> for Protocol {
    fn from(protocol: ClientProtocol) -> Self {
        match protocol {
            ClientProtocol::Http1 => Self::Http1,
            ClientProtocol::Http2 => Self::Http2,
        }
    }
}

// === impl Client ===

impl Client {
    pub fn new(rt: SimRt) -> Self {
        Self {
            rt,
            pools: Arc::default(),
            caller: None,
        }
    }

    /// A client that hands its requests over instead of sending bytes.
    pub(crate) fn with_caller(rt: SimRt, caller: Caller) -> Self {
        Self {
            caller: Some(caller),
            ..Self::new(rt)
        }
    }

    pub fn rt(&self) -> SimRt {
        self.rt
    }

    /// Sends a request and reads its answer whole.
    ///
    /// # Errors
    /// When there is no complete answer within `timeout`.
    pub async fn call(
        &self,
        ask: &Ask,
        timeout: Option<core::time::Duration>,
    ) -> Result<Answer, NoAnswer> {
        let Some(timeout) = timeout else {
            return self.attempt(ask).await;
        };
        let late = self.rt.sleep_until(self.rt.now() + timeout);
        tokio::select! {
            biased;
            answer = self.attempt(ask) => answer,
            () = late => Err(NoAnswer::Timeout(timeout)),
        }
    }

    async fn attempt(&self, ask: &Ask) -> Result<Answer, NoAnswer> {
        if let Some(caller) = &self.caller {
            let address = self.address(&ask.dest).await?;
            return caller.call(ask, address).await;
        }
        if ask.dest.protocol == Protocol::Http2 {
            return self.multiplexed(ask).await;
        }
        if let Some(conn) = self.pooled(&ask.dest) {
            match self.exchange(conn, ask).await {
                // RFC 9110 §9.2.2 lets a client repeat what was certainly not processed.
                Err(StreamError::Stale) => {}
                other => return Ok(other?),
            }
        }
        let io = self.connect(&ask.dest).await?;
        let conn = http1::ClientConn::new(io, http1::Limits::default());
        Ok(self.exchange(conn, ask).await?)
    }

    async fn exchange(
        &self,
        mut conn: http1::ClientConn<SimIo>,
        ask: &Ask,
    ) -> Result<Answer, StreamError> {
        let mut head = RequestHead::new(
            ask.method.clone(),
            Some(ask.authority.clone()),
            ask.path.clone(),
        );
        head.headers = ask.headers.clone();
        let length = match ask.body_bytes {
            0 => Length::Empty,
            n => Length::Known(n),
        };
        let (mut sink, mut answer) = conn.send(&head, length)?;
        if ask.body_bytes == 0 {
            // An error of the write shows in the answer as well, and better.
            let _ = poll_fn(|cx| sink.poll_flush(cx)).await;
        } else {
            let _ = body::fill(&mut sink, ask.body_bytes).await;
        }
        let mut response = poll_fn(|cx| answer.poll_head(cx)).await?;
        while response.status.is_informational() {
            response = poll_fn(|cx| answer.poll_head(cx)).await?;
        }
        let whole = body::drain(&mut answer).await?;
        drop((sink, answer));
        self.keep(&ask.dest, conn);
        Ok(Answer::new(&response, &whole))
    }

    async fn connect(&self, dest: &Dest) -> Result<SimIo, NoAnswer> {
        let address = self.address(dest).await?;
        self.rt.connect(address).await.map_err(|e| {
            // The next request asks DNS again: the address may have moved.
            if let Some(pool) = self.pools().get_mut(dest) {
                pool.address = None;
            }
            NoAnswer::Connect(e.kind())
        })
    }

    /// The address of a destination, asked of DNS once.
    async fn address(&self, dest: &Dest) -> Result<SocketAddr, NoAnswer> {
        let known = self.pools().get(dest).and_then(|p| p.address);
        if let Some(address) = known {
            return Ok(address);
        }
        let address = self.resolve(dest).await?;
        self.pools().entry(dest.clone()).or_default().address = Some(address);
        Ok(address)
    }

    async fn resolve(&self, dest: &Dest) -> Result<SocketAddr, NoAnswer> {
        let failed = |cause: String| NoAnswer::Dns {
            host: Arc::clone(&dest.host),
            cause,
        };
        if let Ok(ip) = dest.host.parse() {
            return Ok(SocketAddr::new(ip, dest.port));
        }
        let answer = self
            .rt
            .resolve(&dest.host)
            .await
            .map_err(|e| failed(e.to_string()))?;
        let ip = answer.addresses.first();
        let ip = ip.ok_or_else(|| failed("the name has no addresses".into()))?;
        Ok(SocketAddr::new(*ip, dest.port))
    }

    /// An idle connection that is still good.
    fn pooled(&self, dest: &Dest) -> Option<http1::ClientConn<SimIo>> {
        let now = self.rt.now();
        let mut pools = self.pools();
        let idle = &mut pools.get_mut(dest)?.idle;
        idle.retain(|(since, _)| now.since(*since) < IDLE_TIME);
        while let Some((_, mut conn)) = idle.pop() {
            let mut cx = Context::from_waker(Waker::noop());
            if conn.poll_closed(&mut cx) == Poll::Pending {
                return Some(conn);
            }
        }
        None
    }

    fn keep(&self, dest: &Dest, conn: http1::ClientConn<SimIo>) {
        if !conn.is_reusable() {
            return;
        }
        let now = self.rt.now();
        let mut pools = self.pools();
        let idle = &mut pools.entry(dest.clone()).or_default().idle;
        if idle.len() < IDLE_MAX {
            idle.push((now, conn));
        }
    }

    fn pools(&self) -> MutexGuard<'_, BTreeMap<Dest, Pool>> {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl core::fmt::Debug for Client {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Client")
            .field("rt", &self.rt)
            .finish_non_exhaustive()
    }
}

// === impl Answer ===

impl Answer {
    /// What a proxy answers itself.
    pub(crate) fn local(response: engine::verdict::LocalResponse) -> Self {
        let (head, body) = response.into_parts();
        let whole = body::Whole {
            bytes: body.len() as u64,
            trailers: None,
        };
        Self::new(&head, &whole)
    }

    fn new(head: &ResponseHead, whole: &body::Whole) -> Self {
        let trailers = whole.trailers.as_ref();
        let grpc = |headers: &HeaderMap| number(headers.get("grpc-status"));
        Self {
            status: head.status,
            grpc: trailers.and_then(grpc).or_else(|| grpc(&head.headers)),
            flag: head.headers.get(FLAG_HEADER).and_then(flag),
            body_bytes: whole.bytes,
            message: Bytes::new(),
        }
    }
}

fn number(value: Option<&HeaderValue>) -> Option<u32> {
    value?.to_str().ok()?.parse().ok()
}

fn flag(value: &HeaderValue) -> Option<Flag> {
    let text = value.to_str().ok()?;
    Flag::named(text)
}
