//! The live state of one cluster behind its lock.

use core::sync::atomic::{AtomicBool, Ordering};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::errand::Bell;
use super::gate::{Gates, is_gated};
use super::host::Host;
use super::pick::Ask;
use super::pools::Pools;
use super::status::ClusterCounts;
use super::ticket::{RetryPermit, Started};
use super::wait::{Seen, Waiters};
use crate::balance::Slot;
use crate::entropy::Entropy;
use crate::limit::{Full, InUse};
use crate::outlier::{ChangeKind, Detector, HostRecord};
use crate::report::{Event, EventKind};
use crate::retry::{Budget, Refusal, backoff};
use crate::snapshot::{Cluster, ClusterKey, EndpointSet, RetryBudget, RetryPolicy, Standpoint};
use crate::time::{Duration, Instant};

/// The most events kept until somebody drains them; then the oldest are dropped. A frame is taken
/// at least every few seconds, and a cluster has some hundred endpoints at most.
const EVENTS_MAX: usize = 4096;

/// An overflow is an event when none of its kind came for this long; the rest is counted. Under
/// overload there are thousands a second, and they say the same.
const OVERFLOW_QUIET: Duration = Duration::from_secs(1);

/// Budgets beyond this many are looked through for ones that may be dropped. Usually all rules that
/// lead to a cluster share one.
const BUDGETS_KEPT: usize = 16;

/// What one proxy has learned about one cluster. Shared by the tasks of its requests.
#[derive(Debug)]
pub struct LiveCluster {
    key: ClusterKey,
    state: Mutex<State>,
    /// Attempts have to pass a gate: said without the lock, for the many backends without one.
    pub(super) gated: AtomicBool,
    /// Its algorithm hashes: said without the lock as well.
    pub(super) hashes: AtomicBool,
    /// Endpoints of the mesh are among its own: said without the lock, for each request.
    pub(super) meshed: AtomicBool,
    /// Rings when an earlier errand came up.
    bell: Arc<Bell>,
}

/// Why no attempt can be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unavailable {
    /// A limit is full: fails at once.
    Full(Full),
    /// No endpoint can be picked. It is worth waiting until `until` (exclusive) at most, and
    /// looking again at `look_again`; when `until` has passed, or the cluster is gone, fail.
    NoEndpoint {
        until: Instant,
        look_again: Instant,
        reason: NoEndpoint,
        seen: Seen,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoEndpoint {
    #[error("it has no endpoints")]
    Empty,
    #[error("none of its endpoints is ready")]
    NotReady,
    #[error("breakers hold all of its endpoints open")]
    Open,
    #[error("all of its endpoints are ejected")]
    Ejected,
    #[error("too few of its endpoints are healthy, and failTrafficOnPanic is set")]
    Panic,
    #[error("its endpoints fail their health checks")]
    CheckFailed,
    #[error("none of its endpoints can be connected to")]
    ConnectDead,
    #[error("it is no longer in the configuration")]
    Gone,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) policy: Arc<Cluster>,
    pub(super) standpoint: Arc<Standpoint>,
    pub(super) endpoints: Option<Arc<EndpointSet>>,
    /// By slot; a slot is reused only after its host is done.
    pub(super) hosts: Vec<Option<Host>>,
    pub(super) free: Vec<Slot>,
    /// The hosts of the configuration, by address.
    pub(super) order: Vec<Slot>,
    pub(super) pools: Pools,
    pub(super) detector: Option<Detector>,
    pub(super) in_use: InUse,
    pub(super) budgets: Vec<Budget>,
    pub(super) counts: ClusterCounts,
    pub(super) rng: Entropy,
    pub(super) now: Instant,
    /// The first time at which something is due by itself.
    pub(super) next_due: Instant,
    /// Since when requests found no endpoint.
    pub(super) unready_since: Option<Instant>,
    pub(super) failing_fast: bool,
    pub(super) gone: bool,
    pub(super) waiters: Waiters,
    pub(super) events: VecDeque<Event>,
    pub(super) gates: Gates,
    /// When the next errand is due.
    pub(super) next_errand: Instant,
    /// When an attempt was last asked for.
    pub(super) last_request: Instant,
    last_overflow: [Option<Instant>; Full::COUNT],
}

// === impl NoEndpoint ===

impl NoEndpoint {
    /// Nobody waits for an endpoint: there will be none, or waiting would not be failing fast.
    pub(crate) fn is_final(self) -> bool {
        matches!(self, Self::Gone | Self::Panic | Self::ConnectDead)
    }
}

// === impl LiveCluster ===

impl LiveCluster {
    pub(super) fn new(
        policy: Arc<Cluster>,
        endpoints: Option<Arc<EndpointSet>>,
        standpoint: Arc<Standpoint>,
        seed: u64,
        bell: &Arc<Bell>,
        now: Instant,
    ) -> Arc<Self> {
        let key = policy.key.clone();
        let rng = Entropy::keyed(seed, &key.to_string(), "live");
        let detector = policy.outlier.clone().map(|p| Detector::new(p, now));
        let mut state = State {
            pools: Pools::new(),
            gates: Gates::new(&policy, now),
            next_errand: Instant::FAR_FUTURE,
            last_request: now,
            policy,
            standpoint,
            endpoints: None,
            hosts: Vec::new(),
            free: Vec::new(),
            order: Vec::new(),
            detector,
            in_use: InUse::default(),
            budgets: Vec::new(),
            counts: ClusterCounts::default(),
            rng,
            now,
            next_due: Instant::FAR_FUTURE,
            unready_since: None,
            failing_fast: false,
            gone: false,
            waiters: Waiters::default(),
            events: VecDeque::new(),
            last_overflow: [None; Full::COUNT],
        };
        state.set_endpoints(endpoints.as_ref());
        state.settle(now);
        state.plan();
        if state.next_errand < Instant::FAR_FUTURE {
            bell.ring();
        }
        Arc::new(Self {
            key,
            gated: AtomicBool::new(is_gated(&state.policy)),
            hashes: AtomicBool::new(state.policy.balancer.consistent_hash().is_some()),
            meshed: AtomicBool::new(state.is_meshed()),
            state: Mutex::new(state),
            bell: bell.clone(),
        })
    }

    pub fn key(&self) -> &ClusterKey {
        &self.key
    }

    /// Whether a proxy of the mesh may be among the endpoints.
    pub fn is_meshed(&self) -> bool {
        self.meshed.load(Ordering::Relaxed)
    }

    /// The policies in force.
    pub fn policy(&self) -> Arc<Cluster> {
        self.with(Instant::ZERO, |s| s.policy.clone())
    }

    /// What is under way.
    pub fn in_use(&self) -> InUse {
        self.with(Instant::ZERO, |s| s.in_use)
    }

    pub(super) fn next_tick(&self) -> Option<Instant> {
        let due = self.with(Instant::ZERO, |s| s.next_due);
        (due < Instant::FAR_FUTURE).then_some(due)
    }

    pub(super) fn tick(&self, now: Instant) {
        self.with(now, |_| ());
    }

    /// Picks an endpoint and counts an attempt on it.
    pub fn start_for(
        self: &Arc<Self>,
        ask: &Ask<'_>,
        now: Instant,
    ) -> Result<Started, Unavailable> {
        self.make_orders(now);
        self.with(now, |s| s.start(self, ask))
    }

    /// Makes the orders of keys that a change of endpoints left to be made, outside of the lock.
    /// Others that pick meanwhile use those of before.
    fn make_orders(&self, now: Instant) {
        if !self.hashes.load(Ordering::Relaxed) {
            return;
        }
        let work = self.with(now, |s| match s.pools.is_unmade() {
            true => s.pools.work(),
            false => Vec::new(),
        });
        for (key, work) in work {
            let made = work.make();
            self.with(now, |s| s.pools.bring(key, made));
        }
    }

    /// [`start_for`](Self::start_for) a request without a hash.
    pub fn start(
        self: &Arc<Self>,
        tried: &[core::net::SocketAddr],
        redraws: u32,
        deposit: Option<&RetryBudget>,
        now: Instant,
    ) -> Result<Started, Unavailable> {
        let ask = Ask {
            tried,
            redraws,
            deposit,
            ..Ask::default()
        };
        self.start_for(&ask, now)
    }

    /// Draws the wait before the `k`-th retry and pays for it, out of the policy's budget or out of
    /// the limit of retries: when to try again. Nothing is paid when that is not before `deadline`.
    pub(crate) fn admit_retry(
        self: &Arc<Self>,
        policy: &RetryPolicy,
        k: u32,
        asked: Option<Duration>,
        deadline: Instant,
        now: Instant,
    ) -> Result<(RetryPermit, Instant), Refusal> {
        let at = self.with(now, |s| {
            let at = s.now + backoff::wait(policy, k, asked, &mut s.rng);
            if at >= deadline {
                return Err(Refusal::DeadlineNear);
            }
            s.pay_retry(policy.budget.as_ref())?;
            Ok(at)
        })?;
        Ok((RetryPermit::new(self.clone()), at))
    }

    /// Runs `f` on the state as of `now`, then wakes those who wait for what it changed.
    pub(super) fn with<R>(&self, now: Instant, f: impl FnOnce(&mut State) -> R) -> R {
        // A panic under the lock would be a bug of ours; the counters it leaves are still the best
        // there are, and one broken request must not end all others.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let errand = state.next_errand;
        state.advance(now);
        let result = f(&mut state);
        let now = state.now;
        state.settle(now);
        let woken = state.waiters.take_woken();
        let earlier = state.next_errand < errand;
        drop(state);
        if earlier {
            self.bell.ring();
        }
        for waker in woken {
            waker.wake();
        }
        result
    }
}

// === impl State ===

impl State {
    pub(super) fn host(&self, slot: Slot) -> Option<&Host> {
        self.hosts.get(slot as usize)?.as_ref()
    }

    pub(super) fn host_mut(&mut self, slot: Slot) -> Option<&mut Host> {
        self.hosts.get_mut(slot as usize)?.as_mut()
    }

    /// The hosts of the configuration, in order.
    pub(super) fn present(&self) -> impl Iterator<Item = (Slot, &Host)> {
        let slots = self.order.iter();
        slots.filter_map(|slot| Some((*slot, self.host(*slot)?)))
    }

    /// Whether an endpoint is in the mesh, also one that is kept since its checks pass.
    pub(super) fn is_meshed(&self) -> bool {
        let mut present = self.present();
        present.any(|(_, host)| host.endpoint.identity.is_some())
    }

    /// Something changed who may be picked.
    pub(super) fn eligibility_changed(&mut self) {
        self.pools.invalidate();
    }

    /// Endpoints may have become ready: those who wait look again, and the queue timeout of those
    /// who come begins anew.
    pub(super) fn improved(&mut self) {
        self.unready_since = None;
        self.waiters.wake_all();
    }

    /// Makes up for everything that is due until `now`, in the order of its times.
    pub(super) fn advance(&mut self, now: Instant) {
        self.now = self.now.max(now);
        while self.next_due <= self.now && self.next_due < Instant::FAR_FUTURE {
            let due = self.next_due;
            self.wake_breakers(due);
            self.wake_gates(due);
            self.sweep(due);
            self.settle(due);
            self.plan();
        }
    }

    /// Finds out what is due next.
    pub(super) fn plan(&mut self) {
        let breakers = self
            .present()
            .filter_map(|(_, h)| h.breaker.as_ref()?.position().wakes_at());
        let sweep = self.detector.as_ref().map(Detector::next_sweep);
        let due = breakers.chain(sweep).chain(self.gates.wakes_at()).min();
        self.next_due = due.unwrap_or(Instant::FAR_FUTURE);
        self.plan_errands();
    }

    fn wake_breakers(&mut self, due: Instant) {
        for index in 0..self.order.len() {
            let slot = self.order[index];
            let host = self.host_mut(slot);
            let woke = host.and_then(|h| Some(h.breaker.as_mut()?.advance(due)));
            if woke == Some(true) {
                self.eligibility_changed();
                self.improved();
                self.endpoint_event(
                    due,
                    EventKind::BreakerHalfOpened,
                    slot,
                    "the back-off is over",
                );
            }
        }
    }

    fn sweep(&mut self, due: Instant) {
        let Some(mut detector) = self.detector.take() else {
            return;
        };
        if detector.next_sweep() <= due {
            let now = self.now;
            let mut rng = self.rng.clone();
            let mut records = self.records();
            detector.skip_idle(&records, now);
            let at = detector.next_sweep();
            let changes = detector.sweep(&mut records, &mut rng);
            self.rng = rng;
            for change in changes {
                self.outlier_changed(self.order[change.host], change.kind, at);
            }
        }
        self.detector = Some(detector);
    }

    /// The outlier records of the present hosts, in order.
    pub(super) fn records(&mut self) -> Vec<&mut HostRecord> {
        // `order` is by address, the slab by slot: take the records in slab order, then sort.
        let mut rank = vec![usize::MAX; self.hosts.len()];
        for (index, slot) in self.order.iter().enumerate() {
            rank[*slot as usize] = index;
        }
        let mut ranked: Vec<(usize, &mut HostRecord)> = self
            .hosts
            .iter_mut()
            .zip(rank)
            .filter_map(|(host, rank)| Some((rank, host.as_mut()?)))
            .filter(|(rank, _)| *rank != usize::MAX)
            .map(|(rank, host)| (rank, &mut host.outlier))
            .collect();
        ranked.sort_by_key(|(rank, _)| *rank);
        ranked.into_iter().map(|(_, record)| record).collect()
    }

    pub(super) fn outlier_changed(&mut self, slot: Slot, kind: ChangeKind, at: Instant) {
        match kind {
            ChangeKind::Ejected(reason) => {
                self.counts.ejections += 1;
                self.eligibility_changed();
                self.endpoint_event(at, EventKind::Ejected, slot, reason.describe());
            }
            ChangeKind::Overflow(reason) => {
                self.counts.ejections_overflown += 1;
                let why = format!("{}; maxEjectionPercent forbids it", reason.describe());
                self.endpoint_event(at, EventKind::EjectionWithheld, slot, &why);
            }
            ChangeKind::Unejected => {
                self.eligibility_changed();
                self.improved();
                self.endpoint_event(at, EventKind::Unejected, slot, "the ejection time is over");
            }
        }
    }

    /// A limit was full.
    pub(super) fn overflow(&mut self, full: Full) -> Full {
        self.counts.overflows[full as usize] += 1;
        let last = self.last_overflow[full as usize].replace(self.now);
        if last.is_none_or(|last| self.now.since(last) >= OVERFLOW_QUIET) {
            let why = format!("{full} is reached ({})", full.flag());
            self.event(
                self.now,
                EventKind::Overflow,
                self.policy.key.to_string(),
                &why,
            );
        }
        full
    }

    /// The budget with this policy, made when it is new.
    pub(super) fn budget(&mut self, policy: &RetryBudget) -> &mut Budget {
        let now = self.now;
        let index = match self.budgets.iter().position(|b| b.policy() == policy) {
            Some(index) => index,
            None => {
                if self.budgets.len() >= BUDGETS_KEPT {
                    self.budgets.retain_mut(|b| !b.is_fresh(now));
                }
                self.budgets.push(Budget::new(*policy, now));
                self.budgets.len() - 1
            }
        };
        &mut self.budgets[index]
    }

    fn pay_retry(&mut self, budget: Option<&RetryBudget>) -> Result<(), Refusal> {
        let (now, in_use) = (self.now, self.in_use);
        match budget {
            Some(policy) => {
                if !self.budget(policy).withdraw(in_use, now) {
                    self.counts.retries_over_budget += 1;
                    self.overflow(Full::Budget);
                    return Err(Refusal::BudgetEmpty);
                }
                self.in_use.retries += 1;
            }
            None => {
                let limits = self.policy.limits.clone();
                if let Err(full) = self.in_use.admit_retry(&limits) {
                    self.overflow(full);
                    return Err(Refusal::LimitReached);
                }
            }
        }
        self.counts.retries += 1;
        Ok(())
    }

    pub(super) fn endpoint_event(&mut self, at: Instant, kind: EventKind, slot: Slot, why: &str) {
        let Some(host) = self.host(slot) else {
            return;
        };
        let subject = format!("{} {}", self.policy.key, host.endpoint.name);
        self.event(at, kind, subject, why);
    }

    pub(super) fn event(&mut self, at: Instant, kind: EventKind, subject: String, why: &str) {
        if self.events.len() >= EVENTS_MAX {
            self.events.pop_front();
            self.counts.events_dropped += 1;
        }
        let origin = self.policy.policy_origin.as_ref();
        let origin = origin.unwrap_or(&self.policy.origin);
        let event = Event::new(at, "", kind, subject)
            .because(why)
            .with_origin(origin);
        self.events.push_back(event);
    }
}
