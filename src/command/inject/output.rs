//! Where changed manifests go: standard output, the files themselves, or a difference.

use std::io::Write as _;

use clap::ValueEnum;
use model::edit;
use model::inject::text::Outcome;
use model::yaml;

use super::diff;
use super::files::{Files, Text};
use crate::error::Error;
use crate::ui::Ui;
use crate::write;

#[derive(Debug, clap::Args)]
pub(crate) struct Output {
    /// Write into the files instead of standard output: all of them or, on an error, none
    #[arg(short, long, conflicts_with_all = ["diff", "output"])]
    in_place: bool,
    /// Print what would change, as a unified diff
    #[arg(long, conflicts_with = "output")]
    diff: bool,
    /// Format of all documents [default: each as it is written]
    #[arg(short, long, value_name = "FORMAT")]
    output: Option<Format>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Documents in YAML stay as they are
    Yaml,
    Json,
}

// === impl Output ===

impl Output {
    /// What cannot be asked for together.
    pub(crate) fn check(&self, files: &Files) -> Result<(), Error> {
        if self.in_place && files.names_stdin() {
            let error = Error::new("standard input cannot be written in place");
            return Err(error.hint("leave out --in-place, and redirect standard output"));
        }
        Ok(())
    }

    pub(crate) fn write(
        &self,
        ui: &mut Ui,
        texts: &[Text],
        outcomes: &[Outcome],
    ) -> Result<(), Error> {
        let pairs = texts.iter().zip(outcomes);
        if self.in_place {
            return in_place(pairs);
        }
        if self.diff {
            for (text, outcome) in pairs.filter(|(_, outcome)| !outcome.is_unchanged()) {
                let source = &text.source;
                let diff = diff::unified(source.name(), source.text(), outcome.splices());
                ui.out().write_all(diff.as_bytes())?;
            }
            return Ok(());
        }
        let after = match self.output {
            // One text is printed as it is, piece by piece: it may be large.
            None if texts.len() == 1 => {
                for chunk in outcomes.iter().flat_map(Outcome::chunks) {
                    ui.out().write_all(chunk.as_bytes())?;
                }
                return Ok(());
            }
            None => joined(pairs.map(|(_, outcome)| outcome.text()))?,
            Some(Format::Json) => converted(pairs, json)?,
            Some(Format::Yaml) => converted(pairs, as_yaml)?,
        };
        ui.out().write_all(after.as_bytes())?;
        Ok(())
    }
}

/// Replaces the files that change. What could fail is tried for all before the first is replaced.
fn in_place<'a>(pairs: impl Iterator<Item = (&'a Text, &'a Outcome)>) -> Result<(), Error> {
    let mut prepared = Vec::new();
    for (text, outcome) in pairs.filter(|(_, outcome)| !outcome.is_unchanged()) {
        if let Some(path) = &text.path {
            prepared.push(write::prepare(path, outcome.text().as_bytes())?);
        }
    }
    prepared.into_iter().try_for_each(write::Prepared::replace)
}

/// Texts as they are, one stream.
fn joined(texts: impl Iterator<Item = String>) -> Result<String, Error> {
    let mut all = String::new();
    let mut mixed = false;
    let mut json = None;
    for text in texts {
        let is_json = text.trim_start().starts_with('{');
        mixed |= json
            .replace(is_json)
            .is_some_and(|before| before != is_json);
        let text = match all.is_empty() {
            true => &text,
            // Within a stream the mark would be a character of the document.
            false => text.strip_prefix('\u{FEFF}').unwrap_or(&text),
        };
        separate(&mut all, text, is_json && !mixed);
        all.push_str(text);
    }
    // JSON and YAML follow each other in a stream, but not every JSON is YAML.
    if mixed && yaml::read("<output>", &all).is_err() {
        let error = Error::new("these files cannot be joined to one stream as they are");
        return Err(error.hint("use -o yaml or -o json, or --in-place"));
    }
    Ok(all)
}

/// Ends what is there, so that `text` begins a document of its own. JSON values need no separator.
fn separate(all: &mut String, text: &str, is_json: bool) {
    if all.is_empty() {
        return;
    }
    if !all.ends_with('\n') {
        all.push('\n');
    }
    if is_json {
        return;
    }
    let mut lines = text.lines();
    let first = lines.find(|line| !line.trim().is_empty() && !line.starts_with('#'));
    if !first.is_some_and(|line| line.starts_with("---")) {
        all.push_str("---\n");
    }
}

/// Every text in another format, one stream.
fn converted<'a>(
    pairs: impl Iterator<Item = (&'a Text, &'a Outcome)>,
    convert: fn(&str, String) -> Result<String, Error>,
) -> Result<String, Error> {
    let texts: Result<Vec<String>, Error> = pairs
        .map(|(text, outcome)| convert(text.source.name(), outcome.text()))
        .collect();
    joined(texts?.into_iter())
}

fn json(name: &str, text: String) -> Result<String, Error> {
    let mut all = String::new();
    for document in yaml::read(name, &text)? {
        let value = serde_json::to_string_pretty(&document.to_json())
            .map_err(|error| Error::new(format!("cannot print {name}")).caused_by(error))?;
        all.push_str(&value);
        all.push('\n');
    }
    Ok(all)
}

/// What is YAML stays; JSON has no comments to lose.
fn as_yaml(name: &str, text: String) -> Result<String, Error> {
    if !text.trim_start().starts_with('{') {
        return Ok(text);
    }
    let documents = yaml::read(name, &text)?;
    let written = documents
        .iter()
        .map(|document| edit::yaml(&document.to_json()));
    let written: Vec<String> = written.collect();
    Ok(written.join("---\n"))
}
