//! The timer wheel: everything that happens later, in the order `(time, insertion)`.
//!
//! Eleven levels of 64 slots with 6 bits of the nanosecond clock each, after Varghese & Lauck,
//! "Hashed and Hierarchical Timing Wheels" (1987) and tokio's `runtime/time/wheel`. Inserting and
//! cancelling are O(1), so a timeout that never fires costs two list operations and no comparison;
//! a binary heap would carry every cancelled deadline until its time comes.
//!
//! An entry sits at the level of the highest bit in which its time differs from the wheel's. When
//! the wheel enters a slot its entries move down, in order. Two entries with the same time are
//! therefore always in the same list, in the order of their insertion.

use engine::time::Instant;

const SLOT_BITS: u32 = 6;
const SLOTS: usize = 1 << SLOT_BITS;
/// 11 · 6 = 66 bits cover the 64 of the clock.
const LEVELS: usize = 11;
const NIL: u32 = u32::MAX;

/// A set of timers, each with a value.
pub(crate) struct Wheel<T> {
    now: u64,
    levels: Box<[Level; LEVELS]>,
    entries: Vec<Entry<T>>,
    free: u32,
    len: usize,
}

/// Names one timer; stale after it fired or was cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimerKey {
    index: u32,
    generation: u32,
}

#[derive(Clone, Copy)]
struct Level {
    occupied: u64,
    slots: [List; SLOTS],
}

#[derive(Clone, Copy)]
struct List {
    head: u32,
    tail: u32,
}

struct Entry<T> {
    at: u64,
    generation: u32,
    prev: u32,
    next: u32,
    value: Option<T>,
}

// === impl Wheel ===

impl<T> Wheel<T> {
    pub(crate) fn new() -> Self {
        let list = List {
            head: NIL,
            tail: NIL,
        };
        let level = Level {
            occupied: 0,
            slots: [list; SLOTS],
        };
        Self {
            now: 0,
            levels: Box::new([level; LEVELS]),
            entries: Vec::new(),
            free: NIL,
            len: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Adds a timer; a time that has passed counts as now.
    pub(crate) fn insert(&mut self, at: Instant, value: T) -> TimerKey {
        let at = at.as_nanos().max(self.now);
        let index = if self.free == NIL {
            self.entries.push(Entry {
                at,
                generation: 0,
                prev: NIL,
                next: NIL,
                value: Some(value),
            });
            (self.entries.len() - 1) as u32
        } else {
            let index = self.free;
            let entry = &mut self.entries[index as usize];
            self.free = entry.next;
            entry.at = at;
            entry.value = Some(value);
            index
        };
        self.link(index);
        self.len += 1;
        TimerKey {
            index,
            generation: self.entries[index as usize].generation,
        }
    }

    /// Takes a timer out; `None` when it has fired or was cancelled.
    pub(crate) fn cancel(&mut self, key: TimerKey) -> Option<T> {
        self.get_mut(key)?;
        self.unlink(key.index);
        self.release(key.index)
    }

    /// The value of a timer that is still to fire.
    pub(crate) fn get_mut(&mut self, key: TimerKey) -> Option<&mut T> {
        let entry = self.entries.get_mut(key.index as usize)?;
        if entry.generation != key.generation {
            return None;
        }
        entry.value.as_mut()
    }

    /// A lower bound of the time of the next timer that is exact when it lies within 64 ns, and the
    /// start of a slot of the wheel otherwise; `None` when there are no timers.
    fn next_slot(&self) -> Option<(usize, usize, u64)> {
        for (level, content) in self.levels.iter().enumerate() {
            if content.occupied == 0 {
                continue;
            }
            let slot = content.occupied.trailing_zeros() as usize;
            let shift = SLOT_BITS * level as u32;
            let above = u64::MAX.checked_shl(shift + SLOT_BITS).unwrap_or(0);
            let start = (self.now & above) | ((slot as u64) << shift);
            return Some((level, slot, start.max(self.now)));
        }
        None
    }

    /// Advances to the next timer at or before `limit` and takes it out. Without one, advances to
    /// `limit` and returns `None`.
    pub(crate) fn pop(&mut self, limit: Instant) -> Option<(Instant, T)> {
        let limit = limit.as_nanos();
        loop {
            match self.next_slot() {
                Some((level, slot, start)) if start <= limit => {
                    self.now = start;
                    if level == 0 {
                        let index = self.levels[0].slots[slot].head;
                        self.unlink(index);
                        let at = Instant::from_nanos(self.entries[index as usize].at);
                        let value = self.release(index)?;
                        return Some((at, value));
                    }
                    self.cascade(level, slot);
                }
                _ => {
                    self.now = self.now.max(limit);
                    return None;
                }
            }
        }
    }

    /// Moves the entries of a slot that the wheel has entered to lower levels.
    fn cascade(&mut self, level: usize, slot: usize) {
        let content = &mut self.levels[level];
        let mut index = content.slots[slot].head;
        content.slots[slot] = List {
            head: NIL,
            tail: NIL,
        };
        content.occupied &= !(1 << slot);
        while index != NIL {
            let next = self.entries[index as usize].next;
            self.link(index);
            index = next;
        }
    }

    fn place(&self, at: u64) -> (usize, usize) {
        let differing = (self.now ^ at) | (SLOTS as u64 - 1);
        let level = (63 - differing.leading_zeros()) / SLOT_BITS;
        let slot = (at >> (SLOT_BITS * level)) as usize & (SLOTS - 1);
        (level as usize, slot)
    }

    /// Appends an entry to the list that its time belongs to.
    fn link(&mut self, index: u32) {
        let (level, slot) = self.place(self.entries[index as usize].at);
        let content = &mut self.levels[level];
        content.occupied |= 1 << slot;
        let list = &mut content.slots[slot];
        let tail = list.tail;
        list.tail = index;
        if tail == NIL {
            list.head = index;
        } else {
            self.entries[tail as usize].next = index;
        }
        let entry = &mut self.entries[index as usize];
        entry.prev = tail;
        entry.next = NIL;
    }

    fn unlink(&mut self, index: u32) {
        let Entry { at, prev, next, .. } = self.entries[index as usize];
        let (level, slot) = self.place(at);
        let content = &mut self.levels[level];
        let list = &mut content.slots[slot];
        if prev == NIL {
            list.head = next;
        } else {
            self.entries[prev as usize].next = next;
        }
        if next == NIL {
            list.tail = prev;
        } else {
            self.entries[next as usize].prev = prev;
        }
        if list.head == NIL {
            content.occupied &= !(1 << slot);
        }
    }

    fn release(&mut self, index: u32) -> Option<T> {
        let entry = &mut self.entries[index as usize];
        entry.generation = entry.generation.wrapping_add(1);
        entry.next = self.free;
        self.free = index;
        self.len -= 1;
        entry.value.take()
    }
}

#[cfg(test)]
mod tests;
