//! What a shift would do.

use std::fmt::Write;

use engine::rollout::Plan;
use sim::scenario::Span;

use super::target::Target;

/// The steps with their times and weights, and what ends the shift.
pub(super) fn describe(target: &Target, plan: &Plan) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{}: traffic of {} to {}",
        target.route.shown(),
        target.service,
        target.to
    );
    let _ = writeln!(text, "  now        {:>3}%", plan.from());
    for (i, percent) in plan.steps().iter().enumerate() {
        let at = Span(
            plan.every
                .saturating_mul(u32::try_from(i).unwrap_or(u32::MAX)),
        );
        let weights = target.weights(*percent);
        let weights: Vec<String> = weights.values().map(|w| format!("{w:?}")).collect();
        let _ = writeln!(
            text,
            "  after {:<5}{percent:>3}%  weights {}",
            at.to_string(),
            weights.join(", ")
        );
    }
    let all = Span(
        plan.every
            .saturating_mul(u32::try_from(plan.steps().len()).unwrap_or(u32::MAX)),
    );
    let _ = writeln!(text, "  done after {all}, if nothing of this happens:");
    for guard in &plan.guards {
        let _ = writeln!(
            text,
            "    {guard} over at least {} requests to {}",
            plan.min_samples, target.to
        );
    }
    let _ = writeln!(
        text,
        "    no metrics for {} after the end of a step",
        Span(plan.patience)
    );
    let _ = writeln!(text, "    {} have passed", Span(plan.deadline));
    let _ = writeln!(text, "  then the weights of now return");
    text
}
