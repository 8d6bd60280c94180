//! Frames of many sources, as windows.
//!
//! ```text
//!  source a ── frame ── frame ── frame ──▶ since the frame before ─▶ slices ─▶ sum over the window
//!  source b ──── frame ──────── frame ───▶          "                  "            │
//!                                                                                   ▼
//!                              rows of one key, of all sources: rates add up, histograms merge
//! ```
//!
//! Each source is counted on its own clock: its rate is what it counted divided by the time in
//! which it counted, both exactly, so that a late frame, a lost connection or a restart changes the
//! length of the window and never the rate. Only then are sources added up. Gauges and states are
//! those of the newest frame.
//!
//! Everything is told the time; nothing here asks.

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use engine::report::{
    BackendKey, BackendRow, Counters, EdgeKey, EndpointKey, EndpointRow, Event, Frame, Histogram,
    RouteKey, RouteRow, ServiceKey,
};
use engine::time::Instant;

mod clock;
mod table;

pub(super) use clock::{Clock, Link};
pub(super) use table::{Counted, Rated, Table};

use clock::Spans;

/// A source silent for this long is shown as stale: several times the second in which proxies and
/// simulations report.
pub(super) const STALE_AFTER: Duration = Duration::from_secs(5);

/// A source that is lost for this long is forgotten, with its rows.
pub(super) const FORGET_AFTER: Duration = Duration::from_secs(60);

/// Rows of all tables of all sources. A mesh of 5,000 services and 50,000 endpoints has some
/// 80,000; ten of them fit.
pub(super) const ROWS_MAX: usize = 800_000;

/// Events kept: what a person scrolls back through.
pub(super) const EVENTS_MAX: usize = 2_000;

/// Points of a sparkline.
pub(super) const HISTORY: usize = 30;

/// Names a source of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SourceId(u32);

/// What is known of the mesh, over a window.
#[derive(Debug)]
pub(super) struct Store {
    window: Duration,
    sources: BTreeMap<SourceId, Source>,
    next: u32,
    events: VecDeque<Seen>,
    events_dropped: u64,
    /// Rows for which there was no place.
    rows_dropped: u64,
    /// Goes up whenever something changed that could be shown.
    version: u64,
}

/// One proxy, simulation or recording.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) name: String,
    pub(super) link: Link,
    pub(super) clock: Clock,
    /// As the newest frame says.
    pub(super) proxies: u64,
    pub(super) frames: u64,
    pub(super) spans: Spans,
    /// Its first frame with rows that began after the frame before: a restart was seen.
    pub(super) restarts: u64,
    pub(super) services: Table<ServiceKey, Counters>,
    pub(super) routes: Table<RouteKey, RouteRow>,
    pub(super) backends: Table<BackendKey, BackendRow>,
    pub(super) endpoints: Table<EndpointKey, EndpointRow>,
    pub(super) edges: Table<EdgeKey, Counters>,
    histories: BTreeMap<ServiceKey, VecDeque<f32>>,
}

/// An event, and where it came from.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) source: SourceId,
    pub(super) event: Event,
}

// === impl Store ===

impl Store {
    /// Empty. Rates are over the last `window`; [`Duration::MAX`] = over everything since the
    /// beginning.
    pub(super) fn new(window: Duration) -> Self {
        Self {
            window,
            sources: BTreeMap::new(),
            next: 0,
            events: VecDeque::new(),
            events_dropped: 0,
            rows_dropped: 0,
            version: 0,
        }
    }

    pub(super) fn add(&mut self, name: impl Into<String>, clock: Clock) -> SourceId {
        let id = SourceId(self.next);
        self.next += 1;
        self.sources.insert(id, Source::new(name.into(), clock));
        self.version += 1;
        id
    }

    pub(super) fn version(&self) -> u64 {
        self.version
    }

    pub(super) fn window(&self) -> Duration {
        self.window
    }

    /// Another window: what is longer than that is dropped now, what is missing comes with time.
    pub(super) fn set_window(&mut self, window: Duration) {
        self.window = window;
        for source in self.sources.values_mut() {
            source.trim(window);
        }
        self.version += 1;
    }

    pub(super) fn sources(&self) -> impl Iterator<Item = (SourceId, &Source)> {
        self.sources.iter().map(|(id, source)| (*id, source))
    }

    pub(super) fn source(&self, id: SourceId) -> Option<&Source> {
        self.sources.get(&id)
    }

    /// Oldest first.
    pub(super) fn events(&self) -> impl DoubleEndedIterator<Item = &Seen> + ExactSizeIterator {
        self.events.iter()
    }

    /// Events that were left out, here or by the sources.
    pub(super) fn events_dropped(&self) -> u64 {
        self.events_dropped
    }

    pub(super) fn rows_dropped(&self) -> u64 {
        self.rows_dropped
    }

    /// Takes in a frame that arrived at `now`.
    pub(super) fn ingest(&mut self, id: SourceId, mut frame: Frame, now: Instant) {
        let elsewhere: usize = self.sources.values().map(Source::rows).sum();
        let Some(source) = self.sources.get_mut(&id) else {
            return;
        };
        let room = ROWS_MAX.saturating_sub(elsewhere);
        let events = core::mem::take(&mut frame.events);
        self.events_dropped += frame.events_dropped;
        self.rows_dropped += source.ingest(frame, self.window, room, now);
        self.version += 1;
        events
            .into_iter()
            .for_each(|event| self.remember(id, event));
    }

    /// An event of a source, whose frame may not have been taken in.
    pub(super) fn remember(&mut self, id: SourceId, event: Event) {
        if self.events.len() >= EVENTS_MAX {
            self.events.pop_front();
            self.events_dropped += 1;
        }
        self.events.push_back(Seen { source: id, event });
        self.version += 1;
    }

    /// The connection to a source changed.
    pub(super) fn set_link(&mut self, id: SourceId, link: Link, now: Instant) {
        if let Some(source) = self.sources.get_mut(&id) {
            source.clock.link_changed(now);
            source.link = link;
            self.version += 1;
        }
    }

    /// Forgets what is long gone; true when something that is shown changed by itself.
    pub(super) fn expire(&mut self, now: Instant) -> bool {
        let before = self.version;
        for source in self.sources.values_mut() {
            let gone = source.link.is_lost() && source.clock.silent_for(now) >= FORGET_AFTER;
            if gone && source.rows() > 0 {
                source.forget();
                self.version += 1;
            }
        }
        self.version != before
    }

    /// Counting begins anew: of each source with its next frame.
    pub(super) fn begin_anew(&mut self) {
        self.sources.values_mut().for_each(Source::forget);
        self.version += 1;
    }

    /// Points of a service's rate, oldest first: each source's newest points are taken to be of the
    /// same time.
    pub(super) fn history(&self, key: &ServiceKey) -> Vec<f32> {
        let mut out = VecDeque::new();
        for source in self.sources.values() {
            let points = source.histories.get(key).into_iter().flatten().rev();
            for (i, point) in points.enumerate() {
                match out.len().checked_sub(i + 1) {
                    Some(at) => out[at] += *point,
                    None => out.push_front(*point),
                }
            }
        }
        out.into()
    }
}

// === impl Source ===

impl Source {
    fn new(name: String, clock: Clock) -> Self {
        Self {
            name,
            link: Link::Waiting,
            clock,
            proxies: 0,
            frames: 0,
            spans: Spans::default(),
            restarts: 0,
            services: Table::default(),
            routes: Table::default(),
            backends: Table::default(),
            endpoints: Table::default(),
            edges: Table::default(),
            histories: BTreeMap::new(),
        }
    }

    /// Rows of all tables.
    pub(super) fn rows(&self) -> usize {
        self.services.len()
            + self.routes.len()
            + self.backends.len()
            + self.endpoints.len()
            + self.edges.len()
    }

    /// Whether what is shown of it is older than it should be.
    pub(super) fn is_stale(&self, now: Instant) -> bool {
        match &self.link {
            Link::Lost(_) => true,
            Link::Live => self.clock.silent_for(now) >= STALE_AFTER,
            Link::Waiting | Link::Paused | Link::Ended => false,
        }
    }

    /// The time over which its sums were counted.
    pub(super) fn covered(&self) -> Duration {
        self.spans.covered()
    }

    /// The latencies of one row slice by slice, the newest last.
    pub(super) fn slices<K: Ord, R: Counted>(
        &self,
        table: &Table<K, R>,
        key: &K,
    ) -> Vec<Histogram> {
        let slot = table.get(key);
        let of = |seq| slot.and_then(|slot| slot.latency_of(seq));
        let numbers = self.spans.numbers();
        numbers.map(|seq| of(seq).unwrap_or_default()).collect()
    }

    /// Returns how many rows found no place.
    fn ingest(&mut self, frame: Frame, window: Duration, room: usize, now: Instant) -> u64 {
        let before = self.clock.at();
        if frame.window.is_none() && before == Some(frame.at) {
            // The same frame again, as after a reconnect.
            self.clock.told(frame.at, now);
            return 0;
        }
        let restarted = frame.window.is_none() && self.is_restart(&frame);
        self.restarts += u64::from(restarted);
        let length = match (frame.window, before) {
            (Some(window), _) => Some(window),
            (None, None) => None,
            // A new clock says nothing about the time that passed between the two.
            (None, Some(_)) if restarted => Some(self.clock.silent_for(now)),
            (None, Some(before)) => Some(frame.at.since(before)),
        };
        let seq = length.map(|length| self.spans.push(length, window));
        let how = table::How {
            seq,
            windowed: frame.window.is_some(),
            restarted,
            before: before.unwrap_or(Instant::ZERO),
            number: self.frames,
        };
        self.clock.told(frame.at, now);
        self.proxies = frame.proxies;
        let mut room = room;
        let mut dropped = 0;
        let mut rates = Vec::new();
        let seconds = length.map_or(0.0, |d| d.as_secs_f64());
        dropped += self
            .services
            .take(frame.services, how, &mut room, |key, delta| {
                if seconds > 0.0 {
                    rates.push((key.clone(), (delta.ended() as f64 / seconds) as f32));
                }
            });
        dropped += self.routes.take(frame.routes, how, &mut room, |_, _| {});
        dropped += self
            .backends
            .take(frame.backends, how, &mut room, |_, _| {});
        dropped += self
            .endpoints
            .take(frame.endpoints, how, &mut room, |_, _| {});
        dropped += self.edges.take(frame.edges, how, &mut room, |_, _| {});
        for (key, rate) in rates {
            let points = self.histories.entry(key).or_default();
            if points.len() >= HISTORY {
                points.pop_front();
            }
            points.push_back(rate);
        }
        self.frames += 1;
        self.trim(window);
        dropped
    }

    /// Whether a cumulative frame does not continue those before: its clock runs behind, or every
    /// row that was there before began anew.
    fn is_restart(&self, frame: &Frame) -> bool {
        let Some(before) = self.clock.at() else {
            return false;
        };
        if frame.at < before {
            return true;
        }
        let services = self.services.continues(&frame.services);
        let endpoints = self.endpoints.continues(&frame.endpoints);
        let edges = self.edges.continues(&frame.edges);
        let any = [services, endpoints, edges];
        any.contains(&Some(false)) && !any.contains(&Some(true))
    }

    /// Drops the slices that left the window, and the rows that nobody reports any more.
    fn trim(&mut self, window: Duration) {
        let (kept, newest) = (self.spans.trim(window), self.frames);
        self.services.trim(kept, newest);
        self.routes.trim(kept, newest);
        self.backends.trim(kept, newest);
        self.endpoints.trim(kept, newest);
        self.edges.trim(kept, newest);
        let services = &self.services;
        self.histories.retain(|key, _| services.get(key).is_some());
    }

    fn forget(&mut self) {
        let (name, clock, link) = (self.name.clone(), self.clock.clone(), self.link.clone());
        *self = Self {
            link,
            restarts: self.restarts,
            ..Self::new(name, clock.forgotten())
        };
    }
}

#[cfg(test)]
mod tests;
