//! One seed's faults: which kinds, how many, whom they hit, how badly, from when until when.

use core::fmt;
use core::time::Duration;
use std::collections::BTreeSet;

use engine::entropy::Entropy;
use model::resource::Resource;
use serde_json::{Map, Value};

use super::{Target, Times};
use crate::bundle;
use crate::policy::Level;
use crate::scenario::event::{
    AddedLatency, Apply, Between, Crash, Errors, Loss, Narrow, Pods, Restart, Rollout, Scale, Skew,
    Slow,
};
use crate::scenario::{
    Bandwidth, Distribution, Event, ObjectRef, Place, PodChoice, Share, Span, WorkloadRef, Zone,
    event,
};

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Crash,
    Restart,
    Pause,
    Slow,
    Error,
    Refuse,
    Blackhole,
    Reset,
    Partition,
    Loss,
    Latency,
    Bandwidth,
    /// Replicas go, or more come; later they are as many as before.
    Scale,
    Rollout,
    /// A route or policy is deleted and applied again.
    Apply,
    ExpireCertificates,
    Skew,
    /// Proxies lose the control plane.
    Disconnect,
}

/// A route or policy that can be taken away for a while.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    name: ObjectRef,
    object: Map<String, Value>,
}

/// One seed at work.
pub(super) struct Draw<'a> {
    pub(super) rng: Entropy,
    pub(super) times: Times,
    pub(super) targets: &'a [Target],
    pub(super) policies: &'a [Policy],
    pub(super) zones: &'a [Zone],
}

/// Faults of one run: more of them explain less.
const FAULTS_MAX: u64 = 8;

/// Times are whole tenths of a second, which people can read and change.
const TICK: Duration = Duration::from_millis(100);

/// A fault lasts at least this long.
const SHORTEST: Duration = Duration::from_millis(500);

/// Workloads with more pods are not rolled out: a rollout replaces them one after the other, and
/// would not be over in time.
const ROLLED_OUT_MAX: u32 = 10;

/// Workloads with more pods are not scaled: each new pod is work for the simulator.
const SCALED_MAX: u32 = 20;

/// Kinds of objects whose absence changes where requests go or how they fare, and no more:
/// AuthorizationPolicies are left out, since a mesh without them is not one that anybody asked for.
const POLICIES: [&str; 5] = [
    "BackendPolicy",
    "TrafficPolicy",
    "RateLimitPolicy",
    "HTTPRoute",
    "GRPCRoute",
];

/// The objects of the manifests that can be taken away for a while.
pub(super) fn policies(resources: &[Resource]) -> Vec<Policy> {
    let some = resources
        .iter()
        .filter(|r| POLICIES.contains(&r.object.kind.as_str()));
    some.map(|resource| Policy {
        name: ObjectRef {
            kind: resource.object.kind.clone(),
            namespace: resource.object.namespace().to_owned(),
            name: resource.object.name().to_owned(),
        },
        object: bundle::object(resource),
    })
    .collect()
}

// === impl Draw ===

impl Draw<'_> {
    /// The faults of this seed, and their kinds.
    pub(super) fn events(&mut self, level: Level) -> (Vec<Event>, BTreeSet<Kind>) {
        let possible: Vec<Kind> = Kind::ALL
            .into_iter()
            .filter(|kind| self.can(*kind, level))
            .collect();
        let mut chosen: Vec<Kind> = possible
            .iter()
            .copied()
            .filter(|_| self.rng.chance(1, 2))
            .collect();
        if chosen.is_empty() {
            chosen.extend(self.pick(&possible));
        }
        let mut events = Vec::new();
        let mut kinds = BTreeSet::new();
        for _ in 0..=self.rng.below(FAULTS_MAX) {
            if let Some(kind) = self.pick(&chosen) {
                let drawn = self.fault(kind);
                if !drawn.is_empty() {
                    kinds.insert(kind);
                    events.extend(drawn);
                }
            }
        }
        (events, kinds)
    }

    /// Whether the scenario has what such a fault needs, and the level can show it.
    fn can(&self, kind: Kind, level: Level) -> bool {
        let there = match kind {
            Kind::Apply => !self.policies.is_empty(),
            Kind::Partition | Kind::Loss | Kind::Latency | Kind::Bandwidth => true,
            _ => !self.targets.is_empty(),
        };
        there && (level == Level::Wire || !kind.is_about_bytes())
    }

    /// The events of one fault; none when what was drawn cannot have it.
    fn fault(&mut self, kind: Kind) -> Vec<Event> {
        let (at, lasts) = self.span();
        let event = Event {
            at,
            lasts: Some(lasts),
            ..Event::default()
        };
        match kind {
            Kind::Partition | Kind::Loss | Kind::Latency | Kind::Bandwidth => {
                vec![self.between(kind, event)]
            }
            Kind::Apply => self.policy(event),
            Kind::Scale | Kind::Rollout => self.change(kind, event),
            _ => self.on_pods(kind, event).into_iter().collect(),
        }
    }

    /// From when, and for how long: within the time of faults.
    fn span(&mut self) -> (Span, Span) {
        let tick = TICK.as_millis() as u64;
        let shortest = SHORTEST.as_millis() as u64 / tick;
        let begin = self.times.warmup.as_millis() as u64 / tick;
        let end = (self.times.healed.as_millis() as u64 / tick).max(begin + shortest + 1);
        let at = begin + self.rng.below(end - begin - shortest);
        let lasts = shortest + self.rng.below(end - at - shortest + 1);
        (
            Span::from_millis(at * tick),
            Span::from_millis(lasts * tick),
        )
    }

    fn on_pods(&mut self, kind: Kind, mut event: Event) -> Option<Event> {
        let target = self.target()?.workload;
        let pods = self.pods();
        let some = Pods {
            target: target.clone(),
            pods: pods.clone(),
        };
        match kind {
            Kind::Crash => {
                event.crash = Some(Crash {
                    target,
                    pods,
                    silent: self.rng.chance(1, 2),
                });
            }
            Kind::Restart => {
                event.lasts = None;
                event.restart = Some(Restart {
                    target,
                    pods,
                    startup_time: event::STARTUP_TIME,
                });
            }
            Kind::Pause => event.pause = Some(some),
            Kind::Slow => event.slow = Some(self.slow(target, pods)),
            Kind::Error => event.error = Some(self.errors(target, pods)),
            Kind::Refuse => event.refuse = Some(some),
            Kind::Blackhole => event.blackhole = Some(some),
            Kind::Reset => {
                event.lasts = None;
                event.reset = Some(some);
            }
            Kind::ExpireCertificates => event.expire_certificates = Some(some),
            Kind::Disconnect => event.disconnect = Some(some),
            _ => {
                let far = self.one_of([60, 600, 48 * 3600]).map(Span::from_secs);
                let ahead = self.rng.chance(1, 2);
                event.skew = Some(Skew {
                    target,
                    pods,
                    ahead: far.filter(|_| ahead),
                    behind: far.filter(|_| !ahead),
                });
            }
        }
        Some(event)
    }

    fn slow(&mut self, target: WorkloadRef, pods: Option<PodChoice>) -> Slow {
        let factor = self.rng.chance(1, 2);
        let by = self.one_of([2.0, 10.0, 100.0]);
        let add = self.one_of([100, 1_000, 10_000]).map(Span::from_millis);
        Slow {
            target,
            pods,
            factor: by.filter(|_| factor),
            add: add.filter(|_| !factor).map(Distribution::Constant),
        }
    }

    fn errors(&mut self, target: WorkloadRef, pods: Option<PodChoice>) -> Errors {
        let fast = self.rng.chance(1, 2);
        Errors {
            target,
            pods,
            rate: Share(self.one_of([0.1, 0.5, 1.0]).unwrap_or(1.0)),
            status: self.one_of([429, 500, 502, 503, 504]).unwrap_or(503),
            service_time: fast.then_some(Distribution::Constant(Span::from_millis(1))),
        }
    }

    fn between(&mut self, kind: Kind, mut event: Event) -> Event {
        let (from, to) = self.places();
        let one_way = self.rng.chance(1, 4);
        match kind {
            Kind::Partition => event.partition = Some(Between { from, to, one_way }),
            Kind::Loss => {
                event.loss = Some(Loss {
                    from,
                    to,
                    one_way,
                    rate: Share(self.one_of([0.01, 0.1, 0.5]).unwrap_or(0.1)),
                });
            }
            Kind::Latency => {
                let add = self.one_of([10, 100, 1_000]).unwrap_or(100);
                event.latency = Some(AddedLatency {
                    from,
                    to,
                    one_way,
                    add: Distribution::Constant(Span::from_millis(add)),
                });
            }
            _ => {
                event.bandwidth = Some(Narrow {
                    from,
                    to,
                    one_way,
                    limit: Bandwidth(self.one_of([64_000, 1_000_000]).unwrap_or(64_000)),
                });
            }
        }
        event
    }

    /// Two zones, two workloads, or a workload and everything.
    fn places(&mut self) -> (Place, Place) {
        if self.zones.len() > 1 && self.rng.chance(1, 2) {
            let from = self.rng.index(self.zones.len());
            let to = (from + 1 + self.rng.index(self.zones.len() - 1)) % self.zones.len();
            let zone = |i: usize| Place::Zone(self.zones[i].name.clone());
            return (zone(from), zone(to));
        }
        let mut place = || match self.target() {
            Some(target) => Place::Workload(target.workload),
            None => Place::Anywhere,
        };
        let (from, to) = (place(), place());
        match self.rng.chance(1, 2) {
            true => (from, to),
            false => (from, Place::Anywhere),
        }
    }

    /// More or fewer pods for a while, or all of them replaced.
    fn change(&mut self, kind: Kind, mut event: Event) -> Vec<Event> {
        let Some(target) = self.target() else {
            return Vec::new();
        };
        let Some(replicas) = target.replicas else {
            return Vec::new();
        };
        let healed = Span(event.at.0 + event.lasts.take().unwrap_or_default().0);
        if kind == Kind::Rollout {
            if replicas > ROLLED_OUT_MAX {
                return Vec::new();
            }
            let drain = self.one_of([0, 1, 5]).map(Span::from_secs);
            event.rollout = Some(Rollout {
                target: target.workload,
                max_surge: None,
                max_unavailable: None,
                startup_time: event::STARTUP_TIME,
                drain: drain.filter(|_| self.rng.chance(1, 2)),
                error_rate: None,
                service_time: None,
            });
            return vec![event];
        }
        if replicas > SCALED_MAX {
            return Vec::new();
        }
        let scale = |replicas| {
            Some(Scale {
                target: target.workload.clone(),
                replicas,
                startup_time: event::STARTUP_TIME,
            })
        };
        // As many as before would be no change, so that number stands for one more than twice.
        let drawn = self.rng.below(u64::from(replicas) * 2 + 1) as u32;
        event.scale = scale(match drawn == replicas {
            true => replicas * 2 + 1,
            false => drawn,
        });
        let back = Event {
            at: healed,
            scale: scale(replicas),
            ..Event::default()
        };
        vec![event, back]
    }

    /// A route or policy is gone for a while.
    fn policy(&mut self, mut event: Event) -> Vec<Event> {
        let Some(policy) = self.pick_ref(self.policies) else {
            return Vec::new();
        };
        let healed = Span(event.at.0 + event.lasts.take().unwrap_or_default().0);
        event.apply = Some(Apply {
            delete: vec![policy.name.clone()],
            ..Apply::default()
        });
        let back = Event {
            at: healed,
            name: Some(format!("apply {} again", policy.name)),
            apply: Some(Apply {
                objects: vec![policy.object.clone()],
                ..Apply::default()
            }),
            ..Event::default()
        };
        vec![event, back]
    }

    fn target(&mut self) -> Option<Target> {
        self.pick_ref(self.targets).cloned()
    }

    /// All pods, one, or half of them.
    fn pods(&mut self) -> Option<PodChoice> {
        match self.rng.below(5) {
            0 | 1 => None,
            2 | 3 => Some(PodChoice::Count(1)),
            _ => Some(PodChoice::Share(Share(0.5))),
        }
    }

    fn one_of<T: Copy, const N: usize>(&mut self, all: [T; N]) -> Option<T> {
        self.pick(&all)
    }

    fn pick<T: Copy>(&mut self, all: &[T]) -> Option<T> {
        self.pick_ref(all).copied()
    }

    fn pick_ref<'t, T>(&mut self, all: &'t [T]) -> Option<&'t T> {
        all.get(self.rng.index(all.len()))
    }
}

// === impl Kind ===

impl Kind {
    pub const ALL: [Self; 18] = [
        Self::Crash,
        Self::Restart,
        Self::Pause,
        Self::Slow,
        Self::Error,
        Self::Refuse,
        Self::Blackhole,
        Self::Reset,
        Self::Partition,
        Self::Loss,
        Self::Latency,
        Self::Bandwidth,
        Self::Scale,
        Self::Rollout,
        Self::Apply,
        Self::ExpireCertificates,
        Self::Skew,
        Self::Disconnect,
    ];

    /// What [`crate::policy::cannot_show`] says of its events.
    const fn is_about_bytes(self) -> bool {
        matches!(
            self,
            Self::Partition
                | Self::Blackhole
                | Self::Loss
                | Self::Bandwidth
                | Self::Refuse
                | Self::Reset
                | Self::ExpireCertificates
                | Self::Skew
        )
    }

    /// As the field of an event.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::Restart => "restart",
            Self::Pause => "pause",
            Self::Slow => "slow",
            Self::Error => "error",
            Self::Refuse => "refuse",
            Self::Blackhole => "blackhole",
            Self::Reset => "reset",
            Self::Partition => "partition",
            Self::Loss => "loss",
            Self::Latency => "latency",
            Self::Bandwidth => "bandwidth",
            Self::Scale => "scale",
            Self::Rollout => "rollout",
            Self::Apply => "apply",
            Self::ExpireCertificates => "expireCertificates",
            Self::Skew => "skew",
            Self::Disconnect => "disconnect",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
