//! `meshctl route diff`.

use std::io::Write;
use std::path::PathBuf;

use clap::ValueEnum;

use super::mesh::Mesh;
use crate::error::{Answer, Error, print_diagnostics};
use crate::input;
use crate::ui::Ui;

mod behaviour;
mod compare;
mod guards;
mod limits;
mod policies;
mod probe;
mod regex;
mod show;

/// Say what changes in behaviour between two sets of manifests: not in text, in what requests get
///
/// Requests are made up from the conditions of all routes of both sides, and the engine is asked
/// what becomes of each under either: backends and their shares, filters, mirrors, timeouts,
/// retries, faults. The proxies of the destinations are asked as well: who may call what, mutual
/// TLS, rate limits. Policies that came, went or say something else are listed. Like diff, it exits
/// with 1 when something differs.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  meshctl route diff before/ after/
  meshctl route diff routes.yaml new-routes.yaml -f services.yaml
  meshctl route diff <(git show main:routes.yaml) routes.yaml -f services.yaml -o json

Exit status: 0 they behave alike; 1 something differs; 2 the question could not be asked.")]
pub(crate) struct Args {
    /// Manifests before: a file or directory, or `-`
    old: PathBuf,
    /// Manifests after
    new: PathBuf,
    /// Manifests that both have in common
    #[arg(short = 'f', long = "filename", value_name = "MANIFESTS")]
    files: Vec<PathBuf>,
    /// Look for manifests in subdirectories as well
    #[arg(short = 'R', long)]
    recursive: bool,
    /// Go on although policies of another mesh are not understood
    #[arg(long)]
    ignore_foreign: bool,
    /// Output format
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    output: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

pub(super) fn run(ui: &mut Ui, args: &Args) -> Result<Answer, Error> {
    let read = |ui: &mut Ui, path: &PathBuf| {
        let paths: Vec<PathBuf> = args.files.iter().chain([path]).cloned().collect();
        let texts = input::read_all(&paths, args.recursive)?;
        let mesh = Mesh::of(&texts, args.ignore_foreign)?;
        print_diagnostics(ui, &mesh.warnings)?;
        Ok::<_, Error>(mesh)
    };
    let old = read(ui, &args.old)?;
    let new = read(ui, &args.new)?;
    let found = compare::compare(&old, &new);
    let text = match args.output {
        Format::Text => show::text(&found),
        Format::Json => {
            let text = serde_json::to_string_pretty(&found);
            text.map_err(|e| Error::new("cannot print the difference").caused_by(e))? + "\n"
        }
    };
    ui.out().write_all(text.as_bytes())?;
    for unasked in &found.not_asked {
        ui.warning(unasked)?;
    }
    Ok(match found.is_empty() {
        true => Answer::Yes,
        false => Answer::No,
    })
}
