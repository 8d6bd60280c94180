//! MC0303, MC0304, MC0305: where a Service's port leads in the pods it selects.

use std::collections::BTreeMap;

use engine::snapshot::PortProtocol;

use super::facts::{Facts, ServiceFact, WorkloadFact};
use super::{Code, Findings};
use crate::index::{Service, ServicePort, TargetPort};
use crate::kube::{self, Protocol};

pub(super) fn analyze(facts: &Facts<'_>, findings: &mut Findings) {
    for service in facts.services() {
        for port in &service.service.ports {
            target(facts, findings, service, port);
        }
    }
    for workload in &facts.workloads {
        conflicts(facts, findings, workload);
    }
}

fn target(
    facts: &Facts<'_>,
    findings: &mut Findings,
    fact: ServiceFact<'_, '_>,
    port: &ServicePort,
) {
    let (service, object) = (fact.service, fact.object);
    let Some((_, path)) = fact.written(port, "targetPort") else {
        return;
    };
    for workload in facts.behind(service) {
        let Some(pod) = facts.index.pod(&workload.pod) else {
            continue;
        };
        let subject = workload.object.subject();
        match &port.target {
            TargetPort::Name(name) if pod.resolve(&port.target).is_none() => {
                let message = format!(
                    "no container of {subject} has a port named `{name}`: its pods are no \
                     endpoints of port {}",
                    port.port
                );
                let names: Vec<&str> = pod.ports.iter().map(|port| &*port.name).collect();
                let names = names.into_iter().filter(|name| !name.is_empty());
                let help = match names.collect::<Vec<_>>().join(", ") {
                    names if names.is_empty() => {
                        "its ports have no names: use the number, or name the port".to_owned()
                    }
                    names => format!("its ports are named {names}"),
                };
                findings.add(Code::TargetPortMissing, object, &path, message, help);
            }
            TargetPort::Number(number) => {
                if let Some(declared) = undeclared(service, workload, *number) {
                    let message = format!(
                        "{subject} declares port {declared} only, and this one leads to {number}"
                    );
                    let help = "does the container listen there? a declaration is no proof, but \
                                one of the two is likely wrong";
                    findings.add(Code::TargetPortUndeclared, object, &path, message, help);
                }
            }
            TargetPort::Name(_) => {}
        }
    }
}

/// The port that the pods declare instead. Declarations are optional, so they count only where
/// there is nothing else: one container with one port, and one port of the Service.
fn undeclared(service: &Service, fact: &WorkloadFact<'_>, number: u16) -> Option<u16> {
    let [_] = &service.ports[..] else { return None };
    let mut containers = fact.workload.template.spec.running();
    let container = containers.next()?;
    let mut ports = container.ports.iter();
    let declared = ports.next()?;
    let only =
        containers.next().is_none() && ports.next().is_none() && declared.protocol == Protocol::Tcp;
    let declared = declared.container_port.u16();
    (only && declared != number).then_some(declared)
}

/// One port of the pods that two Services say speaks HTTP and does not.
fn conflicts(facts: &Facts<'_>, findings: &mut Findings, workload: &WorkloadFact<'_>) {
    let Some(pod) = facts.index.pod(&workload.pod) else {
        return;
    };
    let mut seen: BTreeMap<u16, (&Service, PortProtocol)> = BTreeMap::new();
    let mut services: Vec<&Service> = facts.in_front(workload).collect();
    services.sort_by(|a, b| (&a.age, &a.name).cmp(&(&b.age, &b.name)));
    for service in services {
        for port in &service.ports {
            let Some(number) = pod.resolve(&port.target) else {
                continue;
            };
            let declared = facts.declared(service);
            let Some((fact, (written, path))) =
                declared.and_then(|fact| Some((fact, fact.written(port, "name")?)))
            else {
                continue;
            };
            let spoken = facts.index.protocol(service, port);
            if spoken == PortProtocol::Detect || is_tls(written) {
                continue;
            }
            let (first, of_first) = *seen.entry(number).or_insert((service, spoken));
            let opaque = |protocol| protocol == PortProtocol::Opaque;
            if opaque(of_first) == opaque(spoken) || first.name == service.name {
                continue;
            }
            let message = format!(
                "port {number} of {} is {} here and {} in Service {}",
                workload.object.subject(),
                word(spoken),
                word(of_first),
                first.name
            );
            let help = "one application speaks one protocol on a port: with both, it is detected \
                        by peeking, which waits in vain for a server that speaks first";
            findings.add(Code::PortConflict, fact.object, &path, message, help);
        }
    }
}

/// Whether the port is for TLS of the application's own: it may well speak plain and encrypted HTTP
/// on one port.
fn is_tls(port: &kube::ServicePort) -> bool {
    let prefix = port.name.split('-').next().unwrap_or_default();
    let app = port.app_protocol.as_deref().unwrap_or(prefix);
    let app = app.trim_start_matches("kubernetes.io/");
    ["https", "tls", "wss"].contains(&&*app.to_ascii_lowercase())
}

fn word(protocol: PortProtocol) -> &'static str {
    match protocol {
        PortProtocol::Http1 => "HTTP",
        PortProtocol::Http2 => "HTTP/2",
        PortProtocol::Opaque => "opaque (bytes)",
        PortProtocol::Detect => "undeclared",
    }
}
