//! What is held while something is under way: given back exactly once, at the latest by drop.

use std::sync::Arc;

use super::cluster::LiveCluster;
use super::wait::Seen;
use crate::balance::{Slot, Why};
use crate::breaker::Probe;
use crate::classify::{Assessment, Outcome};
use crate::snapshot::{Cluster, Endpoint};
use crate::time::Instant;

/// An attempt that was started.
#[derive(Debug)]
pub struct Started {
    pub ticket: Ticket,
    pub endpoint: Arc<Endpoint>,
    /// The policies it was started under.
    pub policy: Arc<Cluster>,
    pub why: Why,
    /// The endpoint that lost the comparison, when two were compared and somebody asked.
    pub other: Option<Arc<Endpoint>>,
    /// How many endpoints could be picked.
    pub candidates: usize,
    /// Health was ignored.
    pub panic: bool,
}

/// One attempt under way. [`end`](Self::end) it with what came of it; dropped, it counts as
/// cancelled and its time is not taken, since nobody says when it ended.
#[derive(Debug)]
pub struct Ticket {
    cluster: Arc<LiveCluster>,
    attempted: Attempted,
    ended: bool,
    /// It had to wait for a connection.
    queued: bool,
}

/// What the cluster wants to know of an attempt again.
#[derive(Debug)]
pub(super) struct Attempted {
    pub(super) slot: Slot,
    pub(super) started: Instant,
    pub(super) probe: Option<Probe>,
    /// The response time was taken.
    pub(super) timed: bool,
    /// Breaker, outlier detection and penalty have had their say.
    pub(super) judged: bool,
    /// It was allowed to open a connection: a response shows that connects succeed.
    pub(super) opened: bool,
}

/// One connection to an endpoint, from before the connect until it is closed. Dropping gives it
/// back and wakes requests that wait for one.
#[derive(Debug)]
pub struct ConnectionPermit {
    cluster: Arc<LiveCluster>,
    slot: Slot,
}

/// One retry, from the decision (the back-off included) until its outcome is known.
#[derive(Debug)]
pub(crate) struct RetryPermit {
    cluster: Arc<LiveCluster>,
}

// === impl Ticket ===

impl Ticket {
    pub(super) fn new(
        cluster: Arc<LiveCluster>,
        slot: Slot,
        started: Instant,
        probe: Option<Probe>,
    ) -> Self {
        Self {
            cluster,
            attempted: Attempted {
                slot,
                started,
                probe,
                timed: false,
                judged: false,
                opened: false,
            },
            ended: false,
            queued: false,
        }
    }

    pub fn cluster(&self) -> &Arc<LiveCluster> {
        &self.cluster
    }

    pub fn started(&self) -> Instant {
        self.attempted.started
    }

    /// True when the attempt decides whether a half-open breaker closes.
    pub fn is_probe(&self) -> bool {
        self.attempted.probe.is_some()
    }

    /// The response head is here: takes the response time and, when the head already says how the
    /// attempt went, the assessment.
    pub fn head(&mut self, assessment: Option<&Assessment>, now: Instant) {
        let attempted = &mut self.attempted;
        self.cluster
            .with(now, |s| s.account_head(attempted, assessment));
    }

    /// The attempt is over. An assessment that came with the head stays.
    pub fn end(mut self, assessment: &Assessment, now: Instant) {
        self.ended = true;
        let attempted = &mut self.attempted;
        self.cluster
            .with(now, |s| s.account_end(attempted, assessment));
    }

    /// Asks for a new connection to the endpoint of this attempt. When a limit of connections is
    /// reached the answer is what to wait from; it counts as an overflow once.
    pub fn connection(&mut self, now: Instant) -> Result<ConnectionPermit, Seen> {
        let (slot, first) = (self.attempted.slot, !self.queued);
        self.cluster
            .with(now, |s| {
                let admitted = s.admit_connection(slot, first);
                admitted.map_err(|_| s.waiters.seen())
            })
            .inspect_err(|_| self.queued = true)?;
        self.attempted.opened = true;
        Ok(ConnectionPermit {
            cluster: self.cluster.clone(),
            slot,
        })
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !core::mem::replace(&mut self.ended, true) {
            let attempted = &mut self.attempted;
            attempted.timed = true;
            let cancelled = Assessment::of(Outcome::Cancelled);
            self.cluster
                .with(Instant::ZERO, |s| s.account_end(attempted, &cancelled));
        }
    }
}

// === impl ConnectionPermit ===

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let slot = self.slot;
        self.cluster
            .with(Instant::ZERO, |s| s.release_connection(slot));
    }
}

// === impl RetryPermit ===

impl RetryPermit {
    pub(super) fn new(cluster: Arc<LiveCluster>) -> Self {
        Self { cluster }
    }
}

impl Drop for RetryPermit {
    fn drop(&mut self) {
        self.cluster.with(Instant::ZERO, |s| {
            s.in_use.retries = s.in_use.retries.saturating_sub(1);
        });
    }
}
