//! Connections that are forwarded as bytes: the backend by the routes of the Service, the endpoint
//! by the balancer, another endpoint when a connect fails, since nothing was sent yet.

use core::net::SocketAddr;
use std::sync::Arc;

use engine::classify::{Assessment, Broken, Outcome};
use engine::live::{ConnectionPermit, LiveCluster, Started, Unavailable};
use engine::ratelimit::{Asking, Verdict};
use engine::report::Ended;
use engine::route::{find_tcp, find_tls};
use engine::snapshot::{Frontend, RouteKind, Rule, Snapshot};
use engine::split;
use engine::time::Instant;
use engine::trace::Trail;
use http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite};

use super::Outbound;
use super::request::assess;
use super::target::{Past, Target, denial, find};
use crate::net::{Abort, AnyIo, Rt};
use crate::observe::{Role, cut};
use crate::pool::{ConnectError, Peer, connect};
use crate::serve::Shadow;
use crate::serve::direct::TIMES;
use crate::serve::done::Done;
use crate::tcp;
use crate::telemetry::{EndpointRowId, Extra};
use crate::tls::Alpn;

/// Connects that are tried before a connection is given up. Envoy tries once, Linkerd until its
/// queue times out; three find a living endpoint in a service of which a minority is dead.
const CONNECTS_MAX: usize = 3;

/// How often an endpoint is drawn again to avoid one that was tried.
const REDRAWS: u32 = 3;

/// A connection to an endpoint, and what it holds.
pub(super) struct Opened<I> {
    io: AnyIo<I>,
    started: Started,
    row: EndpointRowId,
    _permit: ConnectionPermit,
}

impl<R: Rt> Outbound<R> {
    /// Forwards a connection as bytes. `sni` is the server name of its ClientHello, when it had
    /// one.
    pub(super) async fn bytes(&self, snapshot: &Snapshot, mut io: AnyIo<R::Io>, sni: Option<&str>) {
        let Some(to) = self.to else {
            // Bytes do not say where they want to go.
            return io.abort();
        };
        match find(snapshot, to) {
            Target::Frontend(frontend) => self.balanced(snapshot, &frontend, io, sni).await,
            Target::Past(past) if denial(snapshot, &past).is_some() => io.abort(),
            Target::Past(past) => self.pinned(&past, io).await,
        }
    }

    /// To one certain address.
    async fn pinned(&self, past: &Past, mut io: AnyIo<R::Io>) {
        let (rt, tls) = (&self.shared.rt, &self.shared.tls);
        let (telemetry, rows) = (&self.shared.telemetry, self.past_routes(past));
        let started = rt.now();
        telemetry.start(rows);
        let done = match connect(rt, tls, &past.peer, Alpn::Tcp, TIMES.connect).await {
            Ok(upstream) => Done::copied(self.copy(io, upstream).await),
            Err(e) => {
                // The client was promised a connection that nobody can give it.
                io.abort();
                Done::broke(e.flag(), &e.to_string())
            }
        };
        telemetry.end(rows, &done, Extra::default(), rt.now().since(started));
        let shared = &self.shared;
        shared.observe_bytes(Role::Outbound, self.from, started, &done, |record| {
            record.upstream = Some(past.peer.address);
            record.server.clone_from(&past.peer.identity);
        });
    }

    pub(super) async fn copy<I>(&self, io: I, upstream: AnyIo<R::Io>) -> tcp::Copied
    where
        I: AsyncRead + AsyncWrite + Abort + Unpin,
    {
        let (rt, bounds) = (&self.shared.rt, &self.shared.bounds);
        tcp::copy(rt, io, upstream, bounds.tcp_buffer, bounds.idle_timeout).await
    }

    /// To an endpoint of a Service.
    pub(super) async fn balanced(
        &self,
        snapshot: &Snapshot,
        frontend: &Frontend,
        mut io: AnyIo<R::Io>,
        sni: Option<&str>,
    ) {
        let shared = &*self.shared;
        let now = shared.rt.now();
        let Some((rule, cluster)) = self.backend(frontend, sni, now) else {
            return io.abort();
        };
        let key = cluster.key().clone();
        let telemetry = &shared.telemetry;
        let rows = self.look_up(snapshot, frontend, Some(&rule), Some(&key));
        telemetry.start(rows);
        let limits = self.limit(&rule, now);
        let limited = limits.shadowed;
        telemetry.shadowed(
            rows,
            Shadow {
                limited,
                ..Shadow::default()
            },
        );
        let opened = match &limits.refused {
            Some(failure) => Err((Done::broke(failure.flag, &failure.to_string()), 0)),
            None => self.open(&cluster).await,
        };
        let (done, retries, endpoint) = match opened {
            Ok((opened, retries)) => {
                let endpoint = opened.started.endpoint.clone();
                (self.stream(opened, io).await, retries, Some(endpoint))
            }
            Err((done, retries)) => {
                io.abort();
                (done, retries, None)
            }
        };
        (0..retries).for_each(|_| telemetry.retried(rows));
        let took = shared.rt.now().since(now);
        telemetry.end(rows, &done, Extra::default(), took);
        shared.observe_bytes(Role::Outbound, self.from, now, &done, |record| {
            record.service = Some(frontend.service.clone());
            record.rule = Some(rule.name.clone());
            record.authority = sni.map(cut).unwrap_or_default();
            record.backend = Some(key);
            record.upstream = endpoint.as_ref().map(|e| e.address);
            record.server = endpoint.and_then(|e| e.identity.clone());
        });
    }

    /// The rule for the connection and the live state of the backend that was drawn.
    pub(super) fn backend(
        &self,
        frontend: &Frontend,
        sni: Option<&str>,
        now: Instant,
    ) -> Option<(Arc<Rule>, Arc<LiveCluster>)> {
        let mut trail = Trail::off();
        let table = &frontend.routes;
        let found = match table.kind() {
            RouteKind::Tls => find_tls(table, sni, &mut trail),
            _ => find_tcp(table, &mut trail),
        };
        let rule = found?.rule.clone();
        let key = {
            let mut rng = self.shared.entropy();
            split::choose(&rule, &mut rng, &mut trail)
                .ok()?
                .cluster
                .clone()
        };
        let cluster = self.shared.clusters.get(&key, now)?;
        Some((rule, cluster))
    }

    /// What the limits of the client's side say about one more connection.
    fn limit(&self, rule: &Rule, now: Instant) -> Verdict {
        if rule.limits.is_empty() {
            return Verdict::default();
        }
        let asking = Asking {
            peer: None,
            head: None,
        };
        let mut limiter = self.shared.clusters.limiter();
        limiter.check(rule.limits.iter(), asking, now, &mut Trail::off())
    }

    /// A connection to an endpoint, and how many connects failed before.
    pub(super) async fn open(
        &self,
        cluster: &Arc<LiveCluster>,
    ) -> Result<(Opened<R::Io>, u64), (Done, u64)> {
        let shared = &*self.shared;
        let rt = &shared.rt;
        let mut tried: Vec<SocketAddr> = Vec::new();
        loop {
            let (failed, redraws) = (tried.len(), if tried.is_empty() { 0 } else { REDRAWS });
            let mut started = match self.pick(cluster, &tried, redraws).await {
                Ok(started) => started,
                Err(done) => return Err((done, failed as u64)),
            };
            let began = rt.now();
            let telemetry = &shared.telemetry;
            let row = telemetry.attempt(cluster.key(), &started.endpoint, began);
            let error = match self.connect(&mut started).await {
                Ok((io, permit)) => {
                    telemetry.connected(row, true);
                    let done = Done::bytes(Ended::Success);
                    telemetry.attempt_end(row, &done, rt.now().since(began));
                    let opened = Opened {
                        io,
                        started,
                        row,
                        _permit: permit,
                    };
                    return Ok((opened, failed as u64));
                }
                Err(done) => done,
            };
            let (how, done) = error;
            telemetry.connected(row, false);
            telemetry.attempt_end(row, &done, rt.now().since(began));
            tried.push(started.endpoint.address);
            // A limit of our own says nothing about the endpoint.
            let verdict = how.map_or_else(|| Assessment::of(Outcome::Cancelled), assess);
            started.ticket.end(&verdict, rt.now());
            let again = matches!(how, Some(Broken::Connect | Broken::ConnectTimeout));
            if !again || tried.len() >= CONNECTS_MAX {
                return Err((done, failed as u64));
            }
        }
    }

    async fn connect(
        &self,
        started: &mut Started,
    ) -> Result<(AnyIo<R::Io>, ConnectionPermit), (Option<Broken>, Done)> {
        let (rt, tls) = (&self.shared.rt, &self.shared.tls);
        let permit = started.ticket.connection(rt.now());
        let permit = permit.map_err(|_| (None, overflow()))?;
        let peer = Peer::of(&started.endpoint, &started.policy, Some(self.client));
        let timeout = started.policy.connect_timeout;
        match connect(rt, tls, &peer, Alpn::Tcp, timeout).await {
            Ok(io) => Ok((io, permit)),
            Err(e) => {
                let how = match e {
                    ConnectError::Io { .. } => Broken::Connect,
                    ConnectError::Timeout { .. } => Broken::ConnectTimeout,
                    ConnectError::Tls { .. } => Broken::Tls,
                };
                Err((Some(how), Done::broke(e.flag(), &e.to_string())))
            }
        }
    }

    /// An endpoint, or the failure when none becomes ready in time.
    async fn pick(
        &self,
        cluster: &Arc<LiveCluster>,
        tried: &[SocketAddr],
        redraws: u32,
    ) -> Result<Started, Done> {
        let rt = &self.shared.rt;
        loop {
            let now = rt.now();
            let refused = match cluster.start(tried, redraws, None, now) {
                Ok(started) => return Ok(started),
                Err(refused) => refused,
            };
            match refused {
                Unavailable::NoEndpoint {
                    until,
                    look_again,
                    seen,
                    ..
                } if until > now => {
                    let Ok(wait) = cluster.wait(look_again, seen, now) else {
                        return Err(overflow());
                    };
                    tokio::select! {
                        biased;
                        () = wait.changed => {}
                        () = rt.sleep_until(wait.until) => {}
                    }
                }
                Unavailable::NoEndpoint { reason, .. } => {
                    let flag = engine::failure::Flag::NoHealthyUpstream;
                    return Err(Done::broke(flag, &reason.to_string()));
                }
                Unavailable::Full(_) => return Err(overflow()),
            }
        }
    }

    pub(super) async fn stream<I>(&self, opened: Opened<R::Io>, io: I) -> Done
    where
        I: AsyncRead + AsyncWrite + Abort + Unpin,
    {
        let rt = &self.shared.rt;
        let Started { mut ticket, .. } = opened.started;
        let good = Assessment::of(Outcome::Http(StatusCode::OK));
        // The time of a connect is all the balancer can learn from bytes.
        ticket.head(Some(&good), rt.now());
        let copied = self.copy(io, opened.io).await;
        self.shared.telemetry.disconnected(opened.row);
        ticket.end(&good, rt.now());
        Done::copied(copied)
    }
}

fn overflow() -> Done {
    let flag = engine::failure::Flag::Overflow;
    Done::broke(flag, "a limit of the backend is reached")
}
