//! What a test of a route expects, and whether it is so.

use std::collections::BTreeMap;

use model::policy::KubeDuration;
use serde::Deserialize;
use sim::scenario::Share;

use super::answer::Explained;
use crate::command::route::words;

/// All that is written has to hold; what is not written is not looked at.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Expect {
    /// The rule that governs: `canary`, `rules[1]`, `web/canary`, `shop/web/canary`; `none` when no
    /// rule may match.
    pub(super) rule: Option<String>,
    /// All backends that get requests, with their shares: `{reviews-v1: 90%, reviews-v2: 10%}`. A
    /// name may leave out namespace and port.
    pub(super) backends: Option<BTreeMap<String, Share>>,
    /// The proxy answers every such request itself, with this status.
    pub(super) status: Option<u16>,
    /// All backends that get copies, with their shares.
    pub(super) mirrors: Option<BTreeMap<String, Share>>,
    /// Path and query as they are sent, to every backend.
    pub(super) path: Option<String>,
    /// Headers as they are sent to every backend; null for those that must be absent.
    pub(super) headers: Option<BTreeMap<String, Option<String>>>,
    /// Of the request as a whole; 0s for none.
    pub(super) timeout: Option<KubeDuration>,
    /// Tries after the first.
    pub(super) retries: Option<u32>,
}

/// Shares are equal when they differ by less than a request in ten million: what is written has
/// fewer digits than a third has.
const SHARE_TOLERANCE: f64 = 1e-4;

// === impl Expect ===

impl Expect {
    pub(super) fn is_empty(&self) -> bool {
        let Self {
            rule,
            backends,
            status,
            mirrors,
            path,
            headers,
            timeout,
            retries,
        } = self;
        rule.is_none()
            && backends.is_none()
            && status.is_none()
            && mirrors.is_none()
            && path.is_none()
            && headers.is_none()
            && timeout.is_none()
            && retries.is_none()
    }

    /// What does not hold, one sentence each.
    pub(super) fn check(&self, seen: &Explained) -> Vec<String> {
        let mut wrong = Vec::new();
        if let Some(reason) = &seen.past_routes {
            wrong.push(reason.clone());
            return wrong;
        }
        if let Some(rule) = &self.rule {
            let is = seen.rule.as_ref().map(|rule| rule.name.as_str());
            let holds = match is {
                None => rule == "none",
                Some(name) => name == rule || name.ends_with(&format!("/{rule}")),
            };
            if !holds {
                wrong.push(format!(
                    "rule: expected {rule}, is {}",
                    is.unwrap_or("none")
                ));
            }
        }
        if let Some(backends) = &self.backends {
            let is = seen.shares();
            shares("backends", backends, &is, &mut wrong);
        }
        if let Some(mirrors) = &self.mirrors {
            let mut is = BTreeMap::new();
            for copy in &seen.mirrors {
                *is.entry(copy.backend.clone()).or_default() += copy.share;
            }
            shares("mirrors", mirrors, &is, &mut wrong);
        }
        if let Some(status) = self.status {
            let all = seen.outcomes.iter().all(|end| end.status == Some(status));
            if !all {
                wrong.push(format!(
                    "status: expected {status}, is {}",
                    ends(&seen.shares())
                ));
            }
        }
        self.check_sent(seen, &mut wrong);
        self.check_rule(seen, &mut wrong);
        wrong
    }

    /// The request as backends get it.
    fn check_sent(&self, seen: &Explained, wrong: &mut Vec<String>) {
        use engine::session::foresee::Fate;
        let ends = seen.foresight.iter().flat_map(|f| &f.outcomes);
        for end in ends {
            let Fate::Forward(sent) = &end.end else {
                continue;
            };
            if let Some(path) = &self.path
                && sent.head.path.as_str() != path
            {
                let (to, is) = (&sent.cluster, &sent.head.path);
                wrong.push(format!("path: expected {path}, {to} gets {is}"));
            }
            for (name, expected) in self.headers.iter().flatten() {
                let values = sent.head.headers.get_all(name.as_str()).iter();
                let text = |v: &http::HeaderValue| String::from_utf8_lossy(v.as_bytes()).into();
                let values: Vec<String> = values.map(text).collect();
                let is = (!values.is_empty()).then(|| values.join(", "));
                if is != *expected {
                    let word = |v: &Option<String>| v.clone().unwrap_or_else(|| "absent".into());
                    let (to, expected, is) = (&sent.cluster, word(expected), word(&is));
                    wrong.push(format!(
                        "header {name}: expected {expected}, {to} gets {is}"
                    ));
                }
            }
        }
    }

    fn check_rule(&self, seen: &Explained, wrong: &mut Vec<String>) {
        let rule = seen.foresight.as_ref().and_then(|f| f.rule.as_ref());
        if let Some(timeout) = self.timeout {
            let is = rule.and_then(|rule| rule.timeouts.request);
            if is != timeout.non_zero() {
                let word = |d: Option<_>| d.map_or_else(|| "none".into(), words::duration);
                let (expected, is) = (word(timeout.non_zero()), word(is));
                wrong.push(format!("timeout: expected {expected}, is {is}"));
            }
        }
        if let Some(retries) = self.retries {
            let policy = rule.and_then(|rule| rule.retry.as_ref());
            let is = policy.map_or(0, |policy| policy.attempts);
            if is != retries {
                wrong.push(format!("retries: expected {retries}, is {is}"));
            }
        }
    }
}

/// Compares names and shares; a name without namespace and port stands for the one that ends so.
fn shares(
    what: &str,
    expected: &BTreeMap<String, Share>,
    is: &BTreeMap<String, f64>,
    wrong: &mut Vec<String>,
) {
    let mut left: BTreeMap<&String, f64> = is.iter().map(|(k, v)| (k, *v)).collect();
    let mut fits = true;
    for (name, share) in expected {
        let key = left.keys().find(|key| means(name, key)).copied();
        let seen = key.and_then(|key| left.remove(key)).unwrap_or(0.0);
        fits &= (seen - share.0).abs() < SHARE_TOLERANCE;
    }
    fits &= left.values().all(|share| *share < SHARE_TOLERANCE);
    if !fits {
        let wanted: BTreeMap<String, f64> =
            expected.iter().map(|(k, v)| (k.clone(), v.0)).collect();
        let (wanted, is) = (ends(&wanted), ends(is));
        wrong.push(format!("{what}: expected {wanted}, is {is}"));
    }
}

/// Whether `name` stands for `shop/web-v2:80`.
fn means(name: &str, key: &str) -> bool {
    let without_port = key.rsplit_once(':').map_or(key, |(name, _)| name);
    let short = |key: &str| key.rsplit('/').next().unwrap_or(key).to_owned();
    name == key || name == without_port || name == short(key) || name == short(without_port)
}

fn ends(shares: &BTreeMap<String, f64>) -> String {
    if shares.is_empty() {
        return "nobody".into();
    }
    let all = shares.iter();
    let all: Vec<_> = all
        .map(|(name, share)| format!("{name} {}", words::percent(*share)))
        .collect();
    all.join(", ")
}
