//! What a cluster holds, as the texts that files would give: one pipeline serves both.
//!
//! Only what somebody declared is taken. A Deployment's ReplicaSets and pods, the slices of a
//! Service and the Jobs of a CronJob are made by controllers; who runs the declared objects makes
//! them again.

use std::collections::BTreeSet;

use serde_json::Value;

use super::discover::Served;
use super::failure::{Failure, Kind as Why};
use super::kind::{Need, Resource};
use super::{Cluster, Scope, named};
use crate::input::Input;

/// The objects of a cluster.
#[derive(Debug, Default)]
pub(crate) struct Held {
    /// One object each, as JSON: `cluster kind-dev HTTPRoute shop/web`.
    pub(crate) inputs: Vec<Input>,
    /// What may not be read and is not needed, and what that means.
    pub(crate) warnings: Vec<String>,
}

/// The objects of a cluster as they are, with those that controllers made.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    objects: Vec<(Resource, Vec<Value>)>,
    /// Kinds that may not be read.
    pub(crate) failures: Vec<(Resource, Failure)>,
}

/// The label of slices that the cluster makes from a Service's selector.
const MANAGED_BY: &str = "endpointslice.kubernetes.io/managed-by";
/// Kept by client-side `kubectl apply`: the whole object a second time.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

// === impl Cluster ===

impl Cluster {
    /// Every modelled object of `scope` that somebody declared, and policies of other meshes.
    ///
    /// # Errors
    /// When a kind that no answer can do without may not be read, and when the API server does not
    /// answer.
    pub(crate) fn held(&self, scope: &Scope) -> Result<Held, Failure> {
        let served = self.discover()?;
        let seen = self.read(&served, self.namespace(scope))?;
        let mut held = Held::default();
        for (resource, failure) in &seen.failures {
            if resource.need == Need::Required {
                return Err(failure.clone());
            }
            let missed = without(&resource.kind);
            held.warnings.push(format!("{failure}; {missed}"));
        }
        held.inputs = self.inputs(&seen);
        Ok(held)
    }

    /// Reads all that is served in a namespace (none: in all), as far as that is allowed.
    ///
    /// # Errors
    /// When the API server does not answer.
    pub(crate) fn read(&self, served: &Served, namespace: Option<&str>) -> Result<Seen, Failure> {
        let mut seen = Seen::default();
        for resource in served.modelled.iter().chain(&served.foreign) {
            match self.objects(resource, namespace) {
                Ok(found) => seen.objects.push((resource.clone(), found)),
                Err(e) if e.kind == Why::Forbidden => seen.failures.push((resource.clone(), e)),
                // Kinds of Kubernetes are not looked for; an older version lacks some.
                Err(e) if e.kind == Why::NotFound => seen.objects.push((resource.clone(), vec![])),
                Err(e) => return Err(e),
            }
        }
        Ok(seen)
    }

    /// Reads all namespaces; where that is not allowed, `home` alone.
    ///
    /// # Errors
    /// When a kind that no answer can do without may not be read, and when the API server does not
    /// answer.
    pub(crate) fn widest(&self, served: &Served, home: &str) -> Result<Seen, Failure> {
        let lacking = |seen: &Seen| {
            let mut failures = seen.failures.iter();
            let needed = failures.find(|(resource, _)| resource.need == Need::Required);
            needed.map(|(_, failure)| failure.clone())
        };
        let all = self.read(served, None)?;
        if lacking(&all).is_none() {
            return Ok(all);
        }
        let one = self.read(served, Some(home))?;
        match lacking(&one) {
            None => Ok(one),
            Some(failure) => Err(failure),
        }
    }

    /// What was declared of `seen`, as texts.
    pub(crate) fn inputs(&self, seen: &Seen) -> Vec<Input> {
        let all = || {
            let kinds = seen.objects.iter();
            kinds.flat_map(|(resource, objects)| objects.iter().map(move |o| (resource, o)))
        };
        let there: BTreeSet<String> = all().map(|(r, o)| key_of(&r.kind, o)).collect();
        let declared = all().filter(|(_, object)| is_declared(object, &there));
        declared
            .map(|(resource, object)| self.input(resource, object))
            .collect()
    }

    fn objects(&self, resource: &Resource, namespace: Option<&str>) -> Result<Vec<Value>, Failure> {
        // Who may see one namespace may often not list them all.
        if let (Some(namespace), "Namespace") = (namespace, &*resource.kind) {
            return Ok(self.get(resource, "", namespace)?.into_iter().collect());
        }
        self.list(resource, namespace, None)
    }

    fn input(&self, resource: &Resource, object: &Value) -> Input {
        let meta = &object["metadata"];
        let text = |key: &str| meta[key].as_str().unwrap_or_default();
        let name = named(text("namespace"), text("name"));
        Input {
            name: format!("cluster {} {} {name}", self.name(), resource.kind),
            // A value that came as JSON can be written as JSON.
            text: serde_json::to_string_pretty(&cleaned(object)).unwrap_or_default(),
        }
    }
}

// === impl Seen ===

impl Seen {
    /// The objects of a kind.
    pub(crate) fn objects(&self, kind: &str) -> impl Iterator<Item = &Value> {
        let of_kind = self.objects.iter().filter(move |(r, _)| r.kind == kind);
        of_kind.flat_map(|(_, objects)| objects)
    }

    /// Why a kind could not be read.
    pub(crate) fn failed(&self, kind: &str) -> Option<&Failure> {
        let mut failures = self.failures.iter();
        failures
            .find(|(r, _)| r.kind == kind)
            .map(|(_, failure)| failure)
    }
}

/// What an answer lacks without objects of a kind.
fn without(kind: &str) -> &'static str {
    match kind {
        "Namespace" => "labels and annotations of namespaces count as not there",
        "ConfigMap" => "addresses written in config maps are not seen",
        "ServiceAccount" => "service accounts are taken from the workloads that name them",
        "Job" | "CronJob" => "they are left out",
        _ => "nothing inside of the mesh depends on them",
    }
}

/// `ReplicaSet shop/web-5d8`: a name that owner references can be compared with.
fn key_of(kind: &str, object: &Value) -> String {
    let meta = &object["metadata"];
    let text = |key: &str| meta[key].as_str().unwrap_or_default();
    format!("{kind} {}", named(text("namespace"), text("name")))
}

/// Whether nobody among the objects of the cluster makes this one.
fn is_declared(object: &Value, there: &BTreeSet<String>) -> bool {
    let meta = &object["metadata"];
    let managed = meta["labels"][MANAGED_BY].as_str();
    if managed.is_some_and(|by| by.starts_with("endpointslice")) {
        return false;
    }
    let owners = meta["ownerReferences"].as_array().into_iter().flatten();
    let mut controllers = owners.filter(|o| o["controller"] == true);
    !controllers.any(|owner| {
        let name = owner["name"].as_str().unwrap_or_default();
        let kind = owner["kind"].as_str().unwrap_or_default();
        let namespace = meta["namespace"].as_str().unwrap_or_default();
        there.contains(&format!("{kind} {}", named(namespace, name)))
    })
}

/// The object without what only the API server needs.
fn cleaned(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(meta) = object["metadata"].as_object_mut() {
        if let Some(Value::Array(entries)) = meta.get_mut("managedFields") {
            // Who looks after it is all that matters of them.
            let manager = |entry: &Value| serde_json::json!({"manager": entry["manager"]});
            *entries = entries.iter().map(manager).collect();
        }
        if let Some(annotations) = meta.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.remove(LAST_APPLIED);
        }
    }
    object
}

/// `object`, read again from the text of `original`, with what that text leaves out.
pub(crate) fn restored(object: &Value, original: &Value) -> Value {
    let mut object = object.clone();
    let meta = &original["metadata"];
    if meta["managedFields"].is_array() {
        object["metadata"]["managedFields"] = meta["managedFields"].clone();
    }
    if meta["annotations"][LAST_APPLIED].is_string() {
        let kept = meta["annotations"][LAST_APPLIED].clone();
        object["metadata"]["annotations"][LAST_APPLIED] = kept;
    }
    object
}
