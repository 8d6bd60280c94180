//! Local rate limits: admit a request, or say when to come back.
//!
//! All rules that match a request hold together. They are asked strictest first (fewest requests a
//! second); the first that refuses ends it, and the rules behind it are not charged (Envoy's
//! `local_ratelimit_impl.cc`). Rules of policies in shadow mode are asked on their own, after the
//! others admitted the request: they see what they would see in force, and refuse nothing.
//!
//! Buckets live here, beside the snapshot, by policy, version of its content, rule and key, so that
//! a swap of the snapshot refills nothing. A limit is of one proxy.

use crate::authz::{condition, in_scope, path};
use crate::failure::{Again, Failure, Flag, Whose};
use crate::head::RequestHead;
use crate::identity::Identity;
use crate::snapshot::ObjectName;
use crate::snapshot::ratelimit::{Limit, Limited, Match, Per, Policy, RateLimits, Rule};
use crate::time::Instant;
use crate::trace::{Step, Trail};

mod bucket;
mod keys;

pub use bucket::{Bucket, Taken};

use keys::Keys;

/// The buckets of one proxy.
#[derive(Clone, Debug, Default)]
pub struct Limiter {
    buckets: Keys<BucketKey>,
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

/// A rule that is about the request.
struct About<'a> {
    policy: &'a Policy,
    index: usize,
    rule: &'a Rule,
    limit: &'a Limit,
    key: Box<str>,
}

/// The longest value of a header that is a key of its own. Longer ones count as cut: a client that
/// sends them cannot make buckets large.
const KEY_LEN_MAX: usize = 256;

// === impl Limiter ===

impl Limiter {
    /// Takes a token of each limit that is about the request.
    pub fn check(
        &mut self,
        limits: &RateLimits,
        peer: Option<&Identity>,
        head: &RequestHead,
        now: Instant,
        trail: &mut Trail,
    ) -> Verdict {
        let mut verdict = Verdict::default();
        let normal = path::normal(head.path.path());
        let path = normal.as_deref().unwrap_or(head.path.path());
        let mut about: Vec<About<'_>> = limits
            .policies
            .iter()
            .filter(|limited| in_scope(limited.scope.as_ref(), Some(head)))
            .flat_map(|limited| about(limited, peer, head, path))
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

// === impl About ===

impl About<'_> {
    fn describe(&self) -> String {
        let Limit {
            requests,
            per,
            burst,
        } = self.limit;
        let whose = match (&self.rule.per, &*self.key) {
            (Per::Total, _) => String::new(),
            (Per::Identity, "") => " of callers without identity".to_owned(),
            (Per::Identity, key) => format!(" of {key}"),
            (Per::Header(name), _) => format!(" of one value of {name}"),
        };
        let rule = format!("RateLimitPolicy {} rules[{}]", self.policy.name, self.index);
        format!("{requests} requests in {per:?} (burst {burst}){whose}, {rule}")
    }
}

// === impl Verdict ===

impl Verdict {
    fn tell(&mut self, about: &About<'_>, taken: Taken) {
        let told = Told {
            limit: about.limit.burst,
            remaining: taken.remaining,
            reset: taken.next,
        };
        let fewer = self
            .told
            .is_none_or(|known| told.remaining < known.remaining);
        if about.policy.headers && fewer {
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

/// The rules of a policy that are about the request.
fn about<'a>(
    limited: &'a Limited,
    peer: Option<&Identity>,
    head: &RequestHead,
    path: &str,
) -> Vec<About<'a>> {
    let policy: &'a Policy = &limited.policy;
    let rules = policy.rules.iter().enumerate();
    let about = rules.filter_map(|(index, rule)| {
        let matched = rule.matches.is_empty() || rule.matches.iter().any(|m| holds(m, head, path));
        let key = key(&rule.per, peer, head)?;
        matched.then(|| About {
            policy,
            index,
            rule,
            limit: limit_of(rule, peer),
            key,
        })
    });
    about.collect()
}

fn holds(wanted: &Match, head: &RequestHead, path: &str) -> bool {
    (wanted.methods.is_empty() || wanted.methods.contains(&head.method))
        && (wanted.paths.is_empty() || wanted.paths.iter().any(|glob| glob.matches(path)))
        && wanted
            .when
            .iter()
            .all(|one| condition::holds(one, Some(head), None, true))
}

/// What the request's bucket is filed under; none when the rule is not about it.
fn key(per: &Per, peer: Option<&Identity>, head: &RequestHead) -> Option<Box<str>> {
    match per {
        Per::Total => Some("".into()),
        Per::Identity => Some(peer.map_or("", Identity::as_str).into()),
        Per::Header(name) => {
            let value = head.headers.get(name)?;
            let text = String::from_utf8_lossy(value.as_bytes());
            Some(text.chars().take(KEY_LEN_MAX).collect())
        }
    }
}

fn limit_of<'a>(rule: &'a Rule, peer: Option<&Identity>) -> &'a Limit {
    let names = |one: &&crate::snapshot::ratelimit::Override| {
        peer.is_some_and(|peer| {
            one.identities
                .iter()
                .any(|glob| glob.matches(peer.as_str()))
        })
    };
    let own = rule.overrides.iter().find(names);
    own.map_or(&rule.limit, |one| &one.limit)
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
