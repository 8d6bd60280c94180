//! A progressive shift in the simulator: the controller of `meshctl route shift` itself
//! ([`engine::rollout`]), in virtual time. Here it sees what the proxies did since its last step,
//! and its weights reach them as any other change does.

use std::sync::Arc;

use engine::report::{Counters, Frame};
use engine::rollout::share::{percent_of, with_percent};
use engine::rollout::{Decision, Observed, Plan, Reason, Rollout};
use engine::snapshot::ObjectName;
use model::gateway::Weight;
use model::index::{Fact, Route, RouteSpec};

use crate::cluster::Cluster;
use crate::scenario::event::Shift;

/// A shift that goes on.
#[derive(Debug)]
pub(crate) struct Shifting {
    /// Index of the event.
    event: usize,
    /// The route as it was before.
    before: Box<Route>,
    target: ObjectName,
    rollout: Rollout,
    /// What the target did since the weights of the step were in place.
    seen: Counters,
}

/// Why a shift cannot begin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoShift {
    #[error("a shift names {0}, which is not there or is no HTTPRoute or GRPCRoute")]
    Route(String),
    #[error("{route} has no rule in which {to} stands beside another backend that gets traffic")]
    Target { route: String, to: String },
    #[error("a shift to {to} leads nowhere: {why}")]
    Plan { to: String, why: String },
}

/// What a shift did, for the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Moved {
    pub(crate) event: usize,
    pub(crate) title: String,
}

// === impl Cluster: shifts ===

impl Cluster {
    /// Begins a shift: the first step's weights are on their way.
    pub(crate) fn begin_shift(&mut self, event: usize, shift: &Shift) -> Result<(), NoShift> {
        let route = self
            .route(shift)
            .ok_or_else(|| NoShift::Route(shift.route.to_string()))?;
        let target = ObjectName::new(Arc::clone(&route.name.namespace), shift.to.as_str());
        let no_target = || NoShift::Target {
            route: shift.route.to_string(),
            to: shift.to.clone(),
        };
        let from = percent(&route.spec, &shift.to).ok_or_else(no_target)?;
        let plan = shift.plan(from).map_err(|e| NoShift::Plan {
            to: shift.to.clone(),
            why: e.to_string(),
        })?;
        let shifting = Shifting {
            event,
            before: Box::new(route),
            target,
            rollout: Rollout::begin(plan, self.world.now()),
            seen: Counters::default(),
        };
        self.reweigh(&shifting);
        self.shifts.push(shifting);
        Ok(())
    }

    /// Shows the shifts what the proxies did since the last time, and does what they decide.
    pub(crate) fn watch_shifts(&mut self, frame: &Frame) -> Vec<Moved> {
        let now = self.world.now();
        let mut moved = Vec::new();
        let mut shifts = core::mem::take(&mut self.shifts);
        for shift in &mut shifts {
            let mine = |key: &engine::report::BackendKey| key.backend.service == shift.target;
            shift.seen.merge(&frame.backends.total_of(mine).counters);
            let observed = Observed::of(&shift.seen, &shift.rollout.plan().guards);
            let observed = (observed.samples > 0).then_some(&observed);
            let decision = shift.rollout.decide(now, observed);
            let Some(what) = told(&decision) else {
                continue;
            };
            if !matches!(decision, Decision::Done) {
                self.reweigh(shift);
                shift.rollout.applied(now);
                shift.seen = Counters::default();
            }
            moved.push(Moved {
                event: shift.event,
                title: format!("{} {what}", shift.target.name),
            });
        }
        shifts.retain(|shift| !shift.rollout.is_over());
        self.shifts = shifts;
        moved
    }

    fn route(&self, shift: &Shift) -> Option<Route> {
        let named = |route: &&Route| {
            *route.name.namespace == *shift.route.namespace && *route.name.name == *shift.route.name
        };
        let kind = |route: &&Route| match route.spec {
            RouteSpec::Http(_) => shift.route.kind == "HTTPRoute",
            RouteSpec::Grpc(_) => shift.route.kind == "GRPCRoute",
            RouteSpec::Tls(_) | RouteSpec::Tcp(_) => false,
        };
        self.index().routes().filter(named).find(kind).cloned()
    }

    /// Gives the target of a shift the weight that it should have.
    fn reweigh(&mut self, shift: &Shifting) {
        let mut route = (*shift.before).clone();
        if shift.rollout.weight() != shift.rollout.plan().from() {
            let to = &shift.target.name;
            for_each_rule(&mut route.spec, to, |weights, target| {
                with_percent(weights, target, shift.rollout.weight())
            });
        }
        self.apply_fact(Fact::Route(Box::new(route)));
        self.publish();
    }
}

/// What happened, if something did.
fn told(decision: &Decision) -> Option<String> {
    Some(match decision {
        Decision::Hold(_) => return None,
        Decision::Set(weight) => format!("gets {weight}% of the traffic"),
        Decision::Return(Reason::Asked) => "gives its traffic back".into(),
        Decision::Return(reason) => format!("gives its traffic back: {reason}"),
        Decision::Done => "was shifted to, the last step is passed".into(),
    })
}

/// The share of `to` where it stands beside others, in percent; none when it does so nowhere.
fn percent(spec: &RouteSpec, to: &str) -> Option<u32> {
    let mut found = None;
    for_each_rule(&mut spec.clone(), to, |weights, target| {
        found = found.or(percent_of(weights, target));
        None
    });
    found
}

/// Shows `decide` the weights of each rule in which `to` stands beside another backend that gets
/// traffic, and the place of `to` among them; gives the rule the weights that it answers.
fn for_each_rule(
    spec: &mut RouteSpec,
    to: &str,
    mut decide: impl FnMut(&[u32], usize) -> Option<Vec<u32>>,
) {
    let mut rule = |backends: Vec<(&str, &mut Option<Weight>)>| {
        let weight = |w: &Option<Weight>| w.map_or(1, Weight::u32);
        let weights: Vec<u32> = backends.iter().map(|(_, w)| weight(w)).collect();
        let Some(target) = backends.iter().position(|(name, _)| *name == to) else {
            return;
        };
        // A rule that has the target alone sends those there who asked for it.
        if with_percent(&weights, target, 0).is_none() {
            return;
        }
        if let Some(new) = decide(&weights, target) {
            for ((_, slot), weight) in backends.into_iter().zip(new) {
                *slot = Weight::new(i64::from(weight));
            }
        }
    };
    match spec {
        RouteSpec::Http(spec) => {
            for r in spec.rules.iter_mut().flatten() {
                rule(
                    r.backend_refs
                        .iter_mut()
                        .map(|b| (&*b.name, &mut b.weight))
                        .collect(),
                );
            }
        }
        RouteSpec::Grpc(spec) => {
            for r in &mut spec.rules {
                rule(
                    r.backend_refs
                        .iter_mut()
                        .map(|b| (&*b.name, &mut b.weight))
                        .collect(),
                );
            }
        }
        RouteSpec::Tls(_) | RouteSpec::Tcp(_) => {}
    }
}

// === impl Shift ===

impl Shift {
    /// The controller's plan, for a target that has `from` percent.
    fn plan(&self, from: u32) -> Result<Plan, engine::rollout::PlanError> {
        let steps = Plan::steps_of(from, self.step.percent(), self.until.percent())?;
        let count = u32::try_from(steps.len()).unwrap_or(u32::MAX);
        let longest = (self.every.0 + self.patience().0).saturating_mul(count);
        Plan::new(
            (from, steps),
            self.every.0,
            self.abort_on.iter().map(|guard| guard.0).collect(),
            self.min_samples,
            self.patience().0,
            self.deadline.map_or(longest, |d| d.0),
        )
    }
}
