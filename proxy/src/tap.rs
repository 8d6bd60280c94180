//! Requests as they end, for those who ask while they ask: what `meshctl tap` shows.
//!
//! ```text
//!  request ends ─▶ anybody? ─no─▶ nothing: one load of an integer
//!                     │
//!                  filter ──▶ sample ──▶ rate ──▶ queue ──▶ a line of JSON ──▶ reader
//!                   matched    left out   over     full
//! ```
//!
//! A request waits for nobody: what a reader does not fetch in time is dropped, and the reader is
//! told how much that was, beside what matched and what sampling and the rate left out. Values of
//! headers and query strings are left out unless they are asked for ([`Asked`]).

use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use engine::time::{Duration, Instant};
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::net::Rt;
use crate::observe::RequestRecord;

mod asked;
mod filter;
mod request;

pub use asked::{Asked, RATE_DEFAULT, RATE_MAX};
pub use request::{Attempt, HEADERS_BYTES_MAX, REDACTED, Request};

/// Taps of one proxy at once: a few people. Each looks at every request.
pub const TAPS_MAX: usize = 8;

/// Requests that wait for a reader: ten seconds at the default rate. At most 16 KiB each, commonly
/// one.
pub const WAITING_MAX: usize = 1024;

/// How often a reader is told the counts, also when nothing matched: whoever hears nothing for much
/// longer has lost the proxy.
const COUNTS_EVERY: Duration = Duration::from_secs(1);

/// A sampling draw: its upper 53 bits are exact in a float.
const DRAWS: f64 = (1u64 << 53) as f64;

/// The taps of one proxy.
#[derive(Debug, Default)]
pub struct Taps {
    /// How many there are: all that a request looks at when there is none.
    open: AtomicUsize,
    taps: RwLock<Vec<Arc<Tap>>>,
}

/// What one reader asked for and has not fetched yet. Several proxies may feed one.
#[derive(Debug)]
pub struct Tap {
    asked: Asked,
    state: Mutex<State>,
    rung: Notify,
}

/// A tap that a proxy feeds, until this is dropped.
#[derive(Debug)]
pub struct Open {
    taps: Arc<Taps>,
    tap: Arc<Tap>,
}

/// Every place is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{TAPS_MAX} others look at the requests of this proxy already")]
pub struct Full;

/// What became of the requests that ended while the tap was open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Those that the filter lets through; the others add up to them.
    pub matched: u64,
    pub sent: u64,
    /// Not drawn by sampling.
    pub left_out: u64,
    /// More than the rate in their second.
    pub over_rate: u64,
    /// The reader was too slow.
    pub dropped: u64,
}

/// One line of the stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    Request(Box<Request>),
    /// So far; each second at least.
    Counts(Counts),
}

/// A request that ended, with what only borrows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) record: &'a RequestRecord,
    /// The workload of the proxy in reports.
    pub(crate) workload: &'a str,
    /// Of the request as it was passed on; none of bytes.
    pub(crate) headers: Option<&'a HeaderMap>,
    /// Of the answer; none when the proxy gave it.
    pub(crate) answer: Option<&'a HeaderMap>,
}

/// Reads a tap as lines.
#[derive(Debug)]
pub struct Reader {
    tap: Arc<Tap>,
    /// When the counts are told next.
    due: Instant,
    left: Option<u64>,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<Request>,
    counts: Counts,
    /// The second that the rate is for, and what passed in it.
    second: Option<Instant>,
    passed: u32,
}

// === impl Taps ===

impl Taps {
    /// Whether anybody asks.
    pub(crate) fn any(&self) -> bool {
        self.open.load(Ordering::Relaxed) > 0
    }

    /// Feeds `tap` from now on.
    ///
    /// # Errors
    /// When [`TAPS_MAX`] are fed already.
    pub fn open(self: &Arc<Self>, tap: &Arc<Tap>) -> Result<Open, Full> {
        let mut taps = self.taps.write().unwrap_or_else(PoisonError::into_inner);
        if taps.len() >= TAPS_MAX {
            return Err(Full);
        }
        taps.push(tap.clone());
        self.open.store(taps.len(), Ordering::Relaxed);
        Ok(Open {
            taps: self.clone(),
            tap: tap.clone(),
        })
    }

    /// Hands a request to those who ask for it. `random` is asked for 64 random bits.
    pub(crate) fn offer(&self, seen: Seen<'_>, random: impl Fn() -> u64) {
        let taps = self.taps.read().unwrap_or_else(PoisonError::into_inner);
        for tap in taps.iter().filter(|tap| tap.asked.filter.matches(&seen)) {
            tap.offer(seen, &random);
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let taps = self.taps.taps.write();
        let mut taps = taps.unwrap_or_else(PoisonError::into_inner);
        taps.retain(|tap| !Arc::ptr_eq(tap, &self.tap));
        self.taps.open.store(taps.len(), Ordering::Relaxed);
    }
}

// === impl Tap ===

impl Tap {
    pub fn new(asked: Asked) -> Arc<Self> {
        Arc::new(Self {
            asked,
            state: Mutex::default(),
            rung: Notify::new(),
        })
    }

    /// Takes a request that matches, if sampling, the rate and the reader allow it.
    fn offer(&self, seen: Seen<'_>, random: impl Fn() -> u64) {
        let sample = self.asked.sample;
        let drawn = sample >= 1.0 || ((random() >> 11) as f64 / DRAWS) < sample;
        let now = seen.record.ended;
        if !self.lock().admits(drawn, self.asked.rate, now) {
            return;
        }
        // Without the lock: texts are copied.
        let request = Request::new(seen, &self.asked);
        let mut state = self.lock();
        if state.waiting.len() >= WAITING_MAX {
            state.counts.dropped += 1;
            return;
        }
        state.waiting.push(request);
        drop(state);
        self.rung.notify_one();
    }

    /// What came since the last call; waits for the first of it.
    async fn next(&self) -> Vec<Request> {
        loop {
            let waiting = core::mem::take(&mut self.lock().waiting);
            if !waiting.is_empty() {
                return waiting;
            }
            self.rung.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Requests are pushed whole, and counts are right after each addition.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl State ===

impl State {
    /// Counts a request that matches; whether it is to be handed on.
    fn admits(&mut self, drawn: bool, rate: u32, now: Instant) -> bool {
        let counts = &mut self.counts;
        counts.matched += 1;
        if !drawn {
            counts.left_out += 1;
            return false;
        }
        let over = |since: Instant| now.since(since) >= Duration::from_secs(1);
        if self.second.is_none_or(over) {
            (self.second, self.passed) = (Some(now), 0);
        }
        if self.passed >= rate {
            counts.over_rate += 1;
            return false;
        }
        self.passed += 1;
        if self.waiting.len() >= WAITING_MAX {
            counts.dropped += 1;
            return false;
        }
        true
    }
}

// === impl Reader ===

impl Reader {
    /// The only reader of `tap`.
    pub fn new(tap: Arc<Tap>) -> Self {
        let left = tap.asked.count;
        Self {
            tap,
            due: Instant::ZERO,
            left,
        }
    }

    /// The next lines, and whether they are the last: those that came, and the counts when a
    /// second is over or no more follow.
    pub async fn next<R: Rt>(&mut self, rt: &R) -> (Vec<u8>, bool) {
        let mut requests = Vec::new();
        if self.due > rt.now() {
            tokio::select! {
                biased;
                some = self.tap.next() => requests = some,
                () = rt.sleep_until(self.due) => {}
            }
        }
        if let Some(left) = &mut self.left {
            requests.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
            *left -= requests.len() as u64;
        }
        let mut out = Vec::new();
        let sent = requests.len() as u64;
        for request in requests {
            write(&mut out, &Line::Request(Box::new(request)));
        }
        let counts = {
            let mut state = self.tap.lock();
            state.counts.sent += sent;
            state.counts
        };
        let last = self.left == Some(0);
        let now = rt.now();
        if last || self.due <= now {
            write(&mut out, &Line::Counts(counts));
            self.due = now + COUNTS_EVERY;
        }
        (out, last)
    }
}

fn write(out: &mut Vec<u8>, line: &Line) {
    // Numbers and texts can always be written.
    let _ = serde_json::to_writer(&mut *out, line);
    out.push(b'\n');
}

#[cfg(test)]
mod tests;
