//! Services: the columns that other meshes need a dashboard for, breakers first.

use core::cmp::Ordering;

use super::traffic::{self, Busy};
use super::{Cell, Column, Record, least, most};
use crate::top::format::count;
use crate::top::theme::Tone;
use crate::top::view::{Breakers, ServiceView, Traffic, span};

/// Characters of a sparkline, from nothing to most.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Width of the sparkline.
const TREND: usize = 10;

type Of = Column<ServiceView>;

static COLUMNS: [Of; 17] = [
    Of::new(
        "SERVICE",
        16,
        0,
        |s| Cell::plain(&*s.service),
        |a, b| a.service.cmp(&b.service),
    )
    .left(),
    traffic::rps(1),
    traffic::success(1),
    traffic::p50(5),
    traffic::p95(6),
    traffic::p99(3),
    traffic::in_flight(7),
    traffic::retries(8),
    Of::new("LEFT", 4, 12, left, |a, b| {
        let of = |s: &ServiceView| s.retries_left.unwrap_or(u64::MAX);
        of(a).cmp(&of(b))
    }),
    traffic::timeouts(9),
    traffic::rejected(10),
    Of::new(
        "EP",
        5,
        4,
        |s| ready(&s.endpoints),
        |a, b| least(share(&a.endpoints), share(&b.endpoints)),
    ),
    Of::new(
        "BREAKER",
        14,
        2,
        |s| breaker(&s.endpoints),
        |a, b| trouble(&b.endpoints).cmp(&trouble(&a.endpoints)),
    )
    .left(),
    Of::new("MTLS", 4, 13, mtls, |a, b| least(a.mtls, b.mtls)),
    Of::new("TREND", TREND as u16, 11, trend, |a, b| {
        most(a.traffic.per_second, b.traffic.per_second)
    })
    .left()
    .screen_only(),
    traffic::reasons(14),
    traffic::failed(15),
];

impl Busy for ServiceView {
    fn traffic(&self) -> &Traffic {
        &self.traffic
    }
}

impl Record for ServiceView {
    fn columns() -> &'static [Column<Self>] {
        &COLUMNS
    }

    fn id(&self) -> String {
        self.service.clone()
    }

    fn text(&self) -> String {
        self.service.clone()
    }

    fn is_failing(&self) -> bool {
        self.traffic.failed > 0
            || self.traffic.rejected() > 0.0
            || self.endpoints.ready < self.endpoints.total
    }

    fn is_stale(&self) -> bool {
        self.stale
    }

    fn by_trouble(&self, other: &Self) -> Ordering {
        let failing = |s: &Self| failures_per_second(&s.traffic);
        trouble(&other.endpoints)
            .cmp(&trouble(&self.endpoints))
            .then(failing(other).total_cmp(&failing(self)))
            .then(most(self.traffic.per_second, other.traffic.per_second))
            .then(self.service.cmp(&other.service))
    }
}

/// How much of it is out of order: tripped and probing endpoints, then others without traffic.
pub(super) fn trouble(endpoints: &Breakers) -> (u64, u64) {
    let tripped = endpoints.open + endpoints.half_open + endpoints.ejected;
    (tripped, endpoints.away)
}

fn failures_per_second(traffic: &Traffic) -> f64 {
    let share = traffic.failed as f64 / traffic.requests.max(1) as f64;
    share * traffic.per_second.unwrap_or(0.0)
}

pub(super) fn share(endpoints: &Breakers) -> Option<f64> {
    (endpoints.total > 0).then(|| endpoints.ready as f64 / endpoints.total as f64)
}

// === cells ===

pub(super) fn ready(endpoints: &Breakers) -> Cell {
    let tone = match (endpoints.ready, endpoints.total) {
        (_, 0) => return Cell::new("–", Tone::Quiet),
        (0, _) => Tone::Bad,
        (ready, total) if ready < total => Tone::Warn,
        _ => Tone::Plain,
    };
    Cell::new(format!("{}/{}", endpoints.ready, endpoints.total), tone)
}

/// Tripped, probing, ejected and away, worst first, and when the next is tried: `2 open 4.1s`.
pub(super) fn breaker(endpoints: &Breakers) -> Cell {
    let counts = [
        (endpoints.open, "open", Tone::Bad),
        (endpoints.ejected, "ejected", Tone::Bad),
        (endpoints.half_open, "probing", Tone::Probe),
        (endpoints.away, "away", Tone::Warn),
    ];
    let mut some = counts.iter().filter(|(n, ..)| *n > 0);
    let Some((n, word, tone)) = some.next() else {
        return match endpoints.total {
            0 => Cell::new("–", Tone::Quiet),
            _ => Cell::new("closed", Tone::Quiet),
        };
    };
    let mut text = format!("{n} {word}");
    if let Some((n, word, _)) = some.next() {
        let first = word.chars().next().unwrap_or_default();
        text.push_str(&format!(" {n}{first}"));
    }
    if let Some(next) = endpoints.next_probe {
        text.push_str(&format!(" {}", span(next)));
    }
    Cell::new(text, *tone)
}

fn left(service: &ServiceView) -> Cell {
    match service.retries_left {
        Some(0) => Cell::new("0", Tone::Bad),
        Some(n) => Cell::plain(count(n)),
        None => Cell::new("–", Tone::Quiet),
    }
}

fn mtls(service: &ServiceView) -> Cell {
    match service.mtls {
        None => Cell::new("–", Tone::Quiet),
        Some(share) if share >= 1.0 => Cell::new("yes", Tone::Good),
        Some(share) if share <= 0.0 => Cell::new("no", Tone::Warn),
        Some(share) => Cell::new(format!("{:.0}%", share * 100.0), Tone::Warn),
    }
}

fn trend(service: &ServiceView) -> Cell {
    let points = service.history.iter().rev().take(TREND).rev();
    let most = points.clone().fold(0.0f32, |a, b| a.max(*b));
    let bar = |n: &f32| match most > 0.0 {
        true => BARS[((n / most * 7.0).round() as usize).min(7)],
        false => BARS[0],
    };
    Cell::new(points.map(bar).collect::<String>(), Tone::Quiet)
}
