//! What is wrong between the objects of a cluster, before it is run.

use model::diagnostic::Diagnostic;
use model::index::{Fact, MeshMode};
use model::load;
use model::resource::Resource;

use crate::scenario::Mesh;

/// Everything that is wrong with `resources`, each alone and with each other: errors and warnings
/// in the order of the objects. Workloads stand for the pods they would make.
pub fn check(resources: &[Resource], mesh: Mesh) -> Vec<Diagnostic> {
    let mode = match mesh {
        Mesh::All => MeshMode::All,
        Mesh::Annotated => MeshMode::Annotated,
    };
    let mut loaded = load::load(resources, mode);
    for resource in resources {
        if let Some(pod) = one_pod(resource) {
            loaded.index.apply(pod);
        }
    }
    let mut found = loaded.diagnostics;
    found.extend(loaded.index.findings(true));
    found
}

/// A pod as a workload that runs for long makes them. A template that is wrong is among the
/// diagnostics of the run's own setup, with its line.
fn one_pod(resource: &Resource) -> Option<Fact> {
    let (kind, pod) = load::specimen(resource).ok()??;
    kind.is_long_running().then_some(Fact::Pod(pod))
}
