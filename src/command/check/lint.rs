//! What is wrong with the objects themselves: the findings that `meshctl lint` has for files.

use model::check;
use model::diagnostic::{Diagnostic, Level};
use model::resource::{self, Reading};

use super::report::Category;
use crate::cluster::held::Seen;
use crate::cluster::{Cluster, Scope};

pub(super) fn check(cluster: &Cluster, scope: &Scope, seen: &Seen) -> Category {
    let mut to = Category::new("objects");
    let inputs = cluster.inputs(seen);
    let read = |input: &crate::input::Input| resource::read(&input.name, &input.text);
    let readings: Vec<Reading> = inputs.iter().map(read).collect();
    let objects = readings.iter().flat_map(|reading| &reading.resources);
    let calls = sim::derive::calls(&objects.cloned().collect::<Vec<_>>());
    let report = check::check(&check::Input {
        readings: &readings,
        calls: &calls,
        // What is not seen is not missing.
        complete: cluster.namespace(scope).is_none() && seen.failures.is_empty(),
        ignore: &[],
    });
    let of = |level: Level| -> Vec<String> {
        let found = report.findings.iter().filter(|d| d.level == level);
        found.map(shown).collect()
    };
    let (errors, warnings) = (of(Level::Error), of(Level::Warning));
    let described = format!("{} objects are as they should be", inputs.len());
    let hint = "`meshctl lint --explain CODE` says what a code means and what to do";
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
    let code = found
        .code
        .map_or_else(String::new, |code| format!("[{code}] "));
    let place = found.source.as_ref().map(|s| s.name().to_owned());
    match place {
        Some(place) => {
            let place = place.trim_start_matches("cluster ");
            format!("{code}{place}: {}", found.message)
        }
        None => format!("{code}{}", found.message),
    }
}
