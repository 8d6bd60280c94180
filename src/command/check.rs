//! `meshctl check`.

use std::io::Write;

use clap::ValueEnum;

use crate::cluster::failure::Failure;
use crate::cluster::{Cluster, Flags, Scope};
use crate::error::{Answer, Error};
use crate::ui::Ui;

mod api;
mod kinds;
mod lint;
mod mesh;
mod permissions;
mod report;
mod shifts;

use report::{Category, Report};

/// Diagnose a cluster step by step, each trouble with a remedy
///
/// Nothing is changed. Without permission to see everything it judges what it can see, and says
/// what it could not.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  meshctl check
  meshctl check --context staging -A
  meshctl check -n shop -o json
  meshctl check -o short            only what is not right

Exit status: 0 nothing is wrong (warnings may be); 1 something is;
2 the cluster could not be asked.")]
pub(crate) struct Args {
    /// Output format
    #[arg(long, short, value_name = "FORMAT", default_value = "table")]
    output: Format,
    #[command(flatten)]
    cluster: Flags,
    #[command(flatten)]
    scope: Scope,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Every check
    Table,
    Json,
    /// What is not right
    Short,
}

pub(crate) fn run(ui: &mut Ui, args: &Args) -> Result<Answer, Error> {
    let cluster = Cluster::connect(&args.cluster)?;
    let mut report = Report::new(cluster.name(), cluster.server());
    let asked = diagnose(&cluster, &args.scope, &mut report);
    let text = match args.output {
        Format::Table => report.table(ui.width(), false),
        Format::Short => report.table(ui.width(), true),
        Format::Json => report.json()?,
    };
    ui.out().write_all(text.as_bytes())?;
    asked?;
    Ok(match report.has_failed() {
        true => Answer::No,
        false => Answer::Yes,
    })
}

/// One category after the other; the first one decides whether the others can be asked at all.
fn diagnose(cluster: &Cluster, scope: &Scope, report: &mut Report) -> Result<(), Failure> {
    let mut api = Category::new("api");
    let answers = api::check(cluster, &mut api);
    report.add(api);
    answers?;
    let served = cluster.discover()?;
    report.add(kinds::check(&served));
    report.add(permissions::check(cluster, scope, &served)?);
    let seen = cluster.read(&served, cluster.namespace(scope))?;
    report.add(mesh::check(&seen));
    if let Some(shifts) = shifts::check(&seen) {
        report.add(shifts);
    }
    report.add(lint::check(cluster, scope, &seen));
    Ok(())
}
