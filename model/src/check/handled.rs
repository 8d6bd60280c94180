//! Requests by the rule that takes them, with what the proxy will do: asked of the lowering, so
//! that a finding is about what happens, not about one of the places where it can be written.

use std::sync::Arc;

use engine::snapshot::{ObjectName, PortProtocol};

use super::facts::Facts;
use crate::document::Object;
use crate::gateway::{HttpMethod, HttpRouteRule};
use crate::index::{Route, RouteSpec, Service, ServicePort, TrafficPolicy};
use crate::lower::traffic::{Inline, Traffic, traffic};
use crate::yaml::Step::{self, Index, Key};

/// Requests to a port that one rule takes, or that no route governs.
pub(super) struct Handled<'a> {
    pub(super) service: &'a ObjectName,
    pub(super) port: u16,
    /// The namespace of the clients, when its own routes hold for them.
    pub(super) consumer: Option<&'a Arc<str>>,
    pub(super) traffic: Traffic,
    pub(super) policy: Option<&'a TrafficPolicy>,
    /// Whether POST or PATCH in plain HTTP is among the requests.
    pub(super) may_write: bool,
    rule: Option<(&'a Route, usize)>,
    own_retry: bool,
    own_timeout: bool,
}

// === impl Handled ===

impl<'a> Handled<'a> {
    /// For messages: `rules[0] of HTTPRoute shop/web`.
    pub(super) fn what(&self) -> String {
        match self.rule {
            Some((route, at)) => format!("rules[{at}] of {} {}", route.object.kind, route.name),
            None => format!("Service {}", self.service),
        }
    }

    /// Where the retries are written.
    pub(super) fn retry_place(&self) -> Option<(&'a Object, Vec<Step<'static>>)> {
        self.place("retry", self.own_retry)
    }

    /// Where the time of the whole request is written.
    pub(super) fn timeout_place(&self) -> Option<(&'a Object, Vec<Step<'static>>)> {
        self.place("timeouts", self.own_timeout)
    }

    fn place(&self, key: &'static str, own: bool) -> Option<(&'a Object, Vec<Step<'static>>)> {
        match (self.rule, self.policy) {
            (Some((route, at)), _) if own => {
                let path = vec![Key("spec"), Key("rules"), Index(at), Key(key)];
                Some((&route.object, path))
            }
            (_, Some(policy)) => Some((&policy.object, vec![Key("spec"), Key(key)])),
            _ => None,
        }
    }
}

/// All rules of all ports, as all groups of clients see them. Only those that read HTTP.
pub(super) fn all<'f>(facts: &'f Facts<'_>) -> Vec<Handled<'f>> {
    let mut found = Vec::new();
    for service in facts.routed.services() {
        for port in &service.ports {
            of_port(facts, service, port, &mut found);
        }
    }
    found
}

fn of_port<'f>(
    facts: &'f Facts<'_>,
    service: &'f Service,
    port: &'f ServicePort,
    found: &mut Vec<Handled<'f>>,
) {
    let index = &facts.routed;
    // Consumers are named by the namespaces of their routes, which live in the index.
    let of_consumers = index.routes().map(|route| &route.name.namespace);
    let mut views: Vec<Option<&Arc<str>>> = vec![None];
    let names = index.route_consumers(&service.name);
    for namespace in of_consumers.filter(|namespace| names.contains(*namespace)) {
        if !views.contains(&Some(namespace)) {
            views.push(Some(namespace));
        }
    }
    for consumer in views {
        let governing = index.governing(service, port, consumer.map(|ns| &**ns));
        let Some(governing) = governing else { continue };
        let base = |rule, traffic, policy| Handled {
            service: &service.name,
            port: port.port,
            consumer,
            traffic,
            policy,
            may_write: false,
            rule,
            own_retry: false,
            own_timeout: false,
        };
        let spoken = index.protocol(service, port);
        if governing.routes.is_empty() && spoken != PortProtocol::Opaque {
            let policy = index.traffic_policy(&service.name, port, consumer, None);
            let mut handled = base(None, traffic(Inline::default(), policy), policy);
            // HTTP/2 is most likely gRPC, whose methods are all POST.
            handled.may_write = spoken != PortProtocol::Http2;
            found.push(handled);
        }
        for route in governing.routes {
            let policy = |name: Option<&str>| {
                index.traffic_policy(&service.name, port, consumer, Some((route, name)))
            };
            match &route.spec {
                RouteSpec::Http(spec) => {
                    for (at, rule) in spec.rules.iter().flatten().enumerate() {
                        let policy = policy(rule.name.as_deref());
                        let traffic = traffic(inline(route, at, rule).as_inline(), policy);
                        let timeouts = rule.timeouts.as_ref();
                        found.push(Handled {
                            may_write: may_write(rule),
                            own_retry: rule.retry.is_some(),
                            own_timeout: timeouts.is_some_and(|own| own.request.is_some()),
                            ..base(Some((route, at)), traffic, policy)
                        });
                    }
                }
                RouteSpec::Grpc(spec) => {
                    for (at, rule) in spec.rules.iter().enumerate() {
                        let policy = policy(rule.name.as_deref());
                        let traffic = traffic(Inline::default(), policy);
                        found.push(base(Some((route, at)), traffic, policy));
                    }
                }
                RouteSpec::Tls(_) | RouteSpec::Tcp(_) => {}
            }
        }
    }
}

fn may_write(rule: &HttpRouteRule) -> bool {
    let writes = |method: Option<HttpMethod>| {
        matches!(method, None | Some(HttpMethod::Post | HttpMethod::Patch))
    };
    rule.matches.is_empty() || rule.matches.iter().any(|one| writes(one.method))
}

/// What a rule says itself, with an origin that lives long enough.
struct Own<'a> {
    rule: &'a HttpRouteRule,
    origin: engine::origin::Origin,
}

fn inline<'a>(route: &Route, at: usize, rule: &'a HttpRouteRule) -> Own<'a> {
    let path = [Key("spec"), Key("rules"), Index(at), Key("retry")];
    Own {
        rule,
        origin: route.origin.part("retry", route.object.line_at(&path)),
    }
}

// === impl Own ===

impl Own<'_> {
    fn as_inline(&self) -> Inline<'_> {
        Inline {
            timeouts: self.rule.timeouts.as_ref(),
            retry: self.rule.retry.as_ref().map(|retry| (retry, &self.origin)),
        }
    }
}
