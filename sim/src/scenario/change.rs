//! Counter-changes: a scenario that cannot fail proves nothing, so it names changes under which it
//! has to.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
}

fn example() -> serde_json::Value {
    serde_json::json!({
        "BackendPolicy/shop/reviews": { "spec.outlierDetection.maxEjectionPercent": 10 }
    })
}

fn set() -> BTreeMap<&'static str, &'static str> {
    BTreeMap::from([("events[0].error.rate", "50%")])
}
