//! Which listeners a Gateway has, and which routes are attached to each of them (Gateway API,
//! `Listener`, `AllowedRoutes`, `ParentReference`; ListenerSets: GEP-1713).
//!
//! ```text
//!  [Gateway].listeners ◀── parentRef ── [ListenerSet].listeners
//!      ▲ allowedListeners                    ▲
//!      └── allowedRoutes: kinds, namespaces ─┴── parentRefs (sectionName, port) ── [HTTPRoute …]
//!  [ReferenceGrant] ── lets refer into another namespace ──▶ [Secret], [Service]
//! ```
//!
//! Nothing is kept but the objects: gateways are few, and what is attached where is found when one
//! is lowered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use engine::snapshot::gateway::Spoken;
use engine::snapshot::{ObjectName, RouteKind};

use super::{
    BackendTlsPolicy, Bundle, Change, EgressNetwork, Gateway, Index, ListenerSet, ReferenceGrant,
    Route, Secret, ServicePort, XBackend,
};
use crate::document::Object;
use crate::gateway::{
    AllowedFrom, AllowedRoutes, CertificateReference, FromNamespaces, GROUP, Listener,
    ParentReference,
};
use crate::kube::NAMESPACE_NAME_LABEL;

mod hosts;

/// The objects that gateways are made of.
#[derive(Clone, Debug, Default)]
pub(super) struct Gateways {
    gateways: BTreeMap<ObjectName, Gateway>,
    sets: BTreeMap<ObjectName, ListenerSet>,
    grants: BTreeMap<ObjectName, ReferenceGrant>,
    secrets: BTreeMap<ObjectName, Secret>,
    bundles: BTreeMap<ObjectName, Bundle>,
    tls: BTreeMap<ObjectName, BackendTlsPolicy>,
    backends: BTreeMap<ObjectName, XBackend>,
    egress: BTreeMap<ObjectName, EgressNetwork>,
}

/// A listener, and who declares it.
#[derive(Clone, Copy, Debug)]
pub struct ListenerAt<'a> {
    pub listener: &'a Listener,
    /// Its place in `spec.listeners`.
    pub index: usize,
    /// The Gateway, or the ListenerSet.
    pub object: &'a Arc<Object>,
    pub owner: &'a ObjectName,
    pub of_set: bool,
}

/// A route on a listener.
#[derive(Clone, Debug)]
pub struct Attached<'a> {
    pub route: &'a Route,
    /// The names for which it holds there; empty = all.
    pub hosts: Vec<Arc<str>>,
}

/// What a reference leads to, for ReferenceGrants.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Referent<'a> {
    pub(crate) group: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) name: &'a ObjectName,
}

macro_rules! kept {
    ($table:ident, $apply:ident, $remove:ident, $type:ty, $change:ident) => {
        pub(super) fn $apply(&mut self, object: $type) {
            self.gateways.$table.insert(object.name.clone(), object);
            self.changed(Change::$change);
        }

        pub(super) fn $remove(&mut self, name: &ObjectName) -> bool {
            let removed = self.gateways.$table.remove(name).is_some();
            if removed {
                self.changed(Change::$change);
            }
            removed
        }
    };
}

// === impl Index ===

impl Index {
    kept!(gateways, apply_gateway, remove_gateway, Gateway, Gateways);
    kept!(
        sets,
        apply_listener_set,
        remove_listener_set,
        ListenerSet,
        Gateways
    );
    kept!(grants, apply_grant, remove_grant, ReferenceGrant, Gateways);
    kept!(secrets, apply_secret, remove_secret, Secret, Gateways);
    kept!(bundles, apply_bundle, remove_bundle, Bundle, Gateways);
    kept!(
        tls,
        apply_backend_tls,
        remove_backend_tls,
        BackendTlsPolicy,
        Everything
    );
    kept!(
        backends,
        apply_x_backend,
        remove_x_backend,
        XBackend,
        Everything
    );
    kept!(
        egress,
        apply_egress,
        remove_egress,
        EgressNetwork,
        Everything
    );

    pub fn gateways(&self) -> impl Iterator<Item = &Gateway> {
        self.gateways.gateways.values()
    }

    pub fn gateway(&self, name: &ObjectName) -> Option<&Gateway> {
        self.gateways.gateways.get(name)
    }

    pub fn secret(&self, name: &ObjectName) -> Option<&Secret> {
        self.gateways.secrets.get(name)
    }

    pub fn bundle(&self, name: &ObjectName) -> Option<&Bundle> {
        self.gateways.bundles.get(name)
    }

    /// The Services that a BackendTLSPolicy names.
    pub fn tls_services(&self) -> BTreeSet<ObjectName> {
        let policies = self.gateways.tls.values();
        let targets = policies.flat_map(|policy| {
            let targets = policy.spec.target_refs.iter();
            let home = &policy.name.namespace;
            targets.map(|to| ObjectName::new(Arc::clone(home), to.name.as_str()))
        });
        targets.collect()
    }

    /// The BackendTLSPolicy of a port: one that names it, else one for the whole Service; of two
    /// the oldest.
    pub fn backend_tls(
        &self,
        service: &ObjectName,
        port: &ServicePort,
    ) -> Option<&BackendTlsPolicy> {
        let here = self.gateways.tls.values();
        let here = here.filter(|policy| policy.name.namespace == service.namespace);
        let fits = here.filter_map(|policy| {
            let targets = policy.spec.target_refs.iter();
            let whole = targets
                .filter(|to| to.kind == "Service" && *to.name == *service.name)
                .filter_map(|to| match to.section_name.as_deref() {
                    None => Some(true),
                    Some(section) => port.is_section(section).then_some(false),
                });
            Some((whole.min()?, policy))
        });
        let best = fits.min_by_key(|(whole, policy)| (*whole, &policy.age, &policy.name));
        best.map(|(_, policy)| policy)
    }

    pub fn x_backends(&self) -> impl Iterator<Item = &XBackend> {
        self.gateways.backends.values()
    }

    pub fn x_backend(&self, name: &ObjectName) -> Option<&XBackend> {
        self.gateways.backends.get(name)
    }

    pub fn egress_networks(&self) -> impl Iterator<Item = &EgressNetwork> {
        self.gateways.egress.values()
    }

    /// The listeners of a gateway in order of precedence: its own, then those of the ListenerSets
    /// that it allows, the oldest first. Of listeners that cannot stand side by side the first one
    /// counts, as GEP-1713 has it.
    pub fn listeners<'a>(&'a self, gateway: &'a Gateway) -> Vec<ListenerAt<'a>> {
        let own = gateway.spec.listeners.iter().enumerate();
        let own = own.map(|(index, listener)| ListenerAt {
            listener,
            index,
            object: &gateway.object,
            owner: &gateway.name,
            of_set: false,
        });
        let mut sets: Vec<_> = self.gateways.sets.values().collect();
        sets.retain(|set| self.joins(set, gateway));
        sets.sort_by_key(|set| (&set.age, &set.name));
        let of_sets = sets.into_iter().flat_map(|set| {
            let listeners = set.spec.listeners.iter().enumerate();
            listeners.map(|(index, listener)| ListenerAt {
                listener,
                index,
                object: &set.object,
                owner: &set.name,
                of_set: true,
            })
        });
        let mut found: Vec<ListenerAt<'_>> = Vec::new();
        for at in own.chain(of_sets) {
            if spoken(at.listener).is_some() && !found.iter().any(|first| first.excludes(&at)) {
                found.push(at);
            }
        }
        found
    }

    /// Whether the gateway takes the listeners of the set.
    fn joins(&self, set: &ListenerSet, gateway: &Gateway) -> bool {
        let parent = &set.spec.parent_ref;
        let namespace = parent.namespace.as_deref();
        let meant = parent.group.as_deref().unwrap_or(GROUP) == GROUP
            && parent.kind.as_deref().unwrap_or("Gateway") == "Gateway"
            && parent.name == *gateway.name.name
            && namespace.unwrap_or(&set.name.namespace) == &*gateway.name.namespace;
        let allowed = gateway.spec.allowed_listeners.as_ref();
        let allowed = allowed.and_then(|allowed| allowed.namespaces.as_ref());
        let home = &gateway.name.namespace;
        meant && self.is_from(allowed, AllowedFrom::None, home, &set.name.namespace)
    }

    /// The routes attached to a listener, oldest first.
    pub fn attached(&self, at: &ListenerAt<'_>) -> Vec<Attached<'_>> {
        let mut found: Vec<Attached<'_>> = self
            .routes
            .values()
            .filter(|route| self.may_attach(route, at))
            .filter_map(|route| {
                let names = route.spec.hostnames();
                let hosts = hosts::intersect(at.listener.hostname.as_deref(), names)?;
                Some(Attached { route, hosts })
            })
            .collect();
        found.sort_by_key(|one| (&one.route.age, &one.route.name));
        one_kind_for_a_host(found)
    }

    fn may_attach(&self, route: &Route, at: &ListenerAt<'_>) -> bool {
        let mut parents = route.spec.parents().iter();
        let allowed = at.listener.allowed_routes.as_ref();
        let namespaces = allowed.and_then(|allowed| allowed.namespaces.as_ref());
        let (home, from) = (&at.owner.namespace, &route.name.namespace);
        parents.any(|parent| at.is_meant(route, parent))
            && takes(at.listener, allowed, route.spec.kind())
            && self.is_from(namespaces, AllowedFrom::Same, home, from)
    }

    /// Whether objects of the namespace `from` are among `allowed` for one at `home`.
    fn is_from(
        &self,
        allowed: Option<&FromNamespaces>,
        default: AllowedFrom,
        home: &str,
        from: &str,
    ) -> bool {
        match allowed.and_then(|allowed| allowed.from).unwrap_or(default) {
            AllowedFrom::All => true,
            AllowedFrom::Same => home == from,
            AllowedFrom::None => false,
            AllowedFrom::Selector => {
                let selector = allowed.and_then(|allowed| allowed.selector.as_ref());
                // One that no file declares has the label that all have.
                let named = || [(NAMESPACE_NAME_LABEL.to_owned(), from.to_owned())].into();
                let namespace = self.namespaces.get(from);
                let labels = namespace.map_or_else(named, |namespace| namespace.labels.clone());
                selector.is_some_and(|selector| selector.matches(&labels))
            }
        }
    }

    /// The Secret that a listener refers to; none when it may not, or when it is no Secret.
    pub(crate) fn certificate_name(
        &self,
        at: &ListenerAt<'_>,
        to: &CertificateReference,
    ) -> Option<ObjectName> {
        let kind = to.kind.as_deref().unwrap_or("Secret");
        let group = to.group.as_deref().unwrap_or_default();
        let namespace = to.namespace.as_deref().unwrap_or(&at.owner.namespace);
        let name = ObjectName::new(namespace, to.name.as_str());
        let secret = Referent {
            group,
            kind,
            name: &name,
        };
        let may = self.may_refer(at.kind(), &at.owner.namespace, secret);
        (may && (group, kind) == ("", "Secret")).then_some(name)
    }

    /// [`may_refer_from`](Self::may_refer_from), for kinds of the Gateway API's own group.
    pub(crate) fn may_refer(&self, kind: &str, namespace: &str, to: Referent<'_>) -> bool {
        self.may_refer_from(GROUP, kind, namespace, to)
    }

    /// Whether an object of this kind and namespace may refer to `to`: one of its own namespace, or
    /// with a grant there.
    pub(crate) fn may_refer_from(
        &self,
        group: &str,
        kind: &str,
        namespace: &str,
        to: Referent<'_>,
    ) -> bool {
        let home = &to.name.namespace;
        let grants = self.gateways.grants.values();
        let mut grants = grants.filter(|grant| grant.name.namespace == *home);
        **home == *namespace
            || grants.any(|grant| {
                let mut from = grant.spec.from.iter();
                let mut into = grant.spec.to.iter();
                from.any(|from| {
                    from.group == group && from.kind == kind && from.namespace == *namespace
                }) && into.any(|into| {
                    let named = into.name.as_deref();
                    into.group == to.group
                        && into.kind == to.kind
                        && named.is_none_or(|name| name.is_empty() || *name == *to.name.name)
                })
            })
    }
}

/// An HTTPRoute and a GRPCRoute do not share a host on one listener: the older one has it (Gateway
/// API, `GRPCRoute`).
fn one_kind_for_a_host(all: Vec<Attached<'_>>) -> Vec<Attached<'_>> {
    let mut kept: Vec<Attached<'_>> = Vec::with_capacity(all.len());
    for one in all {
        let kind = one.route.spec.kind();
        let clash = |other: &Attached<'_>| {
            let pair = [kind, other.route.spec.kind()];
            pair.contains(&RouteKind::Http)
                && pair.contains(&RouteKind::Grpc)
                && hosts::overlap(&one.hosts, &other.hosts)
        };
        if !kept.iter().any(clash) {
            kept.push(one);
        }
    }
    kept
}

/// What the clients of a listener begin with; none for protocols that are not served.
pub(crate) fn spoken(listener: &Listener) -> Option<Spoken> {
    match listener.protocol.as_str() {
        "HTTP" => Some(Spoken::Http),
        "HTTPS" | "TLS" => Some(Spoken::Tls),
        "TCP" => Some(Spoken::Tcp),
        _ => None,
    }
}

/// Whether TLS is passed on as it is.
pub(crate) fn passes_through(listener: &Listener) -> bool {
    let mode = listener.tls.as_ref().and_then(|tls| tls.mode.as_deref());
    listener.protocol == "TLS" && mode == Some("Passthrough")
}

/// Whether routes of the kind can be attached, by the protocol and by what the listener says.
fn takes(listener: &Listener, allowed: Option<&AllowedRoutes>, kind: RouteKind) -> bool {
    let able = match listener.protocol.as_str() {
        "HTTP" | "HTTPS" => matches!(kind, RouteKind::Http | RouteKind::Grpc),
        "TLS" if passes_through(listener) => kind == RouteKind::Tls,
        "TLS" => matches!(kind, RouteKind::Tls | RouteKind::Tcp),
        "TCP" => kind == RouteKind::Tcp,
        _ => false,
    };
    let kinds = allowed.map(|allowed| &*allowed.kinds).unwrap_or_default();
    let listed = kinds.iter().any(|listed| {
        listed.group.as_deref().unwrap_or(GROUP) == GROUP && listed.kind == kind_name(kind)
    });
    able && (kinds.is_empty() || listed)
}

/// The kind as manifests write it.
pub(crate) fn kind_name(kind: RouteKind) -> &'static str {
    match kind {
        RouteKind::Default => "",
        RouteKind::Http => "HTTPRoute",
        RouteKind::Grpc => "GRPCRoute",
        RouteKind::Tls => "TLSRoute",
        RouteKind::Tcp => "TCPRoute",
    }
}

// === impl ListenerAt ===

impl ListenerAt<'_> {
    /// What declares it.
    fn kind(&self) -> &'static str {
        match self.of_set {
            true => "ListenerSet",
            false => "Gateway",
        }
    }

    /// Whether a parent reference of `route` names this listener.
    fn is_meant(&self, route: &Route, parent: &ParentReference) -> bool {
        let section = parent.section_name.as_deref();
        parent.group() == GROUP
            && parent.kind() == self.kind()
            && super::parent_name(route, parent) == *self.owner
            && section.is_none_or(|section| section == self.listener.name)
            && parent.port.is_none_or(|port| port == self.listener.port)
    }

    /// Whether `later` cannot stand beside this listener: another protocol on the same port, or the
    /// same host name.
    fn excludes(&self, later: &Self) -> bool {
        let host = |at: &Self| {
            let host = at.listener.hostname.as_deref().unwrap_or_default();
            host.to_ascii_lowercase()
        };
        let same_name = self.owner == later.owner
            && self.of_set == later.of_set
            && self.listener.name == later.listener.name;
        let same_port = self.listener.port == later.listener.port;
        let (first, second) = (spoken(self.listener), spoken(later.listener));
        let side_by_side =
            first == second && first != Some(Spoken::Tcp) && host(self) != host(later);
        same_name || (same_port && !side_by_side)
    }
}

#[cfg(test)]
mod tests;
