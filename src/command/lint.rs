//! `meshctl lint`.

use std::io::Write;
use std::path::PathBuf;

use clap::ValueEnum;
use model::check::{self, Code, Ignore, Input, Report};
use model::diagnostic::Level;
use model::resource::{self, Reading};

use crate::error::{Answer, Error};
use crate::input;
use crate::ui::{Ui, snippet};

mod explain;
mod github;
mod json;
mod sarif;

/// Judge manifests without running them
///
/// Reads Kubernetes manifests with Gateway API routes and meshctl policies and reports what is
/// certain to be wrong, or certain to do something else than its author may think: each finding
/// with its line, a stable code and a remedy. Objects of all files are judged together. What
/// cannot be seen is not called missing, unless --complete says that nothing else exists.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  meshctl lint -f manifests/
  helm template . | meshctl lint -f - --complete
  meshctl lint -f manifests/ --fail-on warning --ignore MC0310 --ignore MC0214=shop/canary-*
  meshctl lint -f manifests/ -o sarif > lint.sarif
  meshctl lint --explain MC0601                       what a code means, with an example
  meshctl lint --list                                 all codes

An object is spared a finding by its annotation meshctl.dev/lint-ignore: MC0214,MC0310

Exit status: 0 nothing is found at the level of --fail-on or above; 1 something is; 2 the input
could not be read. A file that is no valid YAML is a finding: the others are still judged.")]
pub(crate) struct Args {
    /// Manifests: files, directories, or `-` for standard input
    #[arg(value_name = "MANIFESTS")]
    paths: Vec<PathBuf>,
    /// The same, as a flag
    #[arg(short = 'f', long = "filename", value_name = "MANIFESTS")]
    files: Vec<PathBuf>,
    /// Look for manifests in subdirectories as well
    #[arg(short = 'R', long)]
    recursive: bool,
    /// The input is everything there is: references to nothing are errors
    #[arg(long)]
    complete: bool,
    /// The level from which findings make the exit status 1
    #[arg(long, value_name = "LEVEL", default_value = "error")]
    fail_on: FailOn,
    /// Leave out a code, everywhere or for objects: MC0214, MC0214=shop/canary-*
    #[arg(long, value_name = "CODE[=NAMESPACE/NAME]")]
    ignore: Vec<Ignore>,
    /// Output format on standard output
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    output: Format,
    /// Print what a code means, and judge nothing
    #[arg(long, value_name = "CODE", conflicts_with_all = ["paths", "files", "list"])]
    explain: Option<Code>,
    /// Print all codes, and judge nothing
    #[arg(long, conflicts_with_all = ["paths", "files"])]
    list: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
    /// SARIF 2.1.0, as code hosts read it
    Sarif,
    /// Annotations of GitHub Actions
    Github,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FailOn {
    Error,
    Warning,
    Info,
    Never,
}

pub(crate) fn run(ui: &mut Ui, args: &Args) -> Result<Answer, Error> {
    if let Some(code) = args.explain {
        explain::one(ui, code)?;
        return Ok(Answer::Yes);
    }
    if args.list {
        explain::all(ui)?;
        return Ok(Answer::Yes);
    }
    let readings = read(args)?;
    let objects = readings.iter().flat_map(|reading| &reading.resources);
    let calls = sim::derive::calls(&objects.cloned().collect::<Vec<_>>());
    let report = check::check(&Input {
        readings: &readings,
        complete: args.complete,
        calls: &calls,
        ignore: &args.ignore,
    });
    let text = match args.output {
        Format::Text => text(ui, &report),
        Format::Json => json::render(&report)?,
        Format::Sarif => sarif::render(&report)?,
        Format::Github => github::render(&report),
    };
    ui.out().write_all(text.as_bytes())?;
    news(ui, &report, &readings)?;
    let fails = match args.fail_on {
        FailOn::Error => report.worst() >= Some(Level::Error),
        FailOn::Warning => report.worst() >= Some(Level::Warning),
        FailOn::Info => report.worst() >= Some(Level::Note),
        FailOn::Never => false,
    };
    Ok(if fails { Answer::No } else { Answer::Yes })
}

fn read(args: &Args) -> Result<Vec<Reading>, Error> {
    let paths: Vec<PathBuf> = args.paths.iter().chain(&args.files).cloned().collect();
    if paths.is_empty() {
        return Err(Error::new("nothing to judge")
            .hint("name manifests: meshctl lint -f DIRECTORY")
            .hint("or ask what a code means: meshctl lint --explain MC0601"));
    }
    let texts = input::read_all(&paths, args.recursive)?;
    let readings: Vec<Reading> = texts
        .iter()
        .map(|input| resource::read(&input.name, &input.text))
        .collect();
    let empty = |reading: &Reading| reading.resources.is_empty() && reading.diagnostics.is_empty();
    if readings.iter().all(empty) {
        return Err(Error::new("the manifests hold no object")
            .hint("did the command that should have written them fail?"));
    }
    Ok(readings)
}

fn text(ui: &Ui, report: &Report) -> String {
    let mut text = String::new();
    for finding in &report.findings {
        text.push_str(&snippet::render(finding, ui.out_colored(), ui.width()));
        text.push('\n');
    }
    text
}

/// What is not a finding: how many there are, and what was left out.
fn news(ui: &mut Ui, report: &Report, readings: &[Reading]) -> std::io::Result<()> {
    if report.references_unjudged {
        ui.warning("references were not judged: some objects have errors of their own")?;
    }
    let objects: usize = readings.iter().map(|reading| reading.resources.len()).sum();
    let counts = [
        (Level::Error, "error"),
        (Level::Warning, "warning"),
        (Level::Note, "info"),
    ];
    let mut parts: Vec<String> = counts
        .iter()
        .map(|(level, word)| (report.count(*level), word))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| counted(count, word))
        .collect();
    if parts.is_empty() {
        parts.push("nothing found".to_owned());
    }
    let mut line = format!("{} in {}", parts.join(", "), counted(objects, "object"));
    if report.ignored > 0 {
        line.push_str(&format!(", {} ignored", report.ignored));
    }
    ui.note(&line)
}

fn counted(count: usize, word: &str) -> String {
    // "infos" is no word.
    let plural = if count == 1 || word == "info" {
        ""
    } else {
        "s"
    };
    format!("{count} {word}{plural}")
}

/// The level as all formats but the terminal's call it.
fn level(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Note => "info",
    }
}
