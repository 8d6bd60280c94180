//! What is foreseen is what happens.

use super::*;
use crate::session::foresee::Fate;
use crate::snapshot::route::{
    AbortWith, BackendRef, BackendTarget, Fault, HeaderEdit, Mirror, PerTenThousand,
};
use crate::snapshot::{ClusterKey, Filter};

const REQUESTS: u32 = 20_000;

/// What became of one request, in words.
fn end(opened: &Opened) -> String {
    match opened {
        Opened::Respond(answer) => answer.response.status.as_u16().to_string(),
        Opened::Forward(session) => session.cluster().key().to_string(),
    }
}

fn backend(cluster: &ClusterKey, weight: u32) -> BackendRef {
    BackendRef {
        weight,
        target: BackendTarget::Cluster(cluster.clone()),
        filters: Vec::new(),
        origin: Origin::default_of("backend"),
    }
}

/// Sessions end as foreseen, each end within four standard deviations of its share.
#[track_caller]
fn check(rule: Rule, expected: &[(&str, f64)]) {
    let bench = Bench::new(1, rule, |_| ());
    let head = request(Method::GET);
    let outbound = outbound(policy(|_| ()), vec![endpoint(0)]);
    let seen = Session::foresee(&bench.frontend, &head, &outbound);
    let foreseen: Vec<(String, f64)> = seen
        .outcomes
        .iter()
        .map(|outcome| {
            let end = match &outcome.end {
                Fate::Forward(forwarded) => forwarded.cluster.to_string(),
                Fate::Respond(answer) => answer.status.as_u16().to_string(),
            };
            (end, outcome.share)
        })
        .collect();
    let shown: Vec<(&str, f64)> = foreseen.iter().map(|(e, s)| (e.as_str(), *s)).collect();
    assert_eq!(shown, expected);
    let mut rng = Entropy::from_seed(11);
    let mut counts = std::collections::BTreeMap::<String, u32>::new();
    for _ in 0..REQUESTS {
        let mut head = head.clone();
        let opened = Session::open(
            &bench.frontend,
            &mut head,
            &bench.proxy,
            at(0),
            &mut rng,
            &mut Trail::off(),
        );
        *counts.entry(end(&opened)).or_default() += 1;
    }
    for (name, share) in &foreseen {
        let n = f64::from(REQUESTS);
        let deviation = (n * share * (1.0 - share)).sqrt();
        let count = f64::from(counts.remove(name).unwrap_or_default());
        assert!(
            (count - n * share).abs() <= 4.0 * deviation + 1e-9,
            "{name}: {count} of {n}, foreseen {share}"
        );
    }
    assert!(counts.is_empty(), "not foreseen: {counts:?}");
}

#[test]
fn a_split_with_an_invalid_backend_and_one_without_weight() {
    check(
        rule(|rule| {
            rule.backends = vec![backend(&key(), 6), backend(&key(), 0), backend(&key(), 3)];
            rule.backends[2].target = BackendTarget::Invalid("gone".into());
        }),
        &[("shop/web:80", 6.0 / 9.0), ("500", 3.0 / 9.0)],
    );
}

#[test]
fn a_fault_takes_its_share_before_the_split() {
    check(
        rule(|rule| {
            rule.fault = Some(Fault {
                delay: None,
                abort: Some((
                    AbortWith::Http(StatusCode::IM_A_TEAPOT),
                    PerTenThousand(2500),
                )),
                bandwidth: None,
                active_max: None,
                origin: Origin::default_of("fault"),
            });
        }),
        &[("418", 0.25), ("shop/web:80", 0.75)],
    );
}

#[test]
fn nobody_to_send_to_is_one_end() {
    check(rule(|rule| rule.backends.clear()), &[("500", 1.0)]);
    let none = rule(|rule| rule.backends.iter_mut().for_each(|b| b.weight = 0));
    check(none, &[("500", 1.0)]);
}

#[test]
fn filters_and_mirrors_are_told() {
    let edit = HeaderEdit {
        set: vec![("x-a".parse().unwrap(), "1".parse().unwrap())],
        ..HeaderEdit::default()
    };
    let rule = rule(|rule| {
        rule.filters = vec![
            Filter::RequestHeaders(edit.clone()),
            Filter::ResponseHeaders(edit.clone()),
            Filter::Mirror(Mirror {
                target: BackendTarget::Cluster(key()),
                numerator: 5,
                denominator: 100,
                origin: Origin::default_of("mirror"),
            }),
        ];
        rule.backends = vec![backend(&key(), 1), backend(&key(), 3)];
    });
    let bench = Bench::new(1, rule, |_| ());
    let head = request(Method::GET);
    let seen = Session::foresee(
        &bench.frontend,
        &head,
        &outbound(policy(|_| ()), vec![endpoint(0)]),
    );
    let Fate::Forward(forwarded) = &seen.outcomes[1].end else {
        panic!("{seen:?}");
    };
    assert_eq!(forwarded.head.headers["x-a"], "1");
    assert_eq!(forwarded.response, ["=x-a"]);
    assert_eq!(seen.copies.len(), 1);
    assert!((seen.copies[0].share - 0.05).abs() < 1e-12);
    let words: Vec<_> = seen.trail.iter().map(|step| step.what).collect();
    assert_eq!(words, ["route", "filter"]);
}
