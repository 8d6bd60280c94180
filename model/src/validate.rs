//! A resource judged alone: what the CRDs of Gateway API enforce with OpenAPI bounds and CEL rules,
//! and the same for our own kinds.
//!
//! Types and numbers out of range are refused while reading (`number`, `decode`); here are the
//! rules that need more than one field, and the warnings about fields that have no effect. Every
//! finding points at its field. References to other objects are judged by the index.

mod authorization_policy;
mod backend_policy;
mod balance;
mod breaker;
mod check;
mod filters;
mod gateway;
mod grpc_route;
mod health;
mod http_route;
mod jwt;
mod l4_route;
mod outside;
mod overload;
mod parents;
mod rate_limit_policy;
pub(crate) mod targets;
mod text;
mod traffic_policy;
mod workload;

use crate::check::Code;
use crate::diagnostic::{Diagnostic, Level};
use crate::document::Object;
use crate::policy;
use crate::resource::{Resource, Spec};
use crate::yaml::Step;

use check::{Check, Finding, Segment};

/// Findings about one resource, in the order of the rules.
pub fn validate(resource: &Resource) -> Vec<Diagnostic> {
    let object = &resource.object;
    match &resource.spec {
        Spec::HttpRoute(spec) => run(object, |check| http_route::check(check, spec)),
        Spec::GrpcRoute(spec) => run(object, |check| grpc_route::check(check, spec)),
        Spec::TcpRoute(spec) => run(object, |check| l4_route::tcp(check, spec)),
        Spec::TlsRoute(spec) => run(object, |check| l4_route::tls(check, spec)),
        Spec::Gateway(spec) => run(object, |check| gateway::gateway(check, spec)),
        Spec::ListenerSet(spec) => run(object, |check| gateway::listener_set(check, spec)),
        Spec::GatewayClass(spec) => run(object, |check| gateway::gateway_class(check, spec)),
        Spec::ReferenceGrant(spec) => run(object, |check| gateway::reference_grant(check, spec)),
        Spec::BackendPolicy(spec) => run(object, |check| backend_policy::check(check, spec)),
        Spec::TrafficPolicy(spec) => run(object, |check| traffic_policy::check(check, spec)),
        Spec::AuthorizationPolicy(spec) => {
            run(object, |check| authorization_policy::check(check, spec))
        }
        Spec::RateLimitPolicy(spec) => run(object, |check| rate_limit_policy::check(check, spec)),
        Spec::BackendTlsPolicy(spec) => run(object, |check| outside::backend_tls(check, spec)),
        Spec::XBackend(spec) => run(object, |check| outside::x_backend(check, spec)),
        Spec::EgressNetwork(spec) => run(object, |check| outside::egress_network(check, spec)),
        Spec::OwnWorkload(spec) => run(object, |check| workload::check(check, spec)),
        _ => Vec::new(),
    }
}

fn run(object: &Object, rules: impl FnOnce(&mut Check)) -> Vec<Diagnostic> {
    let mut check = Check::default();
    check.field("spec", rules);
    let findings = check.into_findings().into_iter();
    findings
        .map(|finding| diagnostic(object, finding))
        .collect()
}

fn diagnostic(object: &Object, finding: Finding) -> Diagnostic {
    let path: Vec<Step<'_>> = finding
        .path
        .iter()
        .map(|segment| match segment {
            Segment::Key(key) => Step::Key(key),
            Segment::Index(index) => Step::Index(*index),
        })
        .collect();
    let diagnostic = match finding.level {
        Level::Error => Diagnostic::error(finding.message),
        Level::Warning => Diagnostic::warning(finding.message),
        Level::Note => Diagnostic::note(finding.message),
    };
    let by_group = match object.group() {
        policy::GROUP => Code::PolicyRule,
        _ => Code::GatewayRule,
    };
    let diagnostic = diagnostic.code(finding.code.unwrap_or(by_group));
    let diagnostic = match finding.help {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    };
    object.diagnostic_at(diagnostic, &path)
}

#[cfg(test)]
mod tests;
