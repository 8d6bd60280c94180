//! Faults drawn by a seed, then none any more, then liveness: does everything come back?
//!
//! ```text
//!  load    ████████████████████████████████████████████████████▌
//!  faults       ▂▅▃▇▂▄ drawn                                    ▏        ▏
//!          0    warm-up      healed ── time to recover ── judged ▏ quiet  ▏ end
//! ```
//!
//! After FoundationDB's simulation (Zhou et al., SIGMOD 2021) and TigerBeetle's VOPR. Each run
//! leaves out about half of the kinds of faults, since faults that are always there hide each
//! other (Groce et al., "Swarm Testing", ISSTA 2012).
//!
//! What is demanded is written as expectations of the drawn scenario, so that it is an ordinary
//! one: `meshctl simulate` repeats it, and reductions know what has to go on failing. How well
//! things have to be is measured by a calm run, with the same load and no faults.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use engine::entropy::Entropy;
use model::resource::Resource;

use crate::bundle;
use crate::expect::rounded;
use crate::policy::Level;
use crate::record::{Observations, never_asked};
use crate::scenario::known::Known;
use crate::scenario::{Action, Event, Load, Scenario, Sender, Share, Span, Spec, WorkloadRef};

mod demand;
mod draw;

pub use draw::Kind;

use draw::Draw;

/// What faults are drawn for.
#[derive(Clone, Debug)]
pub struct Swarm {
    calm: Scenario,
    times: Times,
    /// What may break: workloads that get requests or send them, with their replicas.
    targets: Vec<Target>,
    policies: Vec<draw::Policy>,
    level: Level,
}

/// A workload that may break.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) workload: WorkloadRef,
    /// None of a DaemonSet, which is not scaled.
    pub(crate) replicas: Option<u32>,
}

/// When what begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// Faults begin after it.
    pub warmup: Duration,
    /// Every fault is over.
    pub healed: Duration,
    /// What is demanded of traffic is demanded from here on,
    pub judged: Duration,
    /// to here; then nothing is sent any more.
    pub quiet: Duration,
    pub end: Duration,
}

/// A scenario that a seed gave.
#[derive(Clone, Debug)]
pub struct Drawn {
    pub scenario: Scenario,
    /// What kinds of faults it has, each once.
    pub kinds: BTreeSet<Kind>,
}

/// Before the first fault everything has been up for so long.
const WARMUP: Duration = Duration::from_secs(5);

/// The longest time in which faults begin and end: more of it finds little more and costs time.
const FAULTS_MAX: Duration = Duration::from_secs(30);

/// The part of the run in which traffic is judged.
const JUDGED: Duration = Duration::from_secs(10);

/// After the last request: longer than the longest usual time of an idle connection (90 s), so
/// that a connection that is left then is one that leaked.
const QUIET: Duration = Duration::from_secs(100);

/// Traffic, breakers, ejections and pools have this long to recover unless the caller says else:
/// two of the usual ejection times.
pub const RECOVER: Duration = Duration::from_secs(60);

// === impl Times ===

impl Times {
    /// For a scenario that lasts `run`.
    pub fn new(run: Duration, recover: Duration) -> Self {
        let healed = WARMUP + run.min(FAULTS_MAX);
        let judged = healed + recover;
        let quiet = judged + JUDGED;
        Self {
            warmup: WARMUP,
            healed,
            judged,
            quiet,
            end: quiet + QUIET,
        }
    }
}

// === impl Swarm ===

/// The scenario on the time line of the swarm: its manifests, applications, network and load,
/// without its own events and expectations.
pub fn calm(base: &Scenario, times: Times) -> Scenario {
    let mut spec = base.spec.clone();
    spec.duration = Span(times.end);
    spec.warmup = Span(times.warmup);
    (spec.seeds, spec.pass) = (1, Share::ONE);
    spec.events = Vec::new();
    spec.expect = Vec::new();
    spec.counter_changes = Vec::new();
    spec.inputs = Vec::new();
    spec.load.retain(|load| load.start_time.0 < times.quiet);
    for load in &mut spec.load {
        let left = times.quiet.saturating_sub(load.start_time.0);
        load.duration = Some(Span(load.duration.map_or(left, |d| d.0.min(left))));
    }
    Scenario {
        spec,
        ..base.clone()
    }
}

impl Swarm {
    /// `calm` without faults gave `seen`.
    pub fn new(
        calm: Scenario,
        times: Times,
        resources: &[Resource],
        seen: &Observations,
        level: Level,
    ) -> Self {
        let known = Known::of(resources);
        let targets = targets(&calm.spec, &known, seen);
        let expect = demand::all(&calm.spec, times, seen, level);
        let calm = Scenario {
            spec: Spec {
                expect,
                ..calm.spec
            },
            ..calm
        };
        Self {
            calm,
            times,
            targets,
            policies: draw::policies(resources),
            level,
        }
    }

    /// What has to be true again, by name.
    pub fn demands(&self) -> impl Iterator<Item = &str> {
        self.calm.spec.expect.iter().map(|e| e.name.as_str())
    }

    /// The scenario of a seed.
    pub fn draw(&self, seed: u64) -> Drawn {
        let base = &self.calm.metadata.name;
        let mut draw = Draw {
            rng: Entropy::keyed(seed, "swarm", "faults"),
            times: self.times,
            targets: &self.targets,
            policies: &self.policies,
            zones: &self.calm.spec.network.zones,
        };
        let (mut events, kinds) = draw.events(self.level);
        events.sort_by_key(|event| event.at);
        let mut scenario = self.calm.clone();
        scenario.metadata.name = format!("{base}-swarm-{seed}");
        scenario.spec.description = Some(format!(
            "Faults drawn by seed {seed} for {base}. All are over at {}; from {} on traffic is \
             judged.",
            Span(self.times.healed),
            Span(self.times.judged),
        ));
        scenario.spec.events = events;
        Drawn { scenario, kinds }
    }

    /// When what begins.
    pub fn times(&self) -> Times {
        self.times
    }
}

/// Workloads that get requests or send them; all of them when nobody asked anybody.
fn targets(spec: &Spec, known: &Known, seen: &Observations) -> Vec<Target> {
    let idle = never_asked(&seen.workloads, &seen.frames);
    let sends = |id: &WorkloadRef| {
        let mut loads = spec.load.iter();
        loads.any(|load: &Load| matches!(&load.from, Sender::Workload(from) if from == id))
    };
    let all = known.workloads().filter(|(_, w)| w.replicas != Some(0));
    let all: Vec<Target> = all
        .map(|(id, workload)| Target {
            workload: id.reference(),
            replicas: workload.replicas,
        })
        .collect();
    let busy = |t: &&Target| !idle.contains(&*t.workload.to_string()) || sends(&t.workload);
    let some: Vec<Target> = all.iter().filter(busy).cloned().collect();
    match some.is_empty() {
        true => all,
        false => some,
    }
}

/// What `apply` events of a drawn scenario apply, by their indexes: all of it is written there.
pub fn applied(spec: &Spec) -> BTreeMap<usize, Vec<Resource>> {
    // They were read from manifests that had no errors, and read again they have none.
    bundle::unbundle(spec, &str::to_owned).map_or_else(|_| BTreeMap::new(), |b| b.applied)
}

/// A fault in a line: what it is, from when until when.
pub fn shown(event: &Event) -> String {
    let title = event.title();
    let degree = degree(event);
    match event.lasts {
        Some(lasts) => {
            let end = Span(event.at.0 + lasts.0);
            format!("{} to {end} {title}{degree}", event.at)
        }
        None => format!("{} {title}{degree}", event.at),
    }
}

/// How bad it is, for faults of which there are better and worse ones.
fn degree(event: &Event) -> String {
    let percent = |share: Share| rounded(share.0 * 100.0);
    match event.action() {
        Some(Action::Crash(crash)) if crash.silent => ", silently".into(),
        Some(Action::Slow(slow)) => match (slow.factor, slow.add) {
            (Some(factor), _) => format!(", {factor} times"),
            (None, Some(add)) => format!(", by {add}"),
            (None, None) => String::new(),
        },
        Some(Action::Error(error)) => format!(", {}% {}", percent(error.rate), error.status),
        Some(Action::Loss(loss)) => format!(", {}%", percent(loss.rate)),
        Some(Action::Latency(latency)) => format!(", {}", latency.add),
        Some(Action::Bandwidth(narrow)) => format!(", {}", narrow.limit),
        Some(Action::Scale(scale)) => format!(" to {}", scale.replicas),
        Some(Action::Skew(skew)) => match (skew.ahead, skew.behind) {
            (Some(by), _) => format!(", {by} ahead"),
            (None, Some(by)) => format!(", {by} behind"),
            (None, None) => String::new(),
        },
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests;
