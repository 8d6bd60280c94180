//! `meshctl route`.

use crate::error::{Answer, Error};
use crate::ui::Ui;

mod explain;
mod get;
mod list;
mod mesh;
mod survey;
mod words;

/// See where traffic goes, change it, and know what the change does
///
/// Works on manifests: Services with HTTPRoutes and GRPCRoutes attached to them (GAMMA). Everything
/// said here about a request is asked of the engine that the proxies run.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  meshctl route list -f manifests/
  meshctl route get reviews -f manifests/
  meshctl route explain GET http://reviews.shop/api -H 'x-canary: true' --from shop/web -f manifests/
  meshctl route explain --all tests.yaml -f manifests/ --fail-under 90

Canary, blue-green, A/B tests, mirroring and environments are explained in docs/routing.md.")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Sub,
}

#[derive(Debug, clap::Subcommand)]
enum Sub {
    List(list::Args),
    Get(get::Args),
    Explain(Box<explain::Args>),
}

pub(crate) fn run(ui: &mut Ui, args: Args) -> Result<Answer, Error> {
    match args.command {
        Sub::List(args) => list::run(ui, &args),
        Sub::Get(args) => get::run(ui, &args),
        Sub::Explain(args) => explain::run(ui, &args),
    }
}
