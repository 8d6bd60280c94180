//! Query parameters.

use crate::snapshot::route::{QueryMatch, ValueMatch};

/// Whether the match holds for a query (without its `?`).
///
/// Names and values are compared as they were sent, without decoding `%20` or `+`, as Envoy does;
/// of a parameter that comes several times the first one counts (Gateway API: "implementations
/// should match against the first value"). `?debug` is a parameter with an empty value.
pub fn matches(wanted: &QueryMatch, query: Option<&str>) -> bool {
    let Some(value) = query.and_then(|query| first(query, &wanted.name)) else {
        return false;
    };
    match &wanted.value {
        ValueMatch::Exact(exact) => **exact == *value,
        ValueMatch::Regex(pattern) => pattern.matches(value),
    }
}

/// The first value of a parameter.
pub(crate) fn first<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    let mut pairs = query
        .split('&')
        .map(|p| p.split_once('=').unwrap_or((p, "")));
    pairs.find(|(n, _)| *n == name).map(|(_, value)| value)
}
