//! The matches of a table in order of precedence, and the short way to the ones that can hold for a
//! host and a path.
//!
//! ```text
//!  host a.example ─▶ "a.example", then "*.example", then any; in each:
//!  path /shop/cart ─┬─ exact   "/shop/cart"                ─▶ entries ┐
//!                   ├─ prefix  "/shop/cart", "/shop"       ─▶ entries ├─ the first that holds
//!                   └─ scan    expressions, "/", no path   ─▶ entries ┘
//! ```
//!
//! A look-up costs one hash for the host and one for each of its suffixes, one for the exact path
//! and one for each *length* that prefixes have, however many hosts and rules there are; only
//! expressions and matches without a path are tried one by one.

use core::cmp::Reverse;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::mismatch::Mismatch;
use super::{Subject, host};
use crate::lookup::Lookup;
use crate::snapshot::route::{GrpcMatch, Match, PathMatch, Rule, ValueMatch};

/// See the module. Entries are referred to by their place in the order of precedence: the smallest
/// one that holds is the answer.
#[derive(Clone, Debug)]
pub(crate) struct Index {
    entries: Vec<Entry>,
    /// By host name, exact.
    hosts: Lookup<Paths>,
    /// By what stands behind the `*` of a wildcard.
    suffixes: Lookup<Paths>,
    /// For all hosts.
    any: Paths,
}

/// The entries for one host name, by path.
#[derive(Clone, Debug, Default)]
struct Paths {
    all: Vec<u32>,
    exact: Lookup<Vec<u32>>,
    prefix: Lookup<Vec<u32>>,
    /// The lengths that keys of `prefix` have, longest first.
    prefix_lengths: Vec<usize>,
    scan: Vec<u32>,
}

/// One match, under one of its host names.
#[derive(Clone, Debug)]
struct Entry {
    rank: Rank,
    rule: usize,
    /// None for a rule without matches.
    matching: Option<usize>,
    host: Option<Arc<str>>,
}

/// How specific a match is; greater wins. Pairs are kind and length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    host: (u8, usize),
    /// Path, or gRPC service.
    path: (u8, usize),
    /// HTTP or gRPC method.
    method: (u8, usize),
    headers: usize,
    query: usize,
}

/// Where an entry is looked for.
enum Place {
    Exact(String),
    Prefix(String),
    Scan,
}

// === impl Index ===

impl Index {
    pub(crate) fn new(rules: &[Arc<Rule>]) -> Self {
        let mut entries = Vec::new();
        for (rule, r) in rules.iter().enumerate() {
            if r.matches.is_empty() {
                entries.push(Entry::new(rule, None, &Match::default(), None));
            }
            for (i, matching) in r.matches.iter().enumerate() {
                let hosts = matching.hosts.iter().map(Some);
                let any_host = matching.hosts.is_empty().then_some(None);
                for host in hosts.chain(any_host) {
                    entries.push(Entry::new(rule, Some(i), matching, host.cloned()));
                }
            }
        }
        // Stable: the order of the table decides between equals.
        entries.sort_by_key(|entry| Reverse(entry.rank));
        Self::of_sorted(entries, rules)
    }

    fn of_sorted(entries: Vec<Entry>, rules: &[Arc<Rule>]) -> Self {
        let mut hosts: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
        let mut suffixes: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
        let mut any = Vec::new();
        for (entry, number) in entries.iter().zip(0..) {
            let list = match entry.host.as_deref() {
                None | Some("*") => &mut any,
                Some(host) => match host.strip_prefix('*') {
                    Some(suffix) => suffixes.entry(suffix).or_default(),
                    None => hosts.entry(host).or_default(),
                },
            };
            list.push(number);
        }
        let paths = |list| Paths::new(list, &entries, rules);
        let table = |lists: BTreeMap<&str, Vec<u32>>| {
            let lists = lists.into_iter();
            Lookup::new(lists.map(|(host, list)| (host.into(), paths(list))))
        };
        Self {
            hosts: table(hosts),
            suffixes: table(suffixes),
            any: paths(any),
            entries,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Rule and match of an entry.
    pub(crate) fn place(&self, entry: usize) -> (usize, Option<usize>) {
        let entry = &self.entries[entry];
        (entry.rule, entry.matching)
    }

    /// The host name that an entry is for; none for all.
    pub(crate) fn host(&self, entry: usize) -> Option<&str> {
        self.entries[entry].host.as_deref()
    }

    /// The entry that wins. The more specific a host name, the better its entries' rank: the first
    /// group in which one holds has the answer.
    pub(crate) fn find(&self, rules: &[Arc<Rule>], subject: &Subject<'_>) -> Option<usize> {
        let host = match subject {
            Subject::Http(head) => head.host(),
            Subject::Tls(name) => name,
            Subject::Tcp => "",
        };
        let host = lower(host.strip_suffix('.').unwrap_or(host));
        let within = |paths: &Paths| self.find_in(paths, rules, subject);
        if let Some(found) = self.hosts.get(&host).and_then(within) {
            return Some(found);
        }
        if !self.suffixes.is_empty() {
            let dots = host.match_indices('.').filter(|(at, _)| *at > 0);
            let mut suffixes = dots.filter_map(|(at, _)| host.get(at..));
            let found = suffixes.find_map(|s| self.suffixes.get(s).and_then(within));
            if found.is_some() {
                return found;
            }
        }
        within(&self.any)
    }

    fn find_in(&self, paths: &Paths, rules: &[Arc<Rule>], of: &Subject<'_>) -> Option<usize> {
        let mut best = None;
        let mut consider = |list: &[u32]| {
            for &number in list {
                let entry = number as usize;
                if best.is_some_and(|best| best <= entry) {
                    return;
                }
                if self.mismatch(rules, entry, of).is_none() {
                    best = Some(entry);
                    return;
                }
            }
        };
        match of {
            Subject::Http(head) => paths.lists(head.path.path(), &mut consider),
            Subject::Tls(_) | Subject::Tcp => consider(&paths.all),
        }
        best
    }

    /// The first part of an entry that does not hold.
    pub(crate) fn mismatch<'r>(
        &'r self,
        rules: &'r [Arc<Rule>],
        entry: usize,
        subject: &Subject<'_>,
    ) -> Option<Mismatch<'r>> {
        let entry = &self.entries[entry];
        Mismatch::of(entry.matching(rules), entry.host.as_deref(), subject)
    }
}

// === impl Paths ===

impl Paths {
    fn new(all: Vec<u32>, entries: &[Entry], rules: &[Arc<Rule>]) -> Self {
        let mut exact: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        let mut prefix: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        let mut scan = Vec::new();
        for &number in &all {
            let matching = entries[number as usize].matching(rules);
            match matching.map_or(Place::Scan, place_of) {
                Place::Exact(path) => exact.entry(path).or_default().push(number),
                Place::Prefix(path) => prefix.entry(path).or_default().push(number),
                Place::Scan => scan.push(number),
            }
        }
        let lengths: BTreeSet<usize> = prefix.keys().map(String::len).collect();
        Self {
            all,
            exact: Lookup::new(exact.into_iter().map(|(path, list)| (path.into(), list))),
            prefix: Lookup::new(prefix.into_iter().map(|(path, list)| (path.into(), list))),
            prefix_lengths: lengths.into_iter().rev().collect(),
            scan,
        }
    }

    /// Gives the lists of entries that can hold for a path.
    fn lists(&self, path: &str, each: &mut dyn FnMut(&[u32])) {
        if let Some(list) = self.exact.get(path) {
            each(list);
        }
        for &length in &self.prefix_lengths {
            let at_element = matches!(path.as_bytes().get(length), None | Some(b'/'));
            // None also where the length would cut a character in two.
            let start = path.get(..length).filter(|_| at_element);
            if let Some(list) = start.and_then(|start| self.prefix.get(start)) {
                each(list);
            }
        }
        each(&self.scan);
    }
}

/// In lower case, without a copy when it is already.
fn lower(host: &str) -> Cow<'_, str> {
    match host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => Cow::Owned(host.to_ascii_lowercase()),
        false => Cow::Borrowed(host),
    }
}

// === impl Entry ===

impl Entry {
    fn new(rule: usize, matching: Option<usize>, m: &Match, host: Option<Arc<str>>) -> Self {
        Self {
            rank: Rank::of(m, host.as_deref()),
            rule,
            matching,
            host,
        }
    }

    fn matching<'r>(&self, rules: &'r [Arc<Rule>]) -> Option<&'r Match> {
        rules[self.rule].matches.get(self.matching?)
    }
}

// === impl Rank ===

impl Rank {
    pub(super) fn of(m: &Match, host: Option<&str>) -> Self {
        let (path, method) = match &m.grpc {
            // A call of any service is no less specific than the prefix `/`.
            Some(grpc) => (
                value_rank(&grpc.service).max((0, 1)),
                value_rank(&grpc.method),
            ),
            None => (path_rank(&m.path), (u8::from(m.method.is_some()), 0)),
        };
        Self {
            host: host::rank(host),
            path,
            method,
            headers: m.headers.len(),
            query: m.query.len(),
        }
    }
}

fn path_rank(path: &Option<PathMatch>) -> (u8, usize) {
    match path {
        // The standard's default is the prefix `/`.
        None => (0, 1),
        Some(PathMatch::Prefix(prefix)) => (0, prefix.len()),
        Some(PathMatch::Regex(pattern)) => (1, pattern.as_str().len()),
        Some(PathMatch::Exact(path)) => (2, path.len()),
    }
}

fn value_rank(value: &Option<ValueMatch>) -> (u8, usize) {
    match value {
        None => (0, 0),
        Some(ValueMatch::Regex(pattern)) => (1, pattern.as_str().len()),
        Some(ValueMatch::Exact(value)) => (2, value.len()),
    }
}

fn place_of(m: &Match) -> Place {
    use ValueMatch::Exact;
    match (&m.grpc, &m.path) {
        (
            Some(GrpcMatch {
                service: Some(Exact(service)),
                method: Some(Exact(method)),
            }),
            _,
        ) => Place::Exact(format!("/{service}/{method}")),
        (
            Some(GrpcMatch {
                service: Some(Exact(service)),
                ..
            }),
            _,
        ) => Place::Prefix(format!("/{service}")),
        (Some(_), _) => Place::Scan,
        (None, Some(PathMatch::Exact(path))) => Place::Exact(path.to_string()),
        (None, Some(PathMatch::Prefix(prefix))) if **prefix != *"/" => {
            Place::Prefix(prefix.to_string())
        }
        (None, _) => Place::Scan,
    }
}
