//! What the clients of one namespace reach: the common tables, with the namespace's own routes and
//! policies in their places.

use core::net::IpAddr;
use std::collections::BTreeMap;
use std::sync::Arc;

use engine::snapshot::outside::Egress;
use engine::snapshot::{
    Cluster, ClusterKey, EndpointSet, Frontend, Outbound, Passthrough, PodAddress,
};

use super::digest::digest;
use super::frontend_hash;
use super::layout::Layout;
use super::table::Table;

type Frontends = Arc<Vec<Arc<Frontend>>>;
type Clusters = Arc<BTreeMap<ClusterKey, Arc<Cluster>>>;

/// Ports that a namespace sees differently from all others.
#[derive(Clone, Debug)]
pub(super) struct Consumer {
    pub(super) frontends: Table<ClusterKey, Frontend>,
    pub(super) clusters: Table<ClusterKey, Cluster>,
}

/// The tables all namespaces share.
pub(super) struct Base<'a> {
    pub(super) layout: &'a Layout,
    pub(super) frontends: &'a Frontends,
    /// Hash of `frontends`.
    pub(super) frontends_hash: u64,
    pub(super) clusters: &'a Table<ClusterKey, Cluster>,
    pub(super) endpoints: &'a Table<ClusterKey, EndpointSet>,
    pub(super) pods: &'a Table<IpAddr, PodAddress>,
    pub(super) egress: &'a BTreeMap<Arc<str>, Arc<Egress>>,
}

/// One client namespace.
#[derive(Clone, Debug, Default)]
pub(super) struct Client {
    pub(super) outbound: Arc<Outbound>,
    /// Hash of all that `outbound` holds.
    pub(super) version: u64,
    /// What the parts were made from, to see whether they have to be made again.
    hosts_of: u64,
    frontends_of: (u64, u64),
    clusters_of: (u64, u64),
}

// === impl Consumer ===

impl Default for Consumer {
    fn default() -> Self {
        Self {
            frontends: Table::new(frontend_hash),
            clusters: Table::new(digest),
        }
    }
}

// === impl Client ===

impl Client {
    /// Brings the namespace up to the tables; true when something changed.
    pub(super) fn update(
        &mut self,
        namespace: &str,
        base: &Base<'_>,
        consumer: Option<&Consumer>,
    ) -> bool {
        let own_frontends = consumer.map_or(0, |consumer| consumer.frontends.hash());
        let own_clusters = consumer.map_or(0, |consumer| consumer.clusters.hash());
        let hosts_of = base.layout.hash;
        let frontends_of = (base.frontends_hash, own_frontends);
        let clusters_of = (base.clusters.hash(), own_clusters);
        let tables = (hosts_of, frontends_of, clusters_of);
        let egress = base.egress.get(namespace).cloned().unwrap_or_default();
        let shared = (base.endpoints.hash(), base.pods.hash());
        let version = digest(&(namespace, tables, shared, &egress));
        if version == self.version {
            return false;
        }
        let old = &self.outbound;
        let by_host = if self.hosts_of == hosts_of {
            Arc::clone(&old.by_host)
        } else {
            Arc::new(base.layout.hosts(namespace))
        };
        let frontends = if self.frontends_of == frontends_of {
            Arc::clone(&old.frontends)
        } else {
            frontends(base, consumer)
        };
        let clusters = if self.clusters_of == clusters_of {
            Arc::clone(&old.clusters)
        } else {
            clusters(base, consumer)
        };
        self.outbound = Arc::new(Outbound {
            frontends,
            by_address: Arc::clone(&base.layout.by_address),
            by_host,
            clusters,
            endpoints: Arc::clone(base.endpoints.shared()),
            by_pod: Arc::clone(base.pods.shared()),
            passthrough: Passthrough::Allow,
            egress,
            named_ports: Arc::new(base.layout.named_ports(namespace)),
        });
        self.version = version;
        (self.hosts_of, self.frontends_of, self.clusters_of) = tables;
        true
    }
}

fn frontends(base: &Base<'_>, consumer: Option<&Consumer>) -> Frontends {
    let mut frontends = Arc::clone(base.frontends);
    let own = consumer.map(|consumer| consumer.frontends.shared());
    for (key, frontend) in own.into_iter().flat_map(|own| own.iter()) {
        let position = base.layout.positions.get(key);
        if let Some(place) = position.and_then(|at| Arc::make_mut(&mut frontends).get_mut(*at)) {
            *place = Arc::clone(frontend);
        }
    }
    frontends
}

fn clusters(base: &Base<'_>, consumer: Option<&Consumer>) -> Clusters {
    let mut clusters = Arc::clone(base.clusters.shared());
    let own = consumer.map(|consumer| consumer.clusters.shared());
    for (key, cluster) in own.into_iter().flat_map(|own| own.iter()) {
        Arc::make_mut(&mut clusters).insert(key.clone(), Arc::clone(cluster));
    }
    clusters
}
