//! A pod → who its proxy is, what it accepts, and what others send to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::identity::Identity;
use engine::snapshot::{
    ClusterKey, Endpoint, EndpointSet, Inbound, InboundPort, PodAddress, PortProtocol, Workload,
};

use super::digest::digest;
use super::guard;
use crate::index::{Index, Pod, PodState, Service, ServicePort, protocol};
use crate::inject::PROXY_PORTS;

/// The workload of a pod that is in the mesh.
pub(super) fn workload(trust_domain: &str, pod: &Pod) -> Workload {
    Workload {
        name: pod.name.clone(),
        controller: pod.controller.clone(),
        identity: identity(trust_domain, pod),
        locality: pod.locality.clone(),
    }
}

pub(super) fn identity(trust_domain: &str, pod: &Pod) -> Identity {
    Identity::of_service_account(trust_domain, &pod.name.namespace, &pod.service_account)
}

/// Whether the pod runs, and with a proxy.
pub(super) fn has_proxy(index: &Index, pod: &Pod) -> bool {
    pod.state != PodState::Finished && index.is_meshed(pod)
}

/// How the pod is addressed directly; none when its address is shared with its host.
///
/// A loopback address is everybody's.
pub(super) fn pod_address(trust_domain: &str, index: &Index, pod: &Pod) -> Option<PodAddress> {
    let shared = pod.host_network || pod.address.is_some_and(|address| address.is_loopback());
    let addressable = !shared && pod.state != PodState::Finished;
    addressable.then(|| PodAddress {
        name: pod.name.clone(),
        identity: index.is_meshed(pod).then(|| identity(trust_domain, pod)),
        tls: guard::pod_tls(index, pod),
        unproxied: [
            index.uncaptured_inbound(pod),
            PROXY_PORTS.map(|port| (port, port)).into(),
        ]
        .concat(),
    })
}

/// The endpoints of a port, sorted by address.
pub(super) fn endpoint_set(
    trust_domain: &str,
    index: &Index,
    service: &Service,
    port: &ServicePort,
) -> EndpointSet {
    let endpoints = index.endpoints(service, port).map(|fact| {
        let port = fact.address.port();
        let meshed = fact.pod.filter(|pod| {
            has_proxy(index, pod)
                && index.is_captured(pod, port)
                && guard::pod_tls(index, pod).is_mutual(port)
        });
        Arc::new(Endpoint {
            address: fact.address,
            name: fact.name,
            weight: fact.weight,
            health: fact.health,
            locality: fact.locality,
            identity: meshed.map(|pod| identity(trust_domain, pod)),
        })
    });
    let mut set = EndpointSet {
        key: ClusterKey {
            service: service.name.clone(),
            port: port.port,
        },
        version: 0,
        endpoints: endpoints.collect(),
    };
    set.version = digest(&set);
    set
}

/// What may reach the pod: its container ports, and what the Services that select it call them.
pub(super) fn inbound(index: &Index, pod: &Pod) -> Inbound {
    let mut ports: BTreeMap<u16, InboundPort> = BTreeMap::new();
    let unknown = |port: u16| InboundPort {
        protocol: by_number(index, pod, port),
        origin: Some(pod.origin.clone()),
        ..InboundPort::default()
    };
    for port in &pod.ports {
        ports.entry(port.port).or_insert_with(|| unknown(port.port));
    }
    for service in index.services_of_pod(&pod.name) {
        for port in &service.ports {
            let Some(number) = pod.resolve(&port.target) else {
                continue;
            };
            let inbound = ports.entry(number).or_insert_with(|| unknown(number));
            let first = inbound.services.is_empty();
            if inbound.services.last() != Some(&service.name) {
                inbound.services.push(service.name.clone());
            }
            if index.is_opaque(pod, number) {
                continue;
            }
            if first {
                inbound.protocol = index.protocol(service, port);
                inbound.origin = Some(
                    service
                        .origin
                        .part(format!("port {}", port.port), port.line),
                );
            } else if inbound.protocol != index.protocol(service, port) {
                // Two Services call one port by two names: only looking tells who is right.
                inbound.protocol = PortProtocol::Detect;
            }
        }
    }
    for probe in &pod.probes {
        if let Some(number) = pod.resolve(&probe.port) {
            let inbound = ports.entry(number).or_insert_with(|| unknown(number));
            let path = Arc::from(probe.path.as_str());
            if !inbound.probe_paths.contains(&path) {
                inbound.probe_paths.push(path);
            }
        }
    }
    Inbound {
        ports,
        default: InboundPort::default(),
    }
}

fn by_number(index: &Index, pod: &Pod, port: u16) -> PortProtocol {
    if index.is_opaque(pod, port) {
        PortProtocol::Opaque
    } else {
        protocol::of_number(port)
    }
}
