//! Resources joined: apply, remove, and what changed.
//!
//! ```text
//!  [Namespace]        [EndpointSlice] ──▶ [Service] ◀── selector ── [Pod]
//!                                            ▲ ▲
//!                 parentRefs, backendRefs ───┘ └─── targetRefs
//!                       [HTTPRoute …]       [BackendPolicy] [TrafficPolicy] ──▶ routes, namespaces
//!                                           [AuthorizationPolicy] [RateLimitPolicy] ──▶ pods
//! ```
//!
//! Each arrow is kept as a map from its target, so that a change costs what it touches: a pod finds
//! its Services by its labels, a Service its pods by one pair of its selector. Whoever lowers the
//! index asks for the changes since the last time ([`Index::changes_since`]).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use engine::snapshot::{ObjectName, RouteKind};

mod attach;
mod endpoints;
mod facts;
mod findings;
pub(crate) mod gateways;
mod guard;
mod policies;
mod ports;
pub(crate) mod protocol;
mod select;
mod status;

pub use endpoints::EndpointFact;
pub use facts::{
    Age, AuthorizationPolicy, BackendPolicy, BackendTlsPolicy, Bundle, ContainerPort,
    EgressNetwork, EndpointSlice, Gateway, Inject, KeyPair, ListenerSet, Namespace, Pod, PodState,
    Policy, Probe, RateLimitPolicy, ReferenceGrant, Route, RouteSpec, Secret, Service, ServiceKind,
    ServicePort, SliceEndpoint, Stated, TargetPort, Targets, TrafficPolicy, Written, XBackend,
};
pub use gateways::{Attached, ListenerAt};
pub use policies::PolicyTarget;
pub(crate) use policies::resolve;
pub use status::{Ancestor, Condition, ConditionKind, Reason, Status, statuses};

pub(crate) use attach::each_backend;
pub use attach::{Governing, is_parent, parent_name, target_name};

use crate::inject::Settings;
pub(crate) use guard::RouteScope;

use attach::Attachments;
use gateways::Gateways;
use policies::Policies;
use select::Selection;

/// Changes that are remembered. Who has missed more than this lowers everything anew, which costs
/// about as much as that many single changes.
const CHANGES_MAX: usize = 4096;

/// Which pods are in the mesh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MeshMode {
    /// Every pod, except those that opted out or share the host's network.
    #[default]
    All,
    /// Only those that opted in, themselves or by their namespace.
    Annotated,
}

/// What the index joins: one object of a kind it knows.
#[derive(Clone, Debug)]
pub enum Fact {
    Namespace(Namespace),
    Service(Service),
    Pod(Pod),
    EndpointSlice(EndpointSlice),
    Route(Box<Route>),
    BackendPolicy(Box<BackendPolicy>),
    TrafficPolicy(Box<TrafficPolicy>),
    AuthorizationPolicy(Box<AuthorizationPolicy>),
    RateLimitPolicy(Box<RateLimitPolicy>),
    Gateway(Box<Gateway>),
    ListenerSet(Box<ListenerSet>),
    ReferenceGrant(Box<ReferenceGrant>),
    Secret(Secret),
    Bundle(Bundle),
    BackendTlsPolicy(Box<BackendTlsPolicy>),
    XBackend(Box<XBackend>),
    EgressNetwork(Box<EgressNetwork>),
}

/// Names one resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    Namespace(Arc<str>),
    Service(ObjectName),
    Pod(ObjectName),
    EndpointSlice(ObjectName),
    Route(RouteKind, ObjectName),
    BackendPolicy(ObjectName),
    TrafficPolicy(ObjectName),
    AuthorizationPolicy(ObjectName),
    RateLimitPolicy(ObjectName),
    Gateway(ObjectName),
    ListenerSet(ObjectName),
    ReferenceGrant(ObjectName),
    Secret(ObjectName),
    Bundle(ObjectName),
    BackendTlsPolicy(ObjectName),
    XBackend(ObjectName),
    EgressNetwork(ObjectName),
}

/// What has to be lowered again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// Ports, addresses, kind, or its existence: everything that hangs on the Service.
    Service(ObjectName),
    /// Its endpoints.
    Endpoints(ObjectName),
    /// Routes and traffic policies of its ports.
    Routes(ObjectName),
    /// Its backend policies.
    Clusters(ObjectName),
    /// The pod as a workload: identity, inbound ports.
    Pod(ObjectName),
    /// An object that gateways and backends outside look at: who runs a gateway lowers it anew with
    /// each change.
    Gateways,
    /// A namespace, a policy for a namespace or the mesh, or a way out of it.
    Everything,
}

/// All resources, and how they refer to each other.
#[derive(Clone, Debug, Default)]
pub struct Index {
    mode: MeshMode,
    namespaces: BTreeMap<Arc<str>, Namespace>,
    services: BTreeMap<ObjectName, Service>,
    pods: BTreeMap<ObjectName, Pod>,
    slices: BTreeMap<ObjectName, EndpointSlice>,
    slices_of: BTreeMap<ObjectName, BTreeSet<ObjectName>>,
    selection: Selection,
    routes: BTreeMap<(RouteKind, ObjectName), Route>,
    attachments: Attachments,
    backend_policies: Policies<crate::policy::BackendPolicySpec>,
    traffic_policies: Policies<crate::policy::TrafficPolicySpec>,
    authorization_policies: Policies<crate::policy::AuthorizationPolicySpec>,
    rate_limit_policies: Policies<crate::policy::RateLimitPolicySpec>,
    gateways: Gateways,
    revision: u64,
    changes: VecDeque<Change>,
}

// === impl Index ===

impl Index {
    pub fn new(mode: MeshMode) -> Self {
        Self {
            mode,
            ..Self::default()
        }
    }

    /// Adds or replaces a resource, as `kubectl apply` does.
    pub fn apply(&mut self, resource: Fact) {
        match resource {
            Fact::Namespace(namespace) => self.apply_namespace(namespace),
            Fact::Service(service) => self.apply_service(service),
            Fact::Pod(pod) => self.apply_pod(pod),
            Fact::EndpointSlice(slice) => self.apply_slice(slice),
            Fact::Route(route) => self.apply_route(*route),
            Fact::BackendPolicy(policy) => {
                let changes = self.backend_policies.apply(*policy);
                self.policy_changed(changes, Change::Clusters);
            }
            Fact::TrafficPolicy(policy) => {
                let changes = self.traffic_policies.apply(*policy);
                self.policy_changed(changes, Change::Routes);
            }
            Fact::AuthorizationPolicy(policy) => {
                let changes = self.authorization_policies.apply(*policy);
                self.guard_changed(changes);
            }
            Fact::RateLimitPolicy(policy) => {
                let changes = self.rate_limit_policies.apply(*policy);
                self.guard_changed(changes);
            }
            Fact::Gateway(gateway) => self.apply_gateway(*gateway),
            Fact::ListenerSet(set) => self.apply_listener_set(*set),
            Fact::ReferenceGrant(grant) => self.apply_grant(*grant),
            Fact::Secret(secret) => self.apply_secret(secret),
            Fact::Bundle(bundle) => self.apply_bundle(bundle),
            Fact::BackendTlsPolicy(policy) => self.apply_backend_tls(*policy),
            Fact::XBackend(backend) => self.apply_x_backend(*backend),
            Fact::EgressNetwork(network) => self.apply_egress(*network),
        }
    }

    /// Removes a resource; true when it was there.
    pub fn remove(&mut self, key: &Key) -> bool {
        match key {
            Key::Namespace(name) => {
                let removed = self.namespaces.remove(name);
                let said = removed.as_ref().is_some_and(|ns| {
                    ns.inject != Inject::Unset || *ns.settings != Settings::default()
                });
                if said {
                    self.changed(Change::Everything);
                }
                removed.is_some()
            }
            Key::Service(name) => self.remove_service(name),
            Key::Pod(name) => self.remove_pod(name),
            Key::EndpointSlice(name) => self.remove_slice(name),
            Key::Route(kind, name) => self.remove_route(*kind, name),
            Key::BackendPolicy(name) => {
                let changes = self.backend_policies.remove(name);
                let removed = changes.is_some();
                self.policy_changed(changes.unwrap_or_default(), Change::Clusters);
                removed
            }
            Key::TrafficPolicy(name) => {
                let changes = self.traffic_policies.remove(name);
                let removed = changes.is_some();
                self.policy_changed(changes.unwrap_or_default(), Change::Routes);
                removed
            }
            Key::AuthorizationPolicy(name) => {
                let changes = self.authorization_policies.remove(name);
                let removed = changes.is_some();
                self.guard_changed(changes.unwrap_or_default());
                removed
            }
            Key::RateLimitPolicy(name) => {
                let changes = self.rate_limit_policies.remove(name);
                let removed = changes.is_some();
                self.guard_changed(changes.unwrap_or_default());
                removed
            }
            Key::Gateway(name) => self.remove_gateway(name),
            Key::ListenerSet(name) => self.remove_listener_set(name),
            Key::ReferenceGrant(name) => self.remove_grant(name),
            Key::Secret(name) => self.remove_secret(name),
            Key::Bundle(name) => self.remove_bundle(name),
            Key::BackendTlsPolicy(name) => self.remove_backend_tls(name),
            Key::XBackend(name) => self.remove_x_backend(name),
            Key::EgressNetwork(name) => self.remove_egress(name),
        }
    }

    pub fn mode(&self) -> MeshMode {
        self.mode
    }

    pub fn namespace(&self, name: &str) -> Option<&Namespace> {
        self.namespaces.get(name)
    }

    pub fn services(&self) -> impl Iterator<Item = &Service> {
        self.services.values()
    }

    pub fn service(&self, name: &ObjectName) -> Option<&Service> {
        self.services.get(name)
    }

    pub fn pods(&self) -> impl Iterator<Item = &Pod> {
        self.pods.values()
    }

    pub fn pod(&self, name: &ObjectName) -> Option<&Pod> {
        self.pods.get(name)
    }

    pub fn routes(&self) -> impl Iterator<Item = &Route> {
        self.routes.values()
    }

    pub fn backend_policies(&self) -> impl Iterator<Item = &BackendPolicy> {
        self.backend_policies.all()
    }

    pub fn traffic_policies(&self) -> impl Iterator<Item = &TrafficPolicy> {
        self.traffic_policies.all()
    }

    pub fn authorization_policies(&self) -> impl Iterator<Item = &AuthorizationPolicy> {
        self.authorization_policies.all()
    }

    pub fn rate_limit_policies(&self) -> impl Iterator<Item = &RateLimitPolicy> {
        self.rate_limit_policies.all()
    }

    /// The Services whose selector matches the pod.
    pub fn services_of_pod(&self, pod: &ObjectName) -> impl Iterator<Item = &Service> {
        let names = self.selection.services_of(pod);
        names.filter_map(|name| self.services.get(name))
    }

    /// The pods that the Service's selector matches.
    pub fn pods_of_service(&self, service: &ObjectName) -> impl Iterator<Item = &Pod> {
        let names = self.selection.pods_of(service);
        names.filter_map(|name| self.pods.get(name))
    }

    /// Whether EndpointSlices tell the endpoints of the Service.
    pub(crate) fn has_slices(&self, service: &ObjectName) -> bool {
        self.slices_of.contains_key(service)
    }

    /// Whether the pod has a proxy.
    pub fn is_meshed(&self, pod: &Pod) -> bool {
        let namespace = self.namespaces.get(&pod.name.namespace);
        let inherited = namespace.map_or(Inject::Unset, |namespace| namespace.inject);
        match (pod.inject, inherited) {
            _ if pod.injected => true,
            _ if pod.host_network => false,
            (Inject::Enabled, _) | (Inject::Unset, Inject::Enabled) => true,
            (Inject::Disabled, _) | (Inject::Unset, Inject::Disabled) => false,
            (Inject::Unset, Inject::Unset) => self.mode == MeshMode::All,
        }
    }

    /// Grows with every change.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// What changed since `revision`; none when that is too long ago.
    pub fn changes_since(&self, revision: u64) -> Option<impl Iterator<Item = &Change>> {
        let missed = usize::try_from(self.revision.checked_sub(revision)?).ok()?;
        let skip = self.changes.len().checked_sub(missed)?;
        Some(self.changes.iter().skip(skip))
    }

    fn changed(&mut self, change: Change) {
        if self.changes.len() == CHANGES_MAX {
            self.changes.pop_front();
        }
        self.changes.push_back(change);
        self.revision += 1;
    }

    // --- namespaces ---

    fn apply_namespace(&mut self, namespace: Namespace) {
        let (inject, settings) = (namespace.inject, Arc::clone(&namespace.settings));
        let labels = namespace.labels.clone();
        let before = self
            .namespaces
            .insert(Arc::clone(&namespace.name), namespace);
        let relabelled = before.as_ref().is_none_or(|before| before.labels != labels);
        let same = match before {
            Some(before) => before.inject == inject && before.settings == settings,
            None => inject == Inject::Unset && *settings == Settings::default(),
        };
        if !same {
            self.changed(Change::Everything);
        } else if relabelled {
            self.changed(Change::Gateways);
        }
    }

    // --- services ---

    fn apply_service(&mut self, service: Service) {
        let name = service.name.clone();
        let before = self.services.get(&name);
        if before == Some(&service) {
            return;
        }
        if before.is_none_or(|before| before.selector != service.selector) {
            self.reselect(&service);
        }
        self.services.insert(name.clone(), service);
        self.service_changed(&name);
    }

    fn remove_service(&mut self, name: &ObjectName) -> bool {
        if self.services.remove(name).is_none() {
            return false;
        }
        let released = self.selection.remove_service(name);
        for pod in released {
            self.changed(Change::Pod(pod));
        }
        self.service_changed(name);
        true
    }

    /// The Service itself, the pods it selects (their inbound ports) and the routes that name it.
    fn service_changed(&mut self, name: &ObjectName) {
        let pods: Vec<_> = self.selection.pods_of(name).cloned().collect();
        for pod in pods {
            self.changed(Change::Pod(pod));
        }
        let parents: Vec<_> = self.attachments.parents_of_backend(name).collect();
        for parent in parents {
            self.changed(Change::Routes(parent));
        }
        self.changed(Change::Service(name.clone()));
        self.guarded_route_changed();
    }

    fn reselect(&mut self, service: &Service) {
        let touched = self
            .selection
            .apply_service(&service.name, &service.selector, &self.pods);
        for pod in touched {
            self.changed(Change::Pod(pod));
        }
    }

    // --- pods ---

    fn apply_pod(&mut self, pod: Pod) {
        let name = pod.name.clone();
        let before = self.pods.get(&name);
        if before == Some(&pod) {
            return;
        }
        let relabelled = before.is_none_or(|before| before.labels != pod.labels);
        let mut touched: BTreeSet<ObjectName> =
            self.selection.services_of(&name).cloned().collect();
        if relabelled {
            let services = &self.services;
            self.selection.apply_pod(&name, &pod.labels, |service| {
                services.get(service).map(|service| &service.selector)
            });
            touched.extend(self.selection.services_of(&name).cloned());
        }
        touched.extend(self.sliced_services(&name));
        self.pods.insert(name.clone(), pod);
        self.pod_changed(name, touched);
    }

    fn remove_pod(&mut self, name: &ObjectName) -> bool {
        if self.pods.remove(name).is_none() {
            return false;
        }
        let mut touched: BTreeSet<ObjectName> = self.selection.remove_pod(name).collect();
        touched.extend(self.sliced_services(name));
        self.pod_changed(name.clone(), touched);
        true
    }

    fn pod_changed(&mut self, name: ObjectName, services: BTreeSet<ObjectName>) {
        for service in services {
            self.changed(Change::Endpoints(service));
        }
        self.changed(Change::Pod(name));
    }

    /// Services with an EndpointSlice that names the pod: the pod gives the endpoint its identity.
    fn sliced_services(&self, pod: &ObjectName) -> Vec<ObjectName> {
        let names = |slice: &&EndpointSlice| {
            let mut pods = slice
                .endpoints
                .iter()
                .filter_map(|endpoint| endpoint.pod.as_ref());
            slice.name.namespace == pod.namespace && pods.any(|name| *name == pod.name)
        };
        let first = ObjectName::new(Arc::clone(&pod.namespace), "");
        let of_namespace = self.slices.range(first..).map(|(_, slice)| slice);
        of_namespace
            .take_while(|slice| slice.name.namespace == pod.namespace)
            .filter(names)
            .map(EndpointSlice::service_name)
            .collect()
    }

    // --- endpoint slices ---

    fn apply_slice(&mut self, slice: EndpointSlice) {
        if self.slices.get(&slice.name) == Some(&slice) {
            return;
        }
        self.remove_slice(&slice.name);
        let service = slice.service_name();
        let of_service = self.slices_of.entry(service.clone()).or_default();
        of_service.insert(slice.name.clone());
        self.slices.insert(slice.name.clone(), slice);
        self.changed(Change::Endpoints(service));
    }

    fn remove_slice(&mut self, name: &ObjectName) -> bool {
        let Some(slice) = self.slices.remove(name) else {
            return false;
        };
        let service = slice.service_name();
        if let Some(slices) = self.slices_of.get_mut(&service) {
            slices.remove(name);
            if slices.is_empty() {
                self.slices_of.remove(&service);
            }
        }
        self.changed(Change::Endpoints(service));
        true
    }

    // --- routes and policies ---

    fn apply_route(&mut self, route: Route) {
        let kind = route.spec.kind();
        self.remove_route(kind, &route.name.clone());
        let parents = self.attachments.apply(&route);
        self.routes.insert((kind, route.name.clone()), route);
        for parent in parents {
            self.changed(Change::Routes(parent));
        }
        self.guarded_route_changed();
    }

    fn remove_route(&mut self, kind: RouteKind, name: &ObjectName) -> bool {
        let Some(route) = self.routes.remove(&(kind, name.clone())) else {
            return false;
        };
        for parent in self.attachments.remove(&route) {
            self.changed(Change::Routes(parent));
        }
        self.guarded_route_changed();
        true
    }

    fn policy_changed(
        &mut self,
        targets: BTreeSet<PolicyTarget>,
        of_service: fn(ObjectName) -> Change,
    ) {
        for target in targets {
            match target {
                PolicyTarget::Mesh | PolicyTarget::Namespace(_) => self.changed(Change::Everything),
                PolicyTarget::Service { service, .. } => self.changed(of_service(service)),
                PolicyTarget::Route { kind, route, .. } => {
                    let found = self.routes.get(&(kind, route));
                    let parents = found.map(attach::parents).unwrap_or_default();
                    for parent in parents {
                        self.changed(Change::Routes(parent));
                    }
                }
                PolicyTarget::Gateway(_) => self.changed(Change::Gateways),
                // Named by those only that guard it.
                PolicyTarget::Workload(_) => {}
            }
        }
    }
}

// === impl EndpointSlice ===

impl EndpointSlice {
    fn service_name(&self) -> ObjectName {
        ObjectName::new(Arc::clone(&self.name.namespace), Arc::clone(&self.service))
    }
}

// === impl Fact ===

impl Fact {
    pub fn key(&self) -> Key {
        match self {
            Self::Namespace(namespace) => Key::Namespace(Arc::clone(&namespace.name)),
            Self::Service(service) => Key::Service(service.name.clone()),
            Self::Pod(pod) => Key::Pod(pod.name.clone()),
            Self::EndpointSlice(slice) => Key::EndpointSlice(slice.name.clone()),
            Self::Route(route) => Key::Route(route.spec.kind(), route.name.clone()),
            Self::BackendPolicy(policy) => Key::BackendPolicy(policy.name.clone()),
            Self::TrafficPolicy(policy) => Key::TrafficPolicy(policy.name.clone()),
            Self::AuthorizationPolicy(policy) => Key::AuthorizationPolicy(policy.name.clone()),
            Self::RateLimitPolicy(policy) => Key::RateLimitPolicy(policy.name.clone()),
            Self::Gateway(gateway) => Key::Gateway(gateway.name.clone()),
            Self::ListenerSet(set) => Key::ListenerSet(set.name.clone()),
            Self::ReferenceGrant(grant) => Key::ReferenceGrant(grant.name.clone()),
            Self::Secret(secret) => Key::Secret(secret.name.clone()),
            Self::Bundle(bundle) => Key::Bundle(bundle.name.clone()),
            Self::BackendTlsPolicy(policy) => Key::BackendTlsPolicy(policy.name.clone()),
            Self::XBackend(backend) => Key::XBackend(backend.name.clone()),
            Self::EgressNetwork(network) => Key::EgressNetwork(network.name.clone()),
        }
    }
}

#[cfg(test)]
mod tests;
