//! HTTP statuses as users write sets of them.

use core::fmt;
use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// One status (`503`), a range with both ends (`"500-599"`), or a hundred of them (`"5xx"`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StatusSpan {
    pub from: u16,
    pub to: u16,
}

struct Text;

const MIN: u16 = 100;
const MAX: u16 = 599;

// === impl StatusSpan ===

impl StatusSpan {
    fn parse(text: &str) -> Option<Self> {
        let number = |text: &str| -> Option<u16> {
            let all_digits = text.len() == 3 && text.bytes().all(|b| b.is_ascii_digit());
            all_digits.then(|| text.parse().ok()).flatten()
        };
        let (from, to) = match (text.strip_suffix("xx"), text.split_once('-')) {
            (Some(hundreds), _) => {
                let from = number(&format!("{hundreds}00"))?;
                (from, from + 99)
            }
            (None, Some((from, to))) => (number(from)?, number(to)?),
            (None, None) => (number(text)?, number(text)?),
        };
        (MIN <= from && from <= to && to <= MAX).then_some(Self { from, to })
    }
}

impl JsonSchema for StatusSpan {
    fn schema_name() -> Cow<'static, str> {
        "StatusSpan".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "x-kubernetes-int-or-string": true,
            "pattern": "^[1-5]([0-9]{2}|xx)(-[1-5][0-9]{2})?$",
        })
    }
}

impl fmt::Display for StatusSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.from == self.to {
            true => write!(f, "{}", self.from),
            false => write!(f, "{}-{}", self.from, self.to),
        }
    }
}

impl Visitor<'_> for Text {
    type Value = StatusSpan;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a status such as 503, a range such as \"500-599\", or \"5xx\"")
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<StatusSpan, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<StatusSpan, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<StatusSpan, E> {
        StatusSpan::parse(text).ok_or_else(|| {
            // Never longer than a line.
            let shown: String = text.chars().take(40).collect();
            E::custom(format_args!(
                "`{shown}` is no status: write one from {MIN} to {MAX}, a range such as \
                 \"500-599\", or \"5xx\""
            ))
        })
    }
}

impl<'de> Deserialize<'de> for StatusSpan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Text)
    }
}

impl Serialize for StatusSpan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.from == self.to {
            true => serializer.serialize_u16(self.from),
            false => serializer.collect_str(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_status_a_range_and_a_hundred() {
        let check = |text: &str, expected: Option<(u16, u16)>| {
            let read = serde_json::from_str::<StatusSpan>(text).ok();
            assert_eq!(read.map(|s| (s.from, s.to)), expected, "{text}");
        };
        check("503", Some((503, 503)));
        check("\"503\"", Some((503, 503)));
        check("\"500-504\"", Some((500, 504)));
        check("\"5xx\"", Some((500, 599)));
        check("\"1xx\"", Some((100, 199)));
        for bad in [
            "99",
            "600",
            "\"504-500\"",
            "\"6xx\"",
            "\"xx\"",
            "\"5x\"",
            "-1",
            "\"+50\"",
            "5.5",
        ] {
            check(bad, None);
        }
    }
}
