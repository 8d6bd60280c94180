//! Clusters for tests.

use core::net::SocketAddr;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Clusters, LiveCluster, Started};
use crate::classify::{Assessment, Broken, Outcome};
use crate::origin::Origin;
use crate::snapshot::{
    Cluster, ClusterKey, ClusterProtocol, Endpoint, EndpointHealth, EndpointSet, Locality,
    ObjectName, Outbound,
};
use crate::time::{Duration, Instant};

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn at(millis: u64) -> Instant {
    Instant::ZERO + ms(millis)
}

pub(crate) fn key() -> ClusterKey {
    ClusterKey {
        service: ObjectName::new("shop", "web"),
        port: 80,
    }
}

/// The policies nobody wrote down, with `change` applied.
pub(crate) fn policy(change: impl FnOnce(&mut Cluster)) -> Cluster {
    let origin = Origin::default_of("test");
    let mut cluster = Cluster::with_defaults(key(), ClusterProtocol::Same, origin);
    change(&mut cluster);
    cluster
}

pub(crate) fn address(i: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, i], 8080))
}

pub(crate) fn endpoint(i: u8) -> Endpoint {
    Endpoint {
        address: address(i),
        name: ObjectName::new("shop", format!("web-{i}").as_str()),
        weight: 1,
        health: EndpointHealth::Healthy,
        locality: Locality::default(),
        identity: None,
    }
}

/// A configuration of the one cluster.
pub(crate) fn outbound(cluster: Cluster, endpoints: Vec<Endpoint>) -> Arc<Outbound> {
    let key = cluster.key.clone();
    let set = EndpointSet {
        key: key.clone(),
        version: 0,
        endpoints: endpoints.into_iter().map(Arc::new).collect(),
    };
    Arc::new(Outbound {
        clusters: Arc::new(BTreeMap::from([(key.clone(), Arc::new(cluster))])),
        endpoints: Arc::new(BTreeMap::from([(key, Arc::new(set))])),
        ..Outbound::default()
    })
}

/// A proxy that uses a cluster of `n` endpoints, `web-0` and so on.
pub(crate) fn clusters(n: u8, change: impl FnOnce(&mut Cluster)) -> (Clusters, Arc<LiveCluster>) {
    let clusters = Clusters::new(7);
    let endpoints = (0..n).map(endpoint).collect();
    clusters.apply(&outbound(policy(change), endpoints), Instant::ZERO);
    let live = clusters.get(&key(), Instant::ZERO).unwrap();
    (clusters, live)
}

/// Which endpoint an attempt went to.
pub(crate) fn index(started: &Started) -> usize {
    match started.endpoint.address.ip() {
        std::net::IpAddr::V4(ip) => usize::from(ip.octets()[3]),
        std::net::IpAddr::V6(_) => unreachable!("fixtures are IPv4"),
    }
}

pub(crate) fn status(code: u16) -> Assessment {
    Assessment::of(Outcome::Http(http::StatusCode::from_u16(code).unwrap()))
}

pub(crate) fn broken(how: Broken) -> Assessment {
    Assessment::of(Outcome::Broken(how))
}
