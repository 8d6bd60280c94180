//! What is plotted: columns of time, lines, and bands.

use std::collections::BTreeMap;

use engine::report::{Counters, EndpointStatus};
use serde::Serialize;

use super::Report;

/// Columns of a plot; runs with more slices are plotted in groups of slices. More columns than
/// half the pixels of a wide window cannot be told apart.
const COLUMNS_MAX: usize = 600;

/// Lines for single loads; the rest is only in the sum.
const LOADS_MAX: usize = 6;

/// Rows for endpoints that lost traffic.
const ENDPOINTS_MAX: usize = 24;

/// Everything the plot shows.
pub(super) struct Series {
    /// Bounds of the columns in seconds.
    pub bounds: Vec<f64>,
    pub lines: Vec<Line>,
    pub endpoints: Vec<Endpoint>,
    /// Endpoints left out.
    pub endpoints_more: usize,
}

/// A value for each column.
#[derive(Serialize)]
pub(super) struct Line {
    pub name: String,
    pub unit: &'static str,
    /// None where nothing was measured.
    pub values: Vec<Option<f64>>,
    #[serde(skip)]
    pub panel: Panel,
    #[serde(skip)]
    pub class: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Panel {
    Rate,
    Latency,
    Retries,
}

/// An endpoint that did not always take traffic.
pub(super) struct Endpoint {
    pub name: String,
    /// Of which backend.
    pub backend: String,
    pub bands: Vec<Band>,
}

/// A state for a time, in seconds.
pub(super) struct Band {
    pub from: f64,
    pub to: f64,
    pub status: &'static str,
    pub reason: String,
}

// === impl Series ===

impl Series {
    pub(super) fn new(report: &Report) -> Self {
        let bounds: Vec<_> = report
            .instants_ns
            .iter()
            .map(|ns| *ns as f64 / 1e9)
            .collect();
        let slices = bounds.len().saturating_sub(1);
        let group = slices.div_ceil(COLUMNS_MAX).max(1);
        let groups: Vec<_> = (0..slices)
            .step_by(group)
            .map(|i| i..(i + group).min(slices))
            .collect();
        let mut columns: Vec<_> = groups.iter().map(|g| bounds[g.start]).collect();
        columns.extend(bounds.last());
        let (endpoints, endpoints_more) = endpoints(report, &bounds);
        Self {
            lines: lines(report, &groups, &columns),
            bounds: columns,
            endpoints,
            endpoints_more,
        }
    }
}

type Groups<'a> = &'a [core::ops::Range<usize>];

fn lines(report: &Report, groups: Groups<'_>, columns: &[f64]) -> Vec<Line> {
    let mut out = Vec::new();
    let seconds = |i: usize| (columns[i + 1] - columns[i]).max(1e-9);
    let mut all = vec![Counters::default(); groups.len()];
    for (n, load) in report.loads.iter().enumerate() {
        let mut rate = Vec::with_capacity(groups.len());
        for (i, group) in groups.iter().enumerate() {
            let mut sum = Counters::default();
            load.slices
                .iter()
                .take(group.end)
                .skip(group.start)
                .for_each(|s| sum.merge(s));
            rate.push(Some(tidy(sum.requests as f64 / seconds(i))));
            all[i].merge(&sum);
        }
        if n < LOADS_MAX {
            out.push(line(&load.name, "/s", Panel::Rate, &format!("s{n}"), rate));
        }
    }
    let failed = all
        .iter()
        .enumerate()
        .map(|(i, c)| Some(tidy((c.failure + c.local_failure) as f64 / seconds(i))));
    out.push(line("failed", "/s", Panel::Rate, "err", failed.collect()));
    for (name, q, class) in [("p50", 0.5, "s2"), ("p95", 0.95, "s4"), ("p99", 0.99, "s1")] {
        let values = all
            .iter()
            .map(|c| c.latency.quantile(q).map(|us| tidy(us as f64 / 1e3)));
        out.push(line(name, "ms", Panel::Latency, class, values.collect()));
    }
    let retries: Vec<_> = groups
        .iter()
        .enumerate()
        .map(|(i, group)| {
            let frames = report.frames.iter().take(group.end).skip(group.start);
            let rows = frames.flat_map(|f| f.services.iter().map(|(_, row)| row.retries));
            Some(tidy(rows.sum::<u64>() as f64 / seconds(i)))
        })
        .collect();
    if retries.iter().flatten().any(|v| *v > 0.0) {
        out.push(line("retries", "/s", Panel::Retries, "s3", retries));
    }
    out
}

fn line(
    name: &str,
    unit: &'static str,
    panel: Panel,
    class: &str,
    values: Vec<Option<f64>>,
) -> Line {
    Line {
        name: super::clean::visible(name),
        unit,
        values,
        panel,
        class: class.to_owned(),
    }
}

/// Three decimals: enough for a plot, and short in the page.
fn tidy(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

/// Endpoints that at some time did not take traffic, with the bands of those times.
fn endpoints(report: &Report, bounds: &[f64]) -> (Vec<Endpoint>, usize) {
    let mut all: BTreeMap<(String, String), Vec<Band>> = BTreeMap::new();
    for (frame, pair) in report.frames.iter().zip(bounds.windows(2)) {
        for (key, row) in frame.endpoints.iter() {
            if row.state.status.takes_traffic() {
                continue;
            }
            let bands = all
                .entry((key.backend.to_string(), key.endpoint.to_string()))
                .or_default();
            let status = class(row.state.status);
            let since = row
                .state
                .since
                .map_or(pair[0], |at| at.as_nanos() as f64 / 1e9);
            match bands.last_mut() {
                Some(last) if last.to >= pair[0] && last.status == status => last.to = pair[1],
                _ => bands.push(Band {
                    from: since.clamp(pair[0], pair[1]),
                    to: pair[1],
                    status,
                    reason: row.state.reason.clone(),
                }),
            }
        }
    }
    let more = all.len().saturating_sub(ENDPOINTS_MAX);
    let shown = all.into_iter().take(ENDPOINTS_MAX);
    (
        shown
            .map(|((backend, name), bands)| Endpoint {
                name,
                backend,
                bands,
            })
            .collect(),
        more,
    )
}

/// The state's class in the page's style, which is also its name in the legend.
const fn class(status: EndpointStatus) -> &'static str {
    match status {
        EndpointStatus::Ejected => "ejected",
        EndpointStatus::Open => "open",
        EndpointStatus::HalfOpen { .. } => "half-open",
        _ => "other",
    }
}
