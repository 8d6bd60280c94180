//! Tables of any kind of row, for whoever lays them out.

use super::record::{Cell, Record, Selection, Shown};

/// Blanks between columns.
pub(super) const GAP: u16 = 1;

/// The first column is not made narrower than this.
const NAME_MIN: u16 = 12;

/// Nor wider than its longest text, and this.
const NAME_MAX: u16 = 64;

/// A name of this width can be told from others: columns from this rank on do not shorten it.
const NAME_READABLE: u16 = 30;
const NICE_TO_HAVE: u8 = 5;

/// Rows of one kind.
pub(super) trait List {
    fn heads(&self) -> Vec<Head>;
    fn order(&self, selection: &Selection) -> Vec<usize>;
    fn cell(&self, row: usize, column: usize) -> Cell;
    fn id(&self, row: usize) -> String;
    fn is_stale(&self, row: usize) -> bool;
    fn branch(&self, row: usize) -> &str;
}

/// The head of a column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) text: &'static str,
    pub(super) width: u16,
    pub(super) right: bool,
    pub(super) rank: u8,
    pub(super) place: Shown,
}

/// A column that is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Which of the heads.
    pub(super) column: usize,
    pub(super) x: u16,
    pub(super) width: u16,
}

impl<R: Record> List for Vec<R> {
    fn heads(&self) -> Vec<Head> {
        let head = |c: &super::record::Column<R>| Head {
            text: c.head,
            width: c.width,
            right: c.right,
            rank: c.rank,
            place: c.place,
        };
        R::columns().iter().map(head).collect()
    }

    fn order(&self, selection: &Selection) -> Vec<usize> {
        selection.order(self)
    }

    fn cell(&self, row: usize, column: usize) -> Cell {
        match (self.get(row), R::columns().get(column)) {
            (Some(row), Some(column)) => (column.cell)(row),
            _ => Cell::default(),
        }
    }

    fn id(&self, row: usize) -> String {
        self.get(row).map_or_else(String::new, Record::id)
    }

    fn is_stale(&self, row: usize) -> bool {
        self.get(row).is_some_and(Record::is_stale)
    }

    fn branch(&self, row: usize) -> &str {
        self.get(row).map_or("", Record::branch)
    }
}

/// Which columns fit into `width`, and where: those of low rank first, shown in their own order.
/// What is left goes to the first one as far as `name`, its longest text, needs it, and then to the
/// last one that is aligned to the left.
pub(super) fn fit(heads: &[Head], width: u16, name: u16) -> Vec<Place> {
    let on_screen = |i: &usize| heads[*i].place != Shown::Print;
    let mut by_rank: Vec<usize> = (1..heads.len()).filter(on_screen).collect();
    by_rank.sort_by_key(|i| heads[*i].rank);
    let mut used = heads.first().map_or(0, |h| h.width.min(NAME_MIN));
    let mut shown = vec![0];
    let first = heads.first().map_or(0, |h| h.width.min(NAME_MIN));
    let wanted = name.clamp(first, NAME_MAX).saturating_sub(first);
    for i in by_rank {
        let more = heads[i].width + GAP;
        // A name that can be read is worth more than a column that is nice to have.
        let reserved = match heads[i].rank {
            0..NICE_TO_HAVE => 0,
            _ => wanted.min(NAME_READABLE.saturating_sub(first)),
        };
        if used + more + reserved > width {
            break;
        }
        used += more;
        shown.push(i);
    }
    shown.sort_unstable();
    let mut widths: Vec<u16> = shown.iter().map(|i| heads[*i].width).collect();
    let mut left = width.saturating_sub(used);
    widths[0] = first + left.min(wanted);
    left -= left.min(wanted);
    if let Some(last) = (1..shown.len()).rev().find(|i| !heads[shown[*i]].right) {
        widths[last] += left;
    }
    let mut x = 0;
    let places = shown.into_iter().zip(widths).map(|(column, width)| {
        let place = Place { column, x, width };
        x += width + GAP;
        place
    });
    places.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::top::view::ServiceView;

    fn shown(width: u16) -> String {
        let heads = Vec::<ServiceView>::new().heads();
        let places = fit(&heads, width, 24);
        let end = places.last().map_or(0, |p| p.x + p.width);
        assert!(end <= width, "{end} columns of {width}");
        let names: Vec<_> = places.iter().map(|p| heads[p.column].text).collect();
        format!("{} ({})", names.join(" "), places[0].width)
    }

    #[test]
    fn narrow_terminals_show_what_matters_and_wide_ones_show_all() {
        assert_eq!(shown(40), "SERVICE RPS OK% BREAKER (12)");
        assert_eq!(shown(80), "SERVICE RPS OK% P50 P95 P99 EP BREAKER (24)");
        assert!(shown(160).ends_with("FAILED (24)"));
    }
}
