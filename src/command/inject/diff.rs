//! A unified diff of what was spliced in.
//!
//! The splices say where the text changed, so nothing is searched for and no line is shown as
//! removed that is still there. Only a document that was taken apart and built anew is compared.

use core::fmt::Write as _;
use core::ops::Range;

use similar::{Algorithm, DiffOp, capture_diff_slices};

/// Lines around a change, as `diff -u` shows them.
const CONTEXT_LINES: usize = 3;

/// Lines of the old text, and what stands there now.
#[derive(Debug, PartialEq, Eq)]
struct Change {
    old: Range<usize>,
    new: Vec<String>,
}

/// The difference of a text named `name` after `splices`, which are in order; empty without any.
pub(super) fn unified<'a>(
    name: &str,
    text: &str,
    splices: impl Iterator<Item = (Range<usize>, &'a str)>,
) -> String {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let changes = changes(text, &lines, splices);
    let mut out = String::new();
    if changes.is_empty() {
        return out;
    }
    // Writing to a string cannot fail.
    let _ = writeln!(out, "--- a/{name}\n+++ b/{name}");
    let mut shift = 0;
    let mut rest = &changes[..];
    while let Some(first) = rest.first() {
        let near = |pair: &[Change]| pair[1].old.start - pair[0].old.end <= 2 * CONTEXT_LINES;
        let count = 1 + rest.windows(2).take_while(|pair| near(pair)).count();
        let (hunk, later) = rest.split_at(count);
        let start = first.old.start.saturating_sub(CONTEXT_LINES);
        shift = write_hunk(&mut out, &lines, hunk, start, shift);
        rest = later;
    }
    out
}

/// Writes one hunk; `shift` is how many lines were added before it, and is returned for the next.
fn write_hunk(
    out: &mut String,
    lines: &[&str],
    hunk: &[Change],
    start: usize,
    shift: isize,
) -> isize {
    let end = hunk.last().map_or(start, |change| change.old.end);
    let end = (end + CONTEXT_LINES).min(lines.len());
    let grown: isize = hunk
        .iter()
        .map(|change| change.new.len().cast_signed() - change.old.len().cast_signed())
        .sum();
    let (old_count, new_start) = (end - start, start.saturating_add_signed(shift));
    let new_count = old_count.saturating_add_signed(grown);
    let _ = writeln!(
        out,
        "@@ -{} +{} @@",
        range(start, old_count),
        range(new_start, new_count)
    );
    let mut at = start;
    for change in hunk {
        (lines[at..change.old.start].iter()).for_each(|line| push(out, ' ', line));
        (lines[change.old.clone()].iter()).for_each(|line| push(out, '-', line));
        change.new.iter().for_each(|line| push(out, '+', line));
        at = change.old.end;
    }
    lines[at..end].iter().for_each(|line| push(out, ' ', line));
    shift + grown
}

/// First line and number of lines; the line before for an empty range, as POSIX has it.
fn range(start: usize, count: usize) -> String {
    match count {
        0 => format!("{start},0"),
        1 => format!("{}", start + 1),
        _ => format!("{},{count}", start + 1),
    }
}

fn push(out: &mut String, sign: char, line: &str) {
    out.push(sign);
    out.push_str(line);
    if !line.ends_with('\n') {
        out.push_str("\n\\ No newline at end of file\n");
    }
}

/// The splices as changes of whole lines.
fn changes<'a>(
    text: &str,
    lines: &[&str],
    splices: impl Iterator<Item = (Range<usize>, &'a str)>,
) -> Vec<Change> {
    let starts: Vec<usize> = lines
        .iter()
        .scan(0, |at, line| {
            let start = *at;
            *at += line.len();
            Some(start)
        })
        .collect();
    let line_of = |at: usize| starts.partition_point(|start| *start <= at).max(1) - 1;
    let end_of = |line: usize| starts.get(line + 1).copied().unwrap_or(text.len());
    // Lines that are touched, the new text so far, and where it has got to in the old one.
    let mut groups: Vec<(Range<usize>, String, usize)> = Vec::new();
    for (span, new) in splices {
        let touched = line_of(span.start)..(line_of(span.end) + 1).min(lines.len());
        match groups.last_mut() {
            Some((old, written, at)) if touched.start < old.end => {
                written.push_str(&text[*at..span.start]);
                written.push_str(new);
                *at = span.end;
                old.end = old.end.max(touched.end);
            }
            _ => {
                let start = starts.get(touched.start).copied().unwrap_or(text.len());
                let written = format!("{}{new}", &text[start..span.start]);
                groups.push((touched, written, span.end));
            }
        }
    }
    let finished = groups.into_iter().flat_map(|(old, mut written, at)| {
        written.push_str(&text[at..end_of(old.end.saturating_sub(1)).max(at)]);
        let new: Vec<&str> = written.split_inclusive('\n').collect();
        compared(&lines[old.clone()], &new, old.start)
    });
    finished.collect()
}

/// What differs between two runs of lines, the first of which begins at line `base`.
fn compared(old: &[&str], new: &[&str], base: usize) -> Vec<Change> {
    let start = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let (old, new) = (&old[start..], &new[start..]);
    let ends = old.iter().rev().zip(new.iter().rev());
    let end = ends.take_while(|(a, b)| a == b).count();
    let (old, new) = (&old[..old.len() - end], &new[..new.len() - end]);
    let base = base + start;
    let change = |range: Range<usize>, lines: Range<usize>| Change {
        old: base + range.start..base + range.end,
        new: new[lines].iter().map(|line| (*line).to_owned()).collect(),
    };
    if old.is_empty() && new.is_empty() {
        return Vec::new();
    }
    if old.len() <= 1 || new.is_empty() {
        return vec![change(0..old.len(), 0..new.len())];
    }
    let differing = capture_diff_slices(Algorithm::Patience, old, new);
    let differing = differing
        .iter()
        .filter(|op| !matches!(op, DiffOp::Equal { .. }));
    differing
        .map(|op| change(op.old_range(), op.new_range()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "a\nb\nc\nd\ne\nf\ng\nh\ni\nj";

    #[track_caller]
    fn check(splices: &[(Range<usize>, &str)], expected: &str) {
        let out = unified("x", TEXT, splices.iter().cloned());
        assert_eq!(out, expected);
    }

    #[test]
    fn what_is_put_in_is_only_added() {
        let head = "--- a/x\n+++ b/x\n";
        check(&[], "");
        check(
            &[(2..2, "new\n")],
            &format!("{head}@@ -1,4 +1,5 @@\n a\n+new\n b\n c\n d\n"),
        );
        // Behind the line, with the line break in front.
        check(
            &[(1..1, "\nnew")],
            &format!("{head}@@ -1,4 +1,5 @@\n a\n+new\n b\n c\n d\n"),
        );
        check(
            &[(0..0, "new\n")],
            &format!("{head}@@ -1,3 +1,4 @@\n+new\n a\n b\n c\n"),
        );
    }

    #[test]
    fn near_changes_share_a_hunk_and_far_ones_do_not() {
        let head = "--- a/x\n+++ b/x\n";
        check(
            &[(0..1, "A"), (4..5, "C")],
            &format!("{head}@@ -1,6 +1,6 @@\n-a\n+A\n b\n-c\n+C\n d\n e\n f\n"),
        );
        check(
            &[(0..0, "0\n"), (18..19, "J")],
            &format!(
                "{head}@@ -1,3 +1,4 @@\n+0\n a\n b\n c\n@@ -7,4 +8,4 @@\n g\n h\n i\n-j\n\
                 \\ No newline at end of file\n+J\n\\ No newline at end of file\n"
            ),
        );
    }

    #[test]
    fn several_splices_of_one_line_are_one_change() {
        check(
            &[(2..2, "("), (3..3, ")")],
            "--- a/x\n+++ b/x\n@@ -1,5 +1,5 @@\n a\n-b\n+(b)\n c\n d\n e\n",
        );
    }

    #[test]
    fn lines_that_are_replaced_together_are_compared() {
        check(
            &[(0..8, "a\nB\nc\nd\n")],
            "--- a/x\n+++ b/x\n@@ -1,5 +1,5 @@\n a\n-b\n+B\n c\n d\n e\n",
        );
    }
}
