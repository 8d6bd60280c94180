//! Under which addresses and names the ports of Services are reached.
//!
//! The order of the frontends is the same for all clients, so that the tables of addresses are
//! shared and a consumer's own routes replace an entry in place.

use core::net::SocketAddr;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use engine::snapshot::{ClusterKey, ObjectName};

use super::digest::digest;
use super::outside;
use crate::index::{Index, Service, ServiceKind, XBackend};

/// The cluster's DNS domain; the default of every distribution.
const CLUSTER_DOMAIN: &str = "cluster.local";

/// Where requests go that name no port.
const HTTP_PORT: u16 = 80;

type Hosts = BTreeMap<Arc<str>, BTreeMap<u16, usize>>;

#[derive(Clone, Debug, Default)]
pub(super) struct Layout {
    /// Position of each port of each Service.
    pub(super) positions: BTreeMap<ClusterKey, usize>,
    pub(super) by_address: Arc<BTreeMap<SocketAddr, usize>>,
    /// Names that mean the same everywhere.
    qualified: Hosts,
    /// Namespace → hosts outside that its clients know by name.
    outside: BTreeMap<Arc<str>, Hosts>,
    /// Namespace → names that its own clients may use in short.
    short: BTreeMap<Arc<str>, Hosts>,
    /// Of positions and addresses.
    pub(super) hash: u64,
}

/// What of a Service the layout depends on.
pub(super) type Shape = (ServiceKind, Vec<core::net::IpAddr>, Vec<u16>);

pub(super) fn shape(service: &Service) -> Shape {
    let ports = service.ports.iter().map(|port| port.port).collect();
    (service.kind, service.addresses.clone(), ports)
}

// === impl Layout ===

impl Layout {
    pub(super) fn new(index: &Index) -> Self {
        let mut layout = Self::default();
        let mut by_address = BTreeMap::new();
        for service in index.services() {
            if service.kind == ServiceKind::ExternalName {
                continue;
            }
            let mut ports = BTreeMap::new();
            for port in &service.ports {
                let position = layout.positions.len();
                layout
                    .positions
                    .entry(key(&service.name, port.port))
                    .or_insert(position);
                ports.entry(port.port).or_insert(position);
            }
            for address in &service.addresses {
                for (port, position) in &ports {
                    // Two Services cannot have one address; in a file they might: the first counts.
                    by_address
                        .entry(SocketAddr::new(*address, *port))
                        .or_insert(*position);
                }
            }
            layout.name(&service.name, ports);
        }
        for backend in index.x_backends() {
            layout.outside(backend);
        }
        layout.hash = digest(&(&layout.positions, &by_address, &layout.outside));
        layout.by_address = Arc::new(by_address);
        layout
    }

    /// All names by which clients of `namespace` reach Services.
    pub(super) fn hosts(&self, namespace: &str) -> Hosts {
        let mut hosts = self.qualified.clone();
        let short = self.short.get(namespace).into_iter().flatten();
        hosts.extend(short.map(|(name, ports)| (Arc::clone(name), ports.clone())));
        let outside = self.outside.get(namespace).into_iter().flatten();
        hosts.extend(outside.map(|(name, ports)| (Arc::clone(name), ports.clone())));
        hosts
    }

    /// The ports of hosts outside that clients of `namespace` know by name.
    pub(super) fn named_ports(&self, namespace: &str) -> BTreeSet<u16> {
        let hosts = self.outside.get(namespace).into_iter().flatten();
        hosts.flat_map(|(_, ports)| ports.keys().copied()).collect()
    }

    /// At its own port; where its proxies begin TLS, requests for plain HTTP's are meant as well.
    fn outside(&mut self, backend: &XBackend) {
        let Some(host) = outside::host(backend) else {
            return;
        };
        let key = outside::key(backend);
        let (next, port) = (self.positions.len(), key.port);
        let position = *self.positions.entry(key).or_insert(next);
        let hosts = self.outside.entry(Arc::clone(&backend.name.namespace));
        let ports = hosts.or_default().entry(host.into()).or_default();
        ports.entry(port).or_insert(position);
        if backend.spec.tls.is_some() {
            ports.entry(HTTP_PORT).or_insert(position);
        }
    }

    fn name(&mut self, service: &ObjectName, ports: BTreeMap<u16, usize>) {
        let ObjectName { namespace, name } = service;
        let qualified = [
            format!("{name}.{namespace}"),
            format!("{name}.{namespace}.svc"),
            format!("{name}.{namespace}.svc.{CLUSTER_DOMAIN}"),
        ];
        for host in qualified {
            self.qualified.insert(host.into(), ports.clone());
        }
        let short = self.short.entry(Arc::clone(namespace)).or_default();
        short.insert(Arc::clone(name), ports);
    }
}

pub(super) fn key(service: &ObjectName, port: u16) -> ClusterKey {
    ClusterKey {
        service: service.clone(),
        port,
    }
}
