//! Services: the columns that other meshes need a dashboard for, breakers first.

use core::cmp::Ordering;

use super::{Cell, Column, Record, least, most};
use crate::top::format::{count, millis, percent, rare, rate};
use crate::top::theme::Tone;
use crate::top::view::{Breakers, ServiceView, Traffic, span};

/// Below this share of successes a row is broken, not only worth a look.
const BAD_SUCCESS: f64 = 0.95;

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
    Of::new(
        "RPS",
        6,
        1,
        |s| rps(&s.traffic),
        |a, b| most(a.traffic.per_second, b.traffic.per_second),
    ),
    Of::new(
        "OK%",
        5,
        1,
        |s| success(&s.traffic),
        |a, b| least(a.traffic.success_rate, b.traffic.success_rate),
    ),
    Of::new(
        "P50",
        5,
        5,
        |s| latency(s.traffic.p50_us),
        |a, b| most(a.traffic.p50_us, b.traffic.p50_us),
    ),
    Of::new(
        "P95",
        5,
        6,
        |s| latency(s.traffic.p95_us),
        |a, b| most(a.traffic.p95_us, b.traffic.p95_us),
    ),
    Of::new(
        "P99",
        5,
        3,
        |s| latency(s.traffic.p99_us),
        |a, b| most(a.traffic.p99_us, b.traffic.p99_us),
    ),
    Of::new(
        "INFL",
        4,
        7,
        |s| in_flight(&s.traffic),
        |a, b| b.traffic.in_flight.cmp(&a.traffic.in_flight),
    ),
    Of::new(
        "RETRY",
        5,
        8,
        |s| retries(&s.traffic),
        |a, b| {
            b.traffic
                .retries_per_second
                .total_cmp(&a.traffic.retries_per_second)
        },
    ),
    Of::new("LEFT", 4, 12, left, |a, b| {
        a.retries_left
            .unwrap_or(u64::MAX)
            .cmp(&b.retries_left.unwrap_or(u64::MAX))
    }),
    Of::new(
        "TMO",
        4,
        9,
        |s| warned(s.traffic.timeouts_per_second),
        |a, b| {
            b.traffic
                .timeouts_per_second
                .total_cmp(&a.traffic.timeouts_per_second)
        },
    ),
    Of::new(
        "REJ",
        4,
        10,
        |s| warned(s.traffic.rejected()),
        |a, b| b.traffic.rejected().total_cmp(&a.traffic.rejected()),
    ),
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
    Of::new(
        "REASONS",
        24,
        14,
        |s| reasons(&s.traffic),
        |a, b| b.traffic.rejected().total_cmp(&a.traffic.rejected()),
    )
    .left()
    .wide(),
    Of::new(
        "FAILED",
        6,
        15,
        |s| failed(&s.traffic),
        |a, b| b.traffic.failed.cmp(&a.traffic.failed),
    )
    .wide(),
];

// === impl Record ===

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
fn trouble(endpoints: &Breakers) -> (u64, u64) {
    let tripped = endpoints.open + endpoints.half_open + endpoints.ejected;
    (tripped, endpoints.away)
}

fn failures_per_second(traffic: &Traffic) -> f64 {
    let share = traffic.failed as f64 / traffic.requests.max(1) as f64;
    share * traffic.per_second.unwrap_or(0.0)
}

fn share(endpoints: &Breakers) -> Option<f64> {
    (endpoints.total > 0).then(|| endpoints.ready as f64 / endpoints.total as f64)
}

// === cells, shared with other kinds of rows ===

pub(super) fn rps(traffic: &Traffic) -> Cell {
    let tone = match traffic.per_second {
        Some(n) if n > 0.0 => Tone::Plain,
        _ => Tone::Quiet,
    };
    Cell::new(rate(traffic.per_second), tone)
}

pub(super) fn success(traffic: &Traffic) -> Cell {
    let tone = match traffic.success_rate {
        None => Tone::Quiet,
        Some(s) if s >= 1.0 => Tone::Good,
        Some(s) if s >= BAD_SUCCESS => Tone::Warn,
        Some(_) => Tone::Bad,
    };
    Cell::new(percent(traffic.success_rate), tone)
}

pub(super) fn latency(us: Option<u64>) -> Cell {
    Cell::new(
        millis(us),
        if us.is_some() {
            Tone::Plain
        } else {
            Tone::Quiet
        },
    )
}

pub(super) fn in_flight(traffic: &Traffic) -> Cell {
    let tone = match (traffic.in_flight, traffic.pending) {
        (_, 1..) => Tone::Warn,
        (0, _) => Tone::Quiet,
        _ => Tone::Plain,
    };
    Cell::new(count(traffic.in_flight), tone)
}

pub(super) fn warned(per_second: f64) -> Cell {
    let tone = if per_second > 0.0 {
        Tone::Warn
    } else {
        Tone::Quiet
    };
    Cell::new(rare(per_second), tone)
}

pub(super) fn retries(traffic: &Traffic) -> Cell {
    let cell = warned(traffic.retries_per_second);
    match traffic.retries_denied_per_second > 0.0 {
        true => Cell::new(cell.text, Tone::Bad),
        false => cell,
    }
}

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

/// `RL 2.0 UO 1.0`: requests that were turned away each second, by flag.
pub(super) fn reasons(traffic: &Traffic) -> Cell {
    let all = traffic.rejected_per_second.iter();
    let parts: Vec<_> = all
        .map(|(flag, n)| format!("{flag} {}", rate(Some(*n))))
        .collect();
    Cell::new(parts.join(" "), Tone::Warn)
}

pub(super) fn failed(traffic: &Traffic) -> Cell {
    let tone = if traffic.failed > 0 {
        Tone::Bad
    } else {
        Tone::Quiet
    };
    Cell::new(count(traffic.failed), tone)
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
