//! The file format of a scenario: what is simulated, under which load, with which faults, and what
//! is expected of it.
//!
//! ```text
//!  Scenario ─ spec ─┬─ manifests[]       what would be applied to a cluster
//!                   ├─ network, control  how far things are apart, how fast changes are known
//!                   ├─ apps[]            how the applications behave
//!                   ├─ load[]            who sends requests
//!                   ├─ events[]          what goes wrong, and what operators do
//!                   ├─ expect[]          what has to hold
//!                   └─ counterChanges[]  changes under which it must not hold
//! ```
//!
//! The types are the file, field by field; their doc comments are the descriptions of the published
//! JSON Schema. Unknown fields are refused.

use core::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub mod app;
pub mod change;
pub mod distribution;
pub mod event;
pub mod expect;
pub mod known;
pub mod load;
pub mod network;
pub mod path;
pub mod quantity;
pub mod read;
pub mod reference;
pub mod shape;
pub mod validate;

pub use app::{App, Call, ColdStart, OnError};
pub use change::{CounterChange, ManifestChange};
pub use distribution::Distribution;
pub use event::{Action, Event, PodChoice};
pub use expect::{Expectation, Metric, Named, Op, Pick, Subject, Value, Window};
pub use known::Known;
pub use load::{Arrival, ClientProtocol, Load, Sender};
pub use network::{Control, Link, Network, Zone};
pub use quantity::{Bandwidth, Bytes, Share, Span};
pub use read::Loaded;
pub use reference::{ObjectRef, Place, Url, UrlScheme, WorkloadRef};
pub use shape::{Schedule, Shape};

/// A scenario: manifests, load, faults and expectations, to be run by `meshctl simulate`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Scenario {
    /// Version of the format.
    pub api_version: ApiVersion,
    /// Always `Scenario`.
    pub kind: Kind,
    /// Name and labels.
    #[serde(default)]
    pub metadata: Metadata,
    /// The scenario.
    pub spec: Spec,
}

/// Version of the format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum ApiVersion {
    #[default]
    #[serde(rename = "sim.meshctl.dev/v1alpha1")]
    V1Alpha1,
}

/// Always `Scenario`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum Kind {
    #[default]
    Scenario,
}

/// Name and labels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metadata {
    /// Name, for reports; without it the file's name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(example = "canary-at-10-percent")]
    pub name: String,
    /// Labels; not used.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub labels: std::collections::BTreeMap<String, String>,
    /// Annotations; not used.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub annotations: std::collections::BTreeMap<String, String>,
}

/// What is simulated.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Spec {
    /// What the scenario shows, in a sentence or two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "A bad canary at 10 % has to be seen.")]
    pub description: Option<String>,
    /// Files and directories of manifests, relative to this file. Those given with `-f` are added.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("examples" = [["shop/"]]))]
    pub manifests: Vec<String>,
    /// Manifests written here, besides those of the files: complete Kubernetes objects. A scenario
    /// with all its manifests in it runs anywhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<serde_json::Map<String, serde_json::Value>>,
    /// Which pods get a sidecar.
    #[serde(default, skip_serializing_if = "Mesh::is_default")]
    #[schemars(example = &"Annotated")]
    pub mesh: Mesh,
    /// How much virtual time is simulated.
    #[serde(default = "duration", skip_serializing_if = "is_default_duration")]
    #[schemars(example = "60s")]
    pub duration: Span,
    /// The beginning of the run that expectations do not look at, unless their window does.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(example = "5s")]
    pub warmup: Span,
    /// How many seeds are run, one after the other from the first (`--seed`, 1).
    #[serde(default = "one", skip_serializing_if = "is_one")]
    #[schemars(example = 5, range(min = 1, max = 100_000))]
    pub seeds: u32,
    /// Share of the seeds that have to pass.
    #[serde(default = "all", skip_serializing_if = "is_all")]
    #[schemars(example = "95%")]
    pub pass: Share,
    /// The network.
    #[serde(default, skip_serializing_if = "is_default")]
    pub network: Network,
    /// The control plane.
    #[serde(default, skip_serializing_if = "is_default")]
    pub control: Control,
    /// How the applications behave. A workload that is not listed behaves as assumed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub apps: Vec<App>,
    /// Who sends requests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub load: Vec<Load>,
    /// What happens during the run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<Event>,
    /// What has to hold. Without any, the result is `not-tested`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expect: Vec<Expectation>,
    /// Changes under which some expectations have to fail.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counter_changes: Vec<CounterChange>,
    /// Values of this file that nobody knows to be true: guesses and measurements. Everything else
    /// in the file counts as given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<InputNote>,
}

/// Which pods get a sidecar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum Mesh {
    /// Every pod, except those on the host's network and those that opted out.
    #[default]
    All,
    /// Pods and namespaces with the annotation `meshctl.dev/inject: enabled`.
    Annotated,
}

/// Where a value of the scenario comes from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InputNote {
    /// Path of the value below `spec`; everything below it is meant.
    #[schemars(example = "apps[0].serviceTime")]
    pub path: String,
    /// Where it comes from.
    #[schemars(example = &"assumed")]
    pub source: Source,
    /// How one came to it.
    #[schemars(example = "no measurement; a usual value")]
    pub why: String,
}

/// Where an input comes from.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// In the manifests or the scenario.
    Given,
    /// From metrics of a running system.
    Measured,
    /// A default, or derived from the manifests.
    Assumed,
}

/// A run lasts this long when nothing is said.
pub const DURATION: Span = Span::from_secs(30);

// === impl Scenario ===

impl Scenario {
    pub fn new(name: &str, spec: Spec) -> Self {
        Self {
            api_version: ApiVersion::V1Alpha1,
            kind: Kind::Scenario,
            metadata: Metadata {
                name: name.into(),
                ..Metadata::default()
            },
            spec,
        }
    }
}

// === impl Spec ===

impl Spec {
    /// The window of an expectation, with what it leaves out filled in.
    pub fn window(&self, expectation: &Expectation) -> (Duration, Duration) {
        let window = expectation.window.unwrap_or(Window {
            from: None,
            to: None,
        });
        let from = window.from.unwrap_or(self.warmup).0;
        (from, window.to.unwrap_or(self.duration).0)
    }

    /// The instants at which a run has to be sampled: each second, the end, and every bound of a
    /// window, so that each window is a difference of two samples and nothing is interpolated.
    pub fn instants(&self) -> Vec<Duration> {
        let end = self.duration.0;
        let mut out: Vec<_> = (0..=end.as_secs()).map(Duration::from_secs).collect();
        for expectation in &self.expect {
            let (from, to) = self.window(expectation);
            out.extend([from, to]);
        }
        out.extend([self.warmup.0, end]);
        out.retain(|t| *t <= end);
        out.sort_unstable();
        out.dedup();
        out
    }

    /// The entry for a workload, if there is one.
    pub fn app(&self, namespace: &str, kind: &str, name: &str) -> Option<&App> {
        self.apps
            .iter()
            .find(|a| a.workload.names(namespace, kind, name))
    }
}

impl Default for Spec {
    /// What an empty `spec` means.
    fn default() -> Self {
        Self {
            description: None,
            manifests: Vec::new(),
            objects: Vec::new(),
            mesh: Mesh::default(),
            duration: DURATION,
            warmup: Span::ZERO,
            seeds: one(),
            pass: all(),
            network: Network::default(),
            control: Control::default(),
            apps: Vec::new(),
            load: Vec::new(),
            events: Vec::new(),
            expect: Vec::new(),
            counter_changes: Vec::new(),
            inputs: Vec::new(),
        }
    }
}

// === impl Mesh ===

impl Mesh {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

const fn duration() -> Span {
    DURATION
}

fn is_default_duration(span: &Span) -> bool {
    *span == DURATION
}

fn is_zero(span: &Span) -> bool {
    *span == Span::ZERO
}

const fn one() -> u32 {
    1
}

const fn is_one(n: &u32) -> bool {
    *n == 1
}

const fn all() -> Share {
    Share::ONE
}

fn is_all(share: &Share) -> bool {
    *share == Share::ONE
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[cfg(test)]
mod tests;
