//! Edges: who calls whom, how well, and how protected.

use core::cmp::Ordering;

use engine::report::{Security, Side};

use super::traffic::{self, Busy};
use super::{Cell, Column, Record};
use crate::top::format::who;
use crate::top::theme::Tone;
use crate::top::view::{EdgeView, Traffic};

type Of = Column<EdgeView>;

static COLUMNS: [Of; 12] = [
    Of::new(
        "FROM",
        16,
        0,
        |e| Cell::plain(who(&e.from)),
        |a, b| a.from.cmp(&b.from),
    )
    .left(),
    Of::new("TO", 24, 0, |e| Cell::plain(&*e.to), |a, b| a.to.cmp(&b.to)).left(),
    Of::new("TLS", 6, 2, |e| tls(e.tls), |a, b| a.tls.cmp(&b.tls)).left(),
    traffic::rps(1),
    traffic::success(1),
    traffic::p50(5),
    traffic::p95(6),
    traffic::p99(3),
    traffic::in_flight(7),
    Of::new("SIDE", 6, 8, side, |a, b| a.side.cmp(&b.side))
        .left()
        .wide(),
    traffic::reasons(9),
    traffic::failed(10),
];

impl Busy for EdgeView {
    fn traffic(&self) -> &Traffic {
        &self.traffic
    }
}

impl Record for EdgeView {
    fn columns() -> &'static [Column<Self>] {
        &COLUMNS
    }

    fn id(&self) -> String {
        format!("{} {} {:?} {:?}", self.from, self.to, self.side, self.tls)
    }

    fn text(&self) -> String {
        format!("{} {} {}", self.from, self.to, tls(self.tls).text)
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

pub(super) fn tls(tls: Security) -> Cell {
    match tls {
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
