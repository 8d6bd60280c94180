use core::time::Duration;

use super::*;
use crate::record::HappeningKind;
use crate::scenario::Span;

fn outcome(success: bool) -> Outcome {
    Outcome {
        status: Some(if success { 200 } else { 503 }),
        grpc: None,
        flag: None,
        error: None,
        success,
    }
}

fn sent<'a>(id: &'a str) -> Fact<'a> {
    Fact::Sent {
        load: "browse",
        id,
        body_bytes: 10,
    }
}

fn at(seconds: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(seconds)
}

/// The breaches after these facts, one a second.
fn breaches(spec: &Spec, facts: &[Fact<'_>], end: u64) -> Vec<String> {
    let mut oracle = Oracle::new(spec, &Index::default());
    for (second, fact) in facts.iter().enumerate() {
        oracle.observe(at(second as u64), fact);
    }
    oracle
        .finish(at(end), true)
        .into_iter()
        .map(|b| b.seen)
        .collect()
}

#[track_caller]
fn check(facts: &[Fact<'_>], expected: &[&str]) {
    let seen = breaches(&Spec::default(), facts, 100);
    let matches = seen.len() == expected.len()
        && seen
            .iter()
            .zip(expected)
            .all(|(seen, wanted)| seen.contains(wanted));
    assert!(matches, "{seen:?} is not {expected:?}");
}

#[test]
fn a_request_that_ends_once_is_fine() {
    let good = outcome(true);
    check(
        &[
            sent("a"),
            Fact::Ended {
                id: "a",
                outcome: &good,
                body_bytes: 5,
            },
        ],
        &[],
    );
}

#[test]
fn a_request_that_never_ends_or_ends_twice_is_a_breach() {
    let good = outcome(true);
    let ended = || Fact::Ended {
        id: "a",
        outcome: &good,
        body_bytes: 0,
    };
    check(&[sent("a")], &["1 requests never ended: a of load browse"]);
    check(&[sent("a"), ended(), ended()], &["request a ended"]);
    check(&[sent("a"), sent("a"), ended()], &["sent twice"]);
}

#[test]
fn nothing_is_demanded_of_requests_when_a_run_is_cut_short() {
    let mut oracle = Oracle::new(&Spec::default(), &Index::default());
    oracle.observe(at(1), &sent("a"));
    assert!(oracle.finish(at(2), false).is_empty());
}

#[test]
fn bytes_that_vanish_or_appear_are_a_breach() {
    let call = Call::default();
    let received = |body_bytes| Fact::Received {
        call: &call,
        pod: "shop/web-0",
        id: "a",
        body_bytes,
    };
    let answered = |body_bytes| Fact::Answered {
        pod: "shop/web-0",
        id: "a",
        body_bytes,
        whole: true,
    };
    let (good, bad) = (outcome(true), outcome(false));
    let ended = |outcome, body_bytes| Fact::Ended {
        id: "a",
        outcome,
        body_bytes,
    };
    check(
        &[sent("a"), received(10), answered(7), ended(&good, 7)],
        &[],
    );
    check(
        &[sent("a"), received(9), answered(7), ended(&good, 7)],
        &["got 9 bytes"],
    );
    check(
        &[sent("a"), received(10), answered(7), ended(&good, 6)],
        &["6 bytes of an answer"],
    );
    // A retry: the sender has the second answer; or a proxy answered with a body of its own.
    check(&[sent("a"), answered(7), answered(8), ended(&good, 7)], &[]);
    check(&[sent("a"), answered(7), ended(&bad, 99)], &[]);
}

/// A load that is served until a fault begins at 10 s, and `after` that is served or not.
fn recovery(fault_ends: Option<u64>, kind: HappeningKind, after: bool) -> Vec<String> {
    let spec = Spec {
        duration: Span::from_secs(200),
        ..Spec::default()
    };
    let mut oracle = Oracle::new(&spec, &Index::default());
    for second in 0..200 {
        if second == 10 {
            let happening = Happening {
                at_ns: at(10).as_nanos(),
                until_ns: fault_ends.map(|s| at(s).as_nanos()),
                kind,
                title: "fault".into(),
                event: 0,
            };
            oracle.observe(at(second), &Fact::Happened(&happening));
        }
        for n in 0..3 {
            let id = format!("{second}-{n}");
            let outcome = outcome(second < 10 || after);
            oracle.observe(at(second), &sent(&id));
            let ended = Fact::Ended {
                id: &id,
                outcome: &outcome,
                body_bytes: 0,
            };
            oracle.observe(at(second), &ended);
        }
    }
    oracle
        .finish(at(200), true)
        .into_iter()
        .map(|b| b.seen)
        .collect()
}

#[test]
fn traffic_that_stays_away_after_the_faults_is_a_breach() {
    let fault = HappeningKind::Fault;
    assert_eq!(recovery(Some(20), fault, false).len(), 1);
    assert!(recovery(Some(20), fault, true).is_empty());
    assert!(
        recovery(None, fault, false).is_empty(),
        "a fault that stays may stop traffic"
    );
    assert!(
        recovery(Some(180), fault, false).is_empty(),
        "too little time to recover"
    );
    assert!(
        recovery(Some(20), HappeningKind::Change, false).is_empty(),
        "operators may"
    );
}

#[test]
fn breaches_are_bounded_and_the_rest_is_counted() {
    let mut oracle = Oracle::new(&Spec::default(), &Index::default());
    for _ in 0..BREACHES_MAX + 5 {
        oracle.observe(at(1), &sent("a"));
    }
    let seen = oracle.finish(at(2), false);
    assert_eq!(seen.len(), BREACHES_MAX + 1);
    assert!(seen[BREACHES_MAX].seen.starts_with("4 further"));
}

/// Whether requests of these peers to `GET /PATH` of a pod are breaches, under `policy`.
#[track_caller]
fn admission(policy: &str, calls: &[(Option<&str>, &str, bool)]) {
    let text = format!(
        "apiVersion: v1
kind: Service
metadata: {{name: web, namespace: shop}}
spec: {{selector: {{app: web}}, ports: [{{port: 80, targetPort: 8080}}]}}
---
apiVersion: v1
kind: Pod
metadata: {{name: web-0, namespace: shop, labels: {{app: web}}}}
spec: {{containers: [{{name: app, ports: [{{containerPort: 8080}}]}}]}}
---
apiVersion: meshctl.dev/v1alpha1
kind: AuthorizationPolicy
metadata: {{name: p, namespace: shop}}
spec: {{targetRefs: [{{kind: Service, name: web}}], {policy}}}
"
    );
    let reading = model::resource::read("m.yaml", &text);
    assert!(!reading.has_errors(), "{:?}", reading.diagnostics);
    let loaded = model::load::load(&reading.resources, model::index::MeshMode::All);
    let index = &loaded.index;
    assert_eq!(
        index.authorization_policies().count(),
        1,
        "{:?}",
        loaded.diagnostics
    );
    let mut oracle = Oracle::new(&Spec::default(), index);
    let pod = index.pods().next().unwrap();
    let meshed = true;
    oracle.observe(at(0), &Fact::Placed { pod, index, meshed });
    for (peer, path, _) in calls {
        let call = Call {
            peer: peer.map(|name| format!("spiffe://cluster.local/ns/shop/sa/{name}")),
            method: "GET".into(),
            host: "web".into(),
            path: (*path).to_owned(),
        };
        let received = Fact::Received {
            pod: "shop/web-0",
            id: "a",
            call: &call,
            body_bytes: 0,
        };
        oracle.observe(at(1), &received);
    }
    let found = oracle.finish(at(2), true);
    let found = found
        .iter()
        .filter(|b| b.invariant.starts_with("no denied"));
    let expected = calls.iter().filter(|(_, _, breach)| *breach).count();
    assert_eq!(found.count(), expected, "{policy}");
}

#[test]
fn a_request_that_a_policy_denies_and_an_application_gets_is_a_breach() {
    let rules = "rules: [{from: [{serviceAccounts: [cart]}], to: [{paths: [/a*]}]}]";
    let calls = [
        (Some("cart"), "/a1", false),
        (Some("cart"), "/b", true),
        (Some("other"), "/a1", true),
        (None, "/a1", true),
        // Not judged: which path that is depends on who reads it.
        (Some("cart"), "/b/../a", false),
    ];
    admission(rules, &calls);
    let calls = calls.map(|(peer, path, _)| (peer, path, peer == Some("cart") && path == "/a1"));
    admission(&format!("action: Deny, {rules}"), &calls);
    // What is not known here is left open.
    let unknown = "rules: [{from: [{ipBlocks: [10.0.0.0/8]}]}]";
    admission(unknown, &[(None, "/", false)]);
    admission("action: Audit, rules: [{}]", &[(None, "/", false)]);
}

#[test]
fn a_proxy_that_acts_on_an_older_configuration_in_the_end_is_a_breach() {
    let knows = |version| Fact::Knows {
        pod: "shop/web-0",
        version,
        newest: 7,
    };
    check(&[knows(7)], &[]);
    check(
        &[knows(6)],
        &["shop/web-0 acts on configuration 0000000000000006"],
    );
}
