//! The routes of one port of a Service, or of a listener of a gateway → its route table.

use std::sync::Arc;

use engine::origin::Origin;
use engine::snapshot::route::Match;
use engine::snapshot::{
    BackendRef, BackendTarget, ClusterKey, Filter, ObjectName, RouteKind, RouteTable, Rule,
    ratelimit,
};

use super::http::{self, Refs};
use super::traffic::{Inline, traffic};
use super::{outside, rate_limit};
use crate::gateway::{BackendTargetRef, GrpcRouteRule, HttpMatch, HttpRouteRule, Weight};
use crate::index::gateways::{Referent, kind_name};
use crate::index::{
    Attached, Gateway, Index, Route, RouteSpec, Service, ServiceKind, ServicePort, TrafficPolicy,
    target_name,
};
use crate::yaml::Step;

/// A port of a Service, seen by the clients of `consumer`, or by all others.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) index: &'a Index,
    pub(super) service: &'a Service,
    pub(super) port: &'a ServicePort,
    pub(super) consumer: Option<&'a Arc<str>>,
}

/// Where rules hold: which policies they have, and what they may refer to.
#[derive(Clone, Copy)]
pub(super) enum Scope<'a> {
    Port(View<'a>),
    Gateway(&'a Index, &'a Gateway),
}

/// A rule of a route, and where it stands.
struct At<'a> {
    scope: Scope<'a>,
    route: &'a Route,
    rule: usize,
    /// The names for which it holds, on gateways; empty = all.
    hosts: &'a [Arc<str>],
}

// === impl View ===

impl View<'_> {
    /// The table: the consumer's own routes, else the producer's, else everything to the Service.
    pub(super) fn table(self) -> RouteTable {
        let consumer = self.consumer.map(|namespace| &**namespace);
        let of_consumer =
            consumer.and_then(|_| self.index.governing(self.service, self.port, consumer));
        let governing = of_consumer.or_else(|| self.index.governing(self.service, self.port, None));
        match governing {
            Some(governing) if governing.kind != RouteKind::Default => {
                let scope = Scope::Port(self);
                let rules = governing
                    .routes
                    .into_iter()
                    .flat_map(|route| scope.rules(route, &[]));
                RouteTable::new(governing.kind, rules.collect())
            }
            _ => RouteTable::new(RouteKind::Default, vec![self.default_rule()]),
        }
    }

    /// What the client's proxy limits.
    fn limits(self, route: Option<(&Route, Option<&str>)>) -> Vec<Arc<ratelimit::Policy>> {
        let (service, port) = (&self.service.name, self.port);
        let policies = self
            .index
            .client_limits(service, port, self.consumer, route);
        let policies = policies.into_iter().map(rate_limit::policy);
        policies.map(Arc::new).collect()
    }

    /// Without a route everything goes to the Service itself.
    fn default_rule(self) -> Rule {
        let port = self.port;
        let origin = self
            .service
            .origin
            .part(format!("port {}", port.port), port.line);
        let name = &self.service.name;
        let policy = self.index.traffic_policy(name, port, self.consumer, None);
        let traffic = traffic(Inline::default(), policy);
        Rule {
            name: "default".into(),
            matches: Vec::new(),
            filters: Vec::new(),
            backends: vec![BackendRef {
                weight: 1,
                target: BackendTarget::Cluster(ClusterKey {
                    service: name.clone(),
                    port: port.port,
                }),
                filters: Vec::new(),
                origin: origin.clone(),
            }],
            timeouts: traffic.timeouts,
            retry: traffic.retry,
            fault: traffic.fault,
            admission: traffic.admission,
            limits: self.limits(None),
            failures: traffic.failures,
            origin,
        }
    }
}

// === impl Scope ===

impl Scope<'_> {
    /// The rules of the routes attached to a listener.
    pub(super) fn attached(self, routes: &[Attached<'_>]) -> Vec<Rule> {
        let rules = routes.iter();
        rules
            .flat_map(|one| self.rules(one.route, &one.hosts))
            .collect()
    }

    fn rules(self, route: &Route, hosts: &[Arc<str>]) -> Vec<Rule> {
        let at = |rule| At {
            scope: self,
            route,
            rule,
            hosts,
        };
        match &route.spec {
            RouteSpec::Http(spec) => match &spec.rules {
                Some(rules) => {
                    let rules = rules.iter().enumerate();
                    rules.map(|(index, rule)| at(index).http(rule)).collect()
                }
                // The API server's default: one rule that matches everything.
                None => vec![at(0).http(&HttpRouteRule::default())],
            },
            RouteSpec::Grpc(spec) => {
                let rules = spec.rules.iter().enumerate();
                rules.map(|(index, rule)| at(index).grpc(rule)).collect()
            }
            RouteSpec::Tls(spec) => {
                let named = spec.hostnames.iter().map(|host| host.as_str().into());
                let matches = vec![Match {
                    hosts: if hosts.is_empty() {
                        named.collect()
                    } else {
                        hosts.to_vec()
                    },
                    ..Match::default()
                }];
                let rules = spec.rules.iter().enumerate();
                let lower = |(index, rule): (usize, &crate::gateway::TlsRouteRule)| {
                    at(index).opaque(rule.name.as_deref(), matches.clone(), &rule.backend_refs)
                };
                rules.map(lower).collect()
            }
            RouteSpec::Tcp(spec) => {
                let rules = spec.rules.iter().enumerate();
                let lower = |(index, rule): (usize, &crate::gateway::TcpRouteRule)| {
                    at(index).opaque(rule.name.as_deref(), Vec::new(), &rule.backend_refs)
                };
                rules.map(lower).collect()
            }
        }
    }

    fn index(&self) -> &Index {
        match self {
            Self::Port(view) => view.index,
            Self::Gateway(index, _) => index,
        }
    }

    fn traffic_policy(&self, route: &Route, rule: Option<&str>) -> Option<&TrafficPolicy> {
        let of = Some((route, rule));
        match self {
            Self::Port(View {
                index,
                service,
                port,
                consumer,
            }) => index.traffic_policy(&service.name, port, *consumer, of),
            Self::Gateway(index, gateway) => index.gateway_traffic_policy(&gateway.name, of),
        }
    }

    fn limits(&self, route: &Route, rule: Option<&str>) -> Vec<Arc<ratelimit::Policy>> {
        match self {
            Self::Port(view) => view.limits(Some((route, rule))),
            Self::Gateway(index, _) => {
                let policies = index.route_limits(route, rule).into_iter();
                policies.map(rate_limit::policy).map(Arc::new).collect()
            }
        }
    }

    /// Whether the route may send to an object. Mesh routes need no ReferenceGrant (GEP-1294).
    fn may_send(&self, route: &Route, to: BackendTargetRef<'_>, name: &ObjectName) -> bool {
        match self {
            Self::Port(_) => true,
            Self::Gateway(index, _) => {
                let kind = kind_name(route.spec.kind());
                let to = Referent {
                    group: to.group,
                    kind: to.kind,
                    name,
                };
                index.may_refer(kind, &route.name.namespace, to)
            }
        }
    }
}

// === impl At ===

impl At<'_> {
    fn http(&self, rule: &HttpRouteRule) -> Rule {
        let every = [HttpMatch::default()];
        let written = if rule.matches.is_empty() {
            &every[..]
        } else {
            &rule.matches
        };
        let matches = written.iter().filter_map(http::http_match);
        let matches = self.on_hosts(matches.collect());
        let origin = self.origin(&[], "");
        let retry_origin = self.origin(&[Step::Key("retry")], ".retry");
        let inline = Inline {
            timeouts: rule.timeouts.as_ref(),
            retry: rule.retry.as_ref().map(|retry| (retry, &retry_origin)),
        };
        let backends = rule
            .backend_refs
            .iter()
            .enumerate()
            .map(|(index, backend)| {
                let filters = self.filters(Some(index), |refs| {
                    http::http_filters(&backend.filters, refs)
                });
                self.backend(index, backend.target(), backend.weight, filters)
            });
        self.rule(
            rule.name.as_deref(),
            matches,
            self.filters(None, |refs| http::http_filters(&rule.filters, refs)),
            backends.collect(),
            inline,
            origin,
        )
    }

    fn grpc(&self, rule: &GrpcRouteRule) -> Rule {
        let mut matches: Vec<_> = rule.matches.iter().filter_map(http::grpc_match).collect();
        if rule.matches.is_empty() && !self.hosts.is_empty() {
            matches.push(Match::default());
        }
        let matches = self.on_hosts(matches);
        let backends = rule
            .backend_refs
            .iter()
            .enumerate()
            .map(|(index, backend)| {
                let filters = self.filters(Some(index), |refs| {
                    http::grpc_filters(&backend.filters, refs)
                });
                self.backend(index, backend.target(), backend.weight, filters)
            });
        self.rule(
            rule.name.as_deref(),
            matches,
            self.filters(None, |refs| http::grpc_filters(&rule.filters, refs)),
            backends.collect(),
            Inline::default(),
            self.origin(&[], ""),
        )
    }

    fn opaque(
        &self,
        name: Option<&str>,
        matches: Vec<Match>,
        backends: &[crate::gateway::BackendRef],
    ) -> Rule {
        let backends = backends.iter().enumerate().map(|(index, backend)| {
            self.backend(index, backend.target(), backend.weight, Vec::new())
        });
        let backends = backends.collect();
        self.rule(
            name,
            matches,
            Vec::new(),
            backends,
            Inline::default(),
            self.origin(&[], ""),
        )
    }

    fn rule(
        &self,
        name: Option<&str>,
        matches: Vec<Match>,
        filters: Vec<Filter>,
        backends: Vec<BackendRef>,
        inline: Inline<'_>,
        origin: Origin,
    ) -> Rule {
        let traffic = traffic(inline, self.scope.traffic_policy(self.route, name));
        // With the route's own name: two routes may have rules of one name, and statistics of both.
        let label = match name {
            Some(name) => format!("{}/{name}", self.route.name).into(),
            None => format!("{}/rules[{}]", self.route.name, self.rule).into(),
        };
        Rule {
            name: label,
            matches,
            filters,
            backends,
            timeouts: traffic.timeouts,
            retry: traffic.retry,
            fault: traffic.fault,
            admission: traffic.admission,
            limits: self.scope.limits(self.route, name),
            failures: traffic.failures,
            origin,
        }
    }

    /// The matches, for the names of the listener and the route.
    fn on_hosts(&self, mut matches: Vec<Match>) -> Vec<Match> {
        for one in &mut matches {
            one.hosts = self.hosts.to_vec();
        }
        matches
    }

    /// A part of this rule, with its line.
    fn origin(&self, below: &[Step<'_>], suffix: &str) -> Origin {
        let mut path = vec![
            Step::Key("spec"),
            Step::Key("rules"),
            Step::Index(self.rule),
        ];
        path.extend_from_slice(below);
        let line = self.route.object.line_at(&path);
        self.route
            .origin
            .part(format!("rules[{}]{suffix}", self.rule), line)
    }

    /// Lowers the filters of the rule, or of one of its backends.
    fn filters(
        &self,
        backend: Option<usize>,
        lower: impl FnOnce(&Refs<'_>) -> Vec<Filter>,
    ) -> Vec<Filter> {
        let target = |target: BackendTargetRef<'_>| self.target(target);
        let filter_origin = |index: usize| {
            let filter = [Step::Key("filters"), Step::Index(index)];
            match backend {
                None => self.origin(&filter, &format!(".filters[{index}]")),
                Some(backend) => {
                    let mut path = vec![Step::Key("backendRefs"), Step::Index(backend)];
                    path.extend(filter);
                    self.origin(&path, &format!(".backendRefs[{backend}].filters[{index}]"))
                }
            }
        };
        lower(&Refs {
            target: &target,
            filter_origin: &filter_origin,
        })
    }

    fn backend(
        &self,
        index: usize,
        target: BackendTargetRef<'_>,
        weight: Option<Weight>,
        filters: Vec<Filter>,
    ) -> BackendRef {
        let path = [Step::Key("backendRefs"), Step::Index(index)];
        BackendRef {
            weight: weight.map_or(1, Weight::u32),
            target: self.target(target),
            filters,
            origin: self.origin(&path, &format!(".backendRefs[{index}]")),
        }
    }

    /// The cluster that a reference means.
    fn target(&self, target: BackendTargetRef<'_>) -> BackendTarget {
        if !target.is_service() && !target.is_x_backend() {
            return BackendTarget::Invalid(format!(
                "backends of kind {} are not known",
                target.kind
            ));
        }
        let name = target_name(self.route, target);
        if !self.scope.may_send(self.route, target, &name) {
            return BackendTarget::Invalid(format!("no ReferenceGrant lets it refer to {name}"));
        }
        if target.is_x_backend() {
            let found = self.scope.index().x_backend(&name);
            return match found.filter(|backend| outside::host(backend).is_some()) {
                Some(backend) => BackendTarget::Cluster(outside::key(backend)),
                None => BackendTarget::Invalid(format!("no host outside is called {name}")),
            };
        }
        let Some(service) = self.scope.index().service(&name) else {
            return BackendTarget::Invalid(format!("the Service {name} does not exist"));
        };
        if service.kind == ServiceKind::ExternalName {
            return BackendTarget::Invalid(format!("{name} is an ExternalName Service"));
        }
        match target.port.and_then(|port| service.port(port)) {
            Some(port) => BackendTarget::Cluster(ClusterKey {
                service: name,
                port: port.port,
            }),
            None => BackendTarget::Invalid(format!("the Service {name} has no such port")),
        }
    }
}
