//! Rate limits in words: two that say the same do the same.

use std::collections::BTreeSet;

use engine::snapshot::authz::{Condition, Key, Scope};
use engine::snapshot::ratelimit::{Limit, Match, Per, Policy, RateLimits, Rule};

use crate::command::route::words;

/// A sentence for each rule that holds for a port.
pub(super) fn described(limits: &RateLimits) -> BTreeSet<String> {
    let policies = limits.policies.iter();
    let rules = policies.flat_map(|limited| {
        let rules = limited.policy.rules.iter();
        rules.map(|rule| sentence(&limited.policy, rule, limited.scope.as_ref()))
    });
    rules.collect()
}

fn sentence(policy: &Policy, rule: &Rule, scope: Option<&Scope>) -> String {
    let mut text = amount(rule.limit);
    text.push_str(&match &rule.per {
        Per::Total => String::new(),
        Per::Identity => " for each identity".into(),
        Per::Header(name) => format!(" for each value of {name}"),
    });
    if !rule.matches.is_empty() {
        let matches: Vec<String> = rule.matches.iter().map(matching).collect();
        text.push_str(&format!(", of {}", matches.join(" or ")));
    }
    for limit in &rule.overrides {
        let names: Vec<&str> = limit.identities.iter().map(|g| g.as_str()).collect();
        text.push_str(&format!(
            "; {} for {}",
            amount(limit.limit),
            names.join(", ")
        ));
    }
    if let Some(scope) = scope {
        let rules = scope
            .rules
            .iter()
            .filter_map(|at| scope.table.rules().get(*at));
        let matches = rules.flat_map(|rule| &rule.matches);
        let matches: Vec<String> = matches.map(words::matching).collect();
        text.push_str(&format!(
            "; for requests of the rule for {}",
            matches.join(" or ")
        ));
    }
    if policy.shadow {
        text.push_str("; counted only");
    }
    text
}

/// `10 requests per 1s, at most 20 at once`
fn amount(limit: Limit) -> String {
    match limit.requests {
        0 => "no requests".to_owned(),
        n => format!(
            "{n} requests per {}, at most {} at once",
            words::duration(limit.per),
            limit.burst
        ),
    }
}

fn matching(m: &Match) -> String {
    let mut parts = Vec::new();
    parts.extend(m.methods.iter().map(ToString::to_string));
    parts.extend(m.paths.iter().map(|glob| format!("path {glob}")));
    parts.extend(m.when.iter().map(condition));
    match parts.is_empty() {
        true => "any request".to_owned(),
        false => parts.join(" "),
    }
}

fn condition(condition: &Condition) -> String {
    let key = match &condition.key {
        Key::Header(name) => format!("header {name}"),
        Key::Claim(names) => format!("claim {}", names.join(".")),
    };
    let list = |globs: &[engine::snapshot::glob::Glob]| -> String {
        let all: Vec<&str> = globs.iter().map(|g| g.as_str()).collect();
        all.join("|")
    };
    match condition.values.wanted.is_empty() {
        true => format!("{key} not {}", list(&condition.values.unwanted)),
        false => format!("{key}={}", list(&condition.values.wanted)),
    }
}
