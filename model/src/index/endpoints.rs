//! The endpoints of one port of a Service.
//!
//! EndpointSlices count where there are any for the Service, as for kube-proxy; else the pods that
//! the selector matches, which is what the endpoint controller would have made slices of.

use core::net::{IpAddr, SocketAddr};
use std::collections::BTreeMap;

use engine::snapshot::{EndpointHealth, Locality, ObjectName};

use super::{EndpointSlice, Index, Pod, PodState, Service, ServicePort, SliceEndpoint};

/// An endpoint, before it has an identity.
#[derive(Clone, Debug)]
pub struct EndpointFact<'a> {
    pub address: SocketAddr,
    pub name: ObjectName,
    pub health: EndpointHealth,
    pub weight: u32,
    pub locality: Locality,
    /// The pod behind it, when it is known.
    pub pod: Option<&'a Pod>,
}

// === impl Index ===

impl Index {
    /// The endpoints of `port`, sorted by address, each address once.
    pub fn endpoints<'a>(
        &'a self,
        service: &'a Service,
        port: &'a ServicePort,
    ) -> impl Iterator<Item = EndpointFact<'a>> {
        let mut found = BTreeMap::new();
        match self.slices_of.get(&service.name) {
            Some(slices) => {
                for slice in slices.iter().filter_map(|name| self.slices.get(name)) {
                    let Some(number) = slice.ports.get(&port.name) else {
                        continue;
                    };
                    for endpoint in &slice.endpoints {
                        let fact = self.of_slice(service, slice, endpoint, *number);
                        found.entry(fact.address).or_insert(fact);
                    }
                }
            }
            None => {
                for pod in self.pods_of_service(&service.name) {
                    if let Some(fact) = of_pod(service, port, pod) {
                        found.insert(fact.address, fact);
                    }
                }
            }
        }
        found.into_values()
    }

    fn of_slice<'a>(
        &'a self,
        service: &Service,
        slice: &EndpointSlice,
        endpoint: &SliceEndpoint,
        port: u16,
    ) -> EndpointFact<'a> {
        let pod_name = endpoint
            .pod
            .as_ref()
            .map(|pod| ObjectName::new(slice.name.namespace.clone(), pod.clone()));
        let pod = pod_name.as_ref().and_then(|name| self.pods.get(name));
        let address = SocketAddr::new(endpoint.address, port);
        let health = match endpoint {
            SliceEndpoint {
                terminating: true, ..
            } => EndpointHealth::Draining,
            SliceEndpoint { ready: true, .. } => EndpointHealth::Healthy,
            _ if service.publish_not_ready => EndpointHealth::Healthy,
            _ => EndpointHealth::Unhealthy,
        };
        let mut locality = pod.map(|pod| pod.locality.clone()).unwrap_or_default();
        if !endpoint.zone.is_empty() {
            locality.zone.clone_from(&endpoint.zone);
        }
        EndpointFact {
            address,
            name: pod_name.unwrap_or_else(|| unnamed(service, endpoint.address)),
            health,
            weight: pod.map_or(1, |pod| pod.weight),
            locality,
            pod,
        }
    }
}

fn of_pod<'a>(service: &Service, port: &ServicePort, pod: &'a Pod) -> Option<EndpointFact<'a>> {
    let number = pod.resolve(&port.target)?;
    let health = match pod.state {
        PodState::Finished => return None,
        PodState::Terminating => EndpointHealth::Draining,
        PodState::Ready => EndpointHealth::Healthy,
        PodState::Unready if service.publish_not_ready => EndpointHealth::Healthy,
        PodState::Unready => EndpointHealth::Unhealthy,
    };
    Some(EndpointFact {
        address: SocketAddr::new(pod.address?, number),
        name: pod.name.clone(),
        health,
        weight: pod.weight,
        locality: pod.locality.clone(),
        pod: Some(pod),
    })
}

/// An address that no pod stands behind goes by the Service's name and itself.
fn unnamed(service: &Service, address: IpAddr) -> ObjectName {
    let name = format!("{}-{address}", service.name.name);
    ObjectName::new(service.name.namespace.clone(), name)
}
