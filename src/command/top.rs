//! `meshctl top`.

use std::io::{self, IsTerminal, Write as _};
use std::time::Duration;

use clap::ValueEnum;

use crate::error::{Answer, Error};
use crate::top::print::{Choice, Format};
use crate::top::source::recording::Recording;
use crate::top::{self, Session, Theme, gather, print, recorded};
use crate::ui::Ui;

/// The window of the screen, and of one look at proxies that run.
pub(crate) const WINDOW: Duration = Duration::from_secs(10);
const WINDOW_ONCE: Duration = Duration::from_secs(5);

/// See the mesh live: rates, latencies, and which breaker is open, why and until when
///
/// Shows what proxies report each second, or a recording. Enter goes from a service to its routes
/// and backends to their endpoints; `?` lists all keys. Percentiles come from merged histograms,
/// rates from exact counts over the window, also when a proxy restarts.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  meshctl top                                  the proxy at 127.0.0.1:14000
  meshctl top 10.0.0.7:14000 10.0.0.8:14000    several proxies as one mesh
  meshctl top --replay run.jsonl --speed 10    a recording, ten times as fast
  meshctl top --once -o json                   one look, for scripts

Record a simulation with `meshctl simulate SCENARIO --record run.jsonl`, or watch it while it runs
with `--watch`.")]
pub(crate) struct Args {
    /// Admin addresses of proxies, HOST:PORT [default: 127.0.0.1:14000]
    #[arg(value_name = "ADDR", conflicts_with = "replay")]
    addresses: Vec<String>,
    #[command(flatten)]
    source: top::Flags,
    /// How fast a recording is played: virtual seconds in a second
    #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = speed)]
    speed: f64,
    /// Rates and percentiles are over this time, or `all` [default: 10s; --once of proxies: 5s,
    /// of a recording: all]
    #[arg(long, value_name = "DURATION", value_parser = print::window)]
    window: Option<Duration>,
    /// Print what is seen once the window is covered, and end
    #[arg(long)]
    once: bool,
    /// Output format of --once
    #[arg(
        short,
        long,
        value_name = "FORMAT",
        requires = "once",
        default_value = "table"
    )]
    output: Format,
    #[command(flatten)]
    choice: Choice,
    /// Colours for this background; NO_COLOR and `--color never` leave them out
    #[arg(long, value_name = "WHICH", default_value = "auto")]
    theme: ThemeChoice,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ThemeChoice {
    /// What COLORFGBG says, else dark
    Auto,
    Dark,
    Light,
}

pub(crate) fn run(ui: &mut Ui, mut args: Args) -> Result<Answer, Error> {
    args.source.proxies.append(&mut args.addresses);
    let recording = args
        .source
        .replay
        .as_deref()
        .map(Recording::open)
        .transpose()?;
    if args.once {
        let seen = match recording {
            Some(recording) => recorded(recording, args.window.unwrap_or(Duration::MAX))?,
            None => gather(&args.source.addresses(), args.window.unwrap_or(WINDOW_ONCE))?,
        };
        let text = print::overview(&seen, &args.choice, args.output)?;
        ui.out().write_all(text.as_bytes())?;
        return Ok(Answer::Yes);
    }
    require_terminal()?;
    let mut session = Session::new(args.window.unwrap_or(WINDOW), theme(ui, args.theme));
    session.choose(&args.choice)?;
    match recording {
        Some(recording) => session.recording(recording, args.speed)?,
        None => args
            .source
            .addresses()
            .into_iter()
            .for_each(|address| session.proxy(address)),
    }
    session.show()?;
    Ok(Answer::Yes)
}

/// # Errors
/// When there is nobody who could look at a screen.
pub(crate) fn require_terminal() -> Result<(), Error> {
    match io::stdout().is_terminal() && io::stdin().is_terminal() {
        true => Ok(()),
        false => Err(Error::new("the screen needs a terminal")
            .hint("one look, for scripts: meshctl top --once -o json, or meshctl stat")),
    }
}

pub(crate) fn theme(ui: &Ui, choice: ThemeChoice) -> Theme {
    if !ui.out_colored() {
        return Theme::Plain;
    }
    match choice {
        ThemeChoice::Dark => Theme::Dark,
        ThemeChoice::Light => Theme::Light,
        ThemeChoice::Auto => {
            // `15;0`: the colours of text and background, where a terminal tells; 7 and 15 are
            // white.
            let told = std::env::var("COLORFGBG").unwrap_or_default();
            match told.rsplit(';').next() {
                Some("7" | "15") => Theme::Light,
                _ => Theme::Dark,
            }
        }
    }
}

/// Parses a speed.
///
/// # Errors
/// When it is no positive number.
pub(crate) fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if speed >= 0.01 => Ok(speed),
        _ => Err("write a number from 0.01 on, or `inf` for as fast as it can".into()),
    }
}
