//! A cluster's live state under a new configuration: keep what still means the same, reset the
//! rest.

use core::net::SocketAddr;
use core::sync::atomic::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::cluster::{LiveCluster, State};
use super::gate::is_gated;
use super::host::Host;
use crate::balance::Slot;
use crate::breaker::EndpointBreaker;
use crate::outlier::Detector;
use crate::report::EventKind;
use crate::snapshot::{Cluster, Endpoint, EndpointSet, LocalityMode, Standpoint};
use crate::time::Instant;

impl LiveCluster {
    /// Takes over policies and endpoints.
    pub(super) fn reconcile(
        &self,
        policy: &Arc<Cluster>,
        endpoints: Option<&Arc<EndpointSet>>,
        now: Instant,
    ) {
        let meshed = self.with(now, |s| {
            if !Arc::ptr_eq(&s.policy, policy) {
                s.set_policy(policy);
            }
            let same = match (&s.endpoints, endpoints) {
                (Some(old), Some(new)) => Arc::ptr_eq(old, new),
                (None, None) => true,
                _ => false,
            };
            if !same {
                s.set_endpoints(endpoints);
            }
            s.plan();
            s.is_meshed()
        });
        self.gated.store(is_gated(policy), Ordering::Relaxed);
        let hashes = policy.balancer.consistent_hash().is_some();
        self.hashes.store(hashes, Ordering::Relaxed);
        self.meshed.store(meshed, Ordering::Relaxed);
    }

    /// The proxy, or its peers, stand somewhere else.
    pub(super) fn locate(&self, standpoint: &Arc<Standpoint>, now: Instant) {
        self.with(now, |s| {
            s.standpoint = standpoint.clone();
            if s.policy.locality != LocalityMode::None {
                s.eligibility_changed();
                s.improved();
            }
        });
    }

    /// The configuration no longer has it: no endpoint for anybody, and those who wait learn it.
    pub(super) fn retire(&self, now: Instant) {
        self.with(now, |s| {
            s.gone = true;
            s.set_endpoints(None);
            s.plan();
        });
    }
}

impl State {
    /// Each part begins anew only when its own policy changed.
    fn set_policy(&mut self, policy: &Arc<Cluster>) {
        let old = core::mem::replace(&mut self.policy, policy.clone());
        let now = self.now;
        if old.balancer != policy.balancer {
            self.pools.forget();
        }
        if old.outlier != policy.outlier {
            self.detector = policy.outlier.clone().map(|p| Detector::new(p, now));
            for slot in self.order.clone() {
                let ejected = self.host_mut(slot).is_some_and(|host| {
                    let was = host.outlier.is_ejected();
                    host.outlier = crate::outlier::HostRecord::default();
                    was
                });
                if ejected {
                    self.endpoint_event(now, EventKind::Unejected, slot, POLICY_CHANGED);
                }
            }
        }
        if old.breaker != policy.breaker {
            for slot in self.order.clone() {
                let held = self.host_mut(slot).is_some_and(|host| {
                    let was = !host.breaker_admits();
                    let breaker = policy.breaker.as_ref();
                    host.breaker = breaker.and_then(|b| EndpointBreaker::new(b, now));
                    was
                });
                if held {
                    self.endpoint_event(now, EventKind::BreakerClosed, slot, POLICY_CHANGED);
                }
            }
        }
        self.set_gates(&old);
        self.set_checks(&old);
        // Limits hold from now on; what is under way above a lower one finishes.
        self.eligibility_changed();
        self.improved();
    }

    /// Joins the endpoints of the configuration with those that are known.
    pub(super) fn set_endpoints(&mut self, new: Option<&Arc<EndpointSet>>) {
        let old = core::mem::take(&mut self.order);
        let wanted = new.map(|set| set.endpoints.as_slice()).unwrap_or_default();
        let mut order = Vec::with_capacity(wanted.len());
        // By address; of two endpoints with one address the last one counts.
        let place = |slot: &Slot| Some((self.host(*slot)?.endpoint.address, *slot));
        let mut known: BTreeMap<SocketAddr, Slot> = old.iter().filter_map(place).collect();
        for endpoint in wanted {
            let same = known
                .get(&endpoint.address)
                .copied()
                .filter(|slot| self.is_same(*slot, endpoint));
            if same.is_some() {
                known.remove(&endpoint.address);
            }
            order.push(match same {
                Some(slot) => {
                    if let Some(host) = self.host_mut(slot) {
                        host.endpoint = endpoint.clone();
                        host.kept = false;
                    }
                    slot
                }
                None => self.insert(endpoint),
            });
        }
        let kept: BTreeSet<Slot> = order.iter().copied().collect();
        for slot in old {
            if kept.contains(&slot) {
                continue;
            }
            let stays = !self.gone && self.keeps(slot);
            match self.host_mut(slot) {
                Some(host) if stays => {
                    host.kept = true;
                    order.push(slot);
                }
                _ => self.remove(slot),
            }
        }
        // Those that are kept stand among the others as every proxy has them: by address.
        order.sort_by_key(|slot| self.host(*slot).map(|host| host.endpoint.address));
        self.order = order;
        self.endpoints = new.cloned();
        self.eligibility_changed();
        self.improved();
    }

    /// The same place and the same workload. A pod that took over the address of another is a new
    /// endpoint: nothing that was learned holds for it.
    pub(super) fn is_same(&self, slot: Slot, endpoint: &Endpoint) -> bool {
        self.host(slot).is_some_and(|host| {
            host.endpoint.address == endpoint.address && host.endpoint.name == endpoint.name
        })
    }

    fn insert(&mut self, endpoint: &Arc<Endpoint>) -> Slot {
        let policy = self.policy.clone();
        let host = Host::new(endpoint.clone(), &policy, self.now, &mut self.rng);
        match self.free.pop() {
            Some(slot) => {
                self.hosts[slot as usize] = Some(host);
                slot
            }
            None => {
                self.hosts.push(Some(host));
                (self.hosts.len() - 1) as Slot
            }
        }
    }

    pub(super) fn remove(&mut self, slot: Slot) {
        let Some(host) = self.host_mut(slot) else {
            return;
        };
        host.present = false;
        if host.is_done() {
            self.hosts[slot as usize] = None;
            self.free.push(slot);
        }
    }
}

const POLICY_CHANGED: &str = "its policy changed";
