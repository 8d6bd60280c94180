//! The report as JUnit XML, for CI systems: a suite per scenario, a case per expectation and per
//! broken invariant. No times are written, since a report has no wall clock.

use quick_junit::{NonSuccessKind, Property, TestCase, TestCaseStatus, TestSuite};

use super::{Report, clean};
use crate::expect::{Judged, Verdict};

/// The reports as one JUnit document.
///
/// # Errors
/// The XML writer's; it writes to memory.
pub fn render(reports: &[Report]) -> Result<String, quick_junit::SerializeError> {
    let mut document = quick_junit::Report::new("meshctl simulate");
    document.add_test_suites(reports.iter().map(suite));
    document.to_string()
}

fn suite(report: &Report) -> TestSuite {
    let mut suite = TestSuite::new(clean::visible(&report.scenario.name));
    suite.add_property(Property::new("version", clean::visible(&report.version)));
    suite.add_property(Property::new("seed", report.seed.to_string()));
    suite.add_property(Property::new("trace_hash", report.trace_hash.clone()));
    if !report.incomplete.is_empty() {
        let ignored = clean::visible(&report.incomplete.join("; "));
        suite.add_property(Property::new("incomplete", ignored));
    }
    suite.add_test_cases(
        report
            .expectations
            .iter()
            .map(|judged| case(report, judged)),
    );
    for breach in &report.breaches {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_type("invariant");
        status.set_message(clean::visible(&breach.seen));
        let name = format!("invariant: {}", clean::visible(&breach.invariant));
        suite.add_test_case(TestCase::new(name, status));
    }
    if report.verdict == Verdict::NotTested && report.partial.is_none() {
        let mut status = TestCaseStatus::skipped();
        status.set_message("the scenario expects nothing: not tested");
        suite.add_test_case(TestCase::new("expectations", status));
    }
    if let Some(why) = &report.partial {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_type("partial");
        status.set_message(clean::visible(why));
        suite.add_test_case(TestCase::new("the run is complete", status));
    }
    suite
}

fn case(report: &Report, judged: &Judged) -> TestCase {
    // Over several seeds an expectation fails with the scenario's share, not with one seed.
    let spread = report.seeds.spread.iter().find(|s| s.name == judged.name);
    let tolerated = report.verdict == Verdict::Passed;
    let status = if judged.pass || tolerated {
        TestCaseStatus::success()
    } else {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_type("expectation");
        status.set_message(clean::visible(&format!(
            "expected {}, seen {}",
            judged.expected, judged.seen
        )));
        let mut text = format!(
            "{}\nexpected {}\nseen {}",
            judged.about, judged.expected, judged.seen
        );
        if let Some(why) = &judged.why {
            text = format!("{why}\n{text}");
        }
        if let Some(spread) = spread.filter(|s| s.seeds > 1) {
            text = format!(
                "{text}\nheld in {} of {} seeds",
                spread.passed, spread.seeds
            );
        }
        if let Some(replay) = &judged.replay {
            text = format!("{text}\nreplay: {replay}");
        }
        let lines: Vec<_> = text.lines().map(clean::visible).collect();
        status.set_description(lines.join("\n"));
        status
    };
    let mut case = TestCase::new(clean::visible(&judged.name), status);
    case.set_classname(clean::visible(&report.scenario.name));
    case
}
