//! Which AuthorizationPolicies and RateLimitPolicies guard a port of a pod.
//!
//! Other than the policies of clients they do not replace one another: all that name the pod, by
//! mesh, namespace, Service or route, hold together. A Workload may be named itself.

use std::collections::BTreeSet;

use engine::snapshot::{ObjectName, RouteKind};

use super::attach;
use super::policies::{Policies, PolicyTarget};
use super::{Change, Index, Pod, Policy, Route, Service, Targets};
use crate::policy::{
    AuthorizationPolicySpec, PeerAuthentication, RateLimitPolicySpec, RateLimitSide,
    WorkloadSelector,
};

/// A policy that guards a port, for all requests or for those of a route.
#[derive(Debug)]
pub(crate) struct Guard<'a, S> {
    pub(crate) policy: &'a Policy<S>,
    pub(crate) scope: Option<RouteScope<'a>>,
}

/// Rules of a route that send to the port.
#[derive(Clone, Debug)]
pub(crate) struct RouteScope<'a> {
    pub(crate) route: &'a Route,
    /// Indices into the route's rules.
    pub(crate) rules: Vec<usize>,
}

/// A policy that names workloads.
pub(super) trait Guards: Targets {
    fn selector(&self) -> Option<&WorkloadSelector>;
}

// === impl Guards ===

impl Guards for AuthorizationPolicySpec {
    fn selector(&self) -> Option<&WorkloadSelector> {
        self.selector.as_ref()
    }
}

impl Guards for RateLimitPolicySpec {
    fn selector(&self) -> Option<&WorkloadSelector> {
        self.selector.as_ref()
    }
}

// === impl Index ===

impl Index {
    /// The AuthorizationPolicies of a port of a pod; of a port nobody declared those that hold for
    /// all of its ports.
    pub(crate) fn authorization(
        &self,
        pod: &Pod,
        port: Option<u16>,
    ) -> Vec<Guard<'_, AuthorizationPolicySpec>> {
        self.guards(&self.authorization_policies, pod, port)
    }

    /// The RateLimitPolicies of the server's side of a port of a pod.
    pub(crate) fn rate_limits(
        &self,
        pod: &Pod,
        port: Option<u16>,
    ) -> Vec<Guard<'_, RateLimitPolicySpec>> {
        let mut guards = self.guards(&self.rate_limit_policies, pod, port);
        guards.retain(|guard| guard.policy.spec.side() == RateLimitSide::Server);
        guards
    }

    /// The AuthorizationPolicies that name a Gateway, oldest first. Those of its namespace and of
    /// the mesh are about what workloads are asked, not about who comes in from outside.
    pub(crate) fn gateway_authorization(
        &self,
        gateway: &ObjectName,
    ) -> impl Iterator<Item = &Policy<AuthorizationPolicySpec>> {
        let target = PolicyTarget::Gateway(gateway.clone());
        self.authorization_policies.each(&target)
    }

    /// The RateLimitPolicies that name a Gateway, oldest first.
    pub(crate) fn gateway_rate_limits(
        &self,
        gateway: &ObjectName,
    ) -> impl Iterator<Item = &Policy<RateLimitPolicySpec>> {
        let target = PolicyTarget::Gateway(gateway.clone());
        self.rate_limit_policies.each(&target)
    }

    /// What decides about mutual TLS of a pod: the namespace's policy before the mesh's, one with a
    /// selector before one without, the oldest of two alike; it holds as a whole.
    pub(crate) fn peer_authentication(
        &self,
        pod: &Pod,
    ) -> Option<(&Policy<AuthorizationPolicySpec>, &PeerAuthentication)> {
        let levels = [
            PolicyTarget::Namespace(pod.name.namespace.clone()),
            PolicyTarget::Mesh,
        ];
        let of_level = |target: &PolicyTarget, selected: bool| {
            let policies = self.authorization_policies.each(target);
            let mut found = policies.filter_map(move |policy| {
                let peer = policy.spec.peer_authentication.as_ref()?;
                let fits = policy.spec.selector.is_some() == selected && selects(policy, pod);
                fits.then_some((policy, peer))
            });
            found.next()
        };
        levels
            .iter()
            .find_map(|level| of_level(level, true).or_else(|| of_level(level, false)))
    }

    fn guards<'a, S: Guards>(
        &'a self,
        policies: &'a Policies<S>,
        pod: &Pod,
        port: Option<u16>,
    ) -> Vec<Guard<'a, S>> {
        let wide = [
            PolicyTarget::Mesh,
            PolicyTarget::Namespace(pod.name.namespace.clone()),
        ];
        let mut targets: BTreeSet<PolicyTarget> = wide.into_iter().collect();
        if pod.is_workload() {
            targets.insert(PolicyTarget::Workload(pod.name.clone()));
        }
        if let Some(port) = port {
            self.services_of_pod(&pod.name)
                .for_each(|service| targets.extend(service_targets(service, pod, port)));
        }
        let mut guards: Vec<Guard<'a, S>> = Vec::new();
        for policy in targets.iter().flat_map(|target| policies.each(target)) {
            // A policy may name the pod in several ways.
            let known = guards.iter().any(|guard| guard.policy.name == policy.name);
            if !known && selects(policy, pod) {
                guards.push(Guard {
                    policy,
                    scope: None,
                });
            }
        }
        if let (Some(port), true) = (port, policies.name_routes()) {
            self.route_guards(policies, pod, port, &mut guards);
        }
        guards
            .sort_by(|a, b| (&a.policy.age, &a.policy.name).cmp(&(&b.policy.age, &b.policy.name)));
        guards
    }

    /// Policies of routes that send to this port of the pod.
    fn route_guards<'a, S: Guards>(
        &'a self,
        policies: &'a Policies<S>,
        pod: &Pod,
        port: u16,
        guards: &mut Vec<Guard<'a, S>>,
    ) {
        let routes: BTreeSet<_> = self
            .services_of_pod(&pod.name)
            .flat_map(|service| self.attachments.routes_to(&service.name))
            .collect();
        for (kind, name) in routes {
            let Some(route) = self.routes.get(&(*kind, name.clone())) else {
                continue;
            };
            let sending = self.rules_to(route, pod, port);
            for (rules, target) in route_targets(*kind, name, route, &sending) {
                for policy in policies.each(&target).filter(|policy| selects(policy, pod)) {
                    let scope = RouteScope {
                        route,
                        rules: rules.clone(),
                    };
                    guards.push(Guard {
                        policy,
                        scope: Some(scope),
                    });
                }
            }
        }
    }

    /// The rules of a route that send to this port of the pod.
    fn rules_to(&self, route: &Route, pod: &Pod, port: u16) -> BTreeSet<usize> {
        let mut rules = BTreeSet::new();
        let selecting: BTreeSet<_> = self.services_of_pod(&pod.name).map(|s| &s.name).collect();
        attach::each_backend(&route.spec, |target, place| {
            let name = attach::target_name(route, target);
            let service = self
                .services
                .get(&name)
                .filter(|s| selecting.contains(&s.name));
            let to = service.and_then(|service| service.port(target.port?));
            if target.is_service() && to.and_then(|to| pod.resolve(&to.target)) == Some(port) {
                rules.insert(place.rule);
            }
        });
        rules
    }

    /// A policy of this kind was added, changed or removed.
    pub(super) fn guard_changed(&mut self, targets: BTreeSet<PolicyTarget>) {
        for target in targets {
            match target {
                PolicyTarget::Service { service, .. } => {
                    let pods: Vec<_> = self.selection.pods_of(&service).cloned().collect();
                    for pod in pods {
                        self.changed(Change::Pod(pod));
                    }
                    // Limits of the client's side are part of its routes.
                    self.changed(Change::Routes(service));
                }
                PolicyTarget::Workload(name) => self.changed(Change::Pod(name)),
                PolicyTarget::Gateway(_) => self.changed(Change::Gateways),
                PolicyTarget::Mesh | PolicyTarget::Namespace(_) | PolicyTarget::Route { .. } => {
                    self.changed(Change::Everything);
                }
            }
        }
    }

    /// A route was added, changed or removed: pods that policies of routes guard look at its rules.
    pub(super) fn guarded_route_changed(&mut self) {
        if self.authorization_policies.name_routes() || self.rate_limit_policies.name_routes() {
            self.changed(Change::Everything);
        }
    }
}

fn selects<S: Guards>(policy: &Policy<S>, pod: &Pod) -> bool {
    let selector = policy.spec.selector();
    selector.is_none_or(|selector| selector.matches(&pod.labels))
}

/// The Service itself, and its ports that lead to this one of the pod, by name and number.
fn service_targets(service: &Service, pod: &Pod, port: u16) -> Vec<PolicyTarget> {
    let target = |section| PolicyTarget::Service {
        service: service.name.clone(),
        consumer: None,
        section,
    };
    let mut targets = Vec::new();
    for of in &service.ports {
        if pod.resolve(&of.target) == Some(port) {
            targets.extend([target(None), target(Some(of.port.to_string()))]);
            if !of.name.is_empty() {
                targets.push(target(Some(of.name.clone())));
            }
        }
    }
    targets
}

/// The route and its named rules as targets, each with those of `rules` that it means.
fn route_targets(
    kind: RouteKind,
    name: &ObjectName,
    route: &Route,
    rules: &BTreeSet<usize>,
) -> Vec<(Vec<usize>, PolicyTarget)> {
    let target = |rule| PolicyTarget::Route {
        kind,
        route: name.clone(),
        rule,
    };
    if rules.is_empty() {
        return Vec::new();
    }
    let mut targets = vec![(rules.iter().copied().collect(), target(None))];
    for (index, rule) in attach::rule_names(route).into_iter().enumerate() {
        if let (Some(rule), true) = (rule, rules.contains(&index)) {
            targets.push((vec![index], target(Some(rule.to_owned()))));
        }
    }
    targets
}
