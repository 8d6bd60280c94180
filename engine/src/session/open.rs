//! From a request to a session: rule, filters, fault, backend.

use core::net::SocketAddr;
use std::sync::Arc;

use super::{Request, Session};
use crate::entropy::Entropy;
use crate::failure::{Again, Failure, Flag, Whose};
use crate::head::{RequestHead, ResponseHead};
use crate::live::{Clusters, LiveCluster};
use crate::origin::Origin;
use crate::route;
use crate::snapshot::{BackendRef, BackendTarget, ClusterKey, Frontend, RouteKind, Rule};
use crate::time::Instant;
use crate::trace::{Step, Trail};
use crate::verdict::LocalResponse;

/// What becomes of a request.
#[derive(Debug)]
pub enum Opened {
    /// Answered here, not before `not_before` (an injected delay).
    Respond {
        response: LocalResponse,
        not_before: Instant,
        /// The rule that said so, for statistics.
        rule: Option<Arc<Rule>>,
    },
    Forward(Box<Session>),
}

/// A copy of the request that a filter asked for.
#[derive(Clone, Debug)]
pub struct MirrorTo {
    pub cluster: ClusterKey,
    pub origin: Origin,
}

/// What filters do to the response.
#[derive(Debug, Default)]
pub(super) struct AfterFilters {
    rule: Option<Arc<Rule>>,
}

// === impl Session ===

impl Session {
    /// Finds the rule for a request, applies its filters to `head`, draws its faults and chooses the
    /// backend, once for all tries.
    pub fn open(
        frontend: &Frontend,
        head: &mut RequestHead,
        clusters: &Clusters,
        now: Instant,
        rng: &mut Entropy,
        trail: &mut Trail,
    ) -> Opened {
        let table = &frontend.routes;
        let Some(found) = route::find(table, head, trail) else {
            let failure = match table.kind() {
                RouteKind::Default => no_backend("the Service has no backend", &frontend.origin),
                _ => route::no_route(head, &frontend.origin),
            };
            return respond(&failure, head, None, now, trail);
        };
        let rule = found.rule.clone();
        let Some(backend) = choose(&rule.backends, rng) else {
            let failure = no_backend("the rule names no backend with a weight", &rule.origin);
            return respond(&failure, head, Some(rule), now, trail);
        };
        let key = match &backend.target {
            BackendTarget::Cluster(key) => key,
            BackendTarget::Invalid(reason) => {
                let failure = no_backend(reason, &backend.origin);
                return respond(&failure, head, Some(rule), now, trail);
            }
        };
        trail.step(|| {
            let total: u64 = rule.backends.iter().map(|b| u64::from(b.weight)).sum();
            let detail = format!(
                "{key} was drawn with probability {}/{total}",
                backend.weight
            );
            Step::new("split", detail).with_origin(backend.origin.clone())
        });
        let Some(cluster) = clusters.get(key, now) else {
            let failure = no_backend(&format!("{key} is not configured"), &backend.origin);
            return respond(&failure, head, Some(rule), now, trail);
        };
        let deadline = match rule.timeouts.request {
            Some(limit) => now + limit,
            None => Instant::FAR_FUTURE,
        };
        let mut session = Self::new(cluster, Request::of(head), now, deadline);
        session.filters.rule = Some(rule.clone());
        session.rule = Some(rule);
        Opened::Forward(Box::new(session))
    }

    /// A session for one of [`Session::mirrors`]: one try, no rule, nobody waits for the answer. None
    /// when the configuration no longer has the cluster.
    pub fn for_mirror(
        to: &MirrorTo,
        head: &RequestHead,
        deadline: Instant,
        clusters: &Clusters,
        now: Instant,
    ) -> Option<Self> {
        let cluster = clusters.get(&to.cluster, now)?;
        Some(Self::new(cluster, Request::of(head), now, deadline))
    }

    fn new(cluster: Arc<LiveCluster>, request: Request, now: Instant, deadline: Instant) -> Self {
        Self {
            rule: None,
            cluster,
            request,
            filters: AfterFilters::default(),
            opened: now,
            deadline,
            delay_until: None,
            mirrors: Vec::new(),
            current: None,
            tried: Vec::<SocketAddr>::new(),
            retries: 0,
            retries_denied: 0,
            retry_permit: None,
            queued_since: None,
            flag: None,
            last_broken: None,
        }
    }
}

// === impl AfterFilters ===

impl AfterFilters {
    pub(super) fn apply(&self, _head: &mut ResponseHead) {}
}

fn respond(
    failure: &Failure,
    head: &RequestHead,
    rule: Option<Arc<Rule>>,
    now: Instant,
    trail: &mut Trail,
) -> Opened {
    trail.step(|| super::failing::step(failure));
    Opened::Respond {
        response: LocalResponse::from_failure(failure, head),
        not_before: now,
        rule,
    }
}

fn no_backend(reason: &str, origin: &Origin) -> Failure {
    Failure::new(Whose::Config, Again::Never, Flag::NoBackend, reason).with_origin(origin.clone())
}

/// A backend, drawn by weight.
fn choose<'a>(backends: &'a [BackendRef], rng: &mut Entropy) -> Option<&'a BackendRef> {
    let total: u64 = backends.iter().map(|b| u64::from(b.weight)).sum();
    if total == 0 {
        return None;
    }
    let mut point = rng.below(total);
    backends.iter().find(|b| {
        let weight = u64::from(b.weight);
        let here = point < weight;
        point = point.saturating_sub(weight);
        here
    })
}
