//! The screen's state and its transitions, without a terminal: keys, frames and time go in, what to
//! do outside comes out.

use core::time::Duration;

use engine::report::{Event, Frame, Histogram, ServiceKey};
use engine::snapshot::ClusterKey;
use engine::time::Instant;

use super::control::{Ask, SPEEDS};
use super::list::List;
use super::record::Selection;
use super::record::routes::Branch;
use super::record::traffic::Busy as _;
use super::store::{Link, Source, SourceId, Store};
use super::theme::Theme;
use super::view::{self, CallView, EndpointView, EventView, Overview, ServiceView, SourceView};

mod keys;
mod mouse;

pub(super) use keys::HELP;
pub(super) use mouse::Areas;

/// What `t` goes through. [`Duration::MAX`] is everything since the beginning.
pub(super) const WINDOWS: [Duration; 4] = [
    Duration::from_secs(10),
    Duration::from_secs(60),
    Duration::from_secs(300),
    Duration::MAX,
];

/// What comes from sources.
#[derive(Debug)]
pub(super) enum Update {
    Frame(SourceId, Box<Frame>),
    Link(SourceId, Link),
}

/// What is to be done outside.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Effect {
    Quit,
    Ask(Ask),
    /// Switch the fault of that name on or off.
    Fault(usize),
}

/// A table, as deep as one has drilled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Page {
    Services,
    /// The routes and backends of a service.
    Service(ClusterKey),
    /// The endpoints of a backend.
    Backend(ClusterKey),
    Calls,
    Events,
    Sources,
}

/// A page with what is chosen on it.
#[derive(Clone, Debug)]
pub(super) struct Level {
    pub(super) page: Page,
    pub(super) selection: Selection,
    /// The row under the cursor, by what names it while others come and go.
    pub(super) cursor: Option<String>,
    /// Its place in the order.
    pub(super) index: usize,
    /// The first row that is visible.
    pub(super) top: usize,
}

/// What is below the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pane {
    Events,
    /// The latencies of the row under the cursor.
    Latency,
    /// The same over time.
    Heat,
    None,
}

/// The rows of a page.
#[derive(Debug)]
pub(super) enum Rows {
    Services(Vec<ServiceView>),
    Branches(Vec<Branch>),
    Endpoints(Vec<EndpointView>),
    Calls(Vec<CallView>),
    Events(Vec<EventView>),
    Sources(Vec<SourceView>),
}

/// A fault that can be switched from here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FaultSwitch {
    pub(super) title: String,
    pub(super) on: bool,
}

/// Everything.
#[derive(Debug)]
pub(super) struct App {
    pub(super) store: Store,
    pub(super) theme: Theme,
    /// The reader's clock; stands still while the screen is paused.
    pub(super) now: Instant,
    /// Never empty; the last is shown.
    levels: Vec<Level>,
    pub(super) pane: Pane,
    pub(super) help: bool,
    /// The filter that is being typed.
    pub(super) typing: Option<String>,
    pub(super) faults: Vec<FaultSwitch>,
    pub(super) choosing_fault: bool,
    /// The time of the sources can be told how to go.
    pub(super) conducted: bool,
    pub(super) speed: f64,
    /// Frames wait outside; events are kept, since they come only once.
    paused: Option<Vec<(SourceId, Event)>>,
    pub(super) overview: Overview,
    pub(super) rows: Rows,
    pub(super) order: Vec<usize>,
    /// What `overview` and `rows` were made of.
    made_of: Option<(u64, Page, Selection)>,
    dirty: bool,
    pub(super) areas: Areas,
}

// === impl App ===

impl App {
    pub(super) fn new(store: Store, theme: Theme, now: Instant) -> Self {
        Self {
            store,
            theme,
            now,
            levels: vec![Level::new(Page::Services)],
            pane: Pane::Events,
            help: false,
            typing: None,
            faults: Vec::new(),
            choosing_fault: false,
            conducted: false,
            speed: 1.0,
            paused: None,
            overview: Overview::default(),
            rows: Rows::Services(Vec::new()),
            order: Vec::new(),
            made_of: None,
            dirty: true,
            areas: Areas::default(),
        }
    }

    /// Whether something changed that is to be shown.
    pub(super) fn is_dirty(&self) -> bool {
        self.dirty
    }

    pub(super) fn level(&self) -> &Level {
        // There is always one: only those above the first are left.
        &self.levels[self.levels.len() - 1]
    }

    fn level_mut(&mut self) -> &mut Level {
        let last = self.levels.len() - 1;
        &mut self.levels[last]
    }

    /// How one came here, from the top.
    pub(super) fn trail(&self) -> impl Iterator<Item = &Page> {
        self.levels.iter().map(|level| &level.page)
    }

    pub(super) fn is_paused(&self) -> bool {
        self.paused.is_some()
    }

    /// Something came from a source.
    pub(super) fn update(&mut self, update: Update, now: Instant) {
        match update {
            Update::Frame(source, mut frame) => match &mut self.paused {
                // Counters are cumulative: the frame after the pause makes up for it.
                Some(events) => {
                    let room = super::store::EVENTS_MAX.saturating_sub(events.len());
                    let new = frame.events.drain(..).take(room);
                    events.extend(new.map(|event| (source, event)));
                    return;
                }
                None => self.store.ingest(source, *frame, now),
            },
            Update::Link(source, link) => self.store.set_link(source, link, now),
        }
        self.dirty = true;
    }

    /// A second passed: ages go on, what is old expires.
    pub(super) fn tick(&mut self, now: Instant) {
        if self.paused.is_some() {
            return;
        }
        let before = self.now;
        self.now = now;
        let expired = self.store.expire(now);
        let mut sources = self.store.sources();
        // The time of virtual sources stands still between frames; real ones grow older, which
        // shows where something has an end or an age.
        let ages = sources.any(|(_, source)| {
            let is_real = !source.clock.is_virtual() && source.frames > 0;
            is_real || source.is_stale(now) != source.is_stale(before)
        });
        if expired || ages {
            self.dirty = true;
            self.made_of = None;
        }
    }

    /// Brings what is shown in line with what is known. To be called before drawing.
    pub(super) fn refresh(&mut self) {
        self.dirty = false;
        let level = self.level();
        let of = (
            self.store.version(),
            level.page.clone(),
            level.selection.clone(),
        );
        if self.made_of.as_ref() == Some(&of) {
            return;
        }
        let (store, now) = (&self.store, self.now);
        self.overview = Overview::new(store, now);
        self.rows = match &of.1 {
            Page::Services => Rows::Services(core::mem::take(&mut self.overview.services)),
            Page::Service(service) => Rows::Branches(Branch::of(view::routes(store, service, now))),
            Page::Backend(backend) => Rows::Endpoints(view::endpoints(store, Some(backend), now)),
            Page::Calls => Rows::Calls(view::calls(store, now)),
            Page::Events => Rows::Events(view::events(store, now).rev().collect()),
            Page::Sources => Rows::Sources(self.overview.sources.clone()),
        };
        self.order = self.rows.list().order(&of.2);
        self.made_of = Some(of);
        self.follow_cursor();
    }

    /// What is shown of the first page.
    pub(super) fn select(&mut self, selection: Selection) {
        self.level_mut().selection = selection;
    }

    /// The terminal has another size, or was covered.
    pub(super) fn redraw(&mut self) {
        self.dirty = true;
    }

    /// What the mesh offers to break.
    pub(super) fn set_faults(&mut self, faults: Vec<FaultSwitch>) {
        self.dirty |= self.faults != faults;
        self.faults = faults;
    }

    /// The time of conducted sources stands still, or goes on.
    pub(super) fn set_paused(&mut self, paused: bool) {
        let link = |link: &Link| match (paused, link) {
            (true, Link::Live) => Some(Link::Paused),
            (false, Link::Paused) => Some(Link::Live),
            _ => None,
        };
        let sources = self.store.sources();
        let changed: Vec<_> = sources
            .filter_map(|(id, source)| Some((id, link(&source.link)?)))
            .collect();
        for (id, link) in changed {
            self.store.set_link(id, link, self.now);
            self.dirty = true;
        }
    }

    /// The row under the cursor.
    pub(super) fn selected(&self) -> Option<usize> {
        self.order.get(self.level().index).copied()
    }

    /// Puts the cursor on the row that it was on, wherever that is now.
    fn follow_cursor(&mut self) {
        let (rows, order) = (&self.rows, &self.order);
        let last = self.levels.len() - 1;
        let level = &mut self.levels[last];
        let found = level.cursor.as_ref().and_then(|id| {
            let list = rows.list();
            // Usually it is where it was.
            let there = order
                .get(level.index)
                .is_some_and(|row| list.id(*row) == *id);
            match there {
                true => Some(level.index),
                false => order.iter().position(|row| list.id(*row) == *id),
            }
        });
        level.index = found
            .unwrap_or(level.index)
            .min(order.len().saturating_sub(1));
        let id = order.get(level.index).map(|row| rows.list().id(*row));
        // At the top one stays at the top, whoever is there, until one moves.
        if level.cursor.is_some() && found.is_none() {
            level.cursor = id;
        }
    }

    /// The first row that is visible, as drawing found it.
    pub(super) fn set_top(&mut self, top: usize) {
        self.level_mut().top = top;
    }

    fn move_to(&mut self, index: usize) {
        let index = index.min(self.order.len().saturating_sub(1));
        let id = self.order.get(index).map(|row| self.rows.list().id(*row));
        let level = self.level_mut();
        (level.index, level.cursor) = (index, id);
    }

    fn go(&mut self, page: Page) {
        if self.level().page != page {
            self.levels.push(Level::new(page));
        }
    }

    /// Into the row under the cursor.
    fn enter(&mut self) {
        let Some(row) = self.selected() else { return };
        let page = match &self.rows {
            Rows::Services(rows) => rows.get(row).map(|s| Page::Service(s.key.clone())),
            Rows::Branches(rows) => {
                // A rule stands for the backend below it.
                let below = rows.iter().skip(row);
                let mut backends = below.filter_map(Branch::backend);
                backends.next().map(|b| Page::Backend(b.key.clone()))
            }
            Rows::Calls(rows) => rows.get(row).and_then(|call| {
                let mut services = self.overview.services.iter();
                let called = services.find(|s| s.service == call.name);
                called.map(|s| Page::Service(s.key.clone()))
            }),
            Rows::Endpoints(_) | Rows::Events(_) | Rows::Sources(_) => None,
        };
        if let Some(page) = page {
            self.go(page);
        }
    }

    /// One step back; false when there is none.
    fn back(&mut self) -> bool {
        if self.help || self.choosing_fault {
            (self.help, self.choosing_fault) = (false, false);
            return true;
        }
        let level = self.level_mut();
        if !level.selection.filter.is_empty() || level.selection.failing {
            level.selection.filter.clear();
            level.selection.failing = false;
            return true;
        }
        let deep = self.levels.len() > 1;
        if deep {
            self.levels.pop();
        }
        deep
    }

    fn pause(&mut self) -> Option<Effect> {
        if self.conducted {
            let running = self.store.sources().all(|(_, s)| s.link != Link::Paused);
            return Some(Effect::Ask(Ask::Pause(running)));
        }
        match self.paused.take() {
            None => self.paused = Some(Vec::new()),
            Some(events) => {
                for (source, event) in events {
                    self.store.remember(source, event);
                }
            }
        }
        None
    }

    fn change_speed(&mut self, faster: bool) -> Option<Effect> {
        if !self.conducted {
            return None;
        }
        let at = SPEEDS.iter().position(|s| *s >= self.speed).unwrap_or(3);
        let at = match faster {
            true => (at + 1).min(SPEEDS.len() - 1),
            false => at.saturating_sub(1),
        };
        self.speed = SPEEDS[at];
        Some(Effect::Ask(Ask::Speed(self.speed)))
    }

    fn next_window(&mut self) {
        let now = WINDOWS.iter().position(|w| *w == self.store.window());
        let next = now.map_or(0, |i| (i + 1) % WINDOWS.len());
        self.store.set_window(WINDOWS[next]);
    }
}

// === impl Level ===

impl Level {
    fn new(page: Page) -> Self {
        Self {
            page,
            selection: Selection::default(),
            cursor: None,
            index: 0,
            top: 0,
        }
    }
}

// === impl Rows ===

impl Rows {
    pub(super) fn list(&self) -> &dyn List {
        match self {
            Self::Services(rows) => rows,
            Self::Branches(rows) => rows,
            Self::Endpoints(rows) => rows,
            Self::Calls(rows) => rows,
            Self::Events(rows) => rows,
            Self::Sources(rows) => rows,
        }
    }

    /// The latencies of a row in the window; none where there are none.
    pub(super) fn latency(&self, row: usize) -> Option<&Histogram> {
        let traffic = match self {
            Self::Services(rows) => &rows.get(row)?.traffic,
            Self::Branches(rows) => rows.get(row)?.traffic(),
            Self::Endpoints(rows) => &rows.get(row)?.traffic,
            Self::Calls(rows) => &rows.get(row)?.traffic,
            Self::Events(_) | Self::Sources(_) => return None,
        };
        (!traffic.latency.is_empty()).then_some(&traffic.latency)
    }

    /// The same slice by slice of one source, oldest first.
    pub(super) fn slices(&self, row: usize, of: &Source) -> Vec<Histogram> {
        let found = match self {
            Self::Services(rows) => rows.get(row).map(|service| {
                let service = service.key.clone();
                of.slices(&of.services, &ServiceKey { service })
            }),
            Self::Branches(rows) => rows.get(row).map(|branch| match branch {
                Branch::Rule(rule) => of.slices(&of.routes, &rule.key),
                Branch::Backend(b) | Branch::Alone(b) => of.slices(&of.backends, &b.id),
            }),
            Self::Endpoints(rows) => rows.get(row).map(|e| of.slices(&of.endpoints, &e.key)),
            Self::Calls(_) | Self::Events(_) | Self::Sources(_) => None,
        };
        found.unwrap_or_default()
    }
}

// === impl Pane ===

impl Pane {
    fn next(self) -> Self {
        match self {
            Self::Events => Self::Latency,
            Self::Latency => Self::Heat,
            Self::Heat => Self::None,
            Self::None => Self::Events,
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
