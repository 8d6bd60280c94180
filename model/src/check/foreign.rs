//! MC0110: policy of another mesh, which this one does not follow.

use super::facts::Facts;
use super::{Code, Findings};

pub(super) fn analyze(facts: &Facts<'_>, findings: &mut Findings) {
    for resource in &facts.resources {
        for foreign in &resource.foreign {
            if !foreign.is_of_a_mesh() || !foreign.changes_behaviour() {
                continue;
            }
            let message = format!(
                "{} is policy of {} ({}): it has no effect in this mesh",
                foreign.what, foreign.owner, foreign.does
            );
            let finding = Code::ForeignPolicy
                .diagnostic(message)
                .help("write what it does as a route or policy of this mesh, or remove it")
                .at(&foreign.source, foreign.span)
                .about(resource.object.subject());
            findings.found.push(finding);
        }
    }
}
