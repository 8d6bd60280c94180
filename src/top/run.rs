//! The loop of the screen: keys, frames and time in, pictures out; at most ten a second, and only
//! when something changed.

use core::time::Duration;
use std::sync::Arc;

use crossterm::event::{Event, EventStream};
use engine::time::Instant;
use futures_util::StreamExt as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::{self, Instant as Moment};

use super::app::{App, Effect, Update};
use super::control::Conductor;
use super::faults::Faults;
use super::record::Selection;
use super::source::{UPDATES_MAX, proxies};
use super::store::{Clock, Link, SourceId, Store};
use super::terminal::Screen;
use super::theme::Theme;
use super::{draw, source};
use crate::error::Error;

/// Pictures are at least this far apart.
const FRAME_MIN: Duration = Duration::from_millis(100);

/// And this many times as far apart as one takes to make: then pictures need less than a thirtieth
/// of a core, however large the mesh is.
const COST_FACTOR: u32 = 30;

/// How often ages are looked at.
const TICK: Duration = Duration::from_secs(1);

/// A screen that is being set up: sources are added, then it is shown.
pub(crate) struct Session {
    store: Store,
    theme: Theme,
    began: Moment,
    updates: Sender<Update>,
    inbox: Receiver<Update>,
    conductor: Option<Arc<Conductor>>,
    proxies: Vec<(String, SourceId)>,
    speed: f64,
    selection: Selection,
}

// === impl Session ===

impl Session {
    pub(crate) fn new(window: Duration, theme: Theme) -> Self {
        let (updates, inbox) = mpsc::channel(UPDATES_MAX);
        Self {
            store: Store::new(window),
            theme,
            began: Moment::now(),
            updates,
            inbox,
            conductor: None,
            proxies: Vec::new(),
            speed: 1.0,
            selection: Selection::default(),
        }
    }

    /// What is shown first.
    ///
    /// # Errors
    /// When there is no such column.
    pub(crate) fn choose(&mut self, choice: &super::print::Choice) -> Result<(), Error> {
        self.selection = choice.of_services()?;
        Ok(())
    }

    /// Adds a proxy that runs.
    pub(crate) fn proxy(&mut self, address: String) {
        let id = self.store.add(&*address, Clock::real(Instant::ZERO));
        self.proxies.push((address, id));
    }

    /// Adds a recording, and plays it.
    ///
    /// # Errors
    /// When it has no frames.
    pub(crate) fn recording(
        &mut self,
        recording: source::recording::Recording,
        speed: f64,
    ) -> Result<(), Error> {
        let (id, conductor) = self.conducted(recording.title().to_owned(), speed);
        recording.play(id, self.updates.clone(), conductor)
    }

    /// Adds a simulation, to be run elsewhere.
    pub(crate) fn simulation(&mut self, name: String, speed: f64) -> source::simulation::Watcher {
        let (id, conductor) = self.conducted(name, speed);
        source::simulation::Watcher::new(id, self.updates.clone(), conductor)
    }

    fn conducted(&mut self, name: String, speed: f64) -> (SourceId, Arc<Conductor>) {
        let id = self.store.add(name, Clock::virtual_time(Instant::ZERO));
        self.store.set_link(id, Link::Live, Instant::ZERO);
        let conductor = Arc::new(Conductor::new(speed));
        (self.conductor, self.speed) = (Some(conductor.clone()), speed);
        (id, conductor)
    }

    /// Shows it until somebody has seen enough.
    ///
    /// # Errors
    /// When there is no terminal, or it fails.
    pub(crate) fn show(self) -> Result<(), Error> {
        let _closing = self.conductor.clone().map(Closing);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        match runtime {
            Ok(runtime) => runtime.block_on(self.run()),
            Err(e) => Err(Error::new("cannot start").caused_by(e)),
        }
    }

    async fn run(self) -> Result<(), Error> {
        let began = self.began;
        let mut app = App::new(self.store, self.theme, since(began));
        app.select(self.selection);
        (app.conducted, app.speed) = (self.conductor.is_some(), self.speed);
        let client = proxies::client()?;
        let addresses = self.proxies.iter().map(|(address, _)| address.clone());
        let faults = Faults::new(client.clone(), addresses);
        for (address, id) in self.proxies {
            let updates = self.updates.clone();
            tokio::spawn(proxies::follow(client.clone(), address, None, id, updates));
        }
        drop(self.updates);
        let ends = Ends::new().map_err(no_terminal)?;
        let screen = Screen::take().map_err(no_terminal)?;
        let mut tick = time::interval(TICK);
        tick.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
        let mut shown = Shown {
            app,
            began,
            inbox: Some(self.inbox),
            conductor: self.conductor,
            faults,
            ends,
            keys: EventStream::new(),
            tick,
            next_picture: Moment::now(),
            screen,
        };
        while shown.turn().await? {}
        Ok(())
    }
}

/// Lets go of what is conducted, also when the screen panics: a thread waits for it.
struct Closing(Arc<Conductor>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// A screen that is shown.
struct Shown {
    app: App,
    began: Moment,
    /// None when no source is left.
    inbox: Option<Receiver<Update>>,
    conductor: Option<Arc<Conductor>>,
    faults: Faults,
    ends: Ends,
    keys: EventStream,
    tick: time::Interval,
    next_picture: Moment,
    screen: Screen,
}

// === impl Shown ===

impl Shown {
    /// Waits for one thing and does what follows from it; false at the end.
    async fn turn(&mut self) -> Result<bool, Error> {
        // A thread that panicked has left its message where the picture was.
        self.screen.terminal().map_err(ended)?;
        let Self { app, began, .. } = self;
        let effect = tokio::select! {
            biased;
            () = self.ends.next() => Some(Effect::Quit),
            key = self.keys.next() => match key {
                Some(Ok(event)) => app.event(event),
                // The terminal is gone.
                Some(Err(_)) | None => Some(Effect::Quit),
            },
            () = time::sleep_until(self.next_picture), if app.is_dirty() => {
                let before = Moment::now();
                app.refresh();
                let terminal = self.screen.terminal().map_err(ended)?;
                let drawn = terminal.draw(|frame| draw::draw(frame, app));
                drawn.map_err(no_terminal)?;
                self.next_picture = before + FRAME_MIN.max(before.elapsed() * COST_FACTOR);
                None
            }
            () = paused(self.conductor.as_deref()) => {
                app.set_paused(true);
                None
            }
            switches = self.faults.changed() => {
                app.set_faults(switches);
                None
            }
            _ = self.tick.tick() => {
                app.tick(since(*began));
                None
            }
            update = next(self.inbox.as_mut()) => {
                match update {
                    Some(update) => app.update(update, since(*began)),
                    None => self.inbox = None,
                }
                None
            }
        };
        match effect {
            Some(Effect::Quit) => return Ok(false),
            Some(Effect::Ask(ask)) => {
                if let Some(conductor) = &self.conductor {
                    conductor.ask(ask);
                    self.app.set_paused(conductor.is_paused());
                }
            }
            Some(Effect::Fault(fault)) => self.faults.switch(fault),
            None => {}
        }
        Ok(true)
    }
}

fn ended(e: std::io::Error) -> Error {
    Error::new("the screen has ended").caused_by(e)
}

fn no_terminal(e: std::io::Error) -> Error {
    Error::new("cannot use the terminal").caused_by(e)
}

fn since(began: Moment) -> Instant {
    Instant::from_nanos(engine::time::nanos(began.elapsed()))
}

/// What comes next; nothing, ever, when no source is left.
async fn next(inbox: Option<&mut Receiver<Update>>) -> Option<Update> {
    match inbox {
        Some(inbox) => inbox.recv().await,
        None => core::future::pending().await,
    }
}

/// Returns when virtual time came to stand still.
async fn paused(conductor: Option<&Conductor>) {
    match conductor {
        Some(conductor) => conductor.paused().await,
        None => core::future::pending().await,
    }
}

/// Signals that end the screen: those of `kill` and of a terminal that is closed.
struct Ends([tokio::signal::unix::Signal; 3]);

impl Ends {
    fn new() -> std::io::Result<Self> {
        Ok(Self([
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
            signal(SignalKind::interrupt())?,
        ]))
    }

    async fn next(&mut self) {
        let [a, b, c] = &mut self.0;
        tokio::select! {
            _ = a.recv() => {}
            _ = b.recv() => {}
            _ = c.recv() => {}
        }
    }
}

impl App {
    fn event(&mut self, event: Event) -> Option<Effect> {
        match event {
            Event::Key(key) => self.key(key),
            Event::Mouse(mouse) => {
                self.mouse(mouse);
                None
            }
            Event::Resize(..) | Event::FocusGained => {
                self.redraw();
                None
            }
            Event::FocusLost | Event::Paste(_) => None,
        }
    }
}
