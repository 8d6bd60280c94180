//! Where a worker counts, and what it makes frames from.
//!
//! A request pays no look-up by label: it holds the [`RowId`]s of its rows, which were asked for
//! when its route and endpoint became known, and counts by index.

use core::marker::PhantomData;
use core::time::Duration;
use std::collections::BTreeMap;

use super::Frame;
use super::counters::Counters;
use super::event::{Event, EventKind};
use super::key::{BackendKey, EdgeKey, EndpointKey, RouteKey, ServiceKey};
use super::row::{BackendRow, EndpointRow, RouteRow, Row, Table};
use crate::time::Instant;

/// The most rows of one table. Ten times the endpoints that one sidecar of a large mesh (1000
/// services of 10 pods) would see; what comes after is counted in no row.
pub const ROWS_MAX: usize = 100_000;

/// The most events kept between two frames; with a frame each second far above what people can
/// read.
pub const EVENTS_MAX: usize = 1024;

/// The statistics of one worker of one proxy.
#[derive(Clone, Debug)]
pub struct Recorder {
    source: String,
    pub services: Rows<ServiceKey, Counters>,
    pub routes: Rows<RouteKey, RouteRow>,
    pub backends: Rows<BackendKey, BackendRow>,
    pub endpoints: Rows<EndpointKey, EndpointRow>,
    pub edges: Rows<EdgeKey, Counters>,
    events: Vec<Event>,
    events_dropped: u64,
    taken_at: Option<Instant>,
}

/// The rows of one table, by index.
#[derive(Clone, Debug)]
pub struct Rows<K, R> {
    slots: Vec<Slot<K, R>>,
    by_key: BTreeMap<K, usize>,
    free: Vec<usize>,
}

/// A row of a [`Rows`]. It outlives the row: then it finds nothing.
#[derive(Debug)]
pub struct RowId<K> {
    index: u32,
    generation: u32,
    key: PhantomData<fn() -> K>,
}

#[derive(Clone, Debug)]
struct Slot<K, R> {
    /// Goes up when the slot is given away, so that old ids do not find the new row.
    generation: u32,
    row: Option<(K, R)>,
}

/// Rows that count requests from a moment on.
pub trait Counts: Row {
    fn counters_mut(&mut self) -> &mut Counters;
}

// === impl Recorder ===

impl Recorder {
    /// `source` is the name in the frames: the pod's namespace and name.
    pub fn new(source: impl Into<String>) -> Self {
        Self {
            source: source.into(),
            services: Rows::default(),
            routes: Rows::default(),
            backends: Rows::default(),
            endpoints: Rows::default(),
            edges: Rows::default(),
            events: Vec::new(),
            events_dropped: 0,
            taken_at: None,
        }
    }

    pub fn source(&self) -> &str {
        &self.source
    }

    /// An event of this source. When [`EVENTS_MAX`] wait for the next frame it is only counted.
    pub fn event(&mut self, at: Instant, kind: EventKind, subject: impl Into<String>) {
        let event = Event::new(at, &self.source, kind, subject);
        self.push_event(event);
    }

    /// The same for an event that was made elsewhere.
    pub fn push_event(&mut self, event: Event) {
        if self.events.len() < EVENTS_MAX {
            self.events.push(event);
        } else {
            self.events_dropped += 1;
        }
    }

    /// The cumulative state, and the events since the frame before.
    pub fn frame(&mut self, now: Instant) -> Frame {
        Frame {
            services: self.services.table(|row| row.clone()),
            routes: self.routes.table(|row| row.clone()),
            backends: self.backends.table(|row| row.clone()),
            endpoints: self.endpoints.table(|row| row.clone()),
            edges: self.edges.table(|row| row.clone()),
            ..self.framed(now, None)
        }
    }

    /// The cumulative state without events, which are left for the reader of frames: for metrics,
    /// which several readers ask for.
    pub fn peek(&mut self, now: Instant) -> Frame {
        let (events, dropped) = (core::mem::take(&mut self.events), self.events_dropped);
        let mut frame = self.frame(now);
        (self.events, self.events_dropped) = (events, dropped);
        frame.events_dropped = dropped;
        frame
    }

    /// What happened since the last call, which is [`Frame::since`] at the price of moving it: for
    /// a recorder with a single reader that loses no frame, since counting begins anew.
    pub fn take(&mut self, now: Instant) -> Frame {
        let before = self.taken_at.replace(now);
        Frame {
            services: self.services.table(Row::take),
            routes: self.routes.table(Row::take),
            backends: self.backends.table(Row::take),
            endpoints: self.endpoints.table(Row::take),
            edges: self.edges.table(Row::take),
            ..self.framed(now, before.map(|before| now.since(before)))
        }
    }

    /// A frame without rows.
    fn framed(&mut self, now: Instant, window: Option<Duration>) -> Frame {
        let mut events = core::mem::take(&mut self.events);
        events.sort();
        Frame {
            at: now,
            window,
            source: self.source.clone(),
            proxies: 1,
            events,
            events_dropped: core::mem::take(&mut self.events_dropped),
            ..Frame::default()
        }
    }
}

// === impl Rows ===

impl<K: Ord + Clone, R: Counts> Rows<K, R> {
    /// The row of `key`, made at `now` when there is none. A look-up in an ordered map: ask once
    /// and keep the answer. None when [`ROWS_MAX`] rows are in use.
    pub fn id(&mut self, key: &K, now: Instant) -> Option<RowId<K>> {
        let index = match self.by_key.get(key) {
            Some(index) => *index,
            None => self.insert(key, now)?,
        };
        Some(RowId {
            index: u32::try_from(index).ok()?,
            generation: self.slots[index].generation,
            key: PhantomData,
        })
    }

    /// The row, unless it was retired.
    pub fn get_mut(&mut self, id: RowId<K>) -> Option<&mut R> {
        let slot = self.slots.get_mut(id.index as usize)?;
        if slot.generation != id.generation {
            return None;
        }
        slot.row.as_mut().map(|(_, row)| row)
    }

    /// Runs `f` on every row, in no order that could show.
    pub fn each(&mut self, mut f: impl FnMut(&K, &mut R)) {
        let rows = self.slots.iter_mut().filter_map(|slot| slot.row.as_mut());
        rows.for_each(|(key, row)| f(key, row));
    }

    /// Drops the rows that `keep` refuses: endpoints that went away, routes that were deleted.
    pub fn retire(&mut self, keep: impl Fn(&K, &R) -> bool) {
        for (index, slot) in self.slots.iter_mut().enumerate() {
            let Some((key, row)) = &slot.row else {
                continue;
            };
            if keep(key, row) {
                continue;
            }
            self.by_key.remove(key);
            self.free.push(index);
            slot.row = None;
            slot.generation = slot.generation.wrapping_add(1);
        }
    }

    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    fn insert(&mut self, key: &K, now: Instant) -> Option<usize> {
        let mut row = R::default();
        row.counters_mut().start_at = Some(now);
        let index = match self.free.pop() {
            Some(index) => index,
            None if self.slots.len() >= ROWS_MAX => return None,
            None => {
                self.slots.push(Slot {
                    generation: 0,
                    row: None,
                });
                self.slots.len() - 1
            }
        };
        self.slots[index].row = Some((key.clone(), row));
        self.by_key.insert(key.clone(), index);
        Some(index)
    }

    fn table(&mut self, mut value: impl FnMut(&mut R) -> R) -> Table<K, R> {
        let rows = self.slots.iter_mut().filter_map(|slot| {
            let (key, row) = slot.row.as_mut()?;
            Some((key.clone(), value(row)))
        });
        Table(rows.collect())
    }
}

impl<K, R> Default for Rows<K, R> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            by_key: BTreeMap::new(),
            free: Vec::new(),
        }
    }
}

// === impl RowId ===

// Written out, since a derive would ask the same of the key.
impl<K> Clone for RowId<K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for RowId<K> {}

impl<K> PartialEq for RowId<K> {
    fn eq(&self, other: &Self) -> bool {
        (self.index, self.generation) == (other.index, other.generation)
    }
}

impl<K> Eq for RowId<K> {}

// === impl Counts ===

impl Counts for Counters {
    fn counters_mut(&mut self) -> &mut Counters {
        self
    }
}

impl Counts for RouteRow {
    fn counters_mut(&mut self) -> &mut Counters {
        &mut self.counters
    }
}

impl Counts for BackendRow {
    fn counters_mut(&mut self) -> &mut Counters {
        &mut self.counters
    }
}

impl Counts for EndpointRow {
    fn counters_mut(&mut self) -> &mut Counters {
        &mut self.counters
    }
}
