//! What becomes of a request, in words that can be compared.

use std::collections::BTreeMap;

use engine::head::RequestHead;
use engine::session::foresee::{Fate, Foresight, Forwarded};
use http::header::LOCATION;

use crate::command::route::words;

/// Sentences, in a fixed order; equal behaviour, equal sentences. Names of rules and places in
/// files are not in them.
pub(super) fn of(asked: &RequestHead, seen: &Foresight) -> Vec<String> {
    let mut ends: BTreeMap<String, f64> = BTreeMap::new();
    for outcome in &seen.outcomes {
        let end = match &outcome.end {
            Fate::Forward(forwarded) => sent(asked, forwarded),
            Fate::Respond(answer) => {
                let location = answer.headers.get(LOCATION);
                let to = location.map(|l| String::from_utf8_lossy(l.as_bytes()).into_owned());
                let status = answer.status.as_u16();
                match (to, answer.grpc_status) {
                    (Some(to), _) => format!("answered with {status} to {to}"),
                    (None, Some(code)) => format!("answered with gRPC {code}"),
                    (None, None) => format!("answered with {status}"),
                }
            }
        };
        *ends.entry(end).or_default() += outcome.share;
    }
    let mut copies: BTreeMap<String, f64> = BTreeMap::new();
    for copy in &seen.copies {
        *copies.entry(copy.cluster.to_string()).or_default() += copy.share;
    }
    let ends = ends
        .iter()
        .map(|(end, share)| format!("{} {end}", words::percent(*share)));
    let copies = copies.iter();
    let copies = copies.map(|(to, share)| format!("{} copied to {to}", words::percent(*share)));
    let mut all: Vec<String> = ends.chain(copies).collect();
    if let Some((delay, share)) = seen.delay {
        let share = words::percent(f64::from(share.0) / 10_000.0);
        all.push(format!("{share} delayed by {}", words::duration(delay)));
    }
    let forwards = seen
        .outcomes
        .iter()
        .any(|o| matches!(o.end, Fate::Forward(_)));
    if let Some(rule) = seen.rule.as_ref().filter(|_| forwards) {
        let timeouts = words::timeouts(&rule.timeouts);
        if !timeouts.is_empty() {
            all.push(format!("timeouts: {timeouts}"));
        }
        all.extend(
            rule.retry
                .as_ref()
                .map(|retry| format!("retry {}", words::retry(retry))),
        );
    }
    all
}

/// To whom, and how filters changed it.
fn sent(asked: &RequestHead, forwarded: &Forwarded) -> String {
    let mut text = forwarded.cluster.to_string();
    let changes = words::changed(asked, forwarded);
    if !changes.is_empty() {
        text.push_str(&format!(" with {}", changes.join(", ")));
    }
    text
}
