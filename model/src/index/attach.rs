//! Which routes govern a port of a Service, for whom (GEP-1294).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use engine::snapshot::{ObjectName, RouteKind};

use super::{Index, Route, RouteSpec, Service, ServicePort};
use crate::gateway::{BackendTargetRef, ParentReference};

type RouteId = (RouteKind, ObjectName);

/// Routes by the Services they are attached to, and by those they send to.
#[derive(Clone, Debug, Default)]
pub(super) struct Attachments {
    by_parent: BTreeMap<ObjectName, BTreeSet<RouteId>>,
    by_backend: BTreeMap<ObjectName, BTreeSet<RouteId>>,
    parents: BTreeMap<RouteId, BTreeSet<ObjectName>>,
}

/// The routes of one port, as one group of clients sees them.
#[derive(Clone, Debug)]
pub struct Governing<'a> {
    /// The kind that wins; `Default` when there is no route.
    pub kind: RouteKind,
    /// Those of the winning kind, oldest first.
    pub routes: Vec<&'a Route>,
    /// Those of other kinds: they have no effect on this port.
    pub losers: Vec<&'a Route>,
}

// === impl Attachments ===

impl Attachments {
    /// Files a route; returns its parents.
    pub(super) fn apply(&mut self, route: &Route) -> BTreeSet<ObjectName> {
        let id = (route.spec.kind(), route.name.clone());
        let parents = parents(route);
        for parent in &parents {
            self.by_parent
                .entry(parent.clone())
                .or_default()
                .insert(id.clone());
        }
        for backend in backends(route) {
            self.by_backend
                .entry(backend)
                .or_default()
                .insert(id.clone());
        }
        self.parents.insert(id, parents.clone());
        parents
    }

    /// Forgets a route; returns its parents.
    pub(super) fn remove(&mut self, route: &Route) -> BTreeSet<ObjectName> {
        let id = (route.spec.kind(), route.name.clone());
        let parents = self.parents.remove(&id).unwrap_or_default();
        for parent in &parents {
            unfile(&mut self.by_parent, parent, &id);
        }
        for backend in backends(route) {
            unfile(&mut self.by_backend, &backend, &id);
        }
        parents
    }

    /// The routes that send to `backend`, mirrors included.
    pub(super) fn routes_to(&self, backend: &ObjectName) -> impl Iterator<Item = &RouteId> {
        self.by_backend.get(backend).into_iter().flatten()
    }

    /// The parents of the routes that send to `backend`.
    pub(super) fn parents_of_backend(
        &self,
        backend: &ObjectName,
    ) -> impl Iterator<Item = ObjectName> {
        let routes = self.by_backend.get(backend).into_iter().flatten();
        let parents = routes.filter_map(|id| self.parents.get(id)).flatten();
        parents.cloned().collect::<BTreeSet<_>>().into_iter()
    }
}

// === impl Index ===

impl Index {
    /// The routes of `port`: the producer's, or those of the client namespace `consumer`; none when
    /// that namespace has none of its own for this port.
    pub fn governing(
        &self,
        service: &Service,
        port: &ServicePort,
        consumer: Option<&str>,
    ) -> Option<Governing<'_>> {
        let author = consumer.unwrap_or(&service.name.namespace);
        let attached = self
            .attachments
            .by_parent
            .get(&service.name)
            .into_iter()
            .flatten();
        let mut routes: Vec<&Route> = attached
            .filter(|(_, name)| &*name.namespace == author)
            .filter_map(|id| self.routes.get(id))
            .filter(|route| {
                let mut parents = route.spec.parents().iter();
                parents.any(|parent| is_parent(route, parent, &service.name, port))
            })
            .collect();
        if routes.is_empty() && consumer.is_some() {
            return None;
        }
        // The kinds are declared in the order in which they win, `Default` before all.
        let kind = routes.iter().map(|route| route.spec.kind()).min();
        routes.sort_by(|a, b| (&a.age, &a.name).cmp(&(&b.age, &b.name)));
        let kind = kind.unwrap_or(RouteKind::Default);
        let (routes, losers) = routes
            .into_iter()
            .partition(|route| route.spec.kind() == kind);
        Some(Governing {
            kind,
            routes,
            losers,
        })
    }

    /// Namespaces other than the Service's own that have routes for it.
    pub fn route_consumers(&self, service: &ObjectName) -> BTreeSet<Arc<str>> {
        let attached = self
            .attachments
            .by_parent
            .get(service)
            .into_iter()
            .flatten();
        attached
            .map(|(_, name)| Arc::clone(&name.namespace))
            .filter(|namespace| *namespace != service.namespace)
            .collect()
    }
}

/// Whether `parent` of `route` means this port of this Service.
pub fn is_parent(
    route: &Route,
    parent: &ParentReference,
    service: &ObjectName,
    port: &ServicePort,
) -> bool {
    let number_fits = parent.port.is_none_or(|number| number.u16() == port.port);
    let section = parent.section_name.as_deref();
    let section_fits = section.is_none_or(|section| port.is_section(section));
    parent.is_service() && number_fits && section_fits && parent_name(route, parent) == *service
}

/// The Service that a parent reference names.
pub fn parent_name(route: &Route, parent: &ParentReference) -> ObjectName {
    let namespace = parent.namespace.as_deref().unwrap_or(&route.name.namespace);
    ObjectName::new(namespace, parent.name.as_str())
}

/// The Services a route is attached to.
pub(super) fn parents(route: &Route) -> BTreeSet<ObjectName> {
    let services = route
        .spec
        .parents()
        .iter()
        .filter(|parent| parent.is_service());
    services.map(|parent| parent_name(route, parent)).collect()
}

/// The Services a route sends to, mirrors included.
fn backends(route: &Route) -> BTreeSet<ObjectName> {
    let mut found = BTreeSet::new();
    each_backend(&route.spec, |target, _| {
        if target.is_service() {
            found.insert(target_name(route, target));
        }
    });
    found
}

/// The object that a backend reference of `route` names.
pub fn target_name(route: &Route, target: BackendTargetRef<'_>) -> ObjectName {
    let namespace = target.namespace.unwrap_or(&route.name.namespace);
    ObjectName::new(namespace, target.name)
}

/// A place of a backend reference below `spec`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BackendPlace {
    pub(crate) rule: usize,
    /// Index into `backendRefs`, unless a filter of the rule.
    pub(crate) backend: Option<usize>,
    /// Index into `filters`, of the rule or the backend.
    pub(crate) filter: Option<usize>,
}

/// Calls `f` for every backend reference, mirrors included.
pub(crate) fn each_backend<'a>(
    spec: &'a RouteSpec,
    mut f: impl FnMut(BackendTargetRef<'a>, BackendPlace),
) {
    let place = |rule, backend, filter| BackendPlace {
        rule,
        backend,
        filter,
    };
    match spec {
        RouteSpec::Http(spec) => {
            for (r, rule) in spec.rules.iter().flatten().enumerate() {
                let mirrors =
                    |filter: &'a crate::gateway::HttpFilter| filter.request_mirror.as_ref();
                for (i, mirror) in rule.filters.iter().enumerate() {
                    mirrors(mirror).inspect(|m| f(m.backend_ref.target(), place(r, None, Some(i))));
                }
                for (b, backend) in rule.backend_refs.iter().enumerate() {
                    f(backend.target(), place(r, Some(b), None));
                    for (i, mirror) in backend.filters.iter().enumerate() {
                        let at = place(r, Some(b), Some(i));
                        mirrors(mirror).inspect(|m| f(m.backend_ref.target(), at));
                    }
                }
            }
        }
        RouteSpec::Grpc(spec) => {
            for (r, rule) in spec.rules.iter().enumerate() {
                let mirrors =
                    |filter: &'a crate::gateway::GrpcFilter| filter.request_mirror.as_ref();
                for (i, mirror) in rule.filters.iter().enumerate() {
                    mirrors(mirror).inspect(|m| f(m.backend_ref.target(), place(r, None, Some(i))));
                }
                for (b, backend) in rule.backend_refs.iter().enumerate() {
                    f(backend.target(), place(r, Some(b), None));
                    for (i, mirror) in backend.filters.iter().enumerate() {
                        let at = place(r, Some(b), Some(i));
                        mirrors(mirror).inspect(|m| f(m.backend_ref.target(), at));
                    }
                }
            }
        }
        RouteSpec::Tls(spec) => {
            for (r, rule) in spec.rules.iter().enumerate() {
                for (b, backend) in rule.backend_refs.iter().enumerate() {
                    f(backend.target(), place(r, Some(b), None));
                }
            }
        }
        RouteSpec::Tcp(spec) => {
            for (r, rule) in spec.rules.iter().enumerate() {
                for (b, backend) in rule.backend_refs.iter().enumerate() {
                    f(backend.target(), place(r, Some(b), None));
                }
            }
        }
    }
}

/// The names of a route's rules, in their order.
pub(super) fn rule_names(route: &Route) -> Vec<Option<&str>> {
    match &route.spec {
        RouteSpec::Http(spec) => {
            let rules = spec.rules.iter().flatten();
            rules.map(|rule| rule.name.as_deref()).collect()
        }
        RouteSpec::Grpc(spec) => spec.rules.iter().map(|r| r.name.as_deref()).collect(),
        RouteSpec::Tls(spec) => spec.rules.iter().map(|r| r.name.as_deref()).collect(),
        RouteSpec::Tcp(spec) => spec.rules.iter().map(|r| r.name.as_deref()).collect(),
    }
}

fn unfile(map: &mut BTreeMap<ObjectName, BTreeSet<RouteId>>, key: &ObjectName, id: &RouteId) {
    if let Some(routes) = map.get_mut(key) {
        routes.remove(id);
        if routes.is_empty() {
            map.remove(key);
        }
    }
}
