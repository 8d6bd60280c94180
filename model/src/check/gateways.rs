//! MC0221, MC0222, MC0223: routes of Gateways: the Gateway, its listener, and the grant for a
//! backend in another namespace.

use super::facts::Facts;
use super::{Code, Findings};
use crate::gateway::{GROUP, GatewaySpec, ParentReference, ReferenceGrantSpec};
use crate::index::{self, Route};
use crate::resource::Spec;
use crate::yaml::Step::{Index, Key};

pub(super) fn analyze(facts: &Facts<'_>, findings: &mut Findings) {
    for route in facts.index.routes() {
        let parents = route.spec.parents();
        for (at, parent) in parents.iter().enumerate() {
            if is_gateway(parent) {
                gateway(facts, findings, route, at, parent);
            }
        }
        if parents.iter().any(is_gateway) {
            grants(facts, findings, route);
        }
    }
}

fn is_gateway(parent: &ParentReference) -> bool {
    parent.group() == GROUP && parent.kind() == "Gateway"
}

fn gateway(
    facts: &Facts<'_>,
    findings: &mut Findings,
    route: &Route,
    at: usize,
    parent: &ParentReference,
) {
    let namespace = parent.namespace.as_deref().unwrap_or(&route.name.namespace);
    let path = |key| [Key("spec"), Key("parentRefs"), Index(at), Key(key)];
    let found = facts.find(GROUP, "Gateway", namespace, &parent.name);
    let found = found.and_then(|resource| match &resource.spec {
        Spec::Gateway(spec) => Some(spec),
        _ => None,
    });
    let Some(spec) = found else {
        let message = format!("the Gateway {namespace}/{} does not exist", parent.name);
        let help = "name a Gateway of the input, with its namespace when it is another";
        findings.add(
            Code::GatewayMissing,
            &route.object,
            &path("name"),
            message,
            help,
        );
        return;
    };
    // Routes of a ListenerSet's listeners name the set (GEP-1713).
    if has_listener(spec, parent) {
        return;
    }
    let key = if parent.section_name.is_some() {
        "sectionName"
    } else {
        "port"
    };
    let message = format!(
        "the Gateway {namespace}/{} has no such listener",
        parent.name
    );
    let listeners: Vec<String> = spec
        .listeners
        .iter()
        .map(|listener| format!("{} (port {})", listener.name, listener.port))
        .collect();
    let help = format!("its listeners are {}", listeners.join(", "));
    findings.add(
        Code::ListenerMissing,
        &route.object,
        &path(key),
        message,
        help,
    );
}

fn has_listener(spec: &GatewaySpec, parent: &ParentReference) -> bool {
    spec.listeners.iter().any(|listener| {
        let section = parent.section_name.as_ref();
        section.is_none_or(|name| *name == listener.name)
            && parent.port.is_none_or(|port| port == listener.port)
    })
}

fn grants(facts: &Facts<'_>, findings: &mut Findings, route: &Route) {
    index::each_backend(&route.spec, |target, place| {
        let Some(namespace) = target.namespace.filter(|ns| **ns != *route.name.namespace) else {
            return;
        };
        let mut grants = facts.of_kind(GROUP, "ReferenceGrant");
        let granted = grants.any(|resource| match &resource.spec {
            Spec::ReferenceGrant(grant) => {
                resource.object.namespace() == namespace
                    && grants_to(grant, route, target.kind, target.name)
            }
            _ => false,
        });
        if !granted {
            let message = format!(
                "no ReferenceGrant in the namespace {namespace} lets this {} refer to {} {}: a \
                 Gateway answers its share with 500",
                route.object.kind, target.kind, target.name
            );
            let help = "add a ReferenceGrant there, from this namespace and kind (routes of a \
                        Service need none)";
            let path = place.path("namespace");
            findings.add(Code::GrantMissing, &route.object, &path, message, help);
        }
    });
}

fn grants_to(grant: &ReferenceGrantSpec, route: &Route, kind: &str, name: &str) -> bool {
    let from = grant.from.iter().any(|from| {
        from.group == GROUP
            && from.kind == route.object.kind
            && *from.namespace == *route.name.namespace
    });
    let to = grant
        .to
        .iter()
        .any(|to| to.kind == kind && to.name.as_deref().is_none_or(|to| to == name));
    from && to
}
