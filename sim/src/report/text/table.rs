//! A table that leaves out its less important columns when the terminal is narrow. What is left
//! keeps its order, so that the eye finds a number in the same place.

use super::fold::columns;

/// A column, its importance and how its cells stand.
#[derive(Clone, Copy)]
pub(crate) struct Column<'a> {
    pub head: &'a str,
    /// 0 is never left out; of the others the highest goes first.
    rank: u8,
    is_number: bool,
}

/// Rows of cells.
pub(crate) struct Table<'a> {
    columns: &'a [Column<'a>],
    rows: Vec<Row>,
}

struct Row {
    cells: Vec<String>,
    is_head: bool,
}

/// Two spaces between columns.
const GAP: usize = 2;

/// A name is cut to this when the table would not fit otherwise.
const NAME_MIN: usize = 16;

// === impl Column ===

impl<'a> Column<'a> {
    pub(crate) const fn text(head: &'a str, rank: u8) -> Self {
        Self {
            head,
            rank,
            is_number: false,
        }
    }

    pub(crate) const fn number(head: &'a str, rank: u8) -> Self {
        Self {
            head,
            rank,
            is_number: true,
        }
    }
}

// === impl Table ===

impl<'a> Table<'a> {
    pub(crate) const fn new(columns: &'a [Column<'a>]) -> Self {
        Self {
            columns,
            rows: Vec::new(),
        }
    }

    /// The heads of the columns, with this for the first. A table of several parts has several
    /// heads; its columns stand below one another in all parts.
    pub(crate) fn head(&mut self, title: &str) {
        let mut cells: Vec<_> = self.columns.iter().map(|c| c.head.to_owned()).collect();
        if let Some(first) = cells.first_mut() {
            *first = title.to_owned();
        }
        let is_head = true;
        self.rows.push(Row { cells, is_head });
    }

    /// Cells in the order of the columns.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        let is_head = false;
        self.rows.push(Row { cells, is_head });
    }

    /// Lines of at most `width` columns, each with whether it is a head.
    pub(crate) fn render(&self, width: usize) -> Vec<(bool, String)> {
        let rows: Vec<_> = self.rows.iter().map(|r| &r.cells).collect();
        let mut widths: Vec<_> = (0..self.columns.len())
            .map(|i| {
                rows.iter()
                    .filter_map(|r| r.get(i))
                    .map(|c| columns(c))
                    .max()
            })
            .map(Option::unwrap_or_default)
            .collect();
        let kept = self.kept(&widths, width);
        let others: usize = kept.iter().skip(1).map(|i| widths[*i] + GAP).sum();
        if let Some(first) = widths.first_mut() {
            *first = (*first).min(width.saturating_sub(others).max(NAME_MIN));
        }
        self.rows
            .iter()
            .map(|row| (row.is_head, self.line(&row.cells, &kept, &widths)))
            .collect()
    }

    /// The columns that are shown.
    fn kept(&self, widths: &[usize], width: usize) -> Vec<usize> {
        // A column that holds nothing but its head says nothing.
        let says = |i: usize| {
            let rows = self.rows.iter().filter(|r| !r.is_head);
            let mut cells = rows.filter_map(|r| r.cells.get(i));
            cells.any(|c| !c.is_empty())
        };
        let mut kept: Vec<_> = (0..widths.len()).filter(|i| *i == 0 || says(*i)).collect();
        let total = |kept: &[usize]| kept.iter().map(|i| widths[*i] + GAP).sum::<usize>();
        while total(&kept) > width + GAP {
            let least = kept.iter().max_by_key(|i| self.columns[**i].rank);
            match least.copied().filter(|i| self.columns[*i].rank > 0) {
                Some(least) => kept.retain(|i| *i != least),
                None => break,
            }
        }
        kept
    }

    fn line(&self, row: &[String], kept: &[usize], widths: &[usize]) -> String {
        let mut out = String::new();
        for (n, i) in kept.iter().enumerate() {
            let text = row.get(*i).map_or("", String::as_str);
            if n > 0 {
                out.extend(core::iter::repeat_n(' ', GAP));
            }
            let width = widths[*i];
            let text = cut(text, width);
            if self.columns[*i].is_number {
                out.push_str(&format!("{text:>width$}"));
            } else {
                out.push_str(&format!("{text:<width$}"));
            }
        }
        out.trim_end().to_owned()
    }
}

/// The text in at most `width` columns, its middle left out if need be.
fn cut(text: &str, width: usize) -> String {
    let all = columns(text);
    if all <= width {
        return text.to_owned();
    }
    let head = width / 2;
    let tail = width.saturating_sub(head + 1);
    let begin: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(all - tail).collect();
    format!("{begin}…{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column<'_>; 5] = [
        Column::text("", 0),
        Column::number("success", 0),
        Column::number("req/s", 2),
        Column::number("p99", 1),
        Column::text("flags", 3),
    ];

    fn table() -> Table<'static> {
        let mut table = Table::new(&COLUMNS);
        table.head("Load");
        let row = |cells: [&str; 5]| cells.iter().map(|s| (*s).to_owned()).collect();
        table.row(row(["browse", "92%", "10", "29ms", "UR 8"]));
        table.row(row([
            "a-very-long-name-of-a-load",
            "100%",
            "1234",
            "1.2s",
            "",
        ]));
        table
    }

    fn lines(width: usize) -> Vec<String> {
        let lines = table().render(width).into_iter();
        lines.map(|(_, line)| line).collect()
    }

    #[test]
    fn numbers_stand_right_and_text_left() {
        assert_eq!(
            lines(80),
            [
                "Load                        success  req/s   p99  flags",
                "browse                          92%     10  29ms  UR 8",
                "a-very-long-name-of-a-load     100%   1234  1.2s",
            ]
        );
    }

    #[test]
    fn a_narrow_table_drops_columns_by_rank_in_their_order_and_then_cuts_names() {
        for width in [60, 40, 34] {
            for line in lines(width) {
                assert!(columns(&line) <= width, "{line:?} in {width}");
            }
        }
        let head = |width| lines(width)[0].split_whitespace().count();
        assert_eq!([head(60), head(50), head(42), head(30)], [5, 4, 3, 2]);
        assert!(lines(42)[0].ends_with("success   p99"));
        assert!(lines(30)[2].contains('…'));
    }
}
