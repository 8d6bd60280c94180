//! `meshctl edges`.

use super::stat::{self, Look};
use crate::error::{Answer, Error};
use crate::top::print::Kind;
use crate::ui::Ui;

/// Print who calls whom, how well, and whether mutual TLS protects it
///
/// Most edges are counted twice: by the proxy of the client, which knows the service that was
/// addressed, and by that of the server, which knows the workload that answered.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  meshctl edges
  meshctl edges --filter none                   edges in the clear
  meshctl edges --replay run.jsonl -o wide
  meshctl edges -o json | jq -r '.edges[] | select(.tls == \"plain\") | .from'")]
pub(crate) struct Args {
    #[command(flatten)]
    look: Look,
}

pub(crate) fn run(ui: &mut Ui, args: &Args) -> Result<Answer, Error> {
    stat::show(ui, &args.look, Kind::Edges)
}
