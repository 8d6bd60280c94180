use core::time::Duration;
use std::sync::Arc;

use http::{HeaderName, HeaderValue, Method};

use super::about::KEY_LEN_MAX;
use super::*;
use crate::origin::{Origin, Place};
use crate::snapshot::glob::Glob;
use crate::snapshot::ratelimit::{Limited, Match, Override, Per, Rule};

const WEB: &str = "spiffe://cluster.local/ns/shop/sa/web";
const BATCH: &str = "spiffe://cluster.local/ns/shop/sa/batch";

fn limit(requests: u32) -> Limit {
    Limit {
        requests,
        per: Duration::from_secs(1),
        burst: requests.max(1),
    }
}

fn rule(requests: u32, per: Per) -> Rule {
    Rule {
        matches: Vec::new(),
        limit: limit(requests),
        per,
        overrides: Vec::new(),
        origin: Origin::new(Place {
            kind: "RateLimitPolicy".into(),
            namespace: "shop".into(),
            name: "p".into(),
            part: "rules[0]".into(),
            file: "p.yaml".into(),
            line: 7,
        }),
    }
}

fn policy(rules: Vec<Rule>) -> Policy {
    Policy {
        name: ObjectName::new("shop", "p"),
        version: 1,
        rules,
        global: None,
        shadow: false,
        headers: false,
    }
}

fn limits(policies: Vec<Policy>) -> RateLimits {
    let limited = |policy| Limited {
        policy: Arc::new(policy),
        scope: None,
    };
    RateLimits {
        policies: policies.into_iter().map(limited).collect(),
    }
}

fn get(path: &str) -> RequestHead {
    RequestHead::new(Method::GET, "web".parse().ok(), path.parse().unwrap())
}

/// How many of `n` requests at once are admitted.
fn admitted(
    limiter: &mut Limiter,
    limits: &RateLimits,
    peer: Option<&str>,
    head: &RequestHead,
    n: usize,
) -> usize {
    let peer: Option<Identity> = peer.map(|peer| peer.parse().unwrap());
    let mut check = || {
        let asking = Asking {
            peer: peer.as_ref(),
            head: Some(head),
        };
        let about = limits.about(asking);
        limiter.check(about, asking, Instant::ZERO, &mut Trail::off())
    };
    (0..n).filter(|_| check().refused.is_none()).count()
}

#[test]
fn callers_share_a_total_and_not_a_limit_of_their_own() {
    let all = |per| {
        let limits = limits(vec![policy(vec![rule(3, per)])]);
        let mut limiter = Limiter::default();
        let mut ask = |peer| admitted(&mut limiter, &limits, peer, &get("/"), 5);
        (ask(Some(WEB)), ask(Some(BATCH)), ask(None))
    };
    assert_eq!(all(Per::Total), (3, 0, 0));
    assert_eq!(all(Per::Identity), (3, 3, 3));
}

#[test]
fn a_header_has_a_limit_per_value_and_none_without_it() {
    let limits = limits(vec![policy(vec![rule(
        2,
        Per::Header(HeaderName::from_static("x-t")),
    )])]);
    let mut limiter = Limiter::default();
    let mut ask = |value: Option<&str>| {
        let mut head = get("/");
        if let Some(value) = value {
            head.headers
                .insert("x-t", HeaderValue::from_str(value).unwrap());
        }
        admitted(&mut limiter, &limits, None, &head, 5)
    };
    assert_eq!((ask(Some("a")), ask(Some("b")), ask(None)), (2, 2, 5));
    // What is beyond the longest key is cut, so that the bucket is the same.
    let long = "c".repeat(KEY_LEN_MAX);
    assert_eq!(
        (
            ask(Some(&format!("{long}1"))),
            ask(Some(&format!("{long}2")))
        ),
        (2, 0)
    );
}

#[test]
fn an_override_holds_for_whom_it_names() {
    let mut with = rule(1, Per::Identity);
    with.overrides = vec![
        Override {
            identities: vec![Glob::new("*/sa/batch")],
            limit: limit(4),
        },
        Override {
            identities: vec![Glob::new("*")],
            limit: limit(2),
        },
    ];
    let limits = limits(vec![policy(vec![with])]);
    let mut limiter = Limiter::default();
    let mut ask = |peer| admitted(&mut limiter, &limits, peer, &get("/"), 5);
    assert_eq!((ask(Some(BATCH)), ask(Some(WEB)), ask(None)), (4, 2, 1));
}

#[test]
fn the_strictest_refuses_first_and_spares_the_others() {
    let mut strict = rule(1, Per::Total);
    strict.matches = vec![Match {
        paths: vec![Glob::new("/pay")],
        ..Match::default()
    }];
    let limits = limits(vec![policy(vec![rule(3, Per::Total), strict])]);
    let mut limiter = Limiter::default();
    let mut ask = |path: &str, n| admitted(&mut limiter, &limits, None, &get(path), n);
    // One request to /pay takes of both; those that the strict limit refuses take of none.
    assert_eq!(ask("/pay", 5), 1);
    assert_eq!(ask("/", 5), 2);
}

#[test]
fn paths_are_compared_in_their_normal_form() {
    let mut only_pay = rule(0, Per::Total);
    only_pay.matches = vec![Match {
        paths: vec![Glob::new("/pay")],
        ..Match::default()
    }];
    let limits = limits(vec![policy(vec![only_pay])]);
    let mut limiter = Limiter::default();
    let mut ask = |path: &str| admitted(&mut limiter, &limits, None, &get(path), 1);
    assert_eq!(
        (ask("/pay"), ask("//pay"), ask("/%70ay"), ask("/buy")),
        (0, 0, 0, 1)
    );
}

#[test]
fn a_shadow_counts_what_it_would_refuse_and_refuses_nothing() {
    let mut shadow = policy(vec![rule(1, Per::Total)]);
    shadow.shadow = true;
    let limits = limits(vec![shadow]);
    let mut limiter = Limiter::default();
    let mut check = || {
        let head = get("/");
        let asking = Asking {
            peer: None,
            head: Some(&head),
        };
        let about = limits.about(asking);
        let verdict = limiter.check(about, asking, Instant::ZERO, &mut Trail::off());
        (verdict.refused.is_some(), verdict.shadowed)
    };
    assert_eq!([check(), check()], [(false, false), (false, true)]);
}

#[test]
fn a_refusal_says_who_said_so_and_when_to_come_back() {
    let mut told = policy(vec![rule(2, Per::Identity)]);
    told.headers = true;
    let limits = limits(vec![told]);
    let mut limiter = Limiter::default();
    let peer: Identity = WEB.parse().unwrap();
    let mut check = || {
        let head = get("/");
        let asking = Asking {
            peer: Some(&peer),
            head: Some(&head),
        };
        let about = limits.about(asking);
        limiter.check(about, asking, Instant::ZERO, &mut Trail::off())
    };
    assert_eq!(check().told.unwrap().remaining, 1);
    assert_eq!(check().told.unwrap().remaining, 0);
    let verdict = check();
    let failure = verdict.refused.unwrap();
    assert_eq!(failure.flag, Flag::RateLimited);
    assert_eq!(
        failure.to_string(),
        "RL: over 2 requests in 1s (burst 2) of spiffe://cluster.local/ns/shop/sa/web, \
         RateLimitPolicy shop/p rules[0] [RateLimitPolicy shop/p rules[0] (p.yaml:7)]"
    );
    assert_eq!(
        verdict.retry_at,
        Some(Instant::ZERO + Duration::from_millis(500))
    );
}

#[test]
fn buckets_survive_a_new_snapshot_and_not_a_new_policy() {
    let with = |version| {
        let mut policy = policy(vec![rule(1, Per::Total)]);
        policy.version = version;
        limits(vec![policy])
    };
    let mut limiter = Limiter::default();
    let mut ask = |version| admitted(&mut limiter, &with(version), None, &get("/"), 1);
    assert_eq!([ask(1), ask(1), ask(2), ask(1)], [1, 0, 1, 0]);
}

#[test]
fn a_connection_of_bytes_counts_where_a_rule_looks_at_no_request() {
    let mut paths = rule(0, Per::Total);
    paths.matches = vec![Match {
        paths: vec![Glob::new("*")],
        ..Match::default()
    }];
    let header = rule(0, Per::Header(HeaderName::from_static("x-t")));
    let limits = limits(vec![policy(vec![paths, header, rule(2, Per::Identity)])]);
    let mut limiter = Limiter::default();
    let peer: Identity = WEB.parse().unwrap();
    let mut connect = |peer| {
        let asking = Asking { peer, head: None };
        let about = limits.about(asking);
        let verdict = limiter.check(about, asking, Instant::ZERO, &mut Trail::off());
        verdict.refused.is_none()
    };
    assert_eq!(
        [Some(&peer), Some(&peer), Some(&peer), None].map(&mut connect),
        [true, true, false, true]
    );
}
