//! What a reader asks for, as the query of a URL has it.
//!
//! ```text
//!  /tap?service=shop/cart&status=5xx&path=/cart*&rate=10&header=user-agent
//! ```
//!
//! A name may be given several times: one of its values has to match. Different names all have to.

use http::HeaderName;

use super::filter::Filter;

/// Requests in a second, when nobody says: as many as a person can skim, and what `linkerd viz tap`
/// takes.
pub const RATE_DEFAULT: u32 = 100;

/// The most that may be asked for: lines for a program, some 10 MB each second.
pub const RATE_MAX: u32 = 10_000;

/// What one reader wants to see of which requests.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    pub(super) filter: Filter,
    /// The share of them that is drawn.
    pub(super) sample: f64,
    /// And how many of these in a second.
    pub(super) rate: u32,
    /// After so many it is over.
    pub(super) count: Option<u64>,
    pub(super) headers: Headers,
    /// Whether paths are shown with their query strings.
    pub(super) query: bool,
}

/// The headers whose values are shown; of the others only the names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Headers {
    named: Vec<HeaderName>,
    /// All but credentials.
    all: bool,
}

/// Headers that carry credentials: shown only to those who name them.
const CREDENTIALS: [&str; 9] = [
    "authorization",
    "cookie",
    "proxy-authorization",
    "set-cookie",
    "x-amz-security-token",
    "x-api-key",
    "x-auth-token",
    "x-csrf-token",
    "x-forwarded-client-cert",
];

// === impl Asked ===

impl Default for Asked {
    fn default() -> Self {
        Self {
            filter: Filter::default(),
            sample: 1.0,
            rate: RATE_DEFAULT,
            count: None,
            headers: Headers::default(),
            query: false,
        }
    }
}

impl Asked {
    /// Reads the query of a URL.
    ///
    /// # Errors
    /// Says what is wrong, and what there is.
    pub fn read(query: &str) -> Result<Self, String> {
        let mut asked = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decode(value).ok_or_else(|| format!("{name}= is no text: {value}"))?;
            asked.take(name, &value)?;
        }
        Ok(asked)
    }

    fn take(&mut self, name: &str, value: &str) -> Result<(), String> {
        let is = |what: &str| format!("{name}= is {what}, not `{value}`");
        match name {
            "sample" => {
                let share = value.parse().ok().filter(|s| (0.0..=1.0).contains(s));
                self.sample = share.ok_or_else(|| is("a share from 0 to 1"))?;
            }
            "rate" => {
                let rate = value.parse().ok().filter(|n| (1..=RATE_MAX).contains(n));
                self.rate = rate.ok_or_else(|| is(&format!("from 1 to {RATE_MAX} a second")))?;
            }
            "count" => {
                let count = value.parse().ok().filter(|n| *n > 0);
                self.count = Some(count.ok_or_else(|| is("a number from 1"))?);
            }
            "header" if value == "*" => self.headers.all = true,
            "header" => {
                let name = value
                    .parse()
                    .map_err(|_| is("the name of a header, or *"))?;
                self.headers.named.push(name);
            }
            "query" => self.query = flag(value).ok_or_else(|| is("true or false"))?,
            _ => self.filter.take(name, value)?,
        }
        Ok(())
    }
}

/// `failed` alone means `failed=true`.
pub(super) fn flag(value: &str) -> Option<bool> {
    match value {
        "" | "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// Takes percent-encoding (RFC 3986 §2.1) away; none when that leaves no text.
fn decode(value: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let [high, low, after @ ..] = rest else {
            return None;
        };
        let digit = |byte: u8| char::from(byte).to_digit(16);
        bytes.push(u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()?);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

// === impl Headers ===

impl Headers {
    /// Whether the value of this one is shown.
    pub(super) fn shows(&self, name: &HeaderName) -> bool {
        self.named.contains(name) || (self.all && !CREDENTIALS.contains(&name.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_signs_are_followed_by_two_digits() {
        let check = |value: &str, expected: Option<&str>| {
            assert_eq!(decode(value).as_deref(), expected, "{value}");
        };
        check("shop%2Fcart*", Some("shop/cart*"));
        check("%c3%a4", Some("ä"));
        check("", Some(""));
        check("%", None);
        check("%2", None);
        check("%zz", None);
        check("%+1", None);
        check("%ff", None);
    }

    #[test]
    fn credentials_are_shown_only_by_name() {
        let shows = |query: &str, name: &str| {
            let asked = Asked::read(query).unwrap();
            asked.headers.shows(&name.parse().unwrap())
        };
        assert!(!shows("", "user-agent"));
        assert!(shows("header=User-Agent", "user-agent"));
        assert!(!shows("header=user-agent", "accept"));
        assert!(shows("header=*", "accept"));
        assert!(!shows("header=*", "cookie"));
        assert!(shows("header=*&header=cookie", "cookie"));
    }

    #[test]
    fn what_cannot_be_asked_is_said() {
        let refused = |query: &str| Asked::read(query).unwrap_err();
        begins(
            &refused("sample=2"),
            "sample= is a share from 0 to 1, not `2`",
        );
        begins(&refused("sample=NaN"), "sample= is a share");
        begins(&refused("rate=0"), "rate= is from 1 to 10000 a second");
        begins(&refused("count=-1"), "count= is a number from 1");
        begins(
            &refused("header=a b"),
            "header= is the name of a header, or *",
        );
        begins(&refused("query=maybe"), "query= is true or false");
        begins(&refused("status=6"), "status= is");
        begins(&refused("colour=red"), "there is no colour=");
        begins(&refused("path=%zz"), "path= is no text");
    }

    #[track_caller]
    fn begins(text: &str, begin: &str) {
        assert!(text.starts_with(begin), "{text}");
    }
}
