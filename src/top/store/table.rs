//! The rows of one kind of one source, each with what was counted in the window.

use std::collections::{BTreeMap, VecDeque};

use engine::report::{BackendRow, Counters, EndpointRow, Histogram, RouteRow, Row, row};
use engine::time::Instant;

use crate::top::pack::Packed;

/// Frames for which a row that is no longer reported is kept, besides those in which the window
/// still counts it: a proxy that drops a row and makes it again should not make it blink.
const KEPT_FRAMES: u64 = 5;

/// Rows that count requests.
pub(in crate::top) trait Counted: Row {
    fn counters(&self) -> &Counters;
}

/// Rows by key.
#[derive(Debug)]
pub(in crate::top) struct Table<K, R>(BTreeMap<K, Slot<R>>);

/// One row.
#[derive(Debug)]
pub(in crate::top) struct Slot<R> {
    /// As it was last reported: its gauges and its state are those of now; its counters are
    /// cumulative, or of its last slice.
    row: R,
    sum: Counters,
    slices: VecDeque<(u64, Packed)>,
    /// The frame that had it last.
    frame: u64,
}

/// A row with what was counted in the window.
#[derive(Clone, Copy, Debug)]
pub(in crate::top) struct Rated<'a, R> {
    /// Gauges and states, as of the newest frame.
    pub(in crate::top) row: &'a R,
    /// What was counted in the window.
    pub(in crate::top) sum: &'a Counters,
    /// Whether the newest frame has it: otherwise its gauges and state are of the past.
    pub(in crate::top) present: bool,
}

/// How a frame continues those before.
#[derive(Clone, Copy, Debug)]
pub(super) struct How {
    /// The slice it counts in; none: it is where counting begins.
    pub(super) seq: Option<u64>,
    /// Its counters are those of its own window, not cumulative.
    pub(super) windowed: bool,
    pub(super) restarted: bool,
    /// The time of the frame before.
    pub(super) before: Instant,
    pub(super) number: u64,
}

// === impl Table ===

impl<K: Ord, R: Counted> Table<K, R> {
    pub(in crate::top) fn len(&self) -> usize {
        self.0.len()
    }

    pub(in crate::top) fn get(&self, key: &K) -> Option<&Slot<R>> {
        self.0.get(key)
    }

    /// Rows whose newest frame is number `newest` are present.
    pub(in crate::top) fn iter(&self, frames: u64) -> impl Iterator<Item = (&K, Rated<'_, R>)> {
        let rated = move |slot: &'_ Slot<R>| slot.frame + 1 == frames;
        self.0.iter().map(move |(key, slot)| {
            let present = rated(slot);
            let (row, sum) = (&slot.row, &slot.sum);
            (key, Rated { row, sum, present })
        })
    }

    /// The same for the keys from `first` on, for those that are ordered by what is looked for.
    pub(in crate::top) fn from<'a>(
        &'a self,
        first: &K,
        frames: u64,
    ) -> impl Iterator<Item = (&'a K, Rated<'a, R>)> {
        self.0.range(first..).map(move |(key, slot)| {
            let present = slot.frame + 1 == frames;
            let (row, sum) = (&slot.row, &slot.sum);
            (key, Rated { row, sum, present })
        })
    }

    /// Whether rows of the frame go on counting where they were; none when it has no row that was
    /// there before.
    pub(super) fn continues(&self, frame: &row::Table<K, R>) -> Option<bool> {
        let mut common = frame.0.iter().filter_map(|(key, row)| {
            let start = self.0.get(key)?.row.counters().start_at;
            Some(start.is_none() || start == row.counters().start_at)
        });
        let first = common.next()?;
        Some(first || common.any(|continues| continues))
    }

    /// Takes in the rows of a frame; `each` sees what was counted since the frame before. Returns
    /// how many rows found no room.
    pub(super) fn take(
        &mut self,
        frame: row::Table<K, R>,
        how: How,
        room: &mut usize,
        mut each: impl FnMut(&K, &Counters),
    ) -> u64 {
        let mut dropped = 0;
        for (key, row) in frame.0 {
            let slot = self.0.get_mut(&key);
            let delta = how.delta(slot.as_deref().map(|slot| &slot.row), &row);
            if let (Some(delta), Some(_)) = (&delta, how.seq) {
                each(&key, delta);
            }
            let slot = match slot {
                Some(slot) => slot,
                None if *room == 0 => {
                    dropped += 1;
                    continue;
                }
                None => {
                    *room -= 1;
                    self.0.entry(key).or_default()
                }
            };
            if let (Some(seq), Some(delta)) = (how.seq, delta) {
                slot.add(seq, delta);
            }
            slot.row = row;
            slot.frame = how.number;
        }
        dropped
    }

    /// Drops slices before `first`, and rows that are gone; `frames` is how many there were.
    pub(super) fn trim(&mut self, first: u64, frames: u64) {
        self.0.retain(|_, slot| {
            slot.trim(first);
            !slot.slices.is_empty() || slot.frame + 1 + KEPT_FRAMES > frames
        });
    }
}

impl<K, R> Default for Table<K, R> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

// === impl Slot ===

impl<R: Counted> Slot<R> {
    pub(super) fn latency_of(&self, seq: u64) -> Option<Histogram> {
        let slice = self.slices.iter().find(|(s, _)| *s == seq);
        slice.map(|(_, packed)| packed.latency())
    }

    fn add(&mut self, seq: u64, delta: Counters) {
        if delta == Counters::default() {
            return;
        }
        self.sum.merge(&delta);
        match self.slices.back_mut() {
            Some((last, packed)) if *last == seq => {
                let mut both = packed.counters();
                both.merge(&delta);
                *packed = Packed::new(&both);
            }
            _ => self.slices.push_back((seq, Packed::new(&delta))),
        }
    }

    fn trim(&mut self, first: u64) {
        while let Some((seq, packed)) = self.slices.front()
            && *seq < first
        {
            self.sum = self.sum.since(&packed.counters());
            self.slices.pop_front();
        }
    }
}

impl<R: Default> Default for Slot<R> {
    fn default() -> Self {
        Self {
            row: R::default(),
            sum: Counters::default(),
            slices: VecDeque::new(),
            frame: 0,
        }
    }
}

// === impl How ===

impl How {
    /// What a row counted since the frame before, without gauges; none when that cannot be known.
    fn delta<R: Counted>(&self, before: Option<&R>, row: &R) -> Option<Counters> {
        let counters = row.counters();
        let began_since = |at: Option<Instant>| at.is_none_or(|at| at >= self.before);
        let mut delta = match before {
            _ if self.windowed || self.restarted => counters.clone(),
            Some(before) => counters.since(before.counters()),
            None if self.seq.is_some() && began_since(counters.start_at) => counters.clone(),
            // It was there before, and was not reported: how much of it is new, nobody knows.
            None => return None,
        };
        delta.start_at = None;
        (delta.in_flight, delta.pending) = (0, 0);
        Some(delta)
    }
}

// === impl Counted ===

impl Counted for Counters {
    fn counters(&self) -> &Counters {
        self
    }
}

impl Counted for RouteRow {
    fn counters(&self) -> &Counters {
        &self.counters
    }
}

impl Counted for BackendRow {
    fn counters(&self) -> &Counters {
        &self.counters
    }
}

impl Counted for EndpointRow {
    fn counters(&self) -> &Counters {
        &self.counters
    }
}
