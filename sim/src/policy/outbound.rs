//! A request on its way out: the engine's session, driven without bytes.
//!
//! It is the proxy's own way (`proxy::serve::outbound`) with a message where the proxy has a
//! stream: what the session says is done, in the order it says it, and counted in the same rows.

use core::net::SocketAddr;
use std::sync::Arc;

use engine::classify::Broken;
use engine::failure::{Again, Failure, Whose};
use engine::head::{RequestHead, ResponseHead};
use engine::live::Wait;
use engine::report::{Security, Side};
use engine::session::{Answer as Given, Attempt, End, Next, OnFailure, OnHead, Opened, Session};
use engine::snapshot::{Frontend, PortProtocol, Snapshot};
use engine::time::Instant;
use engine::trace::Trail;
use engine::verdict::LocalResponse;
use http::{HeaderMap, HeaderValue, StatusCode};
use proxy::net::Rt as _;
use proxy::telemetry::{Done, EndpointRowId, Extra, Rows, Shadow};

use super::Agent;
use super::lanes::NoLease;
use super::serve::{Died, From, Reply, deliver, head};
use crate::client::{Answer, Ask, NoAnswer};

/// What one attempt gave.
enum Got {
    Reply(Reply),
    Broken(Broken),
    Fail(Failure),
}

/// What follows an attempt.
enum Step {
    Answer(Answer, Done),
    Again(Instant),
}

/// A request that is counted. Its client may leave at any await: it ends when it is dropped.
pub(super) struct Counted<'a> {
    agent: &'a Agent,
    rows: Rows,
    started: Instant,
    extra: Extra,
    done: Option<Done>,
}

/// An attempt that is counted.
struct Try<'a> {
    agent: &'a Agent,
    row: EndpointRowId,
    started: Instant,
    done: Option<Done>,
}

// === impl Agent ===

impl Agent {
    /// Sends a request of the pod's application to an address.
    pub(super) async fn call(
        self: &Arc<Self>,
        ask: &Ask,
        to: SocketAddr,
    ) -> Result<Answer, NoAnswer> {
        let snapshot = self.snapshot();
        let outbound = &snapshot.outbound;
        let frontend = outbound
            .by_address
            .get(&to)
            .map(|i| &outbound.frontends[*i]);
        match frontend {
            Some(frontend) => {
                if frontend.protocol == PortProtocol::Opaque {
                    self.sites.beyond(format!(
                        "{}:{} is opaque: its connections are balanced, not its requests",
                        frontend.service, frontend.port
                    ));
                }
                Ok(self.routed(&snapshot, frontend, ask).await)
            }
            None => Ok(self.past(&snapshot, ask, to).await),
        }
    }

    /// A request to a pod that was addressed directly: no route is about it.
    async fn past(&self, snapshot: &Snapshot, ask: &Ask, to: SocketAddr) -> Answer {
        let pod = snapshot.outbound.by_pod.get(&to.ip());
        let identity = pod.and_then(|p| p.identity.as_ref());
        let name = pod.map_or_else(|| "unknown".to_owned(), |p| p.name.to_string());
        let tls = match identity {
            Some(_) => Security::Mutual,
            None => Security::Plain,
        };
        let rows = self.edge(&name, Side::Client, tls);
        let mut counted = self.count(rows);
        let from = From {
            rt: self.rt,
            address: self.address,
            identity: identity.map(|_| self.identity.clone()),
        };
        let sent = deliver(&self.sites, from, to, ask, &ask.headers).await;
        let (answer, done) = match sent {
            Ok(reply) => {
                let done = reply.done(ask.dest.grpc, ask.body_bytes);
                (reply.answer(ask), done)
            }
            Err(Died) => {
                let how = Broken::Reset;
                let cause = format!("{to} {}", how.describe());
                let failure = Failure::new(Whose::Upstream, Again::Never, how.flag(), cause);
                self.fail(&failure, ask)
            }
        };
        counted.done = Some(done);
        answer
    }

    async fn routed(
        self: &Arc<Self>,
        snapshot: &Snapshot,
        frontend: &Frontend,
        ask: &Ask,
    ) -> Answer {
        let now = self.rt.now();
        let mut head = head(ask, &ask.headers);
        // The application's connections come from within the pod.
        head.source = Some(self.address);
        let mut trail = Trail::off();
        let opened = {
            let mut rng = self.entropy();
            Session::open(
                frontend,
                &mut head,
                &self.clusters,
                now,
                &mut rng,
                &mut trail,
            )
        };
        match opened {
            Opened::Respond(given) => {
                let rows = self.rows(snapshot, frontend, given.rule.as_ref(), None, now);
                let mut counted = self.count(rows);
                let Given {
                    response,
                    not_before,
                    ..
                } = *given;
                self.rt.sleep_until(not_before).await;
                counted.done = Some(Done::local(&response));
                Answer::local(response)
            }
            Opened::Forward(session) => {
                let rule = session.rule().cloned();
                let backend = session.cluster().key().clone();
                let rows = self.rows(snapshot, frontend, rule.as_ref(), Some(&backend), now);
                let mut counted = self.count(rows);
                let limited = session.is_over_shadow_limit();
                let audited = false;
                self.telemetry.shadowed(rows, Shadow { audited, limited });
                counted.extra.mirrored = self.mirror(&session, ask, &head);
                self.drive(*session, ask, &head, &mut counted).await
            }
        }
    }

    /// Sends the copies that filters asked for; nobody waits for them.
    fn mirror(self: &Arc<Self>, session: &Session, ask: &Ask, head: &RequestHead) -> u64 {
        let mut sent = 0;
        for to in session.mirrors() {
            let (agent, ask, head) = (Arc::clone(self), ask.clone(), head.clone());
            let (to, deadline) = (to.clone(), session.deadline());
            sent += 1;
            self.rt.spawn(async move {
                let now = agent.rt.now();
                let made = Session::alone(&to.cluster, &head, deadline, &agent.clusters, now);
                if let Some(session) = made {
                    let mut counted = agent.count(Rows::default());
                    agent.drive(session, &ask, &head, &mut counted).await;
                }
            });
        }
        sent
    }

    /// Drives a session until the client has its answer.
    pub(super) async fn drive(
        &self,
        mut session: Session,
        ask: &Ask,
        head: &RequestHead,
        counted: &mut Counted<'_>,
    ) -> Answer {
        if session.response_bandwidth().is_some() {
            let what = "fault.responseBandwidth: bodies have no bytes";
            self.sites.beyond(what);
        }
        let replayable = ask.body_bytes <= session.replay_limit() as u64;
        if let Some(at) = session.delay_until() {
            self.rt.sleep_until(at).await;
        }
        let mut trail = Trail::off();
        let (answer, done) = loop {
            match session.next_attempt(self.rt.now(), &mut trail) {
                Next::Attempt(attempt) => {
                    let step = self
                        .attempt(&mut session, &attempt, ask, head, replayable, counted)
                        .await;
                    match step {
                        Step::Answer(answer, done) => break (answer, done),
                        Step::Again(at) => self.rt.sleep_until(at).await,
                    }
                }
                Next::Wait(wait) => self.wait(wait).await,
                Next::Fail(failure) => break self.fail(&failure, ask),
            }
        };
        counted.extra.retries_denied = session.retries_denied().into();
        counted.done = Some(done);
        answer
    }

    pub(super) async fn wait(&self, wait: Wait) {
        tokio::select! {
            biased;
            () = wait.changed => {}
            () = self.rt.sleep_until(wait.until) => {}
        }
    }

    async fn attempt(
        &self,
        session: &mut Session,
        attempt: &Attempt,
        ask: &Ask,
        head: &RequestHead,
        replayable: bool,
        counted: &mut Counted<'_>,
    ) -> Step {
        let started = self.rt.now();
        if attempt.number > 1 {
            self.telemetry.retried(counted.rows);
        }
        let row = self
            .telemetry
            .attempt(session.cluster().key(), &attempt.endpoint, started);
        let mut tried = Try {
            agent: self,
            row,
            started,
            done: None,
        };
        let got = {
            let exchange = self.exchange(session, attempt, row, ask, &head.headers);
            if attempt.deadline == Instant::FAR_FUTURE {
                exchange.await
            } else {
                tokio::select! {
                    biased;
                    got = exchange => got,
                    () = self.rt.sleep_until(attempt.deadline) => {
                        counted.extra.timeouts += 1;
                        Got::Broken(attempt.on_deadline)
                    }
                }
            }
        };
        let now = self.rt.now();
        let mut trail = Trail::off();
        match got {
            Got::Reply(reply) => {
                self.telemetry.shadowed(counted.rows, reply.shadow);
                let done = match &reply.local {
                    Some(local) => {
                        Done::answered(local.status, local.grpc_status, (ask.body_bytes, 0))
                    }
                    None => reply.done(ask.dest.grpc, ask.body_bytes),
                };
                tried.done = Some(done.clone());
                replied(session, reply, done, ask, replayable, now)
            }
            Got::Broken(how) => {
                tried.done = Some(Done::broke(how.flag(), how.describe()));
                match session.on_failure(how, replayable, now, &mut trail) {
                    OnFailure::Retry { at } => Step::Again(at),
                    OnFailure::Fail(failure) => {
                        let (answer, done) = self.fail(&failure, ask);
                        Step::Answer(answer, done)
                    }
                }
            }
            Got::Fail(failure) => {
                tried.done = Some(Done::failed(failure.status(), &failure));
                let (answer, done) = self.fail(&failure, ask);
                Step::Answer(answer, done)
            }
        }
    }

    /// A connection, the way there and back.
    async fn exchange(
        &self,
        session: &mut Session,
        attempt: &Attempt,
        row: EndpointRowId,
        ask: &Ask,
        headers: &HeaderMap,
    ) -> Got {
        let lease = match self.lease(session, attempt, row, ask.dest.grpc).await {
            Ok(lease) => lease,
            Err(NoLease::Broken(how)) => return Got::Broken(how),
            Err(NoLease::Fail(failure)) => return Got::Fail(failure),
        };
        let from = From {
            rt: self.rt,
            address: self.address,
            identity: attempt
                .endpoint
                .identity
                .is_some()
                .then(|| self.identity.clone()),
        };
        let to = attempt.endpoint.address;
        match deliver(&self.sites, from, to, ask, headers).await {
            Ok(reply) => {
                self.lanes.keep(to, lease);
                Got::Reply(reply)
            }
            Err(Died) => Got::Broken(Broken::Reset),
        }
    }

    fn fail(&self, failure: &Failure, ask: &Ask) -> (Answer, Done) {
        let local = LocalResponse::from_failure(failure, &head(ask, &ask.headers));
        let done = Done::failed(local.status, failure);
        (Answer::local(local), done)
    }

    pub(super) fn count(&self, rows: Rows) -> Counted<'_> {
        self.telemetry.start(rows);
        Counted {
            agent: self,
            rows,
            started: self.rt.now(),
            extra: Extra::default(),
            done: None,
        }
    }
}

/// What the session makes of an answer.
fn replied(
    session: &mut Session,
    reply: Reply,
    mut done: Done,
    ask: &Ask,
    replayable: bool,
    now: Instant,
) -> Step {
    let grpc = reply.grpc(ask.dest.grpc);
    let status = match &reply.local {
        Some(local) => local.status,
        None if grpc.is_some() => StatusCode::OK,
        None => reply.status,
    };
    let mut head = ResponseHead::new(status);
    if let Some(local) = &reply.local {
        head.headers = local.headers.clone();
    }
    let code = |code: u32| HeaderValue::from(code);
    let failed = grpc.filter(|c| *c != 0);
    if let Some(failed) = failed {
        head.headers.insert("grpc-status", code(failed));
    }
    if let OnHead::Retry { at, .. } = session.on_head(&mut head, replayable, now, &mut Trail::off())
    {
        return Step::Again(at);
    }
    let mut trailers = HeaderMap::new();
    let complete = match grpc {
        Some(0) => {
            trailers.insert("grpc-status", code(0));
            Some(&trailers)
        }
        _ => None,
    };
    let assessment = session.on_end(End::Complete(complete), now);
    done.ended = assessment.class.kind.into();
    done.flag = session.flag();
    let refused = reply.local.as_ref().and_then(|local| local.flag);
    let done = done.refused_by_peer(refused.filter(|flag| flag.is_refusal()));
    let flag = done.flag;
    let mut answer = reply.answer(ask);
    answer.flag = answer.flag.or(flag);
    Step::Answer(answer, done)
}

// === drop: however a request ends, it is counted ===

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        let took = self.agent.rt.now().since(self.started);
        let done = self.done.take().unwrap_or_else(|| Done::gone((0, 0)));
        self.agent.telemetry.end(self.rows, &done, self.extra, took);
    }
}

impl Drop for Try<'_> {
    fn drop(&mut self) {
        let took = self.agent.rt.now().since(self.started);
        let done = self.done.take().unwrap_or_else(|| Done::gone((0, 0)));
        self.agent.telemetry.attempt_end(self.row, &done, took);
    }
}
