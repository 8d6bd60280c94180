//! Explanations and tests as text, and tests as JSON and JUnit.

use std::fmt::Write as _;

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};
use serde::Serialize;
use sim::report::clean::visible;

use super::answer::{End, Explained};
use super::coverage::Coverage;
use super::suite::{Case, SuiteResult};
use crate::command::route::words;
use crate::error::Error;

/// What came of a file of tests.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SuiteReport<'a> {
    tests: Vec<CaseReport<'a>>,
    passed: usize,
    failed: usize,
    coverage: &'a Coverage,
}

#[derive(Serialize)]
struct CaseReport<'a> {
    name: &'a str,
    request: &'a str,
    at: &'a str,
    pass: bool,
    wrong: &'a [String],
}

/// Lines with heads of one width.
struct Lines(String);

/// One explanation.
pub(super) fn text(seen: &Explained) -> String {
    let mut lines = Lines(String::new());
    let request = format!("{} {}", seen.request.method, seen.request.url);
    lines.line("request", &request);
    for (name, value) in &seen.request.headers {
        lines.line("", &format!("{name}: {value}"));
    }
    let from = match (&seen.from.workload, &seen.from.identity) {
        (None, _) => format!("any client in {}", seen.from.namespace),
        (Some(workload), None) => format!("{workload}, without a proxy"),
        (Some(workload), Some(identity)) => format!("{workload}, {identity}"),
    };
    lines.line("from", &from);
    if !seen.service.is_empty() {
        lines.line("service", &beside(&seen.service, &seen.service_at));
    }
    if let Some(reason) = &seen.past_routes {
        lines.line("no route", reason);
        return lines.0;
    }
    for reason in &seen.trail {
        lines.line(&reason.what, &beside(&reason.detail, &reason.at));
    }
    lines.0.push('\n');
    for (i, end) in seen.outcomes.iter().enumerate() {
        let head = if i == 0 { "becomes" } else { "" };
        lines.line(head, &self::end(end));
        for change in &end.changed {
            lines.line("", &format!("        sent: {change}"));
        }
        for judged in &end.authorization {
            lines.line("", &format!("        {}", judged.line()));
        }
    }
    for copy in &seen.mirrors {
        let text = format!("{:>7} {}", words::percent(copy.share), copy.backend);
        lines.line("copies", &beside(&text, &copy.at));
    }
    if let Some(rule) = &seen.rule {
        lines.some("timeouts", &rule.timeouts);
        lines.some("retry", &rule.retry);
        lines.some("fault", &rule.fault);
    }
    for policy in &seen.policies {
        let text = format!(
            "{} for {}: {}",
            policy.object,
            policy.holds_for,
            policy.sets.join(", ")
        );
        lines.line("policy", &beside(&text, &policy.at));
    }
    lines.0
}

fn end(end: &End) -> String {
    let share = words::percent(end.share);
    let text = match (&end.backend, end.status) {
        (Some(backend), _) => match end.pods.is_empty() {
            true => backend.clone(),
            false => format!("{backend}, {}", end.pods.join(", ")),
        },
        (None, status) => format!(
            "answered with {}: {}",
            status.unwrap_or_default(),
            end.because
        ),
    };
    beside(&format!("{share:>7} {text}"), &end.at)
}

fn beside(text: &str, place: &str) -> String {
    match place.is_empty() {
        true => text.to_owned(),
        false => format!("{text}  [{place}]"),
    }
}

/// All tests.
pub(super) fn suite(result: &SuiteResult, coverage: &Coverage) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    for case in &result.cases {
        let mark = if case.wrong.is_empty() { '✓' } else { '✗' };
        let _ = writeln!(out, "{mark} {}", visible(&case.name));
        if !case.wrong.is_empty() {
            let _ = writeln!(
                out,
                "    {}  [{}]",
                visible(&case.request),
                visible(&case.at)
            );
        }
        for wrong in &case.wrong {
            let _ = writeln!(out, "    {}", visible(wrong));
        }
    }
    let (held, all) = (result.cases.len() - result.failed(), result.cases.len());
    let _ = writeln!(
        out,
        "\n{held} of {all} tests hold; they reach {} of {} rules ({})",
        coverage.reached,
        coverage.rules,
        words::percent(coverage.share())
    );
    for missed in &coverage.missed {
        let _ = writeln!(out, "  not reached: {}", visible(missed));
    }
    out
}

/// A suite of one case per test, and one for the coverage when rules are missed.
pub(super) fn junit(
    name: &str,
    result: &SuiteResult,
    coverage: &Coverage,
) -> Result<String, Error> {
    let mut suite = TestSuite::new(visible(name));
    suite.add_test_cases(result.cases.iter().map(junit_case));
    let share = words::percent(coverage.share());
    suite.add_property(quick_junit::Property::new("coverage", share));
    let mut document = quick_junit::Report::new("meshctl route explain");
    document.add_test_suite(suite);
    let text = document.to_string();
    text.map_err(|e| Error::new("cannot render the JUnit report").caused_by(e))
}

fn junit_case(case: &Case) -> TestCase {
    let status = match case.wrong.is_empty() {
        true => TestCaseStatus::success(),
        false => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_type("expectation");
            status.set_message(visible(&case.wrong.join("; ")));
            status.set_description(visible(&format!("{} at {}", case.request, case.at)));
            status
        }
    };
    TestCase::new(visible(&case.name), status)
}

// === impl Lines ===

impl Lines {
    fn line(&mut self, head: &str, text: &str) {
        let line = format!("{head:<9} {}", visible(text));
        self.0.push_str(line.trim_end());
        self.0.push('\n');
    }

    fn some(&mut self, head: &str, text: &str) {
        if !text.is_empty() {
            self.line(head, text);
        }
    }
}

// === impl SuiteReport ===

impl<'a> SuiteReport<'a> {
    pub(super) fn new(result: &'a SuiteResult, coverage: &'a Coverage) -> Self {
        let tests = result.cases.iter().map(|case| CaseReport {
            name: &case.name,
            request: &case.request,
            at: &case.at,
            pass: case.wrong.is_empty(),
            wrong: &case.wrong,
        });
        Self {
            tests: tests.collect(),
            passed: result.cases.len() - result.failed(),
            failed: result.failed(),
            coverage,
        }
    }
}
