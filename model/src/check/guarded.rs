//! Which workloads an AuthorizationPolicy is about.

use super::facts::{Facts, WorkloadFact};
use crate::index::{AuthorizationPolicy, PolicyTarget, Service, resolve};
use crate::policy::TargetRef;

/// A target of a policy, and the workloads it stands for.
pub(super) struct Guarded<'f, 'a> {
    pub(super) workloads: Vec<&'f WorkloadFact<'a>>,
    /// The Service that is named, with the port if one is.
    pub(super) service: Option<(&'f Service, Option<String>)>,
}

/// What a target stands for; none for routes, Workloads and Gateways, and for what is
/// not in the input.
pub(super) fn guarded<'f, 'a>(
    facts: &'f Facts<'a>,
    policy: &AuthorizationPolicy,
    target: &TargetRef,
) -> Option<Guarded<'f, 'a>> {
    let (mut workloads, service) = match resolve(&policy.name.namespace, target)? {
        PolicyTarget::Mesh => (facts.workloads.iter().collect(), None),
        PolicyTarget::Namespace(name) => {
            let of_namespace = facts.workloads.iter();
            let of_namespace = of_namespace.filter(|w| w.pod.namespace == name);
            (of_namespace.collect::<Vec<_>>(), None)
        }
        PolicyTarget::Service {
            service, section, ..
        } => {
            let service = facts.index.service(&service)?;
            (facts.behind(service).collect(), Some((service, section)))
        }
        // What no Service stands before has no ports of a Service to be mistaken for its own.
        PolicyTarget::Route { .. } | PolicyTarget::Workload(_) | PolicyTarget::Gateway(_) => {
            return None;
        }
    };
    if let Some(selector) = &policy.spec.selector {
        workloads.retain(|w| selector.matches(&w.workload.template.metadata.labels));
    }
    Some(Guarded { workloads, service })
}
