//! MC0216, MC0217: matches that never win, since others take their requests.
//!
//! Which match goes first, and which one covers another, is asked of the engine: a more specific
//! match goes first wherever it stands, so that few of them are ever hidden.

use std::sync::Arc;

use engine::route::shadow::shadows;

use super::facts::Facts;
use super::{Code, Findings};
use crate::index::{Route, RouteSpec, Service, ServicePort};
use crate::lower;
use crate::yaml::Step::{self, Index, Key};

/// A rule of a route.
type Place<'a> = (&'a Route, usize);

pub(super) fn analyze(facts: &Facts<'_>, findings: &mut Findings) {
    for service in facts.routed.services() {
        let consumers = facts.routed.route_consumers(&service.name);
        for port in &service.ports {
            hidden(facts, findings, service, port, None);
            for namespace in &consumers {
                hidden(facts, findings, service, port, Some(namespace));
            }
        }
    }
}

fn hidden(
    facts: &Facts<'_>,
    findings: &mut Findings,
    service: &Service,
    port: &ServicePort,
    consumer: Option<&Arc<str>>,
) {
    let index = &facts.routed;
    let Some(governing) = index.governing(service, port, consumer.map(|ns| &**ns)) else {
        return;
    };
    let name = &service.name;
    let Some(frontend) = lower::frontend_seen(index, name, port.port, consumer) else {
        return;
    };
    // The table has the rules in this order (`lower::routes`).
    let places: Vec<Place<'_>> = governing
        .routes
        .iter()
        .flat_map(|route| (0..rules(route)).map(move |rule| (*route, rule)))
        .collect();
    for shadow in shadows(&frontend.routes) {
        if let (Some(place), Some(by)) = (places.get(shadow.rule), places.get(shadow.by)) {
            report(findings, service, *place, shadow.matched, *by);
        }
    }
}

/// How many rules the lowering makes of a route.
fn rules(route: &Route) -> usize {
    match &route.spec {
        RouteSpec::Http(spec) => spec.rules.as_ref().map_or(1, Vec::len),
        RouteSpec::Grpc(spec) => spec.rules.len(),
        RouteSpec::Tls(spec) => spec.rules.len(),
        RouteSpec::Tcp(spec) => spec.rules.len(),
    }
}

fn report(
    findings: &mut Findings,
    service: &Service,
    (route, rule): Place<'_>,
    matched: Option<usize>,
    (by, by_rule): Place<'_>,
) {
    let mut path: Vec<Step<'_>> = vec![Key("spec"), Key("rules"), Index(rule)];
    if let Some(at) = matched {
        path.extend([Key("matches"), Index(at)]);
    }
    if by.name != route.name || by.object.kind != route.object.kind {
        let place = by.origin.place();
        let message = format!(
            "never reached: {} {} takes these requests to {}",
            by.object.kind, by.name, service.name
        );
        let help = format!(
            "of equal matches the oldest route's wins: {}:{}",
            place.file, place.line
        );
        findings.add(Code::MatchTaken, &route.object, &path, message, help);
        return;
    }
    let message = if by_rule == rule {
        "never reached: another match of the same rule takes these requests".to_owned()
    } else {
        format!("never reached: rules[{by_rule}] takes these requests")
    };
    let help = "remove one of the two, or make them differ";
    findings.add(Code::DuplicateMatch, &route.object, &path, message, help);
}
