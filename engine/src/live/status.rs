//! What a cluster's live state says in reports.

use super::cluster::{LiveCluster, State};
use super::host::Host;
use crate::breaker::{EndpointBreaker, Position};
use crate::limit::Full;
use crate::outlier::Detector;
use crate::report::{EndpointFacts, EndpointKey, EndpointState, EndpointStatus, Event};
use crate::snapshot::EndpointHealth;
use crate::time::{Duration, Instant};

/// Counters of one cluster since it was first used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClusterCounts {
    /// Attempts, retries included.
    pub attempts: u64,
    pub retries: u64,
    pub retries_over_budget: u64,
    pub ejections: u64,
    /// Ejections that the share of ejected endpoints forbade.
    pub ejections_overflown: u64,
    pub breaker_openings: u64,
    pub breaker_openings_capped: u64,
    /// Attempts that the breaker of their route refused.
    pub short_circuited: u64,
    /// Attempts that admission control refused.
    pub shed: u64,
    pub events_dropped: u64,
    pub(super) overflows: [u64; Full::COUNT],
}

/// The load of one endpoint as its balancer sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct EndpointLoad {
    pub endpoint: EndpointKey,
    /// Attempts under way.
    pub active: u32,
    pub connections: u32,
    /// Peak EWMA of the response time; zero for algorithms that do not use it.
    pub cost: Duration,
}

// === impl LiveCluster ===

impl LiveCluster {
    /// Why each endpoint gets traffic or not, as of `now`, by address.
    pub fn endpoint_states(&self, now: Instant) -> Vec<(EndpointKey, EndpointState)> {
        self.with(now, |s| {
            let states = s.present().map(|(_, host)| {
                let state = state_of(host, s.detector.as_ref());
                (s.key_of(host), state)
            });
            states.collect()
        })
    }

    /// What is known of each endpoint as of `now`, by address.
    pub fn endpoint_facts(&self, now: Instant) -> Vec<(EndpointKey, EndpointFacts)> {
        self.with(now, |s| {
            let decay = s.policy.balancer.decay();
            let facts = s.present().map(|(_, host)| {
                let estimate = decay.map(|d| Duration::from_nanos(host.cost.at(s.now, d) as u64));
                let of_breaker = host.breaker.as_ref().map_or(0, |b| b.failures_in_a_row());
                let facts = EndpointFacts {
                    endpoint: host.endpoint.clone(),
                    state: state_of(host, s.detector.as_ref()),
                    estimate,
                    failures_in_a_row: of_breaker.max(host.outlier.failures_in_a_row()),
                };
                (s.key_of(host), facts)
            });
            facts.collect()
        })
    }

    /// The load of each endpoint as of `now`, by address.
    pub fn endpoint_loads(&self, now: Instant) -> Vec<EndpointLoad> {
        self.with(now, |s| {
            let decay = s.policy.balancer.decay();
            let loads = s.present().map(|(_, host)| EndpointLoad {
                endpoint: s.key_of(host),
                active: host.active,
                connections: host.connections,
                cost: decay.map_or(Duration::ZERO, |decay| {
                    Duration::from_nanos(host.cost.at(s.now, decay) as u64)
                }),
            });
            loads.collect()
        })
    }

    pub fn counts(&self) -> ClusterCounts {
        self.with(Instant::ZERO, |s| s.counts)
    }

    /// True when health is being ignored.
    pub fn in_panic(&self, now: Instant) -> bool {
        self.with(now, |s| s.pools.in_panic())
    }

    /// What happened until `now` and was not yet drained, oldest first. The source is left empty.
    pub fn drain_events(&self, now: Instant) -> Vec<Event> {
        self.with(now, |s| s.events.drain(..).collect())
    }
}

// === impl State ===

impl State {
    fn key_of(&self, host: &Host) -> EndpointKey {
        EndpointKey {
            backend: self.policy.key.clone(),
            endpoint: host.endpoint.name.clone(),
            address: host.endpoint.address,
        }
    }
}

/// When several reasons hold at once, the one that keeps more traffic away.
fn state_of(host: &Host, detector: Option<&Detector>) -> EndpointState {
    let mut states = Vec::new();
    match host.endpoint.health {
        EndpointHealth::Draining => {
            states.push(EndpointState::new(
                EndpointStatus::Draining,
                "it terminates",
            ));
        }
        EndpointHealth::Unhealthy => {
            states.push(EndpointState::new(
                EndpointStatus::Unhealthy,
                "it is not ready",
            ));
        }
        EndpointHealth::Healthy | EndpointHealth::Degraded => {}
    }
    if let Some((since, reason)) = host.outlier.ejection() {
        let mut state = EndpointState::new(EndpointStatus::Ejected, reason.describe()).since(since);
        state.until = detector.and_then(|d| d.ejected_until(&host.outlier));
        states.push(state);
    }
    if let Some(checked) = host.checked.as_ref().filter(|c| c.is_unhealthy()) {
        let state = EndpointState::new(EndpointStatus::Unhealthy, "it fails its health check");
        states.push(state.since(checked.since()).next_probe(checked.next()));
    }
    if let Some((since, next)) = host.fail_fast.dead() {
        let state = EndpointState::new(EndpointStatus::ConnectDead, "a connect failed");
        states.push(state.since(since).next_probe(next));
    }
    if let Some(breaker) = &host.breaker {
        states.extend(breaker_state(breaker));
    }
    states.into_iter().max().unwrap_or_default()
}

fn breaker_state(breaker: &EndpointBreaker) -> Option<EndpointState> {
    let reason = || breaker.tripped().describe();
    match breaker.position() {
        Position::Closed => None,
        Position::Open { since, until } => {
            let state = EndpointState::new(EndpointStatus::Open, reason());
            Some(state.since(since).until(until).next_probe(until))
        }
        Position::HalfOpen { since, probing } => {
            let taken = u32::from(probing);
            let status = EndpointStatus::HalfOpen { taken, slots: 1 };
            Some(EndpointState::new(status, reason()).since(since))
        }
    }
}

// === impl ClusterCounts ===

impl ClusterCounts {
    /// How often this limit was full.
    pub fn overflows(&self, full: Full) -> u64 {
        self.overflows[full as usize]
    }
}
