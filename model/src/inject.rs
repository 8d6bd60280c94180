//! Whether a pod gets a proxy, and what has to change for it.
//!
//! ```text
//!  pod template ─┐
//!  its owner ────┼─▶ decide ─▶ Skip(reason) | edits ─┬─▶ model::edit: spliced into the text
//!  its namespace ┤                                   └─▶ patch: RFC 6902, for a webhook
//!  configuration ┘
//! ```
//!
//! There is one decision, a pure function. A file on a developer's machine and a pod that the API
//! server asks about get the same answer, since both ask here.

pub mod annotations;
mod containers;
mod foreign;
pub mod kinds;
mod marker;
pub mod misplaced;
mod objects;
pub mod patch;
mod pod;
mod ports;
mod probes;
mod settings;
mod skip;
pub mod text;

use serde_json::{Value, json};

use crate::edit::{Edit, Form, Place, Pointer};

pub use annotations::{Annotation, BadValue};
pub use containers::{HEALTH_PORT, INIT_CONTAINER, PROXY_PORTS, PROXY_UID, VOLUME};
pub use marker::{BadMarker, Marker};
pub use objects::Name;
pub use pod::PodView;
pub use ports::{PortRanges, PortsError};
pub use settings::{Identity, Settings};
pub use skip::Skip;

use annotations::INJECTED;

/// Which container `kubectl logs` and `kubectl exec` take.
const DEFAULT_CONTAINER: &str = "kubectl.kubernetes.io/default-container";
/// Where the control plane answers, unless it is installed elsewhere.
pub const CONTROL_PLANE: &str = "meshctl-control.meshctl-system.svc:14010";
/// The trust domain of a mesh that names none.
pub const TRUST_DOMAIN: &str = "cluster.local";

/// What holds for all pods of a run.
#[derive(Clone, Debug)]
pub struct Config {
    /// Of the program; it names the default image and stands in the marker.
    pub version: String,
    pub mode: Mode,
    /// A CNI plugin captures the traffic: no init container does.
    pub cni: bool,
    /// Whether pods get a proxy when neither they nor their namespace say so.
    pub unset: bool,
    pub control_plane: String,
    pub trust_domain: String,
    /// Flags, or the webhook's configuration.
    pub settings: Settings,
    /// What the flags said, as key and value of annotations.
    said: Vec<(&'static str, String)>,
}

/// What is put into the pod.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// The proxy and all that belongs to it.
    #[default]
    Sidecar,
    /// Annotations that ask the webhook for it.
    Annotate,
}

/// The object that makes the pods.
#[derive(Clone, Copy, Debug)]
pub struct Owner<'a> {
    pub kind: &'a str,
    pub namespace: &'a str,
}

/// A pod template, and all that is known about it.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    pub pod: PodView<'a>,
    pub owner: Owner<'a>,
    /// The annotations of its namespace.
    pub namespace: &'a Settings,
    /// How a collection of the template is written; matters only for those that are empty.
    pub form: &'a dyn Fn(&Pointer) -> Form,
}

/// The answer. Pointers begin at the template.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    Skip(Skip),
    Edit {
        edits: Vec<Edit>,
        /// What is worth knowing although the pod is in the mesh.
        warnings: Vec<String>,
    },
}

// === impl Config ===

impl Config {
    pub fn new(version: impl Into<String>) -> Self {
        Self {
            version: version.into(),
            mode: Mode::default(),
            cni: false,
            unset: true,
            control_plane: CONTROL_PLANE.to_owned(),
            trust_domain: TRUST_DOMAIN.to_owned(),
            settings: Settings::default(),
            said: Vec::new(),
        }
    }

    /// What a flag says, by the row of its annotation.
    ///
    /// # Errors
    /// A value that is not allowed.
    pub fn say(&mut self, row: &'static Annotation, text: &str) -> Result<(), BadValue> {
        row.apply(&mut self.settings, text)?;
        self.said.push((row.key, text.to_owned()));
        Ok(())
    }
}

/// Whether the pod gets a proxy, and what has to change for it. The template must not hold what an
/// earlier run added: see [`Marker::undo`].
///
/// # Errors
/// Values of annotations on the pod that cannot be read.
pub fn decide(question: &Question<'_>, config: &Config) -> Result<Decision, Vec<BadValue>> {
    let pod = question.pod;
    let own = annotations::read(&pod.labels(), &pod.annotations())?;
    let inject = skip::inject(&own, question, config);
    let settings = own.or(question.namespace).or(&config.settings);
    settings.contradictions()?;
    let skip = inject
        .err()
        .or_else(|| skip::reason(question, &settings, config));
    if let Some(skip) = skip {
        return Ok(Decision::Skip(skip));
    }
    let mut plan = Plan::new(question, config);
    if config.mode == Mode::Sidecar {
        plan.add_sidecar(&settings);
    }
    plan.add_annotations();
    Ok(Decision::Edit {
        edits: plan.edits,
        warnings: warnings(pod),
    })
}

/// Edits in the making, and the marker that remembers them.
struct Plan<'a> {
    question: &'a Question<'a>,
    config: &'a Config,
    edits: Vec<Edit>,
    marker: Marker,
    /// The container that kubectl takes when none is named, since the first one is the proxy.
    default_container: Option<String>,
}

// === impl Plan ===

impl<'a> Plan<'a> {
    fn new(question: &'a Question<'a>, config: &'a Config) -> Self {
        let marker = Marker {
            version: config.version.clone(),
            ..Marker::default()
        };
        Self {
            question,
            config,
            edits: Vec::new(),
            marker,
            default_container: None,
        }
    }

    fn add_sidecar(&mut self, settings: &Settings) {
        let native = settings.native != Some(false);
        let probes = probes::declared(self.question.pod);
        let capture = (!self.config.cni).then(|| containers::capture(self.config, settings));
        let proxy = containers::proxy(self.config, settings, &probes, native);
        if native {
            // The user's own init containers come behind both, and have the mesh's network.
            let first = capture.into_iter().chain([proxy]);
            self.items("initContainers", first.collect(), &Place::First);
        } else {
            // Before the proxy runs a captured network is a dead one, so the capture is last.
            self.items(
                "initContainers",
                capture.into_iter().collect(),
                &Place::Last,
            );
            let place = match settings.hold_application {
                Some(false) => Place::Last,
                _ => Place::First,
            };
            self.default_container = match place {
                Place::First => self.question.pod.first_container().map(str::to_owned),
                _ => None,
            };
            self.items("containers", vec![proxy], &place);
        }
        self.items("volumes", vec![containers::volume(settings)], &Place::Last);
    }

    /// Puts items into a list of the pod's spec.
    fn items(&mut self, key: &str, items: Vec<Value>, place: &Place) {
        if items.is_empty() {
            return;
        }
        let names = items.iter().filter_map(|item| item.get("name")?.as_str());
        let names = names.map(str::to_owned).collect();
        match key {
            "initContainers" => self.marker.init_containers = names,
            "containers" => self.marker.containers = names,
            _ => self.marker.volumes = names,
        }
        let path = ["spec", key];
        let list = Pointer::root().keys(path);
        match (self.question.form)(&list) {
            Form::Filled => {
                for (index, item) in items.into_iter().enumerate() {
                    let place = match place {
                        Place::First => Place::At(index),
                        other => other.clone(),
                    };
                    self.edits.push(Edit::insert(list.clone(), item, place));
                }
            }
            form => {
                self.marker.fills(&path, &form);
                // Where a person would write them: beside the containers.
                let beside = match key {
                    "initContainers" => Place::Before("containers".to_owned()),
                    _ => Place::After("containers".to_owned()),
                };
                self.edits.push(Edit::set_at(list, items, beside));
            }
        }
    }

    /// What flags said and nobody nearer did, and the marker.
    fn add_annotations(&mut self) {
        let annotate = self.config.mode == Mode::Annotate;
        let mut all: Vec<(&str, Value)> = Vec::new();
        if annotate {
            all.push((annotations::INJECT, "enabled".into()));
        }
        if let Some(name) = self.default_container.take() {
            all.push((DEFAULT_CONTAINER, name.into()));
        }
        for (key, text) in &self.config.said {
            let recorded = annotations::find(key).is_some_and(|row| row.is_recorded);
            if annotate || recorded {
                all.push((key, text.as_str().into()));
            }
        }
        let own = self.question.pod.annotations();
        let labels = self.question.pod.labels();
        all.retain(|(key, _)| {
            let asked = *key == annotations::INJECT && labels.contains_key(*key);
            !own.contains_key(*key) && !asked && !self.question.namespace.says(key)
        });
        self.marker.annotations = all.iter().map(|(key, _)| (*key).to_owned()).collect();
        let metadata = Pointer::root().key("metadata");
        let at = metadata.clone().key("annotations");
        self.marker
            .fills(&["metadata"], &(self.question.form)(&metadata));
        let form = (self.question.form)(&at);
        self.marker.fills(&["metadata", "annotations"], &form);
        all.push((INJECTED, self.marker.text().into()));
        if form == Form::Filled {
            let edits = all.into_iter();
            self.edits
                .extend(edits.map(|(key, value)| Edit::set(at.clone().key(key), value)));
            return;
        }
        let annotations: serde_json::Map<String, Value> = all
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect();
        if self.question.pod.at(&["metadata"]).is_none() {
            let metadata_value = json!({"annotations": annotations});
            let place = Place::Before("spec".to_owned());
            self.edits
                .push(Edit::set_at(metadata, metadata_value, place));
            return;
        }
        let labels = self.question.pod.at(&["metadata", "labels"]);
        let place = match labels {
            Some(_) => Place::After("labels".to_owned()),
            None => Place::Last,
        };
        self.edits.push(Edit::set_at(at, annotations, place));
    }
}

fn warnings(pod: PodView<'_>) -> Vec<String> {
    let mut found = Vec::new();
    let whole = pod.at(&["spec", "securityContext", "runAsUser"]);
    for container in pod.containers() {
        let own = container.value.pointer("/securityContext/runAsUser");
        if own.or(whole).and_then(Value::as_i64) == Some(PROXY_UID) {
            let name = container.name();
            found.push(format!(
                "container {name} runs as user {PROXY_UID}, the proxy's own: nothing captures its \
                 traffic"
            ));
        }
    }
    if let Some((key, mesh)) = foreign::asked(pod) {
        found.push(format!(
            "`{key}` asks {mesh} for its sidecar as well: a pod takes only one"
        ));
    }
    found
}

#[cfg(test)]
mod tests;
