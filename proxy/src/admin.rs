//! Who asks a proxy about itself.
//!
//! ```text
//!  health, on the pod's address, read-only   /ready /live /metrics
//!  admin, on the loopback address            the same, and /config /endpoints /certificates
//!                                            /log-level /drain /frames /tap
//! ```
//!
//! Both go on while the proxy drains, so that whoever waits for it can watch. No answer holds a
//! secret. The admin side answers only to the names of the loopback address: a page in a browser
//! that makes its own name lead here (DNS rebinding) does not get past its Host header.

use core::future::poll_fn;
use core::net::{IpAddr, SocketAddr};
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use engine::head::{RequestHead, ResponseHead};
use engine::time::{Duration, Wall};
use http::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, StatusCode};

use crate::exchange::{Frame, Length, Respond, Source};
use crate::http1::{Limits, NextError, ServerConn};
use crate::listen::drain::Drain;
use crate::listen::{self};
use crate::net::{Accept, Rt};
use crate::serve::set_date;
use crate::telemetry::collect::View;
use crate::telemetry::export::Observed;
use crate::telemetry::process::{Process, Usage};
use crate::telemetry::prometheus;
use crate::{Proxy, net};

mod certificates;
mod config;
mod endpoints;
mod frames;
mod tap;
mod time;

use frames::{Cursor, History};

/// Connections at once, per listener: scrapers, probes, and a person or two.
const CONNECTIONS_MAX: usize = 64;
/// A request has to be complete this long after the connection had nothing to do.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// A head of a request, in bytes.
const HEAD_BYTES_MAX: usize = 8 * 1024;
/// A body of a request, in bytes: the name of a level.
const BODY_BYTES_MAX: usize = 64;

/// What the process around the proxy does for it.
pub trait Control: Send + Sync + 'static {
    /// How much is logged.
    fn log_level(&self) -> &'static str;

    /// Changes that.
    ///
    /// # Errors
    ///
    /// The words that are allowed, when `level` is none of them.
    fn set_log_level(&self, level: &str) -> Result<(), String>;

    /// Begins to end the process in order; returns at once.
    fn drain(&self);
}

/// What metrics call the program.
#[derive(Clone, Copy, Debug)]
pub struct About {
    pub version: &'static str,
    /// `sidecar`, `host` or `gateway`.
    pub role: &'static str,
}

/// The two faces of one proxy.
pub struct Admin<R: Rt> {
    proxy: Arc<Proxy<R>>,
    control: Box<dyn Control>,
    history: History,
    about: About,
    started: Wall,
    /// Keeps the listeners: they end with the process.
    _drain: Drain,
    watch: listen::drain::Watch,
}

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Face {
    Health,
    Admin,
}

/// A whole answer.
struct Page {
    status: StatusCode,
    kind: &'static str,
    body: String,
    allow: Option<&'static str>,
}

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
const JSON_LINES: &str = "application/jsonl";

/// What there is, for whoever asks for nothing in particular.
const INDEX: &str = "\
GET  /ready         whether requests are served
GET  /live          whether the process runs
GET  /metrics       statistics for Prometheus
GET  /config        the configuration in effect
GET  /endpoints     every endpoint, whether it gets traffic, and why not
GET  /certificates  the certificates in use
GET  /frames        one line of statistics per second (?interval_ms=, ?count=)
GET  /tap           a line per request, as it ends (?service=, ?status=5xx, ?rate=, ?header=, ...)
GET  /log-level     how much is logged
PUT  /log-level     change it
POST /drain         finish what was accepted, then leave
";

// === impl Admin ===

impl<R: Rt> Admin<R> {
    pub fn new(proxy: Arc<Proxy<R>>, about: About, control: Box<dyn Control>) -> Arc<Self> {
        let (drain, watch) = Drain::new();
        Arc::new(Self {
            started: proxy.shared.rt.wall(),
            proxy,
            control,
            about,
            history: History::default(),
            _drain: drain,
            watch,
        })
    }

    /// Serves health at `at` until the process ends; says where it is bound.
    ///
    /// # Errors
    ///
    /// When the address cannot be bound.
    pub async fn health(self: &Arc<Self>, at: SocketAddr) -> io::Result<SocketAddr> {
        self.serve(at, Face::Health).await
    }

    /// Serves everything at `at`, which should be a loopback address: nobody is asked who he is.
    ///
    /// # Errors
    ///
    /// When the address cannot be bound.
    pub async fn admin(self: &Arc<Self>, at: SocketAddr) -> io::Result<SocketAddr> {
        self.serve(at, Face::Admin).await
    }

    async fn serve(self: &Arc<Self>, at: SocketAddr, face: Face) -> io::Result<SocketAddr> {
        let rt = self.proxy.shared.rt.clone();
        let listener = rt.listen(at).await?;
        let bound = listener.local_addr();
        let (admin, spawner) = (self.clone(), rt.clone());
        let each = move |io, _: net::ConnInfo, slot: listen::Slot| {
            let admin = admin.clone();
            spawner.spawn(async move {
                let _slot = slot;
                admin.connection(io, face).await;
            });
        };
        let watch = self.watch.clone();
        rt.spawn(listen::run(
            rt.clone(),
            listener,
            CONNECTIONS_MAX,
            watch,
            each,
        ));
        Ok(bound)
    }

    async fn connection(&self, io: R::Io, face: Face) {
        let rt = &self.proxy.shared.rt;
        let limits = Limits {
            head_bytes: HEAD_BYTES_MAX,
            ..Limits::default()
        };
        let mut connection = ServerConn::new(io, limits);
        loop {
            let next = tokio::select! {
                biased;
                next = connection.next_request() => next,
                () = rt.sleep_until(rt.now() + REQUEST_TIMEOUT) => return,
            };
            match next {
                Ok(Some((head, body, mut reply))) => {
                    if self.request(face, &head, body, &mut reply).await.is_none() {
                        return;
                    }
                }
                Err(NextError::Refused(why)) => {
                    let mut head = ResponseHead::new(why.status());
                    set_date(&mut head, rt);
                    connection.refuse(head, Bytes::new());
                    break;
                }
                Ok(None) => break,
                Err(NextError::Broken(_)) => return,
            }
        }
        tokio::select! {
            biased;
            _ = connection.close() => {}
            () = rt.sleep_until(rt.now() + REQUEST_TIMEOUT) => {}
        }
    }

    /// Answers one request; none when the client is gone.
    async fn request<S: Source, D: Respond>(
        &self,
        face: Face,
        head: &RequestHead,
        body: S,
        reply: &mut D,
    ) -> Option<()> {
        if face == Face::Admin && !is_local(head.host()) {
            let text = "this is only answered under the names of the loopback address\n";
            return self
                .send(Page::text(StatusCode::FORBIDDEN, text), head, reply)
                .await;
        }
        if face == Face::Admin && head.method == Method::GET {
            match head.path.path() {
                "/frames" => return self.frames(head, reply).await,
                "/tap" => return self.tap(head, reply).await,
                _ => {}
            }
        }
        let page = match face {
            Face::Health => self.health_page(head),
            Face::Admin => self.admin_page(head, body).await,
        };
        self.send(page, head, reply).await
    }

    fn health_page(&self, head: &RequestHead) -> Page {
        let page = match head.path.path() {
            "/ready" if self.proxy.ready() => Page::text(StatusCode::OK, "ready\n"),
            "/ready" => Page::text(StatusCode::SERVICE_UNAVAILABLE, "draining\n"),
            "/live" => Page::text(StatusCode::OK, "live\n"),
            "/metrics" => self.metrics(head),
            _ => {
                return Page::text(
                    StatusCode::NOT_FOUND,
                    "there is /ready, /live and /metrics\n",
                );
            }
        };
        page.only(&head.method, "GET, HEAD")
    }

    /// What is said to those who do not ask: metrics that are pushed.
    pub fn observed(&self) -> Observed {
        Observed {
            frame: self.proxy.metrics(),
            totals: self.proxy.totals(),
            process: self.process(),
        }
    }

    fn process(&self) -> Process {
        Process {
            version: self.about.version.to_owned(),
            role: self.about.role.to_owned(),
            started: self.started,
            certificates: certificates::expiries(&self.proxy.shared.tls),
            usage: Usage::measure(),
        }
    }

    fn metrics(&self, head: &RequestHead) -> Page {
        let accept = head
            .headers
            .get(ACCEPT)
            .and_then(|value| value.to_str().ok());
        let format = prometheus::Format::negotiate(accept);
        let process = self.process();
        let view = View {
            frame: &self.history.frame(&self.proxy, &mut Cursor::default()),
            totals: &self.proxy.totals(),
            process: &process,
        };
        Page {
            status: StatusCode::OK,
            kind: format.content_type(),
            body: prometheus::render(&view, format),
            allow: None,
        }
    }

    async fn admin_page<S: Source>(&self, head: &RequestHead, body: S) -> Page {
        let shared = &self.proxy.shared;
        let page = match head.path.path() {
            "/" => Page::text(StatusCode::OK, INDEX),
            "/config" => Page::json(&config::json(&shared.snapshot())),
            "/endpoints" => Page::json(&endpoints::json(&self.proxy, &self.history)),
            "/certificates" => Page::json(&certificates::json(&shared.tls, shared.rt.wall())),
            "/log-level" if head.method == Method::PUT => return self.set_level(body).await,
            "/log-level" => {
                let text = format!("{}\n", self.control.log_level());
                let page = Page::text(StatusCode::OK, &text);
                return page.only(&head.method, "GET, HEAD, PUT");
            }
            "/drain" if head.method == Method::POST => {
                self.control.drain();
                return Page::text(StatusCode::ACCEPTED, "draining\n");
            }
            "/drain" => return Page::method("POST"),
            "/ready" | "/live" | "/metrics" => return self.health_page(head),
            _ => return Page::text(StatusCode::NOT_FOUND, INDEX),
        };
        page.only(&head.method, "GET, HEAD")
    }

    async fn set_level<S: Source>(&self, body: S) -> Page {
        let Some(text) = read(&self.proxy.shared.rt, body).await else {
            return Page::text(StatusCode::BAD_REQUEST, "send the name of a level\n");
        };
        match self.control.set_log_level(text.trim()) {
            Ok(()) => Page::text(StatusCode::OK, &format!("{}\n", self.control.log_level())),
            Err(allowed) => Page::text(StatusCode::BAD_REQUEST, &format!("{allowed}\n")),
        }
    }

    async fn send<D: Respond>(&self, page: Page, head: &RequestHead, reply: &mut D) -> Option<()> {
        let mut answer = page.head();
        set_date(&mut answer, &self.proxy.shared.rt);
        let length = Length::Known(page.body.len() as u64);
        reply.respond(answer, length).ok()?;
        if head.method != Method::HEAD {
            reply.send(Frame::Data(page.body.into()), true).ok()?;
        }
        let late = self.proxy.shared.rt.now() + REQUEST_TIMEOUT;
        tokio::select! {
            biased;
            flushed = poll_fn(|cx| reply.poll_flush(cx)) => flushed.ok(),
            () = self.proxy.shared.rt.sleep_until(late) => None,
        }
    }
}

/// A short body as text; none when it is too long, no text, or does not come.
async fn read<R: Rt, S: Source>(rt: &R, mut body: S) -> Option<String> {
    let late = rt.now() + REQUEST_TIMEOUT;
    let mut all = Vec::new();
    loop {
        let frame = tokio::select! {
            biased;
            frame = poll_fn(|cx| body.poll_frame(cx)) => frame,
            () = rt.sleep_until(late) => return None,
        };
        match frame {
            Some(Ok(Frame::Data(data))) => all.extend_from_slice(&data),
            Some(Ok(Frame::Trailers(_))) => {}
            Some(Err(_)) => return None,
            None => return String::from_utf8(all).ok(),
        }
        if all.len() > BODY_BYTES_MAX {
            return None;
        }
    }
}

/// Whether the name in a Host header can only mean this machine.
fn is_local(host: &str) -> bool {
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || literal.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

// === impl Page ===

impl Page {
    fn text(status: StatusCode, body: &str) -> Self {
        Self {
            status,
            kind: TEXT,
            body: body.to_owned(),
            allow: None,
        }
    }

    fn json(value: &serde_json::Value) -> Self {
        Self {
            status: StatusCode::OK,
            kind: JSON,
            body: format!("{value:#}\n"),
            allow: None,
        }
    }

    fn method(allow: &'static str) -> Self {
        let text = format!("only {allow}\n");
        Self {
            allow: Some(allow),
            ..Self::text(StatusCode::METHOD_NOT_ALLOWED, &text)
        }
    }

    /// The page, for those who only read.
    fn only(self, method: &Method, allow: &'static str) -> Self {
        match *method {
            Method::GET | Method::HEAD => self,
            _ => Self::method(allow),
        }
    }

    fn head(&self) -> ResponseHead {
        let mut head = ResponseHead::new(self.status);
        let fixed = HeaderValue::from_static;
        head.headers.insert(CONTENT_TYPE, fixed(self.kind));
        head.headers.insert(CACHE_CONTROL, fixed("no-store"));
        if let Some(allow) = self.allow {
            head.headers.insert(ALLOW, fixed(allow));
        }
        head
    }
}
