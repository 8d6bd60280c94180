//! MC0708, MC0710, MC0713: policies for Services that have nothing they could act on.

use engine::snapshot::PortProtocol;

use super::facts::Facts;
use super::{Code, Findings};
use crate::index::{
    Index, Policy, PolicyTarget, RateLimitPolicy, Service, ServiceKind, ServicePort, Targets,
};
use crate::policy::RateLimitPer;
use crate::yaml::Step::{self, Index as At, Key};

pub(super) fn analyze(facts: &Facts<'_>, findings: &mut Findings) {
    for policy in facts.index.traffic_policies() {
        for (at, service, section) in services(&facts.index, policy) {
            external(findings, policy, at, service);
            if opaque(facts, service, section.as_deref()) {
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
    for policy in facts.index.rate_limit_policies() {
        let mut services = services(&facts.index, policy).into_iter();
        let found = services.find(|(_, service, section)| {
            let section = section.as_deref();
            opaque(facts, service, section)
        });
        if let Some((_, service, _)) = found {
            rules_on_bytes(findings, policy, service);
        }
    }
    for policy in facts.index.backend_policies() {
        for (at, service, _) in services(&facts.index, policy) {
            external(findings, policy, at, service);
        }
    }
}

/// Whether all ports that are meant forward bytes only.
fn opaque(facts: &Facts<'_>, service: &Service, section: Option<&str>) -> bool {
    let meant = |port: &&ServicePort| section.is_none_or(|section| port.is_section(section));
    let mut ports = service.ports.iter().filter(meant);
    let first = ports.next();
    let protocol = |port: &ServicePort| facts.index.protocol(service, port);
    let opaque = |port: &ServicePort| protocol(port) == PortProtocol::Opaque;
    first.is_some_and(opaque) && ports.all(opaque)
}

/// A connection of bytes counts as a request about which nothing is known.
fn rules_on_bytes(findings: &mut Findings, policy: &RateLimitPolicy, service: &Service) {
    let spec = &policy.spec;
    let local = spec.local.iter().flat_map(|local| &local.rules);
    let global = spec.global.iter().flat_map(|global| &global.rules);
    let local = local.enumerate().map(|one| ("local", one));
    for (section, (at, rule)) in local.chain(global.enumerate().map(|one| ("global", one))) {
        let field = match (&rule.matches, rule.per()) {
            (Some(_), _) => "matches",
            (None, RateLimitPer::Header) => "per",
            (None, _) => continue,
        };
        let message = format!(
            "{} forwards bytes only: there are no requests that the rule could be about",
            service.name
        );
        let help = "limit by Total or Identity without `matches`, which counts connections, or \
                    set `appProtocol: http` on its port if HTTP is spoken there";
        let path = [Key("spec"), Key(section), Key("rules"), At(at), Key(field)];
        findings.add(Code::LimitOnBytes, &policy.object, &path, message, help);
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
