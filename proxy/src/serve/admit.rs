//! Whether a request, or a connection of bytes, may reach the application: authorization first,
//! then the limits of this proxy, then those that a service counts for all of them.

use core::net::IpAddr;

use bytes::Bytes;
use engine::authz::{self, Allowance, Decision, Subject};
use engine::classify::{grpc, grpc_status};
use engine::failure::{Failure, Flag};
use engine::head::{Protocol, RequestHead};
use engine::identity::Identity;
use engine::ratelimit::global::{self, Answer, Question};
use engine::ratelimit::{self, Asking};
use engine::snapshot::InboundPort;
use engine::time::Instant;
use engine::trace::Trail;
use engine::verdict::LocalResponse;
use futures_util::future::join_all;
use http::header::{CONTENT_TYPE, TE};
use http::uri::{Authority, PathAndQuery};
use http::{HeaderMap, HeaderValue, Method};

use super::outbound::own::call;
use super::{Shadow, Shared};
use crate::jwt::Verifier;
use crate::net::Rt;
use crate::rls;

/// The most bytes of an answer about limits: a status of each rule of a policy, with room for
/// fields that are not read.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Who wants to be admitted.
#[derive(Clone, Copy)]
pub(in crate::serve) struct Visitor<'a> {
    /// Proven by the handshake.
    pub(in crate::serve) peer: Option<&'a Identity>,
    pub(in crate::serve) address: IpAddr,
    /// Which port is meant.
    pub(in crate::serve) port: u16,
    /// None for a connection that is not HTTP.
    pub(in crate::serve) head: Option<&'a RequestHead>,
}

/// What was decided about a request, and why.
pub(in crate::serve) struct Judged {
    pub(in crate::serve) decision: Decision,
    limits: ratelimit::Verdict,
    pub(in crate::serve) trail: Trail,
}

// === impl Judged ===

impl Judged {
    /// Asks all at once: a request waits for the slowest answer, not for their sum. It counts
    /// under every policy, also when one of them refuses it.
    async fn ask<R: Rt>(&mut self, shared: &Shared<R>, questions: &[Question]) {
        let asked = questions.iter().map(|question| ask(shared, question));
        let answers = Box::pin(join_all(asked)).await;
        let now = shared.rt.now();
        for (question, answer) in questions.iter().zip(&answers) {
            let answer = answer.as_ref().map_err(String::as_str);
            let verdict = question.verdict(answer, now, &mut self.trail);
            self.limits.join(verdict);
        }
    }

    pub(in crate::serve) fn shadow(&self) -> Shadow {
        Shadow {
            audited: !self.decision.audits.is_empty(),
            limited: self.limits.shadowed,
        }
    }

    /// Why it is not admitted.
    pub(in crate::serve) fn failure(&self) -> Option<Failure> {
        match &self.decision.verdict {
            Err(denial) => Some(denial.failure()),
            Ok(_) => self.limits.refused.clone(),
        }
    }

    /// The answer to a request that is not admitted, and why it is not. The client is told less
    /// than the log: a rule's name helps whoever looks for a way around.
    pub(in crate::serve) fn refusal(
        &self,
        head: &RequestHead,
        now: Instant,
    ) -> Option<(LocalResponse, Failure)> {
        let failure = self.failure()?;
        let public = match (&self.decision.verdict, failure.flag) {
            (Err(denial), _) => denial.public(),
            (Ok(_), Flag::LimitUnknown) => "it is not known whether there is room",
            (Ok(_), _) => "too many requests",
        };
        let public = Failure::new(failure.whose, failure.again, failure.flag, public);
        let mut answer = LocalResponse::from_failure(&public, head);
        self.limits.write_refusal(now, &mut answer.headers);
        Some((answer, failure))
    }

    /// What the client of an admitted request is told besides the response.
    pub(in crate::serve) fn says(&self, meshed: bool, now: Instant) -> HeaderMap {
        let mut says = HeaderMap::new();
        if let Some(told) = self.limits.told {
            told.write(now, &mut says);
        }
        if meshed {
            self.shadow().write(&mut says);
        }
        says
    }
}

// === impl Visitor ===

impl Visitor<'_> {
    /// Whether the request, or the connection, is admitted at a door: what this proxy knows by
    /// itself first, so that nobody is asked about a request that is refused anyway.
    pub(in crate::serve) async fn admit<R: Rt>(
        self,
        shared: &Shared<R>,
        door: &InboundPort,
    ) -> Judged {
        let (mut judged, questions) = self.judge(shared, door);
        if !questions.is_empty() {
            judged.ask(shared, &questions).await;
        }
        judged
    }

    /// The verdict as far as this proxy knows it, and what it has to ask.
    fn judge<R: Rt>(self, shared: &Shared<R>, door: &InboundPort) -> (Judged, Vec<Question>) {
        let Visitor { peer, head, .. } = self;
        let snapshot = shared.snapshot();
        let subject = Subject {
            peer,
            trust_domain: snapshot.workload.identity.trust_domain(),
            address: self.address,
            port: self.port,
            head,
        };
        let tokens = Verifier {
            keys: &shared.key_sets,
            now: shared.rt.wall(),
        };
        let mut trail = match &shared.observer {
            Some(_) => Trail::on(),
            None => Trail::off(),
        };
        let decision = authz::decide(door, &subject, &tokens, &mut trail);
        let mut limits = ratelimit::Verdict::default();
        let mut questions = Vec::new();
        if let Ok(Allowance::NoPolicy | Allowance::Rule(_)) = &decision.verdict
            && !door.limits.policies.is_empty()
        {
            let (asking, now) = (Asking { peer, head }, shared.rt.now());
            let about = door.limits.about(asking);
            let mut limiter = shared.clusters.limiter();
            limits = limiter.check(about, asking, now, &mut trail);
            if limits.refused.is_none() {
                questions = global::questions(door.limits.about(asking), asking);
            }
        }
        let judged = Judged {
            decision,
            limits,
            trail,
        };
        (judged, questions)
    }
}

/// Asks the service that counts; an error says why there is no answer.
async fn ask<R: Rt>(shared: &Shared<R>, question: &Question) -> Result<Answer, String> {
    let Some(global) = &question.policy().global else {
        return Err("nobody is to be asked".to_owned());
    };
    let to = &global.service;
    let host = format!("{}.{}:{}", to.service.name, to.service.namespace, to.port);
    let authority: Authority = host.parse().map_err(|_| format!("{host} is no host"))?;
    let path = PathAndQuery::from_static(rls::PATH);
    let mut head = RequestHead::new(Method::POST, Some(authority), path);
    head.protocol = Protocol::Http2;
    let headers = &mut head.headers;
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(TE, HeaderValue::from_static("trailers"));
    let message = rls::encode_request(&global.domain, question.descriptors());
    let until = shared.rt.now() + global.timeout;
    let answered = call(
        shared,
        to,
        head,
        Bytes::from(message),
        ANSWER_BYTES_MAX,
        until,
    );
    let whole = tokio::select! {
        biased;
        whole = answered => whole?,
        () = shared.rt.sleep_until(until) => {
            return Err(format!("no answer in {:?}", global.timeout));
        }
    };
    let status = grpc_status(&whole.headers).or_else(|| grpc_status(&whole.trailers));
    match status {
        Some(grpc::OK) => rls::decode_response(&whole.body)
            .map_err(|e| format!("its answer is not understood: {e}")),
        Some(code) => Err(format!("it answered with gRPC status {code}")),
        None => Err(format!("it answered {} and no gRPC", whole.status.as_u16())),
    }
}
