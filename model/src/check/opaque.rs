//! MC0708, MC0710: policies for Services that have nothing they could act on.

use engine::snapshot::PortProtocol;

use super::facts::Facts;
use super::{Code, Findings};
use crate::index::{Index, Policy, PolicyTarget, Service, ServiceKind, ServicePort, Targets};
use crate::yaml::Step::{self, Index as At, Key};

pub(super) fn analyze(facts: &Facts<'_>, findings: &mut Findings) {
    for policy in facts.index.traffic_policies() {
        for (at, service, section) in services(&facts.index, policy) {
            external(findings, policy, at, service);
            let mut ports = service.ports.iter().filter(|port| {
                section
                    .as_deref()
                    .is_none_or(|section| port.is_section(section))
            });
            let first = ports.next();
            let protocol = |port: &ServicePort| facts.index.protocol(service, port);
            let opaque = |port: &ServicePort| protocol(port) == PortProtocol::Opaque;
            let all = first.is_some_and(opaque) && ports.all(opaque);
            if all {
                let message = format!(
                    "{} forwards bytes only: there are no requests to retry, time or fault",
                    service.name
                );
                let help = "set `appProtocol: http` on its port if HTTP is spoken there, or \
                            remove the target";
                let path = target(at);
                findings.add(
                    Code::PolicyOnOpaquePort,
                    &policy.object,
                    &path,
                    message,
                    help,
                );
            }
        }
    }
    for policy in facts.index.backend_policies() {
        for (at, service, _) in services(&facts.index, policy) {
            external(findings, policy, at, service);
        }
    }
}

fn external<S>(findings: &mut Findings, policy: &Policy<S>, at: usize, service: &Service) {
    if service.kind == ServiceKind::ExternalName {
        let message = format!(
            "{} is a name for something outside of the cluster: the policy has no effect",
            service.name
        );
        let help = "only Services with endpoints are balanced over";
        let path = target(at);
        findings.add(
            Code::PolicyOnExternalName,
            &policy.object,
            &path,
            message,
            help,
        );
    }
}

fn target(at: usize) -> [Step<'static>; 4] {
    [Key("spec"), Key("targetRefs"), At(at), Key("name")]
}

/// The Services a policy names, with the index of the reference and the port it means.
fn services<'i, S: Targets>(
    index: &'i Index,
    policy: &Policy<S>,
) -> Vec<(usize, &'i Service, Option<String>)> {
    let targets = policy.spec.targets().iter().enumerate();
    let found = targets.filter_map(|(at, target)| {
        match crate::index::resolve(&policy.name.namespace, target)? {
            PolicyTarget::Service {
                service, section, ..
            } => Some((at, index.service(&service)?, section)),
            _ => None,
        }
    });
    found.collect()
}
