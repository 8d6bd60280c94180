//! What is wrong between resources: references to nothing, policies that lose, Services without
//! pods.

use engine::snapshot::{ObjectName, PortProtocol, RouteKind};

use super::attach::{self, BackendPlace};
use super::policies::{self, Policies, PolicyTarget};
use super::{Index, Pod, Policy, Route, Service, ServiceKind, Targets};
use crate::check::Code;
use crate::diagnostic::{Diagnostic, Subject};
use crate::gateway::{BackendTargetRef, ParentReference};
use crate::yaml::Step;

// === impl Index ===

impl Index {
    /// Findings across resources, in a fixed order. References to nothing are found only when the
    /// index is `complete`: what cannot be seen is not missing.
    pub fn findings(&self, complete: bool) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        for route in self.routes.values() {
            self.route_findings(route, &mut found);
        }
        self.losing_routes(&mut found);
        self.policy_findings(&self.backend_policies, &mut found);
        self.policy_findings(&self.traffic_policies, &mut found);
        self.target_findings(&self.authorization_policies, &mut found);
        self.target_findings(&self.rate_limit_policies, &mut found);
        for service in self.services.values() {
            self.unselected(service, &mut found);
        }
        found.retain(|finding| complete || !finding.code.is_some_and(Code::needs_everything));
        found
    }

    fn route_findings(&self, route: &Route, found: &mut Vec<Diagnostic>) {
        for (index, parent) in route.spec.parents().iter().enumerate() {
            if parent.is_service() {
                found.extend(self.parent_finding(route, parent, index));
            }
        }
        attach::each_backend(&route.spec, |target, place| {
            found.extend(self.backend_finding(route, target, place));
        });
    }

    pub(super) fn parent_finding(
        &self,
        route: &Route,
        parent: &ParentReference,
        index: usize,
    ) -> Option<Diagnostic> {
        let name = attach::parent_name(route, parent);
        let field = |key| {
            [
                Step::Key("spec"),
                Step::Key("parentRefs"),
                Step::Index(index),
                Step::Key(key),
            ]
        };
        let at = |key, code: Code, message: String, help: String| {
            let diagnostic = code.diagnostic(message).help(help);
            Some(route.object.diagnostic_at(diagnostic, &field(key)))
        };
        let Some(service) = self.services.get(&name) else {
            let message = format!("the parent Service {name} does not exist");
            return at("name", Code::ParentMissing, message, self.similar(&name));
        };
        if service.kind != ServiceKind::Cluster {
            let message = format!(
                "{} Services cannot be parents of routes",
                kind_name(service)
            );
            let help = "clients of such a Service do not pass its address: the route has no effect";
            return at("name", Code::ParentWithoutAddress, message, help.to_owned());
        }
        let ports: Vec<_> = service
            .ports
            .iter()
            .filter(|port| attach::is_parent(route, parent, &name, port))
            .collect();
        if ports.is_empty() {
            let key = if parent.port.is_some() {
                "port"
            } else {
                "sectionName"
            };
            let message = format!("the parent Service {name} has no such port");
            return at(key, Code::ParentPortMissing, message, ports_help(service));
        }
        let http = matches!(route.spec.kind(), RouteKind::Http | RouteKind::Grpc);
        let opaque = ports
            .iter()
            .find(|port| self.protocol(service, port) == PortProtocol::Opaque);
        if let (true, Some(port)) = (http, opaque) {
            let message = format!(
                "port {} of {name} is forwarded as bytes: the route has no effect there",
                port.port
            );
            let help = "set `appProtocol: http` on the port of the Service, or name another port";
            return at("name", Code::RouteOnOpaquePort, message, help.to_owned());
        }
        None
    }

    pub(super) fn backend_finding(
        &self,
        route: &Route,
        target: BackendTargetRef<'_>,
        place: BackendPlace,
    ) -> Option<Diagnostic> {
        if !target.is_service() {
            return None;
        }
        let name = attach::target_name(route, target);
        let at = |key, code: Code, message: String, help: String| {
            let diagnostic = code.diagnostic(message).help(help);
            Some(route.object.diagnostic_at(diagnostic, &place.path(key)))
        };
        let Some(service) = self.services.get(&name) else {
            let message = format!("the backend Service {name} does not exist: its share gets 500");
            return at("name", Code::BackendMissing, message, self.similar(&name));
        };
        if service.kind == ServiceKind::ExternalName {
            let message = format!("{name} is an ExternalName Service: its share gets 500");
            let help = "backends need endpoints: name a Service with a selector";
            return at("name", Code::BackendExternalName, message, help.to_owned());
        }
        let port = target.port?;
        if service.port(port).is_none() {
            let message =
                format!("the backend Service {name} has no port {port}: its share gets 500");
            return at(
                "port",
                Code::BackendPortMissing,
                message,
                ports_help(service),
            );
        }
        None
    }

    /// Of several kinds of routes on one port one wins (GEP-1294).
    fn losing_routes(&self, found: &mut Vec<Diagnostic>) {
        for service in self.services.values() {
            let mut views = vec![None];
            let consumers = self.route_consumers(&service.name);
            views.extend(consumers.iter().map(|namespace| Some(&**namespace)));
            for port in &service.ports {
                for view in &views {
                    let governing = self.governing(service, port, *view);
                    let Some(governing) = governing else { continue };
                    for loser in governing.losers {
                        let message = format!(
                            "the {} has no effect on port {} of {}",
                            loser.object.kind, port.port, service.name
                        );
                        let help = format!(
                            "a {} is attached to the same port and wins: GRPCRoute before \
                             HTTPRoute before TLSRoute before TCPRoute",
                            governing
                                .routes
                                .first()
                                .map_or("route", |r| r.object.kind.as_str())
                        );
                        let warning = Code::RouteKindLoses.diagnostic(message).help(help);
                        let path = [Step::Key("spec"), Step::Key("parentRefs")];
                        found.push(loser.object.diagnostic_at(warning, &path));
                    }
                }
            }
        }
    }

    fn policy_findings<S: Targets>(&self, policies: &Policies<S>, found: &mut Vec<Diagnostic>) {
        self.target_findings(policies, found);
        for (_, winner, losers) in policies.conflicts() {
            for loser in losers {
                let message = format!(
                    "the policy {} has no effect on a target that the older {} names as well",
                    loser.name, winner.name
                );
                let place = winner.origin.place();
                let help = format!(
                    "one policy holds for a target, the oldest (GEP-713): {}:{}",
                    place.file, place.line
                );
                let warning = Code::PolicyConflict.diagnostic(message).help(help);
                let path = [Step::Key("spec"), Step::Key("targetRefs")];
                found.push(loser.object.diagnostic_at(warning, &path));
            }
        }
    }

    fn target_findings<S: Targets>(&self, policies: &Policies<S>, found: &mut Vec<Diagnostic>) {
        for policy in policies.all() {
            for index in 0..policy.spec.targets().len() {
                found.extend(self.target_finding(policy, index));
            }
        }
    }

    pub(super) fn target_finding<S: Targets>(
        &self,
        policy: &Policy<S>,
        index: usize,
    ) -> Option<Diagnostic> {
        let target = policy.spec.targets().get(index)?;
        let at = |key, code: Code, message: String, help: String| {
            let path = [
                Step::Key("spec"),
                Step::Key("targetRefs"),
                Step::Index(index),
                Step::Key(key),
            ];
            let diagnostic = code.diagnostic(message).help(help);
            Some(policy.object.diagnostic_at(diagnostic, &path))
        };
        match policies::resolve(&policy.name.namespace, target) {
            None => {
                let message = format!("the policy is not in the namespace {}", target.name);
                let help = format!(
                    "a policy speaks for its own namespace: {}",
                    policy.name.namespace
                );
                at("name", Code::PolicyElsewhere, message, help)
            }
            Some(PolicyTarget::Service {
                service: name,
                section,
                ..
            }) => {
                let Some(service) = self.services.get(&name) else {
                    let message = format!("the target Service {name} does not exist");
                    return at(
                        "name",
                        Code::PolicyTargetMissing,
                        message,
                        self.similar(&name),
                    );
                };
                let section = section?;
                if service.section(&section).is_some() {
                    return None;
                }
                let message = format!("the target Service {name} has no port `{section}`");
                at(
                    "sectionName",
                    Code::PolicySectionMissing,
                    message,
                    ports_help(service),
                )
            }
            Some(PolicyTarget::Route {
                kind,
                route: name,
                rule,
            }) => {
                let Some(route) = self.routes.get(&(kind, name.clone())) else {
                    let message = format!("the target {} {name} does not exist", target.kind);
                    return at(
                        "name",
                        Code::PolicyTargetMissing,
                        message,
                        "it is looked for in the policy's namespace".into(),
                    );
                };
                let rule = rule?;
                if rule_names(route).any(|known| known == rule) {
                    return None;
                }
                let known: Vec<_> = rule_names(route).collect();
                let message = format!("the target {} {name} has no rule `{rule}`", target.kind);
                let help = if known.is_empty() {
                    "none of its rules has a name: give one `name:`".to_owned()
                } else {
                    format!("its rules are {}", known.join(", "))
                };
                at("sectionName", Code::PolicySectionMissing, message, help)
            }
            Some(PolicyTarget::Workload(name)) => {
                if self.pods.get(&name).is_some_and(Pod::is_workload) {
                    return None;
                }
                let message = format!("the target Workload {name} does not exist");
                let help = "it is looked for in the policy's namespace; pods are named by a \
                            Service, or by `selector` in a policy of their Namespace";
                at("name", Code::PolicyTargetMissing, message, help.into())
            }
            Some(PolicyTarget::Gateway(name)) => {
                if self.gateway(&name).is_some() {
                    return None;
                }
                let message = format!("the target Gateway {name} does not exist");
                let help = "it is looked for in the policy's namespace";
                at("name", Code::PolicyTargetMissing, message, help.into())
            }
            Some(PolicyTarget::Namespace(_) | PolicyTarget::Mesh) => None,
        }
    }

    /// A Service that selects nothing answers every request with 503.
    fn unselected(&self, service: &Service, found: &mut Vec<Diagnostic>) {
        let expects_pods = service.kind != ServiceKind::ExternalName
            && !service.selector.is_empty()
            && !self.slices_of.contains_key(&service.name);
        if !expects_pods || self.pods_of_service(&service.name).next().is_some() {
            return;
        }
        let pairs: Vec<_> = service
            .selector
            .iter()
            .map(|(k, v)| format!("{k}={v}"))
            .collect();
        let message = format!(
            "the Service {} selects no pod: requests to it get 503",
            service.name
        );
        let help = format!(
            "no pod of its namespace has the labels {}",
            pairs.join(", ")
        );
        let warning = Code::ServiceSelectsNothing
            .diagnostic(message)
            .help(help)
            .about(Subject {
                kind: "Service".to_owned(),
                namespace: service.name.namespace.to_string(),
                name: service.name.name.to_string(),
            });
        found.push(match &service.written {
            Some(written) => warning.at(&written.source, written.span),
            None => warning,
        });
    }

    /// A hint for a name that nobody has: the same name elsewhere, else what there is.
    fn similar(&self, missing: &ObjectName) -> String {
        let elsewhere = self.services.keys().find(|name| name.name == missing.name);
        if let Some(other) = elsewhere {
            return format!("there is {other}: set `namespace: {}`", other.namespace);
        }
        let near = self
            .services
            .keys()
            .filter(|name| name.namespace == missing.namespace);
        let names: Vec<_> = near.take(NAMES_SHOWN_MAX).map(|name| &*name.name).collect();
        if names.is_empty() {
            format!("there is no Service in the namespace {}", missing.namespace)
        } else {
            format!("Services of that namespace: {}", names.join(", "))
        }
    }
}

/// More names than this help nobody.
const NAMES_SHOWN_MAX: usize = 8;

// === impl BackendPlace ===

impl BackendPlace {
    /// The path of the field `key` of the reference.
    pub(crate) fn path(self, key: &'static str) -> Vec<Step<'static>> {
        let mut path = vec![
            Step::Key("spec"),
            Step::Key("rules"),
            Step::Index(self.rule),
        ];
        if let Some(backend) = self.backend {
            path.extend([Step::Key("backendRefs"), Step::Index(backend)]);
        }
        if let Some(filter) = self.filter {
            path.extend([Step::Key("filters"), Step::Index(filter)]);
            path.extend([Step::Key("requestMirror"), Step::Key("backendRef")]);
        }
        path.push(Step::Key(key));
        path
    }
}

fn rule_names(route: &Route) -> impl Iterator<Item = &str> {
    attach::rule_names(route).into_iter().flatten()
}

fn kind_name(service: &Service) -> &'static str {
    match service.kind {
        ServiceKind::Cluster => "ClusterIP",
        ServiceKind::Headless => "headless",
        ServiceKind::ExternalName => "ExternalName",
    }
}

fn ports_help(service: &Service) -> String {
    let ports: Vec<_> = service
        .ports
        .iter()
        .map(|port| match port.name.as_str() {
            "" => port.port.to_string(),
            name => format!("{} ({name})", port.port),
        })
        .collect();
    format!("its ports are {}", ports.join(", "))
}
