//! What each rule of the module's documentation does, case by case.

use std::sync::Arc;

use http::{HeaderName, HeaderValue, Method};

use super::*;
use crate::origin::Place;
use crate::snapshot::authz::{
    AccountGlob, Authorization, Condition, Jwt, Key, Keys, Operation, Policy, Provider, Rule, Set,
    Source, TokenHeader,
};
use crate::snapshot::glob::Glob;
use crate::snapshot::route::{Match, PathMatch};
use crate::snapshot::{RouteKind, RouteTable};

mod operations;
mod sources;
mod tokens;

const WEB: &str = "spiffe://cluster.local/ns/shop/sa/web";

/// Accepts the token `good` as one of subject `alice`, and knows no other.
struct OneToken;

impl Tokens for OneToken {
    fn verify(&self, provider: &Provider, token: &str) -> Result<Claims, BadToken> {
        if provider.keys == Keys::Inline("".into()) {
            return Err(BadToken::NoKeys(provider.issuer.to_string()));
        }
        match token {
            "good" => {
                let mut claims = Claims::default();
                claims.add(&["sub"], "alice");
                claims.add(&["realm", "roles"], "buyer");
                Ok(claims)
            }
            "foreign" => Err(BadToken::Issuer(provider.issuer.to_string())),
            _ => Err(BadToken::Invalid("it expired".into())),
        }
    }
}

fn origin(name: &str) -> Origin {
    Origin::new(Place {
        kind: "AuthorizationPolicy".into(),
        namespace: "shop".into(),
        name: name.into(),
        part: String::new(),
        file: "p.yaml".into(),
        line: 1,
    })
}

fn wanted(globs: &[&str]) -> Set<Glob> {
    Set {
        wanted: globs.iter().map(|g| Glob::new(*g)).collect(),
        unwanted: Vec::new(),
    }
}

fn unwanted(globs: &[&str]) -> Set<Glob> {
    Set {
        wanted: Vec::new(),
        unwanted: globs.iter().map(|g| Glob::new(*g)).collect(),
    }
}

fn any() -> Rule {
    Rule {
        from: Vec::new(),
        to: Vec::new(),
        when: Vec::new(),
        origin: origin("rule"),
    }
}

fn from(source: Source) -> Rule {
    Rule {
        from: vec![source],
        ..any()
    }
}

fn to(operation: Operation) -> Rule {
    Rule {
        to: vec![operation],
        ..any()
    }
}

fn when(key: Key, values: Set<Glob>) -> Rule {
    Rule {
        when: vec![Condition { key, values }],
        ..any()
    }
}

fn paths(globs: &[&str]) -> Rule {
    to(Operation {
        paths: wanted(globs),
        ..Operation::default()
    })
}

fn identities(set: Set<Glob>) -> Rule {
    from(Source {
        identities: set,
        ..Source::default()
    })
}

fn policy(name: &str, action: Action, rules: Vec<Rule>) -> Applied {
    Applied {
        policy: Arc::new(Policy {
            name: ObjectName::new("shop", name),
            action,
            rules,
            jwt: None,
            origin: origin(name),
        }),
        scope: None,
    }
}

fn with_jwt(optional: bool, keys: bool, forward: bool) -> Applied {
    let provider = Provider {
        issuer: "https://issuer".into(),
        audiences: Vec::new(),
        keys: Keys::Inline(if keys { "{}" } else { "" }.into()),
        headers: vec![TokenHeader {
            name: http::header::AUTHORIZATION,
            prefix: "Bearer ".into(),
        }],
        forward,
    };
    let jwt = Jwt {
        providers: vec![Arc::new(provider)],
        optional,
        origin: origin("jwt"),
    };
    let mut applied = policy("jwt", Action::Allow, Vec::new());
    Arc::get_mut(&mut applied.policy).unwrap().jwt = Some(jwt);
    applied
}

fn get(path: &str) -> RequestHead {
    let authority = "web.shop:80".parse().ok();
    RequestHead::new(Method::GET, authority, path.parse().unwrap())
}

fn port(policies: Vec<Applied>) -> InboundPort {
    InboundPort {
        authorization: Arc::new(Authorization { policies }),
        ..InboundPort::default()
    }
}

/// The verdict about a caller (none = anonymous, from 10.0.0.7) of port 8080.
fn ask(port: &InboundPort, peer: Option<&str>, head: Option<&RequestHead>) -> Decision {
    let peer: Option<Identity> = peer.map(|peer| peer.parse().unwrap());
    let subject = Subject {
        peer: peer.as_ref(),
        trust_domain: "cluster.local",
        address: [10, 0, 0, 7].into(),
        port: 8080,
        head,
    };
    decide(port, &subject, &OneToken, &mut Trail::on())
}

#[track_caller]
fn check(policies: Vec<Applied>, peer: Option<&str>, head: Option<&RequestHead>, expected: &str) {
    let decision = ask(&port(policies), peer, head);
    let seen = match &decision.verdict {
        Ok(allowance) => format!("allowed: {allowance}"),
        Err(denial) => format!("denied: {denial}"),
    };
    assert!(seen.starts_with(expected), "{seen}\nexpected {expected}");
}

/// Whether one rule lets a caller through an Allow, and whether it stops it in a Deny.
#[track_caller]
fn rule(rule: &Rule, peer: Option<&str>, head: Option<&RequestHead>, allows: bool, denies: bool) {
    let verdict = |action| {
        let port = port(vec![policy("p", action, vec![rule.clone()])]);
        ask(&port, peer, head).verdict
    };
    assert_eq!(
        verdict(Action::Allow).is_ok(),
        allows,
        "as an Allow: {rule:?}"
    );
    assert_eq!(
        verdict(Action::Deny).is_err(),
        denies,
        "as a Deny: {rule:?}"
    );
}

#[test]
fn without_a_policy_everybody_may() {
    check(vec![], None, None, "allowed: no policy");
    // A policy without rules is not an Allow.
    let silent = policy("silent", Action::Allow, vec![]);
    check(vec![silent], None, None, "allowed: no policy");
}

#[test]
fn an_allow_denies_whom_it_does_not_name() {
    let allow = || {
        vec![policy(
            "web",
            Action::Allow,
            vec![identities(wanted(&[WEB]))],
        )]
    };
    check(
        allow(),
        Some(WEB),
        None,
        "allowed: AuthorizationPolicy shop/web rules[0]",
    );
    let other = "spiffe://cluster.local/ns/shop/sa/other";
    check(allow(), Some(other), None, "denied: no rule of the Allows");
    check(allow(), None, None, "denied: no rule of the Allows");
}

#[test]
fn allows_unite_and_a_deny_wins_over_all() {
    let nobody = policy(
        "nobody",
        Action::Allow,
        vec![identities(wanted(&["spiffe://x/y"]))],
    );
    let all = policy("all", Action::Allow, vec![any()]);
    check(
        vec![nobody.clone(), all.clone()],
        None,
        None,
        "allowed: AuthorizationPolicy shop/all",
    );
    let deny = policy(
        "deny",
        Action::Deny,
        vec![paths(&["/secret"]), paths(&["/admin*"])],
    );
    let admin = get("/admin/x");
    let policies = vec![deny, nobody, all];
    check(
        policies.clone(),
        None,
        Some(&admin),
        "denied: AuthorizationPolicy shop/deny rules[1]",
    );
    check(
        policies,
        None,
        Some(&get("/")),
        "allowed: AuthorizationPolicy shop/all",
    );
}

#[test]
fn an_audit_counts_and_changes_nothing() {
    let audit = policy("audit", Action::Audit, vec![any()]);
    let decision = ask(&port(vec![audit.clone()]), None, None);
    assert_eq!(decision.verdict, Ok(Allowance::NoPolicy));
    assert_eq!(decision.audits.len(), 1);
    let deny = policy("deny", Action::Deny, vec![any()]);
    assert!(ask(&port(vec![deny, audit]), None, None).verdict.is_err());
}

#[test]
fn under_strict_only_declared_probes_come_in_plain_text() {
    let mut strict = port(vec![policy(
        "web",
        Action::Allow,
        vec![identities(wanted(&[WEB]))],
    )]);
    strict.tls = InboundTls::Strict;
    strict.probe_paths = vec!["/healthz".into()];
    let verdict = |peer, head: &RequestHead| ask(&strict, peer, Some(head)).verdict;
    assert_eq!(verdict(None, &get("/healthz")), Ok(Allowance::Probe));
    assert!(matches!(
        verdict(None, &get("/healthz/x")),
        Err(Denial::PlainText { .. })
    ));
    let mut post = get("/healthz");
    post.method = Method::POST;
    assert!(matches!(
        verdict(None, &post),
        Err(Denial::PlainText { .. })
    ));
    assert!(verdict(Some(WEB), &get("/")).is_ok());
}

#[test]
fn a_policy_of_a_rule_is_about_the_requests_that_the_rule_wins() {
    let rule = |name: &str, prefix: &str| crate::snapshot::Rule {
        name: name.into(),
        matches: vec![Match {
            path: Some(PathMatch::Prefix(prefix.into())),
            ..Match::default()
        }],
        filters: Vec::new(),
        backends: Vec::new(),
        timeouts: crate::snapshot::Timeouts::default(),
        retry: None,
        fault: None,
        admission: None,
        limits: Vec::new(),
        failures: crate::snapshot::Failures::default(),
        origin: origin(name),
    };
    let table = RouteTable::new(
        RouteKind::Http,
        vec![rule("all", "/"), rule("admin", "/admin")],
    );
    let table = Arc::new(table);
    let scoped = |name: &str, rule: usize, who: &str| {
        let mut applied = policy(name, Action::Allow, vec![identities(wanted(&[who]))]);
        applied.scope = Some(Scope {
            table: table.clone(),
            rules: vec![rule],
        });
        applied
    };
    let policies = || vec![scoped("everybody", 0, "*"), scoped("web", 1, WEB)];
    let other = Some("spiffe://cluster.local/ns/shop/sa/other");
    check(
        policies(),
        other,
        Some(&get("/cart")),
        "allowed: AuthorizationPolicy shop/everybody",
    );
    // `/` matches as well, and does not win.
    check(policies(), other, Some(&get("/admin")), "denied");
    check(
        policies(),
        Some(WEB),
        Some(&get("/admin")),
        "allowed: AuthorizationPolicy shop/web",
    );
}
