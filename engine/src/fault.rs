//! Injected faults: independent draws, delay first, then abort, then a slow response.
//!
//! Source: Envoy `filters/http/fault/v3/fault.proto`. A fault is made on the caller's side of the
//! balancer, after the route is known; no endpoint is blamed for it.

use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;
use std::sync::Arc;

use crate::entropy::Entropy;
use crate::snapshot::route::{AbortWith, Fault, PerTenThousand};
use crate::trace::{Step, Trail};

/// What befalls one request. Both: it is delayed and then aborted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drawn {
    /// Wait this long before anything else; it counts against the request's timeout.
    pub delay: Option<Duration>,
    pub abort: Option<AbortWith>,
    /// The body of the response comes at this many bytes per second; nothing to an aborted one.
    pub bandwidth: Option<u64>,
}

/// Requests of one proxy that have a fault at this moment.
#[derive(Clone, Debug, Default)]
pub struct Active(Arc<AtomicU32>);

/// One of them, until it is over.
#[derive(Debug)]
pub struct Permit(Active);

/// Draws. Always three numbers out of `rng`, so that turning one fault off does not move the draws
/// of later requests.
pub fn draw(fault: &Fault, rng: &mut Entropy, trail: &mut Trail) -> Drawn {
    let [delayed, aborted, slowed] = core::array::from_fn(|_| rng.below(SHARES));
    let drawn = Drawn {
        delay: hit(fault.delay, delayed),
        abort: hit(fault.abort, aborted),
        bandwidth: hit(fault.bandwidth, slowed),
    };
    if drawn != Drawn::default() {
        trail.step(|| {
            let delay = drawn.delay.map(|d| format!("delay of {d:?}"));
            let abort = drawn.abort.map(|abort| match abort {
                AbortWith::Http(status) => format!("abort with HTTP {}", status.as_u16()),
                AbortWith::Grpc(code) => format!("abort with gRPC {code}"),
            });
            let slow = drawn
                .bandwidth
                .map(|rate| format!("response at {} KiB/s", rate / 1024));
            let parts: Vec<_> = delay.into_iter().chain(abort).chain(slow).collect();
            Step::new("fault", parts.join(", ")).with_origin(fault.origin.clone())
        });
    }
    drawn
}

/// Shares are in ten-thousandths (Envoy's `FractionalPercent` with TEN_THOUSAND).
const SHARES: u64 = 10_000;

fn hit<T>(part: Option<(T, PerTenThousand)>, drawn: u64) -> Option<T> {
    let (what, share) = part?;
    (drawn < u64::from(share.0)).then_some(what)
}

// === impl Active ===

impl Active {
    /// Counts one more, unless `max` have one already.
    pub fn admit(&self, max: Option<u32>) -> Option<Permit> {
        let max = max.unwrap_or(u32::MAX);
        let more = |n: u32| (n < max).then_some(n + 1);
        let counted = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        counted.ok().map(|_| Permit(self.clone()))
    }
}

// === impl Permit ===

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;
    use crate::origin::Origin;

    const SECOND: Duration = Duration::from_secs(1);

    fn fault(delay: u32, abort: u32) -> Fault {
        Fault {
            delay: Some((SECOND, PerTenThousand(delay))),
            abort: Some((
                AbortWith::Http(StatusCode::BAD_GATEWAY),
                PerTenThousand(abort),
            )),
            bandwidth: None,
            active_max: None,
            origin: Origin::default_of("fault"),
        }
    }

    #[test]
    fn no_more_than_the_bound_are_active_at_a_time() {
        let active = Active::default();
        let first = active.admit(Some(2));
        let second = active.admit(Some(2));
        assert!(first.is_some() && second.is_some());
        assert!(active.admit(Some(2)).is_none());
        drop(first);
        let third = active.admit(Some(2));
        assert!(third.is_some() && active.admit(Some(2)).is_none());
        assert!(active.admit(None).is_some());
    }

    /// Of 100,000 requests: delayed, aborted, both.
    fn count(fault: &Fault) -> [u32; 3] {
        let mut rng = Entropy::from_seed(9);
        let mut seen = [0; 3];
        for _ in 0..100_000 {
            let drawn = draw(fault, &mut rng, &mut Trail::off());
            let (delayed, aborted) = (drawn.delay.is_some(), drawn.abort.is_some());
            for (n, hit) in seen.iter_mut().zip([delayed, aborted, delayed && aborted]) {
                *n += u32::from(hit);
            }
        }
        seen
    }

    #[test]
    fn delay_and_abort_are_drawn_independently() {
        let [delayed, aborted, both] = count(&fault(2000, 5000));
        // Four standard deviations of a binomial around 20 %, 50 % and their product.
        assert!((19_494..=20_506).contains(&delayed), "{delayed}");
        assert!((49_368..=50_632).contains(&aborted), "{aborted}");
        assert!((9_621..=10_379).contains(&both), "{both}");
    }

    #[test]
    fn nothing_and_everything_are_exact() {
        assert_eq!(count(&fault(0, 0)), [0, 0, 0]);
        assert_eq!(count(&fault(10_000, 10_000)), [100_000; 3]);
        assert_eq!(count(&fault(u32::MAX, 0)), [100_000, 0, 0]);
    }

    #[test]
    fn turning_a_fault_off_does_not_move_later_draws() {
        let (mut a, mut b) = (Entropy::from_seed(1), Entropy::from_seed(1));
        let one = Fault {
            delay: None,
            ..fault(0, 100)
        };
        let trail = &mut Trail::off();
        for _ in 0..50 {
            draw(&one, &mut a, trail);
            draw(&fault(9000, 9000), &mut b, trail);
        }
        assert_eq!(a.u64(), b.u64());
    }

    #[test]
    fn the_trail_names_the_policy() {
        let mut trail = Trail::on();
        draw(
            &fault(10_000, 10_000),
            &mut Entropy::from_seed(1),
            &mut trail,
        );
        let step = trail.steps()[0].to_string();
        assert_eq!(
            step,
            "fault: delay of 1s, abort with HTTP 502 [default fault]"
        );
    }
}
