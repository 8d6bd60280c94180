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
fn a_negated_identity_neither_admits_nor_spares_an_anonymous_peer() {
    let source = |source| from(source);
    let negated = [
        identities(unwanted(&["*/sa/web"])),
        source(Source {
            namespaces: unwanted(&["shop"]),
            ..Source::default()
        }),
        source(Source {
            service_accounts: Set {
                wanted: vec![],
                unwanted: vec![AccountGlob {
                    namespace: Glob::new("shop"),
                    name: Glob::new("*"),
                }],
            },
            ..Source::default()
        }),
    ];
    for negated in &negated {
        rule(negated, None, None, false, true);
        rule(negated, Some(WEB), None, false, false);
        rule(
            negated,
            Some("spiffe://cluster.local/ns/pay/sa/bank"),
            None,
            true,
            true,
        );
    }
    // And a wanted one is none of an anonymous peer's.
    rule(&identities(wanted(&["*"])), None, None, false, false);
}

#[test]
fn service_accounts_and_namespaces_are_those_of_the_own_trust_domain() {
    let of_shop = from(Source {
        namespaces: wanted(&["shop"]),
        ..Source::default()
    });
    rule(&of_shop, Some(WEB), None, true, true);
    rule(
        &of_shop,
        Some("spiffe://other/ns/shop/sa/web"),
        None,
        false,
        false,
    );
    let not_shop = from(Source {
        namespaces: unwanted(&["shop"]),
        ..Source::default()
    });
    rule(
        &not_shop,
        Some("spiffe://other/ns/shop/sa/web"),
        None,
        true,
        true,
    );
}

#[test]
fn addresses_are_of_whoever_opened_the_connection() {
    let block = |text: &str| text.parse().unwrap();
    let set = |wanted: Vec<_>, unwanted: Vec<_>| {
        from(Source {
            ip_blocks: Set { wanted, unwanted },
            ..Source::default()
        })
    };
    rule(
        &set(vec![block("10.0.0.0/8")], vec![]),
        None,
        None,
        true,
        true,
    );
    rule(
        &set(vec![block("10.0.0.0/8")], vec![block("10.0.0.7/32")]),
        None,
        None,
        false,
        false,
    );
    rule(
        &set(vec![], vec![block("192.168.0.0/16")]),
        None,
        None,
        true,
        true,
    );
}

#[test]
fn operations_look_at_host_port_method_path_and_call() {
    let head = get("/shop.Cart/Add?x=1");
    let check = |operation: Operation, holds: bool| {
        rule(&to(operation), None, Some(&head), holds, holds);
    };
    let none = Operation::default;
    check(
        Operation {
            hosts: wanted(&["*.shop"]),
            ..none()
        },
        true,
    );
    check(
        Operation {
            hosts: wanted(&["web"]),
            ..none()
        },
        false,
    );
    check(
        Operation {
            paths: wanted(&["/shop.Cart/Add"]),
            ..none()
        },
        true,
    );
    check(
        Operation {
            paths: unwanted(&["/shop.Cart/*"]),
            ..none()
        },
        false,
    );
    check(
        Operation {
            grpc_methods: wanted(&["shop.Cart/*"]),
            ..none()
        },
        true,
    );
    check(
        Operation {
            grpc_methods: wanted(&["shop.Pay/*"]),
            ..none()
        },
        false,
    );
    let methods = |wanted: Vec<Method>, unwanted| Set { wanted, unwanted };
    check(
        Operation {
            methods: methods(vec![Method::GET], vec![]),
            ..none()
        },
        true,
    );
    check(
        Operation {
            methods: methods(vec![], vec![Method::GET]),
            ..none()
        },
        false,
    );
    let ports = |wanted: Vec<u16>, unwanted| Set { wanted, unwanted };
    check(
        Operation {
            ports: ports(vec![8080], vec![]),
            ..none()
        },
        true,
    );
    check(
        Operation {
            ports: ports(vec![80], vec![]),
            ..none()
        },
        false,
    );
    check(
        Operation {
            ports: ports(vec![], vec![8080]),
            ..none()
        },
        false,
    );
}

#[test]
fn on_bytes_an_allow_of_http_does_not_match_and_a_deny_ignores_it() {
    rule(&paths(&["/x"]), None, None, false, true);
    let header = || Key::Header(HeaderName::from_static("x-a"));
    rule(&when(header(), wanted(&["b"])), None, None, false, true);
    let port = to(Operation {
        ports: Set {
            wanted: vec![1],
            unwanted: vec![],
        },
        ..Operation::default()
    });
    rule(&port, None, None, false, false);
}

#[test]
fn a_path_written_in_another_way_is_denied_and_not_allowed() {
    rule(
        &paths(&["/admin*"]),
        None,
        Some(&get("/x/../admin")),
        false,
        true,
    );
    rule(
        &paths(&["/x/*"]),
        None,
        Some(&get("/x/../admin")),
        false,
        true,
    );
    rule(
        &paths(&["/admin*"]),
        None,
        Some(&get("/admin/")),
        true,
        true,
    );
    let not_admin = to(Operation {
        paths: unwanted(&["/admin*"]),
        ..Operation::default()
    });
    rule(&not_admin, None, Some(&get("//admin")), false, true);
}

#[test]
fn headers_are_compared_and_an_absent_one_has_no_value() {
    let key = || Key::Header(HeaderName::from_static("x-env"));
    let mut head = get("/");
    rule(
        &when(key(), wanted(&["*"])),
        None,
        Some(&head),
        false,
        false,
    );
    rule(
        &when(key(), unwanted(&["prod"])),
        None,
        Some(&head),
        true,
        true,
    );
    head.headers
        .insert("x-env", HeaderValue::from_static("prod"));
    rule(
        &when(key(), wanted(&["pr*"])),
        None,
        Some(&head),
        true,
        true,
    );
    rule(
        &when(key(), unwanted(&["prod"])),
        None,
        Some(&head),
        false,
        false,
    );
}

#[test]
fn a_token_is_needed_where_one_is_asked_for() {
    let bearer = |token: &str| {
        let mut head = get("/");
        let value = HeaderValue::from_str(&format!("bearer {token}")).unwrap();
        head.headers.insert("authorization", value);
        head
    };
    let jwt = || vec![with_jwt(false, true, false)];
    check(
        jwt(),
        Some(WEB),
        Some(&get("/")),
        "denied: there is no token",
    );
    check(jwt(), Some(WEB), None, "denied: there is no token");
    check(
        jwt(),
        Some(WEB),
        Some(&bearer("old")),
        "denied: the token is not valid: it expired",
    );
    check(
        jwt(),
        Some(WEB),
        Some(&bearer("foreign")),
        "denied: the token is not valid: its issuer",
    );
    check(
        jwt(),
        Some(WEB),
        Some(&bearer("good")),
        "allowed: no policy",
    );
    check(
        vec![with_jwt(true, true, false)],
        None,
        Some(&get("/")),
        "allowed: no policy",
    );
    let optional = || vec![with_jwt(true, true, false)];
    check(
        optional(),
        None,
        Some(&bearer("old")),
        "denied: the token is not valid",
    );
    let no_keys = vec![with_jwt(true, false, false)];
    check(
        no_keys,
        None,
        Some(&bearer("good")),
        "denied: the keys of https://issuer",
    );

    let removed = |forward| {
        ask(
            &port(vec![with_jwt(false, true, forward)]),
            None,
            Some(&bearer("good")),
        )
        .remove
    };
    assert_eq!(removed(false), [http::header::AUTHORIZATION]);
    assert!(removed(true).is_empty());

    let claim = |path: &[&str], values| {
        when(
            Key::Claim(path.iter().map(|name| Arc::from(*name)).collect()),
            values,
        )
    };
    let with =
        |action, rule: Rule| vec![policy("p", action, vec![rule]), with_jwt(true, true, true)];
    let roles = || claim(&["realm", "roles"], wanted(&["buyer"]));
    check(
        with(Action::Allow, roles()),
        None,
        Some(&bearer("good")),
        "allowed: AuthorizationPolicy",
    );
    check(
        with(Action::Allow, roles()),
        None,
        Some(&get("/")),
        "denied",
    );
    let not_alice = || claim(&["sub"], unwanted(&["alice"]));
    check(
        with(Action::Deny, not_alice()),
        None,
        Some(&bearer("good")),
        "allowed",
    );
    // Who says nothing about themselves is not spared, and not let in.
    check(
        with(Action::Deny, not_alice()),
        None,
        Some(&get("/")),
        "denied",
    );
    check(
        with(Action::Allow, not_alice()),
        None,
        Some(&get("/")),
        "denied",
    );
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
