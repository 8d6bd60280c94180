//! The rules of a service with the backends they divide requests among: a tree of two levels.

use core::cmp::Ordering;

use serde::Serialize;

use super::services::{breaker, in_flight, latency, ready, reasons, retries, rps, success, warned};
use super::{Cell, Column, Record, least, most};
use crate::top::format::{count, percent};
use crate::top::theme::Tone;
use crate::top::view::{BackendView, RouteView, State, Traffic};

/// How far a share may be from its weight before it is worth a look: four standard deviations of a
/// fair draw, and never less than this.
const SHARE_OFF: f64 = 0.01;

/// A rule, or one of its backends.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(in crate::top) enum Branch {
    Rule(Box<RouteView>),
    Backend(Box<BackendView>),
    /// A backend that stands for itself, not below its rule.
    Alone(Box<BackendView>),
}

type Of = Column<Branch>;

static COLUMNS: [Of; 18] = [
    Of::new(
        "ROUTE / BACKEND",
        20,
        0,
        |b| Cell::plain(b.name()),
        |a, b| a.name().cmp(&b.name()),
    )
    .left(),
    Of::new(
        "SERVICE",
        16,
        0,
        |b| Cell::plain(b.service()),
        |a, b| a.service().cmp(b.service()),
    )
    .left()
    .print_only(),
    Of::new(
        "ROUTE",
        16,
        0,
        |b| Cell::plain(b.route()),
        |a, b| a.route().cmp(b.route()),
    )
    .left()
    .print_only(),
    Of::new("WEIGHT", 6, 3, weight, |a, b| {
        most(a.configured(), b.configured())
    }),
    Of::new("CONF%", 5, 2, configured, |a, b| {
        most(a.configured(), b.configured())
    }),
    Of::new("SEEN%", 5, 2, observed, |a, b| {
        most(a.observed(), b.observed())
    }),
    Of::new(
        "RPS",
        6,
        1,
        |b| rps(b.traffic()),
        |a, b| most(a.traffic().per_second, b.traffic().per_second),
    ),
    Of::new(
        "OK%",
        5,
        1,
        |b| success(b.traffic()),
        |a, b| least(a.traffic().success_rate, b.traffic().success_rate),
    ),
    Of::new(
        "P50",
        5,
        6,
        |b| latency(b.traffic().p50_us),
        |a, b| most(a.traffic().p50_us, b.traffic().p50_us),
    ),
    Of::new(
        "P95",
        5,
        7,
        |b| latency(b.traffic().p95_us),
        |a, b| most(a.traffic().p95_us, b.traffic().p95_us),
    ),
    Of::new(
        "P99",
        5,
        4,
        |b| latency(b.traffic().p99_us),
        |a, b| most(a.traffic().p99_us, b.traffic().p99_us),
    ),
    Of::new(
        "INFL",
        4,
        8,
        |b| in_flight(b.traffic()),
        |a, b| b.traffic().in_flight.cmp(&a.traffic().in_flight),
    ),
    Of::new(
        "RETRY",
        5,
        9,
        |b| retries(b.traffic()),
        |a, b| {
            let of = |b: &Branch| b.traffic().retries_per_second;
            of(b).total_cmp(&of(a))
        },
    ),
    Of::new(
        "TMO",
        4,
        10,
        |b| warned(b.traffic().timeouts_per_second),
        |a, b| {
            let of = |b: &Branch| b.traffic().timeouts_per_second;
            of(b).total_cmp(&of(a))
        },
    ),
    Of::new("EP", 5, 5, endpoints, |a, b| a.name().cmp(&b.name())),
    Of::new("BREAKER", 14, 2, state, |a, b| a.name().cmp(&b.name())).left(),
    Of::new("LIMIT", 5, 11, limit, |a, b| a.name().cmp(&b.name())).wide(),
    Of::new(
        "REASONS",
        24,
        12,
        |b| reasons(b.traffic()),
        |a, b| b.traffic().rejected().total_cmp(&a.traffic().rejected()),
    )
    .left()
    .wide(),
];

// === impl Branch ===

impl Branch {
    /// The rules in order, each before its backends.
    pub(in crate::top) fn of(routes: Vec<RouteView>) -> Vec<Self> {
        let branches = routes.into_iter().flat_map(|mut route| {
            let backends = core::mem::take(&mut route.backends);
            let rule = core::iter::once(Self::Rule(Box::new(route)));
            rule.chain(backends.into_iter().map(|b| Self::Backend(Box::new(b))))
        });
        branches.collect()
    }

    fn name(&self) -> String {
        match self {
            Self::Rule(rule) => rule.route.clone(),
            Self::Backend(backend) | Self::Alone(backend) => backend.backend.clone(),
        }
    }

    fn service(&self) -> &str {
        match self {
            Self::Rule(rule) => &rule.service,
            Self::Backend(backend) | Self::Alone(backend) => &backend.service,
        }
    }

    fn route(&self) -> &str {
        match self {
            Self::Rule(rule) => &rule.route,
            Self::Backend(backend) | Self::Alone(backend) => &backend.route,
        }
    }

    pub(in crate::top) fn traffic(&self) -> &Traffic {
        match self {
            Self::Rule(rule) => &rule.traffic,
            Self::Backend(backend) | Self::Alone(backend) => &backend.traffic,
        }
    }

    pub(in crate::top) fn backend(&self) -> Option<&BackendView> {
        match self {
            Self::Rule(_) => None,
            Self::Backend(backend) | Self::Alone(backend) => Some(backend),
        }
    }

    fn configured(&self) -> Option<f64> {
        self.backend().and_then(|b| b.configured)
    }

    fn observed(&self) -> Option<f64> {
        self.backend().and_then(|b| b.observed)
    }
}

impl Record for Branch {
    fn columns() -> &'static [Column<Self>] {
        &COLUMNS
    }

    fn id(&self) -> String {
        match self {
            Self::Rule(rule) => rule.route.clone(),
            Self::Backend(b) | Self::Alone(b) => format!("{} {}", b.route, b.backend),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Rule(rule) => format!("{} {} {}", rule.service, rule.route, rule.origin),
            Self::Backend(b) | Self::Alone(b) => format!("{} {} {}", b.service, b.route, b.backend),
        }
    }

    fn is_failing(&self) -> bool {
        let endpoints = self.backend().map(|b| &b.endpoints);
        let away = endpoints.is_some_and(|e| e.ready < e.total);
        let broken = self.backend().is_some_and(|b| b.breaker.is_some());
        away || broken || self.traffic().failed > 0 || self.traffic().rejected() > 0.0
    }

    fn is_stale(&self) -> bool {
        false
    }

    /// The order of the tree.
    fn by_trouble(&self, _: &Self) -> Ordering {
        Ordering::Equal
    }

    fn is_child(&self) -> bool {
        matches!(self, Self::Backend(_))
    }
}

// === cells ===

fn nothing() -> Cell {
    Cell::new("", Tone::Quiet)
}

fn weight(branch: &Branch) -> Cell {
    let weight = branch.backend().map(|b| u64::from(b.weight));
    weight.map_or_else(nothing, |weight| Cell::plain(count(weight)))
}

fn configured(branch: &Branch) -> Cell {
    let share = branch.backend().map(|b| b.configured);
    share.map_or_else(nothing, |share| Cell::plain(percent(share)))
}

fn observed(branch: &Branch) -> Cell {
    let Some(backend) = branch.backend() else {
        return nothing();
    };
    let off = match (backend.configured, backend.observed) {
        (Some(p), Some(seen)) => {
            // Of as many draws as the rule made, which is what it got over what it was.
            let draws = backend.traffic.requests as f64 / seen.max(f64::EPSILON);
            let four = 4.0 * (p * (1.0 - p) / draws.max(1.0)).sqrt();
            (seen - p).abs() > four.max(SHARE_OFF)
        }
        _ => false,
    };
    let tone = if off { Tone::Warn } else { Tone::Plain };
    Cell::new(percent(backend.observed), tone)
}

fn endpoints(branch: &Branch) -> Cell {
    branch
        .backend()
        .map_or_else(nothing, |b| ready(&b.endpoints))
}

fn state(branch: &Branch) -> Cell {
    let Some(backend) = branch.backend() else {
        return nothing();
    };
    match &backend.breaker {
        Some(state) => Cell::new(route_breaker(state), Tone::Bad),
        None => breaker(&backend.endpoints),
    }
}

fn route_breaker(state: &State) -> String {
    let next = state.next_probe.or(state.until);
    let next = next.map_or(String::new(), |s| format!(" {}", crate::top::view::span(s)));
    format!("{}{next}", state.word)
}

fn limit(branch: &Branch) -> Cell {
    let limit = branch.backend().and_then(|b| b.concurrency_limit);
    limit.map_or_else(nothing, |n| Cell::plain(count(n)))
}
