//! Which policy holds for what (GEP-713).
//!
//! One BackendPolicy and one TrafficPolicy holds for a place: the most specific one, whole (atomic
//! defaults); of two that are equally specific the oldest. From the least to the most specific:
//! mesh, namespace, Service, port of a Service; for traffic policies then route and rule. A policy
//! in a client's namespace for a Service of another one (consumer) goes before all that the
//! producer wrote for the Service, its namespace or the mesh. Policies that guard what is called
//! unite instead (`guard`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use engine::snapshot::{ObjectName, RouteKind};

use super::{Age, Index, Policy, Route, ServicePort, Targets};
use crate::policy::{
    BackendPolicySpec, RateLimitPolicySpec, RateLimitSide, TargetRef, TrafficPolicySpec,
};

/// What a policy is about, with all names resolved.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PolicyTarget {
    Mesh,
    Namespace(Arc<str>),
    Service {
        service: ObjectName,
        /// The namespace whose clients it holds for; none = all (producer).
        consumer: Option<Arc<str>>,
        /// Port, by name or number.
        section: Option<String>,
    },
    Route {
        kind: RouteKind,
        route: ObjectName,
        rule: Option<String>,
    },
    /// A process outside Kubernetes.
    Workload(ObjectName),
    Gateway(ObjectName),
}

/// Policies of one kind, by target.
#[derive(Clone, Debug)]
pub(super) struct Policies<S> {
    all: BTreeMap<ObjectName, Policy<S>>,
    by_target: BTreeMap<PolicyTarget, BTreeSet<(Age, ObjectName)>>,
}

// === impl Policies ===

impl<S> Default for Policies<S> {
    fn default() -> Self {
        Self {
            all: BTreeMap::new(),
            by_target: BTreeMap::new(),
        }
    }
}

impl<S: Targets> Policies<S> {
    pub(super) fn all(&self) -> impl Iterator<Item = &Policy<S>> {
        self.all.values()
    }

    /// Adds or replaces; returns the targets, old and new.
    pub(super) fn apply(&mut self, policy: Policy<S>) -> BTreeSet<PolicyTarget> {
        let mut touched = self.remove(&policy.name).unwrap_or_default();
        for target in targets(&policy) {
            let of_target = self.by_target.entry(target.clone()).or_default();
            of_target.insert((policy.age.clone(), policy.name.clone()));
            touched.insert(target);
        }
        self.all.insert(policy.name.clone(), policy);
        touched
    }

    /// Forgets a policy; returns its targets, none when it was not there.
    pub(super) fn remove(&mut self, name: &ObjectName) -> Option<BTreeSet<PolicyTarget>> {
        let policy = self.all.remove(name)?;
        let targets: BTreeSet<_> = targets(&policy).collect();
        for target in &targets {
            if let Some(names) = self.by_target.get_mut(target) {
                names.remove(&(policy.age.clone(), policy.name.clone()));
                if names.is_empty() {
                    self.by_target.remove(target);
                }
            }
        }
        Some(targets)
    }

    /// The policy that holds for exactly this target: the oldest.
    pub(super) fn for_target(&self, target: &PolicyTarget) -> Option<&Policy<S>> {
        let (_, name) = self.by_target.get(target)?.first()?;
        self.all.get(name)
    }

    /// All policies for exactly this target, oldest first: of a kind whose policies unite.
    pub(super) fn each(
        &self,
        target: &PolicyTarget,
    ) -> impl Iterator<Item = &Policy<S>> + use<'_, S> {
        let names = self.by_target.get(target).into_iter().flatten();
        names.filter_map(|(_, name)| self.all.get(name))
    }

    /// Whether some policy is about a route.
    pub(super) fn name_routes(&self) -> bool {
        let mut targets = self.by_target.keys();
        targets.any(|target| matches!(target, PolicyTarget::Route { .. }))
    }

    /// Targets that more than one policy names, with the winner and the others.
    pub(super) fn conflicts(
        &self,
    ) -> impl Iterator<Item = (&PolicyTarget, &Policy<S>, Vec<&Policy<S>>)> {
        self.by_target.iter().filter_map(|(target, names)| {
            let mut policies = names.iter().filter_map(|(_, name)| self.all.get(name));
            let winner = policies.next()?;
            let losers: Vec<_> = policies.collect();
            (!losers.is_empty()).then_some((target, winner, losers))
        })
    }

    fn for_port(
        &self,
        service: &ObjectName,
        port: &ServicePort,
        consumer: Option<&Arc<str>>,
    ) -> Option<&Policy<S>> {
        let target = |section| PolicyTarget::Service {
            service: service.clone(),
            consumer: consumer.cloned(),
            section,
        };
        // The same port may be meant by name and by number: then it is a conflict, and age decides.
        let by_number = self.for_target(&target(Some(port.port.to_string())));
        let by_name = (!port.name.is_empty())
            .then(|| self.for_target(&target(Some(port.name.clone()))))
            .flatten();
        let of_port = [by_name, by_number].into_iter().flatten();
        of_port
            .min_by(|a, b| (&a.age, &a.name).cmp(&(&b.age, &b.name)))
            .or_else(|| self.for_target(&target(None)))
    }

    /// The policy for a port of a Service: consumer's port, consumer's Service, then the producer's
    /// port, Service, namespace, and the mesh.
    fn effective(
        &self,
        service: &ObjectName,
        port: &ServicePort,
        consumer: Option<&Arc<str>>,
    ) -> Option<&Policy<S>> {
        let of_consumer = consumer.and_then(|ns| self.for_port(service, port, Some(ns)));
        let namespace = || PolicyTarget::Namespace(Arc::clone(&service.namespace));
        of_consumer
            .or_else(|| self.for_port(service, port, None))
            .or_else(|| self.for_target(&namespace()))
            .or_else(|| self.for_target(&PolicyTarget::Mesh))
    }

    /// The policy for a rule of a route, else for the route.
    fn for_rule(&self, route: &Route, rule: Option<&str>) -> Option<&Policy<S>> {
        let target = |rule| PolicyTarget::Route {
            kind: route.spec.kind(),
            route: route.name.clone(),
            rule,
        };
        let of_rule = rule.and_then(|rule| self.for_target(&target(Some(rule.into()))));
        of_rule.or_else(|| self.for_target(&target(None)))
    }

    fn consumers(&self, service: &ObjectName) -> impl Iterator<Item = Arc<str>> {
        let first = PolicyTarget::Service {
            service: service.clone(),
            consumer: None,
            section: None,
        };
        let of_service = self.by_target.range(first..).map(|(target, _)| target);
        of_service
            .map_while(move |target| match target {
                PolicyTarget::Service {
                    service: of,
                    consumer,
                    ..
                } if of == service => Some(consumer.clone()),
                _ => None,
            })
            .flatten()
    }
}

// === impl Index ===

impl Index {
    /// The backend policy for a port of a Service, as the clients of `consumer` see it.
    pub fn backend_policy(
        &self,
        service: &ObjectName,
        port: &ServicePort,
        consumer: Option<&Arc<str>>,
    ) -> Option<&Policy<BackendPolicySpec>> {
        self.backend_policies.effective(service, port, consumer)
    }

    /// The traffic policy for a rule of a route attached to a port of a Service; without a route,
    /// for the port itself.
    pub fn traffic_policy(
        &self,
        service: &ObjectName,
        port: &ServicePort,
        consumer: Option<&Arc<str>>,
        route: Option<(&Route, Option<&str>)>,
    ) -> Option<&Policy<TrafficPolicySpec>> {
        let policies = &self.traffic_policies;
        let of_route = route.and_then(|(route, rule)| policies.for_rule(route, rule));
        of_route.or_else(|| policies.effective(service, port, consumer))
    }

    /// The traffic policy for a rule of a route attached to a gateway: that of the rule, the route,
    /// the Gateway, its namespace, or the mesh.
    pub fn gateway_traffic_policy(
        &self,
        gateway: &ObjectName,
        route: Option<(&Route, Option<&str>)>,
    ) -> Option<&Policy<TrafficPolicySpec>> {
        let policies = &self.traffic_policies;
        let of_route = route.and_then(|(route, rule)| policies.for_rule(route, rule));
        let namespace = || PolicyTarget::Namespace(Arc::clone(&gateway.namespace));
        of_route
            .or_else(|| policies.for_target(&PolicyTarget::Gateway(gateway.clone())))
            .or_else(|| policies.for_target(&namespace()))
            .or_else(|| policies.for_target(&PolicyTarget::Mesh))
    }

    /// Namespaces whose clients have backend policies of their own for the Service.
    pub fn backend_consumers(&self, service: &ObjectName) -> BTreeSet<Arc<str>> {
        self.backend_policies.consumers(service).collect()
    }

    /// The limits of the client's side that hold for a port of a Service as the clients of
    /// `consumer` see it, or for a rule of a route there. All of them hold together; oldest first.
    pub(crate) fn client_limits(
        &self,
        service: &ObjectName,
        port: &ServicePort,
        consumer: Option<&Arc<str>>,
        route: Option<(&Route, Option<&str>)>,
    ) -> Vec<&Policy<RateLimitPolicySpec>> {
        let mut targets = BTreeSet::new();
        for consumer in [None, consumer] {
            let number = Some(port.port.to_string());
            let name = (!port.name.is_empty()).then(|| port.name.clone());
            for section in [None, number, name] {
                targets.insert(PolicyTarget::Service {
                    service: service.clone(),
                    consumer: consumer.cloned(),
                    section,
                });
            }
        }
        if let Some((route, rule)) = route {
            for rule in [None, rule] {
                targets.insert(PolicyTarget::Route {
                    kind: route.spec.kind(),
                    route: route.name.clone(),
                    rule: rule.map(str::to_owned),
                });
            }
        }
        let named = targets
            .iter()
            .flat_map(|target| self.rate_limit_policies.each(target));
        let of_client = named.filter(|policy| policy.spec.side() == RateLimitSide::Client);
        // A policy may name the place in several ways.
        let by_age: BTreeMap<_, _> = of_client
            .map(|policy| ((&policy.age, &policy.name), policy))
            .collect();
        by_age.into_values().collect()
    }

    /// The limits of the client's side that hold for a rule of a route attached to a gateway.
    pub(crate) fn route_limits(
        &self,
        route: &Route,
        rule: Option<&str>,
    ) -> Vec<&Policy<RateLimitPolicySpec>> {
        let target = |rule: Option<&str>| PolicyTarget::Route {
            kind: route.spec.kind(),
            route: route.name.clone(),
            rule: rule.map(str::to_owned),
        };
        let targets = BTreeSet::from([target(None), target(rule)]);
        let named = targets
            .iter()
            .flat_map(|target| self.rate_limit_policies.each(target));
        let of_client = named.filter(|policy| policy.spec.side() == RateLimitSide::Client);
        let by_age: BTreeMap<_, _> = of_client
            .map(|policy| ((&policy.age, &policy.name), policy))
            .collect();
        by_age.into_values().collect()
    }

    /// Namespaces whose clients have limits of their own for the Service.
    pub(crate) fn limit_consumers(&self, service: &ObjectName) -> BTreeSet<Arc<str>> {
        self.rate_limit_policies.consumers(service).collect()
    }

    /// Namespaces whose clients have traffic policies of their own for the Service.
    pub fn traffic_consumers(&self, service: &ObjectName) -> BTreeSet<Arc<str>> {
        self.traffic_policies.consumers(service).collect()
    }
}

/// The targets of a policy, resolved. Kinds that validation refuses are left out.
pub(super) fn targets<S: Targets>(policy: &Policy<S>) -> impl Iterator<Item = PolicyTarget> {
    policy
        .spec
        .targets()
        .iter()
        .filter_map(|target| resolve(&policy.name.namespace, target))
}

/// What `target` means in a policy of the namespace `home`.
pub(crate) fn resolve(home: &Arc<str>, target: &TargetRef) -> Option<PolicyTarget> {
    let here = |name: &str| ObjectName::new(Arc::clone(home), name);
    let route = |kind| PolicyTarget::Route {
        kind,
        route: here(&target.name),
        rule: target.section_name.clone(),
    };
    match target.kind.as_str() {
        "XMesh" => Some(PolicyTarget::Mesh),
        // A policy speaks for its own namespace only.
        "Namespace" if target.name == **home => Some(PolicyTarget::Namespace(Arc::clone(home))),
        "Service" => {
            let namespace = target.namespace.as_deref().unwrap_or(home);
            Some(PolicyTarget::Service {
                service: ObjectName::new(namespace, target.name.as_str()),
                consumer: (*namespace != **home).then(|| Arc::clone(home)),
                section: target.section_name.clone(),
            })
        }
        "HTTPRoute" => Some(route(RouteKind::Http)),
        "GRPCRoute" => Some(route(RouteKind::Grpc)),
        "Workload" => Some(PolicyTarget::Workload(here(&target.name))),
        "Gateway" => Some(PolicyTarget::Gateway(here(&target.name))),
        _ => None,
    }
}
