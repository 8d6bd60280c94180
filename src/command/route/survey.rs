//! Which routes govern which port for whom, with what they come to: one view for each group of
//! clients that sees a port in its own way.

use std::sync::Arc;

use engine::route::shadow::{self, Shadow};
use engine::snapshot::{BackendTarget, Frontend, RouteKind, Rule};
use model::index::{Governing, Index, Route, Service, ServicePort};
use model::lower;

use super::shift::note::{self, Note};

/// A port of a Service as one group of clients sees it.
pub(super) struct View<'a> {
    pub(super) service: &'a Service,
    pub(super) port: &'a ServicePort,
    /// The namespace whose clients these are; none = all that have no routes of their own.
    pub(super) clients: Option<Arc<str>>,
    pub(super) governing: Governing<'a>,
    pub(super) frontend: Frontend,
    shadows: Vec<Shadow>,
}

/// All views of all ports of the Services that `wanted` lets through, in the order of their names.
pub(super) fn views<'a>(
    index: &'a Index,
    mut wanted: impl FnMut(&Service) -> bool,
) -> Vec<View<'a>> {
    let mut views = Vec::new();
    for service in index.services() {
        if wanted(service) {
            for port in &service.ports {
                views.extend(of_port(index, service, port));
            }
        }
    }
    views
}

/// The views of one port: the producer's, then those of client namespaces with routes of their own.
pub(super) fn of_port<'a>(
    index: &'a Index,
    service: &'a Service,
    port: &'a ServicePort,
) -> Vec<View<'a>> {
    let consumers = index.route_consumers(&service.name);
    let clients = std::iter::once(None).chain(consumers.into_iter().map(Some));
    let view = |clients: Option<Arc<str>>| {
        let governing = index.governing(service, port, clients.as_deref())?;
        let (name, number) = (&service.name, port.port);
        let frontend = lower::frontend_seen(index, name, number, clients.as_ref())?;
        Some(View {
            service,
            port,
            governing,
            shadows: shadow::shadows(&frontend.routes),
            frontend,
            clients,
        })
    };
    clients.filter_map(view).collect()
}

// === impl View ===

impl<'a> View<'a> {
    pub(super) fn has_route(&self) -> bool {
        self.governing.kind != RouteKind::Default || !self.governing.losers.is_empty()
    }

    /// Whether rules look at requests here.
    pub(super) fn is_http(&self) -> bool {
        matches!(self.governing.kind, RouteKind::Http | RouteKind::Grpc)
    }

    /// For whom it is, in words.
    pub(super) fn audience(&self) -> String {
        match &self.clients {
            None => "all".into(),
            Some(namespace) => format!("clients in {namespace}"),
        }
    }

    /// Namespace and port that names of backends are shown beside.
    pub(super) fn beside(&self) -> (&str, u16) {
        (&self.service.name.namespace, self.port.port)
    }

    /// The rules with the routes they are from and their places in them. Without a route: the
    /// default rule.
    pub(super) fn rules(&self) -> impl Iterator<Item = (usize, &Arc<Rule>, Option<&'a Route>)> {
        let rules = self.frontend.routes.rules().iter().enumerate();
        rules.map(|(i, rule)| (i, rule, self.route_of(rule)))
    }

    /// The route that a rule is from.
    pub(super) fn route_of(&self, rule: &Rule) -> Option<&'a Route> {
        let place = rule.origin.place();
        let is_it = |route: &&&Route| {
            *route.name.namespace == *place.namespace && *route.name.name == *place.name
        };
        self.governing.routes.iter().find(is_it).copied()
    }

    /// What is worth knowing of a rule: why it never gets a request, and that its traffic is being
    /// shifted or somebody stopped in the middle of it. Empty when there is nothing.
    pub(super) fn note(&self, index: usize) -> String {
        let all = [self.shadowed(index), self.shifted(index)];
        let all = all.into_iter().filter(|note| !note.is_empty());
        all.collect::<Vec<_>>().join("; ")
    }

    fn shifted(&self, index: usize) -> String {
        let rule = &self.frontend.routes.rules()[index];
        let annotation = self.route_of(rule).and_then(|route| {
            let annotations = &route.object.meta.annotations;
            annotations.get(note::ANNOTATION)
        });
        let Some(text) = annotation else {
            return String::new();
        };
        let backends = rule.backends.iter().filter_map(|b| match &b.target {
            BackendTarget::Cluster(key) => Some(&*key.service.name),
            BackendTarget::Invalid(_) => None,
        });
        let backends: Vec<&str> = backends.collect();
        Note::in_words(text, &self.service.name, &backends)
    }

    /// Why a rule never gets a request, or only by some of its matches; empty when all is well.
    fn shadowed(&self, index: usize) -> String {
        let of_rule: Vec<&Shadow> = self.shadows.iter().filter(|s| s.rule == index).collect();
        let Some(first) = of_rule.first() else {
            return String::new();
        };
        let rules = self.frontend.routes.rules();
        let by = super::words::rule_name(&rules[first.by]);
        let matches = rules[index].matches.len().max(1);
        if of_rule.len() == matches {
            return format!("never reached: {by} takes its requests");
        }
        let of_which: Vec<String> = of_rule
            .iter()
            .filter_map(|s| s.matched)
            .map(|i| format!("matches[{i}]"))
            .collect();
        format!("{} never reached: {by} goes before", of_which.join(", "))
    }
}
