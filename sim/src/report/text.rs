//! The report for people at a terminal.
//!
//! ```text
//!  ✗ canary-bad: failed        60 s simulated, seed 1
//!    what happened             events on the run's clock
//!    load, services            a table each
//!    expectations              expected, seen, margin; failures first with their replay command
//!    assumed, not modelled     what the answer rests on
//! ```
//!
//! It reads the same without colour. Lines are folded to the width of the terminal; tables leave
//! out their last columns when it is narrow.

use core::fmt::Write as _;

use super::{Report, clean};
use crate::expect::{Judged, Spread, UnitName, Verdict, latency, rounded};
use crate::scenario::Span;

pub(super) mod fold;
pub(super) mod table;

use fold::fold;
use table::Table;

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

/// Events, assumptions and breaches listed before "and n more".
const LISTED_MAX: usize = 8;

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
    page.events(report);
    page.tables(report);
    page.expectations(report);
    page.breaches(report);
    page.honesty(report);
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

    fn events(&mut self, report: &Report) {
        if report.events.is_empty() {
            return;
        }
        self.title("What happened");
        for event in report.events.iter().take(LISTED_MAX) {
            let at = Span(core::time::Duration::from_nanos(event.at_ns)).to_string();
            let until = event.until_ns.map_or(String::new(), |until| {
                format!(", until {}", Span(core::time::Duration::from_nanos(until)))
            });
            let text = format!("{at:>7}  {}{until}", clean::visible(&event.title));
            self.hanging("  ", "           ", &text);
        }
        self.more(report.events.len());
    }

    fn tables(&mut self, report: &Report) {
        for (title, lines) in [
            ("Load", &report.totals.loads),
            ("Service", &report.totals.services),
        ] {
            if lines.is_empty() {
                continue;
            }
            let mut table = Table::new(&[
                title, "success", "req/s", "p99", "p50", "failed", "retries", "max", "flags",
            ]);
            for line in lines {
                let micros = |us: Option<u64>| us.map_or("-".into(), |us| latency(us as f64));
                let flags: Vec<_> = line.flags.iter().map(|(f, n)| format!("{f} {n}")).collect();
                table.row(vec![
                    clean::visible(&line.name),
                    line.success_rate.map_or("-".into(), percent),
                    rounded(line.per_second),
                    micros(line.p99_us),
                    micros(line.p50_us),
                    line.failed.to_string(),
                    line.retries.to_string(),
                    micros(line.max_us),
                    flags.join(", "),
                ]);
            }
            self.out.push('\n');
            for (i, line) in table.render(self.options.width - 2).iter().enumerate() {
                let line = match i {
                    0 => self.toned(Tone::Strong, line),
                    _ => line.clone(),
                };
                self.line(&format!("  {line}"));
            }
        }
    }

    fn expectations(&mut self, report: &Report) {
        if report.expectations.is_empty() {
            return;
        }
        self.title("Expectations");
        let (good, bad): (Vec<_>, Vec<_>) = report.expectations.iter().partition(|j| j.pass);
        for judged in bad.iter().chain(&good) {
            let spread = report.seeds.spread.iter().find(|s| s.name == judged.name);
            self.expectation(judged, spread.filter(|s| s.seeds > 1));
        }
        if let Some(replay) = report.replay() {
            self.out.push('\n');
            self.line(&format!(
                "  {}",
                self.toned(Tone::Strong, "Replay the failure:")
            ));
            // Not folded: it is there to be copied.
            self.line(&format!("    {}", clean::visible(replay)));
        }
    }

    fn expectation(&mut self, judged: &Judged, spread: Option<&Spread>) {
        let (mark, tone) = if judged.pass {
            ("✓", Tone::Good)
        } else {
            ("✗", Tone::Bad)
        };
        let line = format!(
            "{} {}",
            self.toned(tone, mark),
            clean::visible(&judged.name)
        );
        self.line(&format!("  {line}"));
        let seen = format!(
            "expected {}, seen {}{}",
            clean::visible(&judged.expected),
            clean::visible(&judged.seen),
            margin(judged)
        );
        self.prose("      ", &seen);
        if !judged.pass || self.options.verbose {
            self.prose("      ", &clean::visible(&judged.about));
            if let Some(why) = &judged.why {
                self.prose("      ", &clean::visible(why));
            }
        }
        if let Some(spread) = spread {
            self.prose("      ", &over_seeds(judged, spread));
        }
        if let Some((first, rest)) = judged.rests_on_assumed.split_first() {
            let more = match (self.options.verbose, rest.len()) {
                (_, 0) => String::new(),
                (true, _) => format!("; {}", rest.join("; ")),
                (false, more) => format!(" and {more} other kinds of guesses"),
            };
            let text = format!("rests on assumptions: {first}{more}");
            self.prose("      ", &clean::visible(&text));
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

    fn honesty(&mut self, report: &Report) {
        let assumed = &report.inputs.assumed;
        if !assumed.is_empty() {
            let plural = if assumed.len() == 1 { "" } else { "s" };
            self.title(&format!("Assumed ({} input{plural})", assumed.len()));
            let shown = if self.options.verbose {
                assumed.len()
            } else {
                LISTED_MAX
            };
            for input in assumed.iter().take(shown) {
                let text = format!(
                    "{} of {}: {} ({})",
                    input.field, input.subject, input.value, input.why
                );
                self.hanging("  ", "    ", &clean::visible(&text));
            }
            if shown < assumed.len() {
                self.more(assumed.len());
            }
        }
        if !report.not_modelled.is_empty() {
            self.title("Not modelled");
            for item in &report.not_modelled {
                let text = format!("{}: {}", item.what, item.means);
                self.hanging("  ", "    ", &clean::visible(&text));
            }
        }
    }

    fn footer(&mut self, report: &Report) {
        self.out.push('\n');
        let text = format!("meshctl {}, trace {}", report.version, report.trace_hash);
        let text = self.toned(Tone::Weak, &clean::visible(&text));
        self.line(&format!("  {text}"));
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

fn percent(share: f64) -> String {
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

fn margin(judged: &Judged) -> String {
    match judged.margin {
        Some(m) if m.abs() < 1e-9 => " (just)".into(),
        Some(m) if m > 0.0 => format!(" ({} to spare)", in_unit(m, judged.unit)),
        Some(m) => format!(" ({} short)", in_unit(-m, judged.unit)),
        None => String::new(),
    }
}

fn over_seeds(judged: &Judged, spread: &Spread) -> String {
    let shown = |v: Option<f64>| v.map_or("-".into(), |v| in_unit(v, judged.unit));
    format!(
        "over {} seeds: held in {}, {} to {}, median {}, worst in seed {}",
        spread.seeds,
        spread.passed,
        shown(spread.min),
        shown(spread.max),
        shown(spread.median),
        spread.worst_seed
    )
}
