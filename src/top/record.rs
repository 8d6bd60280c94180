//! Rows as tables show them, on the screen and in print: which columns there are, what stands in
//! them, and how they are sorted.

use core::cmp::Ordering;

use super::theme::Tone;

pub(super) mod calls;
pub(super) mod edges;
pub(super) mod endpoints;
pub(super) mod events;
pub(super) mod routes;
pub(super) mod services;
pub(super) mod sources;
pub(super) mod traffic;

/// A kind of row.
pub(super) trait Record: Sized + 'static {
    fn columns() -> &'static [Column<Self>];

    /// Names the row while others come and go.
    fn id(&self) -> String;

    /// What `/` searches.
    fn text(&self) -> String;

    /// Whether `e` keeps it.
    fn is_failing(&self) -> bool;

    /// Whether all of it is old.
    fn is_stale(&self) -> bool;

    /// The order in which troubles come first.
    fn by_trouble(&self, other: &Self) -> Ordering;

    /// What is drawn before its name, when it is part of a tree.
    fn branch(&self) -> &str {
        ""
    }
}

/// A column of rows of one kind.
pub(super) struct Column<R> {
    pub(super) head: &'static str,
    /// On the screen; the first column takes what is left.
    pub(super) width: u16,
    pub(super) right: bool,
    /// The columns with the lowest numbers stay when there is no room; 0 always stays.
    pub(super) rank: u8,
    pub(super) place: Shown,
    pub(super) cell: fn(&R) -> Cell,
    pub(super) order: fn(&R, &R) -> Ordering,
}

/// Where a column is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    Everywhere,
    /// On the screen where there is room, and in wide print.
    Wide,
    Screen,
    Print,
}

/// What stands in one place of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) tone: Tone,
}

// === impl Cell ===

impl Cell {
    pub(super) fn new(text: impl Into<String>, tone: Tone) -> Self {
        Self {
            text: text.into(),
            tone,
        }
    }

    pub(super) fn plain(text: impl Into<String>) -> Self {
        Self::new(text, Tone::Plain)
    }
}

// === impl Column ===

impl<R> Column<R> {
    pub(super) const fn new(
        head: &'static str,
        width: u16,
        rank: u8,
        cell: fn(&R) -> Cell,
        order: fn(&R, &R) -> Ordering,
    ) -> Self {
        Self {
            head,
            width,
            right: true,
            rank,
            place: Shown::Everywhere,
            cell,
            order,
        }
    }

    pub(super) const fn left(self) -> Self {
        Self {
            right: false,
            ..self
        }
    }

    pub(super) const fn wide(self) -> Self {
        Self {
            place: Shown::Wide,
            ..self
        }
    }

    pub(super) const fn screen_only(self) -> Self {
        Self {
            place: Shown::Screen,
            ..self
        }
    }

    pub(super) const fn print_only(self) -> Self {
        Self {
            place: Shown::Print,
            ..self
        }
    }
}

/// Greatest first, unknown last.
pub(super) fn most<T: PartialOrd>(a: Option<T>, b: Option<T>) -> Ordering {
    b.partial_cmp(&a).unwrap_or(Ordering::Equal)
}

/// Least first, unknown last.
pub(super) fn least(a: Option<f64>, b: Option<f64>) -> Ordering {
    let or_last = |n: Option<f64>| n.unwrap_or(f64::INFINITY);
    or_last(a).total_cmp(&or_last(b))
}

/// Which rows are shown, and in which order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Selection {
    /// Words that all have to occur, in any case; one that begins with `!` must not.
    pub(super) filter: String,
    pub(super) failing: bool,
    /// By this column; none = troubles first.
    pub(super) sort: Option<usize>,
    pub(super) reverse: bool,
}

// === impl Selection ===

impl Selection {
    /// Indices of the rows to show, in order. Rows that are equal keep theirs.
    pub(super) fn order<R: Record>(&self, rows: &[R]) -> Vec<usize> {
        let filter = self.filter.to_lowercase();
        let words: Vec<&str> = filter.split_whitespace().collect();
        let matches = |row: &R| {
            if words.is_empty() {
                return true;
            }
            let text = row.text().to_lowercase();
            words.iter().all(|word| match word.strip_prefix('!') {
                Some(without) => without.is_empty() || !text.contains(without),
                None => text.contains(word),
            })
        };
        let wanted = |i: &usize| (!self.failing || rows[*i].is_failing()) && matches(&rows[*i]);
        let mut order: Vec<usize> = (0..rows.len()).filter(wanted).collect();
        let compare = |a: &usize, b: &usize| {
            let (a, b) = (&rows[*a], &rows[*b]);
            let by = match self.sort.and_then(|i| R::columns().get(i)) {
                Some(column) => (column.order)(a, b),
                None => a.by_trouble(b),
            };
            if self.reverse { by.reverse() } else { by }
        };
        order.sort_by(compare);
        order
    }
}

#[cfg(test)]
mod tests;
