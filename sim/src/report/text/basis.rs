//! What the answer rests on: assumed inputs, summed up, and what is not modelled.

use super::super::assumed::{Assumed, Group};
use super::super::{Report, clean};
use super::{LISTED_MAX, Page};

/// Subjects named for a guess that many share.
const SUBJECTS_MAX: usize = 3;

// === impl Page ===

impl Page {
    pub(super) fn assumed(&mut self, report: &Report) {
        let all = report.inputs.assumed.len();
        if all == 0 {
            return;
        }
        let plural = if all == 1 { "" } else { "s" };
        self.title(&format!("Assumed ({all} input{plural})"));
        let assumed = Assumed::new(report, self.options.verbose);
        let most = self.most(LISTED_MAX);
        let (derived, usual): (Vec<_>, Vec<_>) = assumed.groups.iter().partition(|g| g.derived);
        for (groups, what) in [(derived, "derived from manifests"), (usual, "usual values")] {
            let shown = &groups[..groups.len().min(most)];
            for same in shown.chunk_by(|a, b| a.why == b.why) {
                self.same_reason(same);
            }
            if let Some(more) = groups.len().checked_sub(most).filter(|n| *n > 0) {
                self.line(&format!("    and {more} more {what} (--verbose)"));
            }
        }
        if let (inputs @ 1.., apps) = assumed.idle {
            let whose = match apps {
                1 => "an app".to_owned(),
                n => format!("{n} apps"),
            };
            let text = format!("{inputs} inputs of {whose} that nobody asked do not matter here");
            self.hanging("  ", "    ", &text);
        }
    }

    /// The reason of many guesses is said once, above them.
    fn same_reason(&mut self, groups: &[&Group<'_>]) {
        let most = self.most(SUBJECTS_MAX);
        let said = |g: &Group<'_>| clean::visible(&format!("{} of {}", g.what(), g.whose(most)));
        if let [one] = groups {
            let text = format!("{} ({})", said(one), clean::visible(one.why));
            self.hanging("  ", "    ", &text);
            return;
        }
        for why in groups.iter().take(1).map(|g| clean::visible(g.why)) {
            self.hanging("  ", "  ", &format!("{why}:"));
        }
        for group in groups {
            self.hanging("    ", "      ", &said(group));
        }
    }

    pub(super) fn not_modelled(&mut self, report: &Report) {
        if report.not_modelled.is_empty() {
            return;
        }
        self.title("Not modelled");
        if self.options.verbose {
            for item in &report.not_modelled {
                let text = format!("{}: {}", item.what, item.means);
                self.hanging("  ", "    ", &clean::visible(&text));
            }
            return;
        }
        let mut whats: Vec<_> = report.not_modelled.iter().map(|i| &*i.what).collect();
        let more = whats.len().saturating_sub(2 * LISTED_MAX);
        whats.truncate(2 * LISTED_MAX);
        let more = match more {
            0 => String::new(),
            n => format!(", and {n} more"),
        };
        let text = format!(
            "{}{more} (--verbose says what that means)",
            whats.join(", ")
        );
        self.prose("  ", &clean::visible(&text));
    }
}
