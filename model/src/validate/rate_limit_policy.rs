//! RateLimitPolicy.

use core::time::Duration;

use super::authorization_policy::{
    condition, identity, method, path, selector, some_items, values,
};
use super::check::Check;
use super::targets::{self, RATE_LIMIT_POLICY};
use super::text::{check_header_name, check_len};
use crate::policy::{
    GlobalRateLimit, Limit, RateLimitMatch, RateLimitPer, RateLimitPolicySpec, RateLimitRule,
    RateLimitSide,
};

/// Rules of one policy: each that matches costs a bucket per request.
const RULES_MAX: usize = 64;

/// A request waits no longer than this to be counted; its client has given up long before.
const TIMEOUT_MAX: Duration = Duration::from_secs(10);

pub(super) fn check(check: &mut Check, spec: &RateLimitPolicySpec) {
    targets::targets(check, &spec.target_refs, RATE_LIMIT_POLICY);
    if let Some(selector) = &spec.selector {
        check.field("selector", |check| self::selector(check, selector));
    }
    let help = "it names workloads: give the Gateway a policy of its own";
    let selector = spec.selector.is_some();
    targets::not_of_gateways(check, &spec.target_refs, "selector", selector, help);
    let help = "responses from behind a Gateway are passed on as they are: remove the field";
    let headers = spec.headers == Some(true);
    targets::not_of_gateways(check, &spec.target_refs, "headers", headers, help);
    side(check, spec);
    if spec.local.is_none() && spec.global.is_none() {
        check.error("the policy limits nothing", "set local or global");
    }
    let side = spec.side();
    if let Some(local) = &spec.local {
        check.field("local", |check| rules(check, &local.rules, side));
    }
    if let Some(global) = &spec.global {
        check.field("global", |check| self::global(check, global));
    }
}

fn side(check: &mut Check, spec: &RateLimitPolicySpec) {
    if spec.side() == RateLimitSide::Client {
        let mut no_effect = |field: &str, is_there: bool, help: &str| {
            if is_there {
                check.field(field, |check| {
                    let message = format!("`{field}` has no effect with `side: Client`");
                    check.error(message, help);
                });
            }
        };
        no_effect(
            "selector",
            spec.selector.is_some(),
            "it names workloads that are called: remove it",
        );
        no_effect(
            "headers",
            spec.headers == Some(true),
            "they are written by the proxy of the destination: remove the field",
        );
        no_effect(
            "global",
            spec.global.is_some(),
            "the proxy of the destination asks the service that counts: use a policy of its own",
        );
        check.each("targetRefs", &spec.target_refs, |check, target| {
            if ["Workload", "Gateway"].contains(&target.kind.as_str()) {
                check.field("kind", |check| {
                    check.error(
                        format!("the limits of a {} are held by its own proxy", target.kind),
                        "remove `side: Client`, or name the Service that callers call",
                    );
                });
            }
        });
        return;
    }
    check.each("targetRefs", &spec.target_refs, |check, target| {
        if target.kind == "Service" && target.namespace.is_some() {
            check.field("namespace", |check| {
                check.error(
                    "a RateLimitPolicy is of the namespace of its target",
                    "move the policy to the Service's namespace, or set `side: Client` to limit \
                     the callers in this one",
                );
            });
        }
    });
}

fn global(check: &mut Check, global: &GlobalRateLimit) {
    check.field("serviceRef", |check| {
        check.field("name", |check| {
            check_len(check, &global.service_ref.name, 1, 63);
        });
    });
    check.field("domain", |check| check_len(check, &global.domain, 1, 253));
    if let Some(timeout) = global.timeout
        && !(Duration::from_millis(1)..=TIMEOUT_MAX).contains(&timeout.get())
    {
        check.field("timeout", |check| {
            check.error(
                "the timeout is not between 1ms and 10s",
                "every request waits for the answer: some milliseconds are usual",
            );
        });
    }
    rules(check, &global.rules, RateLimitSide::Server);
    check.each("rules", &global.rules, |check, rule| {
        let own = rule.overrides.iter().flatten().map(|one| one.limit);
        if own.chain([rule.limit]).any(|limit| limit.burst.is_some()) {
            check.error(
                "a global limit has no `burst`",
                "the service counts in windows of `unit`: remove the burst",
            );
        }
    });
}

fn rules(check: &mut Check, rules: &[RateLimitRule], side: RateLimitSide) {
    some_items(check, "rules", Some(rules));
    check.at_most("rules", rules, RULES_MAX);
    check.each("rules", rules, |check, one| {
        rule(check, one);
        if side == RateLimitSide::Client && one.per() == RateLimitPer::Identity {
            check.field("per", |check| {
                check.error(
                    "`per: Identity` has no effect with `side: Client`",
                    "each caller's proxy has the limit for itself: use Total",
                );
            });
        }
    });
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
