//! A body that comes no faster than an injected fault allows: each frame is held for as long as its
//! bytes would take (Envoy's `response_rate_limit`).

use core::pin::Pin;
use core::task::{Context, Poll, ready};

use engine::time::{Duration, Instant};

use crate::exchange::{Frame, Length, Source, StreamError};
use crate::net::Rt;

/// A source with a bound on its bytes per second, or without one.
pub(super) struct Paced<S, R: Rt> {
    pub(super) source: S,
    pace: Option<Pace<R>>,
}

struct Pace<R: Rt> {
    rt: R,
    bytes_per_second: u64,
    /// When the frame that was passed on last was due.
    last: Instant,
    held: Option<(Frame, Pin<Box<R::Sleep>>)>,
}

// === impl Paced ===

impl<S, R: Rt> Paced<S, R> {
    pub(super) fn new(source: S) -> Self {
        Self { source, pace: None }
    }

    pub(super) fn slow_down(&mut self, rt: &R, bytes_per_second: u64) {
        self.pace = Some(Pace {
            rt: rt.clone(),
            bytes_per_second: bytes_per_second.max(1),
            last: rt.now(),
            held: None,
        });
    }
}

impl<S: Source, R: Rt> Source for Paced<S, R> {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, StreamError>>> {
        let Some(pace) = &mut self.pace else {
            return self.source.poll_frame(cx);
        };
        if pace.held.is_none() {
            match ready!(self.source.poll_frame(cx)) {
                Some(Ok(Frame::Data(data))) if !data.is_empty() => {
                    let sleep = pace.sleep(data.len());
                    pace.held = Some((Frame::Data(data), sleep));
                }
                other => return Poll::Ready(other),
            }
        }
        let Some((_, sleep)) = &mut pace.held else {
            return Poll::Pending;
        };
        ready!(sleep.as_mut().poll(cx));
        Poll::Ready(pace.held.take().map(|(frame, _)| Ok(frame)))
    }

    fn is_end(&self) -> bool {
        let held = self.pace.as_ref().is_some_and(|pace| pace.held.is_some());
        !held && self.source.is_end()
    }

    fn length(&self) -> Length {
        self.source.length()
    }
}

// === impl Pace ===

impl<R: Rt> Pace<R> {
    fn sleep(&mut self, bytes: usize) -> Pin<Box<R::Sleep>> {
        let nanos = (bytes as u64).saturating_mul(1_000_000_000) / self.bytes_per_second;
        self.last = self.last.max(self.rt.now()) + Duration::from_nanos(nanos);
        Box::pin(self.rt.sleep_until(self.last))
    }
}
