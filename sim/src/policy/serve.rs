//! A message to a pod: the way there, admission by its agent, its application, the way back.

use core::net::{IpAddr, SocketAddr};
use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use engine::authz::{self, Allowance, BadToken, Claims, Decision, Subject, Tokens};
use engine::failure::Failure;
use engine::head::RequestHead;
use engine::identity::Identity;
use engine::ratelimit::global::{self, Question};
use engine::ratelimit::{self, Asking};
use engine::report::Security;
use engine::snapshot::authz::{Keys, Provider};
use engine::trace::Trail;
use engine::verdict::LocalResponse;
use futures_util::future::join_all;
use http::{HeaderMap, HeaderValue, StatusCode};
use proxy::jwt::Verifier;
use proxy::net::Rt as _;
use proxy::telemetry::{Done, Extra, Shadow};
use tokio::sync::oneshot;

use super::{Agent, Site, Sites};
use crate::app::{Request, grpc_status};
use crate::client::{Answer, Ask};
use crate::net::SimRt;
use crate::net::hop::There;
use crate::oracle::Call;

/// Who sends.
#[derive(Clone, Debug)]
pub(super) struct From {
    pub(super) rt: SimRt,
    pub(super) address: IpAddr,
    pub(super) identity: Option<Identity>,
}

/// What comes back.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    /// Of gRPC, its mapping to HTTP.
    pub(super) status: StatusCode,
    pub(super) body_bytes: u64,
    /// What the body says, where somebody looks at it.
    pub(super) message: Bytes,
    /// An agent answered in the application's place.
    pub(super) local: Option<LocalResponse>,
    /// What the destination would have refused; told to peers of the mesh only.
    pub(super) shadow: Shadow,
}

/// The pod died before it answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Died;

/// Verifies tokens as the proxy does, with the keys that stand in the configuration.
struct Signed<'a> {
    sites: &'a Sites,
    verifier: Verifier<'a>,
}

// === impl Tokens ===

impl Tokens for Signed<'_> {
    fn verify(&self, provider: &Provider, token: &str) -> Result<Claims, BadToken> {
        if let Keys::Fetched(_) = provider.keys {
            self.sites.beyond(format!(
                "tokens of {}: their keys are fetched by the proxy",
                provider.issuer
            ));
        }
        self.verifier.verify(provider, token)
    }
}

/// Brings a request to a pod and its answer back. Never returns when the pod falls silent.
pub(super) async fn deliver(
    sites: &Sites,
    from: From,
    to: SocketAddr,
    ask: &Ask,
    headers: &HeaderMap,
) -> Result<Reply, Died> {
    let rt = from.rt;
    let Some(site) = sites.find(to.ip()) else {
        return core::future::pending().await;
    };
    travel(rt, rt.hop(rt.node(), site.node, ask.body_bytes)).await;
    // It may be another life by now.
    let app = sites
        .find(to.ip())
        .and_then(|s| s.app.clone().map(|app| (s, app)));
    let Some((site, (app_rt, app))) = app else {
        return nobody(rt, &site).await;
    };
    let (send, receive) = oneshot::channel();
    let request = Incoming {
        sites: sites.clone(),
        site: site.clone(),
        identity: from.identity,
        address: from.address,
        to,
        head: head(ask, headers),
        body_bytes: ask.body_bytes,
        message: ask.message.clone(),
    };
    app_rt.spawn(async move {
        let reply = request.serve(&app).await;
        // Nobody waits for it any more: the client left.
        let _ = send.send(reply);
    });
    let Ok(reply) = receive.await else {
        return nobody(rt, &site).await;
    };
    travel(rt, rt.hop(site.node, rt.node(), reply.body_bytes)).await;
    Ok(reply)
}

async fn travel(rt: SimRt, takes: Duration) {
    if !takes.is_zero() {
        rt.sleep_until(rt.now() + takes).await;
    }
}

/// The pod is down.
async fn nobody(rt: SimRt, site: &Site) -> Result<Reply, Died> {
    if rt.there(site.node) == There::Silent {
        return core::future::pending().await;
    }
    travel(rt, rt.hop(site.node, rt.node(), 0)).await;
    Err(Died)
}

pub(super) fn head(ask: &Ask, headers: &HeaderMap) -> RequestHead {
    let authority = Some(ask.authority.clone());
    let mut head = RequestHead::new(ask.method.clone(), authority, ask.path.clone());
    head.headers = headers.clone();
    if ask.dest.grpc {
        let kind = HeaderValue::from_static("application/grpc");
        head.headers.insert(http::header::CONTENT_TYPE, kind);
    }
    head
}

/// A request at its destination.
struct Incoming {
    sites: Sites,
    site: Site,
    identity: Option<Identity>,
    address: IpAddr,
    to: SocketAddr,
    head: RequestHead,
    body_bytes: u64,
    message: Bytes,
}

// === impl Incoming ===

impl Incoming {
    async fn serve(self, app: &crate::app::AppPod) -> Reply {
        let Some(agent) = self.site.agent.clone() else {
            return self.application(app).await;
        };
        let rows = self.rows(&agent);
        let started = agent.rt.now();
        agent.telemetry.start(rows);
        let (refusal, shadow) = self.admit(&agent).await;
        agent.telemetry.shadowed(rows, shadow);
        let mut reply = match refusal {
            Some(refused) => Reply {
                status: refused.status,
                body_bytes: 0,
                message: Bytes::new(),
                local: Some(refused),
                shadow: Shadow::default(),
            },
            None => self.application(app).await,
        };
        // With a refusal the peer is told nothing else.
        if self.identity.is_some() && reply.local.is_none() {
            reply.shadow = shadow;
        }
        let done = match &reply.local {
            Some(local) => Done::local(local),
            None => reply.done(self.head.is_grpc(), self.body_bytes),
        };
        let took = agent.rt.now().since(started);
        agent.telemetry.end(rows, &done, Extra::default(), took);
        reply
    }

    async fn application(&self, app: &crate::app::AppPod) -> Reply {
        let (head, peer) = (&self.head, self.identity.as_ref());
        let peer = peer.map(ToString::to_string);
        let call = Call::new(&head.method, head.host(), head.path.path(), peer);
        let request = Request::new(call, &head.headers, self.body_bytes);
        let reply = app.handle(&request).await;
        app.answered(&request, reply, true);
        let message = match reply.status.is_success() {
            true => app.limits_of(head.path.path(), &self.message),
            false => None,
        };
        Reply {
            status: reply.status,
            body_bytes: message
                .as_ref()
                .map_or(reply.body_bytes, |m| m.len() as u64),
            message: message.unwrap_or_default(),
            local: None,
            shadow: Shadow::default(),
        }
    }

    fn rows(&self, agent: &Agent) -> proxy::telemetry::Rows {
        let (from, tls) = match &self.identity {
            Some(identity) => (identity.as_str(), Security::Mutual),
            None => ("outside", Security::Plain),
        };
        agent.caller(from, tls)
    }

    /// Why the request is not admitted, and what policies say that change nothing: as the proxy
    /// (`proxy::serve::admit`), authorization first, then the limits of this agent, then those
    /// that a service counts.
    async fn admit(&self, agent: &Arc<Agent>) -> (Option<LocalResponse>, Shadow) {
        let (decision, mut limits, questions) = self.judge(agent);
        let answers = join_all(questions.iter().map(|question| agent.ask(question))).await;
        for (question, answer) in questions.iter().zip(&answers) {
            let answer = answer.as_ref().map_err(String::as_str);
            let now = agent.rt.now();
            limits.join(question.verdict(answer, now, &mut Trail::off()));
        }
        let shadow = Shadow {
            audited: !decision.audits.is_empty(),
            limited: limits.shadowed,
        };
        let failure = decision.verdict.err().map(|denial| {
            let failure = denial.failure();
            Failure::new(failure.whose, failure.again, failure.flag, denial.public())
        });
        let refusal = failure.or_else(|| limits.refused.clone());
        let refusal = refusal.map(|failure| {
            let mut answer = LocalResponse::from_failure(&failure, &self.head);
            limits.write_refusal(agent.rt.now(), &mut answer.headers);
            answer
        });
        (refusal, shadow)
    }

    /// The verdict as far as the agent knows it, and what it has to ask.
    fn judge(&self, agent: &Agent) -> (Decision, ratelimit::Verdict, Vec<Question>) {
        let snapshot = agent.snapshot();
        let inbound = &snapshot.inbound;
        let port = inbound
            .ports
            .get(&self.to.port())
            .unwrap_or(&inbound.default);
        let subject = Subject {
            peer: self.identity.as_ref(),
            trust_domain: agent.identity.trust_domain(),
            address: self.address,
            port: self.to.port(),
            head: Some(&self.head),
        };
        let tokens = Signed {
            sites: &self.sites,
            verifier: Verifier {
                keys: &agent.keys,
                now: agent.rt.wall(),
            },
        };
        let decision = authz::decide(port, &subject, &tokens, &mut Trail::off());
        let mut limits = ratelimit::Verdict::default();
        let mut questions = Vec::new();
        if let Ok(Allowance::NoPolicy | Allowance::Rule(_)) = &decision.verdict
            && !port.limits.policies.is_empty()
        {
            let asking = Asking {
                peer: self.identity.as_ref(),
                head: Some(&self.head),
            };
            let about = port.limits.about(asking);
            let mut limiter = agent.clusters.limiter();
            limits = limiter.check(about, asking, agent.rt.now(), &mut Trail::off());
            if limits.refused.is_none() {
                questions = global::questions(port.limits.about(asking), asking);
            }
        }
        (decision, limits, questions)
    }
}

// === impl Reply ===

impl Reply {
    pub(super) fn grpc(&self, grpc: bool) -> Option<u32> {
        grpc.then(|| u32::from(grpc_status(self.status)))
    }

    pub(super) fn done(&self, grpc: bool, body_bytes: u64) -> Done {
        let status = match grpc {
            true => StatusCode::OK,
            false => self.status,
        };
        Done::answered(status, self.grpc(grpc), (body_bytes, self.body_bytes))
    }

    /// As the client of `ask` sees it.
    pub(super) fn answer(self, ask: &Ask) -> Answer {
        if let Some(local) = self.local {
            return Answer::local(local);
        }
        let grpc = self.grpc(ask.dest.grpc);
        Answer {
            status: if grpc.is_some() {
                StatusCode::OK
            } else {
                self.status
            },
            grpc,
            flag: None,
            body_bytes: self.body_bytes,
            message: self.message,
        }
    }
}
