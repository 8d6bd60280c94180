//! RateLimitPolicy.

use super::authorization_policy::{
    condition, identity, method, path, selector, some_items, values,
};
use super::check::Check;
use super::targets::{self, RATE_LIMIT_POLICY};
use super::text::check_header_name;
use crate::policy::{
    Limit, LocalRateLimit, RateLimitMatch, RateLimitPer, RateLimitPolicySpec, RateLimitRule,
    RateLimitSide,
};

/// Rules of one policy: each that matches costs a bucket per request.
const RULES_MAX: usize = 64;

pub(super) fn check(check: &mut Check, spec: &RateLimitPolicySpec) {
    targets::targets(check, &spec.target_refs, RATE_LIMIT_POLICY);
    check.not_supported("global", &spec.global);
    if let Some(selector) = &spec.selector {
        check.field("selector", |check| self::selector(check, selector));
    }
    side(check, spec);
    let Some(local) = &spec.local else {
        if spec.global.is_none() {
            check.error("the policy limits nothing", "set local");
        }
        return;
    };
    check.field("local", |check| self::local(check, local));
}

fn side(check: &mut Check, spec: &RateLimitPolicySpec) {
    if spec.side() == RateLimitSide::Client {
        check.field("side", |check| {
            check.error(
                "`side: Client` is not supported by this version",
                "limits hold in the proxy of the destination: remove the field",
            );
        });
    }
    check.each("targetRefs", &spec.target_refs, |check, target| {
        if target.kind == "Service" && target.namespace.is_some() {
            check.field("namespace", |check| {
                check.error(
                    "a RateLimitPolicy is of the namespace of its target",
                    "move the policy to the Service's namespace and remove the field",
                );
            });
        }
    });
}

fn local(check: &mut Check, local: &LocalRateLimit) {
    some_items(check, "rules", Some(&local.rules));
    check.at_most("rules", &local.rules, RULES_MAX);
    check.each("rules", &local.rules, rule);
}

fn rule(check: &mut Check, rule: &RateLimitRule) {
    some_items(check, "matches", rule.matches.as_deref());
    check.each(
        "matches",
        rule.matches.as_deref().unwrap_or_default(),
        one_match,
    );
    check.field("limit", |check| limit(check, rule.limit));
    let per = rule.per();
    match (per, &rule.header) {
        (RateLimitPer::Header, None) => check.field("per", |check| {
            check.error("`per: Header` needs `header`", "name the header");
        }),
        (RateLimitPer::Header, Some(name)) => {
            check.field("header", |check| check_header_name(check, name));
        }
        (_, Some(_)) => check.field("header", |check| {
            check.error("`header` has no effect", "set `per: Header`");
        }),
        (_, None) => {}
    }
    if per != RateLimitPer::Identity && rule.overrides.is_some() {
        check.field("overrides", |check| {
            check.error(
                "`overrides` have no effect",
                "they are limits of single callers: set `per: Identity`",
            );
        });
    }
    some_items(check, "overrides", rule.overrides.as_deref());
    let overrides = rule.overrides.as_deref().unwrap_or_default();
    check.each("overrides", overrides, |check, one| {
        values(check, "identities", Some(&one.identities), identity);
        check.field("limit", |check| limit(check, one.limit));
    });
}

fn one_match(check: &mut Check, one: &RateLimitMatch) {
    if one.methods.is_none() && one.paths.is_none() && one.when.is_none() {
        check.error(
            "a match without a field stands for every request",
            "name methods, paths or when, or remove `matches`",
        );
    }
    values(check, "methods", one.methods.as_deref(), method);
    values(check, "paths", one.paths.as_deref(), path);
    some_items(check, "when", one.when.as_deref());
    let conditions = one.when.as_deref().unwrap_or_default();
    check.each("when", conditions, |check, one| {
        condition(check, one, false);
    });
}

fn limit(check: &mut Check, limit: Limit) {
    if limit.requests.get() == 0 && limit.burst.is_some() {
        check.field("burst", |check| {
            check.error(
                "`burst` has no effect when `requests` is 0",
                "0 refuses every request: remove the burst",
            );
        });
    }
}
