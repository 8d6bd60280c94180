//! An application that counts for global rate limits: fixed windows, as envoyproxy/ratelimit has
//! them by default, with the limits that the requests bring along.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use engine::ratelimit::global::{Answer, Descriptor, Status};
use engine::time::{Duration, Instant};
use proxy::rls::{self, Request};

/// Windows that are counted at once; a window that is over makes room.
const WINDOWS_MAX: usize = 100_000;

/// What one replica has counted.
#[derive(Debug, Default)]
pub(super) struct Counts(Mutex<BTreeMap<Key, Window>>);

/// Domain and entries of a descriptor.
type Key = (String, Vec<(String, String)>);

#[derive(Clone, Copy, Debug)]
struct Window {
    ends: Instant,
    count: u32,
}

// === impl Counts ===

impl Counts {
    /// Answers a request in gRPC's frame; none for what is no request.
    pub(super) fn answer(&self, framed: &[u8], now: Instant) -> Option<Vec<u8>> {
        let request = rls::decode_request(framed).ok()?;
        let answer = self.count(&request, now);
        let unit = |index: usize| request.descriptors[index].limit.per;
        Some(rls::encode_response(&answer, unit))
    }

    fn count(&self, request: &Request, now: Instant) -> Answer {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.len() >= WINDOWS_MAX {
            windows.retain(|_, window| window.ends > now);
        }
        let mut statuses = Vec::new();
        for Descriptor { entries, limit } in &request.descriptors {
            let key = (request.domain.clone(), entries.clone());
            let ends = end_of_window(now, limit.per);
            let window = windows.entry(key).or_insert(Window { ends, count: 0 });
            if window.ends <= now {
                *window = Window { ends, count: 0 };
            }
            window.count = window.count.saturating_add(1);
            statuses.push(Status {
                over: window.count > limit.requests,
                limit: Some(limit.requests),
                remaining: limit.requests.saturating_sub(window.count),
                reset: Some(window.ends.since(now)),
            });
        }
        Answer {
            over: statuses.iter().any(|status| status.over),
            statuses,
        }
    }
}

fn end_of_window(now: Instant, per: Duration) -> Instant {
    let unit = engine::time::nanos(per).max(1);
    Instant::from_nanos((now.as_nanos() / unit + 1).saturating_mul(unit))
}

#[cfg(test)]
mod tests {
    use engine::snapshot::ratelimit::Limit;

    use super::*;

    #[test]
    fn a_window_has_its_limit_and_the_next_one_too() {
        let counts = Counts::default();
        let one = |user: &str, requests| Descriptor {
            entries: vec![("user".to_owned(), user.to_owned())],
            limit: Limit {
                requests,
                per: Duration::from_secs(1),
                burst: requests,
            },
        };
        let ask = |user, ms| {
            let request = Request {
                domain: "shop".to_owned(),
                descriptors: vec![one(user, 2)],
            };
            let answer = counts.count(&request, Instant::ZERO + Duration::from_millis(ms));
            (answer.over, answer.statuses[0].remaining)
        };
        let asked = [
            ("ann", 0),
            ("ann", 500),
            ("ann", 999),
            ("bob", 999),
            ("ann", 1000),
        ];
        let said = asked.map(|(user, ms)| ask(user, ms));
        let expected = [(false, 1), (false, 0), (true, 0), (false, 1), (false, 1)];
        assert_eq!(said, expected);
    }
}
