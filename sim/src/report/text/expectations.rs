//! The expectations: failures first, in full; what held in two lines.

use super::super::{Report, clean};
use super::{Page, Tone, in_unit};
use crate::expect::{Judged, Spread};

// === impl Page ===

impl Page {
    pub(super) fn expectations(&mut self, report: &Report) {
        if report.expectations.is_empty() {
            return;
        }
        let (good, bad): (Vec<_>, Vec<_>) = report.expectations.iter().partition(|j| j.pass);
        let title = match (bad.len(), report.expectations.len()) {
            (0, _) => "Expectations".to_owned(),
            (bad, all) => format!("Expectations ({bad} of {all} failed)"),
        };
        self.title(&title);
        for judged in bad.iter().chain(&good) {
            let spread = report.seeds.spread.iter().find(|s| s.name == judged.name);
            self.expectation(judged, spread.filter(|s| s.seeds > 1));
        }
        if let Some(replay) = report.replay() {
            let title = self.toned(Tone::Strong, "Replay the failure:");
            self.line(&format!("  {title}"));
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
        let name = clean::visible(&judged.name);
        let name = if judged.pass {
            name
        } else {
            self.toned(Tone::Strong, &name)
        };
        let mark = self.toned(tone, mark);
        self.line(&format!("  {mark} {name}"));
        let rests = match judged.assumed_inputs {
            0 => String::new(),
            1 => "; rests on 1 assumed input".into(),
            n => format!("; rests on {n} assumed inputs"),
        };
        let seen = format!(
            "expected {}, seen {}{}{rests}",
            clean::visible(&judged.expected),
            clean::visible(&judged.seen),
            margin(judged)
        );
        self.prose("    ", &seen);
        if !judged.pass || self.options.verbose {
            self.prose("    ", &clean::visible(&judged.about));
            if let Some(why) = &judged.why {
                self.prose("    ", &clean::visible(why));
            }
        }
        if let Some(spread) = spread {
            self.prose("    ", &over_seeds(judged, spread));
        }
        if self.options.verbose && !judged.rests_on_assumed.is_empty() {
            let text = format!("assumed: {}", judged.rests_on_assumed.join("; "));
            self.prose("    ", &clean::visible(&text));
        }
    }
}

// === words ===

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
