//! MC0218, MC0219, MC0220: requests that no rule takes, rules that answer nothing, and routes that
//! stand in for others.

use engine::snapshot::RouteKind;

use super::facts::Facts;
use super::{Code, Findings};
use crate::gateway::{HttpMatch, HttpRouteRule, PathMatchType};
use crate::index::{Route, RouteSpec, Service};
use crate::yaml::Step::{Index, Key};

/// Regular expressions that match every path, as people write them.
const EVERY_PATH: [&str; 6] = [".*", "/.*", "^.*$", "^/.*$", "^/.*", "^/"];

pub(super) fn analyze(facts: &Facts<'_>, findings: &mut Findings) {
    for route in facts.index.routes() {
        empty_rules(findings, route);
    }
    for service in facts.index.services() {
        views(facts, findings, service);
    }
}

/// A rule without backend answers 500, except when a filter answers instead.
fn empty_rules(findings: &mut Findings, route: &Route) {
    let mut add = |rule: usize| {
        let message = "the rule has no backendRefs: every request it takes is answered with 500";
        let help = "name a backend, or redirect with a RequestRedirect filter";
        let path = [Key("spec"), Key("rules"), Index(rule)];
        findings.add(
            Code::RuleWithoutBackend,
            &route.object,
            &path,
            message,
            help,
        );
    };
    match &route.spec {
        RouteSpec::Http(spec) => {
            for (at, rule) in spec.rules.iter().flatten().enumerate() {
                let answers = rule.filters.iter().any(|filter| {
                    filter.request_redirect.is_some() || filter.extension_ref.is_some()
                });
                if rule.backend_refs.is_empty() && !answers {
                    add(at);
                }
            }
            if spec.rules.is_none() {
                add(0);
            }
        }
        RouteSpec::Grpc(spec) => {
            for (at, rule) in spec.rules.iter().enumerate() {
                let extended = rule.filters.iter().any(|f| f.extension_ref.is_some());
                if rule.backend_refs.is_empty() && !extended {
                    add(at);
                }
            }
        }
        // Validation demands backends.
        RouteSpec::Tls(_) | RouteSpec::Tcp(_) => {}
    }
}

/// The routes of a Service as its own namespace's authors wrote them, and as others did.
fn views(facts: &Facts<'_>, findings: &mut Findings, service: &Service) {
    let consumers = facts.index.route_consumers(&service.name);
    for port in &service.ports {
        let producer = facts.index.governing(service, port, None);
        let produced = producer.as_ref().is_some_and(|g| !g.routes.is_empty());
        if let Some(producer) = &producer {
            catch_all(findings, service, producer.kind, &producer.routes);
        }
        for namespace in &consumers {
            let own = facts.index.governing(service, port, Some(namespace));
            let Some(own) = own else { continue };
            catch_all(findings, service, own.kind, &own.routes);
            if let (true, Some(first)) = (produced, own.routes.first()) {
                let message = format!(
                    "clients in {namespace} follow this route only: what {} wrote for {} does \
                     not hold for them",
                    service.name.namespace, service.name
                );
                let help = "routes of a client's namespace replace the producer's, they are not \
                            added (GEP-1294)";
                let path = [Key("spec"), Key("parentRefs")];
                let code = Code::ConsumerReplacesProducer;
                findings.add(code, &first.object, &path, message, help);
            }
        }
    }
}

fn catch_all(findings: &mut Findings, service: &Service, kind: RouteKind, routes: &[&Route]) {
    let takes_all = |route: &&Route| match &route.spec {
        RouteSpec::Http(spec) => spec.rules.iter().flatten().any(takes_every_request),
        RouteSpec::Grpc(spec) => spec.rules.iter().any(|rule| {
            let mut matches = rule.matches.iter();
            rule.matches.is_empty() || matches.any(|m| m.method.is_none() && m.headers.is_empty())
        }),
        RouteSpec::Tls(_) | RouteSpec::Tcp(_) => true,
    };
    let undefined = |route: &&Route| matches!(&route.spec, RouteSpec::Http(s) if s.rules.is_none());
    let Some(first) = routes.first() else { return };
    if routes.iter().any(takes_all) || routes.iter().any(undefined) {
        return;
    }
    let answer = match kind {
        RouteKind::Grpc => "UNIMPLEMENTED",
        _ => "404",
    };
    let message = format!(
        "requests to {} that no rule matches are answered with {answer}",
        service.name
    );
    let help = "once a Service has a route, nothing falls through to it: add a rule without \
                `matches` when the rest is wanted";
    let path = [Key("spec"), Key("rules")];
    findings.add(Code::NoCatchAll, &first.object, &path, message, help);
}

fn takes_every_request(rule: &HttpRouteRule) -> bool {
    rule.matches.is_empty() || rule.matches.iter().any(is_everything)
}

fn is_everything(one: &HttpMatch) -> bool {
    let bare = one.headers.is_empty() && one.query_params.is_empty() && one.method.is_none();
    let path = one.path.as_ref().is_none_or(|path| {
        let value = path.value.as_deref().unwrap_or("/");
        match path.r#type {
            PathMatchType::PathPrefix => value == "/",
            PathMatchType::RegularExpression => EVERY_PATH.contains(&value),
            PathMatchType::Exact => false,
        }
    });
    bare && path
}
