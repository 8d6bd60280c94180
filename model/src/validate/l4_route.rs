//! TCPRoute and TLSRoute: `apis/v1/tcproute_types.go`, `apis/v1/tlsroute_types.go`.

use super::check::Check;
use super::parents::{self, BACKENDS_MAX};
use super::text::check_host;
use crate::gateway::{BackendRef, TcpRouteSpec, TlsRouteSpec};

/// In v1; the alpha versions had 16, of which no implementation used more than the first.
const RULES_MAX: usize = 1;
const SERVER_NAMES_MAX: usize = 1024;

pub(super) fn tcp(check: &mut Check, spec: &TcpRouteSpec) {
    parents::parents(check, &spec.parent_refs);
    check.not_modelled("useDefaultGateways", &spec.use_default_gateways);
    one_rule(check, spec.rules.len());
    parents::rule_names(check, spec.rules.iter().map(|rule| rule.name.as_deref()));
    check.each("rules", &spec.rules, |check, rule| {
        backends(check, &rule.backend_refs);
    });
}

pub(super) fn tls(check: &mut Check, spec: &TlsRouteSpec) {
    parents::parents(check, &spec.parent_refs);
    check.not_modelled("useDefaultGateways", &spec.use_default_gateways);
    if spec.hostnames.is_empty() {
        check.error(
            "the route has no hostnames",
            "1 to 1024 server names are allowed, such as `db.example.com` or `*.example.com`",
        );
    }
    check.at_most("hostnames", &spec.hostnames, SERVER_NAMES_MAX);
    check.each("hostnames", &spec.hostnames, |check, host| {
        check_host(check, host, true);
    });
    one_rule(check, spec.rules.len());
    parents::rule_names(check, spec.rules.iter().map(|rule| rule.name.as_deref()));
    check.each("rules", &spec.rules, |check, rule| {
        backends(check, &rule.backend_refs);
    });
}

fn one_rule(check: &mut Check, count: usize) {
    if count != RULES_MAX {
        check.field("rules", |check| {
            check.error(
                format!("`rules` has {count} entries"),
                "exactly one rule is allowed: nothing but the connection could tell rules apart",
            );
        });
    }
}

fn backends(check: &mut Check, backends: &[BackendRef]) {
    if backends.is_empty() {
        check.error(
            "the rule has no backendRefs",
            format!("1 to {BACKENDS_MAX} are allowed"),
        );
    }
    check.at_most("backendRefs", backends, BACKENDS_MAX);
    check.each("backendRefs", backends, |check, backend| {
        parents::backend(check, backend.target());
    });
    parents::weights(check, backends.iter().map(|backend| backend.weight));
}
