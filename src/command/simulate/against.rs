//! `--against`: base and head of a repository under the same scenarios and seeds.

use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};

use sim::report::compare::Comparison;
use sim::report::{Report, beside, compare, markdown};
use std::io::Write as _;

use super::load::{self, Given};
use super::{Format, RunArgs, batch};
use crate::error::{Answer, Error, print_diagnostics};
use crate::input;
use crate::ui::Ui;

/// A directory with the manifests of the base.
struct Base {
    root: PathBuf,
    /// Removed in the end.
    temporary: Option<PathBuf>,
}

/// Runs every scenario with the manifests as they are and with those of the base. The scenarios are
/// those of the head for both, so that both answer the same questions.
pub(super) fn run(ui: &mut Ui, args: &RunArgs, against: &str) -> Result<Answer, Error> {
    let base = Base::find(against)?;
    let head = load::prepare(args, Given::of(args)?)?;
    print_diagnostics(ui, &head.warnings)?;
    let before = load::prepare(args, base.given(args)?)
        .map_err(|e| e.caused_by(format!("these are the manifests of {against}")))?;
    let reports = batch::reports(ui, args, &before)?;
    let after = batch::reports(ui, args, &head)?;
    let pairs: Vec<(Report, Report)> = reports.into_iter().zip(after).collect();
    let comparisons: Vec<Comparison> = pairs.iter().map(|(b, a)| compare::compare(b, a)).collect();
    let text = match args.output {
        Format::Markdown => markdown::render(&comparisons, against),
        Format::Json => {
            let text = serde_json::to_string_pretty(&comparisons);
            text.map_err(|e| Error::new("cannot print the comparison").caused_by(e))? + "\n"
        }
        Format::Text => {
            let one = |((before, after), comparison): (&(Report, Report), &Comparison)| {
                let table = beside::render(before, after, ("base", "head"), ui.width());
                format!("{table}{}", compare::render(comparison, ui.width()))
            };
            let all: Vec<String> = pairs.iter().zip(&comparisons).map(one).collect();
            all.join("\n")
        }
    };
    ui.out().write_all(text.as_bytes())?;
    let after: Vec<Report> = pairs.into_iter().map(|(_, after)| after).collect();
    batch::answer(args, &after)
}

// === impl Base ===

impl Base {
    /// A directory as it is; a commit in a directory of its own.
    fn find(against: &str) -> Result<Self, Error> {
        let path = Path::new(against);
        if path.is_dir() {
            return Ok(Self {
                root: path.to_path_buf(),
                temporary: None,
            });
        }
        let commit = format!("{against}^{{commit}}");
        let Ok(commit) = git(&["rev-parse", "--verify", "--quiet", &commit]) else {
            return Err(Error::new(format!(
                "{against} is neither a directory nor a commit of this repository"
            ))
            .hint("in CI the base has to be fetched first: git fetch origin main"));
        };
        let top = git(&["rev-parse", "--show-toplevel"])?;
        let prefix = git(&["rev-parse", "--show-prefix"])?;
        let temporary = std::env::temp_dir().join(format!("meshctl-base-{}", std::process::id()));
        let cannot =
            |e: &dyn std::fmt::Display| Error::new(format!("cannot unpack {against}")).caused_by(e);
        std::fs::create_dir_all(&temporary).map_err(|e| cannot(&e))?;
        let base = Self {
            root: temporary.join(prefix),
            temporary: Some(temporary.clone()),
        };
        let mut archive = Command::new("git")
            .args(["-C", &top, "archive", "--format=tar", &commit])
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| cannot(&e))?;
        let Some(stream) = archive.stdout.take() else {
            return Err(cannot(&"git gave no archive"));
        };
        let unpacked = Command::new("tar")
            .args(["-x", "-C"])
            .arg(&temporary)
            .stdin(stream)
            .status()
            .map_err(|e| cannot(&e))?;
        let archived = archive.wait().map_err(|e| cannot(&e))?;
        match archived.success() && unpacked.success() {
            true => Ok(base),
            false => Err(cannot(&"git archive or tar failed")),
        }
    }

    /// The manifests of the base: those of `-f`, and where scenarios look for theirs.
    fn given(&self, args: &RunArgs) -> Result<Given, Error> {
        for path in args.scenarios.iter().chain(&args.files) {
            let relative = path
                .components()
                .all(|c| matches!(c, Component::Normal(_) | Component::CurDir));
            if !relative || path.as_os_str() == "-" {
                return Err(Error::new(format!("{} is not in the base", path.display()))
                    .hint("with --against name files below the current directory"));
            }
        }
        let files: Vec<PathBuf> = args.files.iter().map(|path| self.root.join(path)).collect();
        Ok(Given {
            texts: input::read_all(&files, args.recursive)?,
            root: Some(self.root.clone()),
            ..Given::default()
        })
    }
}

impl Drop for Base {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            // Left behind it is a temporary directory like others.
            let _ = std::fs::remove_dir_all(temporary);
        }
    }
}

/// What git prints, without the final line break.
fn git(args: &[&str]) -> Result<String, Error> {
    let cannot = || Error::new(format!("git {} failed", args.join(" ")));
    let out = Command::new("git")
        .args(args)
        .stderr(Stdio::null())
        .output()
        .map_err(|e| cannot().caused_by(e).hint("is git installed?"))?;
    match out.status.success() {
        true => Ok(String::from_utf8_lossy(&out.stdout).trim_end().to_owned()),
        false => Err(cannot()),
    }
}
