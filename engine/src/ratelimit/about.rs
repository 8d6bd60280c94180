//! Which rules are about a request, and whose share of them it takes.

use crate::authz::condition;
use crate::identity::Identity;
use crate::snapshot::ratelimit::{Limit, Match, Override, Per, Policy, Rule};

use super::Asking;

/// A rule that is about the request.
pub(super) struct About<'a> {
    pub(super) policy: &'a Policy,
    pub(super) index: usize,
    pub(super) rule: &'a Rule,
    pub(super) limit: &'a Limit,
    pub(super) key: Box<str>,
}

/// The longest value of a header that is a key of its own. Longer ones count as cut: a client that
/// sends them cannot make buckets large.
pub(super) const KEY_LEN_MAX: usize = 256;

// === impl About ===

impl About<'_> {
    /// Of a bucket.
    pub(super) fn describe(&self) -> String {
        self.words(&format!(" (burst {})", self.limit.burst))
    }

    /// Of a window of time.
    pub(super) fn describe_window(&self) -> String {
        self.words("")
    }

    fn words(&self, burst: &str) -> String {
        let Limit { requests, per, .. } = self.limit;
        let whose = match (&self.rule.per, &*self.key) {
            (Per::Total, _) => String::new(),
            (Per::Identity, "") => " of callers without identity".to_owned(),
            (Per::Identity, key) => format!(" of {key}"),
            (Per::Header(name), _) => format!(" of one value of {name}"),
        };
        let rule = format!("RateLimitPolicy {} rules[{}]", self.policy.name, self.index);
        format!("{requests} requests in {per:?}{burst}{whose}, {rule}")
    }
}

/// Those of `rules`, of a policy, that are about the request; `path` is in its normal form.
pub(super) fn about<'a>(
    policy: &'a Policy,
    rules: &'a [Rule],
    asking: Asking<'_>,
    path: Option<&str>,
) -> Vec<About<'a>> {
    let about = rules.iter().enumerate().filter_map(|(index, rule)| {
        let every = rule.matches.is_empty();
        let matched = every || rule.matches.iter().any(|one| holds(one, asking, path));
        let key = key(&rule.per, asking)?;
        matched.then(|| About {
            policy,
            index,
            rule,
            limit: limit_of(rule, asking.peer),
            key,
        })
    });
    about.collect()
}

fn holds(wanted: &Match, asking: Asking<'_>, path: Option<&str>) -> bool {
    let (Some(head), Some(path)) = (asking.head, path) else {
        return false;
    };
    (wanted.methods.is_empty() || wanted.methods.contains(&head.method))
        && (wanted.paths.is_empty() || wanted.paths.iter().any(|glob| glob.matches(path)))
        && wanted
            .when
            .iter()
            .all(|one| condition::holds(one, Some(head), None, true))
}

/// What the request's share is filed under; none when the rule is not about it.
fn key(per: &Per, asking: Asking<'_>) -> Option<Box<str>> {
    match per {
        Per::Total => Some("".into()),
        Per::Identity => Some(asking.peer.map_or("", Identity::as_str).into()),
        Per::Header(name) => {
            let value = asking.head?.headers.get(name)?;
            let text = String::from_utf8_lossy(value.as_bytes());
            Some(text.chars().take(KEY_LEN_MAX).collect())
        }
    }
}

fn limit_of<'a>(rule: &'a Rule, peer: Option<&Identity>) -> &'a Limit {
    let names = |one: &&Override| {
        peer.is_some_and(|peer| {
            one.identities
                .iter()
                .any(|glob| glob.matches(peer.as_str()))
        })
    };
    let own = rule.overrides.iter().find(names);
    own.map_or(&rule.limit, |one| &one.limit)
}
