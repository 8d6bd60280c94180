//! Paths: exact, by element, by expression.

use crate::snapshot::route::PathMatch;

/// Whether the match holds for `path`, which has no query.
pub fn matches(wanted: &PathMatch, path: &str) -> bool {
    match wanted {
        PathMatch::Exact(exact) => **exact == *path,
        PathMatch::Prefix(prefix) => is_under(prefix, path),
        PathMatch::Regex(pattern) => pattern.matches(path),
    }
}

/// Whether the elements of `path` begin with those of `prefix`: `/foo` is a prefix of `/foo`,
/// `/foo/` and `/foo/bar`, not of `/foobar`. `/` holds for everything, also for the `*` of
/// `OPTIONS *`, since it is what a rule without a match stands for. `prefix` has no trailing slash.
pub fn is_under(prefix: &str, path: &str) -> bool {
    if prefix == "/" {
        return true;
    }
    let rest = path.strip_prefix(prefix);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What `path` has behind `prefix`: empty, or beginning with a slash. None when it is not under it.
pub fn behind<'a>(prefix: &str, path: &'a str) -> Option<&'a str> {
    let prefix = prefix.trim_end_matches('/');
    let rest = path.strip_prefix(prefix)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}
