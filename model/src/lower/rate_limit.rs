//! RateLimitPolicy → [`engine::snapshot::ratelimit`].

use core::time::Duration;
use std::str::FromStr;

use engine::snapshot::ratelimit::{Global, Limit, Match, Override, Per, Policy, Rule};
use engine::snapshot::{ClusterKey, Glob, ObjectName};
use http::header::HeaderName;

use super::authorization;
use super::digest::digest;
use crate::index::RateLimitPolicy;
use crate::policy::{
    self, GlobalRateLimit, KubeDuration, RateLimitMatch, RateLimitPer, RateLimitRule,
};
use crate::yaml::Step;

/// Envoy's default (`ratelimit.proto`).
const TIMEOUT: Duration = Duration::from_millis(20);

pub(super) fn policy(policy: &RateLimitPolicy) -> Policy {
    let spec = &policy.spec;
    let rules = spec.local.iter().flat_map(|local| &local.rules);
    let rules = self::rules(policy, "local", rules);
    // Where a rule is written is no part of its content: buckets stay when a comment is added.
    let content: Vec<_> = rules
        .iter()
        .map(|rule| (&rule.matches, rule.limit, &rule.per, &rule.overrides))
        .collect();
    Policy {
        name: policy.name.clone(),
        version: digest(&content),
        shadow: spec.shadow_mode == Some(true),
        headers: spec.headers == Some(true),
        global: spec.global.as_ref().map(|spec| global(policy, spec)),
        rules,
    }
}

fn global(policy: &RateLimitPolicy, spec: &GlobalRateLimit) -> Global {
    let line = policy
        .object
        .line_at(&[Step::Key("spec"), Step::Key("global")]);
    Global {
        service: limiter(policy, spec),
        domain: spec.domain.as_str().into(),
        timeout: spec.timeout.map_or(TIMEOUT, KubeDuration::get),
        fail_open: spec.fail_open.unwrap_or(true),
        rules: rules(policy, "global", spec.rules.iter()),
        origin: policy.origin.part("global", line),
    }
}

/// The service that counts.
pub(crate) fn limiter(policy: &RateLimitPolicy, spec: &GlobalRateLimit) -> ClusterKey {
    let home = &*policy.name.namespace;
    let to = &spec.service_ref;
    let namespace = to.namespace.as_deref().unwrap_or(home);
    ClusterKey {
        service: ObjectName::new(namespace, to.name.as_str()),
        port: to.port.u16(),
    }
}

fn rules<'a>(
    policy: &RateLimitPolicy,
    section: &str,
    rules: impl Iterator<Item = &'a RateLimitRule>,
) -> Vec<Rule> {
    let rules = rules.enumerate();
    let rules = rules.filter_map(|(index, one)| rule(policy, section, index, one));
    rules.collect()
}

/// None when a header's name cannot be read, which validation refuses.
fn rule(
    policy: &RateLimitPolicy,
    section: &str,
    index: usize,
    rule: &RateLimitRule,
) -> Option<Rule> {
    let path = [
        Step::Key("spec"),
        Step::Key(section),
        Step::Key("rules"),
        Step::Index(index),
    ];
    let line = policy.object.line_at(&path);
    let per = match rule.per() {
        RateLimitPer::Total => Per::Total,
        RateLimitPer::Identity => Per::Identity,
        RateLimitPer::Header => Per::Header(HeaderName::from_str(rule.header.as_deref()?).ok()?),
    };
    let overrides = rule.overrides.iter().flatten().map(|one| Override {
        identities: one
            .identities
            .iter()
            .map(|id| Glob::new(id.as_str()))
            .collect(),
        limit: limit(one.limit),
    });
    let part = match section {
        "global" => "global.rules",
        _ => "rules",
    };
    Some(Rule {
        matches: rule.matches.iter().flatten().map(one_match).collect(),
        limit: limit(rule.limit),
        per,
        overrides: overrides.collect(),
        origin: policy.origin.part(format!("{part}[{index}]"), line),
    })
}

fn one_match(one: &RateLimitMatch) -> Match {
    let methods = one.methods.iter().flatten();
    let paths = one.paths.iter().flatten();
    Match {
        methods: methods
            .filter_map(|method| http::Method::from_str(method).ok())
            .collect(),
        paths: paths.map(|path| Glob::new(path.as_str())).collect(),
        when: one
            .when
            .iter()
            .flatten()
            .map(authorization::condition)
            .collect(),
    }
}

fn limit(limit: policy::Limit) -> Limit {
    let unit = limit.unit.unwrap_or(policy::RateLimitUnit::Second);
    let requests = limit.requests.u32();
    Limit {
        requests,
        per: Duration::from_secs(unit.seconds()),
        burst: limit.burst.map_or(requests, |burst| burst.u32()).max(1),
    }
}
