//! Which rule governs a request.
//!
//! The rules of a frontend are alternatives of matches. Of all matches that hold, the most specific
//! one wins (Gateway API, `HTTPRouteRule.matches`):
//!
//! ```text
//!  host   exact > longest wildcard > none      (gateways and TLS; a mesh ignores host names)
//!  path   exact > regular expression, longest pattern > longest prefix
//!  method given > not given                    (gRPC: service, then method, longest first)
//!  headers  more > fewer
//!  query    more > fewer
//!  order of the table: oldest route, then namespace/name, then first rule, then first match
//! ```
//!
//! The standard leaves open where regular expressions stand. Here they are above prefixes, as in
//! Envoy Gateway: next to a catch-all `/` they would otherwise never match.
//!
//! Paths are compared as they came, after the codec's normalisation. Nothing is allocated, except
//! when a regular expression has to look at a header that was sent several times.

use std::sync::Arc;

use crate::failure::{Again, Failure, Flag, Whose};
use crate::head::RequestHead;
use crate::origin::Origin;
use crate::snapshot::route::{Match, PathMatch, RouteTable, Rule};
use crate::trace::{Step, Trail};

pub mod grpc;
pub mod header;
pub mod host;
pub(crate) mod index;
mod mismatch;
pub mod path;
pub mod query;
pub mod shadow;

/// The rule that governs a request.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    pub rule: &'a Arc<Rule>,
    /// Its place in [`RouteTable::rules`].
    pub index: usize,
    /// The alternative that won; none when the rule matches everything.
    pub matched: Option<&'a Match>,
}

/// The rule for a request, or none: then a frontend with a route attached answers 404
/// ([`no_route`]). A trail that is on hears of every more specific match why it did not hold.
pub fn find<'a>(table: &'a RouteTable, head: &RequestHead, trail: &mut Trail) -> Option<Found<'a>> {
    find_for(table, &Subject::Http(head), trail)
}

/// The rule for a TLS connection by the server name of its ClientHello. A connection without one is
/// only for rules without host names.
pub fn find_tls<'a>(
    table: &'a RouteTable,
    server_name: Option<&str>,
    trail: &mut Trail,
) -> Option<Found<'a>> {
    find_for(table, &Subject::Tls(server_name.unwrap_or("")), trail)
}

/// The rule for a connection about which nothing is known: the first one without conditions. Also
/// for HTTP that is passed through as bytes.
pub fn find_tcp<'a>(table: &'a RouteTable, trail: &mut Trail) -> Option<Found<'a>> {
    find_for(table, &Subject::Tcp, trail)
}

/// No rule matched although routes are attached: requests do not fall through to the Service
/// (GEP-1294). `frontend` is what the client addressed.
pub fn no_route(head: &RequestHead, frontend: &Origin) -> Failure {
    let cause = format!(
        "no rule of the routes matches {} {}",
        head.method,
        mismatch::shown(head.path.path())
    );
    Failure::new(Whose::Config, Again::Never, Flag::NoRoute, cause).with_origin(frontend.clone())
}

/// What is looked at.
#[derive(Clone, Copy)]
pub(crate) enum Subject<'a> {
    Http(&'a RequestHead),
    /// The server name; empty when there is none.
    Tls(&'a str),
    Tcp,
}

fn find_for<'a>(
    table: &'a RouteTable,
    subject: &Subject<'_>,
    trail: &mut Trail,
) -> Option<Found<'a>> {
    let entry = table.index().find(table.rules(), subject);
    if trail.is_on() {
        explain(table, entry, subject, trail);
    }
    let (index, matched) = table.index().place(entry?);
    let rule = table.rules().get(index)?;
    Some(Found {
        rule,
        index,
        matched: matched.and_then(|i| rule.matches.get(i)),
    })
}

/// Why each match before the winner did not hold, in the order they were considered, then the
/// winner.
fn explain(table: &RouteTable, winner: Option<usize>, subject: &Subject<'_>, trail: &mut Trail) {
    let index = table.index();
    for entry in 0..winner.unwrap_or(index.len()) {
        let (rule, matched) = index.place(entry);
        let rule = &table.rules()[rule];
        let Some(mismatch) = index.mismatch(table.rules(), entry, subject) else {
            continue;
        };
        trail.step(|| {
            let number = matched.map_or_else(String::new, |i| format!(" matches[{i}]"));
            let detail = format!("{}{number}: {}", rule.name, mismatch.describe(subject));
            Step::new("route", detail).with_origin(rule.origin.clone())
        });
    }
    trail.step(|| match winner.map(|entry| index.place(entry)) {
        None => Step::new("route", "no rule matches"),
        Some((rule, matched)) => {
            let rule = &table.rules()[rule];
            let number = matched.map_or_else(String::new, |i| format!(" matches[{i}]"));
            let detail = format!("{}{number} matches", rule.name);
            Step::new("route", detail).with_origin(rule.origin.clone())
        }
    });
}

// === impl Found ===

impl<'a> Found<'a> {
    /// The prefix that matched, for filters that replace it; none when the path was matched in
    /// another way. A match without a path is one of `/` (Gateway API default).
    pub fn prefix(&self) -> Option<&'a str> {
        match self.matched.map(|m| m.path.as_ref()) {
            None | Some(None) => Some("/"),
            Some(Some(PathMatch::Prefix(prefix))) => Some(prefix),
            Some(Some(PathMatch::Exact(_) | PathMatch::Regex(_))) => None,
        }
    }
}

#[cfg(test)]
mod tests;
