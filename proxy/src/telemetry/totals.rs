//! What a worker counts that belongs to no row of a frame: its listeners, its handshakes, what
//! happened, and what it could not export.

use core::sync::atomic::{AtomicU64, Ordering};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::report::{Event, EventKind};

/// The most backends that events are counted by. As many as the services of a large mesh; those
/// that come after are counted under [`OTHER`](super::collect::OTHER).
pub const EVENT_BACKENDS_MAX: usize = 1_000;

/// Counts of one worker, or the sum of many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// By the listener.
    pub listeners: BTreeMap<&'static str, Listener>,
    pub handshakes: Handshakes,
    /// By what happened, and the backend it happened to (`shop/web:80`; empty when it is about
    /// none).
    pub events: BTreeMap<(EventKind, String), u64>,
    /// By signal (`access_log`, `spans`, …): what was lost because a bound was reached or nobody
    /// took it.
    pub dropped: BTreeMap<&'static str, u64>,
    /// By signal: what was handed on.
    pub exported: BTreeMap<&'static str, u64>,
}

/// Connections that clients opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Listener {
    pub accepted: u64,
    /// Gauge.
    pub open: u64,
}

/// TLS handshakes of the mesh by side and end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Handshakes {
    pub accepted: u64,
    pub accept_failed: u64,
    pub connected: u64,
    pub connect_failed: u64,
}

/// Which listener accepted a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    Outbound,
    Inbound,
    Gateway,
}

/// Where a worker counts.
#[derive(Default)]
pub(super) struct Tally {
    doors: [DoorTally; Door::ALL.len()],
    events: Mutex<BTreeMap<(EventKind, String), u64>>,
}

/// Where handshakes are counted.
#[derive(Debug, Default)]
pub(crate) struct HandshakeTally([AtomicU64; 4]);

/// A handshake under way.
pub(crate) struct Shaking<'a> {
    tally: &'a HandshakeTally,
    server: bool,
    ok: bool,
}

#[derive(Default)]
struct DoorTally {
    accepted: AtomicU64,
    closed: AtomicU64,
}

/// An accepted connection; dropped when it is closed.
pub(crate) struct Entered {
    telemetry: Arc<super::Telemetry>,
    door: Door,
}

// === impl Totals ===

impl Totals {
    /// Adds another worker's.
    pub fn merge(&mut self, other: &Self) {
        for (name, theirs) in &other.listeners {
            let mine = self.listeners.entry(name).or_default();
            mine.accepted += theirs.accepted;
            mine.open += theirs.open;
        }
        self.handshakes.accepted += other.handshakes.accepted;
        self.handshakes.accept_failed += other.handshakes.accept_failed;
        self.handshakes.connected += other.handshakes.connected;
        self.handshakes.connect_failed += other.handshakes.connect_failed;
        for (key, n) in &other.events {
            *self.events.entry(key.clone()).or_default() += n;
        }
        for (mine, theirs) in [
            (&mut self.dropped, &other.dropped),
            (&mut self.exported, &other.exported),
        ] {
            for (signal, n) in theirs {
                *mine.entry(signal).or_default() += n;
            }
        }
    }

    /// What was counted since `earlier`; gauges are those of now.
    pub(super) fn since(&self, earlier: &Self) -> Self {
        let listeners = self.listeners.iter().map(|(name, listener)| {
            let before = earlier.listeners.get(name).copied().unwrap_or_default();
            let accepted = listener.accepted.saturating_sub(before.accepted);
            let open = listener.open;
            (*name, Listener { accepted, open })
        });
        Self {
            listeners: listeners.collect(),
            handshakes: self.handshakes.since(earlier.handshakes),
            events: less(&self.events, &earlier.events),
            dropped: less(&self.dropped, &earlier.dropped),
            exported: less(&self.exported, &earlier.exported),
        }
    }
}

// === impl Handshakes ===

impl Handshakes {
    fn since(self, earlier: Self) -> Self {
        Self {
            accepted: self.accepted.saturating_sub(earlier.accepted),
            accept_failed: self.accept_failed.saturating_sub(earlier.accept_failed),
            connected: self.connected.saturating_sub(earlier.connected),
            connect_failed: self.connect_failed.saturating_sub(earlier.connect_failed),
        }
    }
}

/// Counts less those of before, where there were some.
fn less<K: Ord + Clone>(now: &BTreeMap<K, u64>, before: &BTreeMap<K, u64>) -> BTreeMap<K, u64> {
    let counts = now.iter().map(|(key, n)| {
        let before = before.get(key).copied().unwrap_or_default();
        (key.clone(), n.saturating_sub(before))
    });
    counts.collect()
}

// === impl HandshakeTally ===

impl HandshakeTally {
    /// A handshake begins; `server`: as the accepting side. It failed unless it says otherwise,
    /// since one that takes too long is dropped.
    pub(crate) fn begin(&self, server: bool) -> Shaking<'_> {
        Shaking {
            tally: self,
            server,
            ok: false,
        }
    }

    pub(crate) fn get(&self) -> Handshakes {
        let n = |i: usize| self.0[i].load(Ordering::Relaxed);
        Handshakes {
            accepted: n(0),
            accept_failed: n(1),
            connected: n(2),
            connect_failed: n(3),
        }
    }
}

// === impl Shaking ===

impl Shaking<'_> {
    pub(crate) fn succeeded(&mut self) {
        self.ok = true;
    }
}

impl Drop for Shaking<'_> {
    fn drop(&mut self) {
        let index = usize::from(!self.server) * 2 + usize::from(!self.ok);
        self.tally.0[index].fetch_add(1, Ordering::Relaxed);
    }
}

// === impl Door ===

impl Door {
    pub const ALL: [Self; 3] = [Self::Outbound, Self::Inbound, Self::Gateway];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Outbound => "outbound",
            Self::Inbound => "inbound",
            Self::Gateway => "gateway",
        }
    }
}

// === impl Tally ===

impl Tally {
    pub(super) fn event(&self, kind: EventKind, subject: &str) {
        let backend = match is_of_backend(kind) {
            true => subject.split(' ').next().unwrap_or_default(),
            false => "",
        };
        let mut events = self.events();
        let mut key = (kind, backend.to_owned());
        if !events.contains_key(&key) && events.len() >= EVENT_BACKENDS_MAX {
            super::collect::OTHER.clone_into(&mut key.1);
        }
        *events.entry(key).or_default() += 1;
    }

    pub(super) fn count(&self, event: &Event) {
        self.event(event.kind, &event.subject);
    }

    pub(super) fn totals(&self) -> Totals {
        let mut totals = Totals {
            events: self.events().clone(),
            ..Totals::default()
        };
        for (door, tally) in Door::ALL.into_iter().zip(&self.doors) {
            // Closed first: what is closed was accepted.
            let closed = tally.closed.load(Ordering::Relaxed);
            let accepted = tally.accepted.load(Ordering::Relaxed);
            if accepted > 0 {
                let open = accepted.saturating_sub(closed);
                let listener = Listener { accepted, open };
                totals.listeners.insert(door.as_str(), listener);
            }
        }
        totals
    }

    fn events(&self) -> MutexGuard<'_, BTreeMap<(EventKind, String), u64>> {
        // Counts that a panic left behind are still the best there are.
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the first word of the event's subject is a backend.
const fn is_of_backend(kind: EventKind) -> bool {
    !matches!(
        kind,
        EventKind::ProxyStarted
            | EventKind::ConfigurationApplied
            | EventKind::ConfigurationRefused
            | EventKind::CertificateRenewed
            | EventKind::CertificateExpired
            | EventKind::DrainStarted
            | EventKind::DrainFinished
    )
}

// === impl Entered ===

impl Entered {
    pub(crate) fn new(telemetry: Arc<super::Telemetry>, door: Door) -> Self {
        let tally = &telemetry.tally.doors[door as usize];
        tally.accepted.fetch_add(1, Ordering::Relaxed);
        Self { telemetry, door }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let tally = &self.telemetry.tally.doors[self.door as usize];
        tally.closed.fetch_add(1, Ordering::Relaxed);
    }
}
