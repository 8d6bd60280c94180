//! Calls: the same as edges, as a tree from those who are called by nobody.

use core::cmp::Ordering;

use engine::report::Security;

use super::edges::tls;
use super::traffic::{self, Busy};
use super::{Cell, Column, Record};
use crate::top::format::who;
use crate::top::theme::Tone;
use crate::top::view::{CallView, Traffic};

type Of = Column<CallView>;

static COLUMNS: [Of; 11] = [
    Of::new("CALLER / CALLED", 24, 0, name, |a, b| a.name.cmp(&b.name)).left(),
    Of::new("TLS", 6, 2, protection, |a, b| a.tls.cmp(&b.tls)).left(),
    traffic::rps(1),
    traffic::success(1),
    traffic::p50(5),
    traffic::p95(6),
    traffic::p99(3),
    traffic::in_flight(7),
    Of::new(
        "BY",
        20,
        8,
        |c| Cell::new(who(&c.by), Tone::Quiet),
        |a, b| a.by.cmp(&b.by),
    )
    .left()
    .wide(),
    traffic::reasons(9),
    traffic::failed(10),
];

impl Busy for CallView {
    fn traffic(&self) -> &Traffic {
        &self.traffic
    }
}

impl Record for CallView {
    fn columns() -> &'static [Column<Self>] {
        &COLUMNS
    }

    fn id(&self) -> String {
        format!("{} {} {:?}", self.by, self.name, self.tls)
    }

    fn text(&self) -> String {
        format!("{} {} {}", self.by, self.name, protection(self).text)
    }

    fn is_failing(&self) -> bool {
        self.traffic.failed > 0 || self.tls == Some(Security::Plain)
    }

    fn is_stale(&self) -> bool {
        self.stale
    }

    /// The order of the tree.
    fn by_trouble(&self, _: &Self) -> Ordering {
        Ordering::Equal
    }

    fn branch(&self) -> &str {
        &self.branch
    }
}

// === cells ===

fn name(call: &CallView) -> Cell {
    let mark = if call.again { " ↑" } else { "" };
    let tone = match call.tls {
        None => Tone::Head,
        Some(_) => Tone::Plain,
    };
    Cell::new(format!("{}{mark}", who(&call.name)), tone)
}

fn protection(call: &CallView) -> Cell {
    call.tls.map_or_else(Cell::default, tls)
}
