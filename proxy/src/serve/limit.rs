//! What clients are told about rate limits.

use engine::ratelimit::Told;
use engine::time::{Duration, Instant};
use http::HeaderMap;
use http::header::{HeaderName, RETRY_AFTER};

/// The names of draft-polli-ratelimit-headers-03, as Envoy sends them.
const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// Adds the limit that is nearest.
pub(super) fn write(told: Option<Told>, now: Instant, headers: &mut HeaderMap) {
    let Some(told) = told else { return };
    headers.insert(LIMIT, told.limit.into());
    headers.insert(REMAINING, told.remaining.into());
    headers.insert(RESET, seconds(told.reset.since(now)).into());
}

/// Adds when it makes sense to come back (RFC 6585 §4).
pub(super) fn write_retry(at: Option<Instant>, now: Instant, headers: &mut HeaderMap) {
    if let Some(at) = at {
        headers.insert(RETRY_AFTER, seconds(at.since(now)).into());
    }
}

/// Whole seconds, upwards: who comes back earlier is refused again.
fn seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}
