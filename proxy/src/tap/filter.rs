//! Which requests a reader wants to see.

use core::fmt::Write as _;

use engine::report::Ended;
use engine::time::Duration;

use super::Seen;
use super::asked::flag;
use crate::observe::Role;

/// Each that is given has to hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Filter {
    texts: Vec<(Field, Pattern)>,
    statuses: Vec<Status>,
    grpc: Vec<u32>,
    failed: bool,
    /// Only what took so long, or longer.
    min: Duration,
}

/// What has a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Side,
    Source,
    Identity,
    Service,
    Route,
    Backend,
    Upstream,
    Method,
    Authority,
    Path,
    Flag,
    Id,
}

/// A text in which `*` stands for anything.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Is(u16),
    /// `5xx`.
    Class(u16),
    /// The client saw none.
    None,
}

const FIELDS: [(&str, Field); 12] = [
    ("side", Field::Side),
    ("source", Field::Source),
    ("identity", Field::Identity),
    ("service", Field::Service),
    ("route", Field::Route),
    ("backend", Field::Backend),
    ("upstream", Field::Upstream),
    ("method", Field::Method),
    ("authority", Field::Authority),
    ("path", Field::Path),
    ("flag", Field::Flag),
    ("id", Field::Id),
];

// === impl Filter ===

impl Filter {
    /// # Errors
    /// When there is no such name, or the value is none of it.
    pub(super) fn take(&mut self, name: &str, value: &str) -> Result<(), String> {
        let is = |what: &str| format!("{name}= is {what}, not `{value}`");
        match name {
            "status" => {
                let status = Status::read(value);
                self.statuses
                    .push(status.ok_or_else(|| is("a status like 503, 5xx or none"))?);
            }
            "grpc-status" => {
                let code = value
                    .parse()
                    .map_err(|_| is("the number of a gRPC status"))?;
                self.grpc.push(code);
            }
            "failed" => self.failed = flag(value).ok_or_else(|| is("true or false"))?,
            "min-ms" => {
                let ms = value.parse().map_err(|_| is("a number of milliseconds"))?;
                self.min = Duration::from_millis(ms);
            }
            _ => {
                let found = FIELDS.iter().find(|(known, _)| *known == name);
                let (_, field) = found.ok_or_else(|| unknown(name))?;
                let value = match field {
                    Field::Method | Field::Flag => value.to_ascii_uppercase(),
                    _ => value.to_owned(),
                };
                self.texts.push((*field, Pattern(value)));
            }
        }
        Ok(())
    }

    pub(super) fn matches(&self, seen: &Seen<'_>) -> bool {
        let of = seen.record;
        let failed = matches!(of.how, Ended::Failure | Ended::LocalFailure);
        let status = self.statuses.iter().any(|s| s.matches(of.status));
        let grpc = of.grpc.is_some_and(|code| self.grpc.contains(&code));
        (failed || !self.failed)
            && (status || self.statuses.is_empty())
            && (grpc || self.grpc.is_empty())
            && of.ended.since(of.started) >= self.min
            && self
                .texts
                .iter()
                .all(|(field, _)| self.one_of(*field, seen))
    }

    /// Whether one of the values of a field matches.
    fn one_of(&self, field: Field, seen: &Seen<'_>) -> bool {
        let mut mine = self.texts.iter().filter(|(of, _)| *of == field);
        mine.any(|(_, pattern)| field.matches(pattern, seen))
    }
}

fn unknown(name: &str) -> String {
    let mut text = format!("there is no {name}=; there are");
    for (known, _) in FIELDS {
        // Writing to a string cannot fail.
        let _ = write!(text, " {known}=,");
    }
    text + " status=, grpc-status=, failed=, min-ms=, sample=, rate=, count=, header= and query="
}

// === impl Field ===

impl Field {
    fn matches(self, pattern: &Pattern, seen: &Seen<'_>) -> bool {
        let of = seen.record;
        let is = |text: &str| pattern.matches(text);
        let ends = [&of.peer, &of.server];
        let by_identity = || {
            ends.iter()
                .any(|id| id.as_ref().is_some_and(|id| is(id.as_str())))
        };
        match self {
            Self::Side => is(of.role.as_str()),
            Self::Source => {
                let by_name = match of.role {
                    Role::Outbound => is(seen.workload) || is(&of.workload.to_string()),
                    Role::Inbound => of.peer.as_ref().is_some_and(|peer| is(peer.as_str())),
                };
                by_name || of.client.is_some_and(|ip| is(&ip.to_string()))
            }
            Self::Identity => by_identity(),
            Self::Service => {
                let service = of.service.as_ref();
                service.is_some_and(|s| is(&s.name) || is(&s.to_string()))
            }
            Self::Route => of.rule.as_deref().is_some_and(is),
            Self::Backend => {
                let backend = of.backend.as_ref();
                backend.is_some_and(|b| is(&b.to_string()) || is(&b.service.to_string()))
            }
            Self::Upstream => {
                let last = of.attempts.last();
                last.is_some_and(|a| is(&a.name.to_string()))
                    || of.upstream.is_some_and(|at| is(&at.to_string()))
            }
            Self::Method => is(&of.method),
            Self::Authority => is(&of.authority),
            Self::Path => is(of.path.split('?').next().unwrap_or_default()),
            Self::Flag => of.flag.is_some_and(|flag| is(flag.as_str())),
            Self::Id => is(&of.id),
        }
    }
}

// === impl Pattern ===

impl Pattern {
    /// Each part between the stars where it comes first: the last has to be at the end.
    fn matches(&self, text: &str) -> bool {
        let Some((first, rest)) = self.0.split_once('*') else {
            return self.0 == text;
        };
        let Some(mut text) = text.strip_prefix(first) else {
            return false;
        };
        let mut parts: Vec<&str> = rest.split('*').collect();
        let last = parts.pop().unwrap_or_default();
        for part in parts {
            let Some((_, after)) = text.split_once(part) else {
                return false;
            };
            text = after;
        }
        text.ends_with(last)
    }
}

// === impl Status ===

impl Status {
    fn read(text: &str) -> Option<Self> {
        if text == "none" {
            return Some(Self::None);
        }
        match text.strip_suffix("xx") {
            Some(class) => {
                let class = class.parse().ok().filter(|c| (1..=5).contains(c));
                class.map(Self::Class)
            }
            None => {
                let status = text.parse().ok().filter(|s| (100..=999).contains(s));
                status.map(Self::Is)
            }
        }
    }

    fn matches(self, status: Option<u16>) -> bool {
        match self {
            Self::Is(wanted) => status == Some(wanted),
            Self::Class(class) => status.is_some_and(|s| s / 100 == class),
            Self::None => status.is_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tap::Asked;
    use crate::telemetry::specimen;

    #[test]
    fn stars_stand_for_anything() {
        let check = |pattern: &str, text: &str, expected: bool| {
            let matches = Pattern(pattern.to_owned()).matches(text);
            assert_eq!(matches, expected, "{pattern} {text}");
        };
        check("/cart", "/cart", true);
        check("/cart", "/cart/1", false);
        check("/cart*", "/cart", true);
        check("/cart*", "/cart/1", true);
        check("*", "", true);
        check("*cart", "/cart", true);
        check("*cart", "/carts", false);
        check("shop/*:80", "shop/web:80", true);
        check("a*b*c", "axxbyyc", true);
        check("a*b*c", "axxcyyb", false);
        check("a*ab", "ab", false);
        check("*ä*", "schön wär's", true);
    }

    /// Of a GET of /cart?id=7 by shop/front-0 at 10.0.0.1 for web.shop, which got 503 UO of
    /// shop/web-canary-7 after 31.5 ms.
    #[test]
    fn all_names_have_to_match_and_one_value_of_each() {
        let record = specimen::record();
        let seen = Seen {
            record: &record,
            workload: "shop/Deployment/front",
            headers: None,
            answer: None,
        };
        let check = |query: &str, expected: bool| {
            let asked = Asked::read(query).unwrap();
            assert_eq!(asked.filter.matches(&seen), expected, "{query}");
        };
        check("", true);
        check("side=outbound", true);
        check("side=inbound", false);
        check("source=shop/front-0", true);
        check("source=shop/Deployment/front", true);
        check("source=10.0.0.1", true);
        check("source=shop/web*", false);
        check("service=web", true);
        check("service=shop/web", true);
        check("service=shop%2Fweb", true);
        check("service=cart", false);
        check("service=cart&service=web", true);
        check("service=web&method=post", false);
        check("service=web&method=get", true);
        check("route=HTTPRoute/shop/web*", true);
        check("backend=shop/web-canary:80", true);
        check("backend=shop/web-canary", true);
        check("upstream=shop/web-canary-7", true);
        check("upstream=10.0.0.7*", true);
        check("path=/cart", true);
        check("path=/cart?id=7", false);
        check("authority=*.shop", true);
        check("status=503", true);
        check("status=5xx", true);
        check("status=4xx", false);
        check("status=none", false);
        check("grpc-status=14", false);
        check("flag=uo", true);
        check("failed", true);
        check("failed=false", true);
        check("min-ms=31", true);
        check("min-ms=32", false);
        check("identity=*", false);
        check("id=7f3a", true);
    }
}
