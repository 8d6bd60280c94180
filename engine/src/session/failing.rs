//! The failures of a session, in sentences that name the cause and the manifest behind it.

use super::Session;
use crate::classify::Broken;
use crate::failure::{Again, Failure, Flag, Whose};
use crate::limit::Full;
use crate::live::{NoEndpoint, Turned};
use crate::origin::Origin;
use crate::retry::Refusal;
use crate::time::Instant;
use crate::trace::Step;

impl Session {
    /// The request's time is over and no attempt is under way.
    pub(super) fn timed_out(&self) -> Failure {
        let limit = self.deadline.since(self.opened);
        let cause = match &self.last_broken {
            Some(last) => format!("the request's {limit:?} were over before another try; {last}"),
            None => format!(
                "the request's {limit:?} were over before an endpoint of {} could be tried",
                self.cluster.key()
            ),
        };
        let failure = Failure::new(Whose::Upstream, Again::IfIdempotent, Flag::Timeout, cause);
        self.with_rule_origin(failure)
    }

    /// A limit is full.
    pub(super) fn overflow(&self, full: Full) -> Failure {
        let policy = self.cluster.policy();
        let limits = &policy.limits;
        let limit = match full {
            Full::Requests => Some(limits.requests),
            Full::Pending => Some(limits.pending_requests),
            Full::Retries => Some(limits.retries),
            Full::Connections => Some(limits.connections),
            Full::Concurrency => self.cluster.adaptive_limit(Instant::ZERO),
            // They end no request by themselves.
            Full::Budget | Full::Shed => None,
        };
        let limit = limit.map(|n| format!(" ({n})")).unwrap_or_default();
        let cause = format!("{full} to {} is reached{limit}", self.cluster.key());
        let mut failure = self.by_backend_policy(Whose::Proxy, full.flag(), cause);
        if full == Full::Concurrency {
            failure.status = policy.adaptive.as_ref().map(|adaptive| adaptive.status);
        }
        failure
    }

    /// A gate before the backend is closed.
    pub(super) fn turned(&self, turned: Turned, now: Instant) -> Failure {
        let key = self.cluster.key();
        match turned {
            Turned::Full(full) => self.overflow(full),
            Turned::ShortCircuit { until, tripped } => {
                let why = tripped.describe();
                let when = match until {
                    Some(until) if until > now => {
                        format!("; the next try is let through in {:?}", until.since(now))
                    }
                    Some(_) => "; a probe is under way".to_owned(),
                    None => String::new(),
                };
                let cause = format!("the breaker to {key} is open: {why}{when}");
                self.by_backend_policy(Whose::Upstream, Flag::ShortCircuited, cause)
            }
            Turned::Shed { percent } => {
                let cause = format!(
                    "admission control sheds {percent}% of the requests to {key}: too few succeed"
                );
                let flag = Full::Shed.flag();
                let failure = Failure::new(Whose::Upstream, Again::Safe, flag, cause);
                let admission = self.rule.as_ref().and_then(|r| r.admission.as_ref());
                match admission {
                    Some(admission) => failure.with_origin(admission.origin.clone()),
                    None => failure,
                }
            }
        }
    }

    fn by_backend_policy(&self, whose: Whose, flag: Flag, cause: String) -> Failure {
        let policy = self.cluster.policy();
        let origin = policy.policy_origin.clone();
        let origin = origin.unwrap_or_else(|| policy.origin.clone());
        Failure::new(whose, Again::Safe, flag, cause).with_origin(origin)
    }

    /// No endpoint was ready in time.
    pub(super) fn unhealthy(&self, reason: NoEndpoint) -> Failure {
        let policy = self.cluster.policy();
        let mut cause = format!(
            "{} has no endpoint to send to: {reason}",
            self.cluster.key()
        );
        if !reason.is_final() {
            let waited = policy.limits.queue_timeout;
            cause.push_str(&format!("; none became ready for {waited:?}"));
        }
        let origin: Origin = match reason {
            // What holds them back is written in the policy.
            NoEndpoint::Open
            | NoEndpoint::Ejected
            | NoEndpoint::Panic
            | NoEndpoint::CheckFailed
            | NoEndpoint::ConnectDead => {
                let origin = policy.policy_origin.clone();
                origin.unwrap_or_else(|| policy.origin.clone())
            }
            NoEndpoint::Empty | NoEndpoint::NotReady | NoEndpoint::Gone => policy.origin.clone(),
        };
        let flag = Flag::NoHealthyUpstream;
        Failure::new(Whose::Upstream, Again::Safe, flag, cause).with_origin(origin)
    }

    /// The attempt under way broke.
    pub(super) fn broken(&self, broken: Broken) -> Failure {
        let policy = self.cluster.policy();
        let endpoint = match self.endpoint() {
            Some(endpoint) => format!("{} ({})", endpoint.name, endpoint.address),
            None => self.cluster.key().to_string(),
        };
        let cause = format!("{endpoint} {}", broken.describe());
        let failure = Failure::new(Whose::Upstream, broken.again(), broken.flag(), cause);
        match broken {
            Broken::PerTryTimeout | Broken::Timeout => self.with_rule_origin(failure),
            _ => failure.with_origin(policy.origin.clone()),
        }
    }

    /// The failure of the last attempt, with the reason why there is no other.
    pub(super) fn given_up(&self, mut failure: Failure, refusal: Refusal) -> Failure {
        if self.retries > 0 {
            failure.cause = format!("{} (try {})", failure.cause, self.retries + 1);
        }
        if self.retry_policy().is_some() && refusal != Refusal::NotListed {
            failure.cause = format!("{}; no other try: {refusal}", failure.cause);
        }
        failure
    }

    fn with_rule_origin(&self, failure: Failure) -> Failure {
        match &self.rule {
            Some(rule) => failure.with_origin(rule.origin.clone()),
            None => failure,
        }
    }
}

/// A bug of the caller, answered rather than panicked about.
pub(super) fn no_attempt() -> Failure {
    let cause = "no attempt is under way";
    Failure::new(Whose::Proxy, Again::Safe, Flag::Overflow, cause)
}

/// For trails.
pub(super) fn step(failure: &Failure) -> Step {
    let step = Step::new("fail", format!("{}: {}", failure.flag, failure.cause));
    match &failure.origin {
        Some(origin) => step.with_origin(origin.clone()),
        None => step,
    }
}
