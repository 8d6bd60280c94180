//! `when` of a rule.

use super::Claims;
use crate::head::RequestHead;
use crate::route::header;
use crate::snapshot::authz::{Condition, Key};

/// Whether the condition holds. `strict` is an Allow's way: what cannot be known does not hold.
pub(crate) fn holds(
    condition: &Condition,
    head: Option<&RequestHead>,
    claims: Option<&Claims>,
    strict: bool,
) -> bool {
    let values = &condition.values;
    let Some(head) = head else {
        // Not HTTP.
        return !strict;
    };
    match &condition.key {
        Key::Header(name) => {
            let value = header::value(name, head);
            let text = value.as_deref().map(String::from_utf8_lossy);
            let is = |text: &str| {
                (
                    values.wanted.iter().any(|glob| glob.matches(text)),
                    values.unwanted.iter().any(|glob| glob.matches(text)),
                )
            };
            let (wanted, unwanted) = text.as_deref().map(is).unwrap_or_default();
            (values.wanted.is_empty() || wanted) && !unwanted
        }
        Key::Claim(path) => {
            let found = claims.and_then(|claims| claims.get(path.iter().map(|name| &**name)));
            let Some(found) = found else {
                // Nobody said anything: an Allow wants to know, a Deny of all but some as well.
                return !strict && values.wanted.is_empty();
            };
            let any = |globs: &[crate::snapshot::glob::Glob]| {
                found
                    .iter()
                    .any(|value| globs.iter().any(|glob| glob.matches(value)))
            };
            (values.wanted.is_empty() || any(&values.wanted)) && !any(&values.unwanted)
        }
    }
}
