//! What a request is hashed by decides where it goes.

use http::header::{COOKIE, SET_COOKIE};

use super::*;
use crate::snapshot::balance::{HashOn, HashSource};
use crate::snapshot::{Balancer, ConsistentHash};

fn by_cookie(c: &mut Cluster) {
    let on = HashOn {
        source: HashSource::Cookie {
            name: "user".into(),
            ttl: Some(Duration::from_secs(60)),
            path: None,
        },
        terminal: false,
    };
    c.balancer = Balancer::Maglev {
        table_size: 251,
        hash: ConsistentHash {
            on: vec![on],
            balance_factor: None,
            by_name: false,
        },
    };
}

/// Where a request goes, and the cookie that its answer sets.
fn exchange(b: &mut Bench, cookie: Option<&str>) -> (String, Option<String>) {
    let mut head = request(Method::GET);
    if let Some(cookie) = cookie {
        head.headers.insert(COOKIE, cookie.parse().unwrap());
    }
    let mut session = b.session(head, at(0));
    let attempt = b.attempt(&mut session, at(0));
    let mut answer = with(response(200), "set-cookie", "theirs=1");
    session.on_head(&mut answer, true, at(1), &mut b.trail);
    session.on_end(End::Complete(None), at(1));
    let set = answer.headers.get_all(SET_COOKIE).iter().nth(1);
    let set = set.map(|value| value.to_str().unwrap().to_owned());
    (attempt.endpoint.name.to_string(), set)
}

#[test]
fn a_client_without_a_cookie_gets_one_and_comes_back_to_the_same_endpoint() {
    let mut b = Bench::new(8, rule(|_| ()), by_cookie);
    let mut homes = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let (home, set) = exchange(&mut b, None);
        let set = set.unwrap();
        let (pair, rest) = set.split_once(';').unwrap();
        assert_eq!(rest, " Max-Age=60; HttpOnly");
        for _ in 0..3 {
            assert_eq!(exchange(&mut b, Some(pair)), (home.clone(), None));
        }
        homes.insert(home);
    }
    assert!(homes.len() > 3, "{homes:?}");
}

#[test]
fn the_trail_says_whose_hash_it_was() {
    let mut b = Bench::new(8, rule(|_| ()), by_cookie);
    let (home, _) = exchange(&mut b, Some("user=ada"));
    let hash = xxhash_rust::xxh64::xxh64(b"ada", 0);
    let line = format!("pick: {home} has the hash {hash:016x} of the request");
    assert!(
        b.story().contains(&line),
        "{line:?} is not in:\n{}",
        b.story()
    );
}

#[test]
fn a_retry_leaves_the_home_of_its_hash() {
    let mut b = Bench::new(8, rule(|r| r.retry = Some(retry())), by_cookie);
    let mut head = request(Method::GET);
    head.headers.insert(COOKIE, "user=ada".parse().unwrap());
    let mut session = b.session(head, at(0));
    let first = b.attempt(&mut session, at(0)).endpoint.address;
    assert!(matches!(
        b.head(&mut session, response(503), at(1)),
        OnHead::Retry { .. }
    ));
    let second = b.attempt(&mut session, at(1)).endpoint.address;
    assert_ne!(first, second);
}
