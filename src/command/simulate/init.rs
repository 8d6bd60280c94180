//! `meshctl simulate init`.

use std::io::Write;
use std::path::PathBuf;

use model::diagnostic::Level;
use model::resource;
use sim::derive;

use crate::error::{Answer, Error, print_diagnostics};
use crate::input;
use crate::ui::Ui;

/// Write out the scenario that would be derived from manifests, with comments, for editing
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  meshctl simulate init -f manifests/ > scenario.yaml
  kustomize build . | meshctl simulate init -f - > scenario.yaml")]
pub(crate) struct Args {
    /// Manifests: files, directories, or `-` for standard input
    #[arg(
        short = 'f',
        long = "filename",
        value_name = "MANIFESTS",
        required = true
    )]
    files: Vec<PathBuf>,
    /// Look for manifests in subdirectories as well
    #[arg(short = 'R', long)]
    recursive: bool,
}

pub(super) fn run(ui: &mut Ui, args: &Args) -> Result<Answer, Error> {
    let texts = input::read_all(&args.files, args.recursive)?;
    let mut resources = Vec::new();
    let mut found = Vec::new();
    for text in &texts {
        let reading = resource::read(&text.name, &text.text);
        resources.extend(reading.resources);
        found.extend(reading.diagnostics);
    }
    if found.iter().any(|d| d.level == Level::Error) {
        return Err(Error::Input(found));
    }
    print_diagnostics(ui, &found)?;
    let named = named(args, &texts);
    let derived = derive::derive(&resources, &named)?;
    let text = derive::write(&derived.scenario)
        .map_err(|e| Error::new("cannot write the scenario").caused_by(e))?;
    ui.out().write_all(text.as_bytes())?;
    Ok(Answer::Yes)
}

/// The paths that a run of the scenario reads again. Standard input is gone by then.
fn named(args: &Args, texts: &[input::Input]) -> Vec<String> {
    let files = args.files.iter().filter(|f| f.as_os_str() != "-");
    match args.recursive {
        // A scenario names files and directories without those below.
        true if files.clone().any(|f| f.is_dir()) => {
            let found = texts.iter().filter(|t| t.name != input::STDIN);
            found.map(|t| t.name.clone()).collect()
        }
        _ => files.map(|f| f.display().to_string()).collect(),
    }
}
