//! Findings as JSON, for programs.

use model::check::Report;
use model::diagnostic::{Diagnostic, Level};
use serde::Serialize;

use crate::error::Error;

/// Changes when a field goes or gets another meaning; new fields do not change it.
const SCHEMA: &str = "meshctl.dev/lint/v1";

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    version: &'static str,
    counts: Counts,
    findings: Vec<Finding<'a>>,
}

#[derive(Serialize)]
struct Counts {
    error: usize,
    warning: usize,
    info: usize,
    ignored: usize,
}

#[derive(Serialize)]
struct Finding<'a> {
    code: Option<&'static str>,
    name: Option<&'static str>,
    level: &'static str,
    message: &'a str,
    help: Option<&'a str>,
    object: Option<Object<'a>>,
    /// As the user named it.
    file: &'a str,
    /// From 1; columns count characters, the end is the first one that is not marked.
    line: u32,
    column: u32,
    end_line: u32,
    end_column: u32,
}

#[derive(Serialize)]
struct Object<'a> {
    kind: &'a str,
    namespace: &'a str,
    name: &'a str,
}

pub(super) fn render(report: &Report) -> Result<String, Error> {
    let document = Document {
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION"),
        counts: Counts {
            error: report.count(Level::Error),
            warning: report.count(Level::Warning),
            info: report.count(Level::Note),
            ignored: report.ignored,
        },
        findings: report.findings.iter().map(finding).collect(),
    };
    let text = serde_json::to_string_pretty(&document)
        .map_err(|e| Error::new("cannot print the findings").caused_by(e))?;
    Ok(text + "\n")
}

fn finding(found: &Diagnostic) -> Finding<'_> {
    let (end_line, end_column) = found.end();
    Finding {
        code: found.code.map(|code| code.id()),
        name: found.code.map(|code| code.name()),
        level: super::level(found.level),
        message: &found.message,
        help: found.help.as_deref(),
        object: found.subject.as_deref().map(|subject| Object {
            kind: &subject.kind,
            namespace: &subject.namespace,
            name: &subject.name,
        }),
        file: found.file(),
        line: found.line(),
        column: found.column(),
        end_line,
        end_column,
    }
}
