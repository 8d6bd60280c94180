//! What the world outside the pods does next: the cluster's controllers, the scenario's events and
//! the sampling of the run, in the order `(time, insertion)`.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::snapshot::{ObjectName, Snapshot};
use engine::time::Instant;

/// Something to be done at a time.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// An event of the scenario begins.
    Begin(usize),
    /// It ends.
    End(usize),
    /// A proxy learns a new configuration.
    Deliver {
        pod: ObjectName,
        snapshot: Arc<Snapshot>,
    },
    /// Node-local load balancers and DNS learn of changed endpoints.
    PublishServices,
    /// The processes of a pod start (again).
    Start { pod: ObjectName, life: u32 },
    /// Its readiness probe succeeds.
    Ready { pod: ObjectName, life: u32 },
    /// The kubelet notices that a pod is down.
    Notice { pod: ObjectName, life: u32 },
    /// A terminating pod stops accepting and finishes what it has.
    Drain { pod: ObjectName, until: Instant },
    /// Its processes are killed and it is gone.
    Kill { pod: ObjectName },
    /// A bound of a slice of the observations.
    Sample(usize),
}

/// The queue.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    entries: BTreeMap<(Instant, u64), Action>,
    seq: u64,
}

// === impl Agenda ===

impl Agenda {
    pub(crate) fn add(&mut self, at: Instant, action: Action) {
        self.seq += 1;
        self.entries.insert((at, self.seq), action);
    }

    /// When the next one is due.
    pub(crate) fn next_at(&self) -> Option<Instant> {
        self.entries.keys().next().map(|(at, _)| *at)
    }

    /// Takes the next one that is due by `now`.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<Action> {
        let entry = self.entries.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }
}
