//! What an agent asks on its own account: the service that counts for global rate limits.

use core::future::Future;
use core::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use engine::ratelimit::global::{Answer, Question};
use engine::session::Session;
use http::uri::{Authority, PathAndQuery};
use http::{HeaderMap, Method};
use proxy::net::Rt as _;
use proxy::rls;
use proxy::telemetry::Rows;

use super::Agent;
use super::serve::head;
use crate::client::{Ask, Dest, Protocol};

/// A question under way.
type Asked<'a> = Pin<Box<dyn Future<Output = Result<Answer, String>> + Send + 'a>>;

// === impl Agent ===

impl Agent {
    /// Asks the service that counts; an error says why there is no answer.
    ///
    /// Boxed, since the service is a pod that is asked as every other: the type would contain
    /// itself.
    pub(super) fn ask<'a>(self: &'a Arc<Self>, question: &'a Question) -> Asked<'a> {
        Box::pin(self.asked(question))
    }

    async fn asked(self: &Arc<Self>, question: &Question) -> Result<Answer, String> {
        let Some(global) = &question.policy().global else {
            return Err("nobody is to be asked".to_owned());
        };
        let to = &global.service;
        let host = format!("{}.{}:{}", to.service.name, to.service.namespace, to.port);
        let authority: Authority = host.parse().map_err(|_| format!("{host} is no host"))?;
        let message = rls::encode_request(&global.domain, question.descriptors());
        let ask = Ask {
            dest: Dest {
                host: host.as_str().into(),
                port: to.port,
                protocol: Protocol::Http2,
                grpc: true,
            },
            method: Method::POST,
            authority,
            path: PathAndQuery::from_static(rls::PATH),
            headers: HeaderMap::new(),
            body_bytes: message.len() as u64,
            message: Bytes::from(message),
        };
        let (now, head) = (self.rt.now(), head(&ask, &ask.headers));
        let until = now + global.timeout;
        let Some(session) = Session::alone(to, &head, until, &self.clusters, now) else {
            return Err(format!("{to} is not in the configuration"));
        };
        let mut counted = self.count(Rows::default());
        let answer = tokio::select! {
            biased;
            answer = self.drive(session, &ask, &head, &mut counted) => answer,
            () = self.rt.sleep_until(until) => {
                return Err(format!("no answer in {:?}", global.timeout));
            }
        };
        match (answer.flag, answer.grpc) {
            (Some(flag), _) => Err(format!("{to} answered with {flag}")),
            (None, Some(0)) => rls::decode_response(&answer.message)
                .map_err(|e| format!("its answer is not understood: {e}")),
            (None, code) => Err(format!("it answered with gRPC status {code:?}")),
        }
    }
}
