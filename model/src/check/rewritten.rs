//! MC0812: policies of routes that their own route hides from the destination.

use engine::snapshot::RouteKind;

use super::facts::Facts;
use super::{Code, Findings};
use crate::gateway::{HttpFilter, HttpRouteRule};
use crate::index::{Index, Policy, PolicyTarget, RouteSpec, Targets, resolve};
use crate::policy::RateLimitSide;
use crate::yaml::Step::{Index as At, Key};

pub(super) fn analyze(facts: &Facts<'_>, findings: &mut Findings) {
    for policy in facts.index.authorization_policies() {
        targets(&facts.index, policy, findings);
    }
    for policy in facts.index.rate_limit_policies() {
        // The caller's proxy looks at requests before it rewrites them.
        if policy.spec.side() == RateLimitSide::Server {
            targets(&facts.index, policy, findings);
        }
    }
}

fn targets<S: Targets>(index: &Index, policy: &Policy<S>, findings: &mut Findings) {
    for (at, target) in policy.spec.targets().iter().enumerate() {
        let Some(PolicyTarget::Route {
            kind: RouteKind::Http,
            route: name,
            rule: section,
        }) = resolve(&policy.name.namespace, target)
        else {
            continue;
        };
        let mut routes = index.routes().filter(|route| route.name == name);
        let rules = routes.find_map(|route| match &route.spec {
            RouteSpec::Http(spec) => Some(spec.rules.as_deref().unwrap_or_default()),
            _ => None,
        });
        let meant = |rule: &&HttpRouteRule| section.is_none() || rule.name == section;
        let mut meant = rules.unwrap_or_default().iter().filter(meant);
        if !meant.any(rewrites) {
            continue;
        }
        let message = format!(
            "HTTPRoute {name} rewrites the path before the request reaches the proxy that enforces \
             the policy: it may be about no request"
        );
        let help = "name the Service instead of the route, and the rewritten path in the rules";
        let path = [Key("spec"), Key("targetRefs"), At(at), Key("name")];
        findings.add(Code::PathRewritten, &policy.object, &path, message, help);
    }
}

fn rewrites(rule: &HttpRouteRule) -> bool {
    let of_backends = rule
        .backend_refs
        .iter()
        .flat_map(|backend| &backend.filters);
    let path = |filter: &HttpFilter| {
        let rewrite = filter.url_rewrite.as_ref();
        rewrite.is_some_and(|rewrite| rewrite.path.is_some())
    };
    rule.filters.iter().chain(of_backends).any(path)
}
