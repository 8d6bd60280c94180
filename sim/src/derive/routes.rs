//! What routes mean for derived calls: where a Service's requests end up, and which path is sure to
//! match.

use std::collections::{BTreeMap, BTreeSet};

use model::gateway::{GrpcMethodMatch, HttpMatch, MatchType, ParentReference, PathMatchType};
use model::resource::{Resource, Spec};

use super::ServiceName;
use crate::scenario::known::{Id, Known};

/// Routes that are attached to Services.
#[derive(Default)]
pub(super) struct Routes {
    /// Service → the Services that its routes send requests to.
    backends: BTreeMap<ServiceName, BTreeSet<ServiceName>>,
    /// Service → a path that one of its rules matches.
    paths: BTreeMap<ServiceName, String>,
}

/// One rule: a path that it matches, if that can be told, and its backends.
struct Rule {
    path: Option<String>,
    backends: Vec<ServiceName>,
}

/// Method of derived gRPC calls where no route names one: nothing in manifests says what an
/// application calls.
const GRPC_PATH: &str = "/meshctl.Derived/Call";

// === impl Routes ===

impl Routes {
    pub(super) fn of(resources: &[Resource]) -> Self {
        let mut out = Self::default();
        for resource in resources {
            let namespace = resource.object.namespace();
            match &resource.spec {
                Spec::HttpRoute(spec) => {
                    let rules = spec.rules.iter().flatten().map(|rule| Rule {
                        path: http_path(&rule.matches),
                        backends: rule
                            .backend_refs
                            .iter()
                            .map(|b| backend(b.namespace.as_deref(), &b.name, namespace))
                            .collect(),
                    });
                    out.add(&spec.parent_refs, namespace, &rules.collect::<Vec<_>>());
                }
                Spec::GrpcRoute(spec) => {
                    let rules = spec.rules.iter().map(|rule| Rule {
                        path: match rule.matches.first() {
                            None => Some(GRPC_PATH.to_owned()),
                            Some(first) if first.headers.is_empty() => first
                                .method
                                .as_ref()
                                .map_or_else(|| Some(GRPC_PATH.into()), grpc_path),
                            Some(_) => None,
                        },
                        backends: rule
                            .backend_refs
                            .iter()
                            .map(|b| backend(b.namespace.as_deref(), &b.name, namespace))
                            .collect(),
                    });
                    out.add(&spec.parent_refs, namespace, &rules.collect::<Vec<_>>());
                }
                _ => {}
            }
        }
        out
    }

    fn add(&mut self, parents: &[ParentReference], namespace: &str, rules: &[Rule]) {
        let services = parents
            .iter()
            .filter(|p| p.kind.as_deref() == Some("Service"));
        for parent in services {
            let service = backend(parent.namespace.as_deref(), &parent.name, namespace);
            // The rule that matches most is the best guess: the shortest path.
            let paths = rules.iter().filter_map(|rule| rule.path.as_ref());
            if let Some(path) = paths.min_by_key(|path| path.len()) {
                self.paths
                    .entry(service.clone())
                    .or_insert_with(|| path.clone());
            }
            let backends = rules.iter().flat_map(|rule| rule.backends.iter().cloned());
            self.backends.entry(service).or_default().extend(backends);
        }
    }

    /// The path to ask a Service for.
    pub(super) fn path(&self, service: &ServiceName, grpc: bool) -> String {
        let default = if grpc { GRPC_PATH } else { "/" };
        let path = self.paths.get(service).map(String::as_str);
        // A gRPC path on an HTTP port, or the other way round, is another port's route.
        path.filter(|path| !grpc || path.matches('/').count() == 2)
            .unwrap_or(default)
            .to_owned()
    }

    /// The workloads that requests to a Service may reach.
    pub(super) fn behind<'k>(&self, service: &ServiceName, known: &'k Known) -> Vec<&'k Id> {
        let routed = self.backends.get(service).into_iter().flatten();
        let mut out: Vec<_> = routed
            .chain([service])
            .filter_map(|name| Some((name, known.service(&name.0, &name.1)?)))
            .flat_map(|(name, found)| known.behind(&name.0, found))
            .collect();
        out.sort_unstable();
        out.dedup();
        out
    }

    /// Whether a route of another Service leads to this one.
    pub(super) fn is_backend(&self, service: &ServiceName) -> bool {
        let mut others = self
            .backends
            .iter()
            .filter(|(parent, _)| *parent != service);
        others.any(|(_, backends)| backends.contains(service))
    }
}

fn backend(namespace: Option<&str>, name: &str, own: &str) -> ServiceName {
    (namespace.unwrap_or(own).to_owned(), name.to_owned())
}

/// A path that one of the matches accepts without headers or queries; `/` if all paths match.
fn http_path(matches: &[HttpMatch]) -> Option<String> {
    if matches.is_empty() {
        return Some("/".into());
    }
    let plain = matches.iter().filter(|m| {
        let get = m
            .method
            .is_none_or(|method| method == model::gateway::HttpMethod::Get);
        m.headers.is_empty() && m.query_params.is_empty() && get
    });
    let paths = plain.filter_map(|m| match &m.path {
        None => Some("/".to_owned()),
        Some(path) if path.r#type == PathMatchType::RegularExpression => None,
        Some(path) => Some(path.value.clone().unwrap_or_else(|| "/".into())),
    });
    paths.min_by_key(String::len)
}

fn grpc_path(method: &GrpcMethodMatch) -> Option<String> {
    if method.r#type == MatchType::RegularExpression {
        return None;
    }
    let service = method.service.as_deref().unwrap_or("meshctl.Derived");
    Some(format!(
        "/{service}/{}",
        method.method.as_deref().unwrap_or("Call")
    ))
}
