//! The network's side: connections to the application, from the mesh and from everybody else.

use core::net::SocketAddr;
use std::sync::Arc;

use engine::failure::Flag;
use engine::head::RequestHead;
use engine::identity::Identity;
use engine::report::{Security, Side};
use engine::snapshot::{ClusterProtocol, InboundPort, InboundTls, PortProtocol, Snapshot};
use engine::time::Duration;

use super::admit::{Judged, Visitor};
use super::direct::{Direct, TIMES, forward, wire_to};
use super::done::Done;
use super::downstream::{Handler, serve1, serve2};
use super::{Shared, headers, local};
use crate::config::InPlace;
use crate::exchange::{Respond, Source};
use crate::listen::detect::{Detected, Look, LookHttp, LookTls, detect};
use crate::listen::drain::Watch;
use crate::net::{Abort, AnyIo, ConnInfo, Rt};
use crate::observe::Role;
use crate::pool::{Destination, Peer, connect};
use crate::tcp;
use crate::telemetry::{Extra, Rows, workload};
use crate::tls::Alpn;
use crate::tls::server::handshake;

/// Requests of one connection to the application.
struct Inbound<R: Rt> {
    shared: Arc<Shared<R>>,
    app: Destination,
    /// The port as the workload declares it.
    port: u16,
    /// Who opened the connection.
    from: SocketAddr,
    peer: Option<Identity>,
    rows: Rows,
}

/// Serves one connection to the application to its end.
pub(crate) async fn connection<R: Rt>(
    shared: Arc<Shared<R>>,
    io: R::Io,
    info: ConnInfo,
    watch: Watch,
) {
    let place = match info.original_dst {
        Some(app) => InPlace {
            port: app.port(),
            app,
        },
        None => match shared.in_place.get(&info.local.port()) {
            Some(place) => *place,
            // Nothing says which port was meant.
            None => return,
        },
    };
    let snapshot = shared.snapshot();
    let port = port(&snapshot, place.port);
    let now = shared.rt.now();
    let until = now + shared.bounds.detect_timeout;
    let found = detect(&shared.rt, io, look(port), until).await;
    let Ok((found, io)) = found else { return };
    let (found, io, peer) = match found {
        Detected::Mesh(accepted) => {
            let shaken = tokio::select! {
                biased;
                shaken = handshake(&shared.tls, *accepted, io.into_inner()) => shaken,
                () = shared.rt.sleep_until(now + shared.bounds.handshake_timeout) => return,
            };
            let (stream, peer) = match shaken {
                Ok(shaken) => shaken,
                Err(cause) => return unproven(&shared, &snapshot, &cause),
            };
            let spoken = match peer.alpn {
                Alpn::H1 => Detected::Http1,
                Alpn::H2 => Detected::Http2,
                Alpn::Tcp => Detected::Opaque,
            };
            (
                spoken,
                AnyIo::TlsServer(Box::new(stream)),
                Some(peer.identity),
            )
        }
        Detected::Closed => return,
        other => (other, AnyIo::Peeked(io), None),
    };
    let inbound = Arc::new(Inbound::new(shared, place, info.peer, peer, &snapshot));
    inbound.serve(found, io, watch).await;
}

/// Counts a client whose handshake failed: it is nobody, and what it wanted is not known.
fn unproven<R: Rt>(shared: &Shared<R>, snapshot: &Snapshot, cause: &str) {
    let (telemetry, now) = (&shared.telemetry, shared.rt.now());
    let to = workload(snapshot);
    let rows = telemetry.edge(&"unproven".into(), &to, Side::Server, Security::Mutual, now);
    telemetry.start(rows);
    let done = Done::broke(Flag::Tls, cause);
    telemetry.end(rows, &done, Extra::default(), Duration::ZERO);
}

fn port(snapshot: &Snapshot, port: u16) -> &InboundPort {
    let inbound = &snapshot.inbound;
    inbound.ports.get(&port).unwrap_or(&inbound.default)
}

fn look(port: &InboundPort) -> Look {
    Look {
        tls: match port.tls {
            InboundTls::Disable => LookTls::No,
            InboundTls::Permissive | InboundTls::Strict => LookTls::Mesh,
        },
        http: match port.protocol {
            PortProtocol::Opaque => LookHttp::No,
            PortProtocol::Detect => LookHttp::Maybe,
            PortProtocol::Http1 | PortProtocol::Http2 => LookHttp::Declared,
        },
    }
}

// === impl Inbound ===

impl<R: Rt> Inbound<R> {
    fn new(
        shared: Arc<Shared<R>>,
        place: InPlace,
        from: SocketAddr,
        peer: Option<Identity>,
        snapshot: &Snapshot,
    ) -> Self {
        let who: Arc<str> = peer.as_ref().map_or("outside", Identity::as_str).into();
        let tls = match peer {
            Some(_) => Security::Mutual,
            None => Security::Plain,
        };
        let to = workload(snapshot);
        let now = shared.rt.now();
        let rows = shared.telemetry.edge(&who, &to, Side::Server, tls, now);
        Self {
            shared,
            app: Destination {
                peer: Peer {
                    own: true,
                    ..Peer::at(place.app)
                },
                cluster: None,
            },
            port: place.port,
            from,
            peer,
            rows,
        }
    }

    async fn serve(self: &Arc<Self>, found: Detected, io: AnyIo<R::Io>, watch: Watch) {
        match found {
            Detected::Http1 => serve1(&self.shared, io, &**self, watch).await,
            Detected::Http2 => serve2(&self.shared, io, self, watch).await,
            _ => self.bytes(io).await,
        }
    }

    /// Whether the request, or the connection when it is not HTTP, is admitted.
    async fn admit(&self, head: Option<&RequestHead>) -> Judged {
        let visitor = Visitor {
            peer: self.peer.as_ref(),
            address: self.from.ip(),
            port: self.port,
            head,
        };
        let snapshot = self.shared.snapshot();
        let door = port(&snapshot, self.port);
        let judged = visitor.admit(&self.shared, door).await;
        let telemetry = &self.shared.telemetry;
        telemetry.shadowed(self.rows, judged.shadow());
        judged
    }

    async fn bytes(&self, io: AnyIo<R::Io>) {
        let shared = &self.shared;
        shared.telemetry.start(self.rows);
        let started = shared.rt.now();
        let done = self.copy(io).await;
        let took = shared.rt.now().since(started);
        shared
            .telemetry
            .end(self.rows, &done, Extra::default(), took);
        let client = self.from.ip();
        shared.observe_bytes(Role::Inbound, client, started, &done, |record| {
            record.peer.clone_from(&self.peer);
            record.upstream = Some(self.app.peer.address);
        });
    }

    /// Forwards a connection that is admitted.
    async fn copy(&self, mut io: AnyIo<R::Io>) -> Done {
        let shared = &self.shared;
        let (rt, bounds) = (&shared.rt, &shared.bounds);
        if let Some(failure) = self.admit(None).await.failure() {
            io.abort();
            return Done::broke(failure.flag, &failure.to_string());
        }
        let opened = connect(rt, &shared.tls, &self.app.peer, Alpn::Tcp, TIMES.connect).await;
        match opened {
            Ok(upstream) => {
                let copied = tcp::copy(rt, io, upstream, bounds.tcp_buffer, bounds.idle_timeout);
                Done::copied(copied.await)
            }
            Err(e) => {
                // The client was promised a connection that nobody can give it.
                io.abort();
                Done::broke(e.flag(), &e.to_string())
            }
        }
    }

    async fn answer<S, D>(
        &self,
        head: &mut RequestHead,
        body: S,
        reply: &mut D,
        steps: &mut Vec<String>,
    ) -> Done
    where
        S: Source + Send,
        D: Respond + Send,
    {
        let shared = &self.shared;
        let judged = self.admit(Some(head)).await;
        steps.extend(judged.trail.steps().iter().map(ToString::to_string));
        if let Some((answer, failure)) = judged.refusal(head, shared.rt.now()) {
            let status = answer.status;
            local::send(&shared.rt, answer, &head.method, reply).await;
            return Done::failed(status, &failure);
        }
        for name in &judged.decision.remove {
            head.headers.remove(name);
        }
        if self.peer.is_some()
            && let Some(spoken) = headers::take_orig_proto(head)
        {
            head.protocol = spoken;
        }
        headers::strip_own(&mut head.headers);
        let snapshot = shared.snapshot();
        let own = &snapshot.workload.identity;
        headers::set_client_cert(&mut head.headers, own, self.peer.as_ref());
        // As the request came, except that an upgrade always comes over HTTP/1.1.
        let protocol = match port(&snapshot, self.port).protocol {
            PortProtocol::Http2 if head.upgrade.is_some() => ClusterProtocol::Http2,
            _ => ClusterProtocol::Same,
        };
        let direct = Direct {
            to: &self.app,
            wire: wire_to(&self.app, protocol, head),
            who: "the application",
            proxied: false,
            says: judged.says(self.peer.is_some(), shared.rt.now()),
        };
        forward(shared, direct, head, body, reply).await
    }
}

impl<R: Rt> Handler<R> for Inbound<R> {
    async fn handle<S, D>(&self, mut head: RequestHead, body: S, mut reply: D)
    where
        S: Source + Send + 'static,
        D: Respond + Send + 'static,
    {
        let shared = &self.shared;
        let entry = shared.enter(&mut head.headers);
        head.source = Some(self.from.ip());
        shared.telemetry.start(self.rows);
        let mut trail = Vec::new();
        let done = self.answer(&mut head, body, &mut reply, &mut trail).await;
        let took = shared.rt.now().since(entry.started);
        shared
            .telemetry
            .end(self.rows, &done, Extra::default(), took);
        shared.observe(Role::Inbound, &head, &entry, &done, |record| {
            record.peer.clone_from(&self.peer);
            record.upstream = Some(self.app.peer.address);
            record.trail = trail;
        });
    }
}
