//! `meshctl route`.

use crate::error::{Answer, Error};
use crate::ui::Ui;

mod change;
mod delete;
mod diff;
mod explain;
mod get;
mod list;
pub(crate) mod mesh;
mod mirror;
mod readable;
mod retry;
mod set;
pub(crate) mod shift;
mod split;
mod survey;
mod timeout;
pub(crate) mod words;

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
  meshctl route diff before/ after/
  meshctl route split reviews v1=90 v2=10 -f manifests/ --diff
  meshctl route split reviews v1=90 v2=10 -f manifests/ --in-place

On a cluster instead of files: --context NAME or --kubeconfig FILE (docs/cluster.md).
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
    Diff(diff::Args),
    Split(Box<split::Args>),
    Set(Box<set::Args>),
    Delete(Box<delete::Args>),
    Mirror(Box<mirror::Args>),
    Timeout(Box<timeout::Args>),
    Retry(Box<retry::Args>),
    Shift(Box<shift::Args>),
}

pub(crate) fn run(ui: &mut Ui, args: Args) -> Result<Answer, Error> {
    match args.command {
        Sub::List(args) => list::run(ui, &args),
        Sub::Get(args) => get::run(ui, &args),
        Sub::Explain(args) => explain::run(ui, &args),
        Sub::Diff(args) => diff::run(ui, &args),
        Sub::Split(args) => split::run(ui, &args),
        Sub::Set(args) => set::run(ui, &args),
        Sub::Delete(args) => delete::run(ui, &args),
        Sub::Mirror(args) => mirror::run(ui, &args),
        Sub::Timeout(args) => timeout::run(ui, &args),
        Sub::Retry(args) => retry::run(ui, &args),
        Sub::Shift(args) => shift::run(ui, &args),
    }
}
