//! All that can become of a request, and how probable each is: what [`Session::open`] draws once.
//!
//! ```text
//!  route ─▶ filters ─▶ fault ─▶ split ─┬─ 90 % ─▶ backend's filters ─▶ forwarded, answered
//!    trail of reasons   abort p        └─ 10 % ─▶ …
//! ```
//!
//! It asks the same functions in the same order as a session does and draws nothing; a test
//! compares it with what sessions do. Explanations, tests of routes and comparisons of
//! configurations are made from it.

use core::time::Duration;
use std::sync::Arc;

use super::Session;
use super::open::{no_rule, unknown_cluster};
use crate::failure::Failure;
use crate::filter::{self, Context};
use crate::head::RequestHead;
use crate::origin::Origin;
use crate::snapshot::route::{BackendTarget, Filter, PerTenThousand};
use crate::snapshot::{ClusterKey, Frontend, Outbound, Rule};
use crate::trace::{Step, Trail};
use crate::verdict::LocalResponse;
use crate::{route, split};

/// What can become of one request.
#[derive(Clone, Debug)]
pub struct Foresight {
    /// The rule that governs it; none when no rule matches.
    pub rule: Option<Arc<Rule>>,
    /// Which of the rule's matches held; none when the rule matches everything.
    pub matched: Option<usize>,
    /// An injected delay before anything else, and for which share of the requests.
    pub delay: Option<(Duration, PerTenThousand)>,
    /// In the order of the rule's backends, an injected abort first. The shares add up to 1.
    pub outcomes: Vec<Outcome>,
    /// Copies that are sent elsewhere.
    pub copies: Vec<Copied>,
    /// Why: each match that did not hold, the rule that did, its filters.
    pub trail: Vec<Step>,
}

/// One end, and how probable it is.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// In 0..=1.
    pub share: f64,
    pub end: Fate,
}

#[derive(Clone, Debug)]
pub enum Fate {
    Forward(Box<Forwarded>),
    Respond(Box<LocalResponse>),
}

/// Sent to one of the endpoints of a cluster.
#[derive(Clone, Debug)]
pub struct Forwarded {
    pub cluster: ClusterKey,
    /// As it is sent, after all filters.
    pub head: RequestHead,
    /// Edits of the response's headers, in the order in which they are made.
    pub response: Vec<String>,
    /// The reference in the route.
    pub origin: Origin,
    /// What the backend's own filters do.
    pub trail: Vec<Step>,
}

/// A copy for a mirror.
#[derive(Clone, Debug)]
pub struct Copied {
    /// Of the requests that this explanation is about, in 0..=1.
    pub share: f64,
    pub cluster: ClusterKey,
    pub origin: Origin,
}

/// What is looked at while the outcomes are counted.
struct Seer<'a> {
    frontend: &'a Frontend,
    outbound: &'a Outbound,
    /// As the client sent it: failures answer in its protocol.
    asked: &'a RequestHead,
}

// === impl Session ===

impl Session {
    /// All that [`Session::open`] could do with this request, under this configuration.
    pub fn foresee(frontend: &Frontend, head: &RequestHead, outbound: &Outbound) -> Foresight {
        let seer = Seer {
            frontend,
            outbound,
            asked: head,
        };
        seer.foresee()
    }
}

// === impl Seer ===

impl Seer<'_> {
    fn foresee(&self) -> Foresight {
        let mut trail = Trail::on();
        let Some(found) = route::find(&self.frontend.routes, self.asked, &mut trail) else {
            let refused = self.refused(&no_rule(self.frontend, self.asked), 1.0);
            return Foresight {
                rule: None,
                matched: None,
                delay: None,
                outcomes: vec![refused],
                copies: Vec::new(),
                trail: trail.into_steps(),
            };
        };
        let rule = found.rule;
        let matched = found.matched.and_then(|m| {
            let mut all = rule.matches.iter();
            all.position(|other| core::ptr::eq(other, m))
        });
        let mut foresight = Foresight {
            rule: Some(Arc::clone(rule)),
            matched,
            delay: None,
            outcomes: Vec::new(),
            copies: Vec::new(),
            trail: Vec::new(),
        };
        let mut head = self.asked.clone();
        let context = self.context(found.prefix(), &rule.origin);
        match filter::on_request(&rule.filters, &mut head, &context, &mut trail) {
            Some(answer) => foresight.outcomes.push(respond(answer, 1.0)),
            None => self.after_filters(&found, &head, &mut foresight),
        }
        foresight.trail = trail.into_steps();
        foresight
    }

    /// The fault, then the split.
    fn after_filters(
        &self,
        found: &route::Found<'_>,
        head: &RequestHead,
        foresight: &mut Foresight,
    ) {
        let rule = found.rule;
        let mut rest = 1.0;
        if let Some(fault) = &rule.fault {
            foresight.delay = fault.delay.filter(|(_, share)| share.0 > 0);
            if let Some((abort, share)) = fault.abort.filter(|(_, share)| share.0 > 0) {
                let share = f64::from(share.0.min(10_000)) / 10_000.0;
                let answer = LocalResponse::from_abort(abort, head, fault.origin.clone());
                foresight.outcomes.push(respond(answer, share));
                rest = 1.0 - share;
            }
        }
        if rest <= 0.0 {
            return;
        }
        let shares = split::shares(rule);
        let total: f64 = shares.iter().map(|(weight, _)| f64::from(*weight)).sum();
        for (weight, chosen) in shares {
            let share = rest * f64::from(weight) / total;
            let outcome = match chosen {
                Ok(chosen) => self.backend(found, &chosen, head, share, foresight),
                Err(failure) => self.refused(&failure, share),
            };
            foresight.outcomes.push(outcome);
        }
    }

    fn backend(
        &self,
        found: &route::Found<'_>,
        chosen: &split::Chosen<'_>,
        head: &RequestHead,
        share: f64,
        foresight: &mut Foresight,
    ) -> Outcome {
        let backend = chosen.backend;
        let mut head = head.clone();
        let mut trail = Trail::on();
        let context = self.context(found.prefix(), &backend.origin);
        let answer = filter::on_request(&backend.filters, &mut head, &context, &mut trail);
        if let Some(answer) = answer {
            return respond(answer, share);
        }
        if !self.outbound.clusters.contains_key(chosen.cluster) {
            return self.refused(&unknown_cluster(chosen), share);
        }
        foresight.copies.extend(copies(&found.rule.filters, share));
        foresight.copies.extend(copies(&backend.filters, share));
        merge(&mut foresight.copies);
        let edits = backend.filters.iter().chain(&found.rule.filters);
        let forwarded = Forwarded {
            cluster: chosen.cluster.clone(),
            head,
            response: edits.filter_map(filter::describe_response).collect(),
            origin: backend.origin.clone(),
            trail: trail.into_steps(),
        };
        Outcome {
            share,
            end: Fate::Forward(Box::new(forwarded)),
        }
    }

    fn context<'a>(&self, prefix: Option<&'a str>, origin: &'a Origin) -> Context<'a> {
        Context {
            prefix,
            port: self.frontend.port,
            origin,
        }
    }

    fn refused(&self, failure: &Failure, share: f64) -> Outcome {
        respond(LocalResponse::from_failure(failure, self.asked), share)
    }
}

fn respond(answer: LocalResponse, share: f64) -> Outcome {
    Outcome {
        share,
        end: Fate::Respond(Box::new(answer)),
    }
}

fn copies(filters: &[Filter], share: f64) -> impl Iterator<Item = Copied> {
    filters.iter().filter_map(move |filter| {
        let Filter::Mirror(mirror) = filter else {
            return None;
        };
        let BackendTarget::Cluster(cluster) = &mirror.target else {
            return None;
        };
        let part = f64::from(mirror.numerator) / f64::from(mirror.denominator.max(1));
        (part > 0.0).then(|| Copied {
            share: share * part.min(1.0),
            cluster: cluster.clone(),
            origin: mirror.origin.clone(),
        })
    })
}

/// A mirror of the rule is met once for each backend.
fn merge(copies: &mut Vec<Copied>) {
    let mut merged: Vec<Copied> = Vec::with_capacity(copies.len());
    for copy in copies.drain(..) {
        match merged.iter_mut().find(|c| c.origin == copy.origin) {
            Some(same) => same.share += copy.share,
            None => merged.push(copy),
        }
    }
    *copies = merged;
}
