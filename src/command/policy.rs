//! `meshctl policy`.

use crate::error::{Answer, Error};
use crate::ui::Ui;

mod list;

/// See which policies hold, where, and why others do not
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  meshctl policy list -f manifests/
  meshctl policy list -f manifests/ -n shop --routes -o json")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Sub,
}

#[derive(Debug, clap::Subcommand)]
enum Sub {
    List(list::Args),
}

pub(crate) fn run(ui: &mut Ui, args: Args) -> Result<Answer, Error> {
    match args.command {
        Sub::List(args) => list::run(ui, &args),
    }
}
