//! The rules of a service with the backends they divide requests among: a tree of two levels.

use core::cmp::Ordering;

use serde::Serialize;

use super::services::{breaker, ready, share, trouble};
use super::traffic::{self, Busy};
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
    traffic::rps(1),
    traffic::success(1),
    traffic::p50(6),
    traffic::p95(7),
    traffic::p99(4),
    traffic::in_flight(8),
    traffic::retries(9),
    traffic::timeouts(10),
    Of::new("EP", 5, 5, endpoints, |a, b| {
        let of = |b: &Branch| b.backend().and_then(|b| share(&b.endpoints));
        least(of(a), of(b))
    }),
    Of::new("BREAKER", 14, 2, state, |a, b| {
        let of = |b: &Branch| {
            b.backend()
                .map(|b| (b.breaker.is_some(), trouble(&b.endpoints)))
        };
        of(b).cmp(&of(a))
    })
    .left(),
    Of::new("LIMIT", 5, 11, limit, |a, b| {
        let of = |b: &Branch| b.backend().and_then(|b| b.concurrency_limit);
        most(of(a), of(b))
    })
    .wide(),
    traffic::reasons(12),
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

impl Busy for Branch {
    fn traffic(&self) -> &Traffic {
        match self {
            Self::Rule(rule) => &rule.traffic,
            Self::Backend(backend) | Self::Alone(backend) => &backend.traffic,
        }
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

    fn branch(&self) -> &str {
        match self {
            Self::Backend(_) => "└ ",
            Self::Rule(_) | Self::Alone(_) => "",
        }
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
