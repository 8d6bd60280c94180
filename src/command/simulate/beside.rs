//! A scenario without and with a change of the manifests, for commands that change them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::{Args as _, FromArgMatches as _};
use sim::expect::Verdict;
use sim::report::{Report, beside, compare};

use super::load::{self, Given};
use super::{RunArgs, batch};
use crate::error::{Error, print_diagnostics};
use crate::input::Input;
use crate::output::Rewritten;
use crate::ui::Ui;

/// Runs the scenario twice with the same seeds, and shows both runs side by side on standard error.
/// Returns the verdict of the run with the change.
///
/// The texts take the place of the scenario's own manifests of the same names; those it does not
/// name are added, as with `simulate SCENARIO -f`.
///
/// # Errors
/// When it cannot be run, with or without the change.
pub(crate) fn beside(ui: &mut Ui, scenario: &Path, texts: &[Rewritten]) -> Result<Verdict, Error> {
    let args = args(scenario)?;
    let before = run(ui, &args, texts, |text| text.before.as_ref())
        .map_err(|e| e.caused_by("the scenario was run without the change"))?;
    let after = run(ui, &args, texts, |text| text.after.as_ref())
        .map_err(|e| e.caused_by("the scenario was run with the change"))?;
    let heads = ("without", "with the change");
    let table = beside::render(&before, &after, heads, ui.width());
    ui.raw_news(&table)?;
    let text = compare::render(&compare::compare(&before, &after), ui.width());
    ui.raw_news(&text)?;
    Ok(after.verdict)
}

/// The arguments of `meshctl simulate SCENARIO`.
fn args(scenario: &Path) -> Result<RunArgs, Error> {
    let failed = |e: clap::Error| Error::new("cannot run the scenario").caused_by(e);
    let command = RunArgs::augment_args(clap::Command::new("simulate"));
    let words = [Path::new("simulate").as_os_str(), scenario.as_os_str()];
    let matches = command.try_get_matches_from(words).map_err(failed)?;
    RunArgs::from_arg_matches(&matches).map_err(failed)
}

fn run(
    ui: &mut Ui,
    args: &RunArgs,
    texts: &[Rewritten],
    which: impl Fn(&Rewritten) -> Option<&String>,
) -> Result<Report, Error> {
    let path = |text: &Rewritten| std::fs::canonicalize(&text.name).ok();
    let given = Given {
        texts: texts
            .iter()
            .filter_map(|text| {
                Some(Input {
                    name: text.name.clone(),
                    text: which(text)?.clone(),
                })
            })
            .collect(),
        instead_of: texts.iter().filter_map(path).collect::<BTreeSet<PathBuf>>(),
        root: None,
    };
    let loaded = load::prepare(args, given)?;
    print_diagnostics(ui, &loaded.warnings)?;
    let mut reports = batch::reports(ui, args, &loaded)?;
    let report = reports
        .pop()
        .ok_or_else(|| Error::new("the scenario gave no report"))?;
    match &report.partial {
        Some(why) => Err(Error::new(format!("the run was cut short: {why}"))),
        None => Ok(report),
    }
}
