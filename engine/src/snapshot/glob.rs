//! Texts in which `*` stands for any text, also none: `spiffe://cluster.local/ns/shop/*`.

use std::sync::Arc;

/// A pattern of policies. The whole value has to match; there is no escape for `*`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Glob(Arc<str>);

// === impl Glob ===

impl Glob {
    pub fn new(source: impl Into<Arc<str>>) -> Self {
        Self(source.into())
    }

    /// Whether the whole of `value` matches; takes time linear in both.
    pub fn matches(&self, value: &str) -> bool {
        let mut parts = self.0.split('*');
        let Some(rest) = parts.next().and_then(|first| value.strip_prefix(first)) else {
            return false;
        };
        // Without a star there is only the first part.
        let Some(last) = parts.next_back() else {
            return rest.is_empty();
        };
        let Some(mut rest) = rest.strip_suffix(last) else {
            return false;
        };
        // The leftmost place of each part leaves the most for those after it.
        for part in parts {
            let Some((_, after)) = rest.split_once(part) else {
                return false;
            };
            rest = after;
        }
        true
    }

    /// As the manifest has it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl core::fmt::Debug for Glob {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl core::fmt::Display for Glob {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::snapshot::Pattern;

    #[test]
    fn a_star_stands_for_any_text() {
        let check = |glob: &str, value: &str, expected: bool| {
            assert_eq!(
                Glob::new(glob).matches(value),
                expected,
                "{glob} on {value}"
            );
        };
        check("web", "web", true);
        check("web", "web2", false);
        check("", "", true);
        check("", "a", false);
        check("*", "", true);
        check("web-*", "web-", true);
        check("*-web", "a-web", true);
        // The two ends do not share characters.
        check("ab*ba", "aba", false);
        check("a*b*c", "a-b-b-c", true);
        check("a*b*c", "a-c-b", false);
        check("spiffe://*/ns/shop/sa/*", "spiffe://x/ns/shop/sa/web", true);
        check("spiffe://*/ns/shop/sa/*", "spiffe://x/ns/pay/sa/web", false);
    }

    proptest! {
        #[test]
        fn agrees_with_a_regular_expression(glob in "[ab*]{0,6}", value in "[ab]{0,8}") {
            let expression = Pattern::new(&glob.replace('*', ".*")).unwrap();
            prop_assert_eq!(Glob::new(&*glob).matches(&value), expression.matches(&value));
        }
    }
}
