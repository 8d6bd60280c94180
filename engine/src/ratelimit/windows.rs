//! The other side of a global limit: what the service decides that counts for all proxies.
//!
//! Windows of the limit's unit on a fixed grid, as envoyproxy/ratelimit has them: a request is
//! admitted while the count of its window, itself included, is within the limit. Limits come with
//! the descriptors. Two windows that meet may together admit twice the limit within the time of
//! one.

use std::collections::BTreeMap;

use super::global::{Answer, Descriptor, Status};
use crate::time::{Duration, Instant, nanos};

/// Windows that are counted at once, at some 200 bytes each. When none of them is over, the count
/// of the first one is forgotten for a new one: what is counted begins anew, as after a restart.
const WINDOWS_MAX: usize = 100_000;

/// What was counted.
#[derive(Clone, Debug, Default)]
pub struct Windows(BTreeMap<Key, Window>);

/// Domain and entries of a descriptor.
type Key = (String, Vec<(String, String)>);

#[derive(Clone, Copy, Debug)]
struct Window {
    ends: Instant,
    count: u32,
}

// === impl Windows ===

impl Windows {
    /// Counts a request under each of its descriptors, and says which limits it is over. It counts
    /// under all of them even when it is over one.
    pub fn count(&mut self, domain: &str, descriptors: &[Descriptor], now: Instant) -> Answer {
        let each = descriptors.iter();
        let statuses: Vec<Status> = each.map(|one| self.count_one(domain, one, now)).collect();
        Answer {
            over: statuses.iter().any(|status| status.over),
            statuses,
        }
    }

    fn count_one(&mut self, domain: &str, of: &Descriptor, now: Instant) -> Status {
        let key = (domain.to_owned(), of.entries.clone());
        if self.0.len() >= WINDOWS_MAX && !self.0.contains_key(&key) {
            self.make_room(now);
        }
        let fresh = Window {
            ends: end(now, of.limit.per),
            count: 0,
        };
        let window = self.0.entry(key).or_insert(fresh);
        if window.ends <= now {
            *window = fresh;
        }
        window.count = window.count.saturating_add(1);
        Status {
            over: window.count > of.limit.requests,
            limit: Some(of.limit.requests),
            remaining: of.limit.requests.saturating_sub(window.count),
            reset: Some(window.ends.since(now)),
        }
    }

    fn make_room(&mut self, now: Instant) {
        self.0.retain(|_, window| window.ends > now);
        if self.0.len() >= WINDOWS_MAX {
            self.0.pop_first();
        }
    }
}

/// The end of the window that `now` lies in.
fn end(now: Instant, per: Duration) -> Instant {
    let unit = nanos(per).max(1);
    Instant::from_nanos((now.as_nanos() / unit + 1).saturating_mul(unit))
}

#[cfg(test)]
mod tests;
