//! Sources: whom the numbers come from, and how old they are.

use core::cmp::Ordering;

use super::{Cell, Column, Record};
use crate::top::format::{clock, count};
use crate::top::theme::Tone;
use crate::top::view::SourceView;

type Of = Column<SourceView>;

static COLUMNS: [Of; 7] = [
    Of::new(
        "SOURCE",
        24,
        0,
        |s| Cell::plain(&*s.source),
        |a, b| a.source.cmp(&b.source),
    )
    .left(),
    Of::new("STATE", 8, 0, state, |a, b| a.state.cmp(b.state)).left(),
    Of::new(
        "PROXIES",
        7,
        2,
        |s| Cell::plain(count(s.proxies)),
        |a, b| b.proxies.cmp(&a.proxies),
    ),
    Of::new(
        "AT",
        8,
        3,
        |s| Cell::plain(clock(s.at_s)),
        |a, b| b.at_s.total_cmp(&a.at_s),
    ),
    Of::new(
        "WINDOW",
        8,
        4,
        |s| Cell::plain(clock(s.window_s)),
        |a, b| b.window_s.total_cmp(&a.window_s),
    ),
    Of::new(
        "RESTARTS",
        8,
        5,
        |s| Cell::plain(count(s.restarts)),
        |a, b| b.restarts.cmp(&a.restarts),
    ),
    Of::new("WHY", 40, 1, why, |a, b| a.why.cmp(&b.why)).left(),
];

impl Record for SourceView {
    fn columns() -> &'static [Column<Self>] {
        &COLUMNS
    }

    fn id(&self) -> String {
        self.source.clone()
    }

    fn text(&self) -> String {
        format!("{} {}", self.source, self.state)
    }

    fn is_failing(&self) -> bool {
        self.stale
    }

    fn is_stale(&self) -> bool {
        self.stale
    }

    fn by_trouble(&self, other: &Self) -> Ordering {
        other.stale.cmp(&self.stale)
    }
}

fn state(source: &SourceView) -> Cell {
    match source.stale {
        true if source.state == "live" => Cell::new("silent", Tone::Bad),
        true => Cell::new(source.state, Tone::Bad),
        false => Cell::plain(source.state),
    }
}

fn why(source: &SourceView) -> Cell {
    Cell::plain(source.why.clone().unwrap_or_default())
}
