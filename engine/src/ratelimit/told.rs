//! What clients are told about rate limits.

use http::HeaderMap;
use http::header::{HeaderName, RETRY_AFTER};

use super::{Told, Verdict};
use crate::time::{Duration, Instant};

/// The names of draft-polli-ratelimit-headers-03, as Envoy sends them.
const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

// === impl Told ===

impl Told {
    /// Adds the limit to the headers of a response.
    pub fn write(&self, now: Instant, headers: &mut HeaderMap) {
        headers.insert(LIMIT, self.limit.into());
        headers.insert(REMAINING, self.remaining.into());
        headers.insert(RESET, seconds(self.reset.since(now)).into());
    }
}

// === impl Verdict ===

impl Verdict {
    /// Adds what a client is told who is refused: the limit that is nearest, and when it makes
    /// sense to come back (RFC 6585 §4).
    pub fn write_refusal(&self, now: Instant, headers: &mut HeaderMap) {
        if let Some(told) = self.told {
            told.write(now, headers);
        }
        if let Some(at) = self.retry_at {
            headers.insert(RETRY_AFTER, seconds(at.since(now)).into());
        }
    }
}

/// Whole seconds, upwards: who comes back earlier is refused again.
fn seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_told_the_nearest_limit_and_when_to_come_back() {
        let now = Instant::ZERO + Duration::from_secs(10);
        let told = Told {
            limit: 20,
            remaining: 3,
            reset: now + Duration::from_millis(1_200),
        };
        let mut verdict = Verdict {
            told: Some(told),
            retry_at: Some(now + Duration::from_millis(2_001)),
            ..Verdict::default()
        };
        let check = |verdict: &Verdict, expected: &[(&str, &str)]| {
            let mut headers = HeaderMap::new();
            verdict.write_refusal(now, &mut headers);
            let mut seen: Vec<_> = headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
                .collect();
            seen.sort_unstable();
            assert_eq!(seen, expected);
        };
        let limits = [
            ("x-ratelimit-limit", "20"),
            ("x-ratelimit-remaining", "3"),
            ("x-ratelimit-reset", "2"),
        ];
        check(&verdict, &[&[("retry-after", "3")], &limits[..]].concat());
        verdict.retry_at = None;
        check(&verdict, &limits);
        verdict.told = None;
        check(&verdict, &[]);
    }
}
