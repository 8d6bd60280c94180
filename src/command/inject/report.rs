//! What was done to each workload, told to people or to machines.

use clap::ValueEnum;
use model::inject::text::{Entry, Outcome, State};
use serde::Serialize;

use super::files::Text;
use crate::error::{Error, print_diagnostics};
use crate::ui::Ui;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    Text,
    Json,
}

/// One object, for machines.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    file: &'a str,
    line: u32,
    group: &'a str,
    kind: &'a str,
    namespace: &'a str,
    name: &'a str,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// Whether a workload was left out that did not ask for it.
pub(crate) fn is_incomplete(outcomes: &[Outcome]) -> bool {
    let mut entries = outcomes.iter().flat_map(|outcome| &outcome.entries);
    entries.any(|entry| match &entry.state {
        State::Skipped { skip, .. } => skip.is_warning(),
        _ => false,
    })
}

/// One line per workload on standard error, and a count.
pub(crate) fn tell(
    ui: &mut Ui,
    texts: &[Text],
    outcomes: &[Outcome],
    format: ReportFormat,
) -> Result<(), Error> {
    if format == ReportFormat::Json {
        ui.raw_news(&json(texts, outcomes)?)?;
        return Ok(());
    }
    for (text, outcome) in texts.iter().zip(outcomes) {
        for entry in &outcome.entries {
            print_diagnostics(ui, &entry.warnings)?;
            line(ui, text, entry)?;
        }
    }
    ui.note(&summary(outcomes))?;
    Ok(())
}

fn line(ui: &mut Ui, text: &Text, entry: &Entry) -> Result<(), Error> {
    let (word, name) = (word(&entry.state), &entry.name);
    let State::Skipped { skip, removed } = &entry.state else {
        ui.note(&format!("{word}: {name}"))?;
        return Ok(());
    };
    let place = format!("{}:{}", text.source.name(), entry.line);
    let gone = if *removed {
        "; what was there is gone"
    } else {
        ""
    };
    let told = format!("{word}: {name}: {skip}{gone} ({place})");
    if !skip.is_warning() {
        ui.note(&told)?;
        return Ok(());
    }
    ui.warning(&told)?;
    if let Some(help) = skip.help() {
        ui.hint(&help)?;
    }
    Ok(())
}

/// The report as JSON, a line break at its end.
pub(crate) fn json(texts: &[Text], outcomes: &[Outcome]) -> Result<String, Error> {
    let mut rows = Vec::new();
    for (text, outcome) in texts.iter().zip(outcomes) {
        let of_text = outcome.entries.iter().map(|entry| Row::new(text, entry));
        rows.extend(of_text);
    }
    let json = serde_json::to_string_pretty(&rows)
        .map_err(|error| Error::new("cannot print the report").caused_by(error))?;
    Ok(json + "\n")
}

/// `3 injected, 1 skipped, 7 other objects untouched`
fn summary(outcomes: &[Outcome]) -> String {
    let entries = || outcomes.iter().flat_map(|outcome| &outcome.entries);
    let mut words: Vec<(&str, usize)> = Vec::new();
    for entry in entries() {
        let word = word(&entry.state);
        match words.iter_mut().find(|(known, _)| *known == word) {
            Some((_, count)) => *count += 1,
            None => words.push((word, 1)),
        }
    }
    let others: usize = outcomes.iter().map(|outcome| outcome.others).sum();
    let mut parts: Vec<String> = words
        .into_iter()
        .map(|(word, count)| format!("{count} {word}"))
        .collect();
    if parts.is_empty() {
        parts.push("no workload found".to_owned());
    }
    if others > 0 {
        let s = if others == 1 { "" } else { "s" };
        parts.push(format!("{others} other object{s} untouched"));
    }
    parts.join(", ")
}

pub(crate) fn word(state: &State) -> &'static str {
    match state {
        State::Added => "injected",
        State::Updated => "updated",
        State::Unchanged => "unchanged",
        State::Removed => "uninjected",
        State::Skipped { .. } => "skipped",
        State::Plain => "not injected",
    }
}

// === impl Row ===

impl<'a> Row<'a> {
    fn new(text: &'a Text, entry: &'a Entry) -> Self {
        let skip = match &entry.state {
            State::Skipped { skip, .. } => Some(skip),
            _ => None,
        };
        let warnings = entry.warnings.iter().map(|warning| warning.message.clone());
        Self {
            file: text.source.name(),
            line: entry.line,
            group: &entry.name.group,
            kind: &entry.name.kind,
            namespace: &entry.name.namespace,
            name: &entry.name.name,
            state: word(&entry.state),
            reason: skip.map(model::inject::Skip::id),
            message: skip.map(ToString::to_string),
            warnings: warnings.collect(),
        }
    }
}
