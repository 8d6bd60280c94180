//! One request's story: every hop, every decision with its origin, every try.
//!
//! ```text
//!  request 7f3a of load browse: 200 after 31.2ms
//!    12.001s  shop/front-0 → GET web.shop/cart         outbound, 200, 30.1ms
//!               route: rule web[0] [HTTPRoute shop/web rules[0] (shop.yaml:12)]
//!               try 1: shop/web-0 10.0.0.3:8080  503 after 1.2ms
//!               try 2: shop/web-1 10.0.0.4:8080  200 after 27.0ms
//!    12.003s  shop/web-0 ← GET web.shop/cart           inbound, 503, 0.9ms
//! ```

use core::fmt::Write as _;
use core::time::Duration;

use engine::time::Instant;
use proxy::observe::{RequestRecord, Role};

use super::clean;
use super::text::fold::fold;
use crate::expect::latency;
use crate::record::{Outcome, Story};

/// The stories as text, ending with a newline; empty if there are none.
pub fn render(stories: &[Story], width: usize) -> String {
    let width = width.max(super::text::WIDTH_MIN);
    let mut out = String::new();
    for (i, story) in stories.iter().enumerate() {
        if i > 0 {
            out.push('\n');
        }
        one(&mut out, story, width);
    }
    out
}

fn one(out: &mut String, story: &Story, width: usize) {
    let took = story.ended.saturating_sub(story.started);
    let head = format!(
        "request {} of load {}: {} after {}",
        story.id,
        story.load,
        outcome(&story.outcome),
        micros(took)
    );
    lines(out, "", "  ", &head, width);
    let mut hops: Vec<_> = story.hops.iter().collect();
    hops.sort_by_key(|hop| (hop.started, hop.role));
    for record in hops {
        hop(out, record, width);
    }
    if story.hops.is_empty() {
        lines(out, "  ", "  ", "no proxy saw it", width);
    }
}

fn hop(out: &mut String, record: &RequestRecord, width: usize) {
    let (arrow, role) = match record.role {
        Role::Outbound => ("→", "outbound"),
        Role::Inbound => ("←", "inbound"),
    };
    let status = match (record.status, record.flag) {
        (Some(status), Some(flag)) => format!("{status} {flag}"),
        (Some(status), None) => status.to_string(),
        (None, Some(flag)) => flag.to_string(),
        (None, None) => "no answer".into(),
    };
    let mut text = format!(
        "{}  {} {arrow} {} {}{}  {role}, {status}, {}",
        clock(record.started),
        record.workload,
        record.method,
        record.authority,
        record.path,
        micros(record.ended.since(record.started)),
    );
    if let Some(peer) = &record.peer {
        let _ = write!(text, ", from {peer}");
    }
    lines(out, "  ", "             ", &text, width);
    for step in &record.trail {
        lines(out, "             ", "               ", step, width);
    }
    for (n, attempt) in record.attempts.iter().enumerate() {
        let text = format!(
            "try {}: {} {}  {} after {}",
            n + 1,
            attempt.name,
            attempt.endpoint,
            attempt.outcome,
            micros(attempt.ended.since(attempt.started))
        );
        lines(out, "             ", "               ", &text, width);
    }
    if let Some(cause) = &record.cause {
        lines(
            out,
            "             ",
            "               ",
            &format!("cause: {cause}"),
            width,
        );
    }
}

fn outcome(outcome: &Outcome) -> String {
    let status = outcome.status.map(|s| s.to_string());
    let grpc = outcome.grpc.map(|code| format!("gRPC {code}"));
    let flag = outcome.flag.map(|flag| flag.to_string());
    let parts: Vec<_> = [status, grpc, flag, outcome.error.clone()]
        .into_iter()
        .flatten()
        .collect();
    match parts.is_empty() {
        true => "no answer".into(),
        false => parts.join(" "),
    }
}

fn lines(out: &mut String, first: &str, rest: &str, text: &str, width: usize) {
    for line in fold(first, rest, &clean::visible(text), width) {
        out.push_str(line.trim_end());
        out.push('\n');
    }
}

/// Seconds of the run.
fn clock(at: Instant) -> String {
    format!("{:>8.3}s", at.as_nanos() as f64 / 1e9)
}

fn micros(d: Duration) -> String {
    latency(d.as_nanos() as f64 / 1e3)
}
