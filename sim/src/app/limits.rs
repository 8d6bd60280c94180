//! An application that counts for global rate limits, with the limits that the requests bring.

use std::sync::{Mutex, PoisonError};

use engine::ratelimit::Windows;
use engine::time::Instant;
use proxy::rls;

/// What one replica has counted.
#[derive(Debug, Default)]
pub(super) struct Counts(Mutex<Windows>);

// === impl Counts ===

impl Counts {
    /// Answers a request in gRPC's frame; none for what is no request.
    pub(super) fn answer(&self, framed: &[u8], now: Instant) -> Option<Vec<u8>> {
        let rls::Request {
            domain,
            descriptors,
        } = rls::decode_request(framed).ok()?;
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = windows.count(&domain, &descriptors, now);
        let unit = |index: usize| descriptors[index].limit.per;
        Some(rls::encode_response(&answer, unit))
    }
}
