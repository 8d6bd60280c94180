//! How far the simulations are, shown on a terminal; and why they should stop.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sim::run::Progress;

use super::load::Prepared;

/// Shared by all threads of a batch.
pub(super) struct Board {
    bar: ProgressBar,
    requests: AtomicU64,
    seeds_done: AtomicU32,
    seeds: u32,
    /// When the limit of wall-clock time is reached.
    deadline: Option<(Instant, Duration)>,
    interrupted: Mutex<Option<String>>,
}

// === impl Board ===

impl Board {
    pub(super) fn new(prepared: &[Prepared], shown: bool, max_wall: Option<Duration>) -> Self {
        let of = |p: &Prepared| p.scenario.spec.duration.0.as_millis() as u64 * p.seed_count();
        let runs = prepared.iter().map(|p| p.seed_count() as u32).sum();
        Self::of(prepared.iter().map(of).sum(), runs, shown, max_wall)
    }

    /// For so many milliseconds of virtual time in so many runs.
    pub(super) fn of(millis: u64, runs: u32, shown: bool, max_wall: Option<Duration>) -> Self {
        let target = match shown {
            true => ProgressDrawTarget::stderr_with_hz(10),
            false => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(Some(millis), target);
        let template = "{bar:32} {percent:>3} % of virtual time  {msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        Self {
            bar,
            requests: AtomicU64::new(0),
            seeds_done: AtomicU32::new(0),
            seeds: runs,
            deadline: max_wall.map(|limit| (Instant::now() + limit, limit)),
            interrupted: Mutex::default(),
        }
    }

    /// Where every run begins.
    pub(super) fn origin(&self) -> Progress {
        Progress {
            at: Duration::ZERO,
            of: Duration::ZERO,
            requests: 0,
        }
    }

    pub(super) fn advance(&self, virtual_time: Duration, requests: u64) {
        let requests = self.requests.fetch_add(requests, Ordering::Relaxed) + requests;
        self.bar.inc(virtual_time.as_millis() as u64);
        if !self.bar.is_hidden() {
            let done = self.seeds_done.load(Ordering::Relaxed);
            self.bar
                .set_message(format!("run {done}/{}, {requests} requests", self.seeds));
        }
    }

    pub(super) fn seed_done(&self) {
        self.seeds_done.fetch_add(1, Ordering::Relaxed);
    }

    /// Asks every run to end, for this reason.
    pub(super) fn interrupt(&self, reason: &str) {
        let mut interrupted = self
            .interrupted
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        interrupted.get_or_insert_with(|| reason.to_owned());
    }

    /// Why runs should end, if they should.
    pub(super) fn stopped(&self) -> Option<String> {
        if let Some((at, limit)) = self.deadline
            && Instant::now() >= at
        {
            return Some(format!("--max-wall {limit:?} has passed"));
        }
        self.interrupted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}
