//! What clients are told about rate limits.

use engine::ratelimit::{Told, Verdict};
use engine::time::{Duration, Instant};
use http::HeaderMap;
use http::header::{HeaderName, RETRY_AFTER};

/// The names of draft-polli-ratelimit-headers-03, as Envoy sends them.
const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// Adds what a client is told whose request is refused: the nearest limit, and when it makes sense
/// to come back (RFC 6585 §4).
pub fn write_refusal(verdict: &Verdict, now: Instant, headers: &mut HeaderMap) {
    write(verdict.told, now, headers);
    if let Some(at) = verdict.retry_at {
        headers.insert(RETRY_AFTER, seconds(at.since(now)).into());
    }
}

/// Adds the limit that is nearest.
pub(super) fn write(told: Option<Told>, now: Instant, headers: &mut HeaderMap) {
    let Some(told) = told else { return };
    headers.insert(LIMIT, told.limit.into());
    headers.insert(REMAINING, told.remaining.into());
    headers.insert(RESET, seconds(told.reset.since(now)).into());
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
            write_refusal(verdict, now, &mut headers);
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
