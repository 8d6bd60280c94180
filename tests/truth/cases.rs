//! What is compared of each scenario.

use std::time::Duration;

use super::compare::Row;
use super::log::{Log, Request};
use super::{agree, real};

/// Requests come so often that a pod that takes part gets one at least every so often; a longer
/// pause is one that a breaker or an ejection made.
const PAUSE: Duration = Duration::from_millis(500);

/// The time between two requests to one pod of three, at 60 a second.
const SPACING: Duration = Duration::from_millis(50);

fn went_to(deployment: &'static str) -> impl Fn(&Request) -> bool {
    move |r| r.tries.iter().any(|((name, _), _)| name == deployment)
}

/// When the first long pause of the first pod begins and ends.
fn pause(log: &Log) -> (Option<Duration>, Option<Duration>) {
    let gaps = log.gaps(0, PAUSE);
    (gaps.first().map(|g| g.0), gaps.first().map(|g| g.1))
}

// === what is compared ===

pub(super) fn split(simulated: &Log, real: &Log) -> Vec<Row> {
    let mut rows = vec![Row::share(
        "to the second version",
        simulated,
        real,
        went_to("other"),
    )];
    rows.push(Row::count("failed", failed(simulated), failed(real), 0));
    rows.extend(Row::latencies(simulated, real));
    rows
}

fn failed(log: &Log) -> usize {
    log.requests.len() - log.status(200)
}

pub(super) fn header(simulated: &Log, real: &Log) -> Vec<Row> {
    let to = |log: &Log, load: &str, deployment: &'static str| {
        log.count(|r| r.load == load && went_to(deployment)(r))
    };
    let row = |what, load, deployment| {
        let (s, r) = (to(simulated, load, deployment), to(real, load, deployment));
        Row::count(what, s, r, 0)
    };
    let mut rows = vec![
        row("testers to the other version", "test", "other"),
        row("testers to the usual one", "test", "web"),
        row("others to the usual version", "visit", "web"),
        row("others to the other one", "visit", "other"),
    ];
    rows.extend(Row::latencies(simulated, real));
    rows
}

fn retries(simulated: &Log, real: &Log) -> Vec<Row> {
    let again = |log: &Log| log.tries() - log.requests.len();
    let mut rows = vec![
        Row::drawn("retries", again(simulated), again(real)),
        Row::share("failed in the end", simulated, real, |r| r.is(503)),
    ];
    let once = |r: &Request| r.is(200) && r.tries.len() == 1;
    let what = ["p50 of one try", "p99 of one try"];
    rows.extend(Row::latencies_of(what, simulated, real, once));
    rows
}

pub(super) fn timeout(simulated: &Log, real: &Log) -> Vec<Row> {
    let mut rows = vec![Row::count(
        "timed out",
        simulated.status(504),
        real.status(504),
        2,
    )];
    let what = ["p50 of timeouts", "p99 of timeouts"];
    rows.extend(Row::latencies_of(what, simulated, real, |r| r.is(504)));
    rows.extend(Row::latencies(simulated, real));
    rows
}

pub(super) fn try_timeout(simulated: &Log, real: &Log) -> Vec<Row> {
    let twice = |log: &Log| log.count(|r| r.tries.len() == 2);
    let mut rows = vec![
        Row::drawn("tried twice", twice(simulated), twice(real)),
        Row::drawn("failed", failed(simulated), failed(real)),
    ];
    rows.extend(Row::latencies(simulated, real));
    rows
}

pub(super) fn ejection(simulated: &Log, real: &Log) -> Vec<Row> {
    const INTERVAL: Duration = Duration::from_millis(250);
    let (s, r) = (pause(simulated), pause(real));
    let mut rows = vec![
        Row::count("failed", failed(simulated), failed(real), 1),
        Row::time("ejected at", s.0, r.0, SPACING * 2),
        Row::time("returned at", s.1, r.1, INTERVAL + SPACING * 2),
    ];
    rows.extend(Row::latencies(simulated, real));
    rows
}

/// A breaker that opens for a second at a time.
fn breaker(simulated: &Log, real: &Log) -> Vec<Row> {
    let pauses = |log: &Log| log.gaps(0, PAUSE);
    let (s, r) = (pauses(simulated), pauses(real));
    let mut rows = vec![
        Row::count("failed", failed(simulated), failed(real), 2),
        Row::count("times open", s.len(), r.len(), 0),
    ];
    let ends = |gaps: &[(Duration, Duration)]| {
        (
            gaps.first().map(|g| g.0),
            gaps.first().map(|g| g.1),
            gaps.last().map(|g| g.1),
        )
    };
    let (s, r) = (ends(&s), ends(&r));
    rows.push(Row::time("opened at", s.0, r.0, SPACING * 2));
    rows.push(Row::time("first probe at", s.1, r.1, SPACING * 3));
    rows.push(Row::time("closed at", s.2, r.2, SPACING * 4));
    rows.extend(Row::latencies(simulated, real));
    rows
}

/// Refusals of a breaker of the whole route: they reach nobody.
fn rolling_window(simulated: &Log, real: &Log) -> Vec<Row> {
    let refused = |r: &Request| r.is(503) && r.tries.is_empty();
    let first = |log: &Log| log.requests.iter().find(|r| refused(r)).map(|r| r.due);
    let last = |log: &Log| log.requests.iter().rfind(|r| refused(r)).map(|r| r.due);
    const SNAPSHOT: Duration = Duration::from_millis(100);
    const BUCKET: Duration = Duration::from_millis(200);
    vec![
        Row::time(
            "opened at",
            first(simulated),
            first(real),
            SNAPSHOT + BUCKET,
        ),
        Row::time("closed at", last(simulated), last(real), SNAPSHOT + BUCKET),
        Row::share("refused", simulated, real, refused),
    ]
}

pub(super) fn limits(simulated: &Log, real: &Log) -> Vec<Row> {
    let mut rows = vec![Row::share("refused", simulated, real, |r| r.is(503))];
    rows.extend(Row::latencies(simulated, real));
    rows
}

fn faults(simulated: &Log, real: &Log) -> Vec<Row> {
    let delayed = |r: &Request| r.is(200) && r.latency() >= Duration::from_millis(90);
    let quick = |r: &Request| r.is(200) && !delayed(r);
    let mut rows = vec![
        Row::share("refused", simulated, real, |r| r.is(418)),
        Row::share("delayed", simulated, real, delayed),
    ];
    rows.extend(Row::latencies(simulated, real));
    let what = ["p50 without delay", "p99 without delay"];
    rows.extend(Row::latencies_of(what, simulated, real, quick));
    rows
}

pub(super) fn least_request(simulated: &Log, real: &Log) -> Vec<Row> {
    let slow = |log: &Log| (log.arrivals("web", 0).len() as f64, log.tries() as f64);
    let quick = |r: &Request| r.is(200) && r.tries.iter().all(|((_, pod), _)| *pod != 0);
    let mut rows = vec![
        Row::part("to the slow one", slow(simulated), slow(real)),
        Row::count("failed", failed(simulated), failed(real), 0),
    ];
    let what = ["p50 of the others", "p99 of the others"];
    rows.extend(Row::latencies_of(what, simulated, real, quick));
    rows
}

fn rate_limit(simulated: &Log, real: &Log) -> Vec<Row> {
    let admitted = |log: &Log| log.status(200);
    let mut rows = vec![
        Row::count("admitted", admitted(simulated), admitted(real), 3),
        Row::count("refused", simulated.status(429), real.status(429), 3),
    ];
    rows.extend(Row::latencies(simulated, real));
    rows
}

pub(super) fn mirror(simulated: &Log, real: &Log) -> Vec<Row> {
    let of = |log: &Log| (log.copies as f64, log.requests.len() as f64);
    let mut rows = vec![
        Row::part("copied", of(simulated), of(real)),
        Row::count("failed", failed(simulated), failed(real), 0),
    ];
    rows.extend(Row::latencies(simulated, real));
    rows
}

// === the tests ===

macro_rules! cases {
    ($($test:ident: $file:ident,)*) => {
        $(
            #[test]
            fn $test() {
                agree(stringify!($file), $file, real::run);
            }
        )*
    };
}

cases! {
    a_split_is_what_it_is: split,
    a_header_decides_as_it_does: header,
    retries_are_as_many_within_their_budget: retries,
    timeouts_come_as_often_and_as_late: timeout,
    tries_that_take_too_long_are_made_elsewhere: try_timeout,
    what_fails_is_ejected_and_returns_when_it_does: ejection,
    a_breaker_opens_probes_and_closes_when_it_does: breaker,
    a_breaker_of_the_whole_route_refuses_as_many: rolling_window,
    limits_refuse_as_many: limits,
    faults_of_a_policy_hit_as_many: faults,
    a_slow_endpoint_gets_as_few: least_request,
    a_rate_limit_admits_as_many: rate_limit,
    a_mirror_gets_as_many: mirror,
    a_breaker_of_finagle_s_kind_opens_and_closes_when_it_does: accrual,
}

fn accrual(simulated: &Log, real: &Log) -> Vec<Row> {
    breaker(simulated, real)
}
