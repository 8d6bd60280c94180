//! GRPCRoute: the validation rules of `apis/v1/grpcroute_types.go`.

use super::check::Check;
use super::filters;
use super::http_route::{duplicates, header_match, matches_total};
use super::parents::{self, BACKENDS_MAX, RULES_MAX};
use super::text::{check_len, check_regex, shown};
use crate::gateway::{
    GrpcBackendRef, GrpcMethodMatch, GrpcRouteMatch, GrpcRouteRule, GrpcRouteSpec, MatchType,
};

const MATCHES_MAX: usize = 64;
const HEADERS_MAX: usize = 16;
const NAME_LEN_MAX: usize = 1024;

pub(super) fn check(check: &mut Check, spec: &GrpcRouteSpec) {
    parents::parents(check, &spec.parent_refs);
    parents::hostnames(check, &spec.parent_refs, &spec.hostnames);
    check.not_modelled("useDefaultGateways", &spec.use_default_gateways);
    check.at_most("rules", &spec.rules, RULES_MAX);
    matches_total(check, spec.rules.iter().map(|rule| rule.matches.len()));
    parents::rule_names(check, spec.rules.iter().map(|rule| rule.name.as_deref()));
    check.each("rules", &spec.rules, rule);
}

fn rule(check: &mut Check, rule: &GrpcRouteRule) {
    check.at_most("matches", &rule.matches, MATCHES_MAX);
    check.at_most("backendRefs", &rule.backend_refs, BACKENDS_MAX);
    check.each("matches", &rule.matches, one_match);
    filters::grpc(check, &rule.filters);
    check.each(
        "backendRefs",
        &rule.backend_refs,
        |check, backend: &GrpcBackendRef| {
            parents::backend(check, backend.target());
            filters::grpc(check, &backend.filters);
        },
    );
    parents::weights(
        check,
        rule.backend_refs.iter().map(|backend| backend.weight),
    );
    check.not_modelled("sessionPersistence", &rule.session_persistence);
}

fn one_match(check: &mut Check, one: &GrpcRouteMatch) {
    if let Some(m) = &one.method {
        check.field("method", |check| method(check, m));
    }
    check.at_most("headers", &one.headers, HEADERS_MAX);
    duplicates(
        check,
        "headers",
        one.headers.iter().map(|h| h.name.to_ascii_lowercase()),
    );
    check.each("headers", &one.headers, |check, header| {
        header_match(check, header.r#type, &header.name, &header.value);
    });
}

fn method(check: &mut Check, method: &GrpcMethodMatch) {
    if method.service.is_none() && method.method.is_none() {
        check.error(
            "the method match names neither service nor method",
            "one or both of 'service' or 'method' must be specified",
        );
    }
    for (key, value, dots) in [
        ("service", &method.service, true),
        ("method", &method.method, false),
    ] {
        let Some(value) = value else { continue };
        check.field(key, |check| {
            check_len(check, value, 1, NAME_LEN_MAX);
            match method.r#type {
                MatchType::RegularExpression => check_regex(check, value),
                MatchType::Exact if !is_identifier(value, dots) => check.error(
                    format!("`{}` is not the name of a gRPC {key}", shown(value)),
                    if dots {
                        "allowed are letters, digits, `_` and dots, such as `shop.v1.Cart`"
                    } else {
                        "allowed are letters, digits and `_`, such as `AddItem`"
                    },
                ),
                MatchType::Exact => {}
            }
        });
    }
}

/// An identifier of protobuf, with packages when `dots`.
fn is_identifier(text: &str, dots: bool) -> bool {
    let word = |word: &str| {
        let bytes = word.as_bytes();
        matches!(bytes.first(), Some(b) if b.is_ascii_alphabetic() || *b == b'_')
            && bytes
                .iter()
                .all(|b| b.is_ascii_alphanumeric() || *b == b'_')
    };
    if dots {
        text.strip_prefix('.').unwrap_or(text).split('.').all(word)
    } else {
        word(text)
    }
}
