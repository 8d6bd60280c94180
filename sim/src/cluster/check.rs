//! What is wrong between the objects of a cluster, before it is run.

use engine::snapshot::ObjectName;
use model::diagnostic::Diagnostic;
use model::index::{Fact, MeshMode, PodState};
use model::load;
use model::resource::{Resource, Spec};

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
        // A template that is wrong is among the diagnostics of the run's own setup, with its line.
        if let Some(pod) = one_pod(resource) {
            loaded.index.apply(pod);
        }
    }
    let mut found = loaded.diagnostics;
    found.extend(loaded.index.findings(true));
    found
}

/// A pod as the workload makes them.
fn one_pod(resource: &Resource) -> Option<Fact> {
    let object = &resource.object;
    let Spec::Workload(workload) = &resource.spec else {
        return None;
    };
    if !workload.kind.is_long_running() {
        return None;
    }
    let mut pod = load::pod_of_template(
        ObjectName::new(object.namespace(), object.name()),
        &workload.template.metadata.labels,
        &workload.template.metadata.annotations,
        &workload.template.spec,
        format!("{:?}/{}", workload.kind, object.name()),
        object.origin(),
    )
    .ok()?;
    pod.state = PodState::Ready;
    Some(Fact::Pod(pod))
}
