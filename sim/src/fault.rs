//! What goes wrong: events of the scenario applied to the world, and taken back.

use engine::snapshot::ObjectName;
use engine::time::nanos;
use http::StatusCode;

use crate::app::{Errors, Slowness};
use crate::cluster::Cluster;
use crate::net::link::{LinkPatch, LinkRule, Place};
use crate::scenario::event::Skew;
use crate::scenario::{self, Action, PodChoice, Span};
use crate::world::Crash;

mod links;

pub(crate) use links::rules;

/// What an event that goes on has changed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Active {
    pods: Vec<ObjectName>,
    /// Partitions of the world, to be healed.
    partitions: Vec<u64>,
    refusals: Vec<u64>,
    pub(crate) link: Option<LinkRule>,
}

/// Why an event cannot happen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} names a workload that the manifests do not have")]
pub struct NoTarget(pub String);

// === impl Cluster: events ===

impl Cluster {
    /// Begins a fault. What operators do ([`Cluster::change`]) is no fault.
    pub(crate) fn strike(&mut self, event: usize) -> Result<(), NoTarget> {
        let spec = std::sync::Arc::clone(&self.spec);
        let Some(action) = spec.events.get(event).and_then(scenario::Event::action) else {
            return Ok(());
        };
        self.active.insert(event, Active::default());
        if let Some((target, choice)) = action.target() {
            let id = self
                .find(target)
                .ok_or_else(|| NoTarget(target.to_string()))?;
            let pods = chosen(self.pods_of(&id), choice);
            for pod in pods {
                self.strike_pod(event, action, &pod);
            }
        } else if let Some((from, to, one_way)) = action.between() {
            let (from, to) = (self.place(from)?, self.place(to)?);
            self.strike_link(event, action, from, to, !one_way);
        }
        Ok(())
    }

    /// Ends a fault.
    pub(crate) fn relieve(&mut self, event: usize) {
        let spec = std::sync::Arc::clone(&self.spec);
        let Some(action) = spec.events.get(event).and_then(scenario::Event::action) else {
            return;
        };
        let Some(active) = self.active.remove(&event) else {
            return;
        };
        active.partitions.iter().for_each(|id| self.world.heal(*id));
        active
            .refusals
            .iter()
            .for_each(|id| self.world.unrefuse(*id));
        if active.link.is_some() {
            self.relink();
        }
        for pod in &active.pods {
            self.relieve_pod(event, action, pod);
        }
    }

    /// A new pod of a workload that an event is about as a whole suffers it as well.
    pub(crate) fn inherit_faults(&mut self, pod: &ObjectName) {
        let spec = std::sync::Arc::clone(&self.spec);
        let Some(workload) = self
            .pods
            .get(pod)
            .map(|p| std::sync::Arc::clone(&p.workload))
        else {
            return;
        };
        let active: Vec<usize> = self.active.keys().copied().collect();
        for event in active {
            let Some(action) = spec.events.get(event).and_then(scenario::Event::action) else {
                continue;
            };
            let whole = match action.target() {
                Some((target, None)) => self.find(target).is_some_and(|id| id == workload),
                _ => false,
            };
            let instant = matches!(action, Action::Crash(_) | Action::Pause(_));
            if whole && action.lasts() && !instant {
                self.strike_pod(event, action, pod);
            }
        }
    }

    fn strike_pod(&mut self, event: usize, action: Action<'_>, name: &ObjectName) {
        let Some(pod) = self.pods.get(name) else {
            return;
        };
        let node = pod.node;
        let mut active = self.active.remove(&event).unwrap_or_default();
        active.pods.push(name.clone());
        match action {
            Action::Crash(crash) => {
                let how = match crash.silent {
                    true => Crash::Silent,
                    false => Crash::Reset,
                };
                self.crash(name, how);
            }
            Action::Restart(restart) => {
                self.crash(name, Crash::Reset);
                self.revive(name, restart.startup_time.0);
            }
            Action::Pause(_) => self.world.pause(node),
            Action::Slow(slow) => {
                let slow = Slowness {
                    factor: slow.factor.unwrap_or(1.0),
                    add: slow.add.map(Into::into),
                };
                pod.behave(|b| b.slow.insert(event, slow));
            }
            Action::Error(error) => {
                let status = StatusCode::from_u16(error.status);
                let errors = Errors {
                    rate: error.rate.0,
                    status: status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
                    service_time: error.service_time.map(Into::into),
                };
                pod.behave(|b| b.errors.insert(event, errors));
            }
            Action::Refuse(_) => active.refusals.push(self.world.refuse(Place::Node(node))),
            Action::Blackhole(_) => {
                let cut = self.world.partition(Place::Node(node), Place::Any, true);
                active.partitions.push(cut);
            }
            Action::Reset(_) => self.world.reset_connections(&Place::Node(node)),
            Action::ExpireCertificates(_) => self.certify(name, true),
            Action::Skew(skew) => self.world.skew(node, offset(skew)),
            Action::Disconnect(_) => self.disconnect(name, true),
            // The others have no pods, or are no faults.
            Action::Partition(_)
            | Action::Loss(_)
            | Action::Latency(_)
            | Action::Bandwidth(_)
            | Action::Apply(_)
            | Action::Scale(_)
            | Action::Rollout(_)
            | Action::Shift(_) => {}
        }
        self.active.insert(event, active);
    }

    fn relieve_pod(&mut self, event: usize, action: Action<'_>, name: &ObjectName) {
        let Some(pod) = self.pods.get(name) else {
            return;
        };
        let node = pod.node;
        match action {
            Action::Crash(_) | Action::Pause(_) | Action::ExpireCertificates(_)
                if self.suffered(action.field(), name).is_some() => {}
            Action::Crash(_) => self.revive(name, core::time::Duration::ZERO),
            Action::Pause(_) => self.world.unpause(node),
            Action::Slow(_) => pod.behave(|b| b.slow.remove(&event)),
            Action::Error(_) => pod.behave(|b| b.errors.remove(&event)),
            Action::ExpireCertificates(_) => self.certify(name, false),
            Action::Skew(_) => {
                let other = self.suffered(action.field(), name);
                let other = other.and_then(|event| self.spec.events[event].skew.as_ref());
                self.world.skew(node, other.map_or(0, offset));
            }
            Action::Disconnect(_) => self.disconnect(name, false),
            _ => {}
        }
    }

    /// An event that goes on and does to the pod what the event that ended did.
    fn suffered(&self, field: &str, pod: &ObjectName) -> Option<usize> {
        let mut others = self.active.iter().filter(|(event, active)| {
            let action = self.spec.events[**event].action();
            action.is_some_and(|a| a.field() == field) && active.pods.contains(pod)
        });
        others.next().map(|(event, _)| *event)
    }

    fn strike_link(
        &mut self,
        event: usize,
        action: Action<'_>,
        from: Place,
        to: Place,
        both: bool,
    ) {
        let mut patch = LinkPatch::default();
        match action {
            Action::Partition(_) => {
                let cut = self.world.partition(from, to, both);
                if let Some(active) = self.active.get_mut(&event) {
                    active.partitions.push(cut);
                }
                return;
            }
            Action::Loss(loss) => patch.loss = Some(loss.rate.0),
            Action::Latency(latency) => patch.add = Some(latency.add.into()),
            Action::Bandwidth(narrow) => patch.bandwidth = Some(narrow.limit.0 / 8),
            _ => return,
        }
        if let Some(active) = self.active.get_mut(&event) {
            active.link = Some(LinkRule {
                from,
                to,
                both,
                patch,
            });
        }
        self.relink();
    }

    /// Makes the links those of the scenario with what goes on.
    pub(crate) fn relink(&self) {
        let mut all = self.base_links.clone();
        all.extend(self.active.values().filter_map(|a| a.link.clone()));
        self.world.set_links(all);
    }

    pub(crate) fn place(&self, place: &scenario::Place) -> Result<Place, NoTarget> {
        Ok(match place {
            scenario::Place::Anywhere => Place::Any,
            scenario::Place::Outside => Place::Group(crate::cluster::setup::OUTSIDE.into()),
            scenario::Place::Zone(zone) => Place::Zone(zone.as_str().into()),
            scenario::Place::Workload(w) => {
                Place::Group(self.find(w).ok_or_else(|| NoTarget(w.to_string()))?)
            }
        })
    }
}

/// The pods of a workload that an event is about.
fn chosen(pods: Vec<ObjectName>, choice: Option<&PodChoice>) -> Vec<ObjectName> {
    let Some(choice) = choice else {
        return pods;
    };
    let count = u32::try_from(pods.len()).unwrap_or(u32::MAX);
    let indexes = choice.indexes(count);
    indexes
        .iter()
        .filter_map(|i| pods.get(*i as usize).cloned())
        .collect()
}

/// How far a wall clock goes wrong, in nanoseconds.
fn offset(skew: &Skew) -> i64 {
    let signed = |span: Option<Span>| {
        let nanos = span.map_or(0, |s| nanos(s.0));
        i64::try_from(nanos).unwrap_or(i64::MAX)
    };
    signed(skew.ahead) - signed(skew.behind)
}
