//! Lines on their way to a file: a bounded buffer that a request never waits for.
//!
//! Requests write into it, one thread of the program empties it ([`Lines::write_to`]). When the
//! reader is slower than the writers, whole lines are dropped and counted.

use core::sync::atomic::{AtomicU64, Ordering};
use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// The most bytes that wait to be written: some 4,000 lines, a tenth of a second at the rates where
/// a disk falls behind.
pub const LINES_BYTES_MAX: usize = 1024 * 1024;

/// Lines that wait to be written.
#[derive(Debug, Default)]
pub struct Lines {
    waiting: Mutex<Waiting>,
    ready: Condvar,
    written: AtomicU64,
    dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct Waiting {
    bytes: Vec<u8>,
    lines: u64,
    closed: bool,
}

// === impl Lines ===

impl Lines {
    /// Adds a line, or counts it as dropped when there is no room.
    pub(super) fn push(&self, line: &str) {
        let mut waiting = self.lock();
        if waiting.closed || waiting.bytes.len() + line.len() >= LINES_BYTES_MAX {
            drop(waiting);
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        waiting.bytes.extend_from_slice(line.as_bytes());
        waiting.bytes.push(b'\n');
        waiting.lines += 1;
        let first = waiting.lines == 1;
        drop(waiting);
        if first {
            self.ready.notify_one();
        }
    }

    /// Writes lines as they come, until [`close`](Self::close) and the last one. Blocks: for a
    /// thread of its own. Lines that `out` does not take are counted as dropped; a full disk ends
    /// neither the proxy nor the log.
    pub fn write_to(&self, out: &mut dyn io::Write) {
        let mut bytes = Vec::new();
        loop {
            let mut waiting = self.lock();
            while waiting.lines == 0 && !waiting.closed {
                waiting = self
                    .ready
                    .wait(waiting)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            if waiting.lines == 0 {
                return;
            }
            // The buffers change places: neither grows beyond the bound, and none is made anew.
            core::mem::swap(&mut bytes, &mut waiting.bytes);
            let lines = core::mem::take(&mut waiting.lines);
            drop(waiting);
            let count = match out.write_all(&bytes).and_then(|()| out.flush()) {
                Ok(()) => &self.written,
                Err(_) => &self.dropped,
            };
            count.fetch_add(lines, Ordering::Relaxed);
            bytes.clear();
        }
    }

    /// No line comes any more.
    pub fn close(&self) {
        self.lock().closed = true;
        self.ready.notify_all();
    }

    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Lines that a panic left behind are whole: they are added last.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Full;

    impl io::Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_are_written_in_order_until_the_end() {
        let lines = Lines::default();
        lines.push("one");
        lines.push("two");
        lines.close();
        lines.push("too late");
        let mut out = Vec::new();
        lines.write_to(&mut out);
        assert_eq!(out, b"one\ntwo\n");
        assert_eq!((lines.written(), lines.dropped()), (2, 1));
    }

    #[test]
    fn a_reader_that_does_not_come_costs_lines_and_no_memory() {
        let lines = Lines::default();
        let line = "x".repeat(1023);
        (0..2000).for_each(|_| lines.push(&line));
        assert!(lines.lock().bytes.len() <= LINES_BYTES_MAX);
        assert_eq!(lines.dropped(), 2000 - 1024);
        lines.close();
        lines.write_to(&mut Vec::new());
        assert_eq!(lines.written(), 1024);
    }

    #[test]
    fn a_full_disk_is_counted() {
        let lines = Lines::default();
        lines.push("one");
        lines.close();
        lines.write_to(&mut Full);
        assert_eq!((lines.written(), lines.dropped()), (0, 1));
    }
}
