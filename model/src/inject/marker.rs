//! The annotation `meshctl.dev/injected`: what was added, so that it can be taken away again.
//!
//! ```text
//! {"version":"0.1.0",
//!  "annotations":["meshctl.dev/opaque-ports"],
//!  "initContainers":["meshctl-init","meshctl-proxy"],
//!  "volumes":["meshctl-identity"],
//!  "filled":{"metadata.annotations":null,"spec.volumes":" []"}}
//! ```
//!
//! `filled` names the collections that were empty before: not there (`null`), or written as the
//! text behind their colon says (` []`, ` {}`, ` ~`, nothing). `uninject` reads this annotation and
//! nothing else, so it gives back the bytes from before whatever version wrote them.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::DEFAULT_CONTAINER;
use super::annotations::{INJECTED, PREFIX};
use super::pod::PodView;
use crate::edit::{Edit, Form, Pointer};

/// Names that may be listed: nothing else was ever added.
const OWN_NAMES: &str = "meshctl-";

/// What one run of `inject` added to one pod template.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Marker {
    pub version: String,
    /// Keys beside the marker itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub annotations: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub init_containers: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub containers: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<String>,
    /// Collections that were empty, by their path in the template, outermost first.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub filled: IndexMap<String, Option<String>>,
}

/// A marker that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the annotation `{INJECTED}` cannot be read: {0}")]
pub struct BadMarker(String);

// === impl Marker ===

impl Marker {
    /// The marker on a pod template, if there is one.
    ///
    /// # Errors
    /// A marker that this program did not write, or a newer one did.
    pub fn of(pod: PodView<'_>) -> Result<Option<Self>, BadMarker> {
        let Some(value) = pod.at(&["metadata", "annotations", INJECTED]) else {
            return Ok(None);
        };
        let text = value.as_str().unwrap_or_default();
        let marker: Self =
            serde_json::from_str(text).map_err(|error| BadMarker(error.to_string()))?;
        let names = marker.names().chain(&marker.volumes);
        let foreign = names
            .filter(|name| !name.starts_with(OWN_NAMES))
            .chain(marker.annotations.iter().filter(|key| !is_own(key)))
            .next();
        if let Some(name) = foreign {
            let shown: String = name.chars().take(40).collect();
            return Err(BadMarker(format!("`{shown}` is not ours to remove")));
        }
        if let Some(path) = marker.filled.keys().find(|path| !is_known(path)) {
            let shown: String = path.chars().take(40).collect();
            return Err(BadMarker(format!("`{shown}` is never filled by us")));
        }
        Ok(Some(marker))
    }

    /// The value of the annotation.
    pub(super) fn text(&self) -> String {
        // Strings and lists of strings: this cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Remembers how the collection at `path` was written while it was empty.
    pub(super) fn fills(&mut self, path: &[&str], form: &Form) {
        let written = match form {
            Form::Filled => return,
            Form::Absent => None,
            Form::Empty(text) => Some(text.clone()),
        };
        self.filled.insert(path.join("."), written);
    }

    /// The edits that take everything away. What is not there any more is left out: somebody
    /// removed it by hand.
    pub fn undo(&self, pod: PodView<'_>) -> Vec<Edit> {
        let mut edits = Vec::new();
        let lists = [
            ("containers", &self.containers),
            ("initContainers", &self.init_containers),
            ("volumes", &self.volumes),
        ];
        for (key, names) in lists {
            let path = ["spec", key];
            let there = pod.at(&path).and_then(Value::as_array);
            let there = |name: &str| {
                let mut items = there.into_iter().flatten();
                items.any(|item| item.get("name").and_then(Value::as_str) == Some(name))
            };
            let list = Pointer::root().keys(path);
            let ours = names.iter().filter(|name| there(name));
            edits.extend(ours.map(|name| Edit::remove(list.clone().named(name))));
        }
        let annotations = Pointer::root().keys(["metadata", "annotations"]);
        let mine = self.annotations.iter().map(String::as_str);
        for key in mine.chain([INJECTED]) {
            if pod.at(&["metadata", "annotations", key]).is_some() {
                edits.push(Edit::remove(annotations.clone().key(key)));
            }
        }
        // Inner collections first: theirs may be all that the outer ones hold.
        for (path, written) in self.filled.iter().rev() {
            let at = Pointer::root().keys(path.split('.'));
            let form = match written {
                None => Form::Absent,
                Some(text) => Form::Empty(text.clone()),
            };
            edits.push(Edit::restore(at, form));
        }
        edits
    }

    /// Names of containers of both kinds.
    fn names(&self) -> impl Iterator<Item = &String> {
        self.init_containers.iter().chain(&self.containers)
    }
}

fn is_own(key: &str) -> bool {
    key.starts_with(PREFIX) || key == DEFAULT_CONTAINER
}

fn is_known(path: &str) -> bool {
    matches!(
        path,
        "metadata" | "metadata.annotations" | "spec.initContainers" | "spec.volumes"
    )
}
