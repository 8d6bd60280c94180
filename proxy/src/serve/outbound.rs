//! The application's side: connections it opened, captured on their way.

use core::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use engine::failure::{Again, Failure, Flag, Whose};
use engine::head::RequestHead;
use engine::report::{Security, Side};
use engine::session::{Answer, Opened, Session};
use engine::snapshot::{ClusterKey, ClusterProtocol, Frontend, PortProtocol, Rule, Snapshot};
use engine::trace::Trail;
use engine::verdict::LocalResponse;
use http::{HeaderMap, Method};

use super::direct::{Direct, forward, wire_to};
use super::done::Done;
use super::downstream::{Handler, serve1, serve2};
use super::{Entry, Shadow, Shared, headers, local};
use crate::exchange::{Respond, Source};
use crate::listen::detect::{Detected, Look, LookHttp, LookTls, detect};
use crate::listen::drain::Watch;
use crate::net::{AnyIo, ConnInfo, Rt};
use crate::observe::Role;
use crate::pool::{Client, Destination, Peer};
use crate::telemetry::{self, Extra, Rows};

mod connect;
pub(crate) mod ingress;
mod mirror;
mod opaque;
pub(crate) mod own;
mod request;
mod target;

use request::Run;
use target::{Past, Target, find};

/// Requests of one connection of the application.
struct Outbound<R: Rt> {
    shared: Arc<Shared<R>>,
    /// Where the connection wanted to go; none: every request says for itself.
    to: Option<SocketAddr>,
    from: IpAddr,
    /// Who opened it, for backends that are told.
    client: Client,
    /// The rows of the request before: most connections carry one kind of request.
    rows: Mutex<Option<Known>>,
}

/// Rows, and what they were looked up for.
struct Known {
    rule: Arc<Rule>,
    backend: ClusterKey,
    rows: Rows,
}

/// Serves one connection of the application to its end.
pub(crate) async fn connection<R: Rt>(
    shared: Arc<Shared<R>>,
    io: R::Io,
    info: ConnInfo,
    watch: Watch,
) {
    let snapshot = shared.snapshot();
    let look = match info.original_dst {
        Some(to) => look(&snapshot, to),
        // Without an address only HTTP can say where it wants to go.
        None => Some(LookHttp::Declared),
    };
    let outbound = Arc::new(Outbound {
        shared: shared.clone(),
        to: info.original_dst,
        from: info.peer.ip(),
        client: client(&info),
        rows: Mutex::new(None),
    });
    let Some(http) = look else {
        return outbound.bytes(&snapshot, AnyIo::Plain(io), None).await;
    };
    let tls = match http {
        LookHttp::Declared => LookTls::No,
        LookHttp::No | LookHttp::Maybe => LookTls::Name,
    };
    let until = shared.rt.now() + shared.bounds.detect_timeout;
    let found = detect(&shared.rt, io, Look { tls, http }, until).await;
    let Ok((found, io)) = found else { return };
    let io = AnyIo::Peeked(io);
    match found {
        Detected::Http1 => serve1(&shared, io, &*outbound, watch).await,
        Detected::Http2 => serve2(&shared, io, &outbound, watch).await,
        Detected::Tls { sni } => outbound.bytes(&snapshot, io, sni.as_deref()).await,
        Detected::Closed => {}
        _ => outbound.bytes(&snapshot, io, None).await,
    }
}

/// What to look for on a connection to `to`; none = do not look.
fn look(snapshot: &Snapshot, to: SocketAddr) -> Option<LookHttp> {
    match find(snapshot, to) {
        Target::Frontend(frontend) => match frontend.protocol {
            PortProtocol::Opaque => None,
            PortProtocol::Detect => Some(LookHttp::Maybe),
            PortProtocol::Http1 | PortProtocol::Http2 => Some(LookHttp::Declared),
        },
        // A host outside may be known by the name that a request has for it.
        Target::Past(_) if snapshot.outbound.named_ports.contains(&to.port()) => {
            Some(LookHttp::Maybe)
        }
        Target::Past(past) => past.pod.map(|_| LookHttp::Maybe),
    }
}

/// Whose connection it is.
fn client(info: &ConnInfo) -> Client {
    Client {
        source: info.peer,
        destination: info.original_dst.unwrap_or(info.local),
    }
}

// === impl Outbound ===

impl<R: Rt> Outbound<R> {
    /// A request for one certain address.
    async fn direct<S, D>(&self, peer: Peer, head: &mut RequestHead, body: S, reply: &mut D) -> Done
    where
        S: Source + Send,
        D: Respond + Send,
    {
        let to = Destination {
            peer,
            cluster: None,
        };
        if to.peer.identity.is_some() {
            headers::set_orig_proto(head, ClusterProtocol::Same);
        }
        let who = to.peer.address.to_string();
        let direct = Direct {
            to: &to,
            wire: wire_to(&to, ClusterProtocol::Same, head),
            who: &who,
            proxied: to.peer.identity.is_some(),
            says: HeaderMap::new(),
        };
        forward(&self.shared, direct, head, body, reply).await
    }

    async fn refuse<D: Respond>(
        &self,
        failure: &Failure,
        head: &RequestHead,
        reply: &mut D,
    ) -> Done {
        let answer = LocalResponse::from_failure(failure, head);
        let status = answer.status;
        local::send(&self.shared.rt, answer, &head.method, reply).await;
        Done::failed(status, failure)
    }

    /// A request for a service: through a session.
    async fn routed<S, D>(
        &self,
        snapshot: &Snapshot,
        frontend: &Frontend,
        mut head: RequestHead,
        entry: &Entry,
        body: S,
        reply: &mut D,
    ) where
        S: Source + Send + 'static,
        D: Respond + Send,
    {
        let shared = &*self.shared;
        let started = entry.started;
        let mut trail = match shared.observer {
            Some(_) => Trail::on(),
            None => Trail::off(),
        };
        let opened = {
            let mut rng = shared.entropy();
            let clusters = &shared.clusters;
            Session::open(frontend, &mut head, clusters, started, &mut rng, &mut trail)
        };
        let mut backend = None;
        let (rule, rows) = match &opened {
            Opened::Respond(answer) => {
                let rule = answer.rule.clone();
                let rows = self.look_up(snapshot, frontend, rule.as_ref(), None);
                (rule, rows)
            }
            Opened::Forward(session) => {
                let rule = session.rule().cloned();
                let backend = session.cluster().key();
                let rows = self.known(snapshot, frontend, rule.as_ref(), backend);
                (rule, rows)
            }
        };
        let telemetry = &shared.telemetry;
        telemetry.start(rows);
        let mut attempts = Vec::new();
        let (done, extra) = match opened {
            Opened::Respond(answer) => {
                let done = self.respond(*answer, &head, reply).await;
                (done, Extra::default())
            }
            Opened::Forward(session) => {
                if shared.notes_attempts() {
                    backend = Some(session.cluster().key().clone());
                }
                // Others are told nothing of the mesh.
                if session.cluster().is_meshed() {
                    headers::set_orig_proto(&mut head, session.protocol());
                }
                let shadow = Shadow {
                    limited: session.is_over_shadow_limit(),
                    ..Shadow::default()
                };
                telemetry.shadowed(rows, shadow);
                let mirrors = session.mirrors().to_vec();
                let deadline = session.deadline();
                let mut run = Run::new(shared, *session, trail, rows);
                run.client = Some(self.client);
                let (done, mirrored) = match mirrors.is_empty() {
                    true => (run.drive(&head, body, reply).await, 0),
                    false => {
                        let copies = mirror::start(&self.shared, &mirrors, &head, body, deadline);
                        (Box::pin(run.drive(&head, copies.0, reply)).await, copies.1)
                    }
                };
                let extra = Extra {
                    retries_denied: run.session.retries_denied().into(),
                    timeouts: run.timeouts,
                    mirrored,
                };
                trail = run.trail;
                attempts = run.attempts;
                (done, extra)
            }
        };
        telemetry.end(rows, &done, extra, shared.rt.now().since(started));
        shared.observe(Role::Outbound, &head, entry, &done, |record| {
            record.service = Some(frontend.service.clone());
            record.rule = rule.map(|r| r.name.clone());
            record.backend = backend;
            record.trail = trail.steps().iter().map(ToString::to_string).collect();
            record.attempts = attempts;
        });
    }

    /// The rows of a request, without a look-up when the one before was of the same kind.
    fn known(
        &self,
        snapshot: &Snapshot,
        frontend: &Frontend,
        rule: Option<&Arc<Rule>>,
        backend: &ClusterKey,
    ) -> Rows {
        let mut last = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(known), Some(rule)) = (&*last, rule)
            && Arc::ptr_eq(&known.rule, rule)
            && known.backend == *backend
        {
            return known.rows;
        }
        let rows = self.look_up(snapshot, frontend, rule, Some(backend));
        *last = rule.map(|rule| Known {
            rule: rule.clone(),
            backend: backend.clone(),
            rows,
        });
        rows
    }

    fn look_up(
        &self,
        snapshot: &Snapshot,
        frontend: &Frontend,
        rule: Option<&Arc<Rule>>,
        backend: Option<&ClusterKey>,
    ) -> Rows {
        let shared = &*self.shared;
        let edge = telemetry::security(snapshot, backend);
        let (telemetry, from) = (&shared.telemetry, &shared.report_name);
        telemetry.outbound(frontend, rule, backend, from, edge, shared.rt.now())
    }

    /// The row of what goes past the routes: to a pod that was addressed directly, or out of the
    /// mesh. The addresses out there are not told apart: nothing bounds their number.
    fn past_routes(&self, past: &Past) -> Rows {
        let to = match &past.pod {
            Some(pod) => pod.to_string(),
            None => "unknown".to_owned(),
        };
        let tls = match past.peer.identity {
            Some(_) => Security::Mutual,
            None => Security::Plain,
        };
        let shared = &*self.shared;
        let (telemetry, from) = (&shared.telemetry, &shared.report_name);
        telemetry.edge(from, &to.into(), Side::Client, tls, shared.rt.now())
    }

    /// An answer that the engine gave, at the time it said.
    async fn respond<D: Respond>(&self, answer: Answer, head: &RequestHead, reply: &mut D) -> Done {
        let rt = &self.shared.rt;
        let not_before = answer.not_before;
        if not_before > rt.now() {
            tokio::select! {
                biased;
                () = rt.sleep_until(not_before) => {}
                () = core::future::poll_fn(|cx| reply.poll_closed(cx)) => {
                    return Done::gone((0, 0));
                }
            }
        }
        let mut done = Done::local(&answer.response);
        if !local::send(rt, answer.response, &head.method, reply).await {
            done = done.left();
        }
        done
    }

    /// Whom a request is for.
    fn target(&self, snapshot: &Snapshot, head: &RequestHead) -> Result<Target, Failure> {
        let found = match self.to {
            Some(to) => Some(match find(snapshot, to) {
                Target::Past(past) if past.pod.is_none() => {
                    let named = target::by_name(snapshot, head, to.port());
                    named.unwrap_or(Target::Past(past))
                }
                target => target,
            }),
            None => target::by_authority(snapshot, head),
        };
        let cause = match found {
            Some(Target::Past(past)) => match target::denial(snapshot, &past) {
                Some(denial) => denial,
                None => return Ok(Target::Past(past)),
            },
            Some(target) => return Ok(target),
            None => format!("no service is known by the name `{}`", head.host()),
        };
        Err(Failure::new(
            Whose::Config,
            Again::Never,
            Flag::NoRoute,
            cause,
        ))
    }
}

impl<R: Rt> Handler<R> for Outbound<R> {
    async fn handle<S, D>(&self, mut head: RequestHead, body: S, mut reply: D)
    where
        S: Source + Send + 'static,
        D: Respond + Send + 'static,
    {
        let shared = &self.shared;
        headers::strip_own(&mut head.headers);
        head.source = Some(self.from);
        let entry = shared.enter(&mut head.headers);
        let snapshot = shared.snapshot();
        let tunnel = self.to.is_none() && head.method == Method::CONNECT && head.upgrade.is_none();
        let (mut upstream, mut server) = (None, None);
        let done = match self.target(&snapshot, &head) {
            Ok(Target::Frontend(frontend)) if tunnel => {
                // Rare, and large: other requests need not make room for it.
                Box::pin(self.tunnel(&snapshot, &frontend, &head, body, reply)).await
            }
            Ok(Target::Past(past)) if tunnel => {
                let rows = self.past_routes(&past);
                shared.telemetry.start(rows);
                let done = Box::pin(self.tunnel_past(&past, &head, body, reply)).await;
                let took = shared.rt.now().since(entry.started);
                shared.telemetry.end(rows, &done, Extra::default(), took);
                done
            }
            Ok(Target::Frontend(frontend)) => {
                let reply = &mut reply;
                return self
                    .routed(&snapshot, &frontend, head, &entry, body, reply)
                    .await;
            }
            Ok(Target::Past(past)) => {
                let rows = self.past_routes(&past);
                shared.telemetry.start(rows);
                let peer = past.peer;
                upstream = Some(peer.address);
                if shared.notes_attempts() {
                    server.clone_from(&peer.identity);
                }
                let done = self.direct(peer, &mut head, body, &mut reply).await;
                let took = shared.rt.now().since(entry.started);
                shared.telemetry.end(rows, &done, Extra::default(), took);
                done
            }
            Err(failure) => self.refuse(&failure, &head, &mut reply).await,
        };
        shared.observe(Role::Outbound, &head, &entry, &done, |record| {
            record.upstream = upstream;
            record.server = server;
        });
    }
}
