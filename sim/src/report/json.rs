//! The report as JSON: the value itself, fields in a fixed order, indented for diffs.

use super::{Report, SCHEMA};

/// Why a file is not a report.
#[derive(Debug, thiserror::Error)]
pub enum NotAReport {
    #[error("line {line}: {cause}")]
    Syntax { line: usize, cause: String },
    #[error("this is a report of format `{0}`; this version of meshctl reads `{SCHEMA}`")]
    Schema(String),
}

/// The report, ending with a newline.
///
/// # Errors
/// Never for a report that [`Report::new`] made; the type is serde_json's.
pub fn render(report: &Report) -> Result<String, serde_json::Error> {
    let mut out = serde_json::to_string_pretty(report)?;
    out.push('\n');
    Ok(out)
}

/// Several reports as one JSON array, in the order given.
///
/// # Errors
/// As [`render`].
pub fn render_all(reports: &[Report]) -> Result<String, serde_json::Error> {
    let mut out = serde_json::to_string_pretty(reports)?;
    out.push('\n');
    Ok(out)
}

/// Reads what [`render`] or [`render_all`] wrote.
///
/// # Errors
/// The text is no JSON, or not this version's report.
pub fn read(text: &str) -> Result<Vec<Report>, NotAReport> {
    let syntax = |e: serde_json::Error| NotAReport::Syntax {
        line: e.line(),
        cause: e.to_string(),
    };
    // The version is looked at first: another version may lack fields or have others.
    let value: serde_json::Value = serde_json::from_str(text).map_err(syntax)?;
    let all = match value {
        serde_json::Value::Array(all) => all,
        one => vec![one],
    };
    for report in &all {
        let schema = report
            .get("schema")
            .and_then(|s| s.as_str())
            .unwrap_or("unknown");
        if schema != SCHEMA {
            return Err(NotAReport::Schema(schema.into()));
        }
    }
    match text.trim_start().starts_with('[') {
        true => serde_json::from_str(text).map_err(syntax),
        false => serde_json::from_str(text)
            .map(|one| vec![one])
            .map_err(syntax),
    }
}
