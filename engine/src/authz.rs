//! Who may call what: the verdict of the destination's proxy about a request or a connection, and
//! who said so.
//!
//! ```text
//!  plain text under Strict ──▶ denied        (probes that the pod declares are admitted)
//!  tokens, where a policy asks for them ──▶ denied without a valid one
//!  Deny:  the first rule that matches ──▶ denied
//!  Audit: what matches is counted
//!  Allow: is there one for this request?  no ──▶ allowed
//!                                         yes: the first rule that matches ──▶ allowed, else denied
//! ```
//!
//! Denies win at any level; Allows of all levels unite; a policy without rules is not an Allow
//! (Istio's order; GEP-3779). Where a question has no clear answer, an Allow does not match and a
//! Deny does:
//!
//! * A negated identity (`notIdentities`, `notServiceAccounts`, `notNamespaces`) never lets an
//!   anonymous peer through an Allow, and never spares it in a Deny. The same holds for a negated
//!   claim when there is no token.
//! * On a connection that is not HTTP, an Allow that asks for parts of HTTP does not match and a
//!   Deny ignores them.
//! * A path that has another normal form ([`path`]) has to match an Allow in both, and a Deny in
//!   either.

use core::net::IpAddr;

use http::header::HeaderName;

use crate::head::RequestHead;
use crate::identity::Identity;
use crate::origin::Origin;
use crate::route;
use crate::snapshot::authz::{Action, Applied, Scope};
use crate::snapshot::{InboundPort, InboundTls, ObjectName};
use crate::trace::{Step, Trail};

mod claims;
pub(crate) mod condition;
mod denial;
mod operation;
pub mod path;
mod source;
mod token;

pub use claims::Claims;
pub use denial::Denial;
pub use token::{BadToken, Tokens};

/// Who calls what.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Proven by the handshake; none in plain text.
    pub peer: Option<&'a Identity>,
    /// Whose service accounts and namespaces policies mean.
    pub trust_domain: &'a str,
    /// Who opened the connection.
    pub address: IpAddr,
    /// Of the workload.
    pub port: u16,
    /// None for a connection that is not HTTP.
    pub head: Option<&'a RequestHead>,
}

/// What was decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    pub verdict: Result<Allowance, Denial>,
    /// Audit rules that matched, in order, one per policy.
    pub audits: Vec<ByRule>,
    /// Headers with tokens that the application is not to see.
    pub remove: Vec<HeaderName>,
}

/// Why a request was admitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowance {
    /// No Allow is about it.
    NoPolicy,
    Rule(ByRule),
    /// A probe that the pod declares.
    Probe,
}

/// A rule that matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByRule {
    pub policy: ObjectName,
    /// Index into the policy's rules.
    pub rule: usize,
    pub origin: Origin,
}

/// The request, with what is worked out once for all rules.
struct Question<'a> {
    subject: &'a Subject<'a>,
    /// Of the path, when it has another one.
    normal_path: Option<String>,
    claims: Option<Claims>,
}

/// Whether `subject` may call `port`. `tokens` verifies tokens, when a policy asks for some.
pub fn decide(
    port: &InboundPort,
    subject: &Subject<'_>,
    tokens: &dyn Tokens,
    trail: &mut Trail,
) -> Decision {
    let mut decision = Decision {
        verdict: Ok(Allowance::NoPolicy),
        audits: Vec::new(),
        remove: Vec::new(),
    };
    if is_probe(port, subject) {
        decision.verdict = Ok(Allowance::Probe);
    } else if subject.peer.is_none() && port.tls == InboundTls::Strict {
        decision.verdict = Err(Denial::PlainText {
            origin: port.tls_origin.clone(),
        });
    } else if !port.authorization.policies.is_empty() {
        decision.verdict = judge(port, subject, tokens, &mut decision, trail);
    }
    trail.step(|| decision.step());
    decision
}

/// A probe of the kubelet: it has no certificate and no token.
fn is_probe(port: &InboundPort, subject: &Subject<'_>) -> bool {
    let Some(head) = subject.head else {
        return false;
    };
    let path = head.path.path();
    subject.peer.is_none()
        && head.method == http::Method::GET
        && port.probe_paths.iter().any(|probe| **probe == *path)
}

fn judge(
    port: &InboundPort,
    subject: &Subject<'_>,
    tokens: &dyn Tokens,
    decision: &mut Decision,
    trail: &mut Trail,
) -> Result<Allowance, Denial> {
    let mut question = Question {
        subject,
        normal_path: subject.head.and_then(|head| path::normal(head.path.path())),
        claims: None,
    };
    let about: Vec<&Applied> = port
        .authorization
        .policies
        .iter()
        .filter(|applied| in_scope(applied.scope.as_ref(), subject.head))
        .collect();
    for applied in &about {
        if let Some(jwt) = &applied.policy.jwt {
            let found = token::require(jwt, subject.head, tokens, &mut decision.remove)?;
            if let Some(claims) = found {
                question.claims.get_or_insert_default().extend(claims);
            }
        }
    }
    let mut allows = about
        .iter()
        .filter(|applied| applied.is(Action::Allow))
        .peekable();
    for applied in about.iter().filter(|applied| applied.is(Action::Deny)) {
        if let Some(rule) = question.matching(applied, trail) {
            return Err(Denial::Rule(rule));
        }
    }
    for applied in about.iter().filter(|applied| applied.is(Action::Audit)) {
        decision.audits.extend(question.matching(applied, trail));
    }
    let Some(first) = allows.peek().map(|applied| &applied.policy) else {
        return Ok(Allowance::NoPolicy);
    };
    let none = Denial::NotAllowed {
        policy: first.name.clone(),
        origin: first.origin.clone(),
    };
    allows
        .find_map(|applied| question.matching(applied, trail))
        .map(Allowance::Rule)
        .ok_or(none)
}

/// A policy of a rule of a route says nothing about connections that are not HTTP.
pub(crate) fn in_scope(scope: Option<&Scope>, head: Option<&RequestHead>) -> bool {
    let Some(scope) = scope else {
        return true;
    };
    let found = head.and_then(|head| route::find(&scope.table, head, &mut Trail::off()));
    found.is_some_and(|found| scope.rules.contains(&found.index))
}

// === impl Question ===

impl Question<'_> {
    /// The first rule of the policy that matches.
    fn matching(&self, applied: &Applied, trail: &mut Trail) -> Option<ByRule> {
        let policy = &applied.policy;
        // An Allow needs certainty to match, a Deny needs it not to.
        let strict = policy.action == Action::Allow;
        for (index, rule) in policy.rules.iter().enumerate() {
            let missing = self.missing(rule, strict);
            trail.step(|| {
                let detail = match missing {
                    None => format!("{:?} {} rules[{index}] matches", policy.action, policy.name),
                    Some(part) => format!(
                        "{:?} {} rules[{index}]: `{part}` does not match",
                        policy.action, policy.name
                    ),
                };
                Step::new("authz", detail).with_origin(rule.origin.clone())
            });
            if missing.is_none() {
                return Some(ByRule {
                    policy: policy.name.clone(),
                    rule: index,
                    origin: rule.origin.clone(),
                });
            }
        }
        None
    }

    /// The part of the rule that does not hold.
    fn missing(&self, rule: &crate::snapshot::authz::Rule, strict: bool) -> Option<&'static str> {
        let from = |source| source::holds(source, self.subject, strict);
        let to = |operation| self.operation_holds(operation, strict);
        if !rule.from.is_empty() && !rule.from.iter().any(from) {
            return Some("from");
        }
        if !rule.to.is_empty() && !rule.to.iter().any(to) {
            return Some("to");
        }
        let when = |one| condition::holds(one, self.subject.head, self.claims.as_ref(), strict);
        (!rule.when.iter().all(when)).then_some("when")
    }

    fn operation_holds(&self, operation: &crate::snapshot::authz::Operation, strict: bool) -> bool {
        let subject = self.subject;
        let Some(head) = subject.head else {
            return operation::holds_for_bytes(operation, subject.port, strict);
        };
        let as_sent = operation::holds(operation, subject.port, head, head.path.path());
        let Some(normal) = &self.normal_path else {
            return as_sent;
        };
        let as_normal = operation::holds(operation, subject.port, head, normal);
        if strict {
            as_sent && as_normal
        } else {
            as_sent || as_normal
        }
    }
}

// === impl Applied ===

impl Applied {
    /// Whether it says something about requests, and with this action.
    fn is(&self, action: Action) -> bool {
        self.policy.action == action && !self.policy.rules.is_empty()
    }
}

// === impl Decision ===

impl Decision {
    fn step(&self) -> Step {
        match &self.verdict {
            Ok(allowance) => {
                let step = Step::new("authz", format!("allowed: {allowance}"));
                match allowance {
                    Allowance::Rule(rule) => step.with_origin(rule.origin.clone()),
                    Allowance::NoPolicy | Allowance::Probe => step,
                }
            }
            Err(denial) => {
                let step = Step::new("authz", format!("denied: {denial}"));
                match denial.origin() {
                    Some(origin) => step.with_origin(origin.clone()),
                    None => step,
                }
            }
        }
    }
}

impl core::fmt::Display for Allowance {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::NoPolicy => f.write_str("no policy is about it"),
            Self::Rule(rule) => write!(f, "{rule}"),
            Self::Probe => f.write_str("a probe that the pod declares"),
        }
    }
}

impl core::fmt::Display for ByRule {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(
            f,
            "AuthorizationPolicy {} rules[{}]",
            self.policy, self.rule
        )
    }
}

#[cfg(test)]
mod tests;
