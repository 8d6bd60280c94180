//! Proof of repeatability: a running hash over every application event and network write.

use engine::time::Instant;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// Events that are kept at most; enough for some seconds of a small mesh. A difference between two
/// runs shows early or is found with a shorter run.
const EVENTS_MAX: usize = 4_000_000;

/// One thing that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceEvent {
    pub at: Instant,
    pub what: &'static str,
    /// The node it happened on.
    pub node: u32,
    pub len: usize,
    /// Hash of the bytes.
    pub digest: u64,
}

pub(crate) struct Trace {
    hash: Box<Xxh3>,
    events: Option<Vec<TraceEvent>>,
}

// === impl Trace ===

impl Trace {
    pub(crate) fn new(keep: bool) -> Self {
        Self {
            hash: Box::new(Xxh3::new()),
            events: keep.then(Vec::new),
        }
    }

    pub(crate) fn event(&mut self, at: Instant, what: &'static str, node: u32, data: &[u8]) {
        let digest = xxh3_64(data);
        let mut record = [0; 32];
        record[..8].copy_from_slice(&at.as_nanos().to_le_bytes());
        record[8..16].copy_from_slice(&digest.to_le_bytes());
        record[16..24].copy_from_slice(&(data.len() as u64).to_le_bytes());
        record[24..28].copy_from_slice(&node.to_le_bytes());
        // The first four letters tell the kinds of event apart.
        let letters = what.len().min(4);
        record[28..28 + letters].copy_from_slice(&what.as_bytes()[..letters]);
        self.hash.update(&record);
        if let Some(events) = self.events.as_mut().filter(|e| e.len() < EVENTS_MAX) {
            events.push(TraceEvent {
                at,
                what,
                node,
                len: data.len(),
                digest,
            });
        }
    }

    pub(crate) fn hash(&self) -> u64 {
        self.hash.digest()
    }

    pub(crate) fn events(&self) -> &[TraceEvent] {
        self.events.as_deref().unwrap_or_default()
    }
}
