//! Counter-changes: a scenario that cannot fail proves nothing, so it names changes under which it
//! has to.

use std::collections::BTreeMap;

use model::diagnostic::{Diagnostic, Level};
use model::resource::{self, Resource};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::path::Path;
use super::reference::ObjectRef;

/// A change to the scenario or its manifests under which the expectations named in `fails` have to
/// fail: the mutation test of a scenario.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CounterChange {
    /// Name, unique in the scenario.
    #[schemars(example = "no retry budget")]
    pub name: String,
    /// What the change shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "without the budget the retries multiply the overload")]
    pub why: Option<String>,
    /// Values of the scenario that are different: path below `spec` → value, as with `--set`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(example = set())]
    pub set: BTreeMap<String, serde_json::Value>,
    /// Manifests that are different.
    #[serde(default, skip_serializing_if = "ManifestChange::is_empty")]
    pub manifests: ManifestChange,
    /// Expectations that have to fail, by name.
    #[schemars(extend("examples" = [["checkout stays up"]]), length(min = 1))]
    pub fails: Vec<String>,
}

/// How manifests are different.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ManifestChange {
    /// Objects that are not there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("examples" = [["TrafficPolicy/shop/reviews"]]))]
    pub remove: Vec<ObjectRef>,
    /// Fields that are different: object → path → value; `null` removes the field.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(example = example())]
    pub set: BTreeMap<ObjectRef, BTreeMap<String, serde_json::Value>>,
}

// === impl ManifestChange ===

impl ManifestChange {
    pub fn is_empty(&self) -> bool {
        self.remove.is_empty() && self.set.is_empty()
    }

    /// The manifests with this change. A changed object keeps its place among the others, and its
    /// file's name; its lines are those of its new text.
    ///
    /// # Errors
    /// An object that is not there, a path that leads nowhere, or a value the object cannot have.
    pub fn apply(&self, mut resources: Vec<Resource>) -> Result<Vec<Resource>, Diagnostic> {
        for object in &self.remove {
            let count = resources.len();
            resources.retain(|r| reference(r) != *object);
            if resources.len() == count {
                return Err(absent(object));
            }
        }
        for (object, values) in &self.set {
            let at = resources.iter().position(|r| reference(r) == *object);
            let at = at.ok_or_else(|| absent(object))?;
            resources[at] = changed(&resources[at], values)?;
        }
        Ok(resources)
    }
}

fn reference(resource: &Resource) -> ObjectRef {
    let object = &resource.object;
    ObjectRef {
        kind: object.kind.clone(),
        namespace: object.namespace().to_owned(),
        name: object.name().to_owned(),
    }
}

fn absent(object: &ObjectRef) -> Diagnostic {
    Diagnostic::error(format!("no object `{object}` in the manifests"))
}

/// The object with these values, read again as if it had been written so.
fn changed(
    resource: &Resource,
    values: &BTreeMap<String, serde_json::Value>,
) -> Result<Resource, Diagnostic> {
    let error = |e: &dyn std::fmt::Display| Diagnostic::error(e.to_string());
    let mut json = resource.object.node().to_json();
    for (path, value) in values {
        let path = Path::parse(path).map_err(|e| error(&e))?;
        path.set(&mut json, value.clone()).map_err(|e| error(&e))?;
    }
    // An item of a typed list may leave these out; alone it may not.
    json["apiVersion"] = resource.object.api_version.clone().into();
    json["kind"] = resource.object.kind.clone().into();
    let text = serde_json::to_string_pretty(&json).map_err(|e| error(&e))?;
    let mut reading = resource::read(resource.object.source().name(), &text);
    let refused = reading
        .diagnostics
        .iter()
        .position(|d| d.level == Level::Error);
    match (refused, reading.resources.pop()) {
        (Some(first), _) => Err(reading.diagnostics.swap_remove(first)),
        (None, Some(resource)) => Ok(resource),
        (None, None) => Err(error(&"the changed object holds nothing")),
    }
}

fn example() -> serde_json::Value {
    serde_json::json!({
        "BackendPolicy/shop/reviews": { "spec.outlierDetection.maxEjectionPercent": 10 }
    })
}

fn set() -> BTreeMap<&'static str, &'static str> {
    BTreeMap::from([("events[0].error.rate", "50%")])
}
