//! A scenario with all its manifests in it: one document that runs anywhere, and that a reduction
//! can take apart.

use std::collections::BTreeMap;

use model::diagnostic::{Diagnostic, Level};
use model::resource::{self, Resource, Spec as Manifest};
use serde_json::{Map, Value};

use crate::scenario::Spec;

/// The resources of a bundled scenario.
#[derive(Clone, Debug, Default)]
pub struct Bundle {
    pub resources: Vec<Resource>,
    /// What `apply` events apply, by the index of the event.
    pub applied: BTreeMap<usize, Vec<Resource>>,
}

/// The scenario with these manifests, and with those that its events apply, written into it.
pub fn bundle(
    spec: &Spec,
    resources: &[Resource],
    applied: &BTreeMap<usize, Vec<Resource>>,
) -> Spec {
    let mut spec = spec.clone();
    spec.manifests.clear();
    spec.objects = resources.iter().map(object).collect();
    for (index, resources) in applied {
        if let Some(apply) = spec.events.get_mut(*index).and_then(|e| e.apply.as_mut()) {
            apply.manifests.clear();
            apply.objects = resources.iter().map(object).collect();
        }
    }
    spec
}

/// Reads the manifests that are written into a scenario; `place` says where an object stands.
///
/// # Errors
/// Everything that is wrong with them, warnings left out.
pub fn unbundle(spec: &Spec, place: &dyn Fn(&str) -> String) -> Result<Bundle, Vec<Diagnostic>> {
    let mut errors = Vec::new();
    let mut all = |objects: &[Map<String, Value>], path: &str| {
        let mut found = Vec::new();
        for (i, object) in objects.iter().enumerate() {
            let text = serde_json::to_string_pretty(object).unwrap_or_default();
            let reading = resource::read(&place(&format!("{path}[{i}]")), &text);
            let wrong = reading.diagnostics.into_iter();
            errors.extend(wrong.filter(|d| d.level == Level::Error));
            found.extend(reading.resources);
        }
        found
    };
    let resources = all(&spec.objects, "objects");
    let mut applied = BTreeMap::new();
    for (index, event) in spec.events.iter().enumerate() {
        if let Some(apply) = &event.apply {
            let path = format!("events[{index}].apply.objects");
            applied.insert(index, all(&apply.objects, &path));
        }
    }
    match errors.is_empty() {
        true => Ok(Bundle { resources, applied }),
        false => Err(errors),
    }
}

/// A manifest as it stands in a scenario.
pub fn object(resource: &Resource) -> Map<String, Value> {
    let mut json = resource.object.node().to_json();
    // An item of a typed list may leave these out; alone it may not.
    json["apiVersion"] = resource.object.api_version.clone().into();
    json["kind"] = resource.object.kind.clone().into();
    // A derived run may have fewer pods than the manifests ask for.
    if let Manifest::Workload(workload) = &resource.spec
        && json.pointer("/spec/replicas").is_some()
    {
        json["spec"]["replicas"] = workload.replicas.into();
    }
    match json {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests;
