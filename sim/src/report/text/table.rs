//! A table that leaves out its last columns when the terminal is narrow.

use super::fold::columns;

/// Rows of cells; the first column is text, the others are numbers, the last is text again.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

/// Two spaces between columns.
const GAP: usize = 2;

/// A name is cut to this when the table would not fit otherwise.
const NAME_MIN: usize = 16;

// === impl Table ===

impl Table {
    pub(crate) fn new(head: &[&str]) -> Self {
        Self {
            rows: vec![head.iter().map(|s| (*s).to_owned()).collect()],
        }
    }

    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Lines of at most `width` columns, the head first.
    pub(crate) fn render(&self, width: usize) -> Vec<String> {
        let count = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let cell = |row: &Vec<String>, i: usize| row.get(i).map_or(0, |c| columns(c));
        let mut widths: Vec<_> = (0..count)
            .map(|i| self.rows.iter().map(|row| cell(row, i)).max().unwrap_or(0))
            .collect();
        // A column that holds nothing but its head says nothing.
        let says = |i: usize| {
            self.rows[1..]
                .iter()
                .any(|r| r.get(i).is_some_and(|c| !c.is_empty()))
        };
        let mut kept: Vec<_> = (0..count).filter(|i| *i == 0 || says(*i)).collect();
        let total = |kept: &[usize], widths: &[usize]| {
            kept.iter()
                .map(|i| widths[*i] + GAP)
                .sum::<usize>()
                .saturating_sub(GAP)
        };
        while kept.len() > 3 && total(&kept, &widths) > width {
            kept.pop();
        }
        if let Some(first) = widths.first_mut() {
            let rest = total(&kept, &[&[0], &self.widths_after_first(count)[..]].concat());
            *first = (*first).min(width.saturating_sub(rest).max(NAME_MIN));
        }
        self.rows
            .iter()
            .map(|row| line(row, &kept, &widths, count))
            .collect()
    }

    fn widths_after_first(&self, count: usize) -> Vec<usize> {
        let width = |i: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(i));
            cells.map(|c| columns(c)).max().unwrap_or(0)
        };
        (1..count).map(width).collect()
    }
}

fn line(row: &[String], kept: &[usize], widths: &[usize], count: usize) -> String {
    let mut out = String::new();
    for (n, i) in kept.iter().enumerate() {
        let text = row.get(*i).map_or("", String::as_str);
        if n > 0 {
            out.extend(core::iter::repeat_n(' ', GAP));
        }
        let width = widths[*i];
        if n == 0 {
            out.push_str(&format!("{:<width$}", cut(text, width)));
        } else if *i + 1 == count {
            out.push_str(text);
        } else {
            out.push_str(&format!("{text:>width$}"));
        }
    }
    out.trim_end().to_owned()
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

    fn table() -> Table {
        let mut table = Table::new(&["Load", "success", "req/s", "p99", "flags"]);
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

    #[test]
    fn numbers_stand_right_and_text_left() {
        assert_eq!(
            table().render(80),
            [
                "Load                        success  req/s   p99  flags",
                "browse                          92%     10  29ms  UR 8",
                "a-very-long-name-of-a-load     100%   1234  1.2s",
            ]
        );
    }

    #[test]
    fn a_narrow_table_drops_columns_and_then_cuts_names() {
        for width in [60, 40, 34] {
            for line in table().render(width) {
                assert!(columns(&line) <= width, "{line:?} in {width}");
            }
        }
        assert!(table().render(40)[2].contains('…'));
    }
}
