//! The calls an application makes while it serves a request.

use bytes::Bytes;
use engine::classify::{self, Kind, Outcome};
use futures_util::future::join_all;
use http::{HeaderValue, StatusCode};

use super::work::Request;
use super::{AppPod, CallSpec};
use crate::client::{Answer, Ask, NoAnswer};
use crate::scenario::OnError;

// === impl AppPod ===

impl AppPod {
    /// Makes the calls of a request, group after group.
    ///
    /// # Errors
    /// The status with which the request fails because a call did.
    pub(super) async fn make_calls(&self, request: &Request) -> Result<(), StatusCode> {
        let calls = &self.spec.calls;
        let mut first = 0;
        while first < calls.len() {
            let more = calls[first + 1..].iter().take_while(|c| c.parallel).count();
            let group = first..first + 1 + more;
            first = group.end;
            let chosen: Vec<usize> = group
                .filter(|i| self.rng().unit() < calls[*i].probability)
                .collect();
            let failed = match chosen[..] {
                [] => false,
                [one] => !self.call(request, one).await,
                _ => {
                    let all = chosen.iter().map(|i| self.call(request, *i));
                    join_all(all).await.contains(&false)
                }
            };
            if failed {
                return Err(self.spec.error_status);
            }
        }
        Ok(())
    }

    /// Makes one call; false when its failure is the request's.
    async fn call(&self, request: &Request, index: usize) -> bool {
        let call = &self.spec.calls[index];
        for attempt in 0..=call.retries {
            let ask = ask(call, request, index, attempt);
            if is_success(&self.client.call(&ask, call.timeout).await) {
                return true;
            }
        }
        call.on_error == OnError::Ignore
    }
}

/// The ids of calls extend the id of the request they are made for: a story can be told by prefix,
/// and two calls are never taken for one.
fn ask(call: &CallSpec, request: &Request, index: usize, attempt: u32) -> Ask {
    let id = match attempt {
        0 => format!("{}.{index}", request.id),
        n => format!("{}.{index}r{n}", request.id),
    };
    let mut headers = request.tracing.clone();
    if let Ok(id) = HeaderValue::try_from(id) {
        headers.insert("x-request-id", id);
    }
    Ask {
        dest: call.dest.clone(),
        method: call.method.clone(),
        authority: call.authority.clone(),
        path: call.path.clone(),
        headers,
        body_bytes: call.body_bytes,
        message: Bytes::new(),
    }
}

/// How the answer counts, by the mesh's one classification.
pub(crate) fn kind(answer: &Result<Answer, NoAnswer>) -> Kind {
    match answer {
        Ok(Answer {
            grpc: Some(code), ..
        }) => classify::classify(Outcome::Grpc(*code)).kind,
        Ok(answer) => classify::classify(Outcome::Http(answer.status)).kind,
        Err(_) => Kind::LocalFailure,
    }
}

fn is_success(answer: &Result<Answer, NoAnswer>) -> bool {
    kind(answer) == Kind::Success
}
