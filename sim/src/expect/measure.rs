//! The value of a metric of a subject within a window.

use core::fmt;
use core::ops::Range;
use core::time::Duration;

use engine::failure::Flag;
use engine::report::{Counters, EdgeKey, Frame, RouteRow, Side};
use engine::snapshot::ObjectName;

use super::gauge;
use crate::record::Observations;
use crate::scenario::expect::{Expectation, Metric, Named, Subject};

/// Why there is no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmeasured {
    /// The subject had no request in the window.
    NoRequests,
    /// No proxy ever reported such a subject.
    NeverSeen,
    /// The metric is not defined for the subject.
    NotDefined,
    RunEndedEarly,
}

/// The value, in the metric's unit.
pub(super) fn measure(
    run: &Observations,
    expectation: &Expectation,
    from: Duration,
    to: Duration,
) -> Result<f64, Unmeasured> {
    let slices = run.slices(from, to);
    let metric = expectation.metric;
    if metric.is_gauge() {
        let pick = expectation.pick.unwrap_or(metric.default_pick());
        return gauge::measure(run, metric, &expectation.of, pick, slices);
    }
    let within = expectation.within.as_ref();
    let counters = counters(run, &expectation.of, within, slices.clone());
    let Some(counters) = counters else {
        // Counting nothing is an answer; the scenario's names were checked against the manifests.
        let counts = matches!(metric, Metric::Rate | Metric::Requests | Metric::Failures);
        return if counts || metric.is_verdict() {
            Ok(0.0)
        } else {
            Err(Unmeasured::NeverSeen)
        };
    };
    if metric == Metric::Share {
        let whole = within.ok_or(Unmeasured::NotDefined)?;
        let whole = self::counters(run, whole, None, slices).ok_or(Unmeasured::NeverSeen)?;
        return quotient(counters.requests, whole.requests);
    }
    value(
        metric,
        expectation.flag.as_deref(),
        &counters,
        run.length(&slices),
    )
}

/// The value of a metric that one row of counters holds.
fn value(
    metric: Metric,
    flag: Option<&str>,
    counters: &Counters,
    length: Duration,
) -> Result<f64, Unmeasured> {
    let failed = counters.failure + counters.local_failure;
    let judged = counters.success + failed;
    if let Some(q) = metric.quantile() {
        let us = counters.latency.quantile(q).ok_or(Unmeasured::NoRequests)?;
        return Ok(us as f64);
    }
    match metric {
        Metric::Rate if length.is_zero() => Err(Unmeasured::NoRequests),
        Metric::Rate => Ok(counters.ended() as f64 / length.as_secs_f64()),
        Metric::Requests => Ok(counters.ended() as f64),
        Metric::SuccessRate => quotient(counters.success, judged),
        Metric::ErrorRate => quotient(failed, judged),
        Metric::RetriesPerRequest => quotient(counters.retries, counters.requests),
        Metric::Failures => Ok(match flag {
            None => failed as f64,
            Some(flag) => flag_named(flag).map_or(0, |f| counters.flags.get(f)) as f64,
        }),
        Metric::RequestsDenied => {
            let denials = [Flag::Denied, Flag::Unauthenticated, Flag::NoKeys];
            Ok(denials
                .map(|flag| counters.flags.get(flag))
                .iter()
                .sum::<u64>() as f64)
        }
        Metric::RequestsAudited => Ok(counters.audited as f64),
        Metric::RequestsShadowLimited => Ok(counters.shadow_limited as f64),
        _ => Err(Unmeasured::NotDefined),
    }
}

fn quotient(part: u64, whole: u64) -> Result<f64, Unmeasured> {
    match whole {
        0 => Err(Unmeasured::NoRequests),
        whole => Ok(part as f64 / whole as f64),
    }
}

/// The flag of that name.
pub(crate) fn flag_named(name: &str) -> Option<Flag> {
    Flag::named(name)
}

/// The counters of a subject over some slices; none if it was never seen in the whole run.
fn counters(
    run: &Observations,
    of: &Subject,
    within: Option<&Subject>,
    slices: Range<usize>,
) -> Option<Counters> {
    if let Subject::Load(name) = of {
        return run.load(name).map(|load| load.total(slices));
    }
    let mut sum = Counters::default();
    let mut seen = false;
    for (i, frame) in run.frames.iter().enumerate() {
        rows(frame, of, within, &mut |counters| {
            seen = true;
            if slices.contains(&i) {
                sum.merge(counters);
            }
        });
    }
    seen.then_some(sum)
}

/// Gives each row of the frame that belongs to the subject.
fn rows(frame: &Frame, of: &Subject, within: Option<&Subject>, each: &mut dyn FnMut(&Counters)) {
    match of {
        Subject::Load(_) => {}
        Subject::Mesh => frame.services.iter().for_each(|(_, row)| each(row)),
        Subject::Service(service) => {
            let rows = frame.services.iter();
            let mine = rows.filter(|(key, _)| is(&key.service.service, service));
            mine.for_each(|(_, row)| each(row));
        }
        Subject::Route { route, rule } => {
            for (key, row) in frame.routes.iter() {
                if is_route(row, &key.route, route, rule.as_deref()) {
                    each(&row.counters);
                }
            }
        }
        Subject::Backend { service, port } => {
            for (key, row) in frame.backends.iter() {
                let mine = is(&key.backend.service, service)
                    && port.is_none_or(|port| port == key.backend.port);
                let through = match within {
                    Some(Subject::Service(s)) => is(&key.service.service, s),
                    Some(Subject::Route { route, rule }) => {
                        let table = frame.routes.iter();
                        let mut mine =
                            table.filter(|(r, _)| r.service == key.service && r.route == key.route);
                        mine.any(|(r, row)| is_route(row, &r.route, route, rule.as_deref()))
                    }
                    _ => true,
                };
                if mine && through {
                    each(&row.counters);
                }
            }
        }
        Subject::Endpoint(pod) => {
            for (key, row) in frame.endpoints.iter() {
                let through = match within {
                    Some(Subject::Service(s) | Subject::Backend { service: s, .. }) => {
                        is(&key.backend.service, s)
                    }
                    _ => true,
                };
                if is(&key.endpoint, pod) && through {
                    each(&row.counters);
                }
            }
        }
        Subject::Edge { client, service } => {
            let rows = frame.edges.iter();
            rows.filter(|(key, _)| is_edge(key, client, service))
                .for_each(|(_, row)| each(row));
        }
    }
}

pub(super) fn is(name: &ObjectName, named: &Named) -> bool {
    *name.namespace == *named.namespace && *name.name == *named.name
}

/// Whether a row is of this route: its origin reads `HTTPRoute NS/NAME rules[0] (file:line)`. A
/// rule is named by its own name or by its place.
fn is_route(row: &RouteRow, rule_name: &str, route: &Named, rule: Option<&str>) -> bool {
    let mut words = row.origin.split(' ');
    let kind = words.next().unwrap_or_default();
    let name = words.next().and_then(|name| name.split_once('/'));
    let place = words.next().unwrap_or_default();
    kind.ends_with("Route")
        && name == Some((route.namespace.as_str(), route.name.as_str()))
        && rule.is_none_or(|rule| rule_name.rsplit('/').next() == Some(rule) || rule == place)
}

/// Edges as the clients count them: from `NS/Kind/NAME` to `NS/NAME:PORT`.
fn is_edge(key: &EdgeKey, client: &Named, service: &Named) -> bool {
    let from = key.from.split_once('/').is_some_and(|(namespace, rest)| {
        namespace == client.namespace && rest.rsplit('/').next() == Some(&client.name)
    });
    let to = key.to.rsplit_once(':').map_or(&*key.to, |(to, _)| to);
    key.side == Side::Client && from && to == service.to_string()
}

// === impl Unmeasured ===

impl fmt::Display for Unmeasured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoRequests => "nothing: no requests in this window",
            Self::NeverSeen => "nothing: no request ever concerned it",
            Self::NotDefined => "nothing: not defined for this subject",
            Self::RunEndedEarly => "nothing: the run ended before the window did",
        })
    }
}
