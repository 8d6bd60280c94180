//! Which rules of which routes a wish is about.

use std::sync::Arc;

use engine::snapshot::RouteKind;
use model::edit::Pointer;
use model::index::{Governing, Route, RouteSpec, Service, ServicePort};
use model::yaml::Step;

use super::conditions::{Conditions, Normal};
use crate::command::route::mesh::Mesh;
use crate::command::route::words;
use crate::error::Error;

/// A port and the routes that govern it: for all clients, or for those of one namespace.
pub(crate) struct Governed<'a> {
    pub(crate) service: &'a Service,
    pub(crate) port: &'a ServicePort,
    pub(crate) governing: Governing<'a>,
    /// The namespace that the routes are in, or would be.
    pub(crate) home: Arc<str>,
}

/// `--clients` for everybody who has no routes of their own.
const ALL: &str = "all";

/// A rule of a route.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RuleAt<'a> {
    pub(crate) route: &'a Route,
    pub(crate) index: usize,
}

// === impl Governed ===

impl<'a> Governed<'a> {
    /// The port of the Service that a command names.
    pub(crate) fn find(
        mesh: &'a Mesh,
        service: &str,
        namespace: Option<&str>,
        port: Option<&str>,
        clients: Option<&str>,
    ) -> Result<Self, Error> {
        let service = mesh.service(service, namespace)?;
        let port = mesh.port(service, port)?;
        let home = &service.name.namespace;
        if let Some(clients) = clients.filter(|clients| *clients != ALL) {
            return Self::of_clients(mesh, service, port, clients);
        }
        let Some(governing) = mesh.index.governing(service, port, None) else {
            return Err(Error::new(format!("{} cannot have routes", service.name)));
        };
        let consumers = mesh.index.route_consumers(&service.name);
        if let (true, None, Some(first)) = (governing.routes.is_empty(), clients, consumers.first())
        {
            let all: Vec<&str> = consumers.iter().map(|namespace| &**namespace).collect();
            return Err(Error::new(format!(
                "whose routes for {}? only clients in {} have some",
                service.name,
                all.join(", ")
            ))
            .hint(format!("theirs: --clients {first}"))
            .hint("new ones for everybody else: --clients all"));
        }
        Ok(Self {
            service,
            port,
            governing,
            home: Arc::clone(home),
        })
    }

    /// The routes that the clients of a namespace have for themselves (consumer routes, GAMMA).
    fn of_clients(
        mesh: &'a Mesh,
        service: &'a Service,
        port: &'a ServicePort,
        clients: &str,
    ) -> Result<Self, Error> {
        if clients == &*service.name.namespace {
            return Err(Error::new(format!(
                "{} is in {clients}: routes there hold for all clients",
                service.name
            ))
            .hint("leave out --clients"));
        }
        let mut objects = mesh.resources.iter().map(|r| &r.object);
        if !objects.any(|object| object.namespace() == clients) {
            let error = Error::new(format!(
                "nothing of the input is in the namespace {clients}"
            ));
            return Err(error.hint("--clients names the namespace of those who call the Service"));
        }
        let governing = mesh.index.governing(service, port, Some(clients));
        Ok(Self {
            service,
            port,
            governing: governing.unwrap_or(Governing {
                kind: RouteKind::Default,
                routes: Vec::new(),
                losers: Vec::new(),
            }),
            home: clients.into(),
        })
    }

    /// Rules of all routes that govern the port.
    pub(crate) fn rules(&self) -> Vec<RuleAt<'a>> {
        let routes = self.governing.routes.iter();
        routes
            .flat_map(|&route| {
                let count = rule_count(&route.spec);
                (0..count).map(move |index| RuleAt { route, index })
            })
            .collect()
    }

    /// The rule with this name: `canary`, `rules[1]`, `web/canary`.
    pub(crate) fn named(&self, name: &str) -> Result<RuleAt<'a>, Error> {
        let all = self.rules();
        let mut found = all.iter().filter(|rule| {
            let own = rule.label();
            let route = &rule.route.name;
            own == name
                || format!("rules[{}]", rule.index) == name
                || format!("{}/{own}", route.name) == name
                || format!("{route}/{own}") == name
        });
        let first = found.next().copied();
        match (first, found.next()) {
            (Some(rule), None) => Ok(rule),
            (None, _) => {
                let names: Vec<String> = all.iter().map(RuleAt::label).collect();
                let port = format!("port {} of {}", self.port.port, self.service.name);
                let error = Error::new(format!("{port} has no rule {name}"));
                Err(match names.is_empty() {
                    true => error.hint("it has no route; leave out --rule to make one"),
                    false => error.hint(format!("its rules are {}", names.join(", "))),
                })
            }
            (Some(a), Some(b)) => Err(Error::new(format!("two rules are called {name}"))
                .caused_by(a.place())
                .caused_by(b.place())
                .hint("name the route as well: ROUTE/RULE")),
        }
    }

    /// The rule for exactly these conditions. Two of them are a conflict: only the older one has an
    /// effect, and which one was meant cannot be told.
    pub(crate) fn exactly(&self, conditions: &Conditions) -> Result<Option<RuleAt<'a>>, Error> {
        let wanted = self.wanted(conditions)?;
        let all = self.rules();
        let mut found = all.iter().filter(|rule| rule.matches().contains(&wanted));
        let Some(first) = found.next().copied() else {
            return Ok(None);
        };
        if let Some(second) = found.next() {
            let what = match conditions.is_empty() {
                true => "all requests",
                false => "the same requests",
            };
            return Err(Error::new(format!(
                "two rules for {what} govern port {} of {}",
                self.port.port, self.service.name
            ))
            .caused_by(first.place())
            .caused_by(second.place())
            .hint("only the first has an effect: remove the other, or say which with --rule"));
        }
        if first.matches().len() > 1 {
            return Err(
                Error::new(format!("{} is also for other requests", first.place())).hint(format!(
                    "change it for all of them with --rule {}",
                    first.label()
                )),
            );
        }
        Ok(Some(first))
    }

    /// The rules that a change of properties is about: the named one, the one for the conditions,
    /// else all.
    pub(crate) fn properties(
        &self,
        rule: Option<&str>,
        conditions: &Conditions,
    ) -> Result<Vec<RuleAt<'a>>, Error> {
        if let Some(rule) = rule {
            return Ok(vec![self.named(rule)?]);
        }
        if conditions.is_empty() {
            return Ok(self.rules());
        }
        Ok(self.exactly(conditions)?.into_iter().collect())
    }

    fn wanted(&self, conditions: &Conditions) -> Result<Normal, Error> {
        let read = |e: serde_json::Error| Error::new("--match is not valid").caused_by(e);
        match self.kind() {
            RouteKind::Grpc => {
                let m = serde_json::from_value(conditions.grpc()?).map_err(read)?;
                Ok(Normal::grpc(&m))
            }
            RouteKind::Tls | RouteKind::Tcp if !conditions.is_empty() => {
                let kind = words::kind(self.governing.kind);
                Err(
                    Error::new(format!("a {kind} governs the port: it sees no requests"))
                        .hint("leave out --match"),
                )
            }
            _ => {
                let m = serde_json::from_value(conditions.http()?).map_err(read)?;
                Ok(Normal::http(&m))
            }
        }
    }

    /// The kind of the routes, or of the one that would be made.
    pub(crate) fn kind(&self) -> RouteKind {
        match self.governing.kind {
            RouteKind::Default if self.is_grpc() => RouteKind::Grpc,
            RouteKind::Default => RouteKind::Http,
            kind => kind,
        }
    }

    /// gRPC by the port's name; Kubernetes has `kubernetes.io/h2c` for HTTP/2 and `grpc` by custom.
    fn is_grpc(&self) -> bool {
        self.port.name == "grpc" || self.port.name.starts_with("grpc-")
    }
}

// === impl RuleAt ===

impl RuleAt<'_> {
    /// Its name, or its place.
    pub(crate) fn label(&self) -> String {
        let index = self.index;
        let name = match &self.route.spec {
            RouteSpec::Http(spec) => spec.rules.iter().flatten().nth(index).map(|r| &r.name),
            RouteSpec::Grpc(spec) => spec.rules.get(index).map(|r| &r.name),
            RouteSpec::Tls(spec) => spec.rules.get(index).map(|r| &r.name),
            RouteSpec::Tcp(spec) => spec.rules.get(index).map(|r| &r.name),
        };
        let name = name.and_then(Option::as_deref);
        name.map_or_else(|| format!("rules[{index}]"), str::to_owned)
    }

    /// `HTTPRoute shop/web rules[0] (routes.yaml:12)`
    pub(crate) fn place(&self) -> String {
        let path = [
            Step::Key("spec"),
            Step::Key("rules"),
            Step::Index(self.index),
        ];
        let line = self.route.object.line_at(&path);
        let part = format!("rules[{}]", self.index);
        self.route.origin.part(part, line).to_string()
    }

    /// The rule below its object.
    pub(crate) fn pointer(&self) -> Pointer {
        Pointer::root().keys(["spec", "rules"]).index(self.index)
    }

    /// The rule as it is written.
    pub(crate) fn json(&self) -> serde_json::Value {
        let path = [
            Step::Key("spec"),
            Step::Key("rules"),
            Step::Index(self.index),
        ];
        let node = self.route.object.at(&path);
        node.map_or_else(|| serde_json::json!({}), model::yaml::Node::to_json)
    }

    /// What it is for; every request when nothing is said.
    pub(super) fn matches(&self) -> Vec<Normal> {
        let index = self.index;
        let found: Vec<Normal> = match &self.route.spec {
            RouteSpec::Http(spec) => {
                let rule = spec.rules.iter().flatten().nth(index);
                rule.map(|r| r.matches.iter().map(Normal::http).collect())
            }
            RouteSpec::Grpc(spec) => {
                let rule = spec.rules.get(index);
                rule.map(|r| r.matches.iter().map(Normal::grpc).collect())
            }
            RouteSpec::Tls(_) | RouteSpec::Tcp(_) => None,
        }
        .unwrap_or_default();
        match found.is_empty() {
            true => vec![Normal::any()],
            false => found,
        }
    }
}

fn rule_count(spec: &RouteSpec) -> usize {
    match spec {
        RouteSpec::Http(spec) => spec.rules.iter().flatten().count(),
        RouteSpec::Grpc(spec) => spec.rules.len(),
        RouteSpec::Tls(spec) => spec.rules.len(),
        RouteSpec::Tcp(spec) => spec.rules.len(),
    }
}
