//! Events: one action each, within the run, on things that exist.

use serde_json::{Map, Value};

use super::Check;
use crate::scenario::event::{Apply, Event, Shift};
use crate::scenario::{Action, PodChoice};

// === impl Check ===

impl Check<'_> {
    pub(super) fn events(&mut self) {
        for (i, event) in self.spec.events.iter().enumerate() {
            self.event(&format!("events[{i}]"), event);
        }
    }

    fn event(&mut self, at: &str, event: &Event) {
        let actions = event.actions();
        let [action] = actions[..] else {
            let fields: Vec<_> = actions.iter().map(Action::field).collect();
            let message = match fields.is_empty() {
                true => "nothing happens in this event".to_owned(),
                false => format!(
                    "one thing happens in an event, not {}",
                    fields.join(" and ")
                ),
            };
            let help = "for example crash, slow, error, partition, apply, scale, rollout or shift";
            return self.helped(at, message, help);
        };
        if event.at > self.spec.duration {
            let message = format!("the run ends at {}", self.spec.duration);
            self.problem(format!("{at}.at"), message);
        }
        if event.lasts.is_some() && !action.lasts() {
            let message = format!("`{}` happens once; it has no end", action.field());
            self.problem(format!("{at}.for"), message);
        }
        if event.lasts.is_some_and(|lasts| lasts.0.is_zero()) {
            self.problem(format!("{at}.for"), "a fault has to last");
        }
        let at = format!("{at}.{}", action.field());
        if let Some((target, pods)) = action.target() {
            self.workload(format!("{at}.target"), target);
            self.pods(&at, target, pods);
        }
        if let Some((from, to, _)) = action.between() {
            self.place(format!("{at}.from"), from);
            self.place(format!("{at}.to"), to);
        }
        self.payload(&at, action);
    }

    fn payload(&mut self, at: &str, action: Action<'_>) {
        match action {
            Action::Slow(slow) => {
                self.distribution(format!("{at}.add"), slow.add.as_ref());
                match (slow.factor, slow.add) {
                    (None, None) => self.problem(at, "how slow? set `factor` or `add`"),
                    (Some(factor), _) if !(0.0..=1e6).contains(&factor) => {
                        self.problem(format!("{at}.factor"), "a factor is between 0 and 1000000");
                    }
                    _ => {}
                }
            }
            Action::Error(error) => {
                self.distribution(format!("{at}.serviceTime"), error.service_time.as_ref());
                if !(400..=599).contains(&error.status) {
                    self.problem(
                        format!("{at}.status"),
                        "an error has a status from 400 to 599",
                    );
                }
            }
            Action::Loss(loss) if loss.rate.0 >= 1.0 => {
                let help = "use `partition`";
                self.helped(
                    format!("{at}.rate"),
                    "if everything is lost nothing arrives",
                    help,
                );
            }
            Action::Latency(latency) => {
                self.distribution(format!("{at}.add"), Some(&latency.add));
            }
            Action::Rollout(rollout) => {
                self.distribution(format!("{at}.serviceTime"), rollout.service_time.as_ref());
                if rollout.max_surge == Some(0) && rollout.max_unavailable == Some(0) {
                    self.problem(at, "with neither surge nor a pod missing nothing can move");
                }
            }
            Action::Skew(skew) if skew.ahead.is_some() == skew.behind.is_some() => {
                self.problem(at, "set either `ahead` or `behind`");
            }
            Action::Apply(apply) => self.apply(at, apply),
            Action::Shift(shift) => self.shift(at, shift),
            _ => {}
        }
    }

    fn apply(&mut self, at: &str, apply: &Apply) {
        if apply.manifests.is_empty() && apply.objects.is_empty() && apply.delete.is_empty() {
            self.problem(
                at,
                "nothing is applied: set `manifests`, `objects` or `delete`",
            );
        }
        self.objects(&format!("{at}.objects"), &apply.objects);
    }

    pub(super) fn objects(&mut self, at: &str, objects: &[Map<String, Value>]) {
        for (i, object) in objects.iter().enumerate() {
            for field in ["apiVersion", "kind", "metadata"] {
                if !object.contains_key(field) {
                    let message = format!("a Kubernetes object has the field `{field}`");
                    self.problem(format!("{at}[{i}]"), message);
                }
            }
        }
    }

    fn shift(&mut self, at: &str, shift: &Shift) {
        if shift.step.percent() == 0 {
            self.problem(format!("{at}.step"), "a step of 0 % never arrives");
        }
        if shift.every.0.is_zero() {
            self.problem(
                format!("{at}.every"),
                "a step that lasts no time shows nothing",
            );
        }
        if shift.min_samples == 0 {
            self.problem(
                format!("{at}.minSamples"),
                "guards over 0 requests judge nothing",
            );
        }
        if !["HTTPRoute", "GRPCRoute"].contains(&&*shift.route.kind) {
            let message = format!("a {} has no weights to shift", shift.route.kind);
            self.helped(
                format!("{at}.route"),
                message,
                "write HTTPRoute/NAMESPACE/NAME",
            );
        } else if self
            .known
            .is_some_and(|known| !known.has_object(&shift.route))
        {
            let message = format!("no {} in the manifests", shift.route);
            self.problem(format!("{at}.route"), message);
        }
    }

    fn pods(&mut self, at: &str, target: &crate::scenario::WorkloadRef, pods: Option<&PodChoice>) {
        let Some(Ok((_, workload))) = self.known.map(|known| known.workload(target)) else {
            return;
        };
        let Some(replicas) = workload.replicas else {
            return;
        };
        // A workload that is scaled during the run may have had other numbers of pods before.
        let scaled = self.spec.events.iter().any(|e| e.scale.is_some());
        let wrong = match pods {
            Some(PodChoice::Count(n)) => *n == 0 || *n > replicas,
            Some(PodChoice::Indexes(list)) => {
                list.is_empty() || list.iter().any(|i| *i >= replicas)
            }
            Some(PodChoice::Share(share)) => share.0 <= 0.0,
            None => false,
        };
        if wrong && !scaled {
            let message = format!("{target} has {replicas} pods, counted from 0");
            self.problem(format!("{at}.pods"), message);
        }
    }
}
