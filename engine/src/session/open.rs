//! From a request to a session: rule, filters, fault, backend, mirrors.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};

use super::{Request, Session};
use crate::entropy::Entropy;
use crate::failure::{Again, Failure, Flag, Whose};
use crate::fault::{self, Drawn, Permit};
use crate::filter::{self, Context};
use crate::head::RequestHead;
use crate::live::{Clusters, LiveCluster};
use crate::origin::Origin;
use crate::ratelimit::Asking;
use crate::route;
use crate::snapshot::{
    BackendTarget, ClusterKey, ClusterProtocol, Fault, Filter, Frontend, RouteKind, Rule,
};
use crate::split::Chosen;
use crate::time::Instant;
use crate::trace::{Step, Trail};
use crate::verdict::LocalResponse;
use crate::{hash_policy, split};

/// What becomes of a request.
#[derive(Debug)]
pub enum Opened {
    Respond(Box<Answer>),
    Forward(Box<Session>),
}

/// A request that is answered here.
#[derive(Debug)]
pub struct Answer {
    pub response: LocalResponse,
    /// Not to be sent before: an injected delay.
    pub not_before: Instant,
    /// The rule that governs the request, for statistics.
    pub rule: Option<Arc<Rule>>,
    /// Held until it was sent.
    pub fault: Option<Permit>,
}

/// A copy of the request that a filter asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirrorTo {
    pub cluster: ClusterKey,
    pub origin: Origin,
}

/// What the filters of rule and backend need until the response comes.
#[derive(Debug, Default)]
pub(super) struct AfterFilters {
    rule: Option<Arc<Rule>>,
    /// Index of the backend that was drawn.
    backend: usize,
    /// The request's `Origin`, for CORS.
    origin: Option<HeaderValue>,
}

/// What `open` is told.
struct Opening<'a> {
    frontend: &'a Frontend,
    clusters: &'a Clusters,
    now: Instant,
}

// === impl Session ===

impl Session {
    /// Finds the rule for a request, applies its filters to `head`, draws its faults and chooses
    /// the backend, once for all tries.
    pub fn open(
        frontend: &Frontend,
        head: &mut RequestHead,
        clusters: &Clusters,
        now: Instant,
        rng: &mut Entropy,
        trail: &mut Trail,
    ) -> Opened {
        let opening = Opening {
            frontend,
            clusters,
            now,
        };
        match opening.run(head, rng, trail) {
            Ok(session) => Opened::Forward(Box::new(session)),
            Err(answer) => Opened::Respond(answer),
        }
    }

    /// A session past all routes: one try, no rule. For copies of requests ([`Session::mirrors`])
    /// and for what a proxy asks on its own account. None when the configuration does not have the
    /// cluster.
    pub fn alone(
        to: &ClusterKey,
        head: &RequestHead,
        deadline: Instant,
        clusters: &Clusters,
        now: Instant,
    ) -> Option<Self> {
        let cluster = clusters.get(to, now)?;
        let mut session = Self::new(cluster, Request::of(head), now, deadline);
        session.choose_by(head, None);
        Some(session)
    }

    fn new(cluster: Arc<LiveCluster>, request: Request, now: Instant, deadline: Instant) -> Self {
        Self {
            rule: None,
            cluster,
            request,
            hash: None,
            cookie: None,
            protocol: ClusterProtocol::Same,
            filters: AfterFilters::default(),
            opened: now,
            deadline,
            delay_until: None,
            bandwidth: None,
            fault: None,
            over_shadow_limit: false,
            mirrors: Vec::new(),
            current: None,
            entry: None,
            tried: Vec::new(),
            retries: 0,
            retries_denied: 0,
            retry_permit: None,
            queued_since: None,
            flag: None,
            last_broken: None,
        }
    }

    /// Takes from cluster and request what the choice of an endpoint needs.
    fn choose_by(&mut self, head: &RequestHead, rng: Option<&mut Entropy>) {
        let policy = self.cluster.policy();
        self.protocol = policy.protocol;
        if let Some(hash) = policy.balancer.consistent_hash() {
            let found = hash_policy::evaluate(&hash.on, head, rng);
            self.hash = found.hash;
            self.cookie = found.cookie;
        }
    }
}

// === impl Opening ===

impl Opening<'_> {
    fn run(
        &self,
        head: &mut RequestHead,
        rng: &mut Entropy,
        trail: &mut Trail,
    ) -> Result<Session, Box<Answer>> {
        let Some(found) = route::find(&self.frontend.routes, head, trail) else {
            return Err(self.refuse(&no_rule(self.frontend, head), head, None, trail));
        };
        let rule = found.rule;
        let limits = self.limit(rule, head, trail);
        if let Some(refused) = &limits.refused {
            let mut answer = self.refuse(refused, head, Some(rule), trail);
            limits.write_refusal(self.now, &mut answer.response.headers);
            return Err(answer);
        }
        // What the client asked, before filters change it.
        let request = Request::of(head);
        let origin = filter::cors_origin(&rule.filters, head);
        let context = |origin| Context {
            prefix: found.prefix(),
            port: self.frontend.port,
            origin,
        };
        let in_context = context(&rule.origin);
        if let Some(response) = filter::on_request(&rule.filters, head, &in_context, trail) {
            return Err(self.answer(response, Some(rule)));
        }
        let deadline = match rule.timeouts.request {
            Some(limit) => self.now + limit,
            None => Instant::FAR_FUTURE,
        };
        let fault = rule.fault.as_ref();
        let (drawn, permit) = fault.map(|f| self.draw(f, rng, trail)).unwrap_or_default();
        let delay_until = drawn.delay.map(|delay| deadline.min(self.now + delay));
        if let (Some(abort), Some(fault)) = (drawn.abort, fault) {
            let response = LocalResponse::from_abort(abort, head, fault.origin.clone());
            let mut answer = self.answer(response, Some(rule));
            answer.not_before = delay_until.unwrap_or(self.now);
            answer.fault = permit;
            return Err(answer);
        }
        let chosen = split::choose(rule, rng, trail)
            .map_err(|failure| self.refuse(&failure, head, Some(rule), trail))?;
        let backend = chosen.backend;
        let in_context = context(&backend.origin);
        if let Some(response) = filter::on_request(&backend.filters, head, &in_context, trail) {
            return Err(self.answer(response, Some(rule)));
        }
        let Some(cluster) = self.clusters.get(chosen.cluster, self.now) else {
            let failure = unknown_cluster(&chosen);
            return Err(self.refuse(&failure, head, Some(rule), trail));
        };
        let mut session = Session::new(cluster, request, self.now, deadline);
        session.choose_by(head, Some(rng));
        session.delay_until = delay_until;
        session.bandwidth = drawn.bandwidth;
        session.fault = permit;
        session.over_shadow_limit = limits.shadowed;
        session.mirrors = mirrors(&rule.filters, rng, trail);
        session
            .mirrors
            .extend(mirrors(&backend.filters, rng, trail));
        session.filters = AfterFilters {
            rule: Some(rule.clone()),
            backend: chosen.index,
            // A backend's filter may ask for it as well.
            origin: origin.or_else(|| filter::cors_origin(&backend.filters, head)),
        };
        session.rule = Some(rule.clone());
        Ok(session)
    }

    /// What the limits of the client's side say.
    fn limit(
        &self,
        rule: &Rule,
        head: &RequestHead,
        trail: &mut Trail,
    ) -> crate::ratelimit::Verdict {
        if rule.limits.is_empty() {
            return Default::default();
        }
        let asking = Asking {
            peer: None,
            head: Some(head),
        };
        let mut limiter = self.clusters.limiter();
        limiter.check(rule.limits.iter(), asking, self.now, trail)
    }

    /// The faults of a request; none when as many as the policy allows are under way.
    fn draw(&self, fault: &Fault, rng: &mut Entropy, trail: &mut Trail) -> (Drawn, Option<Permit>) {
        let drawn = fault::draw(fault, rng, trail);
        if drawn == Drawn::default() {
            return (drawn, None);
        }
        match self.clusters.faults().admit(fault.active_max) {
            Some(permit) => (drawn, Some(permit)),
            None => {
                trail.step(|| Step::new("fault", "none: as many as allowed are active"));
                (Drawn::default(), None)
            }
        }
    }

    fn refuse(
        &self,
        failure: &Failure,
        head: &RequestHead,
        rule: Option<&Arc<Rule>>,
        trail: &mut Trail,
    ) -> Box<Answer> {
        trail.step(|| super::failing::step(failure));
        self.answer(LocalResponse::from_failure(failure, head), rule)
    }

    fn answer(&self, response: LocalResponse, rule: Option<&Arc<Rule>>) -> Box<Answer> {
        Box::new(Answer {
            response,
            not_before: self.now,
            rule: rule.cloned(),
            fault: None,
        })
    }
}

// === impl AfterFilters ===

impl AfterFilters {
    /// The filters of the backend, then those of the rule.
    pub(super) fn apply(&self, headers: &mut HeaderMap) {
        let Some(rule) = &self.rule else {
            return;
        };
        let origin = self.origin.as_ref();
        if let Some(backend) = rule.backends.get(self.backend) {
            filter::on_response(&backend.filters, origin, headers);
        }
        filter::on_response(&rule.filters, origin, headers);
    }
}

fn mirrors(filters: &[Filter], rng: &mut Entropy, trail: &mut Trail) -> Vec<MirrorTo> {
    let mut drawn = Vec::new();
    for mirror in filter::mirrors(filters, rng) {
        match &mirror.target {
            BackendTarget::Cluster(cluster) => {
                trail.step(|| {
                    let step = Step::new("mirror", format!("a copy goes to {cluster}"));
                    step.with_origin(mirror.origin.clone())
                });
                drawn.push(MirrorTo {
                    cluster: cluster.clone(),
                    origin: mirror.origin.clone(),
                });
            }
            BackendTarget::Invalid(reason) => trail.step(|| {
                let step = Step::new("mirror", format!("no copy: {reason}"));
                step.with_origin(mirror.origin.clone())
            }),
        }
    }
    drawn
}

/// No rule governs the request.
pub(super) fn no_rule(frontend: &Frontend, head: &RequestHead) -> Failure {
    match frontend.routes.kind() {
        RouteKind::Default => no_backend(
            format!("{} has no backend", frontend.service),
            &frontend.origin,
        ),
        RouteKind::Grpc | RouteKind::Http | RouteKind::Tls | RouteKind::Tcp => {
            route::no_route(head, &frontend.origin)
        }
    }
}

/// The drawn backend is a cluster that the configuration does not have.
pub(super) fn unknown_cluster(chosen: &Chosen<'_>) -> Failure {
    let cause = format!("{} is not in the configuration", chosen.cluster);
    no_backend(cause, &chosen.backend.origin)
}

fn no_backend(cause: String, origin: &Origin) -> Failure {
    Failure::new(Whose::Config, Again::Never, Flag::NoBackend, cause).with_origin(origin.clone())
}
