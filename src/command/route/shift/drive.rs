//! A shift against a mesh that runs: observe, decide, apply, until it is over.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant as Clock};

use engine::rollout::{Decision, Metric, Observed, Rollout, Wait};
use serde_json::Value;

use super::metrics::{Metrics, Of};
use super::note::{Note, now};
use super::place::{Place, Refused, Trouble};
use super::target::{self, Target};
use super::told;
use crate::cluster::failure::Owner;
use crate::error::{Answer, Error};
use crate::interrupt::on_every_ctrl_c;
use crate::ui::Ui;

/// Observations per step: a bad version is seen long before the step ends.
const LOOKS_PER_STEP: u32 = 6;
/// Bounds of the time between two observations.
const LOOK_MIN: Duration = Duration::from_millis(100);
const LOOK_MAX: Duration = Duration::from_secs(10);
/// How long a change is tried again while the cluster cannot be reached, or the files not read.
const PERSISTENCE: Duration = Duration::from_secs(120);
/// After Ctrl-C on a terminal.
const QUESTION: &str = "return the traffic (r), keep it and resume later (k), or continue (c)? ";

/// A shift and everything it needs.
pub(super) struct Drive<'a> {
    ui: &'a mut Ui,
    place: &'a dyn Place,
    target: Target,
    note: Note,
    rollout: Rollout,
    metrics: Metrics<'a>,
    force: bool,
    /// The last trouble with the metrics, so that it is told once.
    trouble: Option<String>,
    /// Whether it waits for an answer to [`QUESTION`].
    asked: bool,
}

/// What the user does while a shift is under way.
enum Event {
    /// Ctrl-C.
    Interrupt,
    /// A line of the terminal; none at its end.
    Line(Option<String>),
}

/// How long it is from one observation to the next in steps of this length.
pub(super) fn look_of(every: Duration) -> Duration {
    (every / LOOKS_PER_STEP).clamp(LOOK_MIN, LOOK_MAX)
}

// === impl Drive ===

impl<'a> Drive<'a> {
    pub(super) fn new(
        ui: &'a mut Ui,
        place: &'a dyn Place,
        target: Target,
        note: Note,
        rollout: Rollout,
        metrics: Metrics<'a>,
        force: bool,
    ) -> Self {
        Self {
            ui,
            place,
            target,
            note,
            rollout,
            metrics,
            force,
            trouble: None,
            asked: false,
        }
    }

    /// Gives the first step its weights, and goes on from there.
    pub(super) fn begin(&mut self) -> Result<Answer, Error> {
        let events = events()?;
        let before = self.target.weights_before();
        let unchanged = |object: &Value| target::has_weights(object, &before);
        self.place(unchanged)?;
        self.watch(&events)
    }

    /// Goes on with the weights that are there.
    pub(super) fn resume(&mut self) -> Result<Answer, Error> {
        let events = events()?;
        if !self.note.is_in_place(&self.target.route.object) {
            return Err(self.somebody_else());
        }
        self.metrics.begin();
        if !self.metrics.know_the_past() {
            // The step is judged by what happens from here on, so its time begins here.
            self.rollout.applied(now());
        }
        self.ui.note(&format!(
            "resuming at {}% of the traffic to {}",
            self.rollout.weight(),
            self.target.to
        ))?;
        self.watch(&events)
    }

    fn watch(&mut self, events: &Events) -> Result<Answer, Error> {
        let look = look_of(self.rollout.plan().every);
        loop {
            let decision = match events.receive.recv_timeout(look) {
                Ok(event) => match self.answer(event, events)? {
                    Some(decision) => decision,
                    None => continue,
                },
                Err(_) => self.look()?,
            };
            match decision {
                Decision::Hold(_) => {}
                Decision::Set(_) => self.step()?,
                Decision::Return(reason) => {
                    self.end(true)?;
                    let text = format!(
                        "{} has {}% of the traffic again: {reason}\n",
                        self.target.to,
                        self.rollout.weight()
                    );
                    self.ui.out().write_all(text.as_bytes())?;
                    return Ok(Answer::No);
                }
                Decision::Done => {
                    self.end(false)?;
                    let (to, percent) = (&self.target.to, self.rollout.weight());
                    let text = format!("{to} has {percent}% of the traffic\n");
                    self.ui.out().write_all(text.as_bytes())?;
                    return Ok(Answer::Yes);
                }
            }
        }
    }

    /// Observes and decides. While a question stands open no step is taken, but a version that does
    /// badly is not left alone for it.
    fn look(&mut self) -> Result<Decision, Error> {
        let observed = self.observe()?;
        let wanted = self.rollout.weight();
        if self.asked {
            let mut ahead = self.rollout.clone();
            let decision = ahead.decide(now(), observed.as_ref());
            if let Decision::Return(_) = decision {
                self.rollout = ahead;
                self.ui.raw_news("\n")?;
                self.tell(wanted, observed.as_ref(), &decision)?;
                return Ok(decision);
            }
            return Ok(Decision::Hold(Wait::Time(Duration::ZERO)));
        }
        let decision = self.rollout.decide(now(), observed.as_ref());
        self.tell(wanted, observed.as_ref(), &decision)?;
        Ok(decision)
    }

    /// What the user wants: asked on a terminal after the first Ctrl-C; a return after the second,
    /// at the end of the input, and where there is no terminal.
    fn answer(&mut self, event: Event, events: &Events) -> Result<Option<Decision>, Error> {
        let line = match event {
            Event::Interrupt if !(io::stdin().is_terminal() && io::stderr().is_terminal()) => {
                self.ui.note("interrupted: the traffic returns")?;
                return Ok(Some(self.rollout.give_up()));
            }
            Event::Interrupt if self.asked => {
                self.ui.raw_news("\n")?;
                return Ok(Some(self.rollout.give_up()));
            }
            Event::Interrupt => {
                self.asked = true;
                self.ui.raw_news("\n")?;
                String::new()
            }
            Event::Line(None) => return Ok(Some(self.rollout.give_up())),
            Event::Line(Some(line)) => line,
        };
        match line.trim() {
            "r" | "return" => Ok(Some(self.rollout.give_up())),
            "k" | "keep" => Err(self.kept()),
            "c" | "continue" => {
                self.asked = false;
                Ok(None)
            }
            _ => {
                self.ui.raw_news(QUESTION)?;
                events.read_line();
                Ok(None)
            }
        }
    }

    /// The next step's weights.
    fn step(&mut self) -> Result<(), Error> {
        let before = self.note.clone();
        self.place(|object| before.is_in_place(object))
    }

    /// Applies the weights of the step, if the route has those that `expected` knows.
    fn place(&mut self, expected: impl Fn(&Value) -> bool) -> Result<(), Error> {
        self.rollout.applied(now());
        self.note.turn_to(&self.target, &self.rollout);
        let note = self.note.clone();
        self.change(|object| match expected(object) {
            true => Ok(Some(note.placed(object))),
            false => Err(Refused::Changed),
        })?;
        // The time of the step begins when its weights are there.
        self.rollout.applied(now());
        self.metrics.begin();
        self.ui.note(&format!(
            "{}: {}% of the traffic to {}",
            self.target.route.shown(),
            self.rollout.weight(),
            self.target.to
        ))?;
        Ok(())
    }

    /// Takes the note away; with `back`, the weights of before return.
    fn end(&mut self, back: bool) -> Result<(), Error> {
        let note = self.note.clone();
        self.change(|object| {
            if !note.is_in_place(object) {
                return Err(Refused::Changed);
            }
            let object = if back {
                note.restored(object)
            } else {
                object.clone()
            };
            Ok(Some(target::without_note(&object)))
        })
    }

    /// Changes the route, again and again while it cannot be reached.
    fn change(
        &mut self,
        decide: impl Fn(&Value) -> Result<Option<Value>, Refused>,
    ) -> Result<(), Error> {
        let since = Clock::now();
        let mut told = false;
        loop {
            let changed = self.place.change(&self.target.route, self.force, &decide);
            let Trouble {
                why,
                told: line,
                passing,
            } = match changed {
                Ok(taken) => return self.took(taken),
                Err(Refused::Changed) => return Err(self.somebody_else()),
                Err(Refused::Failed(trouble)) => trouble,
            };
            if !passing || since.elapsed() > PERSISTENCE {
                let stays = format!(
                    "the route keeps the weights that it has, and its note: go on with `{} \
                     --resume`, or give the traffic back with --return",
                    self.again()
                );
                return Err(why.hint(stays));
            }
            if !told {
                self.ui.warning(&format!("{line}; trying again"))?;
                told = true;
            }
            std::thread::sleep(LOOK_MIN * 10);
        }
    }

    /// Tells whose fields were taken over.
    fn took(&mut self, taken: Vec<Owner>) -> Result<(), Error> {
        for owner in taken {
            self.ui.note(&format!(
                "took {} over from `{}`; what it was applied from still has the old weights",
                owner.field, owner.manager
            ))?;
        }
        Ok(())
    }

    /// What the version did since the weights of the step are in place; trouble is told once.
    fn observe(&mut self) -> Result<Option<Observed>, Error> {
        let of = Of {
            namespace: &self.target.route.namespace,
            service: &self.target.to,
            window: now().since(self.rollout.since()),
        };
        match self.metrics.observe(of, &self.rollout.plan().guards) {
            Ok(observed) => {
                self.trouble = None;
                Ok(observed)
            }
            Err(trouble) => {
                if self.trouble.as_ref() != Some(&trouble) {
                    self.ui.warning(&trouble)?;
                    self.trouble = Some(trouble);
                }
                Ok(None)
            }
        }
    }

    /// One line: wanted and observed share, what the guards see, what is waited for.
    fn tell(
        &mut self,
        wanted: u32,
        observed: Option<&Observed>,
        decision: &Decision,
    ) -> io::Result<()> {
        let mut words = vec![format!("{wanted}% wanted")];
        if let Some(share) = self.share(observed) {
            words.push(format!("{share:.0}% seen"));
        }
        if let Some(observed) = observed {
            words.push(format!("{} requests", observed.samples));
            let shown =
                |(metric, value): (&Metric, &f64)| format!("{metric} {}", metric.shown(*value));
            words.extend(observed.values.iter().map(shown));
        }
        words.push(told(decision));
        let line = words.join(", ");
        match decision {
            Decision::Hold(_) if !self.ui.shows_progress() => Ok(()),
            Decision::Hold(_) => self.ui.passing(&line),
            _ => self.ui.note(&line),
        }
    }

    /// The target's share of what all backends of the route got, in percent.
    fn share(&self, observed: Option<&Observed>) -> Option<f64> {
        let mut sum = 0.0;
        let mut names = target::names(&self.target.route.object);
        names.sort();
        names.dedup();
        let namespace = &self.target.route.namespace;
        let window = now().since(self.rollout.since());
        for service in &names {
            let of = Of {
                namespace,
                service,
                window,
            };
            sum += self.metrics.requests(of).ok()?.unwrap_or(0.0);
        }
        let mine = observed?.samples as f64;
        (sum > 0.0).then(|| (mine / sum * 100.0).min(100.0))
    }

    fn kept(&self) -> Error {
        let (again, percent) = (self.again(), self.rollout.weight());
        Error::new(format!(
            "interrupted: {} keeps {percent}% of the traffic",
            self.target.to
        ))
        .hint(format!("go on: {again} --resume"))
        .hint(format!("or give it back: {again} --return"))
    }

    /// The command that comes back to this shift.
    fn again(&self) -> String {
        super::again(&self.target.service, self.place)
    }

    fn somebody_else(&self) -> Error {
        let shown = self.target.route.shown();
        Error::new(format!("somebody else changed the weights of {shown}"))
            .hint("the shift ends here; the route stays as it is")
            .hint(format!(
                "the annotation {} tells of the shift: remove it when it is over",
                super::note::ANNOTATION
            ))
    }
}

/// What the user does, as it happens.
struct Events {
    send: Sender<Event>,
    receive: Receiver<Event>,
}

fn events() -> Result<Events, Error> {
    let (send, receive) = mpsc::channel();
    let interrupts = send.clone();
    // The controller may be gone by the time of an interrupt.
    on_every_ctrl_c(move || {
        let _ = interrupts.send(Event::Interrupt);
    })
    .map_err(|e| Error::new("cannot catch Ctrl-C").caused_by(e))?;
    Ok(Events { send, receive })
}

// === impl Events ===

impl Events {
    /// Waits for a line beside everything else.
    fn read_line(&self) {
        let send = self.send.clone();
        std::thread::spawn(move || {
            let mut line = String::new();
            let read = io::stdin().read_line(&mut line);
            let line = read.is_ok_and(|bytes| bytes > 0).then_some(line);
            let _ = send.send(Event::Line(line));
        });
    }
}
