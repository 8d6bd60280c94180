//! The gateway's side: connections from clients outside the mesh, for the listeners of one port.
//!
//! ```text
//!  HTTP  ────────────────────────▶ host ─▶ listener ─▶ its routes ─▶ session ─▶ backend
//!  TLS   hello ─▶ server name ─▶ listener ─┬─ ended here: HTTP as above, or bytes
//!                                          └─ passed through ─▶ TLSRoute ─▶ bytes ─▶ backend
//!  TCP   ─────────────────────────▶ listener ─▶ TCPRoute ─▶ bytes ─▶ backend
//! ```
//!
//! From the backend's choice on everything is as for a workload of the mesh.

use std::sync::{Arc, Mutex};

use engine::failure::{Failure, Flag};
use engine::gateway::unknown_host;
use engine::head::{RequestHead, Scheme};
use engine::report::{Security, Side};
use engine::route::find_tls;
use engine::snapshot::gateway::{GatewayPort, Listener, ListenerTls, Spoken};
use engine::snapshot::{Frontend, RouteKind, Snapshot};
use engine::time::Duration;
use engine::trace::Trail;
use engine::verdict::LocalResponse;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::{Outbound, client};
use crate::exchange::{Respond, Source};
use crate::listen::detect::{Detected, Look, LookHttp, LookTls, detect};
use crate::listen::drain::Watch;
use crate::net::{Abort as _, AnyIo, ConnInfo, Prefixed, Rt};
use crate::observe::{Role, cut};
use crate::serve::admit::{Judged, Visitor};
use crate::serve::done::Done;
use crate::serve::downstream::{Handler, serve1, serve2};
use crate::serve::{Entry, Shadow, Shared, headers, local};
use crate::telemetry::{Extra, workload};
use crate::tls::gateway::speaks_http2;

/// Fatal alerts (RFC 8446 §6), as records of their own.
const UNRECOGNIZED_NAME: [u8; 7] = [0x15, 3, 3, 0, 2, 2, 112];
const HANDSHAKE_FAILURE: [u8; 7] = [0x15, 3, 3, 0, 2, 2, 40];

/// One connection of a client outside the mesh.
struct Ingress<R: Rt> {
    out: Outbound<R>,
    /// As the Gateway declares it.
    port: u16,
    /// The listener for which TLS was ended; without TLS the host of each request names it.
    ended: Option<Arc<str>>,
}

/// Serves one connection to a port of the gateway to its end.
pub(crate) async fn connection<R: Rt>(
    shared: Arc<Shared<R>>,
    io: R::Io,
    info: ConnInfo,
    watch: Watch,
    port: u16,
) {
    let snapshot = shared.snapshot();
    let Some(at) = snapshot.gateway.ports.get(&port) else {
        return;
    };
    let ingress = Ingress {
        out: Outbound {
            shared,
            to: None,
            from: info.peer.ip(),
            client: client(&info),
            rows: Mutex::new(None),
        },
        port,
        ended: None,
    };
    match at.spoken {
        Spoken::Http => ingress.plain(io, watch).await,
        Spoken::Tls => ingress.tls(&snapshot, at, io, watch).await,
        Spoken::Tcp => {
            if let Some(listener) = at.listener("") {
                let (frontend, io) = (&listener.frontend, AnyIo::Plain(io));
                ingress.bytes(&snapshot, frontend, io, None).await;
            }
        }
    }
}

// === impl Ingress ===

impl<R: Rt> Ingress<R> {
    /// HTTP without TLS.
    async fn plain(self, io: R::Io, watch: Watch) {
        let shared = self.out.shared.clone();
        let look = Look {
            tls: LookTls::No,
            http: LookHttp::Declared,
        };
        let until = shared.rt.now() + shared.bounds.detect_timeout;
        let Ok((found, io)) = detect(&shared.rt, io, look, until).await else {
            return;
        };
        match found {
            Detected::Closed => {}
            Detected::Http2 => self.http(AnyIo::Peeked(io), true, watch).await,
            _ => self.http(AnyIo::Peeked(io), false, watch).await,
        }
    }

    async fn http(self, io: AnyIo<R::Io>, http2: bool, watch: Watch) {
        let shared = self.out.shared.clone();
        let this = Arc::new(self);
        match http2 {
            true => serve2(&shared, io, &this, watch).await,
            false => serve1(&shared, io, &*this, watch).await,
        }
    }

    /// A port whose clients begin with a ClientHello.
    async fn tls(mut self, snapshot: &Snapshot, at: &GatewayPort, io: R::Io, watch: Watch) {
        let shared = self.out.shared.clone();
        let look = Look {
            tls: LookTls::Name,
            http: LookHttp::No,
        };
        let until = shared.rt.now() + shared.bounds.detect_timeout;
        let Ok((found, io)) = detect(&shared.rt, io, look, until).await else {
            return;
        };
        let Detected::Tls { sni } = found else {
            return self.refused(
                snapshot,
                Flag::DownstreamProtocol,
                "the client speaks no TLS",
            );
        };
        let name = sni.as_deref().unwrap_or_default();
        let Some(listener) = at.listener(name) else {
            return self.unknown(snapshot, io, name).await;
        };
        if listener.frontend.routes.kind() == RouteKind::Tls && !takes(&listener.frontend, name) {
            return self.unknown(snapshot, io, name).await;
        }
        let frontend = &listener.frontend;
        match &listener.tls {
            ListenerTls::Passthrough => {
                let io = AnyIo::Peeked(io);
                self.bytes(snapshot, frontend, io, Some(name)).await;
            }
            ListenerTls::Terminate(_) => {
                let Some(stream) = self.end_tls(snapshot, at, listener, io).await else {
                    return;
                };
                let http2 = speaks_http2(stream.get_ref().1.alpn_protocol());
                let io = AnyIo::TlsGateway(Box::new(stream));
                if listener.http {
                    self.ended = Some(listener.name.clone());
                    self.http(io, http2, watch).await;
                } else {
                    self.bytes(snapshot, frontend, io, Some(name)).await;
                }
            }
            ListenerTls::None => {}
        }
    }

    /// Shakes hands with a client; none when that failed.
    async fn end_tls(
        &self,
        snapshot: &Snapshot,
        at: &GatewayPort,
        listener: &Listener,
        io: Prefixed<R::Io>,
    ) -> Option<TlsStream<Prefixed<R::Io>>> {
        let shared = &self.out.shared;
        let mut shaking = shared.tls.handshakes.begin(true);
        let config = match shared.certificates.config(at, listener) {
            Ok(config) => config,
            Err(cause) => {
                say(io, &HANDSHAKE_FAILURE).await;
                self.refused(snapshot, Flag::Tls, &cause);
                return None;
            }
        };
        let until = shared.rt.now() + shared.bounds.handshake_timeout;
        let shaken = tokio::select! {
            biased;
            shaken = TlsAcceptor::from(config).accept(io) => shaken.map_err(|e| e.to_string()),
            () = shared.rt.sleep_until(until) => Err("the handshake took too long".to_owned()),
        };
        match shaken {
            Ok(stream) => {
                shaking.succeeded();
                Some(stream)
            }
            Err(cause) => {
                self.refused(snapshot, Flag::Tls, &cause);
                None
            }
        }
    }

    /// Forwards a connection that the Gateway's policies admit.
    async fn bytes(
        &self,
        snapshot: &Snapshot,
        frontend: &Frontend,
        mut io: AnyIo<R::Io>,
        name: Option<&str>,
    ) {
        let judged = self.admit(snapshot, frontend, None).await;
        match judged.failure() {
            None => self.out.balanced(snapshot, frontend, io, name).await,
            Some(failure) => {
                io.abort();
                self.refused(snapshot, failure.flag, &failure.to_string());
            }
        }
    }

    /// What the Gateway's policies say about a request, or a connection that is not HTTP.
    async fn admit(
        &self,
        snapshot: &Snapshot,
        frontend: &Frontend,
        head: Option<&RequestHead>,
    ) -> Judged {
        let shared = &self.out.shared;
        let visitor = Visitor {
            peer: None,
            address: self.out.from,
            port: self.port,
            head,
        };
        let judged = visitor.admit(shared, &snapshot.gateway.guard).await;
        let shadow = judged.shadow();
        if shadow != Shadow::default() {
            let rows = self.out.look_up(snapshot, frontend, None, None);
            shared.telemetry.shadowed(rows, shadow);
        }
        judged
    }

    /// Answers a request that the Gateway's policies do not admit.
    async fn turn_away<D: Respond>(
        &self,
        snapshot: &Snapshot,
        frontend: &Frontend,
        (answer, failure): (LocalResponse, Failure),
        (head, entry): (&RequestHead, &Entry),
        reply: &mut D,
    ) {
        let shared = &self.out.shared;
        let rows = self.out.look_up(snapshot, frontend, None, None);
        shared.telemetry.start(rows);
        let status = answer.status;
        local::send(&shared.rt, answer, &head.method, reply).await;
        let done = Done::failed(status, &failure);
        let took = shared.rt.now().since(entry.started);
        shared.telemetry.end(rows, &done, Extra::default(), took);
        shared.observe(Role::Outbound, head, entry, &done, |record| {
            record.service = Some(frontend.service.clone());
        });
    }

    /// Nobody here has the name that a client asks for.
    async fn unknown(&self, snapshot: &Snapshot, io: Prefixed<R::Io>, name: &str) {
        say(io, &UNRECOGNIZED_NAME).await;
        let cause = match name {
            "" => "no listener or route is for clients that name no server".to_owned(),
            name => format!("no listener or route has the server name `{}`", cut(name)),
        };
        self.refused(snapshot, Flag::NoRoute, &cause);
    }

    /// Counts a client that got nowhere.
    fn refused(&self, snapshot: &Snapshot, flag: Flag, cause: &str) {
        let shared = &self.out.shared;
        let (telemetry, now) = (&shared.telemetry, shared.rt.now());
        let (from, to) = ("outside".into(), workload(snapshot));
        let rows = telemetry.edge(&from, &to, Side::Server, Security::Plain, now);
        telemetry.start(rows);
        let done = Done::broke(flag, cause);
        telemetry.end(rows, &done, Extra::default(), Duration::ZERO);
        shared.observe_bytes(Role::Outbound, self.out.from, now, &done, |_| {});
    }

    /// The routes for a request.
    fn frontend(&self, snapshot: &Snapshot, head: &RequestHead) -> Result<Arc<Frontend>, Failure> {
        let host = head.host();
        let unknown = || unknown_host(self.port, host);
        let port = snapshot.gateway.ports.get(&self.port).ok_or_else(unknown)?;
        let listener = match &self.ended {
            None => port.listener(host).ok_or_else(unknown)?,
            Some(name) => {
                // It may be gone since the connection was opened.
                let listener = port.named(name).ok_or_else(unknown)?;
                port.admit(listener, host)?;
                listener
            }
        };
        Ok(listener.frontend.clone())
    }
}

/// Whether a route of the listener has the server name.
fn takes(frontend: &Frontend, name: &str) -> bool {
    find_tls(&frontend.routes, Some(name), &mut Trail::off()).is_some()
}

/// Tells the client why it is not served, and ends the connection.
async fn say<I: AsyncWrite + Unpin>(mut io: I, alert: &[u8]) {
    // A client that is gone needs no reason.
    let _ = io.write_all(alert).await;
    let _ = io.shutdown().await;
}

impl<R: Rt> Handler<R> for Ingress<R> {
    async fn handle<S, D>(&self, mut head: RequestHead, body: S, mut reply: D)
    where
        S: Source + Send + 'static,
        D: Respond + Send + 'static,
    {
        let out = &self.out;
        let shared = &out.shared;
        head.scheme = match self.ended {
            Some(_) => Scheme::Https,
            None => Scheme::Http,
        };
        headers::from_outside(&mut head, out.from, shared.trusted_hops);
        let entry = shared.enter(&mut head.headers);
        let snapshot = shared.snapshot();
        let frontend = match self.frontend(&snapshot, &head) {
            Ok(frontend) => frontend,
            Err(failure) => {
                let done = out.refuse(&failure, &head, &mut reply).await;
                shared.observe(Role::Outbound, &head, &entry, &done, |_| {});
                return;
            }
        };
        let judged = self.admit(&snapshot, &frontend, Some(&head)).await;
        if let Some(refusal) = judged.refusal(&head, shared.rt.now()) {
            let of = (&head, &entry);
            return self
                .turn_away(&snapshot, &frontend, refusal, of, &mut reply)
                .await;
        }
        for name in &judged.decision.remove {
            head.headers.remove(name);
        }
        out.routed(&snapshot, &frontend, head, &entry, body, &mut reply)
            .await;
    }
}
