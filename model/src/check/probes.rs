//! MC0310: pods that count as ready as soon as they run.

use super::facts::Facts;
use super::{Code, Findings};
use crate::index::ServiceKind;

pub(super) fn analyze(facts: &Facts<'_>, findings: &mut Findings) {
    for workload in &facts.workloads {
        let serves = facts.in_front(workload).find(|service| {
            service.kind != ServiceKind::ExternalName
                && !service.ports.is_empty()
                && !service.publish_not_ready
        });
        let spec = &workload.workload.template.spec;
        let probed = spec.running().any(|c| c.readiness_probe.is_some());
        let (Some(service), false) = (serves, probed) else {
            continue;
        };
        let meshed = facts
            .index
            .pod(&workload.pod)
            .is_some_and(|pod| facts.index.is_meshed(pod));
        if !meshed || !workload.workload.kind.is_long_running() {
            continue;
        }
        let subject = workload.object.subject();
        let message = format!(
            "{subject} has no readiness probe: Service {} sends to it before it can answer",
            service.name
        );
        let help = "give the container that serves a `readinessProbe`";
        let path = workload.spec_path("containers");
        findings.add(
            Code::NoReadinessProbe,
            workload.object,
            &path,
            message,
            help,
        );
    }
}
