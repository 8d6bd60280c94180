//! One request through its session: whatever the engine says is done, in the order it says it.

use core::future::Future;
use core::pin::pin;
use std::future::poll_fn;
use std::task::Poll;

use engine::classify::{Assessment, Broken, Outcome};
use engine::failure::{Failure, Flag};
use engine::head::{RequestHead, ResponseHead, Scheme};
use engine::live::Wait;
use engine::session::{Attempt, Connect, End, Next, OnFailure, OnHead, Session};
use engine::snapshot::ClusterKey;
use engine::time::Instant;
use engine::trace::Trail;
use engine::verdict::{FLAG_HEADER, LocalResponse};
use http::HeaderValue;

use crate::exchange::{Replay, Respond, Source, StreamError};
use crate::net::Rt;
use crate::observe::AttemptRecord;
use crate::pool::exchange::Lease;
use crate::pool::{Client, ConnectError, Destination, Entered, Peer, Queued, Times};
use crate::serve::direct::{bad_request, is_gone, pass, wire_to};
use crate::serve::done::Done;
use crate::serve::exchange::{HeadEnd, StreamEnd, Try};
use crate::serve::shadow::Told;
use crate::serve::{Shared, headers, local};
use crate::telemetry::{EndpointRowId, Rows};

/// A request under way and everything that is noted about it.
pub(super) struct Run<'a, R: Rt> {
    shared: &'a Shared<R>,
    rows: Rows,
    pub(super) session: Session,
    pub(super) trail: Trail,
    pub(super) attempts: Vec<AttemptRecord>,
    pub(super) timeouts: u64,
    /// Whose request it is; none = the proxy's own.
    pub(super) client: Option<Client>,
}

/// What one attempt leads to.
enum Step<R: Rt> {
    /// The head is here and has to be passed on.
    Pass(Box<Passing<R>>),
    /// The attempt is over: call for the next at this time.
    Retry(Instant),
    Fail(Failure),
    Gone,
}

struct Passing<R: Rt> {
    going: Going,
    under_way: Try<R>,
    response: ResponseHead,
}

/// Why an attempt has no connection.
enum NoLease {
    Broken(Broken, String),
    Fail(Failure),
    Gone,
}

/// Where one attempt goes, and the row it counts in.
struct Going {
    attempt: Attempt,
    row: EndpointRowId,
    started: Instant,
}

// === impl Run ===

impl<'a, R: Rt> Run<'a, R> {
    /// `rows` are those that retries count in; a mirrored request has none.
    pub(super) fn new(shared: &'a Shared<R>, session: Session, trail: Trail, rows: Rows) -> Self {
        Self {
            shared,
            rows,
            session,
            trail,
            attempts: Vec::new(),
            timeouts: 0,
            client: None,
        }
    }

    /// Drives the session until the client has its answer.
    pub(super) async fn drive<S, D>(&mut self, head: &RequestHead, body: S, reply: &mut D) -> Done
    where
        S: Source + Send,
        D: Respond + Send,
    {
        let mut body = Replay::new(body, self.session.replay_limit());
        if let Some(at) = self.session.delay_until()
            && !self.sleep(at, reply).await
        {
            return self.gone(reply);
        }
        loop {
            let now = self.shared.rt.now();
            let step = match self.session.next_attempt(now, &mut self.trail) {
                Next::Attempt(attempt) => self.attempt(attempt, head, &mut body, reply).await,
                Next::Wait(wait) => match self.wait(wait, reply).await {
                    true => continue,
                    false => Step::Gone,
                },
                Next::Fail(failure) => Step::Fail(failure),
            };
            match step {
                Step::Pass(passing) => return self.pass(*passing, head, &mut body, reply).await,
                Step::Retry(at) => {
                    body.rewind();
                    if !self.sleep(at, reply).await {
                        return self.gone(reply);
                    }
                }
                Step::Fail(failure) => return self.fail(&failure, head, reply).await,
                Step::Gone => return self.gone(reply),
            }
        }
    }

    /// One attempt until the head of its response.
    async fn attempt<S, D>(
        &mut self,
        attempt: Attempt,
        head: &RequestHead,
        body: &mut Replay<S>,
        reply: &mut D,
    ) -> Step<R>
    where
        S: Source + Send,
        D: Respond + Send,
    {
        let (rt, telemetry) = (&self.shared.rt, &self.shared.telemetry);
        let started = rt.now();
        if attempt.number > 1 {
            telemetry.retried(self.rows);
        }
        let row = telemetry.attempt(self.session.cluster().key(), &attempt.endpoint, started);
        let going = Going {
            attempt,
            row,
            started,
        };
        let lease = match self.lease(&going, head, reply).await {
            Ok(lease) => lease,
            Err(NoLease::Broken(broken, why)) => return self.broke(&going, broken, &why, body),
            Err(NoLease::Fail(failure)) => {
                let done = Done::failed(failure.status(), &failure);
                self.over(&going, &done, failure.cause.clone());
                return Step::Fail(failure);
            }
            Err(NoLease::Gone) => return self.left(&going),
        };
        if head.upgrade.is_some() {
            lease.settle(rt).await;
        }
        let secured = secured(&going.attempt, head);
        let head = secured.as_ref().unwrap_or(head);
        let mut under_way = match Try::send(lease, head, body.length()) {
            Ok(under_way) => under_way,
            Err(e) => return self.broke(&going, broken(&e), &e.to_string(), body),
        };
        match under_way
            .head(rt, body, reply, going.attempt.deadline)
            .await
        {
            HeadEnd::Head(response) => self.on_head(going, under_way, response, body),
            HeadEnd::Broken(e) => {
                under_way.abort();
                self.broke(&going, broken(&e), &e.to_string(), body)
            }
            HeadEnd::Late => {
                under_way.abort();
                self.timeouts += 1;
                self.broke(&going, going.attempt.on_deadline, "", body)
            }
            HeadEnd::Client(e) if !is_gone(&e) => {
                under_way.abort();
                let failure = bad_request(&e);
                self.session.cancel(rt.now());
                self.over(
                    &going,
                    &Done::gone(under_way.moved()),
                    failure.cause.clone(),
                );
                Step::Fail(failure)
            }
            HeadEnd::Client(_) | HeadEnd::Gone => {
                under_way.abort();
                self.left(&going)
            }
        }
    }

    fn on_head<S: Source>(
        &mut self,
        going: Going,
        mut under_way: Try<R>,
        mut response: ResponseHead,
        body: &Replay<S>,
    ) -> Step<R> {
        let status = response.status;
        let grpc = engine::classify::grpc_status(&response.headers);
        let now = self.shared.rt.now();
        let again = body.can_rewind();
        let verdict = self
            .session
            .on_head(&mut response, again, now, &mut self.trail);
        match verdict {
            OnHead::Pass => Step::Pass(Box::new(Passing {
                going,
                under_way,
                response,
            })),
            OnHead::Retry { at, ended: how } => {
                under_way.abort();
                let mut done = Done::answered(status, grpc, under_way.moved());
                done.ended = how.class.kind.into();
                self.over(&going, &done, status.as_str().to_owned());
                Step::Retry(at)
            }
        }
    }

    /// Sends the response on to its end.
    async fn pass<S, D>(
        &mut self,
        passing: Passing<R>,
        head: &RequestHead,
        body: &mut Replay<S>,
        reply: &mut D,
    ) -> Done
    where
        S: Source + Send,
        D: Respond + Send,
    {
        let Passing {
            going,
            mut under_way,
            mut response,
        } = passing;
        // There will be no other try.
        body.commit();
        let (rt, status) = (&self.shared.rt, response.status);
        let in_head = engine::classify::grpc_status(&response.headers);
        headers::set_date(&mut response, rt);
        let told = self.told(&mut response);
        if let Some(flag) = self.session.flag() {
            let value = HeaderValue::from_static(flag.as_str());
            response.headers.insert(FLAG_HEADER, value);
        }
        if let Some(rate) = self.session.response_bandwidth() {
            under_way.slow_down(rt, rate);
        }
        let seen = self.shared.seen(&response);
        let until = self.session.stream_deadline();
        let end = pass(rt, &mut under_way, head, response, body, reply, until).await;
        let now = rt.now();
        let grpc = in_head.or_else(|| under_way.grpc_status());
        let mut done = Done::answered(status, grpc, under_way.moved());
        (done.flag, done.headers) = (self.session.flag(), seen);
        let assessment = match &end {
            StreamEnd::Complete => {
                let trailers = under_way.trailers();
                Some(self.session.on_end(End::Complete(trailers), now))
            }
            StreamEnd::Broken(e) => Some(self.session.on_end(End::Broken(broken(e)), now)),
            StreamEnd::Late => {
                self.timeouts += 1;
                Some(self.session.on_end(End::Broken(Broken::Timeout), now))
            }
            StreamEnd::Gone => None,
        };
        let done = match (assessment, end) {
            (None, _) => {
                self.session.cancel(now);
                done.left()
            }
            (Some(_), StreamEnd::Broken(e)) => done.broken(broken(&e).flag()),
            (Some(_), StreamEnd::Late) => done.broken(Flag::Timeout),
            (Some(assessment), _) => {
                done.ended = assessment.class.kind.into();
                done.refused_by_peer(told.refused)
            }
        };
        self.over(&going, &done, status.as_str().to_owned());
        done
    }

    /// What the peer's proxy says about the request; nobody else may say it.
    fn told(&self, response: &mut ResponseHead) -> Told {
        let endpoint = self.session.endpoint();
        if endpoint.is_none_or(|endpoint| endpoint.identity.is_none()) {
            headers::strip_own(&mut response.headers);
            return Told::default();
        }
        let told = Told::take(&mut response.headers);
        self.shared.telemetry.shadowed(self.rows, told.shadow);
        told
    }

    /// A connection for the attempt: pooled, or new if the engine allows one.
    async fn lease<D: Respond + Send>(
        &mut self,
        going: &Going,
        head: &RequestHead,
        reply: &mut D,
    ) -> Result<Lease<R>, NoLease> {
        let attempt = &going.attempt;
        let (to, times) = destination(attempt, self.session.cluster().key(), self.client);
        let wire = wire_to(&to, attempt.cluster.protocol, head);
        let mut queued = match self.shared.pool.enter(to, wire, times) {
            Entered::Ready(lease) => return Ok(lease),
            Entered::Queued(queued) => queued,
        };
        loop {
            let now = self.shared.rt.now();
            let mut wait = None;
            if queued.wants_connect() {
                match self.session.connection(now, &mut self.trail) {
                    Connect::Open(permit) => queued.connect(Some(permit), going.row),
                    Connect::Wait(place) => wait = Some(place),
                    Connect::Fail(failure) => return Err(NoLease::Fail(failure)),
                }
            }
            match self.queue(&mut queued, wait, attempt, reply).await {
                Some(Ok(lease)) => return Ok(lease),
                Some(Err(no_lease)) => return Err(no_lease),
                None => {}
            }
        }
    }

    /// Waits for a connection, the place in the engine's queue, the deadline and the client; none
    /// when it is worth asking again.
    async fn queue<D: Respond + Send>(
        &self,
        queued: &mut Queued<R>,
        wait: Option<Wait>,
        attempt: &Attempt,
        reply: &mut D,
    ) -> Option<Result<Lease<R>, NoLease>> {
        let look_again = wait.as_ref().map_or(Instant::FAR_FUTURE, |w| w.until);
        let changed = async {
            match wait {
                Some(wait) => wait.changed.await,
                None => core::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            ready = queued.ready() => Some(ready.map_err(|e| no_connection(&e))),
            () = changed => None,
            () = poll_fn(|cx| reply.poll_closed(cx)) => Some(Err(NoLease::Gone)),
            () = self.until(attempt.deadline) => {
                Some(Err(NoLease::Broken(attempt.on_deadline, String::new())))
            }
            () = self.until(look_again) => None,
        }
    }

    async fn until(&self, at: Instant) {
        if at < Instant::FAR_FUTURE {
            self.shared.rt.sleep_until(at).await;
        } else {
            core::future::pending::<()>().await;
        }
    }

    /// Waits until something changed at the cluster. False when the client left.
    async fn wait<D: Respond + Send>(&self, wait: Wait, reply: &mut D) -> bool {
        tokio::select! {
            biased;
            () = wait.changed => true,
            () = poll_fn(|cx| reply.poll_closed(cx)) => false,
            () = self.shared.rt.sleep_until(wait.until) => true,
        }
    }

    /// Sleeps. False when the client left.
    async fn sleep<D: Respond + Send>(&self, at: Instant, reply: &mut D) -> bool {
        let rt = &self.shared.rt;
        if at <= rt.now() {
            return true;
        }
        let mut sleep = pin!(rt.sleep_until(at));
        poll_fn(|cx| {
            if sleep.as_mut().poll(cx).is_ready() {
                return Poll::Ready(true);
            }
            reply.poll_closed(cx).map(|()| false)
        })
        .await
    }

    /// The attempt broke: the session says what follows.
    fn broke<S: Source>(
        &mut self,
        going: &Going,
        how: Broken,
        why: &str,
        body: &Replay<S>,
    ) -> Step<R> {
        let (now, again) = (self.shared.rt.now(), body.can_rewind());
        let next = self.session.on_failure(how, again, now, &mut self.trail);
        let detail = match why {
            "" => how.describe().to_owned(),
            why => format!("{}: {why}", how.describe()),
        };
        let done = Done::broke(how.flag(), &detail);
        self.over(going, &done, detail);
        match next {
            OnFailure::Retry { at } => Step::Retry(at),
            OnFailure::Fail(mut failure) => {
                if !why.is_empty() {
                    failure.cause = format!("{} ({why})", failure.cause);
                }
                Step::Fail(failure)
            }
        }
    }

    fn left(&mut self, going: &Going) -> Step<R> {
        self.over(going, &Done::gone((0, 0)), "the client left".to_owned());
        Step::Gone
    }

    /// An attempt is over: counts and notes it.
    fn over(&mut self, going: &Going, done: &Done, outcome: String) {
        let now = self.shared.rt.now();
        let took = now.since(going.started);
        self.shared.telemetry.attempt_end(going.row, done, took);
        if self.shared.notes_attempts() {
            self.attempts.push(AttemptRecord {
                endpoint: going.attempt.endpoint.address,
                name: going.attempt.endpoint.name.clone(),
                identity: going.attempt.endpoint.identity.clone(),
                started: going.started,
                ended: now,
                outcome,
            });
        }
    }

    fn gone<D: Respond>(&mut self, reply: &mut D) -> Done {
        self.session.cancel(self.shared.rt.now());
        reply.abort();
        Done::gone((0, 0))
    }

    async fn fail<D: Respond>(
        &mut self,
        failure: &Failure,
        head: &RequestHead,
        reply: &mut D,
    ) -> Done {
        let answer = LocalResponse::from_failure(failure, head);
        let status = answer.status;
        local::send(&self.shared.rt, answer, &head.method, reply).await;
        Done::failed(status, failure)
    }
}

fn destination(
    attempt: &Attempt,
    cluster: &ClusterKey,
    client: Option<Client>,
) -> (Destination, Times) {
    let to = Destination {
        peer: Peer::of(&attempt.endpoint, &attempt.cluster, client),
        cluster: Some(cluster.clone()),
    };
    let times = Times {
        connect: attempt.cluster.connect_timeout,
        idle: attempt.cluster.idle_timeout,
    };
    (to, times)
}

/// The head of a request that leaves over TLS although it came without; none for all others.
fn secured(attempt: &Attempt, head: &RequestHead) -> Option<RequestHead> {
    let begun = attempt.cluster.tls.is_some() && attempt.endpoint.identity.is_none();
    (begun && head.scheme == Scheme::Http).then(|| {
        let mut head = head.clone();
        head.scheme = Scheme::Https;
        head
    })
}

fn no_connection(error: &ConnectError) -> NoLease {
    let how = match error {
        ConnectError::Io { .. } => Broken::Connect,
        ConnectError::Timeout { .. } => Broken::ConnectTimeout,
        ConnectError::Tls { .. } => Broken::Tls,
    };
    NoLease::Broken(how, error.to_string())
}

/// The engine's word for a broken stream.
fn broken(error: &StreamError) -> Broken {
    match error {
        StreamError::Refused => Broken::Refused,
        StreamError::Protocol(_) | StreamError::TooLarge { .. } => Broken::Protocol,
        StreamError::Tls(_) => Broken::Tls,
        StreamError::Reset | StreamError::Incomplete | StreamError::Stale | StreamError::Io(_) => {
            Broken::Reset
        }
    }
}

/// What a broken attempt counts as.
pub(super) fn assess(how: Broken) -> Assessment {
    Assessment::of(Outcome::Broken(how))
}
