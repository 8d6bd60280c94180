//! `meshctl proxy`.

mod args;
mod config;
mod control;
mod follow;
mod gateway;
mod identity;
mod log;
mod run;
mod signals;
mod telemetry;
mod wait;

use crate::error::{Answer, Error};
use crate::ui::Ui;

/// Run the proxy of a workload, or of a Gateway
///
/// Moves the traffic of one workload, with the routes and policies of a directory of manifests:
/// Services, EndpointSlices, Pods, Workloads, routes and policies. The directory is watched; a bad
/// edit is reported with its line and changes nothing.
///
/// With `--role gateway` it has the listeners of a Gateway, for clients outside the mesh.
///
/// Applications reach the mesh through the outbound listener: their traffic is redirected to it, or
/// they use it as an HTTP proxy, or they name the service in the Host header. Each flag is also an
/// environment variable: `--drain-timeout` is MESHCTL_DRAIN_TIMEOUT.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Examples:
  meshctl proxy --workload shop/web -f mesh/
  meshctl proxy --workload shop/api-1 -f mesh/ --cert api.crt --key api.key --trust-bundle ca.crt
  curl -x http://127.0.0.1:14001 http://api.shop/
  meshctl proxy --workload shop/web -f mesh/ --access-log text --otlp http://127.0.0.1:4318
  meshctl proxy --role gateway --gateway infra/edge -f mesh/ --listen 80=0.0.0.0:8080
  meshctl proxy wait --timeout 30s

SIGTERM and SIGINT finish what was accepted, within --drain-timeout; a second one cuts it.

Exit status: 0 everything that was accepted was finished, 1 something was cut, 2 the proxy could not
start."
)]
pub(crate) struct Args {
    #[command(subcommand)]
    other: Option<Other>,
    #[command(flatten)]
    proxy: args::ProxyArgs,
}

#[derive(Debug, clap::Subcommand)]
enum Other {
    Wait(wait::Args),
}

pub(crate) fn run(ui: &mut Ui, args: &Args) -> Result<Answer, Error> {
    match &args.other {
        Some(Other::Wait(args)) => wait::run(ui, args),
        None => run::run(ui, &args.proxy),
    }
}
