use http::header::{HeaderName, HeaderValue};
use http::uri::{Authority, PathAndQuery};
use http::{Method, StatusCode};

use super::*;
use crate::snapshot::pattern::Pattern;
use crate::snapshot::route::{GrpcMatch, HeaderMatch, QueryMatch, RouteKind, Timeouts, ValueMatch};

mod cases;
mod properties;
mod shadow;

/// A match in the notation `GET /exact`, `/prefix/*`, `~regex`, `?name=value`, `name:value` (`=~`
/// and `:~` for expressions), `@host`, `grpc:service/method`; the parts are separated by blanks.
fn matching(notation: &str) -> Match {
    let mut m = Match::default();
    for part in notation.split_whitespace() {
        if let Some(call) = part.strip_prefix("grpc:") {
            let (service, method) = call.split_once('/').unwrap();
            let value = |v: &str| (v != "*").then(|| value(v));
            let (service, method) = (value(service), value(method));
            m.grpc = Some(GrpcMatch { service, method });
        } else if let Some(host) = part.strip_prefix('@') {
            m.hosts.push(host.into());
        } else if let Some(query) = part.strip_prefix('?') {
            let (name, wanted) = query.split_once('=').unwrap();
            m.query.push(QueryMatch {
                name: name.into(),
                value: value(wanted),
            });
        } else if let Some(pattern) = part.strip_prefix('~') {
            m.path = Some(PathMatch::Regex(Pattern::new(pattern).unwrap()));
        } else if part == "*" || part.ends_with("/*") {
            let prefix = part.strip_suffix('*').unwrap();
            m.path = Some(PathMatch::Prefix(prefix.into()));
        } else if part.starts_with('/') {
            m.path = Some(PathMatch::Exact(part.into()));
        } else if let Some((name, wanted)) = part.split_once(':') {
            m.headers.push(HeaderMatch {
                name: name.parse().unwrap(),
                value: value(wanted),
            });
        } else {
            m.method = Some(part.parse().unwrap());
        }
    }
    m
}

fn value(notation: &str) -> ValueMatch {
    match notation.strip_prefix('~') {
        Some(pattern) => ValueMatch::Regex(Pattern::new(pattern).unwrap()),
        None => ValueMatch::Exact(notation.into()),
    }
}

/// A rule whose alternatives are separated by `|`; its notation is its name. `any` is a rule
/// without matches.
fn rule(notation: &str) -> Rule {
    let alternatives = notation.split('|').filter(|n| *n != "any");
    Rule {
        name: notation.into(),
        matches: alternatives.map(matching).collect(),
        filters: Vec::new(),
        backends: Vec::new(),
        timeouts: Timeouts::default(),
        retry: None,
        fault: None,
        admission: None,
        limits: Vec::new(),
        failures: Default::default(),
        origin: Origin::default_of(notation),
    }
}

fn table(rules: &[&str]) -> RouteTable {
    RouteTable::new(RouteKind::Http, rules.iter().map(|n| rule(n)).collect())
}

/// A request in the notation `POST host/path?query name:value …`.
fn request(notation: &str) -> RequestHead {
    let mut parts = notation.split_whitespace();
    let method: Method = parts.next().unwrap().parse().unwrap();
    let target = parts.next().unwrap();
    let slash = target.find(['/', '*']).unwrap();
    let (host, path) = target.split_at(slash);
    let authority = (!host.is_empty()).then(|| host.parse::<Authority>().unwrap());
    let path: PathAndQuery = path.parse().unwrap();
    let mut head = RequestHead::new(method, authority, path);
    for header in parts {
        let (name, value) = header.split_once(':').unwrap();
        let name: HeaderName = name.parse().unwrap();
        head.headers
            .append(name, HeaderValue::from_str(value).unwrap());
    }
    head
}

/// The name of the rule that wins; empty when none does.
fn winner(rules: &[&str], of: &str) -> String {
    let table = table(rules);
    let found = find(&table, &request(of), &mut Trail::off());
    found.map_or_else(String::new, |f| f.rule.name.to_string())
}
