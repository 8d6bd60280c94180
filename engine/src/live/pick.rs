//! From the hosts of a cluster to one endpoint.
//!
//! ```text
//!  hosts ─▶ share of healthy hosts ─▶ healthy | degraded | all (panic) ─▶ algorithm ─▶ avoid tried
//! ```
//!
//! The sets are rebuilt when somebody's eligibility changed, not per request.

use core::net::SocketAddr;
use std::sync::Arc;

use super::cluster::{LiveCluster, NoEndpoint, State, Unavailable};
use super::host::Host;
use super::ticket::{Started, Ticket};
use crate::balance::{Candidates, Loads, Picked, Picker, Query, Slot, Why};
use crate::breaker::Unified;
use crate::health::{self, Level, Share};
use crate::limit::Full;
use crate::report::EventKind;
use crate::snapshot::{Balancer, Endpoint, EndpointHealth, RetryBudget};
use crate::time::{Duration, Instant};

/// The sets to pick from.
#[derive(Debug)]
pub(super) struct Pools {
    healthy: Pool,
    degraded: Pool,
    share: Share,
    stale: bool,
}

#[derive(Debug)]
struct Pool {
    candidates: Candidates,
    picker: Picker,
}

struct HostLoads<'a> {
    hosts: &'a mut [Option<Host>],
    total_active: u32,
    decay: Duration,
    now: Instant,
}

// === impl Pools ===

impl Pools {
    pub(super) fn new(policy: &Balancer) -> Self {
        let pool = || Pool {
            candidates: Candidates::default(),
            picker: Picker::new(policy),
        };
        Self {
            healthy: pool(),
            degraded: pool(),
            share: Share::default(),
            stale: true,
        }
    }

    pub(super) fn invalidate(&mut self) {
        self.stale = true;
    }

    pub(super) fn in_panic(&self) -> bool {
        self.share.panic
    }
}

// === impl Pool ===

impl Pool {
    fn set(&mut self, candidates: Candidates) {
        self.candidates = candidates;
        self.picker.candidates_changed();
    }
}

// === impl State ===

impl State {
    /// Rebuilds the sets if somebody's eligibility changed. Called after every change, with its
    /// time, so that panic begins and ends when it does and not when it is noticed.
    pub(super) fn settle(&mut self, at: Instant) {
        if !self.pools.stale {
            return;
        }
        let mut level = Level::default();
        for (_, host) in self.present() {
            level.total += u32::from(host.counts());
            match host.endpoint.health {
                EndpointHealth::Healthy => level.healthy += u32::from(host.is_usable()),
                EndpointHealth::Degraded => level.degraded += u32::from(host.is_usable()),
                EndpointHealth::Unhealthy | EndpointHealth::Draining => {}
            }
        }
        let threshold = self.policy.panic_threshold_percent;
        let share = health::shares(&[level], threshold)[0];
        let panic = share.panic;
        // Panic ignores health, ejections and checks, but never a breaker.
        let healthy = self.collect(|host| match panic {
            true => host.counts() && host.breaker_admits(),
            false => host.is_usable() && host.endpoint.health == EndpointHealth::Healthy,
        });
        let degraded = self.collect(|host| {
            !panic && host.is_usable() && host.endpoint.health == EndpointHealth::Degraded
        });
        let was = self.pools.share.panic;
        self.pools.healthy.set(healthy);
        self.pools.degraded.set(degraded);
        self.pools.share = share;
        self.pools.stale = false;
        if was != panic && level.total > 0 {
            let usable = level.healthy + level.degraded;
            let why = format!("{usable} of {} endpoints are healthy", level.total);
            let kind = match panic {
                true => EventKind::PanicEntered,
                false => EventKind::PanicLeft,
            };
            self.event(at, kind, self.policy.key.to_string(), &why);
        }
    }

    fn collect(&self, wanted: impl Fn(&Host) -> bool) -> Candidates {
        let hosts = self.present().filter(|(_, host)| wanted(host));
        Candidates::new(hosts.map(|(slot, host)| (slot, host.endpoint.weight)))
    }

    pub(super) fn start(
        &mut self,
        cluster: &Arc<LiveCluster>,
        tried: &[SocketAddr],
        redraws: u32,
        deposit: Option<&RetryBudget>,
    ) -> Result<Started, Unavailable> {
        let now = self.now;
        if self.in_use.requests >= self.policy.limits.requests {
            return Err(Unavailable::Full(self.overflow(Full::Requests)));
        }
        let Some(picked) = self.pick(tried, redraws) else {
            return Err(self.no_endpoint());
        };
        // The slot comes from the candidates, which are hosts.
        let Some(host) = self.host_mut(picked.slot) else {
            return Err(self.no_endpoint());
        };
        host.active += 1;
        let endpoint = host.endpoint.clone();
        let probe = host.breaker.as_mut().and_then(Unified::start);
        let panic = self.pools.in_panic();
        let candidates = self.pools.healthy.candidates.len();
        if probe.is_some() {
            self.eligibility_changed();
        }
        self.ready_again();
        if let Some(policy) = deposit {
            self.budget(policy).deposit(now);
        }
        self.in_use.requests += 1;
        self.counts.attempts += 1;
        Ok(Started {
            ticket: Ticket::new(cluster.clone(), picked.slot, now, probe),
            endpoint,
            policy: self.policy.clone(),
            why: picked.why,
            other: self.other(picked.why),
            candidates,
            panic,
        })
    }

    fn pick(&mut self, tried: &[SocketAddr], redraws: u32) -> Option<Picked> {
        let mut last = None;
        for attempt in 0..=redraws {
            let picked = self.draw(attempt)?;
            last = Some(picked);
            let address = self.host(picked.slot)?.endpoint.address;
            if !tried.contains(&address) {
                break;
            }
        }
        last
    }

    fn draw(&mut self, attempt: u32) -> Option<Picked> {
        let share = self.pools.share;
        let mut degraded = false;
        if share.degraded > 0 {
            degraded = health::choose(&[share], &mut self.rng).is_some_and(|(_, d)| d);
        }
        let pool = match degraded {
            true => &mut self.pools.degraded,
            false => &mut self.pools.healthy,
        };
        let mut loads = HostLoads {
            hosts: &mut self.hosts,
            total_active: self.in_use.requests,
            decay: self.policy.balancer.decay().unwrap_or_default(),
            now: self.now,
        };
        let query = Query {
            hash: None,
            attempt,
        };
        pool.picker
            .pick(&pool.candidates, &mut loads, query, &mut self.rng)
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
            NoEndpoint::Gone => self.now,
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
        } else if hosts().any(|h| h.counts() && !h.breaker_admits()) {
            NoEndpoint::Open
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

    fn cost(&mut self, slot: Slot) -> f64 {
        let host = self.hosts.get_mut(slot as usize).and_then(Option::as_mut);
        host.map_or(0.0, |h| h.cost.read(self.now, self.decay))
    }
}
