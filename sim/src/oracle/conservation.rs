//! Nothing is lost and nothing appears: every request ends exactly once, and the bytes of a body
//! that was taken whole are the bytes that were sent.

use std::collections::BTreeMap;

use engine::time::Instant;

use super::{Fact, Invariant, seconds};

/// Every request that is sent ends exactly once.
#[derive(Default)]
pub(super) struct EndsOnce {
    under_way: BTreeMap<String, (String, Instant)>,
}

/// What an application got is what the sender sent, and the other way round.
#[derive(Default)]
pub(super) struct BytesKept {
    sent: BTreeMap<String, Body>,
}

#[derive(Clone, Copy, Default)]
struct Body {
    request: u64,
    /// Size of the last whole answer, if the one that arrived can be told.
    answers: Option<u64>,
    /// More than one application answered, so that the sender may have any of the answers.
    ambiguous: bool,
}

/// Requests named in a breach at the end of a run; the number is given anyway.
const NAMED_MAX: usize = 3;

// === impl EndsOnce ===

impl Invariant for EndsOnce {
    fn name(&self) -> &'static str {
        "every request ends exactly once"
    }

    fn observe(&mut self, now: Instant, fact: &Fact<'_>, breach: &mut dyn FnMut(String)) {
        match fact {
            Fact::Sent { load, id, .. } => {
                let known = self
                    .under_way
                    .insert((*id).to_owned(), ((*load).to_owned(), now));
                if known.is_some() {
                    breach(format!("request {id} of load {load} was sent twice"));
                }
            }
            Fact::Ended { id, outcome, .. } if self.under_way.remove(*id).is_none() => {
                breach(format!(
                    "request {id} ended ({outcome:?}) though it was not under way"
                ));
            }
            _ => {}
        }
    }

    fn finish(&mut self, _: Instant, breach: &mut dyn FnMut(String)) {
        if self.under_way.is_empty() {
            return;
        }
        let named = self.under_way.iter().take(NAMED_MAX);
        let named: Vec<_> = named
            .map(|(id, (load, at))| format!("{id} of load {load}, sent at {}", seconds(*at)))
            .collect();
        breach(format!(
            "{} requests never ended: {}",
            self.under_way.len(),
            named.join("; ")
        ));
    }
}

// === impl BytesKept ===

impl Invariant for BytesKept {
    fn name(&self) -> &'static str {
        "bytes in = bytes out"
    }

    fn observe(&mut self, _: Instant, fact: &Fact<'_>, breach: &mut dyn FnMut(String)) {
        match fact {
            Fact::Sent { id, body_bytes, .. } => {
                let body = Body {
                    request: *body_bytes,
                    ..Body::default()
                };
                self.sent.insert((*id).to_owned(), body);
            }
            // Requests that applications make among themselves carry ids that no load sent.
            Fact::Received {
                pod,
                id,
                body_bytes,
                ..
            } => {
                if let Some(body) = self.sent.get(*id)
                    && body.request != *body_bytes
                {
                    breach(format!(
                        "{pod} got {body_bytes} bytes of request {id}, which has {}",
                        body.request
                    ));
                }
            }
            Fact::Answered {
                id,
                body_bytes,
                whole: true,
                ..
            } => {
                if let Some(body) = self.sent.get_mut(*id) {
                    body.ambiguous |= body.answers.is_some_and(|size| size != *body_bytes);
                    body.answers = Some(*body_bytes);
                }
            }
            Fact::Ended {
                id,
                outcome,
                body_bytes,
            } => {
                let Some(body) = self.sent.remove(*id) else {
                    return;
                };
                // A failure may have been answered by a proxy, with a body of its own.
                if let (true, false, Some(size)) = (outcome.success, body.ambiguous, body.answers)
                    && size != *body_bytes
                {
                    breach(format!(
                        "the sender of request {id} got {body_bytes} bytes of an answer of {size}"
                    ));
                }
            }
            _ => {}
        }
    }

    fn finish(&mut self, _: Instant, _: &mut dyn FnMut(String)) {}
}
