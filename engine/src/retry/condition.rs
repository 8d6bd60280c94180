//! Does what happened allow another try?
//!
//! Ours (what may be retried by default): a connect failure (a failed TLS handshake is one), a
//! refused stream and a stream above the last id of a GOAWAY, for every method, since the request
//! was certainly not processed. A reset and a per-try timeout only for idempotent methods, unless
//! the policy says otherwise. Statuses that the policy lists hold for all methods: listing one is
//! the user's assertion. With defaults no POST is ever executed twice.

use http::Method;

use crate::classify::{Assessment, Broken, Hint, Outcome};
use crate::failure::Again;
use crate::snapshot::RetryPolicy;

/// Why there is no other try.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Refusal {
    #[error("the outcome is none that the policy retries")]
    NotListed,
    #[error("the request may have been executed and its method is not idempotent")]
    NotIdempotent,
    #[error("the upstream asked not to be asked again")]
    Pushback,
    #[error("all retries of the policy are used")]
    AttemptsUsed,
    #[error("the request's body is no longer complete in the buffer")]
    BodyGone,
    #[error("the retry budget is empty")]
    BudgetEmpty,
    #[error("the limit of retries under way is reached")]
    LimitReached,
    #[error("the breaker of the route is open")]
    ShortCircuited,
    #[error("the wait before it would outlast the request's deadline")]
    DeadlineNear,
}

/// Whether the policy wants another try after this outcome, for this method. A bad enough pushback
/// from the upstream is obeyed even where the policy would go on (gRFC A6).
pub fn may_retry(
    policy: &RetryPolicy,
    assessment: &Assessment,
    method: &Method,
) -> Result<(), Refusal> {
    wanted(policy, assessment.outcome, method)?;
    match assessment.hint {
        Some(Hint::Never) => Err(Refusal::Pushback),
        Some(Hint::After(_)) | None => Ok(()),
    }
}

fn wanted(policy: &RetryPolicy, outcome: Outcome, method: &Method) -> Result<(), Refusal> {
    let listed = |yes: bool| if yes { Ok(()) } else { Err(Refusal::NotListed) };
    match outcome {
        Outcome::Http(status) => {
            let code = status.as_u16();
            let mut ranges = policy.on.statuses.iter();
            listed(ranges.any(|r| r.contains(code)))
        }
        Outcome::Grpc(code) => listed(policy.on.grpc.contains(&code)),
        Outcome::Cancelled => Err(Refusal::NotListed),
        Outcome::Broken(broken) => {
            listed(match broken {
                Broken::Reset => policy.on.reset,
                Broken::PerTryTimeout => policy.on.per_try_timeout,
                Broken::Connect
                | Broken::ConnectTimeout
                | Broken::Refused
                | Broken::Tls
                | Broken::Timeout
                | Broken::Protocol => true,
            })?;
            match broken.again() {
                Again::Safe => Ok(()),
                Again::IfIdempotent if policy.retry_non_idempotent => Ok(()),
                Again::IfIdempotent if is_idempotent(method) => Ok(()),
                Again::IfIdempotent => Err(Refusal::NotIdempotent),
                Again::Never => Err(Refusal::NotListed),
            }
        }
    }
}

/// RFC 9110 §9.2.2, for the methods that are in use.
pub fn is_idempotent(method: &Method) -> bool {
    [
        Method::GET,
        Method::HEAD,
        Method::OPTIONS,
        Method::TRACE,
        Method::PUT,
        Method::DELETE,
    ]
    .contains(method)
}

#[cfg(test)]
mod tests;
