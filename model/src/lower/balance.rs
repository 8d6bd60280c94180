//! `loadBalancer` of a BackendPolicy → how a cluster's endpoints are chosen among.

use std::sync::Arc;

use engine::snapshot::balance::{
    Distribution, HashOn, HashSource, LocalityPattern, Topology, ZoneBasis,
};
use engine::snapshot::{
    Balancer, Breaker, Cluster, ConsistentHash, LocalityMode, SlowStart, ZoneAware,
};
use http::HeaderName;

use super::cluster::set;
use crate::policy::{self, LoadBalancer, LoadBalancerType, LocalityBalancing, Selection};

/// Envoy's (`ring_hash.proto`, `maglev.proto`).
const MINIMUM_RING_SIZE: u32 = 1024;
const MAXIMUM_RING_SIZE: u32 = 8_388_608;
const TABLE_SIZE: u32 = 65_537;

/// The labels of topology that a Failover can go by.
pub(crate) const TOPOLOGIES: [(&str, Topology); 2] = [
    ("topology.kubernetes.io/region", Topology::Region),
    ("topology.kubernetes.io/zone", Topology::Zone),
];

/// To be called when it is known whether the cluster has a breaker.
pub(super) fn apply(cluster: &mut Cluster, spec: Option<&LoadBalancer>) {
    // A breaker of a route keeps nobody from an endpoint that fails fast.
    let breaker = cluster.breaker.as_ref();
    let guarded = breaker.is_some_and(Breaker::is_per_endpoint);
    cluster.balancer = Balancer::default_for(guarded);
    let Some(spec) = spec else {
        return;
    };
    cluster.balancer = balancer(spec, cluster.balancer.clone());
    cluster.slow_start = spec.slow_start.as_ref().map(slow_start);
    cluster.locality = spec.locality.as_ref().map(locality).unwrap_or_default();
}

fn balancer(spec: &LoadBalancer, default: Balancer) -> Balancer {
    let hash = spec.consistent_hash.clone().unwrap_or_default();
    match spec.r#type {
        None | Some(LoadBalancerType::PeakEwma) => {
            peak_ewma(default, &spec.peak_ewma.clone().unwrap_or_default())
        }
        Some(LoadBalancerType::LeastRequest) => {
            let least = spec.least_request.clone().unwrap_or_default();
            Balancer::LeastRequest {
                choice_count: least.choice_count.map_or(2, |count| count.u32()),
                active_request_bias: least.active_request_bias.unwrap_or(1.0),
                full_scan: least.selection == Some(Selection::FullScan),
            }
        }
        Some(LoadBalancerType::RoundRobin) => Balancer::RoundRobin,
        Some(LoadBalancerType::Random) => Balancer::Random,
        Some(LoadBalancerType::RingHash) => Balancer::RingHash {
            minimum_size: hash
                .minimum_ring_size
                .map_or(MINIMUM_RING_SIZE, |n| n.u32()),
            maximum_size: hash
                .maximum_ring_size
                .map_or(MAXIMUM_RING_SIZE, |n| n.u32()),
            hash: consistent_hash(&hash),
        },
        Some(LoadBalancerType::Maglev) => Balancer::Maglev {
            table_size: hash.table_size.map_or(TABLE_SIZE, |n| n.u32()),
            hash: consistent_hash(&hash),
        },
    }
}

fn peak_ewma(mut balancer: Balancer, spec: &policy::PeakEwma) -> Balancer {
    if let Balancer::PeakEwma {
        decay,
        default_rtt,
        failure_penalty,
    } = &mut balancer
    {
        set(decay, spec.decay);
        set(default_rtt, spec.default_rtt);
        set(failure_penalty, spec.failure_penalty);
    }
    balancer
}

fn consistent_hash(spec: &policy::ConsistentHash) -> ConsistentHash {
    let factor = spec.hash_balance_factor.map(|factor| factor.u32());
    ConsistentHash {
        on: spec.hash_on.iter().filter_map(hash_on).collect(),
        balance_factor: factor.filter(|factor| *factor > 0),
        by_name: spec.use_hostname == Some(true),
    }
}

/// None for entries that validation refuses.
fn hash_on(spec: &policy::HashOn) -> Option<HashOn> {
    let source = if let Some(name) = &spec.header {
        HashSource::Header(HeaderName::try_from(name.as_str()).ok()?)
    } else if let Some(cookie) = &spec.cookie {
        HashSource::Cookie {
            name: cookie.name.as_str().into(),
            ttl: cookie.ttl.map(policy::KubeDuration::get),
            path: cookie.path.as_deref().map(Into::into),
        }
    } else if let Some(name) = &spec.query_param {
        HashSource::QueryParam(name.as_str().into())
    } else if spec.source_ip == Some(true) {
        HashSource::SourceIp
    } else {
        return None;
    };
    Some(HashOn {
        source,
        terminal: spec.terminal == Some(true),
    })
}

fn slow_start(spec: &policy::SlowStart) -> SlowStart {
    let mut slow = SlowStart::default();
    set(&mut slow.window, spec.window);
    slow.aggression = spec.aggression.unwrap_or(slow.aggression);
    if let Some(percent) = spec.min_weight_percent {
        slow.min_weight_percent = percent.u32();
    }
    slow
}

fn locality(spec: &LocalityBalancing) -> LocalityMode {
    match spec.mode {
        None | Some(policy::LocalityMode::None) => LocalityMode::None,
        Some(policy::LocalityMode::ZoneAware) => {
            LocalityMode::ZoneAware(zone_aware(&spec.zone_aware.clone().unwrap_or_default()))
        }
        Some(policy::LocalityMode::Weighted) => {
            let all = spec.distribute.iter().flatten();
            LocalityMode::Weighted(all.map(distribution).collect())
        }
        Some(policy::LocalityMode::Failover) => LocalityMode::Failover(topologies(spec)),
    }
}

fn zone_aware(spec: &policy::ZoneAware) -> ZoneAware {
    let default = ZoneAware::default();
    let forced = spec.force_local_zone.as_ref();
    ZoneAware {
        min_cluster_size: spec
            .min_cluster_size
            .map_or(default.min_cluster_size, |n| n.u32()),
        routing_percent: spec
            .routing_enabled
            .map_or(default.routing_percent, |n| n.u32()),
        fail_traffic_on_panic: spec.fail_traffic_on_panic == Some(true),
        force_local_zone: forced.map(|forced| forced.min_size.map_or(1, |n| n.u32())),
        basis: match spec.basis {
            Some(policy::ZoneBasis::HostsWeight) => ZoneBasis::Weights,
            Some(policy::ZoneBasis::HostsNum) | None => ZoneBasis::Hosts,
        },
    }
}

fn topologies(spec: &LocalityBalancing) -> Vec<Topology> {
    let Some(keys) = &spec.failover_priority else {
        return TOPOLOGIES.iter().map(|(_, topology)| *topology).collect();
    };
    let known = |key: &String| TOPOLOGIES.iter().find(|(name, _)| name == key);
    let found = keys.iter().filter_map(known);
    found.map(|(_, topology)| *topology).collect()
}

fn distribution(spec: &policy::Distribute) -> Distribution {
    let entries = spec.to.iter();
    let mut to: Vec<(LocalityPattern, u32)> = entries
        .filter_map(|(text, weight)| Some((pattern(text)?, weight.u32())))
        .collect();
    // The most specific first; among equals their order in the text.
    let vague = |pattern: &LocalityPattern| (pattern.region.is_none(), pattern.zone.is_none());
    to.sort_by_key(|(pattern, _)| {
        let (region, zone) = vague(pattern);
        (u8::from(region) + u8::from(zone), region)
    });
    Distribution {
        from: pattern(&spec.from).unwrap_or_default(),
        to,
    }
}

/// `REGION/ZONE`, `REGION/*`, `REGION`, `*/ZONE`, `*`; none when it is nothing of the kind.
pub(crate) fn pattern(text: &str) -> Option<LocalityPattern> {
    let part = |text: &str| (text != "*").then(|| Arc::from(text));
    let (region, zone) = match text.split_once('/') {
        Some((region, zone)) => (region, zone),
        None => (text, "*"),
    };
    if region.is_empty() || zone.is_empty() || zone.contains('/') {
        return None;
    }
    Some(LocalityPattern {
        region: part(region),
        zone: part(zone),
    })
}
