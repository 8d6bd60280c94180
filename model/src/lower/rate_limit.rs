//! RateLimitPolicy → [`engine::snapshot::ratelimit`].

use core::time::Duration;
use std::str::FromStr;

use engine::snapshot::Glob;
use engine::snapshot::ratelimit::{Limit, Match, Override, Per, Policy, Rule};
use http::header::HeaderName;

use super::authorization;
use super::digest::digest;
use crate::index::RateLimitPolicy;
use crate::policy::{self, RateLimitMatch, RateLimitPer, RateLimitRule};
use crate::yaml::Step;

pub(super) fn policy(policy: &RateLimitPolicy) -> Policy {
    let spec = &policy.spec;
    let rules = spec.local.iter().flat_map(|local| &local.rules).enumerate();
    let rules: Vec<Rule> = rules
        .filter_map(|(index, one)| rule(policy, index, one))
        .collect();
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
        rules,
    }
}

/// None when a header's name cannot be read, which validation refuses.
fn rule(policy: &RateLimitPolicy, index: usize, rule: &RateLimitRule) -> Option<Rule> {
    let path = [
        Step::Key("spec"),
        Step::Key("local"),
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
    Some(Rule {
        matches: rule.matches.iter().flatten().map(one_match).collect(),
        limit: limit(rule.limit),
        per,
        overrides: overrides.collect(),
        origin: policy.origin.part(format!("rules[{index}]"), line),
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
