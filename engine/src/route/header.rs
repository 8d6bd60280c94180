//! Header values, also of headers that were sent several times.

use http::HeaderMap;
use http::header::{COOKIE, HeaderName};

use crate::snapshot::route::{HeaderMatch, ValueMatch};

/// Whether the match holds.
///
/// A header that came in several lines is one list of its values, joined with a comma (RFC 9110
/// §5.3); the blank that most add behind the comma may be there or not. `Cookie` is joined with `; `
/// (RFC 9113 §8.2.3). A value that is not UTF-8 matches no expression.
pub fn matches(wanted: &HeaderMatch, headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(&wanted.name).iter();
    let Some(first) = values.next() else {
        return false;
    };
    let several = values.next().is_some();
    match &wanted.value {
        ValueMatch::Exact(exact) if !several => exact.as_bytes() == first.as_bytes(),
        ValueMatch::Exact(exact) => separators(&wanted.name)
            .iter()
            .any(|separator| equals_joined(exact.as_bytes(), wanted, headers, separator)),
        ValueMatch::Regex(pattern) if !several => {
            core::str::from_utf8(first.as_bytes()).is_ok_and(|value| pattern.matches(value))
        }
        ValueMatch::Regex(pattern) => {
            // The one place that allocates; bounded by the codec's bound on a request's head.
            let joined = joined(&wanted.name, headers);
            core::str::from_utf8(&joined).is_ok_and(|value| pattern.matches(value))
        }
    }
}

/// All values of a header as one, the way [`matches`] sees them.
pub(crate) fn joined(name: &HeaderName, headers: &HeaderMap) -> Vec<u8> {
    let values: Vec<&[u8]> = headers.get_all(name).iter().map(|v| v.as_bytes()).collect();
    values.join(separators(name)[0])
}

fn separators(name: &HeaderName) -> &'static [&'static [u8]] {
    if *name == COOKIE {
        &[b"; "]
    } else {
        &[b",", b", "]
    }
}

fn equals_joined(
    exact: &[u8],
    wanted: &HeaderMatch,
    headers: &HeaderMap,
    separator: &[u8],
) -> bool {
    let mut rest = exact;
    for (i, value) in headers.get_all(&wanted.name).iter().enumerate() {
        if i > 0 {
            let Some(after) = rest.strip_prefix(separator) else {
                return false;
            };
            rest = after;
        }
        let Some(after) = rest.strip_prefix(value.as_bytes()) else {
            return false;
        };
        rest = after;
    }
    rest.is_empty()
}
