//! HTTPRoute: the validation rules of `apis/v1/httproute_types.go`.

use std::collections::BTreeSet;

use super::check::Check;
use super::filters::{self, PrefixUse};
use super::parents::{self, BACKENDS_MAX, RULES_MAX};
use super::text::{HEADER_VALUE_LEN_MAX, check_header_name, check_len, check_regex, shown};
use crate::check::Code;
use crate::gateway::{
    HttpBackendRef, HttpHeaderMatch, HttpMatch, HttpPathMatch, HttpQueryMatch, HttpRouteRule,
    HttpRouteSpec, HttpTimeouts, MatchType, PathMatchType,
};

const MATCHES_MAX: usize = 64;
/// Over all rules of a route.
const MATCHES_TOTAL_MAX: usize = 128;
const HEADERS_MAX: usize = 16;
const QUERY_MAX: usize = 16;
const PATH_LEN_MAX: usize = 1024;
const QUERY_VALUE_LEN_MAX: usize = 1024;

pub(super) fn check(check: &mut Check, spec: &HttpRouteSpec) {
    parents::parents(check, &spec.parent_refs);
    parents::hostnames(check, &spec.parent_refs, &spec.hostnames);
    check.not_modelled("useDefaultGateways", &spec.use_default_gateways);
    let Some(rules) = &spec.rules else { return };
    rule_count(check, rules.len());
    matches_total(check, rules.iter().map(|rule| rule.matches.len()));
    parents::rule_names(check, rules.iter().map(|rule| rule.name.as_deref()));
    check.each("rules", rules, rule);
}

/// A list of rules has between 1 and 16 entries.
pub(super) fn rule_count(check: &mut Check, count: usize) {
    if count == 0 || count > RULES_MAX {
        check.field("rules", |check| {
            check.error(
                format!("`rules` has {count} entries"),
                format!("1 to {RULES_MAX} are allowed"),
            );
        });
    }
}

pub(super) fn matches_total(check: &mut Check, counts: impl Iterator<Item = usize>) {
    let total: usize = counts.sum();
    if total > MATCHES_TOTAL_MAX {
        check.field("rules", |check| {
            check.error(
                format!("the rules have {total} matches in all"),
                format!("at most {MATCHES_TOTAL_MAX} are allowed in one route"),
            );
        });
    }
}

fn rule(check: &mut Check, rule: &HttpRouteRule) {
    check.at_most("matches", &rule.matches, MATCHES_MAX);
    check.at_most("backendRefs", &rule.backend_refs, BACKENDS_MAX);
    check.each("matches", &rule.matches, one_match);
    let prefix = PrefixUse::of(&rule.matches);
    filters::http(check, &rule.filters, prefix);
    let redirect = rule
        .filters
        .iter()
        .position(|f| f.request_redirect.is_some());
    if let (Some(index), false) = (redirect, rule.backend_refs.is_empty()) {
        check.item("filters", index, |check| {
            check.error(
                "a RequestRedirect filter must not be used together with backendRefs",
                "a redirected request reaches no backend: remove one of the two",
            );
        });
    }
    check.each(
        "backendRefs",
        &rule.backend_refs,
        |check, backend: &HttpBackendRef| {
            parents::backend(check, backend.target());
            filters::http(check, &backend.filters, prefix);
        },
    );
    parents::weights(
        check,
        rule.backend_refs.iter().map(|backend| backend.weight),
    );
    if let Some(timeouts) = &rule.timeouts {
        check.field("timeouts", |check| timeout_order(check, timeouts));
    }
    check.not_modelled("sessionPersistence", &rule.session_persistence);
}

fn timeout_order(check: &mut Check, timeouts: &HttpTimeouts) {
    let request = timeouts
        .request
        .and_then(crate::policy::GepDuration::non_zero);
    let (Some(request), Some(backend)) = (request, timeouts.backend_request) else {
        return;
    };
    if backend.get() > request {
        check.field("backendRequest", |check| {
            check.coded(Code::BackendTimeoutTooLong, |check| {
                check.error(
                    "backendRequest timeout cannot be longer than request timeout",
                    format!("request is {request:?}: it ends all tries together"),
                );
            });
        });
    }
}

fn one_match(check: &mut Check, one: &HttpMatch) {
    if let Some(path) = &one.path {
        check.field("path", |check| {
            check.field("value", |check| self::path(check, path));
        });
    }
    check.at_most("headers", &one.headers, HEADERS_MAX);
    headers(check, &one.headers);
    check.at_most("queryParams", &one.query_params, QUERY_MAX);
    query(check, &one.query_params);
}

/// The rules for `matches[].path.value`.
fn path(check: &mut Check, path: &HttpPathMatch) {
    let value = path.value.as_deref().unwrap_or("/");
    if value.len() > PATH_LEN_MAX {
        check_len(check, value, 0, PATH_LEN_MAX);
        return;
    }
    if path.r#type == PathMatchType::RegularExpression {
        check_regex(check, value);
        return;
    }
    if !value.starts_with('/') {
        check.error(
            format!("the path `{}` is not absolute", shown(value)),
            "value must be an absolute path and start with '/'",
        );
        return;
    }
    let lower = value.to_ascii_lowercase();
    let forbidden = ["//", "/./", "/../", "%2f", "#"]
        .into_iter()
        .find(|part| lower.contains(part));
    let ending = ["/..", "/."].into_iter().find(|part| lower.ends_with(part));
    if let Some(part) = forbidden {
        check.error(
            format!("the path `{}` contains `{part}`", shown(value)),
            "such a path is never seen after normalisation; remove that part",
        );
    } else if let Some(part) = ending {
        check.error(
            format!("the path `{}` ends with `{part}`", shown(value)),
            "such a path is never seen after normalisation; remove that part",
        );
    } else if !is_path(value.as_bytes()) {
        check.error(
            format!(
                "the path `{}` has a character that paths cannot have",
                shown(value)
            ),
            "letters, digits, -._~!$&'()*+,;=:@/ and %XX are allowed (RFC 3986)",
        );
    }
}

fn is_path(path: &[u8]) -> bool {
    let mut rest = path;
    loop {
        match rest {
            [] => return true,
            [b'%', a, b, after @ ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => {
                rest = after;
            }
            [b, after @ ..] if b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(b) => {
                rest = after;
            }
            _ => return false,
        }
    }
}

fn headers(check: &mut Check, headers: &[HttpHeaderMatch]) {
    duplicates(
        check,
        "headers",
        headers.iter().map(|h| h.name.to_ascii_lowercase()),
    );
    check.each("headers", headers, |check, header| {
        header_match(check, header.r#type, &header.name, &header.value);
    });
}

/// One header match, of HTTPRoute or GRPCRoute.
pub(super) fn header_match(check: &mut Check, kind: MatchType, name: &str, value: &str) {
    check.field("name", |check| check_header_name(check, name));
    check.field("value", |check| {
        check_len(check, value, 1, HEADER_VALUE_LEN_MAX);
        if kind == MatchType::RegularExpression {
            check_regex(check, value);
        }
    });
}

/// Two matches of one name: the first counts (Gateway API), so the second is a mistake.
pub(super) fn duplicates(check: &mut Check, key: &str, names: impl Iterator<Item = String>) {
    let mut seen = BTreeSet::new();
    for (index, name) in names.enumerate() {
        if seen.contains(&name) {
            check.item(key, index, |check| {
                check.field("name", |check| {
                    check.error(
                        format!("`{}` is matched twice", shown(&name)),
                        "only the first match of a name would count; use a regular expression \
                         or another rule",
                    );
                });
            });
        }
        seen.insert(name);
    }
}

fn query(check: &mut Check, params: &[HttpQueryMatch]) {
    duplicates(check, "queryParams", params.iter().map(|p| p.name.clone()));
    check.each("queryParams", params, |check, param| {
        check.field("name", |check| check_header_name(check, &param.name));
        check.field("value", |check| {
            check_len(check, &param.value, 1, QUERY_VALUE_LEN_MAX);
            if param.r#type == MatchType::RegularExpression {
                check_regex(check, &param.value);
            }
        });
    });
}
