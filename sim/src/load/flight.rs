//! One request of a load, from its due time to its end.

use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use engine::classify::Kind;
use engine::failure::Flag;
use engine::report::Ended;
use engine::time::Instant;
use http::HeaderValue;
use proxy::net::Rt as _;
use tokio::sync::Notify;

use super::{FLIGHTS_MAX, LoadSpec, Origin, Sender};
use crate::app::kind;
use crate::client::{Answer, Ask, NoAnswer};
use crate::net::SimRt;
use crate::oracle::Fact;
use crate::record::Outcome;

/// A request that was sent. However its task ends, it is counted once: also when its node crashes.
pub(super) struct Flight {
    sender: Sender,
    origin: Origin,
    id: Arc<str>,
    due: Instant,
    landed: Arc<Notify>,
    counted: bool,
}

// === impl Sender ===

impl Sender {
    /// Makes the next request; `None` when nobody is there to send it.
    pub(super) fn launch(&self, due: Instant) -> Option<Flight> {
        let mut tally = self.tally();
        let n = tally.sent;
        tally.sent += 1;
        tally.slice.start();
        tally.in_flight += 1;
        tally.slice.bytes_in += self.spec.body_bytes;
        let crowded = tally.in_flight > FLIGHTS_MAX;
        drop(tally);
        let id: Arc<str> = format!("{}-{n}", self.spec.name).into();
        let origins = self.origins.lock().unwrap_or_else(PoisonError::into_inner);
        let origin = match origins.len() {
            0 => None,
            len => origins.get((n % len as u64) as usize).cloned(),
        };
        drop(origins);
        let sent = Fact::Sent {
            load: &self.spec.name,
            id: &id,
            body_bytes: self.spec.body_bytes,
        };
        self.witness.tell(due, &sent);
        self.stories.begin(&id, &self.spec.name, due);
        let refusal = match (&origin, crowded) {
            (None, _) => "no pod of the sender runs",
            (_, true) => "the sender has no free port",
            (Some(_), false) => "",
        };
        if let Some(origin) = origin.filter(|_| !crowded) {
            return Some(Flight {
                sender: self.clone(),
                origin,
                id,
                due,
                landed: Arc::default(),
                counted: false,
            });
        }
        let end = End {
            how: Ended::LocalFailure,
            outcome: Outcome::failed(refusal),
            body_bytes: 0,
        };
        self.count(&id, due, due, &end);
        None
    }

    fn count(&self, id: &str, due: Instant, now: Instant, end: &End) {
        let outcome = &end.outcome;
        let mut tally = self.tally();
        tally.in_flight = tally.in_flight.saturating_sub(1);
        let slice = &mut tally.slice;
        slice.end(end.how, now.since(due));
        slice.bytes_out += end.body_bytes;
        if let Some(status) = outcome
            .status
            .and_then(|s| http::StatusCode::from_u16(s).ok())
        {
            slice.count_status(status);
        }
        if let Some(code) = outcome.grpc {
            slice.count_grpc(code);
        }
        if let Some(flag) = outcome.flag {
            slice.flags.add(flag);
        }
        drop(tally);
        let fact = Fact::Ended {
            id,
            outcome,
            body_bytes: end.body_bytes,
        };
        self.witness.tell(now, &fact);
        self.stories.end(id, now, outcome);
    }
}

/// How a request ended.
struct End {
    how: Ended,
    outcome: Outcome,
    body_bytes: u64,
}

// === impl Flight ===

impl Flight {
    pub(super) fn rt(&self) -> SimRt {
        self.origin.rt
    }

    /// Told when the request has ended.
    pub(super) fn landed(&self) -> Arc<Notify> {
        Arc::clone(&self.landed)
    }

    pub(super) async fn run(mut self) {
        let spec = Arc::clone(&self.sender.spec);
        self.rt().note("sent", self.id.as_bytes());
        let ask = ask(&spec, &self.id);
        let answer = self.origin.client.call(&ask, Some(spec.timeout)).await;
        let now = self.rt().now();
        if matches!(answer, Err(NoAnswer::Timeout(_))) {
            self.sender.tally().slice.timeouts += 1;
        }
        let end = End::of(&answer);
        let status = end.outcome.status.unwrap_or_default();
        self.rt()
            .note("ended", format!("{} {status}", self.id).as_bytes());
        self.finish(now, &end);
    }

    fn finish(&mut self, now: Instant, end: &End) {
        if !core::mem::replace(&mut self.counted, true) {
            self.sender.count(&self.id, self.due, now, end);
            self.landed.notify_one();
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let now = self.rt().now();
        // After the end of the world nobody counts.
        if now != Instant::FAR_FUTURE {
            let crashed = End {
                how: Ended::Ignored,
                outcome: Outcome::failed("the sender crashed"),
                body_bytes: 0,
            };
            self.finish(now, &crashed);
        }
    }
}

fn ask(spec: &LoadSpec, id: &str) -> Ask {
    let mut headers = spec.headers.clone();
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert("x-request-id", id);
    }
    Ask {
        dest: spec.dest.clone(),
        method: spec.method.clone(),
        authority: spec.authority.clone(),
        path: spec.path.clone(),
        headers,
        body_bytes: spec.body_bytes,
        message: Bytes::new(),
    }
}

// === impl End ===

impl End {
    /// What an answer means for the sender.
    fn of(answer: &Result<Answer, NoAnswer>) -> Self {
        let answered = match answer {
            Ok(answered) => answered,
            Err(error) => {
                return Self {
                    how: Ended::LocalFailure,
                    outcome: Outcome::failed(error.to_string()),
                    body_bytes: 0,
                };
            }
        };
        let how = match (kind(answer), answered.flag) {
            // 4xx is the client's fault as a rule; who was refused by the mesh was not served.
            (Kind::Success, flag) if !flag.is_some_and(Flag::is_refusal) => Ended::Success,
            // A proxy of the mesh answered itself.
            (_, Some(_)) => Ended::LocalFailure,
            _ => Ended::Failure,
        };
        let outcome = Outcome {
            status: Some(answered.status.as_u16()),
            grpc: answered.grpc,
            flag: answered.flag,
            error: None,
            success: how == Ended::Success,
        };
        Self {
            how,
            outcome,
            body_bytes: answered.body_bytes,
        }
    }
}

// === impl Outcome ===

impl Outcome {
    /// No answer, and why.
    pub(crate) fn failed(error: impl Into<String>) -> Self {
        Self {
            status: None,
            grpc: None,
            flag: None,
            error: Some(error.into()),
            success: false,
        }
    }
}
