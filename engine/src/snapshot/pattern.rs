//! Regular expressions out of manifests: bounded, and anchored at both ends.

use regex::{Regex, RegexBuilder};

/// The longest pattern in bytes (Gateway API: 1024 characters for paths; header and query values
/// have the same room here).
pub const PATTERN_LEN_MAX: usize = 4096;

/// The most bytes of one compiled program and of its cache. `x{1000}{1000}` would take gigabytes.
const PROGRAM_SIZE_MAX: usize = 1 << 20;

/// A regular expression that has to match the whole of a value. Matching takes time linear in the
/// value for every pattern, since the syntax (RE2's, without look-around and back-references) has
/// no backtracking.
#[derive(Clone)]
pub struct Pattern {
    source: Box<str>,
    /// `\A(?:source)\z`
    regex: Regex,
}

/// Why a pattern was refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum BadPattern {
    #[error("the pattern is longer than {PATTERN_LEN_MAX} bytes")]
    TooLong,
    #[error("{0}")]
    Syntax(#[from] regex::Error),
}

// === impl Pattern ===

impl Pattern {
    pub fn new(source: &str) -> Result<Self, BadPattern> {
        if source.len() > PATTERN_LEN_MAX {
            return Err(BadPattern::TooLong);
        }
        // Alone first: `a)|(b` would become valid, and unanchored, inside of the group.
        compile(source)?;
        // The line break ends a comment that the `x` flag may have opened; without that flag it
        // would be a character to match, so it is only the second try.
        let regex = compile(&format!(r"\A(?:{source})\z"))
            .or_else(|_| compile(&format!("\\A(?:{source}\n)\\z")))?;
        Ok(Self {
            source: source.into(),
            regex,
        })
    }

    /// Whether the whole of `value` matches.
    pub fn matches(&self, value: &str) -> bool {
        self.regex.is_match(value)
    }

    /// As the manifest has it.
    pub fn as_str(&self) -> &str {
        &self.source
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Pattern {}

impl core::fmt::Debug for Pattern {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "/{}/", self.source)
    }
}

impl core::fmt::Display for Pattern {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.source)
    }
}

fn compile(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern)
        .size_limit(PROGRAM_SIZE_MAX)
        .dfa_size_limit(PROGRAM_SIZE_MAX)
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_value_has_to_match() {
        let check = |pattern: &str, value: &str, expected: bool| {
            let matched = Pattern::new(pattern).unwrap().matches(value);
            assert_eq!(matched, expected, "{pattern} on {value}");
        };
        check("a|ab", "ab", true);
        check("a|ab", "abc", false);
        check("a|b", "xb", false);
        check("^/v[0-9]+$", "/v12", true);
        check("/v[0-9]+", "/v12/x", false);
        check("", "", true);
        check("", "a", false);
        check("a", "a\n", false);
        check("(?x) a # the letter", "a", true);
        check("(?i)abc", "ABC", true);
    }

    #[test]
    fn hostile_patterns_are_refused() {
        for pattern in ["(", "a)|(b", "x{1000}{1000}", "(?=a)", r"(a)\1"] {
            assert!(Pattern::new(pattern).is_err(), "{pattern}");
        }
        let long = "a".repeat(PATTERN_LEN_MAX + 1);
        assert_eq!(Pattern::new(&long), Err(BadPattern::TooLong));
    }
}
