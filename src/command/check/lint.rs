//! What is wrong with the objects themselves: the findings that files would give.

use model::diagnostic::{Diagnostic, Level};
use model::resource;
use sim::scenario::Mesh;

use super::report::Category;
use crate::cluster::held::Seen;
use crate::cluster::{Cluster, Scope};

pub(super) fn check(cluster: &Cluster, scope: &Scope, seen: &Seen) -> Category {
    let mut to = Category::new("objects");
    let inputs = cluster.inputs(seen);
    let mut found = Vec::new();
    let mut resources = Vec::new();
    for input in &inputs {
        let reading = resource::read(&input.name, &input.text);
        found.extend(reading.diagnostics);
        resources.extend(reading.resources);
    }
    found.extend(sim::run::check(&resources, Mesh::Annotated));
    let of = |level: Level| -> Vec<String> {
        let found = found.iter().filter(|d| d.level == level);
        found.map(shown).collect()
    };
    let (errors, warnings) = (of(Level::Error), of(Level::Warning));
    let place = match cluster.namespace(scope) {
        Some(namespace) => format!(" -n {namespace}"),
        None => " -A".to_owned(),
    };
    let described = format!("{} objects are as they should be", inputs.len());
    let hint = format!(
        "`meshctl simulate --context {}{place}` shows the lines of each",
        cluster.name()
    );
    match (errors.is_empty(), warnings.is_empty()) {
        (true, true) => to.success("objects-lint", described),
        (true, false) => to.warning("objects-lint", described, warnings, hint),
        (false, _) => to.error("objects-lint", described, [errors, warnings].concat(), hint),
    }
    for (resource, failure) in &seen.failures {
        let described = format!("{} are judged", resource.full_name());
        to.unknown("objects-unseen", described, failure);
    }
    to
}

/// In one line; the position within an object of the cluster says little without its lines.
fn shown(found: &Diagnostic) -> String {
    let place = found.source.as_ref().map(|s| s.name().to_owned());
    match place {
        Some(place) => format!(
            "{}: {}",
            place.trim_start_matches("cluster "),
            found.message
        ),
        None => found.message.clone(),
    }
}
