//! The failures of a session, in sentences that name the cause and the manifest behind it.

use super::Session;
use crate::classify::Broken;
use crate::failure::{Again, Failure, Flag, Whose};
use crate::limit::Full;
use crate::live::NoEndpoint;
use crate::origin::Origin;
use crate::retry::Refusal;
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
            Full::Requests => limits.requests,
            Full::Pending => limits.pending_requests,
            Full::Retries => limits.retries,
            Full::Connections => limits.connections,
        };
        let cause = format!("{full} to {} is reached ({limit})", self.cluster.key());
        let origin = policy.policy_origin.clone();
        let origin = origin.unwrap_or_else(|| policy.origin.clone());
        Failure::new(Whose::Proxy, Again::Safe, Flag::Overflow, cause).with_origin(origin)
    }

    /// No endpoint was ready in time.
    pub(super) fn unhealthy(&self, reason: NoEndpoint) -> Failure {
        let policy = self.cluster.policy();
        let mut cause = format!(
            "{} has no endpoint to send to: {reason}",
            self.cluster.key()
        );
        // In the other cases nobody waits.
        if !matches!(reason, NoEndpoint::Gone | NoEndpoint::Panic) {
            let waited = policy.limits.queue_timeout;
            cause.push_str(&format!("; none became ready for {waited:?}"));
        }
        let origin: Origin = match reason {
            // What holds them back is written in the policy.
            NoEndpoint::Open | NoEndpoint::Ejected | NoEndpoint::Panic => {
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
