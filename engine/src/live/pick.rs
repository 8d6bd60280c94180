//! From the sets of hosts to one endpoint: choose a set, let its algorithm pick, and pick again
//! when a retry should go elsewhere.

use core::net::SocketAddr;
use std::sync::Arc;

use super::cluster::{LiveCluster, NoEndpoint, State, Unavailable};
use super::host::Host;
use super::ticket::{Started, Ticket};
use crate::balance::{Loads, Picked, Query, Slot, Why, slow_start};
use crate::limit::Full;
use crate::report::EventKind;
use crate::snapshot::{Endpoint, RetryBudget, SlowStart};
use crate::time::{Duration, Instant};

/// What a request asks of the balancer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ask<'a> {
    /// Addresses that a retry should avoid: it draws again up to `redraws` times, then takes what
    /// it got.
    pub tried: &'a [SocketAddr],
    pub redraws: u32,
    /// The budget that an original request pays into.
    pub deposit: Option<&'a RetryBudget>,
    /// For algorithms that choose by it.
    pub hash: Option<u64>,
    /// Somebody wants to know which endpoint lost a comparison.
    pub explain: bool,
}

/// What algorithms ask about the hosts.
struct HostLoads<'a> {
    hosts: &'a mut [Option<Host>],
    total_active: u32,
    /// Set while some host may be in its slow start.
    slow_start: Option<&'a SlowStart>,
    decay: Duration,
    now: Instant,
}

// === impl State ===

impl State {
    pub(super) fn start(
        &mut self,
        cluster: &Arc<LiveCluster>,
        ask: &Ask<'_>,
    ) -> Result<Started, Unavailable> {
        let now = self.now;
        self.last_request = now;
        if self.in_use.requests >= self.policy.limits.requests {
            return Err(Unavailable::Full(self.overflow(Full::Requests)));
        }
        let Some((picked, candidates)) = self.pick(ask) else {
            return Err(self.no_endpoint());
        };
        // The slot comes from the candidates, which are hosts.
        let Some(host) = self.host_mut(picked.slot) else {
            return Err(self.no_endpoint());
        };
        host.active += 1;
        let endpoint = host.endpoint.clone();
        let probe = host.take_probe();
        let panic = self.pools.in_panic();
        if probe.is_some() {
            self.eligibility_changed();
        }
        self.ready_again();
        if let Some(policy) = ask.deposit {
            self.budget(policy).deposit(now);
        }
        self.in_use.requests += 1;
        self.counts.attempts += 1;
        Ok(Started {
            ticket: Ticket::new(cluster.clone(), picked.slot, now, probe),
            endpoint,
            policy: self.policy.clone(),
            why: picked.why,
            other: ask.explain.then(|| self.other(picked.why)).flatten(),
            candidates,
            panic,
        })
    }

    /// An endpoint, and of how many.
    fn pick(&mut self, ask: &Ask<'_>) -> Option<(Picked, usize)> {
        let mut last = None;
        for attempt in 0..=ask.redraws {
            let query = Query {
                hash: ask.hash,
                attempt,
            };
            let (picked, of) = self.draw(query)?;
            last = Some((picked, of));
            let address = self.host(picked.slot)?.endpoint.address;
            if !ask.tried.contains(&address) {
                break;
            }
        }
        last
    }

    fn draw(&mut self, query: Query) -> Option<(Picked, usize)> {
        let slow_start = self.policy.slow_start.as_ref();
        let mut loads = HostLoads {
            hosts: &mut self.hosts,
            total_active: self.in_use.requests,
            decay: self.policy.balancer.decay().unwrap_or_default(),
            slow_start: slow_start.filter(|_| self.now < self.pools.warm_at),
            now: self.now,
        };
        let pool = self.pools.choose(query.hash, &mut self.rng)?;
        let (candidates, rng) = (&pool.candidates, &mut self.rng);
        let picked = pool.picker.pick(candidates, &mut loads, query, rng)?;
        Some((picked, candidates.len()))
    }

    /// A request found an endpoint: whoever waited was not in vain.
    fn ready_again(&mut self) {
        self.unready_since = None;
        if core::mem::take(&mut self.failing_fast) {
            let subject = self.policy.key.to_string();
            self.event(
                self.now,
                EventKind::FailFastLeft,
                subject,
                "an endpoint is ready",
            );
        }
    }

    /// The first request that finds nothing starts the clock; when it has run for the queue timeout
    /// all requests fail at once until an endpoint is ready again (Linkerd's fail-fast).
    fn no_endpoint(&mut self) -> Unavailable {
        let since = *self.unready_since.get_or_insert(self.now);
        let reason = self.why_none();
        let until = match reason {
            reason if reason.is_final() => self.now,
            _ => since + self.policy.limits.queue_timeout,
        };
        if until <= self.now && !core::mem::replace(&mut self.failing_fast, true) {
            let subject = self.policy.key.to_string();
            let why = reason.to_string();
            self.event(self.now, EventKind::FailFastEntered, subject, &why);
        }
        Unavailable::NoEndpoint {
            until,
            look_again: until.min(self.next_due.max(self.now)),
            reason,
            seen: self.waiters.seen(),
        }
    }

    fn why_none(&self) -> NoEndpoint {
        let hosts = || self.present().map(|(_, host)| host);
        if self.gone {
            NoEndpoint::Gone
        } else if self.order.is_empty() {
            NoEndpoint::Empty
        } else if !hosts().any(Host::counts) {
            NoEndpoint::NotReady
        } else if self.pools.in_panic() && self.fails_on_panic() {
            NoEndpoint::Panic
        } else if !hosts().any(|h| h.counts() && !h.fail_fast.is_dead()) {
            NoEndpoint::ConnectDead
        } else if hosts().any(|h| h.counts() && !h.breaker_admits()) {
            NoEndpoint::Open
        } else if hosts().any(|h| h.counts() && h.is_check_failed()) {
            NoEndpoint::CheckFailed
        } else {
            NoEndpoint::Ejected
        }
    }

    /// The endpoint that lost a comparison.
    fn other(&self, why: Why) -> Option<Arc<Endpoint>> {
        match why {
            Why::TwoChoices { other, .. } | Why::HomeFull { home: other, .. } => {
                Some(self.host(other)?.endpoint.clone())
            }
            _ => None,
        }
    }
}

// === impl HostLoads ===

impl Loads for HostLoads<'_> {
    fn active(&self, slot: Slot) -> u32 {
        let host = self.hosts.get(slot as usize).and_then(Option::as_ref);
        host.map_or(0, |h| h.active)
    }

    fn total_active(&self) -> u64 {
        self.total_active.into()
    }

    fn any_warming(&self) -> bool {
        self.slow_start.is_some()
    }

    fn warmth(&self, slot: Slot) -> f64 {
        let host = self.hosts.get(slot as usize).and_then(Option::as_ref);
        match (self.slow_start, host) {
            (Some(policy), Some(host)) => slow_start::factor(policy, host.healthy_since, self.now),
            _ => 1.0,
        }
    }

    fn cost(&mut self, slot: Slot) -> f64 {
        let host = self.hosts.get_mut(slot as usize).and_then(Option::as_mut);
        host.map_or(0.0, |h| h.cost.read(self.now, self.decay))
    }
}
