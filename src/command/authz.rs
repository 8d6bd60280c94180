//! `meshctl authz`.

use crate::error::{Answer, Error};
use crate::ui::Ui;

mod check;
pub(crate) mod judge;

/// Ask who may call what
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  meshctl authz check --from shop/checkout --to pay/payments POST /charges -f manifests/")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Sub,
}

#[derive(Debug, clap::Subcommand)]
enum Sub {
    Check(Box<check::Args>),
}

pub(crate) fn run(ui: &mut Ui, args: Args) -> Result<Answer, Error> {
    match args.command {
        Sub::Check(args) => check::run(ui, &args),
    }
}
