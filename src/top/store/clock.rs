//! Where a source is in time, and the slices of its window.

use core::time::Duration;
use std::collections::VecDeque;

use engine::time::Instant;

/// A window is divided into this many slices, at least: it is longer than asked by one of them at
/// most.
const SLICES: u32 = 8;

/// How a source is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::top) enum Link {
    /// Nothing came yet.
    Waiting,
    Live,
    /// Its time stands still because somebody asked for that.
    Paused,
    /// It came to its end: a recording, a simulation.
    Ended,
    /// It cannot be reached, and why.
    Lost(String),
}

/// The clock of a source, as far as its frames tell.
#[derive(Clone, Debug)]
pub(in crate::top) struct Clock {
    kind: Kind,
    /// Of the newest frame.
    at: Option<Instant>,
    /// When that arrived, on the reader's clock.
    received: Option<Instant>,
    /// When anything was last heard of it.
    heard: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Real,
    Virtual,
}

/// The slices of a window: consecutive numbers, with the time each took.
#[derive(Clone, Debug, Default)]
pub(in crate::top) struct Spans {
    lengths: VecDeque<Duration>,
    /// The number of the first.
    first: u64,
    covered: Duration,
}

// === impl Link ===

impl Link {
    pub(in crate::top) fn is_lost(&self) -> bool {
        matches!(self, Self::Lost(_))
    }

    /// In a word.
    pub(in crate::top) fn as_str(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Live => "live",
            Self::Paused => "paused",
            Self::Ended => "ended",
            Self::Lost(_) => "lost",
        }
    }
}

// === impl Clock ===

impl Clock {
    /// Of a process that runs: its time goes on between frames. `now` is the reader's.
    pub(in crate::top) fn real(now: Instant) -> Self {
        Self {
            kind: Kind::Real,
            at: None,
            received: None,
            heard: now,
        }
    }

    /// Of a simulation or recording: its time is that of its newest frame.
    pub(in crate::top) fn virtual_time(now: Instant) -> Self {
        Self {
            kind: Kind::Virtual,
            ..Self::real(now)
        }
    }

    pub(in crate::top) fn is_virtual(&self) -> bool {
        self.kind == Kind::Virtual
    }

    /// Of the newest frame.
    pub(in crate::top) fn at(&self) -> Option<Instant> {
        self.at
    }

    /// What the source's clock shows when the reader's shows `now`.
    pub(in crate::top) fn now(&self, now: Instant) -> Instant {
        match (self.kind, self.at, self.received) {
            (Kind::Real, Some(at), Some(received)) => at + now.since(received),
            (_, at, _) => at.unwrap_or(Instant::ZERO),
        }
    }

    /// How long nothing was heard of it.
    pub(in crate::top) fn silent_for(&self, now: Instant) -> Duration {
        now.since(self.received.unwrap_or(self.heard))
    }

    pub(super) fn told(&mut self, at: Instant, now: Instant) {
        self.at = Some(at);
        self.received = Some(now);
        self.heard = now;
    }

    pub(super) fn link_changed(&mut self, now: Instant) {
        self.heard = now;
    }

    /// With no frame to compare the next with.
    pub(super) fn forgotten(self) -> Self {
        Self {
            at: None,
            received: None,
            ..self
        }
    }
}

// === impl Spans ===

impl Spans {
    /// The number of the slice in which `length` more time is counted: a new one, or the last when
    /// that is shorter than the window asks for.
    pub(super) fn push(&mut self, length: Duration, window: Duration) -> u64 {
        self.covered = self.covered.saturating_add(length);
        match self.lengths.back_mut() {
            Some(last) if last.saturating_add(length) <= window / SLICES => {
                *last = last.saturating_add(length);
            }
            _ => self.lengths.push_back(length),
        }
        self.first + self.lengths.len() as u64 - 1
    }

    /// Drops the slices without which the window is still covered; gives the number of the first
    /// that stays.
    pub(super) fn trim(&mut self, window: Duration) -> u64 {
        while let Some(first) = self.lengths.front()
            && self.lengths.len() > 1
            && self.covered.saturating_sub(*first) >= window
        {
            self.covered = self.covered.saturating_sub(*first);
            self.first += 1;
            self.lengths.pop_front();
        }
        self.first
    }

    pub(super) fn covered(&self) -> Duration {
        self.covered
    }

    pub(super) fn numbers(&self) -> core::ops::Range<u64> {
        self.first..self.first + self.lengths.len() as u64
    }
}
