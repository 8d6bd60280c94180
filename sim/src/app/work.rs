//! One request's way through an application.

use core::sync::atomic::{AtomicU32, Ordering};

use http::{HeaderMap, StatusCode};
use proxy::net::Rt as _;

use super::AppPod;
use crate::oracle::{Call, Fact};

/// A request that an application has read whole.
pub(crate) struct Request {
    /// `x-request-id`; empty when the client sent none.
    pub(crate) id: String,
    /// What is passed on to calls.
    pub(crate) tracing: HeaderMap,
    pub(crate) call: Call,
    pub(crate) body_bytes: u64,
}

/// What it answers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) body_bytes: u64,
}

/// Headers that an instrumented application copies from a request to the calls it makes for it
/// (W3C Trace Context, B3), and what routes match on by custom.
const PASSED_ON: [&str; 11] = [
    "traceparent",
    "tracestate",
    "baggage",
    "b3",
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-parentspanid",
    "x-b3-sampled",
    "x-b3-flags",
    "x-user",
    "x-mesh-env",
];

/// A place in the queue.
struct Waiting<'a>(&'a AtomicU32);

// === impl Request ===

impl Request {
    pub(crate) fn new(call: Call, headers: &HeaderMap, body_bytes: u64) -> Self {
        let id = headers.get("x-request-id").and_then(|v| v.to_str().ok());
        let mut tracing = HeaderMap::new();
        for name in PASSED_ON {
            if let Some(value) = headers.get(name) {
                tracing.insert(name, value.clone());
            }
        }
        Self {
            id: id.unwrap_or_default().to_owned(),
            tracing,
            call,
            body_bytes,
        }
    }
}

// === impl Waiting ===

impl<'a> Waiting<'a> {
    fn enter(queue: &'a AtomicU32, bound: u32) -> Option<Self> {
        let before = queue.fetch_add(1, Ordering::Relaxed);
        let place = Self(queue);
        (before < bound).then_some(place)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

// === impl AppPod ===

impl AppPod {
    /// Does the work of a request.
    pub(crate) async fn handle(&self, request: &Request) -> Reply {
        self.rt.note("received", request.id.as_bytes());
        let fact = Fact::Received {
            pod: &self.name,
            id: &request.id,
            call: &request.call,
            body_bytes: request.body_bytes,
        };
        self.witness.tell(self.rt.now(), &fact);
        let Some(_worker) = self.worker().await else {
            return Reply {
                status: StatusCode::SERVICE_UNAVAILABLE,
                body_bytes: 0,
            };
        };
        let draw = self
            .spec
            .draw(&self.behaviour(), self.rt.now(), &mut self.rng());
        if !draw.takes.is_zero() {
            self.rt.sleep_until(self.rt.now() + draw.takes).await;
        }
        let failed = match draw.error {
            Some(status) => Some(status),
            None => self.make_calls(request).await.err(),
        };
        match failed {
            Some(status) => Reply {
                status,
                body_bytes: 0,
            },
            None => Reply {
                status: StatusCode::OK,
                body_bytes: self.spec.response_size,
            },
        }
    }

    /// The answer was written, whole or not.
    pub(crate) fn answered(&self, request: &Request, reply: Reply, whole: bool) {
        let fact = Fact::Answered {
            pod: &self.name,
            id: &request.id,
            body_bytes: reply.body_bytes,
            whole,
        };
        self.witness.tell(self.rt.now(), &fact);
        self.rt.note("answered", request.id.as_bytes());
    }

    async fn worker(&self) -> Option<tokio::sync::SemaphorePermit<'_>> {
        if let Ok(worker) = self.workers.try_acquire() {
            return Some(worker);
        }
        let _place = Waiting::enter(&self.waiting, self.spec.queue)?;
        // The semaphore is never closed.
        self.workers.acquire().await.ok()
    }
}
