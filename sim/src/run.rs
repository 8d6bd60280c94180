//! One run: the scenario's events and samples in the order of their times, and what was seen.
//!
//! ```text
//!   agenda ──next──▶ world runs up to it ──▶ the action ──▶ …  end ──▶ drain ──▶ Observations
//! ```

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

use engine::report::Frame;
use engine::time::Instant;
use model::resource::Resource;

use crate::cluster::Cluster;
use crate::cluster::agenda::Action;
use crate::cluster::pod::State;
use crate::cluster::setup::Plan;
use crate::crypto::Crypto;
use crate::exec::Livelock;
use crate::fault::NoTarget;
use crate::net::NetStats;
use crate::net::trace::TraceEvent;
use crate::oracle::Fact;
use crate::policy::{self, Level};
use crate::record::{Happening, HappeningKind, LoadSeries, Observations, WorkloadSeen};
use crate::scenario::{self, Spec};
use crate::story::Tell;

pub use crate::cluster::check::check;
pub use crate::cluster::setup::SetupError;

mod inputs;

/// What a run is made from.
#[derive(Clone, Debug)]
pub struct Inputs<'a> {
    pub spec: &'a Spec,
    /// The manifests, read and in their order.
    pub resources: &'a [Resource],
    /// What `apply` events apply, by the index of the event.
    pub applied: BTreeMap<usize, Vec<Resource>>,
    pub seed: u64,
    pub options: Options,
}

/// How it is run.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub level: Level,
    pub crypto: Crypto,
    /// Which requests' stories are kept.
    pub tell: Tell,
    /// Draw among what could happen next at one instant, instead of oldest first.
    pub shuffle: bool,
    /// Keep the trace's events, to find where two runs part.
    pub keep_trace: bool,
}

/// How far a run is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    pub at: Duration,
    pub of: Duration,
    /// Requests sent so far.
    pub requests: u64,
}

/// Who looks on while a run goes.
pub trait Watch {
    /// Asked every tenth of a virtual second, and before each event. Virtual time stands still
    /// meanwhile.
    ///
    /// # Errors
    /// A reason to stop: it makes the observations partial.
    fn go_on(&mut self, progress: Progress) -> Result<(), String>;

    /// A slice of the observations was cut: what all proxies together did in it, and what the
    /// scenario has made happen so far.
    fn sampled(&mut self, frame: &Frame, happenings: &[Happening]);
}

/// What only tests and benchmarks ask.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    pub trace: Vec<TraceEvent>,
    pub net: NetStats,
    pub polls: u64,
    pub live_tasks: usize,
}

#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Setup(#[from] SetupError),
    #[error(transparent)]
    NoTarget(#[from] NoTarget),
    #[error(transparent)]
    Livelock(#[from] Livelock),
    /// Things that `Level::Policy` does not have, each in a sentence.
    #[error("the policy level cannot show this; leave `--level policy` out: {}", .0.join("; "))]
    Beyond(Vec<String>),
}

/// How long after the end requests under way may take to end: the longest timeout of a load, and
/// this much for what is behind it.
const AFTERMATH: Duration = Duration::from_secs(5);

/// How often in virtual time the caller is asked whether to go on.
const ASK_EVERY: Duration = Duration::from_millis(100);

/// Runs a scenario with one seed. `go_on` is asked every tenth of a virtual second; its reason to
/// stop makes the observations partial.
///
/// # Errors
/// When the inputs make no cluster, or time stops advancing.
pub fn run(
    inputs: &Inputs<'_>,
    go_on: &mut dyn FnMut(Progress) -> Result<(), String>,
) -> Result<Observations, RunError> {
    run_with_evidence(inputs, go_on).map(|(seen, _)| seen)
}

/// The same, for somebody who looks on.
///
/// # Errors
/// As [`run`].
pub fn watched(inputs: &Inputs<'_>, watch: &mut dyn Watch) -> Result<Observations, RunError> {
    run_all(inputs, watch).map(|(seen, _)| seen)
}

/// The same, with what only tests and benchmarks ask.
///
/// # Errors
/// As [`run`].
pub fn run_with_evidence(
    inputs: &Inputs<'_>,
    go_on: &mut dyn FnMut(Progress) -> Result<(), String>,
) -> Result<(Observations, Evidence), RunError> {
    run_all(inputs, &mut Asked(go_on))
}

fn run_all(
    inputs: &Inputs<'_>,
    watch: &mut dyn Watch,
) -> Result<(Observations, Evidence), RunError> {
    let mut run = Run::new(inputs)?;
    let end = Instant::ZERO + inputs.spec.duration.0;
    run.advance(end, watch)?;
    if run.seen.partial.is_none() {
        run.drain(end)?;
    }
    if let Some(sites) = &run.cluster.common.sites {
        beyond(sites.met_beyond())?;
    }
    Ok(run.finish())
}

fn beyond(what: Vec<String>) -> Result<(), RunError> {
    match what.is_empty() {
        true => Ok(()),
        false => Err(RunError::Beyond(what)),
    }
}

struct Run<'a> {
    inputs: &'a Inputs<'a>,
    cluster: Cluster,
    seen: Observations,
    requests: u64,
    /// Frames that `sampled` was told of.
    told: usize,
}

/// One who only says when to stop.
struct Asked<'a>(&'a mut dyn FnMut(Progress) -> Result<(), String>);

// === impl Asked ===

impl Watch for Asked<'_> {
    fn go_on(&mut self, progress: Progress) -> Result<(), String> {
        (self.0)(progress)
    }

    fn sampled(&mut self, _: &Frame, _: &[Happening]) {}
}

// === impl Run ===

impl<'a> Run<'a> {
    fn new(inputs: &'a Inputs<'a>) -> Result<Self, RunError> {
        let options = &inputs.options;
        if options.level == Level::Policy {
            beyond(policy::cannot_show(inputs.spec))?;
        }
        let mut cluster = Cluster::new(&Plan {
            spec: inputs.spec,
            resources: inputs.resources,
            seed: inputs.seed,
            crypto: options.crypto,
            tell: options.tell,
            shuffle: options.shuffle,
            keep_trace: options.keep_trace,
            level: options.level,
        })?;
        let instants = inputs.spec.instants();
        for (i, at) in instants.iter().enumerate().skip(1) {
            cluster.agenda.add(Instant::ZERO + *at, Action::Sample(i));
        }
        for (i, event) in inputs.spec.events.iter().enumerate() {
            let at = Instant::ZERO + event.at.0;
            cluster.agenda.add(at, Action::Begin(i));
            if let (Some(lasts), Some(action)) = (event.lasts, event.action())
                && action.lasts()
            {
                cluster.agenda.add(at + lasts.0, Action::End(i));
            }
        }
        let series = |(_, s): &(_, crate::load::Sender)| LoadSeries {
            name: s.name().to_owned(),
            slices: Vec::new(),
        };
        let seen = Observations {
            seed: inputs.seed,
            instants: instants.first().copied().into_iter().collect(),
            loads: cluster.senders.iter().map(series).collect(),
            inputs: inputs::inputs(inputs.spec, &cluster),
            not_modelled: inputs::not_modelled(options.level),
            ..Observations::default()
        };
        Ok(Self {
            inputs,
            cluster,
            seen,
            requests: 0,
            told: 0,
        })
    }

    /// Runs to `end`, or until the caller does not go on.
    fn advance(&mut self, end: Instant, watch: &mut dyn Watch) -> Result<(), RunError> {
        loop {
            let now = self.cluster.world.now();
            let ask = now + ASK_EVERY;
            let next = self
                .cluster
                .agenda
                .next_at()
                .unwrap_or(end)
                .min(end)
                .min(ask);
            self.step(next)?;
            for frame in &self.seen.frames[self.told..] {
                watch.sampled(frame, &self.seen.happenings);
            }
            self.told = self.seen.frames.len();
            if next == end && self.cluster.agenda.next_at().is_none_or(|at| at > end) {
                return Ok(());
            }
            let progress = Progress {
                at: next.since(Instant::ZERO),
                of: self.inputs.spec.duration.0,
                requests: self.requests,
            };
            if let Err(reason) = watch.go_on(progress) {
                self.seen.partial = Some(reason);
                return Ok(());
            }
        }
    }

    /// Nothing is sent any more; what is under way gets its time to end.
    fn drain(&mut self, end: Instant) -> Result<(), RunError> {
        let longest = self.inputs.spec.load.iter().map(|l| l.timeout().0).max();
        let last = end + longest.unwrap_or_default() + AFTERMATH;
        while self.in_flight() > 0 && self.cluster.world.now() < last {
            let soon = self.cluster.world.now() + ASK_EVERY;
            let next = self
                .cluster
                .agenda
                .next_at()
                .unwrap_or(last)
                .min(last)
                .min(soon);
            self.step(next)?;
        }
        Ok(())
    }

    fn step(&mut self, to: Instant) -> Result<(), RunError> {
        self.cluster.world.run_until(to)?;
        while let Some(action) = self.cluster.agenda.pop_due(to) {
            self.act(action)?;
        }
        Ok(())
    }

    fn act(&mut self, action: Action) -> Result<(), RunError> {
        let cluster = &mut self.cluster;
        match action {
            Action::Begin(event) => self.begin(event)?,
            Action::End(event) => {
                cluster.world.mark("event ends", event as u64);
                cluster.relieve(event);
            }
            Action::Deliver { pod, snapshot } => cluster.deliver(&pod, snapshot),
            Action::PublishServices => cluster.publish_services(),
            Action::Start { pod, life } => {
                cluster.start(&pod, life);
                cluster.place_senders();
            }
            Action::Ready { pod, life } => cluster.ready(&pod, life),
            Action::Notice { pod, life } => cluster.notice(&pod, life),
            Action::Drain { pod, until } => cluster.drain(&pod, until),
            Action::Kill { pod } => cluster.remove(&pod),
            Action::Sample(i) => self.sample(i),
        }
        Ok(())
    }

    fn begin(&mut self, index: usize) -> Result<(), RunError> {
        let Some(event) = self.inputs.spec.events.get(index) else {
            return Ok(());
        };
        let lasts = event.action().is_some_and(|a| a.lasts());
        let until = event.lasts.filter(|_| lasts).map(|d| event.at.0 + d.0);
        let kind = match event.action() {
            Some(
                scenario::Action::Apply(_)
                | scenario::Action::Scale(_)
                | scenario::Action::Rollout(_)
                | scenario::Action::Shift(_),
            ) => HappeningKind::Change,
            _ => HappeningKind::Fault,
        };
        let happening = Happening {
            at_ns: self.cluster.world.now().as_nanos(),
            until_ns: until.map(engine::time::nanos),
            kind,
            title: event.title(),
            event: index,
        };
        let cluster = &mut self.cluster;
        cluster.world.mark("event begins", index as u64);
        cluster.tell(&Fact::Happened(&happening));
        self.seen.happenings.push(happening);
        let applied = self
            .inputs
            .applied
            .get(&index)
            .map_or(&[][..], Vec::as_slice);
        if !cluster.change(index, applied)? {
            cluster.strike(index)?;
        }
        Ok(())
    }

    /// Cuts a slice of the observations.
    fn sample(&mut self, index: usize) {
        let instants = self.inputs.spec.instants();
        let Some(at) = instants.get(index) else {
            return;
        };
        self.seen.instants.push(*at);
        let before = index.checked_sub(1).and_then(|i| instants.get(i));
        let window = at.saturating_sub(before.copied().unwrap_or_default());
        let mut frame = self.cluster.sample();
        frame.at = Instant::ZERO + *at;
        frame.window = Some(window);
        for moved in self.cluster.watch_shifts(&frame) {
            self.seen.happenings.push(Happening {
                at_ns: self.cluster.world.now().as_nanos(),
                until_ns: None,
                kind: HappeningKind::Change,
                title: moved.title,
                event: moved.event,
            });
        }
        self.seen.frames.push(frame);
        for (series, (_, sender)) in self.seen.loads.iter_mut().zip(&self.cluster.senders) {
            let slice = sender.cut();
            self.requests += slice.requests;
            series.slices.push(slice);
        }
        self.seen.ended_at = *at;
    }

    fn in_flight(&self) -> u64 {
        self.cluster
            .senders
            .iter()
            .map(|(_, s)| s.in_flight())
            .sum()
    }

    fn finish(mut self) -> (Observations, Evidence) {
        let drained = self.seen.partial.is_none() && self.in_flight() == 0;
        let complete = self.seen.partial.is_none();
        if complete {
            self.cluster.tell_what_is_known();
        }
        let world = &self.cluster.world;
        self.seen.breaches = self.cluster.verdict(complete || drained);
        self.seen.stories = self.cluster.stories();
        self.seen.workloads = self.cluster.workloads_seen();
        self.seen.trace_hash = world.trace_hash();
        let evidence = Evidence {
            trace: world.trace_events(),
            net: world.stats(),
            polls: world.polls(),
            live_tasks: world.live_tasks(),
        };
        (self.seen, evidence)
    }
}

// === impl Cluster: observations ===

impl Cluster {
    fn tell(&self, fact: &Fact<'_>) {
        self.common.witness.tell(self.world.now(), fact);
    }

    /// What all sidecars together did since the last sample.
    fn sample(&mut self) -> Frame {
        let mut all = core::mem::replace(&mut self.obituary, Frame::empty("mesh"));
        let now = self.world.now();
        for pod in self.pods.values_mut() {
            let up = matches!(
                pod.state,
                State::Ready | State::Starting | State::Terminating
            );
            let Some(sidecar) = pod.sidecar.as_mut().filter(|_| up) else {
                continue;
            };
            let Some(frame) = sidecar.sample() else {
                continue;
            };
            let snapshot = Arc::clone(&sidecar.snapshots.borrow());
            let fact = Fact::Sampled {
                frame: &frame,
                snapshot: &snapshot,
            };
            self.common.witness.tell(now, &fact);
            all.merge(&frame);
        }
        all
    }

    fn verdict(&self, drained: bool) -> Vec<crate::record::Breach> {
        self.common.witness.finish(self.world.now(), drained)
    }

    fn stories(&self) -> Vec<crate::record::Story> {
        self.common.stories.finish()
    }

    fn workloads_seen(&self) -> Vec<WorkloadSeen> {
        let seen = self.seen.iter().map(|(id, pods)| WorkloadSeen {
            workload: id.to_string(),
            pods: pods.iter().map(|(name, _)| name.to_string()).collect(),
            meshed: pods.iter().filter(|(_, meshed)| *meshed).count() as u32,
        });
        seen.collect()
    }
}

#[cfg(test)]
mod tests;
