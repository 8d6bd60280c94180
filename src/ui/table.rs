//! A table as kubectl prints them: columns three blanks apart, nothing drawn, nothing cut, so that
//! it can be searched and cut by other programs.

/// Blanks between columns.
const GAP: usize = 3;

/// Rows below their heads, ending in a newline. Columns in which no row has anything are left out.
pub(crate) fn render(heads: &[&str], rows: &[Vec<String>]) -> String {
    let cells = |i: usize| rows.iter().filter_map(move |row| row.get(i));
    let kept: Vec<usize> = (0..heads.len())
        .filter(|i| cells(*i).any(|cell| !cell.is_empty()))
        .collect();
    let width = |i: usize| {
        let widest = cells(i).map(|cell| cell.chars().count()).max();
        widest.unwrap_or_default().max(heads[i].chars().count())
    };
    let widths: Vec<usize> = kept.iter().map(|i| width(*i)).collect();
    let mut text = String::new();
    let mut line = |cells: &dyn Fn(usize) -> String| {
        let mut line = String::new();
        for (i, width) in kept.iter().zip(&widths) {
            line.push_str(&format!("{:<1$}", cells(*i), width + GAP));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    };
    line(&|i| heads[i].to_owned());
    for row in rows {
        line(&|i| row.get(i).cloned().unwrap_or_default());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_empty_ones_are_left_out() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let rows = [row(["a", "", "é"]), row(["long name", "", "x y"])];
        assert_eq!(
            render(&["NAME", "NOTHING", "TO"], &rows),
            "NAME        TO\na           é\nlong name   x y\n"
        );
    }
}
