use http::{HeaderName, HeaderValue, Method};

use super::*;
use crate::head::RequestHead;
use crate::identity::Identity;
use crate::origin::Origin;
use crate::snapshot::glob::Glob;
use crate::snapshot::ratelimit::{Match, Override, Rule};
use crate::snapshot::{ClusterKey, ObjectName};

const WEB: &str = "spiffe://cluster.local/ns/shop/sa/web";

fn rule(requests: u32, per: Per) -> Rule {
    Rule {
        matches: Vec::new(),
        limit: limit(requests),
        per,
        overrides: Vec::new(),
        origin: Origin::default_of("rule"),
    }
}

fn limit(requests: u32) -> Limit {
    Limit {
        requests,
        per: Duration::from_secs(60),
        burst: requests,
    }
}

fn policy(rules: Vec<Rule>, change: impl FnOnce(&mut Policy, &mut Global)) -> Arc<Policy> {
    let mut global = Global {
        service: ClusterKey {
            service: ObjectName::new("limits", "limiter"),
            port: 8081,
        },
        domain: "shop".into(),
        timeout: Duration::from_millis(20),
        fail_open: true,
        rules,
        origin: Origin::default_of("global"),
    };
    let mut policy = Policy {
        name: ObjectName::new("shop", "p"),
        version: 1,
        rules: Vec::new(),
        global: None,
        shadow: false,
        headers: false,
    };
    change(&mut policy, &mut global);
    policy.global = Some(global);
    Arc::new(policy)
}

fn ask(policy: &Arc<Policy>, user: Option<&str>) -> Vec<Question> {
    let peer: Identity = WEB.parse().unwrap();
    let mut head = RequestHead::new(Method::GET, "web".parse().ok(), "/a".parse().unwrap());
    if let Some(user) = user {
        let value = HeaderValue::from_str(user).unwrap();
        head.headers.insert("x-user", value);
    }
    let asking = Asking {
        peer: Some(&peer),
        head: Some(&head),
    };
    questions([policy].into_iter(), asking)
}

fn verdict(policy: &Arc<Policy>, answer: Result<&Answer, &str>) -> Verdict {
    let now = Instant::ZERO + Duration::from_secs(1);
    ask(policy, None)[0].verdict(answer, now, &mut Trail::off())
}

fn over() -> Answer {
    let status = |over, remaining| Status {
        over,
        limit: Some(5),
        remaining,
        reset: Some(Duration::from_secs(7)),
    };
    Answer {
        over: true,
        statuses: vec![status(false, 3), status(true, 0)],
    }
}

#[test]
fn each_rule_about_a_request_is_one_descriptor() {
    let mut other = rule(1, Per::Total);
    other.matches = vec![Match {
        paths: vec![Glob::new("/b")],
        ..Match::default()
    }];
    let mut own = rule(2, Per::Identity);
    own.overrides = vec![Override {
        identities: vec![Glob::new("*/sa/web")],
        limit: limit(9),
    }];
    let header = Per::Header(HeaderName::from_static("x-user"));
    let policy = policy(
        vec![rule(3, Per::Total), other, own, rule(4, header)],
        |_, _| {},
    );
    let shown = |user| {
        let questions = ask(&policy, user);
        let all = questions.iter().flat_map(|q| q.descriptors());
        let all = all.map(|descriptor| {
            let entries = descriptor.entries.iter();
            let entries: Vec<_> = entries
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            format!("{} {}", descriptor.limit.requests, entries.join(" "))
        });
        all.collect::<Vec<_>>()
    };
    let without = [
        "3 policy=shop/p rule=0".to_owned(),
        format!("9 policy=shop/p rule=2 identity={WEB}"),
    ];
    assert_eq!(shown(None), without);
    assert_eq!(shown(Some("ann"))[2], "4 policy=shop/p rule=3 x-user=ann");
}

#[test]
fn nothing_is_asked_when_no_rule_is_about_the_request() {
    let header = Per::Header(HeaderName::from_static("x-user"));
    assert!(ask(&policy(vec![rule(1, header)], |_, _| {}), None).is_empty());
}

#[test]
fn over_a_limit_is_a_refusal_that_names_the_rule_and_when_to_come_back() {
    let policy = policy(vec![rule(5, Per::Total), rule(5, Per::Identity)], |p, _| {
        p.headers = true;
    });
    let verdict = verdict(&policy, Ok(&over()));
    let failure = verdict.refused.unwrap();
    assert_eq!(failure.flag, Flag::RateLimited);
    assert_eq!(
        failure.cause,
        format!(
            "over 5 requests in 60s of {WEB}, RateLimitPolicy shop/p rules[1], counted \
             by limits/limiter:8081"
        )
    );
    assert_eq!(
        verdict.retry_at,
        Some(Instant::ZERO + Duration::from_secs(8))
    );
    assert_eq!(verdict.told.map(|told| told.remaining), Some(0));
}

#[test]
fn silence_admits_or_refuses_as_the_policy_says() {
    let open = policy(vec![rule(5, Per::Total)], |_, _| {});
    assert!(verdict(&open, Err("no answer in 20ms")).refused.is_none());
    let closed = policy(vec![rule(5, Per::Total)], |_, g| g.fail_open = false);
    let failure = verdict(&closed, Err("no answer in 20ms")).refused.unwrap();
    assert_eq!(
        failure.to_string(),
        "RLSE: limits/limiter:8081 does not say whether a limit holds: no answer in 20ms [default global]"
    );
}

#[test]
fn a_shadow_counts_and_refuses_nothing_whatever_the_answer() {
    let shadow = policy(vec![rule(5, Per::Total), rule(5, Per::Total)], |p, g| {
        p.shadow = true;
        g.fail_open = false;
    });
    let said = |answer| {
        let verdict = verdict(&shadow, answer);
        (verdict.refused.is_none(), verdict.shadowed)
    };
    let (over, within) = (over(), Answer::default());
    assert_eq!(said(Ok(&over)), (true, true));
    assert_eq!(said(Ok(&within)), (true, false));
    assert_eq!(said(Err("gone")), (true, false));
}
