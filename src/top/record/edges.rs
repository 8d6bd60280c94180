//! Edges: who calls whom, how well, and how protected.

use core::cmp::Ordering;

use engine::identity::Identity;
use engine::report::{Security, Side};

use super::services::{failed, in_flight, latency, reasons, rps, success};
use super::{Cell, Column, Record, least, most};
use crate::top::theme::Tone;
use crate::top::view::EdgeView;

type Of = Column<EdgeView>;

static COLUMNS: [Of; 12] = [
    Of::new(
        "FROM",
        16,
        0,
        |e| Cell::plain(short(&e.from)),
        |a, b| a.from.cmp(&b.from),
    )
    .left(),
    Of::new("TO", 24, 0, |e| Cell::plain(&*e.to), |a, b| a.to.cmp(&b.to)).left(),
    Of::new("TLS", 6, 2, tls, |a, b| a.tls.cmp(&b.tls)).left(),
    Of::new(
        "RPS",
        6,
        1,
        |e| rps(&e.traffic),
        |a, b| most(a.traffic.per_second, b.traffic.per_second),
    ),
    Of::new(
        "OK%",
        5,
        1,
        |e| success(&e.traffic),
        |a, b| least(a.traffic.success_rate, b.traffic.success_rate),
    ),
    Of::new(
        "P50",
        5,
        5,
        |e| latency(e.traffic.p50_us),
        |a, b| most(a.traffic.p50_us, b.traffic.p50_us),
    ),
    Of::new(
        "P95",
        5,
        6,
        |e| latency(e.traffic.p95_us),
        |a, b| most(a.traffic.p95_us, b.traffic.p95_us),
    ),
    Of::new(
        "P99",
        5,
        3,
        |e| latency(e.traffic.p99_us),
        |a, b| most(a.traffic.p99_us, b.traffic.p99_us),
    ),
    Of::new(
        "INFL",
        4,
        7,
        |e| in_flight(&e.traffic),
        |a, b| b.traffic.in_flight.cmp(&a.traffic.in_flight),
    ),
    Of::new("SIDE", 6, 8, side, |a, b| a.side.cmp(&b.side))
        .left()
        .wide(),
    Of::new(
        "REASONS",
        24,
        9,
        |e| reasons(&e.traffic),
        |a, b| b.traffic.rejected().total_cmp(&a.traffic.rejected()),
    )
    .left()
    .wide(),
    Of::new(
        "FAILED",
        6,
        10,
        |e| failed(&e.traffic),
        |a, b| b.traffic.failed.cmp(&a.traffic.failed),
    )
    .wide(),
];

impl Record for EdgeView {
    fn columns() -> &'static [Column<Self>] {
        &COLUMNS
    }

    fn id(&self) -> String {
        format!("{} {} {:?} {:?}", self.from, self.to, self.side, self.tls)
    }

    fn text(&self) -> String {
        format!("{} {} {}", self.from, self.to, tls(self).text)
    }

    fn is_failing(&self) -> bool {
        self.traffic.failed > 0 || self.tls == Security::Plain
    }

    fn is_stale(&self) -> bool {
        self.stale
    }

    /// As a graph is read: by who calls.
    fn by_trouble(&self, other: &Self) -> Ordering {
        let key = |e: &Self| (e.side, e.from.clone(), e.to.clone(), e.tls);
        key(self).cmp(&key(other))
    }
}

// === cells ===

/// An identity of the mesh's own form in few characters: `shop/sa/web`.
fn short(from: &str) -> String {
    let of_mesh = from
        .parse::<Identity>()
        .ok()
        .and_then(|id| id.service_account().map(|(ns, sa)| format!("{ns}/sa/{sa}")));
    of_mesh.unwrap_or_else(|| from.to_owned())
}

fn tls(edge: &EdgeView) -> Cell {
    match edge.tls {
        Security::Mutual => Cell::new("mutual", Tone::Good),
        Security::Opaque => Cell::new("own", Tone::Plain),
        Security::Plain => Cell::new("none", Tone::Warn),
    }
}

fn side(edge: &EdgeView) -> Cell {
    Cell::plain(match edge.side {
        Side::Client => "client",
        Side::Server => "server",
    })
}
