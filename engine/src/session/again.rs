//! The decision to try again: condition, attempts, body, time, budget, in this order, so that the
//! budget is charged only for retries that are made.

use super::Session;
use crate::classify::{Assessment, Outcome};
use crate::retry::{Refusal, may_retry};
use crate::time::Instant;
use crate::trace::{Step, Trail};

impl Session {
    /// When to try again, or why not.
    pub(super) fn again(
        &mut self,
        assessment: &Assessment,
        replayable: bool,
        now: Instant,
        trail: &mut Trail,
    ) -> Result<Instant, Refusal> {
        let decision = self.decide(assessment, replayable, now);
        let origin = self.retry_policy().map(|policy| policy.origin.clone());
        // A success needs no explanation why it is not retried.
        if decision.is_ok() || decision != Err(Refusal::NotListed) || assessment.class.is_failure()
        {
            trail.step(|| {
                let what = self.describe(assessment);
                let detail = match decision {
                    Ok(at) => {
                        let wait = at.since(now);
                        let (k, n) = (self.retries, self.attempts_max());
                        format!("{what}: retry {k} of {n} in {wait:?}")
                    }
                    Err(_) if origin.is_none() => {
                        format!("{what}: no retry, no policy asks for it")
                    }
                    Err(refusal) => format!("{what}: no retry, {refusal}"),
                };
                let step = Step::new("retry", detail);
                match origin {
                    Some(origin) => step.with_origin(origin),
                    None => step,
                }
            });
        }
        decision
    }

    fn decide(
        &mut self,
        assessment: &Assessment,
        replayable: bool,
        now: Instant,
    ) -> Result<Instant, Refusal> {
        let rule = self.rule.clone().ok_or(Refusal::NotListed)?;
        let policy = rule.retry.as_ref().ok_or(Refusal::NotListed)?;
        may_retry(policy, assessment, &self.request.method)?;
        if self.retries >= policy.attempts {
            return Err(Refusal::AttemptsUsed);
        }
        if !replayable {
            return Err(Refusal::BodyGone);
        }
        // The answer there is is worth more than a refusal.
        if self.cluster.is_short_circuited(&rule, now) {
            return Err(Refusal::ShortCircuited);
        }
        let k = self.retries + 1;
        let hint = assessment.hint_after();
        let admitted = self
            .cluster
            .admit_retry(policy, k, hint, self.deadline, now);
        let (permit, at) = admitted?;
        self.retry_permit = Some(permit);
        self.retries = k;
        Ok(at)
    }

    fn attempts_max(&self) -> u32 {
        self.retry_policy().map_or(0, |policy| policy.attempts)
    }

    fn describe(&self, assessment: &Assessment) -> String {
        let endpoint = self.endpoint().map(|e| e.name.to_string());
        let endpoint = endpoint.as_deref().unwrap_or("the endpoint");
        match assessment.outcome {
            Outcome::Http(status) => format!("{endpoint} answered {}", status.as_u16()),
            Outcome::Grpc(code) => format!("{endpoint} answered with gRPC status {code}"),
            Outcome::Broken(broken) => format!("{endpoint} {}", broken.describe()),
            Outcome::Cancelled => format!("{endpoint} was cancelled"),
        }
    }
}
