//! The report for people at a terminal.
//!
//! ```text
//!  ✗ canary-bad: failed        60 s simulated, seed 1
//!    expectations              expected, seen, margin; failures first, with their replay command
//!    what happened             what the scenario did and what the mesh did, on the run's clock
//!    load, services            a table each
//!    assumed, not modelled     what the answer rests on
//! ```
//!
//! It reads the same without colour. Lines are folded to the width of the terminal; tables leave
//! out their less important columns when it is narrow. What is left out here is in the JSON, and
//! most of it in the verbose text.

use core::fmt::Write as _;

use super::{Report, clean, happened, summary};
use crate::expect::{UnitName, Verdict, latency, rounded};
use crate::scenario::Span;

mod basis;
mod expectations;
pub(super) mod fold;
pub(super) mod table;

use fold::fold;
use table::{Column, Table};

/// How the text is laid out.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Columns of the terminal; at least [`WIDTH_MIN`] are used.
    pub width: usize,
    pub colour: bool,
    /// Lists assumptions and what is not modelled in full.
    pub verbose: bool,
}

/// Below this nothing is legible; terminals this narrow wrap by themselves.
pub const WIDTH_MIN: usize = 40;

/// Prose wider than this is hard to read.
const PROSE_MAX: usize = 100;

/// Entries of a list before "and n more".
const LISTED_MAX: usize = 8;

/// Rows of a table before "and n more": a mesh of hundreds of services would fill screens.
const ROWS_MAX: usize = 20;

/// The table of loads and services. The rank says what a narrow terminal loses first.
const COLUMNS: [Column; 10] = [
    Column::text("", 0),
    Column::number("success", 0),
    Column::number("req/s", 2),
    Column::number("p50", 4),
    Column::number("p95", 6),
    Column::number("p99", 0),
    Column::number("max", 7),
    Column::number("failed", 1),
    Column::number("retries", 3),
    Column::text("flags", 5),
];

/// What a piece of text means; the colour follows from it.
#[derive(Clone, Copy)]
enum Tone {
    Good,
    Bad,
    Weak,
    Strong,
}

struct Page {
    out: String,
    options: Options,
}

/// The report as text, ending with a newline.
pub fn render(report: &Report, options: Options) -> String {
    let options = Options {
        width: options.width.max(WIDTH_MIN),
        ..options
    };
    let mut page = Page {
        out: String::new(),
        options,
    };
    page.heading(report);
    page.breaches(report);
    page.expectations(report);
    page.happened(report);
    page.tables(report);
    page.assumed(report);
    page.not_modelled(report);
    page.footer(report);
    page.out
}

// === impl Page ===

impl Page {
    fn heading(&mut self, report: &Report) {
        let name = clean::visible(&report.scenario.name);
        let (mark, tone) = match report.verdict {
            Verdict::Passed => ("✓", Tone::Good),
            Verdict::Failed => ("✗", Tone::Bad),
            Verdict::NotTested => ("·", Tone::Strong),
        };
        let verdict = match report.verdict {
            Verdict::NotTested if report.partial.is_some() => "not tested".to_owned(),
            Verdict::NotTested => "not tested: nothing is expected".to_owned(),
            verdict => verdict.to_string(),
        };
        let line = self.toned(tone, &format!("{mark} {name}: {verdict}"));
        self.line(&line);
        if let Some(why) = &report.partial {
            let text = format!("PARTIAL: {}", clean::visible(why));
            self.prose("  ", &text);
        }
        if !report.incomplete.is_empty() {
            let text = format!("INCOMPLETE: ignored {}", report.incomplete.join("; "));
            self.prose("  ", &clean::visible(&text));
        }
        if let Some(description) = &report.scenario.description {
            self.prose("  ", &clean::visible(description));
        }
        let time = Span(core::time::Duration::from_nanos(
            report.scenario.simulated_ns,
        ));
        let pods: usize = report.workloads.iter().map(|w| w.pods.len()).sum();
        let mut facts = format!(
            "{time} simulated, {} requests, {pods} pods, seed {}",
            report.totals.all.requests, report.seed
        );
        if report.seeds.run > 1 {
            let seeds = &report.seeds;
            let _ = write!(
                facts,
                " shown; {} of {} seeds passed",
                seeds.passed, seeds.run
            );
            let _ = write!(facts, ", {}% required", rounded(seeds.required * 100.0));
        }
        self.prose("  ", &facts);
    }

    /// The scenario's events are few and were written by the reader; of the mesh's only the first
    /// are shown.
    fn happened(&mut self, report: &Report) {
        let lines = happened::lines(report);
        if lines.is_empty() {
            return;
        }
        self.title("What happened");
        let most = self.most(LISTED_MAX);
        let mut left_out = [0; 2];
        let mut shown = [0; 2];
        for line in &lines {
            let kind = usize::from(line.by_mesh);
            if shown[kind] == most {
                left_out[kind] += 1;
                continue;
            }
            shown[kind] += 1;
            let at = happened::clock(line.at_ns);
            self.hanging("  ", "           ", &format!("{at:>7}  {}", line.text));
        }
        for (n, of) in left_out
            .into_iter()
            .zip(["events", "reactions of the mesh"])
        {
            if n > 0 {
                self.line(&format!("    and {n} more {of}"));
            }
        }
    }

    /// Loads, then services. Of too many those with the most failures are shown.
    fn tables(&mut self, report: &Report) {
        let totals = &report.totals;
        let most = self.most(ROWS_MAX);
        let mut table = Table::new(&COLUMNS);
        for (title, lines) in [("Load", &totals.loads), ("Service", &totals.services)] {
            if lines.is_empty() {
                continue;
            }
            table.head(title);
            let mut shown: Vec<_> = lines.iter().enumerate().collect();
            shown.sort_by_key(|(_, line)| core::cmp::Reverse((line.failed, line.requests)));
            shown.truncate(most);
            shown.sort_by_key(|(i, _)| *i);
            for (_, line) in shown {
                table.row(cells(line));
            }
            if let Some(more) = lines.len().checked_sub(most).filter(|n| *n > 0) {
                table.row(vec![format!("and {more} more")]);
            }
        }
        for (is_head, line) in table.render(self.options.width - 2) {
            if is_head {
                self.out.push('\n');
                let line = self.toned(Tone::Strong, &line);
                self.line(&format!("  {line}"));
            } else {
                self.line(&format!("  {line}"));
            }
        }
    }

    fn breaches(&mut self, report: &Report) {
        if report.breaches.is_empty() {
            return;
        }
        self.title("Broken invariants (a bug of meshctl; please report it)");
        for breach in report.breaches.iter().take(LISTED_MAX) {
            let text = format!("{}: {}", breach.invariant, breach.seen);
            self.hanging("  ✗ ", "    ", &clean::visible(&text));
        }
        self.more(report.breaches.len());
    }

    fn footer(&mut self, report: &Report) {
        self.out.push('\n');
        let text = format!("meshctl {}, trace {}", report.version, report.trace_hash);
        let text = self.toned(Tone::Weak, &clean::visible(&text));
        self.line(&format!("  {text}"));
    }

    /// How much of a list is shown: all of it when verbose.
    const fn most(&self, brief: usize) -> usize {
        if self.options.verbose {
            usize::MAX
        } else {
            brief
        }
    }

    fn more(&mut self, all: usize) {
        if let Some(more) = all.checked_sub(LISTED_MAX).filter(|n| *n > 0) {
            self.line(&format!("    and {more} more"));
        }
    }

    fn title(&mut self, title: &str) {
        self.out.push('\n');
        let title = self.toned(Tone::Strong, title);
        self.line(&format!("  {title}"));
    }

    fn prose(&mut self, indent: &str, text: &str) {
        self.hanging(indent, indent, text);
    }

    fn hanging(&mut self, first: &str, rest: &str, text: &str) {
        for line in fold(first, rest, text, self.options.width.min(PROSE_MAX)) {
            self.line(&line);
        }
    }

    fn line(&mut self, text: &str) {
        self.out.push_str(text.trim_end());
        self.out.push('\n');
    }

    fn toned(&self, tone: Tone, text: &str) -> String {
        if !self.options.colour {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Good => "32",
            Tone::Bad => "31",
            Tone::Weak => "2",
            Tone::Strong => "1",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

// === words ===

/// The cells of a row, in the order of [`COLUMNS`].
fn cells(line: &summary::Line) -> Vec<String> {
    let micros = |us: Option<u64>| us.map_or("-".into(), |us| latency(us as f64));
    let flags: Vec<_> = line.flags.iter().map(|(f, n)| format!("{f} {n}")).collect();
    vec![
        clean::visible(&line.name),
        line.success_rate.map_or("-".into(), percent),
        rounded(line.per_second),
        micros(line.p50_us),
        micros(line.p95_us),
        micros(line.p99_us),
        micros(line.max_us),
        line.failed.to_string(),
        line.retries.to_string(),
        flags.join(", "),
    ]
}

pub(super) fn percent(share: f64) -> String {
    // 99.996 % must not read as 100 %.
    let cut = (share * 1e4).floor() / 1e2;
    format!("{}%", rounded(cut))
}

pub(super) fn in_unit(value: f64, unit: UnitName) -> String {
    match unit {
        UnitName::Microseconds => latency(value),
        UnitName::Share => format!("{}%", rounded(value * 100.0)),
        UnitName::Count | UnitName::PerSecond | UnitName::PerRequest => rounded(value),
    }
}
