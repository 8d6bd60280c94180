//! Copies of requests, sent and forgotten: nobody waits for their answers.

use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::{Context, Poll};
use std::sync::Arc;

use engine::head::{RequestHead, ResponseHead};
use engine::session::{MirrorTo, Session};
use engine::time::{Duration, Instant};
use engine::trace::Trail;

use super::request::Run;
use crate::exchange::{Frame, Length, Respond, Sink, Source, StreamError, Tee};
use crate::net::Rt;
use crate::serve::Shared;
use crate::telemetry::Rows;

/// A mirrored request of a route without a timeout is given up after this.
const MIRROR_TIMEOUT: Duration = Duration::from_secs(15);

/// A body of any kind.
pub(super) type AnySource = Box<dyn Source + Send>;

/// A client that hears everything and says nothing.
struct Nobody {
    responded: bool,
}

/// Counts one mirrored request until it is dropped.
struct Counted<R: Rt>(Arc<Shared<R>>);

/// Starts a copy for each of `mirrors`, as far as the bound allows; returns the body to send in the
/// place of `body`, and how many copies were started.
pub(super) fn start<R: Rt>(
    shared: &Arc<Shared<R>>,
    mirrors: &[MirrorTo],
    head: &RequestHead,
    body: impl Source + Send + 'static,
    deadline: Instant,
) -> (AnySource, u64) {
    let mut body: AnySource = Box::new(body);
    let mut started = 0;
    let now = shared.rt.now();
    let deadline = deadline.min(now + MIRROR_TIMEOUT);
    for to in mirrors {
        let Some(counted) = admit(shared) else { break };
        let clusters = &shared.clusters;
        let Some(session) = Session::alone(&to.cluster, head, deadline, clusters, now) else {
            continue;
        };
        let (tee, copy) = Tee::new(body, shared.bounds.mirror_body);
        body = Box::new(tee);
        started += 1;
        let head = head.clone();
        shared.rt.spawn(async move {
            let mut run = Run::new(&counted.0, session, Trail::off(), Rows::default());
            let mut nobody = Nobody { responded: false };
            run.drive(&head, copy, &mut nobody).await;
        });
    }
    (body, started)
}

fn admit<R: Rt>(shared: &Arc<Shared<R>>) -> Option<Counted<R>> {
    let under_way: &AtomicUsize = &shared.mirrors;
    if under_way.fetch_add(1, Ordering::Relaxed) >= shared.bounds.mirrors {
        under_way.fetch_sub(1, Ordering::Relaxed);
        return None;
    }
    Some(Counted(shared.clone()))
}

// === impl Counted ===

impl<R: Rt> Drop for Counted<R> {
    fn drop(&mut self) {
        self.0.mirrors.fetch_sub(1, Ordering::Relaxed);
    }
}

// === impl Nobody ===

impl Sink for Nobody {
    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        Poll::Ready(Ok(()))
    }

    fn send(&mut self, _frame: Frame, _end: bool) -> Result<(), StreamError> {
        Ok(())
    }

    fn poll_flush(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        Poll::Ready(Ok(()))
    }

    fn poll_closed(&mut self, _cx: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }

    fn abort(&mut self) {}
}

impl Respond for Nobody {
    fn inform(&mut self, _head: ResponseHead) -> Result<(), StreamError> {
        Ok(())
    }

    fn respond(&mut self, _head: ResponseHead, _length: Length) -> Result<(), StreamError> {
        self.responded = true;
        Ok(())
    }

    fn has_responded(&self) -> bool {
        self.responded
    }
}
