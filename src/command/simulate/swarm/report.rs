//! What a swarm found, as text and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;
use sim::report::clean;
use sim::scenario::Span;

/// All seeds of a swarm.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) scenario: String,
    /// What has to be true again, by name.
    pub(super) demanded: Vec<String>,
    /// When every fault is over.
    pub(super) healed_by: Span,
    /// From when on traffic is judged.
    pub(super) judged_from: Span,
    pub(super) runs: Vec<Run>,
}

/// One seed.
#[derive(Debug, Serialize)]
pub(super) struct Run {
    pub(super) seed: u64,
    pub(super) faults: Vec<String>,
    pub(super) kinds: Vec<String>,
    /// Everything that failed, with what was expected and seen.
    pub(super) failed: Vec<String>,
    /// Cut short: nothing is known.
    pub(super) partial: bool,
    /// The command that repeats it; set if it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) replay: Option<String>,
}

// === impl Report ===

impl Report {
    pub(super) fn text(&self, verbose: bool) -> String {
        let mut out = String::new();
        let failed = self.runs.iter().filter(|r| !r.failed.is_empty()).count();
        let whole = self.runs.iter().filter(|r| !r.partial).count();
        let (mark, verdict) = match (failed, whole) {
            (0, 0) => ("·", "no seed was run to its end".to_owned()),
            (0, n) => ("✓", format!("{} came back", seeds(n))),
            (k, n) => ("✗", format!("{k} of {} did not come back", seeds(n))),
        };
        let name = clean::visible(&self.scenario);
        let _ = writeln!(out, "{mark} swarm of {name}: {verdict}");
        let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
        let all = self.runs.iter().filter(|r| !r.partial);
        for kind in all.flat_map(|run| &run.kinds) {
            *kinds.entry(kind).or_default() += 1;
        }
        let kinds: Vec<_> = kinds.iter().map(|(k, n)| format!("{k} {n}")).collect();
        let _ = writeln!(
            out,
            "  faults are over by {}, everything is judged from {} on\n  seeds with each kind of \
             fault: {}\n  demanded: {}",
            self.healed_by,
            self.judged_from,
            kinds.join(", "),
            clean::visible(&self.demanded.join("; "))
        );
        for run in &self.runs {
            if verbose || !run.failed.is_empty() {
                run.text(&mut out);
            }
        }
        out
    }
}

// === impl Run ===

impl Run {
    fn text(&self, out: &mut String) {
        let mark = match (self.partial, self.failed.is_empty()) {
            (true, _) => "·",
            (false, true) => "✓",
            (false, false) => "✗",
        };
        let _ = writeln!(out, "\n  {mark} seed {}", self.seed);
        for fault in &self.faults {
            let _ = writeln!(out, "    {}", clean::visible(fault));
        }
        for failed in &self.failed {
            let _ = writeln!(out, "    → {}", clean::visible(failed));
        }
        if let Some(replay) = &self.replay {
            let _ = writeln!(out, "    repeat: {}", clean::visible(replay));
        }
    }
}

fn seeds(n: usize) -> String {
    match n {
        1 => "1 seed".into(),
        n => format!("{n} seeds"),
    }
}
