//! One direction of a connection: bytes under way, in order, with a bounded window.

use core::task::Waker;
use std::collections::VecDeque;
use std::rc::Rc;

use engine::entropy::Entropy;
use engine::time::Instant;
use tokio::io::ReadBuf;

use super::link::Link;
use crate::exec::wheel::TimerKey;

/// Bytes in one direction that are written and not read: a sender that gets ahead of its reader by
/// this much waits. Linux's default receive buffer grows to 6 MiB, typical connections of a mesh
/// stay below this.
pub const WINDOW: usize = 256 * 1024;

/// Storage kept by a drained pipe: a usual request or answer of a few headers. A thousand pods hold
/// tens of thousands of pipes, and each of them has carried a handshake.
const IDLE_CAPACITY: usize = 1024;

pub(crate) struct Pipe {
    bytes: VecDeque<u8>,
    segments: VecDeque<Segment>,
    /// How the direction ends, after all bytes.
    pub(crate) end: Option<End>,
    pub(crate) reader: Option<Waker>,
    pub(crate) writer: Option<Waker>,
    /// Wakes the reader when the next segment arrives.
    pub(crate) armed: Option<TimerKey>,
    /// `None` inside one node: no delay.
    pub(crate) link: Option<Rc<Link>>,
    /// A partition swallows what is sent.
    pub(crate) blocked: bool,
    /// The latest arrival so far: order is kept.
    last: Instant,
    /// When the last byte so far has left, where bandwidth is bounded.
    left: Instant,
    pub(crate) rng: Entropy,
}

#[derive(Clone, Copy, Debug)]
struct Segment {
    /// `FAR_FUTURE` while lost in a partition.
    at: Instant,
    written: Instant,
    len: usize,
}

/// The end of a direction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    at: Instant,
    written: Instant,
    pub(crate) reset: bool,
}

/// What a reader finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Read {
    Bytes(usize),
    Closed,
    Reset,
    /// Nothing yet; the next arrival, if one is under way.
    Wait(Option<Instant>),
}

// === impl Pipe ===

impl Pipe {
    pub(crate) fn new(link: Option<Rc<Link>>, blocked: bool, rng: Entropy) -> Self {
        Self {
            bytes: VecDeque::new(),
            segments: VecDeque::new(),
            end: None,
            reader: None,
            writer: None,
            armed: None,
            link,
            blocked,
            last: Instant::ZERO,
            left: Instant::ZERO,
            rng,
        }
    }

    pub(crate) fn room(&self) -> usize {
        WINDOW.saturating_sub(self.bytes.len())
    }

    /// Bytes written and not read.
    pub(crate) fn buffered(&self) -> usize {
        self.bytes.len()
    }

    /// Puts bytes under way.
    pub(crate) fn push(&mut self, data: &[u8], now: Instant) {
        let at = self.arrival(data.len(), now);
        self.bytes.extend(data);
        match self.segments.back_mut() {
            Some(last) if last.at == at && (at != Instant::FAR_FUTURE || last.written == now) => {
                last.len += data.len();
            }
            _ => self.segments.push_back(Segment {
                at,
                written: now,
                len: data.len(),
            }),
        }
    }

    /// Ends the direction. A reset overrides an orderly end; nothing overrides a reset.
    pub(crate) fn finish(&mut self, reset: bool, now: Instant) {
        if self.end.is_some_and(|e| e.reset || !reset) {
            return;
        }
        let at = self.arrival(0, now);
        self.end = Some(End {
            at,
            written: now,
            reset,
        });
    }

    /// The direction ends with a reset that is visible at once, and nothing more is read.
    pub(crate) fn cut(&mut self, now: Instant) -> usize {
        self.end = Some(End {
            at: now,
            written: now,
            reset: true,
        });
        self.discard()
    }

    /// Throws away what is under way; returns how much that was.
    pub(crate) fn discard(&mut self) -> usize {
        let lost = self.bytes.len();
        self.bytes = VecDeque::new();
        self.segments = VecDeque::new();
        lost
    }

    fn arrival(&mut self, len: usize, now: Instant) -> Instant {
        if self.blocked {
            return Instant::FAR_FUTURE;
        }
        let Some(link) = &self.link else {
            return now;
        };
        self.left = self.left.max(now) + link.transmission(len);
        self.last = self.last.max(self.left + link.delay(len, &mut self.rng));
        self.last
    }

    pub(crate) fn read(&mut self, now: Instant, buf: &mut ReadBuf<'_>) -> Read {
        let mut taken = 0;
        while let Some(first) = self.segments.front_mut() {
            let room = buf.remaining() - taken;
            if first.at > now || room == 0 {
                break;
            }
            let n = room.min(first.len);
            taken += n;
            first.len -= n;
            if first.len == 0 {
                self.segments.pop_front();
            }
        }
        if taken > 0 {
            let (a, b) = self.bytes.as_slices();
            let from_a = taken.min(a.len());
            buf.put_slice(&a[..from_a]);
            buf.put_slice(&b[..taken - from_a]);
            self.bytes.drain(..taken);
            if self.bytes.is_empty() && self.bytes.capacity() > IDLE_CAPACITY {
                self.bytes = VecDeque::new();
            }
            return Read::Bytes(taken);
        }
        if let Some(first) = self.segments.front() {
            return Read::Wait(Some(first.at));
        }
        match self.end {
            Some(end) if end.at > now => Read::Wait(Some(end.at)),
            Some(End { reset: true, .. }) => Read::Reset,
            Some(_) => Read::Closed,
            None => Read::Wait(None),
        }
    }

    /// True when a reset has arrived: the reading end can write no more.
    pub(crate) fn is_reset(&self, now: Instant) -> bool {
        self.end.is_some_and(|e| e.reset && e.at <= now)
    }

    /// True when something has arrived that its reader has not taken.
    pub(crate) fn has_unread(&self, now: Instant) -> bool {
        self.segments.front().is_some_and(|s| s.at <= now)
    }

    /// When the reader has to be woken: the next arrival.
    pub(crate) fn next_arrival(&self) -> Option<Instant> {
        let first = self.segments.front().map(|s| s.at);
        first
            .or(self.end.map(|e| e.at))
            .filter(|at| *at != Instant::FAR_FUTURE)
    }

    /// When a reset arrives, whether or not bytes are read before it: a writer has to be woken.
    pub(crate) fn reset_at(&self) -> Option<Instant> {
        let end = self.end.filter(|e| e.reset)?;
        Some(end.at).filter(|at| *at != Instant::FAR_FUTURE)
    }

    /// Sends what a partition swallowed again.
    pub(crate) fn heal(&mut self, now: Instant) {
        let Some(link) = self.link.clone() else {
            return;
        };
        for segment in &mut self.segments {
            if segment.at == Instant::FAR_FUTURE {
                let sent = super::link::resent_after(segment.written, now);
                let at = sent + link.delay(segment.len, &mut self.rng);
                self.last = self.last.max(at);
                segment.at = self.last;
            }
        }
        if let Some(end) = self.end.as_mut().filter(|e| e.at == Instant::FAR_FUTURE) {
            let sent = super::link::resent_after(end.written, now);
            self.last = self.last.max(sent + link.delay(0, &mut self.rng));
            end.at = self.last;
        }
    }
}
