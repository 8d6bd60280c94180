//! Who says how fast virtual time goes: the screen, to a simulation or a recording that runs on a
//! thread of its own.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// How much virtual time `n` lets pass: a slice of a simulation.
pub(crate) const STEP: Duration = Duration::from_secs(1);

/// The speeds that `+` and `-` go through; the last one is as fast as it can.
pub(crate) const SPEEDS: [f64; 9] = [0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 60.0, f64::INFINITY];

/// What may be asked of a source whose time is virtual.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Ask {
    Pause(bool),
    Step,
    NextEvent,
    /// Virtual seconds in a second; infinite = as fast as it can.
    Speed(f64),
}

/// Shared by the screen and the source.
#[derive(Debug)]
pub(crate) struct Conductor {
    state: Mutex<State>,
    changed: Condvar,
    paused: Notify,
}

/// Nobody looks any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Closed;

#[derive(Debug)]
struct State {
    mode: Mode,
    speed: f64,
    /// A point in real and virtual time from which the rest follows.
    anchor: Option<(Instant, Duration)>,
    /// Where virtual time is.
    at: Duration,
    closed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Run,
    Paused,
    Until(Duration),
    NextEvent,
}

// === impl Conductor ===

impl Conductor {
    pub(crate) fn new(speed: f64) -> Self {
        Self {
            state: Mutex::new(State {
                mode: Mode::Run,
                speed,
                anchor: None,
                at: Duration::ZERO,
                closed: false,
            }),
            changed: Condvar::new(),
            paused: Notify::new(),
        }
    }

    pub(crate) fn ask(&self, ask: Ask) {
        let mut state = self.lock();
        state.anchor = None;
        match ask {
            Ask::Pause(true) => state.mode = Mode::Paused,
            Ask::Pause(false) => state.mode = Mode::Run,
            Ask::Step => state.mode = Mode::Until(state.at + STEP),
            Ask::NextEvent => state.mode = Mode::NextEvent,
            Ask::Speed(speed) => state.speed = speed,
        }
        self.changed.notify_all();
    }

    /// Ends whoever waits in [`reach`](Self::reach).
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Whether virtual time stands still.
    pub(crate) fn is_paused(&self) -> bool {
        self.lock().mode == Mode::Paused
    }

    /// Returns when virtual time may be `at`.
    ///
    /// # Errors
    /// When it never will be.
    pub(crate) fn reach(&self, at: Duration) -> Result<(), Closed> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return Err(Closed);
            }
            let wait = match state.mode {
                Mode::NextEvent => Duration::ZERO,
                Mode::Until(until) if at <= until => Duration::ZERO,
                Mode::Until(_) => {
                    state.mode = Mode::Paused;
                    self.paused.notify_one();
                    continue;
                }
                Mode::Run => state.due_in(at),
                Mode::Paused => Duration::MAX,
            };
            if wait.is_zero() {
                state.at = at;
                return Ok(());
            }
            state = match wait {
                Duration::MAX => self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner),
                wait => {
                    let waited = self.changed.wait_timeout(state, wait);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// Something happened that [`Ask::NextEvent`] looks for.
    pub(crate) fn met(&self) {
        let mut state = self.lock();
        if state.mode == Mode::NextEvent {
            state.mode = Mode::Paused;
            self.paused.notify_one();
        }
    }

    /// Returns when virtual time came to stand still by itself. For one listener.
    pub(crate) async fn paused(&self) {
        self.paused.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here is left half-changed by a panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// How long until virtual time may be `at`.
    fn due_in(&mut self, at: Duration) -> Duration {
        if self.speed.is_infinite() {
            return Duration::ZERO;
        }
        let (real, virtual_time) = *self.anchor.get_or_insert((Instant::now(), self.at));
        let ahead = at.saturating_sub(virtual_time).as_secs_f64() / self.speed;
        let ahead = Duration::try_from_secs_f64(ahead).unwrap_or(Duration::MAX);
        ahead.saturating_sub(real.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn time_stands_still_until_it_is_asked_to_go_on() {
        let conductor = Conductor::new(f64::INFINITY);
        assert_eq!(conductor.reach(seconds(3)), Ok(()));
        conductor.ask(Ask::Pause(true));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| {
                conductor.reach(seconds(4)).unwrap();
                conductor.reach(seconds(5))
            });
            assert!(conductor.is_paused());
            conductor.ask(Ask::Step);
            // The step ends at 4 s; the next wait makes it a pause again.
            while !conductor.is_paused() {
                std::thread::yield_now();
            }
            assert!(!waiting.is_finished());
            conductor.close();
            assert_eq!(waiting.join().unwrap(), Err(Closed));
        });
    }

    #[test]
    fn it_stops_where_something_happened() {
        let conductor = Conductor::new(1e-6);
        conductor.ask(Ask::NextEvent);
        assert_eq!(conductor.reach(seconds(9)), Ok(()));
        conductor.met();
        assert!(conductor.is_paused());
    }

    #[test]
    fn virtual_time_goes_as_fast_as_it_is_told() {
        let conductor = Conductor::new(100.0);
        let before = Instant::now();
        conductor.reach(seconds(1)).unwrap();
        conductor.reach(seconds(5)).unwrap();
        assert!(before.elapsed() >= Duration::from_millis(50));
        conductor.ask(Ask::Speed(f64::INFINITY));
        conductor.reach(seconds(50_000)).unwrap();
        assert!(before.elapsed() < seconds(20));
    }
}
