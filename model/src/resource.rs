//! The closed list of kinds that are understood; every other kind passes through with its head.
//!
//! ```text
//!  text ──▶ documents ──▶ objects (lists flattened) ──▶ Resource { object, spec }
//!                                          └──▶ diagnostics: every refused object, not only one
//! ```
//!
//! Strictness depends on the group. In the Gateway API's groups and in ours an unknown field is an
//! error with its line, and a kind or version nobody knows as well: a policy that is written down
//! and ignored would be worse than an error. In Kubernetes' own kinds unread fields pass.

mod kinds;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::check::Code;
use crate::decode::nearest;
use crate::diagnostic::Diagnostic;
use crate::document::Object;
use crate::foreign::{self, Foreign};
use crate::gateway::{
    BackendTlsPolicySpec, GatewayClassSpec, GatewaySpec, GrpcRouteSpec, HttpRouteSpec,
    ListenerSetSpec, ReferenceGrantSpec, TcpRouteSpec, TlsRouteSpec, XBackendSpec,
};
use crate::kube::{
    ConfigMap, EndpointSlice, Pod, Secret, Service, Workload, WorkloadKind, validate,
};
use crate::meta::META_FIELDS;
use crate::policy::{
    AuthorizationPolicySpec, BackendPolicySpec, EgressNetworkSpec, RateLimitPolicySpec,
    TrafficPolicySpec, WorkloadSpec,
};
use crate::yaml::{self, Step};

use kinds::Known;

/// An object, and what it says if its kind is known.
#[derive(Clone, Debug)]
pub struct Resource {
    pub object: Object,
    pub spec: Spec,
    /// What other meshes and the network's own policies would make of it.
    pub foreign: Vec<Foreign>,
}

/// The kinds.
#[derive(Clone, Debug)]
pub enum Spec {
    Namespace,
    /// Its zone and region are labels.
    Node,
    ServiceAccount,
    Service(Box<Service>),
    EndpointSlice(Box<EndpointSlice>),
    Pod(Box<Pod>),
    /// Everything else that makes pods.
    Workload(Box<Workload>),
    Secret(Box<Secret>),
    ConfigMap(Box<ConfigMap>),
    GatewayClass(Box<GatewayClassSpec>),
    Gateway(Box<GatewaySpec>),
    ListenerSet(Box<ListenerSetSpec>),
    HttpRoute(Box<HttpRouteSpec>),
    GrpcRoute(Box<GrpcRouteSpec>),
    TcpRoute(Box<TcpRouteSpec>),
    TlsRoute(Box<TlsRouteSpec>),
    ReferenceGrant(Box<ReferenceGrantSpec>),
    BackendPolicy(Box<BackendPolicySpec>),
    TrafficPolicy(Box<TrafficPolicySpec>),
    AuthorizationPolicy(Box<AuthorizationPolicySpec>),
    RateLimitPolicy(Box<RateLimitPolicySpec>),
    /// A process outside Kubernetes.
    OwnWorkload(Box<WorkloadSpec>),
    BackendTlsPolicy(Box<BackendTlsPolicySpec>),
    XBackend(Box<XBackendSpec>),
    EgressNetwork(Box<EgressNetworkSpec>),
    /// Of the standard, and not acted on: a warning says so.
    NotModelled,
    /// Any other kind.
    Other,
}

/// What a text holds, and what is wrong with it.
#[derive(Debug, Default)]
pub struct Reading {
    pub resources: Vec<Resource>,
    pub diagnostics: Vec<Diagnostic>,
}

/// An object of a strict kind: nothing beside these fields.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Strict<T> {
    #[serde(rename = "apiVersion", default)]
    _api_version: Option<IgnoredAny>,
    #[serde(rename = "kind", default)]
    _kind: Option<IgnoredAny>,
    #[serde(rename = "metadata", default)]
    _metadata: Option<IgnoredAny>,
    spec: T,
    #[serde(rename = "status", default)]
    _status: Option<IgnoredAny>,
}

/// An object of a lenient kind with a `spec`.
#[derive(Deserialize)]
struct Lenient<T> {
    #[serde(default)]
    spec: T,
}

/// Reads all resources of `text`; `name` is the file as the user named it. Objects that cannot be
/// read are left out, each with an error among the diagnostics.
pub fn read(name: &str, text: &str) -> Reading {
    let mut reading = Reading::default();
    let documents = match yaml::read(name, text) {
        Ok(documents) => documents,
        Err(error) => {
            reading.diagnostics.push(error.code(Code::Syntax));
            return reading;
        }
    };
    for document in documents {
        match Object::read(document) {
            Ok(objects) => {
                for object in objects {
                    reading.add(object);
                }
            }
            Err(error) => reading.diagnostics.push(error),
        }
    }
    reading
}

// === impl Reading ===

impl Reading {
    /// Whether something could not be read.
    pub fn has_errors(&self) -> bool {
        let error = |found: &Diagnostic| found.level == crate::diagnostic::Level::Error;
        self.diagnostics.iter().any(error)
    }

    fn add(&mut self, object: Object) {
        let spec = match spec(&object, &mut self.diagnostics) {
            Ok(spec) => spec,
            Err(error) => {
                self.diagnostics.push(error);
                return;
            }
        };
        self.diagnostics.extend(refused(&object, &spec));
        let foreign = foreign::find(&object);
        self.resources.push(Resource {
            object,
            spec,
            foreign,
        });
    }
}

// === impl Resource ===

impl Resource {
    /// The pods it makes, for all kinds that make pods.
    pub fn workload(&self) -> Option<Workload> {
        match &self.spec {
            Spec::Pod(pod) => Some(Workload::of_pod(&self.object, pod)),
            Spec::Workload(workload) => Some((**workload).clone()),
            _ => None,
        }
    }
}

fn spec(object: &Object, warnings: &mut Vec<Diagnostic>) -> Result<Spec, Diagnostic> {
    let known = match kinds::find(object) {
        Ok(known) => known,
        Err(problem) => return Err(refuse_kind(object, &problem)),
    };
    Ok(match known {
        Known::Namespace => Spec::Namespace,
        Known::Node => Spec::Node,
        Known::ServiceAccount => Spec::ServiceAccount,
        Known::Service => Spec::Service(lenient(object)?),
        Known::EndpointSlice => Spec::EndpointSlice(object.decode()?),
        Known::Workload(WorkloadKind::Pod) => Spec::Pod(object.decode()?),
        Known::Workload(kind) => Spec::Workload(Box::new(Workload::read(kind, object)?)),
        Known::Secret => Spec::Secret(object.decode()?),
        Known::ConfigMap => Spec::ConfigMap(object.decode()?),
        Known::GatewayClass => Spec::GatewayClass(strict(object)?),
        Known::Gateway => Spec::Gateway(strict(object)?),
        Known::ListenerSet => Spec::ListenerSet(strict(object)?),
        Known::HttpRoute => Spec::HttpRoute(strict(object)?),
        Known::GrpcRoute => Spec::GrpcRoute(strict(object)?),
        Known::TcpRoute => Spec::TcpRoute(strict(object)?),
        Known::TlsRoute => Spec::TlsRoute(strict(object)?),
        Known::ReferenceGrant => Spec::ReferenceGrant(strict(object)?),
        Known::BackendPolicy => Spec::BackendPolicy(strict(object)?),
        Known::TrafficPolicy => Spec::TrafficPolicy(strict(object)?),
        Known::AuthorizationPolicy => Spec::AuthorizationPolicy(strict(object)?),
        Known::RateLimitPolicy => Spec::RateLimitPolicy(strict(object)?),
        Known::OwnWorkload => Spec::OwnWorkload(strict(object)?),
        Known::BackendTlsPolicy => Spec::BackendTlsPolicy(strict(object)?),
        Known::XBackend => Spec::XBackend(strict(object)?),
        Known::EgressNetwork => Spec::EgressNetwork(strict(object)?),
        Known::NotModelled => {
            let message = format!("`{}` is not modelled and has no effect here", object.kind);
            let warning = Diagnostic::warning(message).code(Code::NotModelled);
            warnings.push(object.diagnostic_at(warning, &[Step::Key("kind")]));
            Spec::NotModelled
        }
        Known::Other => Spec::Other,
    })
}

/// What the API server would refuse.
fn refused(object: &Object, spec: &Spec) -> Vec<Diagnostic> {
    let mut found = match spec {
        // Names have other rules there, which nobody here depends on.
        Spec::Other => return Vec::new(),
        Spec::Service(service) => validate::service(object, service),
        Spec::Workload(workload) => validate::workload(object, workload),
        Spec::Pod(pod) => validate::workload(object, &Workload::of_pod(object, pod)),
        _ => Vec::new(),
    };
    found.extend(validate::metadata(object));
    found
}

fn lenient<T: DeserializeOwned + Default>(object: &Object) -> Result<Box<T>, Diagnostic> {
    let Lenient { spec } = object.decode()?;
    Ok(Box::new(spec))
}

fn strict<T: DeserializeOwned>(object: &Object) -> Result<Box<T>, Diagnostic> {
    let Strict { spec, .. } = object.decode()?;
    let Some(metadata) = object.at(&[Step::Key("metadata")]) else {
        return Ok(Box::new(spec));
    };
    for (key, entry) in metadata.decided() {
        if !META_FIELDS.contains(&&*key) {
            let message = format!("unknown field `metadata.{key}`");
            let error = Diagnostic::error(message)
                .at(object.source(), entry.key.span)
                .code(Code::Schema)
                .about(object.subject());
            let error = match nearest(&key, META_FIELDS.iter().copied()) {
                Some(near) => error.label(format!("did you mean `{near}`?")),
                None => error,
            };
            return Err(error);
        }
    }
    Ok(Box::new(spec))
}

fn refuse_kind(object: &Object, problem: &kinds::Problem) -> Diagnostic {
    let (key, code) = match problem.field {
        kinds::Field::Kind => ("kind", Code::UnknownKind),
        kinds::Field::ApiVersion => ("apiVersion", Code::VersionNotServed),
    };
    let error = object.error_at(&[Step::Key(key)], problem.message.clone());
    let error = error.code(code);
    let error = match &problem.near {
        Some(near) => error.label(format!("did you mean `{near}`?")),
        None => error,
    };
    error.help(problem.help.clone())
}

#[cfg(test)]
mod tests;
