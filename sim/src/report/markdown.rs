//! What became worse or better or goes elsewhere, as a comment on a change: only what is
//! significant is said.

use core::fmt::Write as _;

use super::clean;
use super::compare::{Change, Comparison};

/// One section for each scenario in which something differs; ends with a newline.
pub fn render(comparisons: &[Comparison], base: &str) -> String {
    let mut out = String::new();
    let differing = comparisons.iter();
    let differing: Vec<_> = differing
        .filter(|c| !c.notes.is_empty() || c.titled().iter().any(|(_, all)| !all.is_empty()))
        .collect();
    let same = comparisons.len() - differing.len();
    // Writing to a string does not fail.
    for comparison in &differing {
        section(comparison, base, &mut out);
    }
    let scenarios = |n: usize| if n == 1 { "scenario" } else { "scenarios" };
    if same > 0 {
        let _ = writeln!(
            out,
            "No significant difference from `{}` in {same} {}.",
            code(base),
            scenarios(same)
        );
    }
    out
}

fn section(comparison: &Comparison, base: &str, out: &mut String) {
    let verdict = match (comparison.worse.is_empty(), comparison.better.is_empty()) {
        (false, _) => "worse than",
        (true, false) => "better than",
        (true, true) => "as good as",
    };
    let (name, base) = (text(&comparison.scenario), code(base));
    let _ = writeln!(out, "### {name}: {verdict} `{base}`\n");
    for note in &comparison.notes {
        let _ = writeln!(out, "> {}\n", text(note));
    }
    let kinds = comparison.titled().into_iter();
    let rows = kinds.flat_map(|(title, all)| all.iter().map(move |c| (title, c)));
    let rows: Vec<(&str, &Change)> = rows.collect();
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(out, "| | what | base | head |\n|---|---|---|---|");
    for (verdict, change) in rows {
        let _ = writeln!(
            out,
            "| {verdict} | {}: {} | {} | {} |",
            text(&change.subject),
            text(&change.metric),
            text(&change.before),
            text(&change.now)
        );
    }
    out.push('\n');
}

/// Text that means itself: no markup, no column of a table, no mention of anybody.
fn text(of: &str) -> String {
    let mut out = String::new();
    for c in clean::markup(of).chars() {
        if "\\`*_[]|#~@!".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Text between back quotes.
fn code(of: &str) -> String {
    clean::visible(of).replace('`', "'")
}
