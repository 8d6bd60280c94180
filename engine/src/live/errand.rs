//! What the proxy has to do besides serving: active health checks, and reconnects to endpoints that
//! could not be connected to. The engine says when and what it meant; the proxy goes.
//!
//! ```text
//!  Clusters ── errands(now) ─▶ Errand ── the proxy connects, asks ─▶ end(how)
//!     ▲  next_errand()                                                  │
//!     └── errands_changed() rings when an earlier one came up ◀─────────┘
//! ```

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::cluster::{LiveCluster, State};
use super::host::Host;
use crate::balance::Slot;
use crate::check::{Checked, Health, Probed};
use crate::fail_fast::{Change, FailFast};
use crate::report::EventKind;
use crate::snapshot::{Cluster, ClusterKey, Endpoint, ProbeKind};
use crate::time::{Duration, Instant};

/// One thing to do. Dropped, it was not done and is due again later.
#[derive(Debug)]
pub struct Errand {
    cluster: Arc<LiveCluster>,
    slot: Slot,
    pub endpoint: Arc<Endpoint>,
    pub what: What,
    /// How long it may take, connect included.
    pub timeout: Duration,
    open: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// Connect, handshake included, and hang up.
    Reconnect,
    Check(ProbeKind),
}

/// Completes when an errand came up that is due before the ones known when it was made.
#[derive(Debug)]
pub struct ErrandsChanged {
    bell: Arc<Bell>,
    seen: u64,
}

/// Rings when an earlier errand came up; one proxy, one listener.
#[derive(Debug, Default)]
pub(super) struct Bell(Mutex<Rope>);

#[derive(Debug, Default)]
struct Rope {
    rings: u64,
    waker: Option<Waker>,
}

// === impl Errand ===

impl Errand {
    /// The policies of its backend.
    pub fn policy(&self) -> Arc<Cluster> {
        self.cluster.policy()
    }

    /// The backend it is about.
    pub fn cluster(&self) -> &ClusterKey {
        self.cluster.key()
    }

    /// It was done, with this result.
    pub fn end(mut self, probed: Probed, now: Instant) {
        self.open = false;
        self.cluster
            .with(now, |s| s.errand_done(&self, Some(probed)));
    }
}

impl Drop for Errand {
    fn drop(&mut self) {
        if self.open {
            self.cluster
                .with(Instant::ZERO, |s| s.errand_done(self, None));
        }
    }
}

// === impl Bell ===

impl Bell {
    pub(super) fn ring(&self) {
        let waker = {
            let mut rope = self.lock();
            rope.rings += 1;
            rope.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(super) fn listen(self: &Arc<Self>) -> ErrandsChanged {
        ErrandsChanged {
            seen: self.lock().rings,
            bell: self.clone(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Rope> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Future for ErrandsChanged {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut rope = self.bell.lock();
        if rope.rings != self.seen {
            return Poll::Ready(());
        }
        let old = rope.waker.replace(cx.waker().clone());
        // Dropping a waker may drop a task: not under the lock.
        drop(rope);
        drop(old);
        Poll::Pending
    }
}

// === impl LiveCluster ===

impl LiveCluster {
    pub(super) fn next_errand(&self) -> Option<Instant> {
        let next = self.with(Instant::ZERO, |s| s.next_errand);
        (next < Instant::FAR_FUTURE).then_some(next)
    }

    /// Takes the errands that are due.
    pub(super) fn errands(self: &Arc<Self>, now: Instant) -> Vec<Errand> {
        self.with(now, |s| s.errands(self))
    }
}

// === impl State ===

impl State {
    /// The first errand; far in the future when there is none.
    pub(super) fn plan_errands(&mut self) {
        if self.policy.health_check.is_none() && self.policy.fail_fast.is_none() {
            self.next_errand = Instant::FAR_FUTURE;
            return;
        }
        // What is not ready or leaves gets no traffic anyway.
        let hosts = || self.present().map(|(_, host)| host).filter(|h| h.counts());
        let checks = hosts().filter_map(|h| h.checked.as_ref()?.wakes_at());
        let reconnects = hosts().filter_map(|h| h.fail_fast.wakes_at());
        let next = checks.chain(reconnects).min();
        self.next_errand = next.unwrap_or(Instant::FAR_FUTURE);
    }

    fn errands(&mut self, cluster: &Arc<LiveCluster>) -> Vec<Errand> {
        let (now, policy) = (self.now, self.policy.clone());
        let mut out = Vec::new();
        if self.next_errand > now {
            return out;
        }
        for index in 0..self.order.len() {
            let slot = self.order[index];
            let Some(host) = self.host_mut(slot).filter(|host| host.counts()) else {
                continue;
            };
            let mut add = |what: What, timeout: Duration| {
                out.push(Errand {
                    cluster: cluster.clone(),
                    slot,
                    endpoint: host.endpoint.clone(),
                    what,
                    timeout,
                    open: true,
                });
            };
            if host.fail_fast.start(now) {
                add(What::Reconnect, policy.connect_timeout);
            }
            if let (Some(checked), Some(policy)) = (&mut host.checked, &policy.health_check)
                && checked.start(now)
            {
                add(What::Check(policy.probe.clone()), policy.timeout);
            }
        }
        self.plan_errands();
        out
    }

    /// `probed` is none when nobody knows.
    fn errand_done(&mut self, errand: &Errand, probed: Option<Probed>) {
        // The slot may have been given to another endpoint meanwhile.
        if !self.is_same(errand.slot, &errand.endpoint) {
            return;
        }
        match &errand.what {
            What::Reconnect => self.reconnected(errand.slot, probed == Some(Probed::Passed)),
            What::Check(_) => self.checked(errand.slot, probed),
        }
        self.plan();
    }

    fn reconnected(&mut self, slot: Slot, ok: bool) {
        let (policy, now, mut rng) = (self.policy.clone(), self.now, self.rng.clone());
        let Some(policy) = &policy.fail_fast else {
            return;
        };
        let host = self.host_mut(slot);
        let change = host.and_then(|h| h.fail_fast.reconnected(policy, ok, now, &mut rng));
        self.rng = rng;
        self.fail_fast_changed(slot, change);
    }

    /// A connect for a request succeeded or failed.
    pub(super) fn tell_fail_fast(&mut self, slot: Slot, ok: bool) {
        if self.policy.fail_fast.is_none() {
            return;
        }
        let (policy, now, mut rng) = (self.policy.clone(), self.now, self.rng.clone());
        let Some(policy) = &policy.fail_fast else {
            return;
        };
        let host = self.host_mut(slot).filter(|host| host.present);
        let change = host.and_then(|h| h.fail_fast.connected(policy, ok, now, &mut rng));
        self.rng = rng;
        if change.is_some() {
            self.fail_fast_changed(slot, change);
            self.plan();
        }
    }

    fn fail_fast_changed(&mut self, slot: Slot, change: Option<Change>) {
        let (kind, why) = match change {
            None => return,
            Some(Change::Died) => (EventKind::ConnectDead, "a connect failed"),
            Some(Change::Revived) => (EventKind::ConnectRestored, "a connect succeeded"),
            Some(Change::GaveUp) => {
                let why = "its reconnects are used up: the next request will tell";
                (EventKind::ConnectRestored, why)
            }
        };
        self.eligibility_changed();
        if kind == EventKind::ConnectRestored {
            self.improved();
        }
        self.endpoint_event(self.now, kind, slot, why);
    }

    fn checked(&mut self, slot: Slot, probed: Option<Probed>) {
        let (policy, now, mut rng) = (self.policy.clone(), self.now, self.rng.clone());
        let Some(policy) = &policy.health_check else {
            return;
        };
        let quiet = now.since(self.last_request) >= policy.no_traffic_interval;
        let Some(host) = self.host_mut(slot) else {
            return;
        };
        let Some(checked) = &mut host.checked else {
            return;
        };
        let was = checked.health();
        let changed = match probed {
            Some(probed) => checked.end(policy, probed, quiet, now, &mut rng),
            None => {
                checked.give_up(policy, now);
                false
            }
        };
        let (health, kept) = (checked.health(), host.kept);
        self.rng = rng;
        if probed == Some(Probed::Passed) {
            self.uneject_on_check(slot);
        }
        if !changed {
            return;
        }
        // A first check that passes changes nothing for anybody.
        let (known, unhealthy) = (was != Health::Unknown, health == Health::Unhealthy);
        if !known && !unhealthy {
            return;
        }
        self.eligibility_changed();
        let (kind, why) = match unhealthy {
            true => (EventKind::HealthCheckFailed, "it fails its health check"),
            false => (EventKind::HealthCheckPassed, "it passes it again"),
        };
        self.endpoint_event(now, kind, slot, why);
        match unhealthy {
            true if kept => self.let_go(slot),
            true => {}
            false => self.improved(),
        }
    }

    fn uneject_on_check(&mut self, slot: Slot) {
        let now = self.now;
        let wanted = (self.detector.as_ref()).is_some_and(|d| d.policy().uneject_on_check);
        let Some(host) = self.host_mut(slot).filter(|h| wanted && may_return(h)) else {
            return;
        };
        host.outlier.uneject(now);
        self.eligibility_changed();
        self.improved();
        self.endpoint_event(now, EventKind::Unejected, slot, "it passed a health check");
    }

    /// Whether an endpoint that left the configuration stays: its checks pass, and the policy wants
    /// it.
    pub(super) fn keeps(&self, slot: Slot) -> bool {
        let keeps = |check: &crate::snapshot::HealthCheck| !check.ignore_on_removal;
        self.policy.health_check.as_ref().is_some_and(keeps)
            && self.host(slot).is_some_and(|host| {
                let checked = host.checked.as_ref();
                checked.is_some_and(|c| c.health() == Health::Healthy)
            })
    }

    /// An endpoint that was kept fails its checks.
    fn let_go(&mut self, slot: Slot) {
        self.order.retain(|s| *s != slot);
        self.remove(slot);
    }

    /// Checks and fail-fast begin anew where their policy changed.
    pub(super) fn set_checks(&mut self, old: &Cluster) {
        let (policy, now, mut rng) = (self.policy.clone(), self.now, self.rng.clone());
        for slot in self.order.clone() {
            let Some(host) = self.host_mut(slot) else {
                continue;
            };
            if old.health_check != policy.health_check {
                let check = policy.health_check.as_ref();
                host.checked = check.map(|check| Box::new(Checked::new(check, now, &mut rng)));
            }
            if old.fail_fast != policy.fail_fast {
                host.fail_fast = FailFast::default();
            }
        }
        self.rng = rng;
    }
}

fn may_return(host: &Host) -> bool {
    let unhealthy = host.is_check_failed();
    host.outlier.is_ejected() && !unhealthy
}
