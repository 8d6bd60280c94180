//! Resources → index: each judged alone, then joined.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::snapshot::ObjectName;

use crate::check::Code;
use crate::diagnostic::{Diagnostic, Level};
use crate::document::Object;
use crate::index::{Age, Fact, Index, Key, MeshMode, Pod, Policy, Route, RouteSpec, Stated};
use crate::kube::WorkloadKind;
use crate::resource::{Resource, Spec};
use crate::validate::validate;

mod kube;
mod workload;

pub use kube::{bundle, endpoint_slice, namespace, pod, pod_of_template, secret, service};
pub use workload::workload;

/// Everything that was given, joined.
#[derive(Debug)]
pub struct Loaded {
    pub index: Index,
    /// What is wrong with single objects, in their order. What is wrong between them says
    /// [`Index::findings`].
    pub diagnostics: Vec<Diagnostic>,
}

/// Validates and joins `resources`. An object with an error, or one that is there a second time, is
/// left out. Workloads make no pods here: whoever runs them applies the pods.
pub fn load<'a>(resources: impl IntoIterator<Item = &'a Resource>, mode: MeshMode) -> Loaded {
    let mut loaded = Loaded {
        index: Index::new(mode),
        diagnostics: Vec::new(),
    };
    let mut seen: BTreeMap<Key, &Object> = BTreeMap::new();
    for resource in resources {
        let found = validate(resource);
        let failed = found
            .iter()
            .any(|diagnostic| diagnostic.level == Level::Error);
        loaded.diagnostics.extend(found);
        let fact = match fact(resource) {
            Ok(Some(fact)) if !failed => fact,
            Ok(_) => continue,
            Err(error) => {
                loaded.diagnostics.push(error);
                continue;
            }
        };
        let key = fact.key();
        if let Some(first) = seen.get(&key) {
            loaded.diagnostics.push(twice(&resource.object, first));
            continue;
        }
        seen.insert(key, &resource.object);
        loaded.index.apply(fact);
    }
    loaded
}

/// What the index keeps of a resource; none for kinds it does not join.
///
/// # Errors
/// A value that validation does not look at: an address, an annotation of ours.
pub fn fact(resource: &Resource) -> Result<Option<Fact>, Diagnostic> {
    let object = &resource.object;
    Ok(Some(match &resource.spec {
        Spec::Namespace => Fact::Namespace(namespace(object)?),
        Spec::Service(spec) => Fact::Service(service(object, spec)?),
        Spec::EndpointSlice(spec) => match endpoint_slice(object, spec)? {
            Some(slice) => Fact::EndpointSlice(slice),
            None => return Ok(None),
        },
        Spec::Pod(spec) => Fact::Pod(pod(object, spec)?),
        Spec::HttpRoute(spec) => Fact::Route(route(object, RouteSpec::Http((**spec).clone()))),
        Spec::GrpcRoute(spec) => Fact::Route(route(object, RouteSpec::Grpc((**spec).clone()))),
        Spec::TlsRoute(spec) => Fact::Route(route(object, RouteSpec::Tls((**spec).clone()))),
        Spec::TcpRoute(spec) => Fact::Route(route(object, RouteSpec::Tcp((**spec).clone()))),
        Spec::BackendPolicy(spec) => Fact::BackendPolicy(policy(object, (**spec).clone())),
        Spec::TrafficPolicy(spec) => Fact::TrafficPolicy(policy(object, (**spec).clone())),
        Spec::AuthorizationPolicy(spec) => {
            Fact::AuthorizationPolicy(policy(object, (**spec).clone()))
        }
        Spec::RateLimitPolicy(spec) => Fact::RateLimitPolicy(policy(object, (**spec).clone())),
        Spec::OwnWorkload(spec) => Fact::Pod(workload(object, spec)?),
        Spec::Gateway(spec) => Fact::Gateway(stated(object, (**spec).clone())),
        Spec::ListenerSet(spec) => Fact::ListenerSet(stated(object, (**spec).clone())),
        Spec::ReferenceGrant(spec) => Fact::ReferenceGrant(stated(object, (**spec).clone())),
        Spec::Secret(spec) => Fact::Secret(secret(object, spec)),
        Spec::ConfigMap(spec) => match bundle(object, spec) {
            Some(bundle) => Fact::Bundle(bundle),
            None => return Ok(None),
        },
        Spec::BackendTlsPolicy(spec) => Fact::BackendTlsPolicy(stated(object, (**spec).clone())),
        Spec::XBackend(spec) => Fact::XBackend(stated(object, (**spec).clone())),
        Spec::EgressNetwork(spec) => Fact::EgressNetwork(stated(object, (**spec).clone())),
        _ => return Ok(None),
    }))
}

/// A pod as the workload makes them, ready and without an address; none for other resources. It has
/// the workload's name: whoever only asks who is selected, and with which identity, needs no more.
///
/// # Errors
/// An annotation of ours in the template that cannot be read.
pub fn specimen(resource: &Resource) -> Result<Option<(WorkloadKind, Pod)>, Diagnostic> {
    let object = &resource.object;
    let Spec::Workload(workload) = &resource.spec else {
        return Ok(None);
    };
    let template = &workload.template;
    let pod = pod_of_template(
        name(object),
        &template.metadata.labels,
        &template.metadata.annotations,
        &template.spec,
        format!("{:?}/{}", workload.kind, object.name()),
        object.origin(),
    );
    match pod {
        Ok(pod) => Ok(Some((workload.kind, pod))),
        Err((key, cause)) => Err(object.error_at(&[], format!("annotation {key}: {cause}"))),
    }
}

fn route(object: &Object, spec: RouteSpec) -> Box<Route> {
    Box::new(Route {
        name: name(object),
        age: Age::of(object),
        origin: object.origin(),
        spec,
        object: Arc::new(object.clone()),
    })
}

fn policy<S>(object: &Object, spec: S) -> Box<Policy<S>> {
    Box::new(Policy {
        name: name(object),
        age: Age::of(object),
        origin: object.origin(),
        spec,
        object: Arc::new(object.clone()),
    })
}

fn stated<S>(object: &Object, spec: S) -> Box<Stated<S>> {
    Box::new(Stated {
        name: name(object),
        age: Age::of(object),
        origin: object.origin(),
        spec,
        object: Arc::new(object.clone()),
    })
}

fn name(object: &Object) -> ObjectName {
    ObjectName::new(object.namespace(), object.name())
}

fn twice(object: &Object, first: &Object) -> Diagnostic {
    let namespace = object.namespace();
    let slash = if namespace.is_empty() { "" } else { "/" };
    let message = format!(
        "{} {namespace}{slash}{} is declared twice",
        object.kind,
        object.name()
    );
    let help = format!(
        "the first is at {}:{}; remove one of them: which one holds would depend on their order",
        first.source().name(),
        first.line()
    );
    object.error_at(&[], message).code(Code::Twice).help(help)
}

#[cfg(test)]
mod tests;
