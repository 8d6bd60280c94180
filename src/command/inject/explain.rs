//! `inject --explain`: who would get a proxy, and who would not.

use std::io::Write as _;

use model::inject::text::{Entry, Outcome, State};

use super::files::Text;
use super::report::{self, ReportFormat};
use crate::error::{Error, print_diagnostics};
use crate::ui::Ui;

const HEADER: [&str; 4] = ["WORKLOAD", "SIDECAR", "WHY", "WHERE"];

pub(super) fn print(
    ui: &mut Ui,
    texts: &[Text],
    outcomes: &[Outcome],
    format: ReportFormat,
) -> Result<(), Error> {
    if format == ReportFormat::Json {
        let json = report::json(texts, outcomes)?;
        ui.out().write_all(json.as_bytes())?;
        return Ok(());
    }
    let mut rows = vec![HEADER.map(str::to_owned)];
    for (text, outcome) in texts.iter().zip(outcomes) {
        for entry in &outcome.entries {
            print_diagnostics(ui, &entry.warnings)?;
            rows.push(row(text, entry));
        }
    }
    if rows.len() == 1 {
        ui.note("no workload found")?;
        return Ok(());
    }
    ui.out().write_all(table(&rows).as_bytes())?;
    Ok(())
}

fn row(text: &Text, entry: &Entry) -> [String; 4] {
    let (sidecar, why) = match &entry.state {
        State::Added => ("yes", "it gets one".to_owned()),
        State::Updated => ("yes", "an older or different one is replaced".to_owned()),
        State::Unchanged => ("yes", "it has it already".to_owned()),
        State::Skipped { skip, .. } => ("no", skip.to_string()),
        State::Removed | State::Plain => ("no", String::new()),
    };
    let place = format!("{}:{}", text.source.name(), entry.line);
    [entry.name.to_string(), sidecar.to_owned(), why, place]
}

/// Columns as wide as their widest cell; the last one is not padded.
fn table(rows: &[[String; 4]]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or_default()
    };
    let widths = [width(0), width(1), width(2)];
    let mut text = String::new();
    for row in rows {
        for (cell, width) in row.iter().zip(widths) {
            text.push_str(&format!("{cell:<width$}  "));
        }
        text.push_str(&row[3]);
        text.push('\n');
    }
    text
}
