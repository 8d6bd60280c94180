//! Backends by name: Services, versions of a Service, sets of labels.

use std::collections::{BTreeMap, BTreeSet};

use engine::snapshot::ObjectName;
use model::document::Object;
use model::index::{Service, ServicePort};
use model::yaml::{Node, Step};
use serde_json::{Value, json};

use super::select::Governed;
use super::{Change, Plan};
use crate::command::route::mesh::Mesh;
use crate::error::Error;

/// A port of a Service that a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Backend {
    pub(crate) service: ObjectName,
    pub(crate) port: u16,
}

/// Labels that name a version, in the order in which they are looked for.
const VERSION_LABELS: [&str; 2] = ["version", "app.kubernetes.io/version"];

/// `--subset NAME=KEY=VALUE[,KEY=VALUE…]`: what a version's pods have in common.
pub(crate) type Subsets = BTreeMap<String, BTreeMap<String, String>>;

/// Reads `--subset`.
pub(crate) fn subsets(words: &[String]) -> Result<Subsets, Error> {
    let mut subsets = Subsets::new();
    for word in words {
        let bad = || {
            Error::new(format!("--subset {word}: no set of labels"))
                .hint("write --subset v2=version=v2, or v2=version=v2,track=canary")
        };
        let (name, labels) = word.split_once('=').ok_or_else(bad)?;
        let pairs = labels.split(',').map(|pair| {
            let (key, value) = pair.split_once('=').ok_or_else(bad)?;
            let fits = model::meta::name::label_key(key).is_ok()
                && model::meta::name::label_value(value).is_ok();
            fits.then(|| (key.to_owned(), value.to_owned()))
                .ok_or_else(bad)
        });
        let labels: BTreeMap<String, String> = pairs.collect::<Result<_, Error>>()?;
        subsets.insert(name.to_owned(), labels);
    }
    Ok(subsets)
}

/// The Service that `name` stands for: itself, `SERVICE-NAME`, or a version of it, for which one is
/// then made.
pub(crate) fn resolve<'a>(
    mesh: &'a Mesh,
    to: &Governed<'a>,
    name: &str,
    subsets: &Subsets,
    plan: &mut Plan<'a>,
) -> Result<Backend, Error> {
    let home = &to.service.name.namespace;
    if let Some((namespace, name)) = name.split_once('/') {
        let service = mesh.service(name, Some(namespace))?;
        return backend(service, to.port);
    }
    let prefixed = format!("{}-{name}", to.service.name.name);
    let there = |name: &str| mesh.index.service(&ObjectName::new(&**home, name));
    if !subsets.contains_key(name) {
        if let Some(service) = there(name) {
            return backend(service, to.port);
        }
        if let Some(service) = there(&prefixed) {
            return backend(service, to.port);
        }
    } else if let Some(service) = there(&prefixed) {
        return Err(
            Error::new(format!("the Service {} is there already", service.name))
                .hint(format!("leave out --subset {name}=…")),
        );
    }
    let labels = match subsets.get(name) {
        Some(labels) => labels.clone(),
        None => version_labels(mesh, to.service, name).ok_or_else(|| unknown(mesh, to, name))?,
    };
    make(mesh, to, &prefixed, labels, plan)
}

/// The labels that the pods of this version have, beside those that the Service selects.
fn version_labels(mesh: &Mesh, service: &Service, name: &str) -> Option<BTreeMap<String, String>> {
    let pods: Vec<_> = mesh.index.pods_of_service(&service.name).collect();
    let has = |label: &str| {
        pods.iter()
            .any(|p| p.labels.get(label).is_some_and(|v| v == name))
    };
    let label = VERSION_LABELS.into_iter().find(|label| has(label))?;
    Some(BTreeMap::from([(label.to_owned(), name.to_owned())]))
}

fn unknown(mesh: &Mesh, to: &Governed<'_>, name: &str) -> Error {
    let service = &to.service.name;
    let mut known: BTreeSet<String> = BTreeSet::new();
    let prefix = format!("{}-", service.name);
    for other in mesh
        .index
        .services()
        .filter(|s| s.name.namespace == service.namespace)
    {
        known.extend(other.name.name.strip_prefix(&prefix).map(str::to_owned));
    }
    for pod in mesh.index.pods_of_service(service) {
        let versions = VERSION_LABELS
            .iter()
            .filter_map(|label| pod.labels.get(*label));
        known.extend(versions.cloned());
    }
    let error = Error::new(format!(
        "{name} is neither a Service in {} nor a version of {}",
        service.namespace, service.name
    ));
    let known: Vec<String> = known.into_iter().collect();
    let error = match known.is_empty() {
        true => error,
        false => error.hint(format!(
            "versions of {} are {}",
            service.name,
            known.join(", ")
        )),
    };
    error.hint(format!(
        "or say which pods are meant: --subset {name}=version={name}"
    ))
}

/// A Service for some of the pods of another.
fn make<'a>(
    mesh: &'a Mesh,
    to: &Governed<'a>,
    name: &str,
    labels: BTreeMap<String, String>,
    plan: &mut Plan<'a>,
) -> Result<Backend, Error> {
    let service = to.service;
    let Some(object) = mesh.object("Service", &service.name) else {
        return Err(Error::new(format!(
            "the Service {} is in no file",
            service.name
        )));
    };
    if service.selector.is_empty() {
        return Err(Error::new(format!(
            "{} selects no pods: there are no versions of it to select",
            service.name
        ))
        .hint("name Services as backends"));
    }
    let mut selector = service.selector.clone();
    selector.extend(labels);
    let selected = mesh.index.pods().any(|pod| {
        pod.name.namespace == service.name.namespace
            && selector.iter().all(|(k, v)| pod.labels.get(k) == Some(v))
    });
    let pairs: Vec<String> = selector.iter().map(|(k, v)| format!("{k}={v}")).collect();
    let pairs = pairs.join(",");
    if !selected {
        plan.notes
            .push(format!("no workload of the input has the labels {pairs}"));
    }
    plan.notes
        .push(format!("made the Service {name} for the pods with {pairs}"));
    plan.changes.push(Change::Create {
        object: version_service(object, name, &selector),
        beside: object,
    });
    Ok(Backend {
        service: ObjectName::new(&*service.name.namespace, name),
        port: to.port.port,
    })
}

/// The same ports under another name, for the pods with these labels.
fn version_service(of: &Object, name: &str, selector: &BTreeMap<String, String>) -> Value {
    let spec = |key| {
        of.at(&[Step::Key("spec"), Step::Key(key)])
            .map(Node::to_json)
    };
    let mut metadata = json!({"name": name});
    if let Some(namespace) = &of.meta.namespace {
        metadata["namespace"] = json!(namespace);
    }
    if !of.meta.labels.is_empty() {
        metadata["labels"] = json!(of.meta.labels);
    }
    let ports = spec("ports").unwrap_or_else(|| json!([]));
    let ports = without_node_ports(ports);
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"selector": selector, "ports": ports},
    })
}

/// A node's port belongs to one Service.
fn without_node_ports(mut ports: Value) -> Value {
    for port in ports.as_array_mut().into_iter().flatten() {
        if let Some(port) = port.as_object_mut() {
            port.shift_remove("nodePort");
        }
    }
    ports
}

/// The port of `service` that stands for `port` of another: of the same number, the same name, or
/// the only one.
fn backend(service: &Service, port: &ServicePort) -> Result<Backend, Error> {
    let by_number = service.port(port.port);
    let by_name = || {
        let mut named = service.ports.iter().filter(|p| !p.name.is_empty());
        named.find(|p| p.name == port.name)
    };
    let only = || match service.ports.as_slice() {
        [only] => Some(only),
        _ => None,
    };
    match by_number.or_else(by_name).or_else(only) {
        Some(found) => Ok(Backend {
            service: service.name.clone(),
            port: found.port,
        }),
        None => Err(Error::new(format!(
            "{} has no port {} and several others",
            service.name, port.port
        ))
        .hint("give its port the same number or name")),
    }
}

// === impl Backend ===

impl Backend {
    /// As a backend reference of a route in the namespace `home`.
    pub(crate) fn json(&self, home: &str, weight: Option<u32>) -> Value {
        let mut reference = json!({"name": &*self.service.name});
        if *self.service.namespace != *home {
            reference["namespace"] = json!(&*self.service.namespace);
        }
        reference["port"] = json!(self.port);
        if let Some(weight) = weight {
            reference["weight"] = json!(weight);
        }
        reference
    }

    /// Whether a reference in a route of the namespace `home` means this one.
    pub(crate) fn is_meant_by(&self, reference: &Value, home: &str) -> bool {
        let text = |key: &str| reference.get(key).and_then(Value::as_str);
        let is_service = text("group").unwrap_or("").is_empty()
            && text("kind").is_none_or(|kind| kind == "Service");
        is_service
            && text("name") == Some(&self.service.name)
            && text("namespace").unwrap_or(home) == &*self.service.namespace
            && reference.get("port").and_then(Value::as_u64) == Some(u64::from(self.port))
    }
}
