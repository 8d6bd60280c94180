//! Values that go up and down: endpoints in a state, open connections, requests under way.
//!
//! States are sampled at the instants of the run; between them the proxies' events tell of changes,
//! so that an ejection shorter than a slice is seen.

use core::ops::Range;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use engine::report::{EndpointKey, EndpointRow, EndpointStatus, EventKind, Frame};
use engine::snapshot::ClusterKey;
use engine::time::Instant;

use super::measure::{Unmeasured, is};
use crate::record::Observations;
use crate::scenario::expect::{Metric, Pick, Subject};

/// The value that `pick` chooses among those of the window.
pub(super) fn measure(
    run: &Observations,
    metric: Metric,
    of: &Subject,
    pick: Pick,
    slices: Range<usize>,
) -> Result<f64, Unmeasured> {
    let seen = metric == Metric::InFlight
        || run
            .frames
            .iter()
            .any(|f| f.endpoints.iter().any(|(key, _)| concerns(of, key)));
    if !seen {
        return match metric {
            Metric::HealthyEndpoints => Err(Unmeasured::NeverSeen),
            _ => Ok(0.0),
        };
    }
    // The state at the beginning of a window is that at the end of the slice before it.
    let sampled = slices.start.saturating_sub(1)..slices.end;
    let samples = run.frames.get(sampled).unwrap_or_default();
    let sampled: Vec<_> = samples.iter().map(|frame| at(frame, metric, of)).collect();
    let between = match metric {
        Metric::Ejected => changes(
            run,
            of,
            &slices,
            EventKind::Ejected,
            &[EventKind::Unejected],
        ),
        Metric::BreakerOpen => {
            let closed = [EventKind::BreakerHalfOpened, EventKind::BreakerClosed];
            changes(run, of, &slices, EventKind::BreakerOpened, &closed)
        }
        _ => Vec::new(),
    };
    let all = sampled.iter().chain(&between).copied();
    let value = match pick {
        Pick::Last => sampled.last().copied(),
        Pick::Max => all.max(),
        Pick::Min => all.min(),
    };
    value.map(|n| n as f64).ok_or(Unmeasured::NoRequests)
}

/// The value in one frame.
fn at(frame: &Frame, metric: Metric, of: &Subject) -> u64 {
    let rows = frame.endpoints.iter().filter(|(key, _)| concerns(of, key));
    match metric {
        Metric::BreakerOpen => {
            // Breakers of routes as well, each as one.
            let backends = frame.backends.iter();
            let routes = backends.filter(|(key, row)| {
                row.breaker.status == EndpointStatus::Open && concerns_backend(of, &key.backend)
            });
            let open = pods(rows, |row| row.proxies_in(EndpointStatus::Open) > 0);
            open + routes.count() as u64
        }
        Metric::InFlight => {
            let services = frame.services.iter();
            let mine = services.filter(|(key, _)| match of {
                Subject::Service(service) => is(&key.service.service, service),
                _ => true,
            });
            mine.map(|(_, row)| row.in_flight).sum()
        }
        Metric::Connections => rows.map(|(_, row)| row.connections.open).sum(),
        Metric::HealthyEndpoints => pods(rows, |row| row.state.status.takes_traffic()),
        _ => pods(rows, |row| row.proxies_in(EndpointStatus::Ejected) > 0),
    }
}

/// How many different pods have a row that `wanted` accepts.
fn pods<'a>(
    rows: impl Iterator<Item = (&'a EndpointKey, &'a EndpointRow)>,
    wanted: impl Fn(&EndpointRow) -> bool,
) -> u64 {
    let pods: BTreeSet<_> = rows
        .filter(|(_, row)| wanted(row))
        .map(|(key, _)| &key.endpoint)
        .collect();
    pods.len() as u64
}

/// The number of pods in a state, after each change within the window that a proxy reported.
fn changes(
    run: &Observations,
    of: &Subject,
    slices: &Range<usize>,
    enter: EventKind,
    leave: &[EventKind],
) -> Vec<u64> {
    let instant = |i: usize| run.instants.get(i).copied().unwrap_or(Duration::MAX);
    let (from, to) = (
        Instant::ZERO + instant(slices.start),
        Instant::ZERO + instant(slices.end),
    );
    // Pod → the proxies that see it in the state.
    let mut inside: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut out = Vec::new();
    for event in run.frames.iter().flat_map(|frame| &frame.events) {
        let Some((_, pod)) = event.subject.rsplit_once(' ') else {
            continue;
        };
        if event.at > to || !concerns_subject(of, &event.subject) {
            continue;
        }
        let proxies = inside.entry(pod).or_default();
        if event.kind == enter {
            proxies.insert(&event.source);
        } else if leave.contains(&event.kind) {
            proxies.remove(event.source.as_str());
        } else {
            continue;
        }
        if event.at >= from {
            out.push(
                inside
                    .values()
                    .filter(|proxies| !proxies.is_empty())
                    .count() as u64,
            );
        }
    }
    out
}

/// Whether an endpoint belongs to the subject.
fn concerns(of: &Subject, key: &EndpointKey) -> bool {
    match of {
        Subject::Endpoint(pod) => is(&key.endpoint, pod),
        _ => concerns_backend(of, &key.backend),
    }
}

/// Whether a backend as a whole does.
fn concerns_backend(of: &Subject, key: &ClusterKey) -> bool {
    match of {
        Subject::Mesh => true,
        Subject::Service(service) => is(&key.service, service),
        Subject::Backend { service, port } => {
            is(&key.service, service) && port.is_none_or(|port| port == key.port)
        }
        Subject::Endpoint(_) | Subject::Load(_) | Subject::Route { .. } | Subject::Edge { .. } => {
            false
        }
    }
}

/// The same of an event's subject, `NS/NAME:PORT NS/POD`.
fn concerns_subject(of: &Subject, subject: &str) -> bool {
    let Some((backend, pod)) = subject.rsplit_once(' ') else {
        return false;
    };
    let (service, port) = backend.rsplit_once(':').unwrap_or((backend, ""));
    match of {
        Subject::Mesh => true,
        Subject::Service(named) => named.to_string() == service,
        Subject::Backend {
            service: named,
            port: wanted,
        } => named.to_string() == service && wanted.is_none_or(|p| p.to_string() == port),
        Subject::Endpoint(named) => named.to_string() == pod,
        Subject::Load(_) | Subject::Route { .. } | Subject::Edge { .. } => false,
    }
}
