//! Zone-aware routing: stay in the zone as far as every endpoint still gets the same load.
//!
//! Envoy `load_balancer_impl.cc` (`regenerateLocalityRoutingStructures`,
//! `tryChooseLocalLocalityHosts`). With 40 % of the callers and 25 % of the endpoints in a zone,
//! five in eight requests stay; the others go where there are more endpoints than callers. When too
//! few of the callers are ready their shares say nothing, and zones do not count; Envoy then fails
//! the request if `failTrafficOnPanic` is set, which would punish clients for their own rollout.

use crate::entropy::Entropy;
use crate::snapshot::Locality;
use crate::snapshot::balance::{Peers, Standpoint, ZoneAware, ZoneBasis};

/// Shares are counted in ten-thousandths.
const WHOLE: u64 = 10_000;

/// The endpoints of one locality that may be picked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upstream<'a> {
    pub locality: &'a Locality,
    /// At least one.
    pub hosts: u32,
    pub weight: u64,
}

/// How requests are divided over the localities it was made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// None when the client's own zone has no endpoint.
    local: Option<usize>,
    /// Of ten thousand requests so many stay.
    stay: u64,
    /// Running sums of what each locality has left for others.
    residual: Vec<u64>,
}

/// The division for a client at `here`; none when zones do not count.
pub fn plan(
    policy: &ZoneAware,
    upstreams: &[Upstream<'_>],
    here: &Standpoint,
    panic_threshold_percent: u32,
) -> Option<Plan> {
    let hosts: u64 = upstreams.iter().map(|u| u64::from(u.hosts)).sum();
    // Callers that the control plane does not know are in nobody's account.
    let known = |p: &Peers| p.locality == here.locality && p.total > 0;
    let small = upstreams.len() < 2 || hosts < u64::from(policy.min_cluster_size);
    if small || !here.peers.iter().any(known) {
        return None;
    }
    let local = upstreams
        .iter()
        .position(|upstream| *upstream.locality == here.locality);
    if let (Some(local), Some(least)) = (local, policy.force_local_zone)
        && upstreams[local].hosts >= least
    {
        return Some(Plan::direct(local));
    }
    let ready: u64 = here.peers.iter().map(|p| u64::from(p.ready)).sum();
    let total: u64 = here.peers.iter().map(|p| u64::from(p.total)).sum();
    let zones = here.peers.iter().filter(|p| p.ready > 0).count();
    let panic = ready * 100 < u64::from(panic_threshold_percent) * total;
    if zones < 2 || panic {
        return None;
    }
    let capacity = |upstream: &Upstream<'_>| match policy.basis {
        ZoneBasis::Hosts => u64::from(upstream.hosts),
        ZoneBasis::Weights => upstream.weight,
    };
    let whole: u64 = upstreams.iter().map(capacity).sum();
    let share = |upstream: &Upstream<'_>| (WHOLE * capacity(upstream)).checked_div(whole);
    let callers = |locality: &Locality| {
        let mut peers = here.peers.iter();
        let there = peers.find(|p| p.locality == *locality);
        there.map_or(0, |p| WHOLE * u64::from(p.ready) / ready)
    };
    let upstream_share = local.and_then(|local| share(&upstreams[local]));
    let upstream_share = upstream_share.unwrap_or(0);
    let caller_share = callers(&here.locality);
    if let Some(local) = local
        && upstream_share > 0
        && upstream_share >= caller_share
    {
        return Some(Plan::direct(local));
    }
    let mut sum = 0;
    let residual = upstreams.iter().enumerate().map(|(index, upstream)| {
        if Some(index) != local {
            let its = share(upstream).unwrap_or(0);
            sum += its.saturating_sub(callers(upstream.locality));
        }
        sum
    });
    Some(Plan {
        local,
        residual: residual.collect(),
        stay: (upstream_share * WHOLE)
            .checked_div(caller_share)
            .unwrap_or(0),
    })
}

// === impl Plan ===

impl Plan {
    fn direct(local: usize) -> Self {
        Self {
            local: Some(local),
            stay: WHOLE,
            residual: Vec::new(),
        }
    }

    /// The locality of one request, as an index into those the plan was made of.
    pub fn choose(&self, rng: &mut Entropy) -> usize {
        if let Some(local) = self.local
            && (self.stay >= WHOLE || rng.below(WHOLE) < self.stay)
        {
            return local;
        }
        match self.residual.last() {
            // Nothing is left anywhere, by rounding alone.
            None | Some(0) => rng.index(self.residual.len()),
            Some(sum) => {
                let point = rng.below(*sum);
                self.residual.partition_point(|end| *end <= point)
            }
        }
    }
}

#[cfg(test)]
mod tests;
