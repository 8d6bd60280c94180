//! `meshctl ca`.

mod authority;
mod init;
mod issue;
mod rotate;

use crate::error::{Answer, Error};
use crate::ui::Ui;

/// Certificates for workloads on hosts without Kubernetes
///
/// A directory holds the authority: a root, which only signs issuers, and the issuer, which signs
/// workloads. Certificates carry SPIFFE ids; they are short-lived and renewed, not revoked.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  meshctl ca init authority/
  meshctl ca issue shop/web --ca authority/ --out certs/web/
  meshctl proxy --workload shop/web -f mesh/ --cert certs/web/tls.crt \\
    --key certs/web/tls.key --trust-bundle certs/web/ca.crt")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Init(init::Args),
    Issue(issue::Args),
    Rotate(rotate::Args),
}

pub(crate) fn run(ui: &mut Ui, args: &Args) -> Result<Answer, Error> {
    match &args.command {
        Command::Init(args) => init::run(ui, args),
        Command::Issue(args) => issue::run(ui, args),
        Command::Rotate(args) => rotate::run(ui, args),
    }
}
