//! What guards the ports of a pod: mutual TLS, authorization, rate limits.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::origin::Origin;
use engine::snapshot::authz::{Applied, Authorization, Policy, Scope};
use engine::snapshot::ratelimit::{self, Limited, RateLimits};
use engine::snapshot::{
    ClusterKey, Failures, Frontend, Inbound, InboundPort, InboundTls, ObjectName, PodTls,
    RouteTable, Rule, Timeouts,
};

use super::{authorization, rate_limit};
use crate::document::Object;
use crate::gateway::ParentReference;
use crate::index::{AuthorizationPolicy, Index, Pod, RateLimitPolicy, Route, RouteScope};
use crate::policy::MtlsMode;
use crate::yaml::Step;

/// Lowered policies, shared by all pods that they guard.
#[derive(Clone, Debug, Default)]
pub(super) struct Guards {
    /// With the object each was made from: another one makes another policy.
    authorization: BTreeMap<ObjectName, (Arc<Object>, Arc<Policy>)>,
    rate_limits: BTreeMap<ObjectName, (Arc<Object>, Arc<ratelimit::Policy>)>,
    /// Tables with nothing but matches, by the version of the whole table.
    tables: BTreeMap<u64, Arc<RouteTable>>,
}

/// Finds the frontend of a Service's port as the clients of a namespace see it; none = as all
/// others do.
pub(super) type Tables<'a> = &'a dyn Fn(&ClusterKey, Option<&str>) -> Option<Arc<Frontend>>;

// === impl Guards ===

impl Guards {
    /// Forgets everything; who is still there is lowered again.
    pub(super) fn clear(&mut self) {
        self.authorization.clear();
        self.rate_limits.clear();
        self.tables.clear();
    }

    /// Sets what guards each port of `inbound`.
    pub(super) fn set(
        &mut self,
        index: &Index,
        pod: &Pod,
        inbound: &mut Inbound,
        tables: Tables<'_>,
    ) {
        for (number, port) in &mut inbound.ports {
            self.set_port(index, pod, Some(*number), port, tables);
        }
        self.set_port(index, pod, None, &mut inbound.default, tables);
    }

    fn set_port(
        &mut self,
        index: &Index,
        pod: &Pod,
        number: Option<u16>,
        port: &mut InboundPort,
        tables: Tables<'_>,
    ) {
        if let Some((tls, origin)) = mtls(index, pod, number) {
            port.tls = tls;
            port.tls_origin = Some(origin);
        }
        let mut policies = Vec::new();
        for guard in index.authorization(pod, number) {
            // One that only sets the mode says nothing about requests.
            if guard.policy.spec.rules.is_none() && guard.policy.spec.jwt.is_none() {
                continue;
            }
            let policy = self.authorization(guard.policy);
            let scopes = self.scopes_of(index, guard.scope.as_ref(), tables);
            policies.extend(scopes.into_iter().map(|scope| Applied {
                policy: policy.clone(),
                scope,
            }));
        }
        // Stable: of one action the oldest stays first.
        policies.sort_by_key(|applied| applied.policy.action);
        port.authorization = Arc::new(Authorization { policies });
        let mut policies = Vec::new();
        for guard in index.rate_limits(pod, number) {
            let policy = self.rate_limit(guard.policy);
            let scopes = self.scopes_of(index, guard.scope.as_ref(), tables);
            policies.extend(scopes.into_iter().map(|scope| Limited {
                policy: policy.clone(),
                scope,
            }));
        }
        port.limits = Arc::new(RateLimits { policies });
    }

    /// One none for a policy that is about all requests.
    fn scopes_of(
        &mut self,
        index: &Index,
        scope: Option<&RouteScope<'_>>,
        tables: Tables<'_>,
    ) -> Vec<Option<Scope>> {
        let Some(scope) = scope else {
            return vec![None];
        };
        let scopes = self.scopes(index, scope, tables).into_iter();
        scopes.map(Some).collect()
    }

    /// Where the rules of a route stand in the tables of its parents.
    fn scopes(&mut self, index: &Index, scope: &RouteScope<'_>, tables: Tables<'_>) -> Vec<Scope> {
        let route = scope.route;
        let of_route = |origin: &Origin| {
            let (place, own) = (origin.place(), route.origin.place());
            let same = (&place.kind, &place.namespace, &place.name)
                == (&own.kind, &own.namespace, &own.name);
            let is = |index: &usize| place.part == format!("rules[{index}]");
            same && scope.rules.iter().any(is)
        };
        let parents = route.spec.parents().iter();
        let ports = parents.flat_map(|parent| parent_ports(index, route, parent));
        let mut scopes = Vec::new();
        for (key, consumer) in ports {
            let Some(frontend) = tables(&key, consumer) else {
                continue;
            };
            let rules = frontend.routes.rules().iter().enumerate();
            let rules = rules.filter(|(_, rule)| of_route(&rule.origin));
            let rules: Vec<usize> = rules.map(|(position, _)| position).collect();
            if !rules.is_empty() {
                let table = self.matches_only(&frontend.routes);
                scopes.push(Scope { table, rules });
            }
        }
        scopes
    }

    /// The table without what its rules do: the destination only asks which of them wins.
    fn matches_only(&mut self, table: &RouteTable) -> Arc<RouteTable> {
        let known = self.tables.entry(table.version());
        let bare = known.or_insert_with(|| {
            let rules = table.rules().iter().map(|rule| Rule {
                name: rule.name.clone(),
                matches: rule.matches.clone(),
                filters: Vec::new(),
                backends: Vec::new(),
                timeouts: Timeouts::default(),
                retry: None,
                fault: None,
                admission: None,
                limits: Vec::new(),
                failures: Failures::default(),
                origin: rule.origin.clone(),
            });
            Arc::new(RouteTable::new(table.kind(), rules.collect()))
        });
        bare.clone()
    }

    fn authorization(&mut self, policy: &AuthorizationPolicy) -> Arc<Policy> {
        let known = self.authorization.get(&policy.name);
        if let Some((_, lowered)) = known.filter(|(of, _)| Arc::ptr_eq(of, &policy.object)) {
            return lowered.clone();
        }
        let lowered = Arc::new(authorization::policy(policy));
        let entry = (policy.object.clone(), lowered.clone());
        self.authorization.insert(policy.name.clone(), entry);
        lowered
    }
}

impl Guards {
    fn rate_limit(&mut self, policy: &RateLimitPolicy) -> Arc<ratelimit::Policy> {
        let known = self.rate_limits.get(&policy.name);
        if let Some((_, lowered)) = known.filter(|(of, _)| Arc::ptr_eq(of, &policy.object)) {
            return lowered.clone();
        }
        let lowered = Arc::new(rate_limit::policy(policy));
        let entry = (policy.object.clone(), lowered.clone());
        self.rate_limits.insert(policy.name.clone(), entry);
        lowered
    }
}

/// Which ports of a pod its clients reach over mutual TLS.
pub(super) fn pod_tls(index: &Index, pod: &Pod) -> PodTls {
    let Some((_, peer)) = index.peer_authentication(pod) else {
        return PodTls::default();
    };
    let mutual = |mode| mode != MtlsMode::Disable;
    let default = mutual(peer.mtls);
    let except = peer
        .ports
        .iter()
        .filter(|port| mutual(port.mtls) != default);
    PodTls {
        mutual: default,
        except: except.map(|port| port.port.u16()).collect(),
    }
}

/// The mode of a port, and the policy that says so; none for the default.
fn mtls(index: &Index, pod: &Pod, port: Option<u16>) -> Option<(InboundTls, Origin)> {
    let (policy, peer) = index.peer_authentication(pod)?;
    let own = peer.ports.iter().find(|one| Some(one.port.u16()) == port);
    let line = policy
        .object
        .line_at(&[Step::Key("spec"), Step::Key("peerAuthentication")]);
    let mode = match own.map_or(peer.mtls, |one| one.mtls) {
        MtlsMode::Strict => InboundTls::Strict,
        MtlsMode::Permissive => InboundTls::Permissive,
        MtlsMode::Disable => InboundTls::Disable,
    };
    Some((mode, policy.origin.part("peerAuthentication", line)))
}

/// The ports that a parent reference means; with the route's namespace when it is a consumer.
fn parent_ports<'a>(
    index: &'a Index,
    route: &'a Route,
    parent: &'a ParentReference,
) -> Vec<(ClusterKey, Option<&'a str>)> {
    let name = crate::index::parent_name(route, parent);
    let consumer = (name.namespace != route.name.namespace).then_some(&*route.name.namespace);
    let Some(service) = index.service(&name) else {
        return Vec::new();
    };
    let ports = service.ports.iter();
    let meant = ports.filter(|port| crate::index::is_parent(route, parent, &name, port));
    meant
        .map(|port| (super::layout::key(&name, port.port), consumer))
        .collect()
}
