//! Global limits: what to ask the service that counts, and what its answer means.
//!
//! The service is one that speaks Envoy's protocol (`envoy.service.ratelimit.v3`, `rls.proto`). A
//! descriptor says what is counted; each carries its limit, so that the service needs no list of
//! them: only the domain has to be known to it. It counts in windows of the limit's unit, which is
//! why there is no burst.
//!
//! ```text
//!  rule    per       descriptor
//!  3       Total     policy=shop/p, rule=3
//!  3       Identity  policy=shop/p, rule=3, identity=spiffe://…
//!  3       Header    policy=shop/p, rule=3, x-user=…
//! ```

use core::time::Duration;
use std::sync::Arc;

use super::about::{About, about};
use super::{Asking, Told, Verdict};
use crate::failure::{Again, Failure, Flag, Whose};
use crate::snapshot::ratelimit::{Global, Limit, Per, Policy};
use crate::time::Instant;
use crate::trace::{Step, Trail};

/// What one policy has to ask about one request.
#[derive(Clone, Debug)]
pub struct Question {
    policy: Arc<Policy>,
    descriptors: Vec<Descriptor>,
    /// What each descriptor is about, in words.
    about: Vec<String>,
    /// The rule of each.
    rules: Vec<usize>,
}

/// What is counted together: at most one of each rule of a policy, of three entries, with keys no
/// longer than those of local limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    pub entries: Vec<(String, String)>,
    pub limit: Limit,
}

/// What the service says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    pub over: bool,
    /// In the order of the descriptors; may be missing.
    pub statuses: Vec<Status>,
}

/// What it says about one descriptor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    pub over: bool,
    /// Requests per unit of the limit that holds, if it says so.
    pub limit: Option<u32>,
    pub remaining: u32,
    /// Until the window ends, if it says so.
    pub reset: Option<Duration>,
}

/// The questions to ask about a request, oldest policy first.
pub fn questions<'a>(
    policies: impl Iterator<Item = &'a Arc<Policy>>,
    asking: Asking<'_>,
) -> Vec<Question> {
    let path = asking.path();
    let ask = |policy: &Arc<Policy>| {
        let rules = &policy.global.as_ref()?.rules;
        let about = about(policy, rules, asking, path.as_deref());
        (!about.is_empty()).then(|| Question {
            policy: policy.clone(),
            descriptors: about.iter().map(descriptor).collect(),
            about: about.iter().map(About::describe_window).collect(),
            rules: about.iter().map(|one| one.index).collect(),
        })
    };
    policies.filter_map(ask).collect()
}

fn descriptor(about: &About<'_>) -> Descriptor {
    let mut entries = vec![
        ("policy".to_owned(), about.policy.name.to_string()),
        ("rule".to_owned(), about.index.to_string()),
    ];
    match &about.rule.per {
        Per::Total => {}
        Per::Identity => entries.push(("identity".to_owned(), about.key.to_string())),
        Per::Header(name) => entries.push((name.as_str().to_owned(), about.key.to_string())),
    }
    Descriptor {
        entries,
        limit: *about.limit,
    }
}

// === impl Question ===

impl Question {
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    pub fn descriptors(&self) -> &[Descriptor] {
        &self.descriptors
    }

    /// What becomes of the request. An error is why there is no answer.
    pub fn verdict(
        &self,
        answer: Result<&Answer, &str>,
        now: Instant,
        trail: &mut Trail,
    ) -> Verdict {
        let mut verdict = Verdict::default();
        let Some(global) = &self.policy.global else {
            return verdict;
        };
        match answer {
            Err(why) => self.unanswered(global, why, &mut verdict),
            Ok(answer) => self.answered(global, answer, now, &mut verdict),
        }
        trail.step(|| {
            let what = match (&verdict.refused, answer) {
                (Some(failure), _) => failure.cause.clone(),
                (None, Err(why)) => format!("{why}; admitted all the same"),
                (None, Ok(answer)) if answer.over => "would be over a global limit".to_owned(),
                (None, Ok(_)) => format!("within {} global limits", self.descriptors.len()),
            };
            let detail = format!("{what}, says {}", global.service);
            Step::new("limit", detail).with_origin(global.origin.clone())
        });
        verdict
    }

    fn answered(&self, global: &Global, answer: &Answer, now: Instant, verdict: &mut Verdict) {
        for status in answer.statuses.iter().take(self.descriptors.len()) {
            if let (true, Some(limit)) = (self.policy.headers, status.limit) {
                let reset = now + status.reset.unwrap_or_default();
                verdict.hear(Told {
                    limit,
                    remaining: status.remaining,
                    reset,
                });
            }
        }
        if !answer.over {
            return;
        }
        verdict.shadowed = self.policy.shadow;
        if self.policy.shadow {
            return;
        }
        let which = answer.statuses.iter().position(|status| status.over);
        let rule = which.and_then(|at| global.rules.get(*self.rules.get(at)?));
        let about = which.and_then(|at| self.about.get(at));
        let cause = match about {
            Some(about) => format!("over {about}, counted by {}", global.service),
            None => format!("{} says that a limit is reached", global.service),
        };
        let origin = rule.map_or(&global.origin, |rule| &rule.origin);
        let failure = Failure::new(Whose::Client, Again::Never, Flag::RateLimited, cause);
        verdict.refused = Some(failure.with_origin(origin.clone()));
        let over = answer.statuses.iter().filter(|status| status.over);
        verdict.retry_at = over.filter_map(|status| Some(now + status.reset?)).max();
    }

    fn unanswered(&self, global: &Global, why: &str, verdict: &mut Verdict) {
        if global.fail_open || self.policy.shadow {
            return;
        }
        let cause = format!(
            "{} does not say whether a limit holds: {why}",
            global.service
        );
        let failure = Failure::new(Whose::Upstream, Again::Safe, Flag::LimitUnknown, cause);
        verdict.refused = Some(failure.with_origin(global.origin.clone()));
    }
}

#[cfg(test)]
mod tests;
