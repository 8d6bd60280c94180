//! Rules as the engine wants them: without what the Gateway API says to ignore.

use std::sync::Arc;

use xxhash_rust::xxh3::Xxh3Default;

use super::{Filter, HeaderEdit, Match, PathMatch, RouteKind, Rule};

/// Feeds what is formatted into a hash, so that content is hashed without a copy in memory.
struct Digest(Xxh3Default);

/// Drops the second match and the second edit of the same name ("only the first entry with an
/// equivalent name MUST be considered"), trailing slashes of prefixes and the case of host names.
pub(super) fn rule(mut rule: Rule) -> Rule {
    for matching in &mut rule.matches {
        normalise_match(matching);
    }
    let backends = rule.backends.iter_mut().map(|b| &mut b.filters);
    for filters in backends.chain([&mut rule.filters]) {
        for filter in filters {
            match filter {
                Filter::RequestHeaders(edit) | Filter::ResponseHeaders(edit) => {
                    normalise_edit(edit);
                }
                _ => {}
            }
        }
    }
    rule
}

/// The hash of a table's content, origins included: a rule that moved to another line is explained
/// with that line.
pub(super) fn hash(kind: RouteKind, rules: &[Arc<Rule>]) -> u64 {
    use core::fmt::Write as _;
    let mut digest = Digest(Xxh3Default::new());
    // Writing into a hash does not fail.
    let _ = write!(digest, "{kind:?}{rules:?}");
    digest.0.digest()
}

fn normalise_match(matching: &mut Match) {
    keep_first_of(&mut matching.headers, |h| h.name.clone());
    keep_first_of(&mut matching.query, |q| q.name.clone());
    if let Some(PathMatch::Prefix(prefix)) = &mut matching.path {
        let trimmed = prefix.trim_end_matches('/');
        let trimmed = if trimmed.is_empty() { "/" } else { trimmed };
        if trimmed.len() != prefix.len() {
            *prefix = trimmed.into();
        }
    }
    for host in &mut matching.hosts {
        if host.bytes().any(|b| b.is_ascii_uppercase()) {
            *host = host.to_ascii_lowercase().into();
        }
    }
}

fn normalise_edit(edit: &mut HeaderEdit) {
    keep_first_of(&mut edit.set, |(name, _)| name.clone());
    keep_first_of(&mut edit.add, |(name, _)| name.clone());
}

/// Quadratic in lists that the Gateway API bounds to 16.
fn keep_first_of<T, K: PartialEq>(list: &mut Vec<T>, key: impl Fn(&T) -> K) {
    let mut seen: Vec<K> = Vec::with_capacity(list.len());
    list.retain(|item| {
        let key = key(item);
        let new = !seen.contains(&key);
        seen.push(key);
        new
    });
}

// === impl Digest ===

impl core::fmt::Write for Digest {
    fn write_str(&mut self, s: &str) -> core::fmt::Result {
        self.0.update(s.as_bytes());
        Ok(())
    }
}
