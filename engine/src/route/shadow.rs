//! Matches that can never win, since another one that goes before them holds whenever they do.
//!
//! Only what is certain is said: equal conditions, a subset of the conditions, a path under a
//! prefix. Whether one regular expression covers another is not decided, except that the same one
//! does.

use std::sync::Arc;

use super::index::Index;
use super::path;
use crate::snapshot::route::{GrpcMatch, Match, PathMatch, RouteTable, Rule, ValueMatch};

/// A match that never wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shadow {
    /// Index into [`RouteTable::rules`].
    pub rule: usize,
    /// Index into the rule's matches; none for a rule without matches.
    pub matched: Option<usize>,
    /// The rule that gets its requests.
    pub by: usize,
}

/// The matches of `table` that never win, in their order of precedence. Quadratic in the number of
/// matches: for reports, not for requests.
pub fn shadows(table: &RouteTable) -> Vec<Shadow> {
    let (index, rules) = (table.index(), table.rules());
    let covered = |entry: usize| (0..entry).find(|earlier| covers(index, rules, *earlier, entry));
    let found = (0..index.len()).filter_map(|entry| {
        let (by, _) = index.place(covered(entry)?);
        let (rule, matched) = index.place(entry);
        Some(Shadow { rule, matched, by })
    });
    found.collect()
}

fn covers(index: &Index, rules: &[Arc<Rule>], wide: usize, narrow: usize) -> bool {
    let (host, narrow_host) = (index.host(wide), index.host(narrow));
    if host.is_some_and(|host| host != "*" && narrow_host != Some(host)) {
        return false;
    }
    let matching = |entry| {
        let (rule, matched): (usize, Option<usize>) = index.place(entry);
        matched.and_then(|m| rules[rule].matches.get(m))
    };
    let Some(wide) = matching(wide) else {
        return true;
    };
    let every = Match::default();
    let narrow = matching(narrow).unwrap_or(&every);
    let method = wide.method.as_ref();
    covers_path(wide, narrow)
        && method.is_none_or(|method| narrow.method.as_ref() == Some(method))
        && wide.headers.iter().all(|w| {
            let mut same = narrow.headers.iter().filter(|n| n.name == w.name);
            same.any(|n| same_value(&w.value, &n.value))
        })
        && wide.query.iter().all(|w| {
            let mut same = narrow.query.iter().filter(|n| n.name == w.name);
            same.any(|n| same_value(&w.value, &n.value))
        })
}

fn covers_path(wide: &Match, narrow: &Match) -> bool {
    match (&wide.grpc, &narrow.grpc) {
        (Some(wide), narrow) => return covers_call(wide, narrow.as_ref()),
        (None, Some(_)) => return catches_all(&wide.path),
        (None, None) => {}
    }
    if catches_all(&wide.path) {
        return true;
    }
    match (&wide.path, &narrow.path) {
        (Some(PathMatch::Exact(wide)), Some(PathMatch::Exact(narrow))) => wide == narrow,
        (Some(PathMatch::Regex(wide)), Some(PathMatch::Regex(narrow))) => wide == narrow,
        (Some(w @ PathMatch::Prefix(_)), Some(PathMatch::Exact(n) | PathMatch::Prefix(n))) => {
            path::matches(w, n)
        }
        _ => false,
    }
}

fn catches_all(path: &Option<PathMatch>) -> bool {
    match path {
        None => true,
        Some(PathMatch::Prefix(prefix)) => **prefix == *"/",
        Some(PathMatch::Regex(pattern)) => pattern.as_str() == ".*",
        Some(PathMatch::Exact(_)) => false,
    }
}

fn covers_call(wide: &GrpcMatch, narrow: Option<&GrpcMatch>) -> bool {
    let part = |wide: &Option<ValueMatch>, narrow: Option<&ValueMatch>| match (wide, narrow) {
        (None, _) => true,
        (Some(wide), Some(narrow)) => same_value(wide, narrow),
        (Some(_), None) => false,
    };
    part(&wide.service, narrow.and_then(|n| n.service.as_ref()))
        && part(&wide.method, narrow.and_then(|n| n.method.as_ref()))
}

fn same_value(wide: &ValueMatch, narrow: &ValueMatch) -> bool {
    match (wide, narrow) {
        (ValueMatch::Exact(wide), ValueMatch::Exact(narrow)) => wide == narrow,
        (ValueMatch::Regex(wide), ValueMatch::Regex(narrow)) => wide == narrow,
        // A list of values may be written with blanks or without: an expression sees one of them.
        (ValueMatch::Regex(wide), ValueMatch::Exact(narrow)) => {
            !narrow.contains(',') && wide.matches(narrow)
        }
        (ValueMatch::Exact(_), ValueMatch::Regex(_)) => false,
    }
}
