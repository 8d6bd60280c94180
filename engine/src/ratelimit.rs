//! Rate limits: admit a request, or say when to come back.
//!
//! **Local.** All rules that match a request hold together. They are asked strictest first (fewest
//! requests a second); the first that refuses ends it, and the rules behind it are not charged
//! (Envoy's `local_ratelimit_impl.cc`). Rules of policies in shadow mode are asked on their own,
//! after the others admitted the request: they see what they would see in force, and refuse
//! nothing.
//!
//! Buckets live here, beside the snapshot, by policy, version of its content, rule and key, so that
//! a swap of the snapshot refills nothing. A limit is of one proxy.
//!
//! **Global** ([`global`]). A service counts for all proxies; here is decided what to ask it, and
//! what its answer, or its silence, means; and what such a service answers ([`Windows`]).
//!
//! A connection that is forwarded as bytes is one request without a head: rules that look at
//! requests are not about it, the others count connections.

use std::borrow::Cow;
use std::sync::Arc;

use crate::authz::{in_scope, path};
use crate::failure::{Again, Failure, Flag, Whose};
use crate::head::RequestHead;
use crate::identity::Identity;
use crate::snapshot::ObjectName;
use crate::snapshot::ratelimit::{Limit, Policy, RateLimits};
use crate::time::Instant;
use crate::trace::{Step, Trail};

mod about;
mod bucket;
pub mod global;
mod keys;
mod told;
mod windows;

pub use bucket::{Bucket, Taken};
pub use windows::Windows;

use about::{About, about};
use keys::Keys;

/// The buckets of one proxy.
#[derive(Clone, Debug, Default)]
pub struct Limiter {
    buckets: Keys<BucketKey>,
}

/// What wants to be admitted.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    pub peer: Option<&'a Identity>,
    /// None for a connection that is forwarded as bytes.
    pub head: Option<&'a RequestHead>,
}

/// What the limits say about a request.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// Why the request is refused.
    pub refused: Option<Failure>,
    /// When there is room again, if it is refused for a time; none for a limit of zero.
    pub retry_at: Option<Instant>,
    /// A limit in shadow mode would have refused it.
    pub shadowed: bool,
    /// For the headers, when a policy wants them: the limit with the fewest requests left.
    pub told: Option<Told>,
}

/// One limit, as clients are told about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    pub limit: u32,
    pub remaining: u32,
    /// When there is a request more.
    pub reset: Instant,
}

/// Whose bucket.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct BucketKey {
    policy: ObjectName,
    version: u64,
    rule: usize,
    /// Identity or value of a header; empty for all requests together.
    key: Box<str>,
}

// === impl RateLimits ===

impl RateLimits {
    /// The policies that are about the request, oldest first.
    pub fn about<'a>(&'a self, asking: Asking<'a>) -> impl Iterator<Item = &'a Arc<Policy>> {
        let about = self.policies.iter();
        about
            .filter(move |limited| in_scope(limited.scope.as_ref(), asking.head))
            .map(|limited| &limited.policy)
    }
}

// === impl Limiter ===

impl Limiter {
    /// Takes a token of each local limit of `policies` that is about the request.
    pub fn check<'a>(
        &mut self,
        policies: impl Iterator<Item = &'a Arc<Policy>>,
        asking: Asking<'_>,
        now: Instant,
        trail: &mut Trail,
    ) -> Verdict {
        let mut verdict = Verdict::default();
        let path = asking.path();
        let mut about: Vec<About<'_>> = policies
            .flat_map(|policy| about(policy, &policy.rules, asking, path.as_deref()))
            .collect();
        about.sort_by(|a, b| strictness(a.limit).cmp(&strictness(b.limit)));
        let (shadow, force): (Vec<_>, Vec<_>) = about.iter().partition(|one| one.policy.shadow);
        for one in force {
            let taken = self.take(one, now, trail);
            verdict.tell(one, taken);
            if !taken.admitted {
                verdict.refuse(one, taken);
                return verdict;
            }
        }
        for one in shadow {
            if !self.take(one, now, trail).admitted {
                verdict.shadowed = true;
                break;
            }
        }
        verdict
    }

    fn take(&mut self, about: &About<'_>, now: Instant, trail: &mut Trail) -> Taken {
        let key = BucketKey {
            policy: about.policy.name.clone(),
            version: about.policy.version,
            rule: about.index,
            key: about.key.clone(),
        };
        let taken = self.buckets.get(key).take(about.limit, now);
        trail.step(|| {
            let what = match (taken.admitted, about.policy.shadow) {
                (true, _) => "within",
                (false, false) => "over",
                (false, true) => "would be over",
            };
            let detail = format!("{what} {}, {} left", about.describe(), taken.remaining);
            Step::new("limit", detail).with_origin(about.rule.origin.clone())
        });
        taken
    }
}

// === impl Asking ===

impl Asking<'_> {
    /// The path without query, in its normal form.
    fn path(&self) -> Option<Cow<'_, str>> {
        let path = self.head?.path.path();
        Some(path::normal(path).map_or(Cow::Borrowed(path), Cow::Owned))
    }
}

// === impl Verdict ===

impl Verdict {
    /// Adds what another limit says that was asked after this one.
    pub fn join(&mut self, other: Self) {
        self.refused = self.refused.take().or(other.refused);
        self.retry_at = self.retry_at.max(other.retry_at);
        self.shadowed |= other.shadowed;
        if let Some(told) = other.told {
            self.hear(told);
        }
    }

    fn tell(&mut self, about: &About<'_>, taken: Taken) {
        let told = Told {
            limit: about.limit.burst,
            remaining: taken.remaining,
            reset: taken.next,
        };
        if about.policy.headers {
            self.hear(told);
        }
    }

    /// Of several limits clients are told the one with the fewest requests left.
    fn hear(&mut self, told: Told) {
        let known = self.told;
        if known.is_none_or(|known| told.remaining < known.remaining) {
            self.told = Some(told);
        }
    }

    fn refuse(&mut self, about: &About<'_>, taken: Taken) {
        let cause = format!("over {}", about.describe());
        let failure = Failure::new(Whose::Client, Again::Never, Flag::RateLimited, cause);
        self.refused = Some(failure.with_origin(about.rule.origin.clone()));
        self.retry_at = (taken.next < Instant::FAR_FUTURE).then_some(taken.next);
    }
}

/// Sorts by requests a second, exactly: the fraction as requests over nanoseconds.
fn strictness(limit: &Limit) -> Rate {
    Rate {
        requests: u128::from(limit.requests),
        nanos: u128::from(crate::time::nanos(limit.per)).max(1),
    }
}

#[derive(Clone, Copy)]
struct Rate {
    requests: u128,
    nanos: u128,
}

// === impl Rate ===

impl Rate {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        (self.requests * other.nanos).cmp(&(other.requests * self.nanos))
    }
}

#[cfg(test)]
mod tests;
