//! From a session to an attempt on an endpoint, or the reason why there is none.

use super::{Attempt, Current, Next, Session, failing};
use crate::balance::Why;
use crate::classify::{Assessment, Broken, Outcome};
use crate::failure::{Failure, Flag};
use crate::live::{Ask, Started, Turned, Unavailable};
use crate::time::{Duration, Instant};
use crate::trace::{Step, Trail};

impl Session {
    /// Starts the next attempt.
    pub fn next_attempt(&mut self, now: Instant, trail: &mut Trail) -> Next {
        // An attempt that the caller forgot to end counts as cancelled.
        self.cancel_current(now);
        let failure = if now >= self.deadline {
            self.timed_out()
        } else if let Err(turned) = self.enter(now) {
            self.turned(turned, now)
        } else {
            let redraws = match (self.tried.is_empty(), self.retry_policy()) {
                (false, Some(policy)) => policy.host_selection_attempts,
                _ => 0,
            };
            let budget = self.retry_policy().and_then(|p| p.budget);
            // Only the original request pays in.
            let deposit = budget.as_ref().filter(|_| self.retries == 0);
            let ask = Ask {
                tried: &self.tried,
                redraws,
                deposit,
                hash: self.hash,
                explain: trail.is_on(),
            };
            match self.cluster.start_for(&ask, now) {
                Ok(started) => return Next::Attempt(self.begin(started, now, trail)),
                Err(Unavailable::Full(full)) => self.overflow(full),
                Err(Unavailable::NoEndpoint {
                    until,
                    look_again,
                    reason,
                    seen,
                }) => {
                    if until <= now {
                        self.unhealthy(reason)
                    } else {
                        match self.cluster.wait(look_again.min(self.deadline), seen, now) {
                            Ok(wait) => return Next::Wait(wait),
                            Err(full) => self.overflow(full),
                        }
                    }
                }
            }
        };
        self.retry_permit = None;
        self.leave(&failure, now);
        trail.step(|| failing::step(&failure));
        Next::Fail(failure)
    }

    /// Passes the gates before the backend, once per attempt.
    fn enter(&mut self, now: Instant) -> Result<(), Turned> {
        if self.entry.is_none() {
            self.entry = self.cluster.enter(self.rule.as_deref(), now)?;
        }
        Ok(())
    }

    /// There is no attempt after all.
    pub(super) fn leave(&mut self, failure: &Failure, now: Instant) {
        let Some(entry) = self.entry.take() else {
            return;
        };
        match failure.flag {
            Flag::Overflow => entry.rejected(now),
            Flag::Timeout => entry.end(&Assessment::of(Outcome::Broken(Broken::Timeout)), now),
            _ => entry.end(&Assessment::of(Outcome::Broken(Broken::Connect)), now),
        }
    }

    fn begin(&mut self, started: Started, now: Instant, trail: &mut Trail) -> Attempt {
        trail.step(|| explain(&started));
        self.tried.push(started.endpoint.address);
        let (deadline, on_deadline) = self.attempt_deadline(now);
        self.current = Some(Current {
            ticket: started.ticket,
            endpoint: started.endpoint.clone(),
            trailers_only: None,
            status: None,
        });
        Attempt {
            endpoint: started.endpoint,
            cluster: started.policy,
            number: self.retries + 1,
            deadline,
            on_deadline,
        }
    }

    /// The earlier of one try's time and the request's.
    fn attempt_deadline(&self, now: Instant) -> (Instant, Broken) {
        let backend = self.rule.as_ref().and_then(|r| r.timeouts.backend_request);
        let per_try = self.retry_policy().and_then(|p| p.per_try_timeout);
        let limit: Option<Duration> = backend.into_iter().chain(per_try).min();
        match limit.map(|limit| now + limit) {
            Some(at) if at < self.deadline => (at, Broken::PerTryTimeout),
            _ => (self.deadline, Broken::Timeout),
        }
    }

    fn cancel_current(&mut self, now: Instant) {
        if self.current.is_some() {
            self.cancel(now);
        }
    }
}

/// Which endpoint, out of how many, and why this one.
fn explain(started: &Started) -> Step {
    let ms = |nanos: f64| format!("{:.3} ms", nanos / 1e6);
    let name = &started.endpoint.name;
    let of = started.candidates;
    let mut detail = match started.why {
        Why::Only => format!("{name} is the only endpoint that can be picked"),
        Why::TwoChoices {
            load, other_load, ..
        } => {
            let other = started.other.as_ref().map(|e| e.name.to_string());
            format!(
                "{name} (load {}) rather than {} (load {}), two drawn of {of}",
                ms(load),
                other.unwrap_or_default(),
                ms(other_load)
            )
        }
        Why::FewestActive { active, drawn } => {
            format!("{name} has the fewest requests under way ({active}) of {drawn} drawn of {of}")
        }
        Why::Turn => format!("{name} is next of {of}"),
        Why::Random => format!("{name} was drawn of {of}"),
        Why::Hash { hash } => format!("{name} has the hash {hash:016x} of the request"),
        Why::HomeFull { hash, .. } => {
            let home = started.other.as_ref().map(|e| e.name.to_string());
            let home = home.unwrap_or_default();
            format!("{name}, since {home} has hash {hash:016x} and its share of the load")
        }
        Why::NoHash => format!("{name} was drawn of {of}: the request has nothing to hash"),
    };
    if started.panic {
        detail.push_str("; panic: health is ignored, too few endpoints are healthy");
    }
    if started.ticket.is_probe() {
        detail.push_str("; it is the probe of a half-open breaker");
    }
    let policy = &started.policy;
    let origin = policy.policy_origin.as_ref().unwrap_or(&policy.origin);
    Step::new("pick", detail).with_origin(origin.clone())
}
