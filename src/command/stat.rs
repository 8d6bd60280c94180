//! `meshctl stat`.

use std::io::Write as _;
use std::time::Duration;

use crate::error::{Answer, Error};
use crate::top::print::{Choice, Format, Kind};
use crate::top::source::recording::Recording;
use crate::top::{self, Gathered, gather, print, recorded};
use crate::ui::Ui;

/// Over this time proxies that run are looked at.
const WINDOW: Duration = Duration::from_secs(5);

/// Print rates, success, latencies and breakers once, for scripts
///
/// The same rows as `meshctl top` has: services, routes with their backends, backends, endpoints.
/// Proxies that run are listened to for the window; of a recording it is the last part, or all.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  meshctl stat                                   services, over 5 seconds
  meshctl stat routes --window 30s               configured against observed weights
  meshctl stat endpoints --failing -o wide       who gets no traffic, why and until when
  meshctl stat --replay run.jsonl --sort p99     a whole recording
  meshctl stat endpoints -o json | jq '.endpoints[] | select(.state.state != \"closed\")'

Latencies in tables are milliseconds, in documents microseconds (`_us`); rates are per second.")]
pub(crate) struct Args {
    /// What the rows are about
    #[arg(value_name = "KIND", default_value = "services")]
    kind: Kind,
    #[command(flatten)]
    look: Look,
}

/// Where one look goes, and how it is printed.
#[derive(Debug, clap::Args)]
pub(crate) struct Look {
    #[command(flatten)]
    source: top::Flags,
    /// Over this time, or `all` [default: 5s; of a recording: all]
    #[arg(long, value_name = "DURATION", value_parser = print::window)]
    window: Option<Duration>,
    /// Output format
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Format,
    #[command(flatten)]
    choice: Choice,
}

pub(crate) fn run(ui: &mut Ui, args: &Args) -> Result<Answer, Error> {
    show(ui, &args.look, args.kind)
}

/// Looks once, and prints rows of one kind.
pub(crate) fn show(ui: &mut Ui, look: &Look, kind: Kind) -> Result<Answer, Error> {
    let seen = see(look)?;
    let text = print::rows(&seen, kind, &look.choice, look.output)?;
    ui.out().write_all(text.as_bytes())?;
    Ok(Answer::Yes)
}

fn see(look: &Look) -> Result<Gathered, Error> {
    match &look.source.replay {
        Some(path) => recorded(Recording::open(path)?, look.window.unwrap_or(Duration::MAX)),
        None => gather(&look.source.addresses(), look.window.unwrap_or(WINDOW)),
    }
}
