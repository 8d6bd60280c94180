//! What policies say that change nothing, and what a peer tells about its own.
//!
//! The rows of services and routes are the client's; what the destination decided reaches them in
//! response headers, which only a peer of the mesh may send.

use engine::failure::Flag;
use engine::verdict::{FLAG_HEADER, SHADOW_HEADER};
use http::{HeaderMap, HeaderValue};

/// What would have been refused, if the policy were in force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shadow {
    /// A policy that audits matched.
    pub audited: bool,
    /// A limit in shadow mode was reached.
    pub limited: bool,
}

/// What a peer's proxy told about a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// It refused the request.
    pub(crate) refused: Option<Flag>,
    pub(crate) shadow: Shadow,
}

const AUDIT: &str = "audit";
const LIMIT: &str = "limit";
const BOTH: &str = "audit,limit";

// === impl Shadow ===

impl Shadow {
    /// Tells it to the peer.
    pub(crate) fn write(self, headers: &mut HeaderMap) {
        let value = match (self.audited, self.limited) {
            (false, false) => return,
            (true, false) => AUDIT,
            (false, true) => LIMIT,
            (true, true) => BOTH,
        };
        headers.insert(SHADOW_HEADER, HeaderValue::from_static(value));
    }
}

// === impl Told ===

impl Told {
    /// Reads what the peer says; its shadow is no business of the application's.
    pub(crate) fn take(headers: &mut HeaderMap) -> Self {
        let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_owned();
        let flag = headers.get(FLAG_HEADER).map(text);
        let shadow = headers.remove(SHADOW_HEADER).as_ref().map(text);
        let says = |word: &str| shadow.iter().flat_map(|s| s.split(',')).any(|s| s == word);
        Self {
            refused: flag
                .and_then(|flag| Flag::named(&flag))
                .filter(|flag| flag.is_refusal()),
            shadow: Shadow {
                audited: says(AUDIT),
                limited: says(LIMIT),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_reads_what_was_written() {
        for (audited, limited) in [(false, false), (true, false), (false, true), (true, true)] {
            let shadow = Shadow { audited, limited };
            let mut headers = HeaderMap::new();
            shadow.write(&mut headers);
            assert_eq!(Told::take(&mut headers).shadow, shadow);
            assert!(headers.is_empty());
        }
    }

    #[test]
    fn only_refusals_are_taken_over() {
        let check = |flag: &str, refused| {
            let mut headers = HeaderMap::new();
            headers.insert(FLAG_HEADER, HeaderValue::from_str(flag).unwrap());
            assert_eq!(Told::take(&mut headers).refused, refused, "{flag}");
        };
        check("AUTHZ", Some(Flag::Denied));
        check("RL", Some(Flag::RateLimited));
        check("UF", None);
        check("?", None);
    }
}
