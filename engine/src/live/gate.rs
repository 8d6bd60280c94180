//! What an attempt has to pass before an endpoint is picked for it: admission control and the
//! rolling-window breaker of its route, and the adaptive limit of the backend.
//!
//! A backend without any of them is not locked for it.

use core::sync::atomic::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::cluster::{LiveCluster, State};
use crate::adaptive::Gradient;
use crate::admission::Admission;
use crate::breaker::{Change, Position, Probe, Rolling, Told, Tripped, Verdict};
use crate::classify::{Assessment, Broken, Kind, Outcome};
use crate::limit::Full;
use crate::report::{EndpointState, EndpointStatus, EventKind, Guards};
use crate::snapshot::{AdmissionControl, Breaker, Cluster, RollingWindow, Rule};
use crate::time::Instant;

/// Routes beyond this many are looked through for ones that may be forgotten.
const ROUTES_KEPT: usize = 64;

/// Why an attempt is answered here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turned {
    /// The route's breaker is open, until then at least; or half-open and probing.
    ShortCircuit {
        until: Option<Instant>,
        tripped: Tripped,
    },
    /// Admission control, at this probability in percent.
    Shed { percent: u32 },
    /// The adaptive limit: as many are under way.
    Full(Full),
}

/// The right of one attempt to go on, until its end is known. Dropped, the attempt counts as
/// cancelled.
#[derive(Debug)]
pub struct Entry {
    cluster: Arc<LiveCluster>,
    /// Name of the rule.
    route: Option<Arc<str>>,
    probe: Option<Probe>,
    /// The controller that counts it, by its generation.
    counted: Option<u64>,
    sampled: bool,
    sent: Instant,
    open: bool,
}

/// How an attempt that was let in ended.
#[derive(Clone, Copy)]
enum How<'a> {
    Ended(&'a Assessment),
    /// A limit of this side was full.
    Rejected,
}

/// The gates of one cluster.
#[derive(Debug)]
pub(super) struct Gates {
    adaptive: Option<Gradient>,
    /// Which controller it is: what was counted by an older one is none of its business.
    generation: u64,
    /// By the name of the rule.
    routes: BTreeMap<Arc<str>, Route>,
}

#[derive(Debug, Default)]
struct Route {
    rolling: Option<Rolling>,
    admission: Option<Admission>,
}

// === impl LiveCluster ===

impl LiveCluster {
    /// Lets an attempt under `rule` in, before an endpoint is looked for. None when nothing guards
    /// the backend or the rule.
    ///
    /// # Errors
    ///
    /// When it is to be answered here, and why.
    pub fn enter(
        self: &Arc<Self>,
        rule: Option<&Rule>,
        now: Instant,
    ) -> Result<Option<Entry>, Turned> {
        let admission = rule.and_then(|rule| rule.admission.as_ref());
        if admission.is_none() && !self.gated.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let route = rule.map(|rule| rule.name.clone());
        let (probe, counted) = self.with(now, |s| s.enter(route.as_ref(), admission))?;
        Ok(Some(Entry {
            cluster: self.clone(),
            route,
            probe,
            counted,
            sampled: admission.is_some(),
            sent: now,
            open: true,
        }))
    }

    /// Whether another try under `rule` would be refused by the breaker of the route.
    pub(crate) fn is_short_circuited(&self, rule: &Rule, now: Instant) -> bool {
        self.gated.load(Ordering::Relaxed)
            && self.with(now, |s| {
                let Some((policy, route)) = s.rolling_of(&rule.name) else {
                    return false;
                };
                match route.position(policy) {
                    Position::Open { until, .. } => now < until,
                    Position::HalfOpen { probing, .. } => probing,
                    Position::Closed => false,
                }
            })
    }

    /// What guards the routes to the backend, as of `now`; none when nothing does.
    pub fn guards(&self, now: Instant) -> Option<Guards> {
        let gated = self.gated.load(Ordering::Relaxed);
        self.with(now, |s| {
            (gated || !s.budgets.is_empty()).then(|| s.guards())
        })
    }

    /// The adaptive limit of requests under way, when there is one.
    pub fn adaptive_limit(&self, now: Instant) -> Option<u32> {
        self.with(now, |s| s.gates.adaptive.as_ref().map(Gradient::limit))
    }
}

/// Whether `policy` makes attempts pass a gate.
pub(super) fn is_gated(policy: &Cluster) -> bool {
    policy.adaptive.is_some() || matches!(policy.breaker, Some(Breaker::RollingWindow(_)))
}

fn state_of(rolling: &Rolling, policy: &RollingWindow) -> EndpointState {
    let reason = || rolling.tripped(policy).describe();
    match rolling.position(policy) {
        Position::Closed => EndpointState::default(),
        Position::Open { since, until } => {
            let state = EndpointState::new(EndpointStatus::Open, reason()).since(since);
            match until < Instant::FAR_FUTURE {
                true => state.until(until).next_probe(until),
                false => state,
            }
        }
        Position::HalfOpen { since, probing } => {
            let taken = u32::from(probing);
            let status = EndpointStatus::HalfOpen { taken, slots: 1 };
            EndpointState::new(status, reason()).since(since)
        }
    }
}

// === impl Entry ===

impl Entry {
    /// The attempt is over.
    pub fn end(mut self, assessment: &Assessment, now: Instant) {
        self.close(How::Ended(assessment), now);
    }

    /// The attempt was refused by a limit of this side.
    pub fn rejected(mut self, now: Instant) {
        self.close(How::Rejected, now);
    }

    fn close(&mut self, how: How<'_>, now: Instant) {
        if core::mem::replace(&mut self.open, false) {
            let cluster = self.cluster.clone();
            cluster.with(now, |s| s.leave(self, how));
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let cancelled = Assessment::of(Outcome::Cancelled);
        self.close(How::Ended(&cancelled), Instant::ZERO);
    }
}

// === impl Gates ===

impl Gates {
    pub(super) fn new(policy: &Cluster, now: Instant) -> Self {
        Self {
            adaptive: policy.adaptive.as_ref().map(|p| Gradient::new(p, now)),
            generation: 0,
            routes: BTreeMap::new(),
        }
    }

    /// When something is due by itself.
    pub(super) fn wakes_at(&self) -> Option<Instant> {
        let rolling = self.routes.values().filter_map(|r| r.rolling.as_ref());
        let looks = rolling.filter_map(Rolling::wakes_at);
        let adaptive = self.adaptive.as_ref().and_then(Gradient::wakes_at);
        looks.chain(adaptive).min()
    }
}

// === impl State ===

impl State {
    /// The parts whose policy changed begin anew.
    pub(super) fn set_gates(&mut self, old: &Cluster) {
        let (policy, now) = (self.policy.clone(), self.now);
        if old.adaptive != policy.adaptive {
            self.gates.adaptive = policy.adaptive.as_ref().map(|p| Gradient::new(p, now));
            self.gates.generation += 1;
        }
        if old.breaker != policy.breaker {
            for route in self.gates.routes.values_mut() {
                route.rolling = None;
            }
        }
    }

    pub(super) fn wake_gates(&mut self, due: Instant) {
        let policy = self.policy.clone();
        if let (Some(adaptive), Some(policy)) = (&mut self.gates.adaptive, &policy.adaptive)
            && adaptive.wakes_at().is_some_and(|at| at <= due)
        {
            adaptive.advance(policy, due);
        }
        let Some(Breaker::RollingWindow(policy)) = &policy.breaker else {
            return;
        };
        let mut changes = Vec::new();
        for (name, route) in &mut self.gates.routes {
            let change = route.rolling.as_mut().and_then(|r| r.advance(policy, due));
            changes.extend(change.map(|change| (name.clone(), change)));
        }
        for (name, change) in changes {
            self.route_changed(&name, change, due);
        }
    }

    fn guards(&mut self) -> Guards {
        let (now, in_use) = (self.now, self.in_use);
        let left = self.budgets.iter_mut().map(|b| b.left(in_use, now));
        let mut guards = Guards {
            retries_left: left.min(),
            concurrency_limit: self.gates.adaptive.as_ref().map(|a| a.limit().into()),
            ..Guards::default()
        };
        if let Some(Breaker::RollingWindow(policy)) = &self.policy.breaker {
            for (name, route) in &self.gates.routes {
                let state = route.rolling.as_ref().map(|r| state_of(r, policy));
                guards.breakers.extend(state.map(|s| (name.clone(), s)));
            }
        }
        guards
    }

    fn rolling_of(&self, route: &str) -> Option<(&RollingWindow, &Rolling)> {
        let Some(Breaker::RollingWindow(policy)) = &self.policy.breaker else {
            return None;
        };
        let rolling = self.gates.routes.get(route)?.rolling.as_ref()?;
        Some((policy, rolling))
    }

    fn enter(
        &mut self,
        route: Option<&Arc<str>>,
        admission: Option<&AdmissionControl>,
    ) -> Result<(Option<Probe>, Option<u64>), Turned> {
        if let (Some(route), Some(policy)) = (route, admission) {
            self.admit(route, policy)?;
        }
        let probe = match route {
            Some(route) => self.pass_breaker(route)?,
            None => None,
        };
        let Some(adaptive) = &mut self.gates.adaptive else {
            return Ok((probe, None));
        };
        if adaptive.admit() {
            return Ok((probe, Some(self.gates.generation)));
        }
        if let Some(route) = route {
            self.tell_rolling(route, Told::Rejected, probe);
        }
        Err(Turned::Full(self.overflow(Full::Concurrency)))
    }

    fn admit(&mut self, route: &Arc<str>, policy: &AdmissionControl) -> Result<(), Turned> {
        let (now, mut rng) = (self.now, self.rng.clone());
        let state = self.route(route);
        let fits = state.admission.as_ref().is_some_and(|a| a.fits(policy));
        if !fits {
            state.admission = Some(Admission::new(policy, now));
        }
        let Some(admission) = &mut state.admission else {
            return Ok(());
        };
        let admitted = admission.admit(policy, now, &mut rng);
        let percent = (admission.rejection(policy, now) * 100.0).round() as u32;
        self.rng = rng;
        if admitted {
            return Ok(());
        }
        self.counts.shed += 1;
        self.overflow(Full::Shed);
        Err(Turned::Shed { percent })
    }

    fn pass_breaker(&mut self, route: &Arc<str>) -> Result<Option<Probe>, Turned> {
        let policy = self.policy.clone();
        let Some(Breaker::RollingWindow(policy)) = &policy.breaker else {
            return Ok(None);
        };
        let now = self.now;
        let state = self.route(route);
        let rolling = state
            .rolling
            .get_or_insert_with(|| Rolling::new(policy, now));
        match rolling.enter(policy, now) {
            Verdict::Pass => Ok(None),
            Verdict::Probe(probe) => {
                let subject = self.route_subject(route);
                let why = "the first request after the sleep window is the probe";
                self.event(now, EventKind::BreakerHalfOpened, subject, why);
                Ok(Some(probe))
            }
            Verdict::ShortCircuit => {
                let until = match rolling.position(policy) {
                    Position::Open { until, .. } if until < Instant::FAR_FUTURE => Some(until),
                    _ => None,
                };
                let tripped = rolling.tripped(policy);
                self.counts.short_circuited += 1;
                Err(Turned::ShortCircuit { until, tripped })
            }
        }
    }

    fn leave(&mut self, entry: &Entry, how: How<'_>) {
        let now = self.now;
        let told = match how {
            How::Rejected => Told::Rejected,
            How::Ended(assessment) => told(assessment),
        };
        let policy = self.policy.clone();
        if let (Some(adaptive), Some(policy)) = (&mut self.gates.adaptive, &policy.adaptive)
            && entry.counted == Some(self.gates.generation)
        {
            match told {
                Told::Cancelled | Told::Rejected => adaptive.forget(),
                _ => adaptive.end(policy, entry.sent, now, &mut self.rng),
            }
        }
        if let Some(name) = &entry.route {
            let sample = entry.sampled && !matches!(told, Told::Cancelled | Told::Rejected);
            let route = self.gates.routes.get_mut(name);
            if let Some(admission) = route.and_then(|r| r.admission.as_mut())
                && sample
            {
                admission.record(told == Told::Success, now);
            }
            self.tell_rolling(name, told, entry.probe);
        }
        // The whole plan looks at every host; only the gates changed.
        if let Some(due) = self.gates.wakes_at() {
            self.next_due = self.next_due.min(due);
        }
    }

    fn tell_rolling(&mut self, name: &Arc<str>, told: Told, probe: Option<Probe>) {
        let (policy, now) = (self.policy.clone(), self.now);
        let Some(Breaker::RollingWindow(policy)) = &policy.breaker else {
            return;
        };
        let route = self.gates.routes.get_mut(name);
        let rolling = route.and_then(|route| route.rolling.as_mut());
        let change = rolling.and_then(|r| r.record(policy, told, probe, now));
        if let Some(change) = change {
            self.route_changed(name, change, now);
        }
    }

    fn route_changed(&mut self, name: &str, change: Change, at: Instant) {
        let (kind, why) = match change {
            Change::Opened { tripped, .. } => {
                self.counts.breaker_openings += 1;
                (EventKind::BreakerOpened, tripped.describe())
            }
            Change::Reopened { .. } => (EventKind::BreakerOpened, "the probe failed".to_owned()),
            Change::Closed => (EventKind::BreakerClosed, "the probe succeeded".to_owned()),
            // Those of endpoints only.
            Change::Capped(_) | Change::ProbeReturned => return,
        };
        let subject = self.route_subject(name);
        self.event(at, kind, subject, &why);
    }

    /// The backend as the route sees it.
    fn route_subject(&self, name: &str) -> String {
        format!("{} route:{name}", self.policy.key)
    }

    fn route(&mut self, name: &Arc<str>) -> &mut Route {
        let now = self.now;
        let routes = &mut self.gates.routes;
        if routes.len() >= ROUTES_KEPT && !routes.contains_key(name) {
            routes.retain(|_, route| !route.is_fresh(now));
        }
        routes.entry(name.clone()).or_default()
    }
}

// === impl Route ===

impl Route {
    fn is_fresh(&mut self, now: Instant) -> bool {
        self.rolling.as_mut().is_none_or(|r| r.is_fresh(now))
            && self.admission.as_mut().is_none_or(|a| a.is_fresh(now))
    }
}

fn told(assessment: &Assessment) -> Told {
    match (assessment.class.kind, assessment.outcome) {
        (Kind::Ignorable, _) => Told::Cancelled,
        (Kind::Success, _) => Told::Success,
        (_, Outcome::Broken(Broken::PerTryTimeout | Broken::Timeout | Broken::ConnectTimeout)) => {
            Told::Timeout
        }
        (Kind::Failure | Kind::LocalFailure, _) => Told::Failure,
    }
}
