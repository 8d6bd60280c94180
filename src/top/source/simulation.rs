//! A simulation that runs now: it hands over each slice as it is cut, and waits for the screen
//! where that asks it to.

use std::sync::Arc;

use engine::report::{Event, EventKind, Frame};
use engine::time::Instant;
use sim::record::{Happening, HappeningKind, Observations};
use sim::run::{Progress, Watch};
use tokio::sync::mpsc::Sender;

use crate::top::app::Update;
use crate::top::control::Conductor;
use crate::top::record::events::is_notable;
use crate::top::store::{Link, SourceId};

/// Who an event of the scenario is said to be seen by.
const SCENARIO: &str = "scenario";

/// The end of a run on the side of the simulation.
pub(crate) struct Watcher {
    source: SourceId,
    updates: Sender<Update>,
    conductor: Arc<Conductor>,
    /// The time of the slice before.
    told: Instant,
}

// === impl Watcher ===

impl Watcher {
    pub(in crate::top) fn new(
        source: SourceId,
        updates: Sender<Update>,
        conductor: Arc<Conductor>,
    ) -> Self {
        Self {
            source,
            updates,
            conductor,
            told: Instant::ZERO,
        }
    }

    /// The run is over.
    pub(crate) fn end(self, failed: Option<String>) {
        let link = failed.map_or(Link::Ended, Link::Lost);
        // When nobody looks any more, nobody needs to know.
        let _ = self.updates.blocking_send(Update::Link(self.source, link));
    }
}

impl Watch for Watcher {
    fn go_on(&mut self, progress: Progress) -> Result<(), String> {
        let on = self.conductor.reach(progress.at);
        on.map_err(|_| "nobody watches any more".to_owned())
    }

    fn sampled(&mut self, frame: &Frame, happenings: &[Happening]) {
        let mut frame = frame.clone();
        tell(&mut frame, happenings, self.told);
        self.told = frame.at;
        if frame.events.iter().any(|e| is_notable(e.kind)) {
            self.conductor.met();
        }
        let update = Update::Frame(self.source, Box::new(frame));
        // The next question whether to go on says no.
        let _ = self.updates.blocking_send(update);
    }
}

/// The frames of a run as a recording has them: with what the scenario made happen.
pub(crate) fn frames(run: &Observations) -> impl Iterator<Item = Frame> + '_ {
    let mut told = Instant::ZERO;
    run.frames.iter().map(move |frame| {
        let mut frame = frame.clone();
        tell(&mut frame, &run.happenings, told);
        told = frame.at;
        frame
    })
}

/// Adds what the scenario made happen since `told` to the events of a frame.
fn tell(frame: &mut Frame, happenings: &[Happening], told: Instant) {
    let first = told == Instant::ZERO;
    let within = |at: Instant| (at > told || (first && at == told)) && at <= frame.at;
    let mut events = Vec::new();
    for happening in happenings {
        let kind = match happening.kind {
            HappeningKind::Fault => EventKind::FaultBegan,
            HappeningKind::Change => EventKind::ChangeMade,
        };
        let begun = Instant::from_nanos(happening.at_ns);
        if within(begun) {
            events.push(Event::new(begun, SCENARIO, kind, &*happening.title));
        }
        if let Some(ended) = happening.until_ns.map(Instant::from_nanos)
            && within(ended)
        {
            let ends = Event::new(ended, SCENARIO, EventKind::FaultEnded, &*happening.title);
            events.push(ends);
        }
    }
    frame.events.extend(events);
    frame.events.sort();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_scenario_does_is_told_once_and_in_its_frame() {
        let happening = |at_ns, until_ns| Happening {
            at_ns,
            until_ns,
            kind: HappeningKind::Fault,
            title: "slow catalog".into(),
            event: 0,
        };
        let happenings = [happening(0, Some(25)), happening(10, None)];
        let run = Observations {
            frames: [10, 20, 30]
                .map(|at| Frame {
                    at: Instant::from_nanos(at),
                    ..Frame::empty("mesh")
                })
                .to_vec(),
            happenings: happenings.to_vec(),
            ..Observations::default()
        };
        let told = frames(&run).map(|frame| {
            let events = frame.events.iter();
            events
                .map(|e| (e.at.as_nanos(), e.kind))
                .collect::<Vec<_>>()
        });
        let expected = [
            vec![(0, EventKind::FaultBegan), (10, EventKind::FaultBegan)],
            vec![],
            vec![(25, EventKind::FaultEnded)],
        ];
        assert_eq!(told.collect::<Vec<_>>(), expected);
    }
}
