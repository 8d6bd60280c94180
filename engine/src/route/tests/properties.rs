//! Precedence is a total order, the index finds what a plain search finds, and nothing panics.

use proptest::prelude::*;

use super::*;
use crate::route::index::Rank;

/// The winner by definition: of all matches that hold, the greatest rank, then the order.
fn naive(rules: &[Arc<Rule>], head: &RequestHead) -> Option<usize> {
    let mut best: Option<(Rank, usize)> = None;
    for (i, rule) in rules.iter().enumerate() {
        let everything = [Match::default()];
        let matches = if rule.matches.is_empty() {
            &everything
        } else {
            &rule.matches[..]
        };
        for m in matches {
            let hosts: Vec<Option<&str>> = match &m.hosts[..] {
                [] => vec![None],
                hosts => hosts.iter().map(|h| Some(&**h)).collect(),
            };
            for host in hosts {
                let rank = Rank::of(m, host);
                if holds(m, host, head) && best.is_none_or(|(b, _)| rank > b) {
                    best = Some((rank, i));
                }
            }
        }
    }
    best.map(|(_, i)| i)
}

fn holds(m: &Match, host: Option<&str>, head: &RequestHead) -> bool {
    let path = head.path.path();
    host.is_none_or(|h| host::matches(h, head.host()))
        && m.path.as_ref().is_none_or(|p| path::matches(p, path))
        && m.grpc.as_ref().is_none_or(|g| grpc::matches(g, path))
        && m.method
            .as_ref()
            .is_none_or(|method| *method == head.method)
        && m.headers.iter().all(|h| header::matches(h, head))
        && m.query.iter().all(|q| query::matches(q, head.path.query()))
}

/// Few letters, so that rules and requests meet.
fn path() -> impl Strategy<Value = String> {
    proptest::collection::vec("[ab]{0,2}", 0..4).prop_map(|parts| format!("/{}", parts.join("/")))
}

fn match_notation() -> impl Strategy<Value = String> {
    let path = prop_oneof![
        path(),
        path().prop_map(|p| format!("{}/*", p.trim_end_matches('/'))),
        path().prop_map(|p| format!("~{p}.*")),
        Just(String::new()),
        "grpc:[ab*]/[ab*]",
    ];
    (
        path,
        "(GET|POST|)",
        "(x:1|x:~[12]|x:1 y:1|)",
        "([?]q=1|[?]q=1 [?]r=1|)",
        "(@h|@[*][.]h|)",
    )
        .prop_map(|(p, m, h, q, host)| format!("{p} {m} {h} {q} {host}"))
}

fn rules() -> impl Strategy<Value = Vec<String>> {
    let rule = proptest::collection::vec(match_notation(), 1..3);
    proptest::collection::vec(rule.prop_map(|r| r.join("|")), 0..12)
}

fn request_notation() -> impl Strategy<Value = String> {
    let method = prop_oneof![Just("GET"), Just("POST")];
    let headers = "( x:1| x:2| x:1 x:2|)( y:1|)";
    (
        method,
        "(h|a[.]h|)",
        path(),
        "([?]q=1|[?]q=1&r=1|[?]q=2|)",
        headers,
    )
        .prop_map(|(m, host, p, q, h)| format!("{m} {host}{p}{q}{h}"))
}

proptest! {
    #[test]
    fn the_index_finds_what_a_plain_search_finds(rules in rules(), of in request_notation()) {
        let names: Vec<&str> = rules.iter().map(String::as_str).collect();
        let table = table(&names);
        let head = request(&of);
        let found = find(&table, &head, &mut Trail::off()).map(|f| f.index);
        prop_assert_eq!(found, naive(table.rules(), &head));
    }

    #[test]
    fn a_trail_changes_nothing_and_ends_with_the_verdict(
        rules in rules(),
        of in request_notation(),
    ) {
        let names: Vec<&str> = rules.iter().map(String::as_str).collect();
        let table = table(&names);
        let head = request(&of);
        let mut trail = Trail::on();
        let told = find(&table, &head, &mut trail).map(|f| f.index);
        prop_assert_eq!(told, find(&table, &head, &mut Trail::off()).map(|f| f.index));
        let last = trail.steps().last().unwrap();
        prop_assert_eq!(told.is_none(), last.detail == "no rule matches");
    }

    #[test]
    fn swapping_equal_rules_is_the_only_way_order_matters(
        rules in rules(),
        of in request_notation(),
    ) {
        let names: Vec<&str> = rules.iter().map(String::as_str).collect();
        let forth = table(&names);
        let back: Vec<&str> = names.iter().rev().copied().collect();
        let back = table(&back);
        let head = request(&of);
        let rank = |t: &RouteTable| {
            find(t, &head, &mut Trail::off()).map(|f| {
                let hosts = f.matched.map_or(&[][..], |m| &m.hosts[..]);
                let m = f.matched.cloned().unwrap_or_default();
                Rank::of(&m, hosts.first().map(|h| &**h))
            })
        };
        prop_assert_eq!(rank(&forth), rank(&back));
    }

    #[test]
    fn arbitrary_heads_never_panic(
        rules in rules(),
        path in "[ -~äß€]{0,20}",
        name in "[a-zA-Z-]{1,5}",
        value in proptest::collection::vec(any::<u8>(), 0..8),
    ) {
        let names: Vec<&str> = rules.iter().map(String::as_str).collect();
        let table = table(&names);
        let Ok(path) = PathAndQuery::try_from(format!("/{path}")) else { return Ok(()) };
        let mut head = RequestHead::new(Method::GET, None, path);
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_bytes(&value))
        {
            head.headers.append(name, value);
        }
        let mut trail = Trail::on();
        let found = find(&table, &head, &mut trail).map(|f| f.index);
        prop_assert_eq!(found, naive(table.rules(), &head));
        prop_assert!(!trail.steps().is_empty());
    }
}
