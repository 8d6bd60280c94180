//! What became of each policy and each route, in the conditions of Gateway API.
//!
//! Policies as GEP-713 has it: `Accepted` for each target (`Accepted`, `Conflicted`,
//! `TargetNotFound`, `Invalid`) and, for those that are, `Programmed` (`Programmed`, `Overridden`).
//! Routes as the standard has it: `Accepted` for each parent and `ResolvedRefs`.

use std::collections::BTreeSet;
use std::sync::Arc;

use engine::origin::Origin;
use engine::snapshot::ObjectName;

use super::attach;
use super::policies::{self, Policies, PolicyTarget};
use super::{Index, Policy, Route, Targets};
use crate::check::Code;
use crate::diagnostic::Level;
use crate::document::Object;
use crate::policy::TargetRef;
use crate::resource::{Resource, Spec};
use crate::validate::validate;

/// The conditions of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// `BackendPolicy`, `HTTPRoute`, …
    pub kind: String,
    pub name: ObjectName,
    pub origin: Origin,
    /// One for each target of a policy, each parent of a route.
    pub ancestors: Vec<Ancestor>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ancestor {
    /// `Service shop/web`, `HTTPRoute shop/web canary`.
    pub of: String,
    pub conditions: Vec<Condition>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    pub kind: ConditionKind,
    pub holds: bool,
    pub reason: Reason,
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConditionKind {
    Accepted,
    /// Of policies.
    Programmed,
    /// Of routes.
    ResolvedRefs,
}

/// The names are those of the conditions' `reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    Accepted,
    /// An older policy names the same target, or a route of a kind that goes before is attached.
    Conflicted,
    /// The object has errors.
    Invalid,
    TargetNotFound,
    Programmed,
    /// More specific policies hold everywhere that it could.
    Overridden,
    ResolvedRefs,
    BackendNotFound,
    NoMatchingParent,
}

/// The policies of a kind that hold somewhere, and those that lose a target to an older one.
struct Holding<'a> {
    anywhere: BTreeSet<&'a ObjectName>,
    /// Loser, target, winner.
    lost: Vec<(&'a ObjectName, &'a PolicyTarget, &'a ObjectName)>,
}

/// The status of every policy and route of `resources`, which `index` was loaded from; in the order
/// of the index, those with errors last.
pub fn statuses(resources: &[Resource], index: &Index) -> Vec<Status> {
    let mut found = Vec::new();
    let backend = index.holding_backend();
    index.policies(&index.backend_policies, Some(&backend), &mut found);
    let traffic = index.holding_traffic();
    index.policies(&index.traffic_policies, Some(&traffic), &mut found);
    index.policies(&index.authorization_policies, None, &mut found);
    index.policies(&index.rate_limit_policies, None, &mut found);
    found.extend(index.routes.values().map(|route| index.route_status(route)));
    found.extend(resources.iter().filter_map(invalid));
    found
}

/// A policy or route with errors is not in the index at all.
fn invalid(resource: &Resource) -> Option<Status> {
    let parents = |all: &[crate::gateway::ParentReference]| {
        all.iter()
            .map(|p| format!("Service {}", p.name))
            .collect::<Vec<_>>()
    };
    let named = |all: &[TargetRef]| all.iter().map(described).collect::<Vec<_>>();
    let of = match &resource.spec {
        Spec::BackendPolicy(spec) => named(spec.targets()),
        Spec::TrafficPolicy(spec) => named(spec.targets()),
        Spec::AuthorizationPolicy(spec) => named(spec.targets()),
        Spec::RateLimitPolicy(spec) => named(spec.targets()),
        Spec::HttpRoute(spec) => parents(&spec.parent_refs),
        Spec::GrpcRoute(spec) => parents(&spec.parent_refs),
        Spec::TlsRoute(spec) => parents(&spec.parent_refs),
        Spec::TcpRoute(spec) => parents(&spec.parent_refs),
        _ => return None,
    };
    let found = validate(resource);
    let error = found.iter().find(|found| found.level == Level::Error)?;
    let refused = || {
        condition(
            ConditionKind::Accepted,
            Reason::Invalid,
            error.message.clone(),
        )
    };
    let ancestors = of.into_iter().map(|of| Ancestor {
        of,
        conditions: vec![refused()],
    });
    Some(status(&resource.object, ancestors.collect()))
}

fn status(object: &Object, ancestors: Vec<Ancestor>) -> Status {
    Status {
        kind: object.kind.clone(),
        name: ObjectName::new(object.namespace(), object.name()),
        origin: object.origin(),
        ancestors,
    }
}

fn described(target: &TargetRef) -> String {
    let namespace = target.namespace.iter().map(|ns| format!("{ns}/"));
    let section = target
        .section_name
        .iter()
        .map(|section| format!(" {section}"));
    let namespace: String = namespace.collect();
    let section: String = section.collect();
    format!("{} {namespace}{}{section}", target.kind, target.name)
}

fn condition(kind: ConditionKind, reason: Reason, message: impl Into<String>) -> Condition {
    let good = [Reason::Accepted, Reason::Programmed, Reason::ResolvedRefs];
    Condition {
        kind,
        holds: good.contains(&reason),
        reason,
        message: message.into(),
    }
}

// === impl Index ===

impl Index {
    fn policies<S: Targets>(
        &self,
        policies: &Policies<S>,
        holding: Option<&Holding<'_>>,
        found: &mut Vec<Status>,
    ) {
        for policy in policies.all() {
            let targets = policy.spec.targets().iter().enumerate();
            let ancestors = targets.map(|(at, target)| Ancestor {
                of: described(target),
                conditions: self.target_conditions(policy, at, target, holding),
            });
            found.push(status(&policy.object, ancestors.collect()));
        }
    }

    fn target_conditions<S: Targets>(
        &self,
        policy: &Policy<S>,
        at: usize,
        target: &TargetRef,
        holding: Option<&Holding<'_>>,
    ) -> Vec<Condition> {
        let accepted = ConditionKind::Accepted;
        if let Some(missing) = self.target_finding(policy, at) {
            return vec![condition(accepted, Reason::TargetNotFound, missing.message)];
        }
        let meant = policies::resolve(&policy.name.namespace, target);
        let lost = holding.iter().flat_map(|holding| &holding.lost);
        let lost_to = lost
            .filter(|(loser, target, _)| **loser == policy.name && Some(*target) == meant.as_ref())
            .map(|(.., winner)| *winner)
            .next();
        if let Some(winner) = lost_to {
            let message = format!("the older {winner} names the same target");
            return vec![condition(accepted, Reason::Conflicted, message)];
        }
        let programmed = match holding {
            // Where nothing can hold, nothing overrides it.
            Some(holding) if !holding.anywhere.contains(&policy.name) && self.reaches(&meant) => {
                let message = "more specific policies hold everywhere that it could";
                condition(ConditionKind::Programmed, Reason::Overridden, message)
            }
            _ => condition(ConditionKind::Programmed, Reason::Programmed, ""),
        };
        vec![condition(accepted, Reason::Accepted, ""), programmed]
    }

    /// Whether there is a Service that a target could be about.
    fn reaches(&self, target: &Option<PolicyTarget>) -> bool {
        match target {
            Some(PolicyTarget::Mesh) => !self.services.is_empty(),
            Some(PolicyTarget::Namespace(name)) => self
                .services
                .keys()
                .any(|service| service.namespace == *name),
            Some(PolicyTarget::Service { .. }) => true,
            // A route that nobody governs by is the route's own affair.
            Some(
                PolicyTarget::Route { .. } | PolicyTarget::Workload(_) | PolicyTarget::Gateway(_),
            )
            | None => false,
        }
    }

    fn holding_backend(&self) -> Holding<'_> {
        let mut anywhere = BTreeSet::new();
        for service in self.services.values() {
            for view in views(self.backend_consumers(&service.name)) {
                for port in &service.ports {
                    let policy = self.backend_policy(&service.name, port, view.as_ref());
                    anywhere.extend(policy.map(|policy| &policy.name));
                }
            }
        }
        Holding {
            anywhere,
            lost: lost(&self.backend_policies),
        }
    }

    fn holding_traffic(&self) -> Holding<'_> {
        let mut anywhere = BTreeSet::new();
        for service in self.services.values() {
            let mut consumers = self.traffic_consumers(&service.name);
            consumers.extend(self.route_consumers(&service.name));
            for view in views(consumers) {
                for port in &service.ports {
                    let name = &service.name;
                    let governing = self.governing(service, port, view.as_deref());
                    let routes = governing.map(|g| g.routes).unwrap_or_default();
                    if routes.is_empty() {
                        let policy = self.traffic_policy(name, port, view.as_ref(), None);
                        anywhere.extend(policy.map(|policy| &policy.name));
                    }
                    for route in routes {
                        for rule in attach::rule_names(route) {
                            let at = Some((route, rule));
                            let policy = self.traffic_policy(name, port, view.as_ref(), at);
                            anywhere.extend(policy.map(|policy| &policy.name));
                        }
                    }
                }
            }
        }
        Holding {
            anywhere,
            lost: lost(&self.traffic_policies),
        }
    }

    fn route_status(&self, route: &Route) -> Status {
        let mut unresolved = Vec::new();
        attach::each_backend(&route.spec, |target, place| {
            let missing = self.backend_finding(route, target, place);
            unresolved.extend(missing.map(|missing| missing.message));
        });
        let resolved = match unresolved.into_iter().next() {
            Some(message) => condition(
                ConditionKind::ResolvedRefs,
                Reason::BackendNotFound,
                message,
            ),
            None => condition(ConditionKind::ResolvedRefs, Reason::ResolvedRefs, ""),
        };
        let parents = route.spec.parents().iter().enumerate();
        let ancestors = parents
            .filter(|(_, parent)| parent.is_service())
            .map(|(at, parent)| {
                let name = attach::parent_name(route, parent);
                let missing = self.parent_finding(route, parent, at);
                // A port that is opaque is there.
                let missing = missing.filter(|m| m.code != Some(Code::RouteOnOpaquePort));
                let accepted = match missing {
                    Some(missing) => (Reason::NoMatchingParent, missing.message),
                    None if self.loses(route, parent) => (
                        Reason::Conflicted,
                        "a route of a kind that goes before is attached to the same port"
                            .to_owned(),
                    ),
                    None => (Reason::Accepted, String::new()),
                };
                Ancestor {
                    of: format!("Service {name}"),
                    conditions: vec![
                        condition(ConditionKind::Accepted, accepted.0, accepted.1),
                        resolved.clone(),
                    ],
                }
            });
        let ancestors = ancestors.collect();
        status(&route.object, ancestors)
    }

    /// Whether the route governs none of the ports that `parent` means.
    fn loses(&self, route: &Route, parent: &crate::gateway::ParentReference) -> bool {
        let name = attach::parent_name(route, parent);
        let Some(service) = self.services.get(&name) else {
            return false;
        };
        let own = &*route.name.namespace;
        let view = (own != &*name.namespace).then_some(own);
        let mut ports = service
            .ports
            .iter()
            .filter(|port| attach::is_parent(route, parent, &name, port));
        !ports.any(|port| {
            let governing = self.governing(service, port, view);
            governing.is_some_and(|g| {
                g.routes
                    .iter()
                    .any(|r| r.name == route.name && r.spec.kind() == route.spec.kind())
            })
        })
    }
}

/// All clients, and those with policies or routes of their own.
fn views(consumers: BTreeSet<Arc<str>>) -> impl Iterator<Item = Option<Arc<str>>> {
    core::iter::once(None).chain(consumers.into_iter().map(Some))
}

fn lost<S: Targets>(policies: &Policies<S>) -> Vec<(&ObjectName, &PolicyTarget, &ObjectName)> {
    let conflicts = policies.conflicts();
    let each = conflicts.flat_map(|(target, winner, losers)| {
        let losers = losers.into_iter();
        losers.map(move |loser| (&loser.name, target, &winner.name))
    });
    each.collect()
}

#[cfg(test)]
mod tests;
