//! Index → snapshots, in parts that are shared and made anew only when their content changed.
//!
//! ```text
//!  Service ports ─┬─ frontend  (route table)      shared by all client namespaces,
//!                 ├─ cluster   (policy)           except those with routes or policies
//!                 └─ endpoints                    of their own (consumers)
//!  client namespace ── Outbound: pointers to the tables above, and its host names
//!  pod ── Workload, Inbound ──▶ Snapshot
//! ```
//!
//! A changed endpoint makes one endpoint set, one table of pointers and one small Outbound per
//! client namespace; nothing is lowered again that did not change ([`Index::changes_since`]).

use core::net::IpAddr;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use engine::snapshot::outside::Egress;
use engine::snapshot::{
    Cluster, ClusterKey, EndpointSet, Frontend, Inbound, ObjectName, PodAddress, PortProtocol,
    RouteKind, Snapshot, Standpoint, Workload,
};

pub(crate) mod authorization;
pub(crate) mod balance;
pub(crate) mod breaker;
mod check;
mod client;
pub(crate) mod cluster;
mod digest;
mod gateway;
mod guard;
mod http;
mod layout;
mod one;
pub(crate) mod outside;
mod overload;
mod peers;
pub(crate) mod rate_limit;
mod routes;
mod table;
pub(crate) mod traffic;
mod workload;

pub use one::{cluster_seen, frontend_seen};

use client::{Client, Consumer};
use digest::digest;
use guard::Guards;
use layout::{Layout, Shape};
use peers::Crowds;
use routes::View;
use table::Table;

use crate::index::{Change, Index, Pod, Service, ServiceKind};

/// Lowers one index, again and again, keeping what did not change.
#[derive(Clone, Debug)]
pub struct Lowering {
    trust_domain: Arc<str>,
    /// Revision of the index that was lowered last.
    seen: Option<u64>,
    layout: Layout,
    shapes: BTreeMap<ObjectName, Shape>,
    frontends: Table<ClusterKey, Frontend>,
    /// `frontends` in the order of the layout, and what it was made from.
    ordered: Arc<Vec<Arc<Frontend>>>,
    ordered_of: (u64, u64),
    clusters: Table<ClusterKey, Cluster>,
    endpoints: Table<ClusterKey, EndpointSet>,
    pods: Table<IpAddr, PodAddress>,
    /// Pods that claim an address; the first by name has it.
    claims: BTreeMap<IpAddr, BTreeSet<ObjectName>>,
    addresses: BTreeMap<ObjectName, IpAddr>,
    /// Namespaces that see some ports differently.
    consumers: BTreeMap<Arc<str>, Consumer>,
    clients: BTreeMap<Arc<str>, Client>,
    workloads: BTreeMap<ObjectName, Lowered>,
    guards: Guards,
    crowds: Crowds,
    /// Hosts outside, by namespace and name.
    outside: BTreeSet<ClusterKey>,
    /// What the EgressNetworks of a namespace say.
    egress: BTreeMap<Arc<str>, Arc<Egress>>,
    /// Workloads per namespace.
    population: BTreeMap<Arc<str>, usize>,
    /// Whether a workload changed in the update under way.
    changed: bool,
}

/// A pod's own parts.
#[derive(Clone, Debug)]
struct Lowered {
    workload: Arc<Workload>,
    inbound: Arc<Inbound>,
    hash: u64,
}

/// What an update has to do, from the changes.
#[derive(Debug, Default)]
struct Work {
    services: BTreeSet<ObjectName>,
    endpoints: BTreeSet<ObjectName>,
    routes: BTreeSet<ObjectName>,
    clusters: BTreeSet<ObjectName>,
    pods: BTreeSet<ObjectName>,
    /// What is outside the mesh.
    outside: bool,
    everything: bool,
}

// === impl Lowering ===

impl Lowering {
    pub fn new(trust_domain: &str) -> Self {
        Self {
            trust_domain: trust_domain.into(),
            seen: None,
            layout: Layout::new(&Index::default()),
            shapes: BTreeMap::new(),
            frontends: Table::new(frontend_hash),
            ordered: Arc::default(),
            ordered_of: (0, 0),
            clusters: Table::new(digest),
            endpoints: Table::new(|set| set.version),
            pods: Table::new(digest),
            claims: BTreeMap::new(),
            addresses: BTreeMap::new(),
            consumers: BTreeMap::new(),
            clients: BTreeMap::new(),
            workloads: BTreeMap::new(),
            guards: Guards::default(),
            crowds: Crowds::default(),
            outside: BTreeSet::new(),
            egress: BTreeMap::new(),
            population: BTreeMap::new(),
            changed: false,
        }
    }

    /// Brings the parts up to the index; true when a snapshot changed.
    ///
    /// It has to be the same index each time, or a later state of it.
    pub fn update(&mut self, index: &Index) -> bool {
        if self.seen == Some(index.revision()) {
            return false;
        }
        let work = self.work(index);
        self.seen = Some(index.revision());
        self.changed = false;
        self.lay_out(index, &work);
        if work.outside {
            self.outside(index);
        }
        for name in &work.services {
            self.service(index, name);
        }
        for name in work.routes.difference(&work.services) {
            self.routes_of(index, name);
        }
        for name in work.clusters.difference(&work.services) {
            self.clusters_of(index, name);
        }
        for name in work.endpoints.difference(&work.services) {
            self.endpoints_of(index, name);
        }
        for name in &work.pods {
            self.pod(index, name);
        }
        self.assemble();
        self.changed
    }

    /// The pods that have a proxy, in order.
    pub fn workloads(&self) -> impl Iterator<Item = &ObjectName> {
        self.workloads.keys()
    }

    /// What the proxy of this pod acts on; none when the pod has no proxy.
    pub fn snapshot(&self, pod: &ObjectName) -> Option<Arc<Snapshot>> {
        let lowered = self.workloads.get(pod)?;
        let client = self.clients.get(&pod.namespace)?;
        let crowd = self.crowds.of(pod);
        let standpoint = Standpoint {
            locality: lowered.workload.locality.clone(),
            peers: crowd
                .map(|crowd| Arc::clone(&crowd.peers))
                .unwrap_or_default(),
        };
        let peers = crowd.map_or(0, |crowd| crowd.hash);
        Some(Arc::new(Snapshot {
            version: digest(&(lowered.hash, client.version, peers)),
            workload: Arc::clone(&lowered.workload),
            standpoint: Arc::new(standpoint),
            outbound: Arc::clone(&client.outbound),
            inbound: Arc::clone(&lowered.inbound),
            gateway: Arc::default(),
        }))
    }

    /// What the proxy of this pod acts on as a gateway; none when the pod has no proxy, or there is
    /// no such Gateway. The index is the one that was lowered last.
    pub fn gateway(
        &self,
        index: &Index,
        pod: &ObjectName,
        gateway: &ObjectName,
    ) -> Option<Arc<Snapshot>> {
        let snapshot = self.snapshot(pod)?;
        let gateway = gateway::gateway(index, index.gateway(gateway)?);
        Some(Arc::new(Snapshot {
            version: digest(&(snapshot.version, gateway::version(&gateway))),
            gateway: Arc::new(gateway),
            ..(*snapshot).clone()
        }))
    }

    fn work(&mut self, index: &Index) -> Work {
        let changes = self.seen.and_then(|seen| index.changes_since(seen));
        let mut work = Work::default();
        let Some(changes) = changes else {
            return self.all(index);
        };
        for change in changes {
            match change {
                Change::Everything => return self.all(index),
                Change::Service(name) => work.services.insert(name.clone()),
                Change::Endpoints(name) => work.endpoints.insert(name.clone()),
                Change::Routes(name) => work.routes.insert(name.clone()),
                Change::Clusters(name) => work.clusters.insert(name.clone()),
                Change::Pod(name) => work.pods.insert(name.clone()),
                // A gateway is lowered when it is asked for.
                Change::Gateways => {
                    work.clusters.extend(index.tls_services());
                    core::mem::replace(&mut work.outside, true)
                }
            };
        }
        work
    }

    /// Everything there is, and everything there was.
    fn all(&mut self, index: &Index) -> Work {
        self.guards.clear();
        let services = index.services().map(|service| service.name.clone());
        let pods = index.pods().map(|pod| pod.name.clone());
        let known = self.claims.values().flatten().chain(self.workloads.keys());
        Work {
            services: services.chain(self.shapes.keys().cloned()).collect(),
            pods: pods.chain(known.cloned()).collect(),
            outside: true,
            everything: true,
            ..Work::default()
        }
    }

    /// Rebuilds the tables of addresses and names when a Service changed its shape.
    fn lay_out(&mut self, index: &Index, work: &Work) {
        // An XBackend changes everything.
        let mut moved = work.everything;
        for name in &work.services {
            let new = index.service(name).map(layout::shape);
            moved |= new.as_ref() != self.shapes.get(name);
            let old = match new {
                Some(new) => self.shapes.insert(name.clone(), new),
                None => self.shapes.remove(name),
            };
            // Ports that are gone leave all tables.
            let (_, _, ports) = old.unwrap_or((ServiceKind::Cluster, Vec::new(), Vec::new()));
            for port in ports {
                let gone = served(index, name).is_none_or(|service| service.port(port).is_none());
                if gone {
                    self.forget(&layout::key(name, port));
                }
            }
        }
        if moved {
            self.layout = Layout::new(index);
        }
    }

    /// The hosts outside, and which addresses there may be reached.
    fn outside(&mut self, index: &Index) {
        let mut found = BTreeSet::new();
        for backend in index.x_backends() {
            let Some(cluster) = outside::cluster(index, backend) else {
                continue;
            };
            let key = cluster.key.clone();
            self.clusters.set(&key, cluster);
            self.frontends.set(&key, outside::frontend(backend));
            found.insert(key);
        }
        let old = core::mem::replace(&mut self.outside, found);
        for gone in old.difference(&self.outside.clone()) {
            self.forget(gone);
        }
        let networks = index.egress_networks();
        let homes: BTreeSet<_> = networks.map(|n| Arc::clone(&n.name.namespace)).collect();
        let egress = homes.into_iter().map(|home| {
            let egress = Arc::new(outside::egress(index, &home));
            (home, egress)
        });
        self.egress = egress.collect();
    }

    fn forget(&mut self, key: &ClusterKey) {
        self.frontends.remove(key);
        self.clusters.remove(key);
        self.endpoints.remove(key);
        for consumer in self.consumers.values_mut() {
            consumer.frontends.remove(key);
            consumer.clusters.remove(key);
        }
    }

    fn service(&mut self, index: &Index, name: &ObjectName) {
        self.routes_of(index, name);
        self.clusters_of(index, name);
        self.endpoints_of(index, name);
    }

    fn routes_of(&mut self, index: &Index, name: &ObjectName) {
        let Some(service) = served(index, name) else {
            return;
        };
        let mut consumers = index.route_consumers(name);
        consumers.extend(index.traffic_consumers(name));
        consumers.extend(index.limit_consumers(name));
        for port in &service.ports {
            let key = layout::key(name, port.port);
            let view = |consumer| View {
                index,
                service,
                port,
                consumer,
            };
            self.frontends.set(&key, frontend(view(None)));
            for (namespace, consumer) in &mut self.consumers {
                if !consumers.contains(namespace) {
                    consumer.frontends.remove(&key);
                }
            }
            for namespace in &consumers {
                let consumer = self.consumers.entry(Arc::clone(namespace)).or_default();
                consumer
                    .frontends
                    .set(&key, frontend(view(Some(namespace))));
            }
        }
    }

    fn clusters_of(&mut self, index: &Index, name: &ObjectName) {
        let Some(service) = served(index, name) else {
            return;
        };
        let consumers = index.backend_consumers(name);
        for port in &service.ports {
            let key = layout::key(name, port.port);
            let policy = |consumer| index.backend_policy(name, port, consumer);
            self.clusters
                .set(&key, cluster::cluster(index, service, port, policy(None)));
            for (namespace, consumer) in &mut self.consumers {
                if !consumers.contains(namespace) {
                    consumer.clusters.remove(&key);
                }
            }
            for namespace in &consumers {
                let consumer = self.consumers.entry(Arc::clone(namespace)).or_default();
                let own = cluster::cluster(index, service, port, policy(Some(namespace)));
                consumer.clusters.set(&key, own);
            }
        }
    }

    fn endpoints_of(&mut self, index: &Index, name: &ObjectName) {
        let Some(service) = served(index, name) else {
            return;
        };
        for port in &service.ports {
            let set = workload::endpoint_set(&self.trust_domain, index, service, port);
            self.endpoints.set(&layout::key(name, port.port), set);
        }
    }

    fn pod(&mut self, index: &Index, name: &ObjectName) {
        let pod = index.pod(name);
        self.claim(index, name, pod);
        self.changed |= self.crowds.update(index, name, pod);
        match pod.filter(|pod| workload::has_proxy(index, pod)) {
            Some(pod) => {
                let workload = workload::workload(&self.trust_domain, pod);
                let mut inbound = workload::inbound(index, pod);
                let (frontends, consumers) = (&self.frontends, &self.consumers);
                let table = |key: &ClusterKey, consumer: Option<&str>| match consumer {
                    None => frontends.shared().get(key).cloned(),
                    Some(namespace) => {
                        let own = consumers.get(namespace)?;
                        own.frontends.shared().get(key).cloned()
                    }
                };
                self.guards.set(index, pod, &mut inbound, &table);
                let hash = digest(&(&workload, &inbound));
                if self.workloads.get(name).is_some_and(|old| old.hash == hash) {
                    return;
                }
                let lowered = Lowered {
                    workload: Arc::new(workload),
                    inbound: Arc::new(inbound),
                    hash,
                };
                self.changed = true;
                if self.workloads.insert(name.clone(), lowered).is_none() {
                    *self
                        .population
                        .entry(Arc::clone(&name.namespace))
                        .or_default() += 1;
                }
            }
            None if self.workloads.remove(name).is_some() => {
                self.changed = true;
                if let Some(count) = self.population.get_mut(&name.namespace) {
                    *count -= 1;
                }
            }
            None => {}
        }
    }

    /// Gives the addresses that the pod had or has to whoever claims them now.
    fn claim(&mut self, index: &Index, name: &ObjectName, pod: Option<&Pod>) {
        let mut touched: BTreeSet<IpAddr> = BTreeSet::new();
        if let Some(old) = self.addresses.remove(name) {
            touched.insert(old);
            if let Some(pods) = self.claims.get_mut(&old) {
                pods.remove(name);
            }
        }
        let address = pod.and_then(|pod| {
            workload::pod_address(&self.trust_domain, index, pod)?;
            pod.address
        });
        if let Some(new) = address {
            touched.insert(new);
            self.addresses.insert(name.clone(), new);
            self.claims.entry(new).or_default().insert(name.clone());
        }
        for address in touched {
            let claims = self.claims.get(&address).into_iter().flatten();
            let pods = claims.filter_map(|owner| index.pod(owner));
            // One that claimed it may be gone or have moved, and come later in this update.
            let entry = pods
                .filter(|pod| pod.address == Some(address))
                .find_map(|pod| workload::pod_address(&self.trust_domain, index, pod));
            match entry {
                Some(entry) => {
                    self.pods.set(&address, entry);
                }
                None => {
                    self.pods.remove(&address);
                }
            }
            if self.claims.get(&address).is_some_and(BTreeSet::is_empty) {
                self.claims.remove(&address);
            }
        }
    }

    /// Puts the Outbound of each client namespace together again.
    fn assemble(&mut self) {
        let ordered_of = (self.layout.hash, self.frontends.hash());
        if self.ordered_of != ordered_of {
            let frontends = self.frontends.shared();
            let mut ordered: Vec<_> = frontends
                .iter()
                .filter_map(|(key, frontend)| Some((*self.layout.positions.get(key)?, frontend)))
                .collect();
            ordered.sort_by_key(|(position, _)| *position);
            let ordered = ordered
                .into_iter()
                .map(|(_, frontend)| Arc::clone(frontend));
            self.ordered = Arc::new(ordered.collect());
            self.ordered_of = ordered_of;
        }
        self.population.retain(|_, count| *count > 0);
        let population = &self.population;
        self.clients
            .retain(|namespace, _| population.contains_key(namespace));
        let base = client::Base {
            layout: &self.layout,
            frontends: &self.ordered,
            frontends_hash: digest(&ordered_of),
            clusters: &self.clusters,
            endpoints: &self.endpoints,
            pods: &self.pods,
            egress: &self.egress,
        };
        for namespace in population.keys() {
            let consumer = self.consumers.get(namespace);
            let client = self.clients.entry(Arc::clone(namespace)).or_default();
            self.changed |= client.update(namespace, &base, consumer);
        }
    }
}

/// The Service, unless it is a mere name for something outside.
fn served<'a>(index: &'a Index, name: &ObjectName) -> Option<&'a Service> {
    index
        .service(name)
        .filter(|service| service.kind != ServiceKind::ExternalName)
}

fn frontend(view: View<'_>) -> Frontend {
    let View {
        index,
        service,
        port,
        ..
    } = view;
    let routes = view.table();
    // A route of the lower kinds says more about the port than its name: server names are seen by
    // peeking, and a TCPRoute asks for bytes.
    let protocol = match routes.kind() {
        RouteKind::Tls => PortProtocol::Detect,
        RouteKind::Tcp => PortProtocol::Opaque,
        RouteKind::Default | RouteKind::Grpc | RouteKind::Http => index.protocol(service, port),
    };
    Frontend {
        service: service.name.clone(),
        port: port.port,
        protocol,
        routes: Arc::new(routes),
        origin: service
            .origin
            .part(format!("port {}", port.port), port.line),
    }
}

fn frontend_hash(frontend: &Frontend) -> u64 {
    digest(&(
        frontend.protocol,
        &frontend.origin,
        frontend.routes.version(),
    ))
}

#[cfg(test)]
mod tests;
