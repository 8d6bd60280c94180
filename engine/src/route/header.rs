//! Header values, also of headers that were sent several times.

use http::HeaderMap;
use http::header::{COOKIE, HOST, HeaderName};

use crate::head::RequestHead;
use crate::snapshot::route::{HeaderMatch, ValueMatch};

/// Whether the match holds.
///
/// A header that came in several lines is one list of its values, joined with a comma (RFC 9110
/// §5.3); the blank that most add behind the comma may be there or not. `Cookie` is joined
/// with a semicolon and a blank (RFC 9113 §8.2.3). A value that is not UTF-8 matches no expression.
///
/// `Host` is the request's authority, with the port if the client sent one, and compared without
/// case (RFC 9110 §4.2.3). Routes of a mesh have no other way to look at it, since their hostnames
/// are ignored (GEP-1294).
pub fn matches(wanted: &HeaderMatch, head: &RequestHead) -> bool {
    if wanted.name == HOST {
        let authority = head.authority.as_ref().map(|a| a.as_str());
        return authority.is_some_and(|authority| match &wanted.value {
            ValueMatch::Exact(exact) => exact.eq_ignore_ascii_case(authority),
            ValueMatch::Regex(pattern) => pattern.matches(authority),
        });
    }
    let headers = &head.headers;
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

/// The value of a header, the way [`matches`] sees it; none when it is absent.
pub(crate) fn value(name: &HeaderName, head: &RequestHead) -> Option<Vec<u8>> {
    if *name == HOST {
        return head.authority.as_ref().map(|a| a.as_str().into());
    }
    let present = head.headers.contains_key(name);
    present.then(|| joined(name, &head.headers))
}

fn joined(name: &HeaderName, headers: &HeaderMap) -> Vec<u8> {
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
