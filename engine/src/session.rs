//! One request's life: the machine that joins routing, balancing, limits, breakers and retries.
//!
//! ```text
//!  open ─▶ Respond(local answer)
//!    │
//!    └──▶ Forward(session) ─▶ [sleep until delay_until] ─▶ next_attempt ◀──────────────┐
//!                                                           │ │    │                  │
//!                                            Fail ◀─────────┘ │    └─▶ Wait ──────────┤
//!                                                             ▼                       │
//!                                                          Attempt                    │
//!                                  pool, connect (`connection`), TLS, send            │
//!                                         │                      │                    │
//!                                      on_head               on_failure               │
//!                                      │     └─▶ Retry{at} ◀─┘    │                   │
//!                                      │            └── sleep ────┼───────────────────┘
//!                                      ▼                          ▼
//!                                    Pass ─▶ stream ─▶ on_end    Fail(failure)
//! ```
//!
//! **Contract.**
//! * Nothing blocks and nothing sleeps: every wait is an instant that is handed back, every call
//!   takes `now`.
//! * [`Session::next_attempt`] is called after `open`, after a [`Wait`] and after a `Retry`, at no
//!   other time. Every attempt it returns is ended exactly once, by `on_head` with `Retry`, by
//!   `on_failure`, by `on_end` or by [`Session::cancel`]; a session that is dropped cancels.
//! * Before the head of the response is passed on, the caller races the attempt with
//!   [`Attempt::deadline`]; after it, with [`Session::stream_deadline`]. When one passes it calls
//!   `on_failure`, or `on_end`, with the reason that stands beside it.
//! * Once `on_head` said `Pass` there is no other try, whatever happens.
//! * Interim responses (1xx except 101) are passed on by the caller and not shown to the session.

use core::net::SocketAddr;
use std::sync::Arc;

use http::header::SET_COOKIE;
use http::{HeaderMap, Method, StatusCode};

use crate::classify::{Assessment, Broken, Outcome, grpc, grpc_status, hint};
use crate::failure::{Failure, Flag};
use crate::fault::Permit;
use crate::head::{RequestHead, ResponseHead};
use crate::limit::Full;
use crate::live::{ConnectionPermit, Entry, LiveCluster, RetryPermit, Ticket, Wait};
use crate::retry::Refusal;
use crate::snapshot::route::RetryPolicy;
use crate::snapshot::{Cluster, ClusterProtocol, Endpoint, Rule};
use crate::time::Instant;
use crate::trace::Trail;

mod again;
mod attempt;
mod failing;
pub mod foresee;
mod open;

pub use open::{Answer, MirrorTo, Opened};

/// One request that is forwarded.
#[derive(Debug)]
pub struct Session {
    /// None for requests that no rule governs: mirrors.
    rule: Option<Arc<Rule>>,
    cluster: Arc<LiveCluster>,
    request: Request,
    /// For balancers that choose by it.
    hash: Option<u64>,
    /// Carries the hash from now on; set on the response.
    cookie: Option<http::HeaderValue>,
    /// What is spoken to the applications behind the cluster.
    protocol: ClusterProtocol,
    filters: open::AfterFilters,
    opened: Instant,
    deadline: Instant,
    delay_until: Option<Instant>,
    /// An injected bound of the response's body, in bytes per second.
    bandwidth: Option<u64>,
    /// Held while a fault is injected.
    fault: Option<Permit>,
    /// A limit of the client's side that is only counted would have refused it.
    over_shadow_limit: bool,
    mirrors: Vec<MirrorTo>,
    current: Option<Current>,
    /// The right to the attempt that is under way or waits for an endpoint, where gates guard it.
    entry: Option<Entry>,
    /// Addresses that attempts were sent to.
    tried: Vec<SocketAddr>,
    retries: u32,
    retries_denied: u32,
    retry_permit: Option<RetryPermit>,
    queued_since: Option<Instant>,
    flag: Option<Flag>,
    /// How the last attempt that broke did so, for the message of a request that gives up.
    last_broken: Option<String>,
}

/// What the session keeps of the request's head.
#[derive(Debug)]
struct Request {
    method: Method,
    grpc: bool,
    /// CONNECT or an upgrade: after a good head the stream is no HTTP any more, and how it ends
    /// says nothing.
    tunnel: bool,
}

/// The attempt under way.
#[derive(Debug)]
struct Current {
    ticket: Ticket,
    endpoint: Arc<Endpoint>,
    /// The gRPC status of a trailers-only response.
    trailers_only: Option<u32>,
    status: Option<StatusCode>,
}

/// What to do next.
#[derive(Debug)]
pub enum Next {
    Attempt(Attempt),
    /// No endpoint is ready: wait, then call `next_attempt` again.
    Wait(Wait),
    Fail(Failure),
}

/// One try on one endpoint.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub endpoint: Arc<Endpoint>,
    /// The policies of its cluster: connect and idle timeouts, protocol.
    pub cluster: Arc<Cluster>,
    /// From 1.
    pub number: u32,
    /// The response head has to be here by then.
    pub deadline: Instant,
    /// What to report to `on_failure` when the deadline passes.
    pub on_deadline: Broken,
}

/// Whether the attempt may open a connection.
#[derive(Debug)]
pub enum Connect {
    /// Open one, and keep the permit as long as it lives.
    Open(ConnectionPermit),
    /// A limit of connections is reached: wait for this, or for a pooled connection to become free,
    /// then ask again.
    Wait(Wait),
    /// The attempt is over.
    Fail(Failure),
}

/// What becomes of a response head.
#[derive(Debug)]
pub enum OnHead {
    /// Send it on, with the rule's response filters applied.
    Pass,
    /// Drop the response, and call `next_attempt` at this time.
    Retry { at: Instant, ended: Assessment },
}

/// What follows a broken attempt.
#[derive(Debug)]
pub enum OnFailure {
    /// Call `next_attempt` at this time.
    Retry {
        at: Instant,
    },
    Fail(Failure),
}

/// How a response that was passed on ended.
#[derive(Clone, Copy, Debug)]
pub enum End<'a> {
    /// Complete, with these trailers.
    Complete(Option<&'a HeaderMap>),
    Broken(Broken),
}

// === impl Session ===

impl Session {
    /// The cluster that was chosen.
    pub fn cluster(&self) -> &Arc<LiveCluster> {
        &self.cluster
    }

    /// What is spoken to the applications behind the cluster.
    pub fn protocol(&self) -> ClusterProtocol {
        self.protocol
    }

    /// The rule that governs the request; none for mirrors.
    pub fn rule(&self) -> Option<&Arc<Rule>> {
        self.rule.as_ref()
    }

    /// Where copies of the request go; see [`Session::alone`].
    pub fn mirrors(&self) -> &[MirrorTo] {
        &self.mirrors
    }

    /// An injected delay: do not call `next_attempt` before. It is part of the request's time.
    pub fn delay_until(&self) -> Option<Instant> {
        self.delay_until
    }

    /// Whether a limit in shadow mode would have refused the request.
    pub fn is_over_shadow_limit(&self) -> bool {
        self.over_shadow_limit
    }

    /// An injected bound: pass the body of the response on with no more bytes per second than this.
    pub fn response_bandwidth(&self) -> Option<u64> {
        // The permit is held as long as the session: it bounds how many are slow at a time.
        self.fault.as_ref().and(self.bandwidth)
    }

    /// When the request as a whole has to be over, all tries and waits together.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// When the response that is being passed on has to be complete. If it passes: `on_end` with
    /// [`Broken::Timeout`].
    pub fn stream_deadline(&self) -> Instant {
        let backend = self.rule.as_ref().and_then(|r| r.timeouts.backend_request);
        match (backend, &self.current) {
            // An open tunnel lasts as long as its ends want (Envoy disarms the route's timeout).
            (_, Some(current)) if self.is_open_tunnel(current) => Instant::FAR_FUTURE,
            (Some(limit), Some(current)) => self.deadline.min(current.ticket.started() + limit),
            _ => self.deadline,
        }
    }

    /// How many bytes of the request's body to keep for another try; 0 = none.
    pub fn replay_limit(&self) -> usize {
        match self.retry_policy() {
            Some(policy) if policy.attempts > self.retries => policy.body_bytes_max,
            _ => 0,
        }
    }

    /// The endpoint of the attempt under way.
    pub fn endpoint(&self) -> Option<&Arc<Endpoint>> {
        self.current.as_ref().map(|c| &c.endpoint)
    }

    /// Tries after the first one.
    pub fn retries(&self) -> u32 {
        self.retries
    }

    /// Tries that the policy's conditions allowed and a budget or limit did not: 0 or 1.
    pub fn retries_denied(&self) -> u32 {
        self.retries_denied
    }

    /// What a response that was passed on is to be marked with: retries used up, or denied.
    pub fn flag(&self) -> Option<Flag> {
        self.flag
    }

    /// Asks whether the attempt may open a connection. While it says `Wait`, a connection of the
    /// pool that becomes free may be used instead: then drop the wait.
    pub fn connection(&mut self, now: Instant, trail: &mut Trail) -> Connect {
        let Some(current) = &mut self.current else {
            return Connect::Fail(failing::no_attempt());
        };
        let seen = match current.ticket.connection(now) {
            Ok(permit) => {
                self.queued_since = None;
                return Connect::Open(permit);
            }
            Err(seen) => seen,
        };
        let since = *self.queued_since.get_or_insert(now);
        let policy = self.cluster.policy();
        let until = self.deadline.min(since + policy.limits.queue_timeout);
        let failure = if now >= self.deadline {
            self.timed_out()
        } else if now >= until {
            self.overflow(Full::Connections)
        } else {
            match self.cluster.wait(until, seen, now) {
                Ok(wait) => return Connect::Wait(wait),
                Err(full) => self.overflow(full),
            }
        };
        trail.step(|| failing::step(&failure));
        self.leave(&failure, now);
        self.end_current(&Assessment::of(Outcome::Cancelled), now);
        Connect::Fail(failure)
    }

    /// The response head of the attempt. `replayable` says that the request's body is still
    /// complete in the buffer. On `Pass` the response filters have been applied to `head`.
    pub fn on_head(
        &mut self,
        head: &mut ResponseHead,
        replayable: bool,
        now: Instant,
        trail: &mut Trail,
    ) -> OnHead {
        let (assessment, says_all) = self.assess_head(head);
        if let Some(assessment) = &assessment {
            self.retry_permit = None;
            match self.again(assessment, replayable, now, trail) {
                Ok(at) => {
                    self.end_current(assessment, now);
                    let ended = *assessment;
                    return OnHead::Retry { at, ended };
                }
                Err(refusal) => self.mark(refusal),
            }
        }
        self.retry_permit = None;
        if let Some(current) = &mut self.current {
            current.status = Some(head.status);
            let told = assessment.as_ref().filter(|a| {
                // Nothing makes a bad head better. A good one may still be followed by a broken
                // body, but a probe must not last as long as a download.
                let bad = a.class.is_failure() || a.class.rate_limited;
                says_all || bad || current.ticket.is_probe()
            });
            current.ticket.head(told, now);
        }
        self.filters.apply(&mut head.headers);
        if let Some(cookie) = self.cookie.take() {
            head.headers.append(SET_COOKIE, cookie);
        }
        OnHead::Pass
    }

    /// The attempt broke before its response head was passed on.
    pub fn on_failure(
        &mut self,
        broken: Broken,
        replayable: bool,
        now: Instant,
        trail: &mut Trail,
    ) -> OnFailure {
        let assessment = Assessment::of(Outcome::Broken(broken));
        self.retry_permit = None;
        let decision = self.again(&assessment, replayable, now, trail);
        let failure = self.broken(broken);
        self.last_broken = Some(failure.cause.clone());
        self.end_current(&assessment, now);
        match decision {
            Ok(at) => OnFailure::Retry { at },
            Err(refusal) => {
                self.mark(refusal);
                OnFailure::Fail(self.given_up(failure, refusal))
            }
        }
    }

    /// The response that was passed on is over. Returns what the request counts as.
    pub fn on_end(&mut self, end: End<'_>, now: Instant) -> Assessment {
        let assessment = match (&self.current, end) {
            (Some(current), End::Complete(trailers)) => self.assess_end(current, trailers),
            (Some(current), End::Broken(_)) if self.is_open_tunnel(current) => {
                Assessment::of(Outcome::Http(current.status.unwrap_or(StatusCode::OK)))
            }
            (_, End::Broken(broken)) => Assessment::of(Outcome::Broken(broken)),
            (None, End::Complete(_)) => Assessment::of(Outcome::Cancelled),
        };
        self.end_current(&assessment, now);
        assessment
    }

    /// The downstream went away, or the request's body broke. Moves no counter of any endpoint.
    pub fn cancel(&mut self, now: Instant) {
        self.retry_permit = None;
        self.end_current(&Assessment::of(Outcome::Cancelled), now);
    }

    fn end_current(&mut self, assessment: &Assessment, now: Instant) {
        self.queued_since = None;
        if let Some(entry) = self.entry.take() {
            entry.end(assessment, now);
        }
        if let Some(current) = self.current.take() {
            current.ticket.end(assessment, now);
        }
    }

    /// The classification under the rule that governs the request.
    fn judge(&self, outcome: Outcome) -> Assessment {
        match &self.rule {
            Some(rule) => Assessment::under(outcome, &rule.failures),
            None => Assessment::of(outcome),
        }
    }

    fn retry_policy(&self) -> Option<&RetryPolicy> {
        self.rule.as_ref()?.retry.as_ref()
    }

    /// What the head says, and whether nothing that follows can change it. A gRPC response whose
    /// status comes in the trailers says nothing yet.
    fn assess_head(&mut self, head: &ResponseHead) -> (Option<Assessment>, bool) {
        let http = self.judge(Outcome::Http(head.status));
        let http = http.with_hint(hint(&head.headers));
        if !self.request.grpc {
            return (Some(http), self.request.tunnel);
        }
        match grpc_status(&head.headers) {
            Some(code) => {
                if let Some(current) = &mut self.current {
                    current.trailers_only = Some(code);
                }
                let grpc = self.judge(Outcome::Grpc(code));
                let grpc = grpc.with_hint(hint(&head.headers));
                (Some(grpc), true)
            }
            None if head.status == StatusCode::OK => (None, false),
            None => (Some(http), true),
        }
    }

    fn assess_end(&self, current: &Current, trailers: Option<&HeaderMap>) -> Assessment {
        let status = current.status.unwrap_or(StatusCode::OK);
        if !self.request.grpc {
            return self.judge(Outcome::Http(status));
        }
        let in_trailers = trailers.and_then(grpc_status);
        let code = match current.trailers_only.or(in_trailers) {
            Some(code) => code,
            None if status == StatusCode::OK => grpc::UNKNOWN,
            None => return Assessment::of(Outcome::Http(status)),
        };
        self.judge(Outcome::Grpc(code))
            .with_hint(trailers.and_then(hint))
    }

    fn is_open_tunnel(&self, current: &Current) -> bool {
        let accepted = current.status.is_some_and(|s| s.as_u16() < 300);
        self.request.tunnel && accepted
    }

    /// Marks a response that would have been retried.
    fn mark(&mut self, refusal: Refusal) {
        match refusal {
            Refusal::AttemptsUsed => self.flag = Some(Flag::RetriesExhausted),
            Refusal::BudgetEmpty | Refusal::LimitReached => {
                self.flag = Some(Flag::Overflow);
                self.retries_denied = 1;
            }
            _ => {}
        }
    }
}

// === impl Request ===

impl Request {
    fn of(head: &RequestHead) -> Self {
        Self {
            method: head.method.clone(),
            grpc: head.is_grpc(),
            tunnel: head.method == Method::CONNECT || head.upgrade.is_some(),
        }
    }
}

#[cfg(test)]
mod tests;
