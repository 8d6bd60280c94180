//! What has to be true again once all faults are over.
//!
//! Only what was true without faults: a service that is overloaded by its own load, or an
//! application that fails one request in five, does not become better by faults that end.

use crate::expect::{judge, rounded};
use crate::policy::Level;
use crate::record::Observations;
use crate::scenario::expect::{Expectation, Metric, Op, Pick, Subject, Value, Window};
use crate::scenario::{Scenario, Span, Spec};

use super::Times;

/// Requests of a load in the part that is judged below which a share means nothing.
const REQUESTS_MIN: u64 = 20;

/// What a load may lose beside what chance explains.
const SLACK: f64 = 0.01;

/// How many standard deviations of the difference of two runs chance explains: one run in ten
/// thousand is farther apart.
const SIGMAS: f64 = 4.0;

/// Everything that is demanded, as the calm run gives it.
pub(super) fn all(
    spec: &Spec,
    times: Times,
    calm: &Observations,
    level: Level,
) -> Vec<Expectation> {
    let mut demands = Vec::new();
    let slices = calm.slices(times.judged, times.quiet);
    for load in &spec.load {
        let Some(series) = calm.load(&load.name) else {
            continue;
        };
        let total = series.total(slices.clone());
        let (n, share) = (total.ended(), total.success_rate());
        let Some(share) = share.filter(|_| n >= REQUESTS_MIN) else {
            continue;
        };
        let spread = (2.0 * share * (1.0 - share) / n as f64).sqrt();
        let least = share - SIGMAS * spread - SLACK;
        if least > 0.0 {
            demands.push(served(&load.name, share, least, times));
        }
    }
    let holds = |demand: &Expectation| {
        let scenario = Scenario::new(
            "calm",
            Spec {
                expect: vec![demand.clone()],
                ..spec.clone()
            },
        );
        judge(&scenario, calm).judged.iter().all(|j| j.pass)
    };
    let shown = |demand: &Expectation| level == Level::Wire || demand.metric != Metric::Connections;
    let left = nothing_is_left(times).into_iter();
    demands.extend(left.filter(shown).filter(holds));
    demands
}

fn served(load: &str, share: f64, least: f64, times: Times) -> Expectation {
    let percent = |share: f64| (share * 1000.0).floor() / 10.0;
    Expectation {
        why: Some(format!("without faults it is {}%", rounded(percent(share)))),
        op: Op::AtLeast,
        value: Value::Percent(percent(least)),
        window: Some(window(times.judged, times.quiet)),
        ..blank(
            format!("{load} is served again"),
            Metric::SuccessRate,
            Subject::Load(load.to_owned()),
        )
    }
}

fn nothing_is_left(times: Times) -> [Expectation; 4] {
    let judged = window(times.judged, times.quiet);
    let quiet = window(times.quiet, times.end);
    let zero = |name: &str, metric, window| Expectation {
        window: Some(window),
        pick: Some(Pick::Last),
        ..blank(name.to_owned(), metric, Subject::Mesh)
    };
    [
        zero("breakers are closed again", Metric::BreakerOpen, judged),
        zero("ejections are over", Metric::Ejected, judged),
        zero("no request is left", Metric::InFlight, quiet),
        zero("no connection is left", Metric::Connections, quiet),
    ]
}

fn blank(name: String, metric: Metric, of: Subject) -> Expectation {
    Expectation {
        name,
        why: None,
        metric,
        of,
        within: None,
        flag: None,
        window: None,
        pick: None,
        op: Op::Equal,
        value: Value::Number(0.0),
        tolerance: None,
    }
}

fn window(from: core::time::Duration, to: core::time::Duration) -> Window {
    Window {
        from: Some(Span(from)),
        to: Some(Span(to)),
    }
}
