//! Where changed manifests go: standard output, the files themselves, or a difference.

use std::io::{self, Write as _};
use std::sync::Arc;

use clap::ValueEnum;
use model::edit;
use model::inject::text::Outcome;
use model::yaml::{self, Source};
use serde_json::Value;

use super::diff;
use super::files::{Files, Text};
use crate::error::Error;
use crate::ui::Ui;
use crate::write;

/// UTF-8 begins with it in some editors.
const MARK: char = '\u{FEFF}';

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
        let mut kinds = texts.iter().map(|text| is_json(text.source.text()));
        let first = kinds.next();
        let is_mixed = kinds.any(|kind| Some(kind) != first);
        if self.output.is_none() && is_mixed {
            let all = joined(pairs.map(|(_, outcome)| outcome.text()))?;
            ui.out().write_all(all.as_bytes())?;
            return Ok(());
        }
        let mut stream = Stream {
            out: ui.out(),
            last: None,
        };
        for (text, outcome) in pairs {
            stream.text(text, outcome, self.output)?;
        }
        Ok(())
    }
}

/// Texts that are printed one behind the other: they may be large, so none is copied whole unless
/// it is to be converted.
struct Stream<'a, W> {
    out: &'a mut W,
    /// The last byte so far.
    last: Option<u8>,
}

// === impl Stream ===

impl<W: io::Write> Stream<'_, W> {
    fn text(
        &mut self,
        text: &Text,
        outcome: &Outcome,
        format: Option<Format>,
    ) -> Result<(), Error> {
        let source = text.source.text();
        let is_json = is_json(source);
        match format {
            Some(Format::Json) => self.documents(text, outcome, false, |value| {
                serde_json::to_string_pretty(value).map(|text| text + "\n")
            }),
            // JSON has no comments to lose.
            Some(Format::Yaml) if is_json => {
                self.documents(text, outcome, true, |value| Ok(edit::yaml(value)))
            }
            // JSON values need no separator.
            None | Some(Format::Yaml) => {
                self.begin(!is_json && !begins_with_separator(source))?;
                let mut is_start = self.last.is_some();
                for chunk in outcome.chunks().filter(|chunk| !chunk.is_empty()) {
                    // Within a stream the mark would be a character of the document.
                    let whole = chunk;
                    let chunk = chunk.strip_prefix(MARK).filter(|_| is_start);
                    self.push(chunk.unwrap_or(whole))?;
                    is_start = false;
                }
                Ok(())
            }
        }
    }

    /// Each document of a text, printed by `print`.
    fn documents(
        &mut self,
        text: &Text,
        outcome: &Outcome,
        separated: bool,
        print: impl Fn(&Value) -> serde_json::Result<String>,
    ) -> Result<(), Error> {
        let name = text.source.name();
        let after = Arc::new(Source::new(name, outcome.text()));
        for document in yaml::documents(&after)? {
            let printed = print(&document?.to_json());
            let printed = printed
                .map_err(|error| Error::new(format!("cannot print {name}")).caused_by(error))?;
            self.begin(separated)?;
            self.push(&printed)?;
        }
        Ok(())
    }

    /// Ends what is there, so that what follows is a document of its own.
    fn begin(&mut self, separator: bool) -> io::Result<()> {
        if self.last.is_some_and(|last| last != b'\n') {
            self.push("\n")?;
        }
        if self.last.is_some() && separator {
            self.push("---\n")?;
        }
        Ok(())
    }

    fn push(&mut self, text: &str) -> io::Result<()> {
        self.last = text.bytes().last().or(self.last);
        self.out.write_all(text.as_bytes())
    }
}

fn is_json(text: &str) -> bool {
    text.trim_start().starts_with('{')
}

/// Whether the first line that is not empty and no comment separates documents.
fn begins_with_separator(text: &str) -> bool {
    let mut lines = text.strip_prefix(MARK).unwrap_or(text).lines();
    let first = lines.find(|line| !line.trim().is_empty() && !line.starts_with('#'));
    first.is_some_and(|line| line.starts_with("---"))
}

/// Replaces the files that change. What could fail is tried for all before the first is replaced.
fn in_place<'a>(pairs: impl Iterator<Item = (&'a Text, &'a Outcome)>) -> Result<(), Error> {
    let mut prepared = Vec::new();
    for (text, outcome) in pairs.filter(|(_, outcome)| !outcome.is_unchanged()) {
        if let Some(path) = &text.path {
            let write = |file: &mut dyn io::Write| {
                let mut chunks = outcome.chunks();
                chunks.try_for_each(|chunk| file.write_all(chunk.as_bytes()))
            };
            prepared.push(write::prepare(path, write)?);
        }
    }
    prepared.into_iter().try_for_each(write::Prepared::replace)
}

/// JSON and YAML as they are, one stream: they follow each other, but not every JSON is YAML.
fn joined(texts: impl Iterator<Item = String>) -> Result<String, Error> {
    let mut all = String::new();
    let mut only_json = true;
    for text in texts {
        only_json &= is_json(&text);
        let text = match all.is_empty() {
            true => &text,
            false => text.strip_prefix(MARK).unwrap_or(&text),
        };
        if !all.is_empty() && !all.ends_with('\n') {
            all.push('\n');
        }
        if !all.is_empty() && !only_json && !begins_with_separator(text) {
            all.push_str("---\n");
        }
        all.push_str(text);
    }
    if yaml::read("<output>", &all).is_err() {
        let error = Error::new("these files cannot be joined to one stream as they are");
        return Err(error.hint("use -o yaml or -o json, or --in-place"));
    }
    Ok(all)
}
