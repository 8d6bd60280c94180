//! The columns of everything that requests go through: services, rules, backends, endpoints, edges.
//! Each kind of row says with which rank it wants them.

use super::{Cell, Column, least, most};
use crate::top::format::{count, millis, percent, rare, rate};
use crate::top::theme::Tone;
use crate::top::view::Traffic;

/// Below this share of successes a row is broken, not only worth a look.
const BAD_SUCCESS: f64 = 0.95;

/// Rows that requests go through.
pub(in crate::top) trait Busy: 'static {
    fn traffic(&self) -> &Traffic;
}

// === columns ===

pub(super) const fn rps<R: Busy>(rank: u8) -> Column<R> {
    let cell = |r: &R| rps_cell(r.traffic());
    Column::new("RPS", 6, rank, cell, |a, b| {
        most(a.traffic().per_second, b.traffic().per_second)
    })
}

pub(super) const fn success<R: Busy>(rank: u8) -> Column<R> {
    let cell = |r: &R| success_cell(r.traffic());
    Column::new("OK%", 5, rank, cell, |a, b| {
        least(a.traffic().success_rate, b.traffic().success_rate)
    })
}

pub(super) const fn p50<R: Busy>(rank: u8) -> Column<R> {
    let cell = |r: &R| latency(r.traffic().p50_us);
    Column::new("P50", 5, rank, cell, |a, b| {
        most(a.traffic().p50_us, b.traffic().p50_us)
    })
}

pub(super) const fn p95<R: Busy>(rank: u8) -> Column<R> {
    let cell = |r: &R| latency(r.traffic().p95_us);
    Column::new("P95", 5, rank, cell, |a, b| {
        most(a.traffic().p95_us, b.traffic().p95_us)
    })
}

pub(super) const fn p99<R: Busy>(rank: u8) -> Column<R> {
    let cell = |r: &R| latency(r.traffic().p99_us);
    Column::new("P99", 5, rank, cell, |a, b| {
        most(a.traffic().p99_us, b.traffic().p99_us)
    })
}

/// Under way; coloured when some of them wait.
pub(super) const fn in_flight<R: Busy>(rank: u8) -> Column<R> {
    let cell = |r: &R| in_flight_cell(r.traffic());
    Column::new("INFL", 4, rank, cell, |a, b| {
        b.traffic().in_flight.cmp(&a.traffic().in_flight)
    })
}

/// Tries after the first; in red when some were refused.
pub(super) const fn retries<R: Busy>(rank: u8) -> Column<R> {
    let cell = |r: &R| retries_cell(r.traffic());
    Column::new("RETRY", 5, rank, cell, |a, b| {
        let of = |r: &R| r.traffic().retries_per_second;
        of(b).total_cmp(&of(a))
    })
}

pub(super) const fn timeouts<R: Busy>(rank: u8) -> Column<R> {
    let cell = |r: &R| warned(r.traffic().timeouts_per_second);
    Column::new("TMO", 4, rank, cell, |a, b| {
        let of = |r: &R| r.traffic().timeouts_per_second;
        of(b).total_cmp(&of(a))
    })
}

pub(super) const fn rejected<R: Busy>(rank: u8) -> Column<R> {
    let cell = |r: &R| warned(r.traffic().rejected());
    Column::new("REJ", 4, rank, cell, by_rejected)
}

/// What they were turned away for.
pub(super) const fn reasons<R: Busy>(rank: u8) -> Column<R> {
    let cell = |r: &R| reasons_cell(r.traffic());
    Column::new("REASONS", 24, rank, cell, by_rejected)
        .left()
        .wide()
}

pub(super) const fn failed<R: Busy>(rank: u8) -> Column<R> {
    let cell = |r: &R| failed_cell(r.traffic());
    Column::new("FAILED", 6, rank, cell, |a, b| {
        b.traffic().failed.cmp(&a.traffic().failed)
    })
    .wide()
}

fn by_rejected<R: Busy>(a: &R, b: &R) -> core::cmp::Ordering {
    b.traffic().rejected().total_cmp(&a.traffic().rejected())
}

// === cells ===

fn rps_cell(traffic: &Traffic) -> Cell {
    let tone = match traffic.per_second {
        Some(n) if n > 0.0 => Tone::Plain,
        _ => Tone::Quiet,
    };
    Cell::new(rate(traffic.per_second), tone)
}

fn success_cell(traffic: &Traffic) -> Cell {
    let tone = match traffic.success_rate {
        None => Tone::Quiet,
        Some(s) if s >= 1.0 => Tone::Good,
        Some(s) if s >= BAD_SUCCESS => Tone::Warn,
        Some(_) => Tone::Bad,
    };
    Cell::new(percent(traffic.success_rate), tone)
}

fn latency(us: Option<u64>) -> Cell {
    let tone = match us {
        Some(_) => Tone::Plain,
        None => Tone::Quiet,
    };
    Cell::new(millis(us), tone)
}

fn in_flight_cell(traffic: &Traffic) -> Cell {
    let tone = match (traffic.in_flight, traffic.pending) {
        (_, 1..) => Tone::Warn,
        (0, _) => Tone::Quiet,
        _ => Tone::Plain,
    };
    Cell::new(count(traffic.in_flight), tone)
}

fn warned(per_second: f64) -> Cell {
    let tone = match per_second > 0.0 {
        true => Tone::Warn,
        false => Tone::Quiet,
    };
    Cell::new(rare(per_second), tone)
}

fn retries_cell(traffic: &Traffic) -> Cell {
    let cell = warned(traffic.retries_per_second);
    match traffic.retries_denied_per_second > 0.0 {
        true => Cell::new(cell.text, Tone::Bad),
        false => cell,
    }
}

/// `RL 2.0 UO 1.0`: requests that were turned away each second, by flag.
fn reasons_cell(traffic: &Traffic) -> Cell {
    let all = traffic.rejected_per_second.iter();
    let parts: Vec<_> = all
        .map(|(flag, n)| format!("{flag} {}", rate(Some(*n))))
        .collect();
    Cell::new(parts.join(" "), Tone::Warn)
}

fn failed_cell(traffic: &Traffic) -> Cell {
    let tone = match traffic.failed {
        0 => Tone::Quiet,
        _ => Tone::Bad,
    };
    Cell::new(count(traffic.failed), tone)
}
