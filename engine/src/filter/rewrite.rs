//! URL rewrite: host name and path. The query stays.

use http::uri::{Authority, PathAndQuery};

use super::CannotApply;
use crate::head::RequestHead;
use crate::route::path;
use crate::snapshot::route::{PathRewrite, Rewrite};

/// Rewrites the request in place. `prefix` is what the rule's match matched.
///
/// # Errors
/// When the result is not a valid target; the request is unchanged then.
pub fn apply(
    rewrite: &Rewrite,
    head: &mut RequestHead,
    prefix: Option<&str>,
) -> Result<(), CannotApply> {
    // A rewritten host replaces the port as well, as the standard has it: "the value to be used to
    // replace the Host header value".
    let authority = match &rewrite.hostname {
        Some(name) => Some(Authority::try_from(&**name).map_err(|_| CannotApply::Host)?),
        None => None,
    };
    if let Some(rewrite) = &rewrite.path {
        let target = with_query(&new_path(rewrite, &head.path, prefix)?, &head.path);
        head.path = PathAndQuery::try_from(target).map_err(|_| CannotApply::Path)?;
    }
    if authority.is_some() {
        head.authority = authority;
    }
    Ok(())
}

/// The path that a rewrite or a redirect makes of `target`'s.
///
/// The `*` of `OPTIONS *` is no path and stays. A prefix is replaced by element, and the result
/// always begins with a slash and has no doubled one at the seam (Gateway API,
/// `HTTPPathModifier.replacePrefixMatch`).
pub(super) fn new_path(
    rewrite: &PathRewrite,
    target: &PathAndQuery,
    prefix: Option<&str>,
) -> Result<String, CannotApply> {
    let old = target.path();
    if old == "*" {
        return Ok(old.to_owned());
    }
    let new = match rewrite {
        PathRewrite::Full(full) => full.to_string(),
        PathRewrite::Prefix(replacement) => {
            let prefix = prefix.ok_or(CannotApply::NoPrefix)?;
            let rest = path::behind(prefix, old).ok_or(CannotApply::NoPrefix)?;
            format!("{}{rest}", replacement.trim_end_matches('/'))
        }
    };
    if new.starts_with('/') {
        return Ok(new);
    }
    Ok(format!("/{new}"))
}

/// `path` with the query of `target`.
pub(super) fn with_query(path: &str, target: &PathAndQuery) -> String {
    match target.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    }
}
