//! `meshctl version`.

use std::io::Write;

use clap::ValueEnum;
use serde::Serialize;

use crate::error::{Answer, Error};
use crate::ui::Ui;

/// Print the version and what it was built for
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  meshctl version
  meshctl version -o json")]
pub(crate) struct Args {
    /// Output format
    #[arg(long, short, value_name = "FORMAT", default_value = "text")]
    output: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Text,
    Json,
    Yaml,
}

#[derive(Serialize)]
struct Version {
    version: &'static str,
    target: String,
    profile: &'static str,
}

pub(crate) fn run(ui: &mut Ui, args: &Args) -> Result<Answer, Error> {
    let version = Version {
        version: env!("CARGO_PKG_VERSION"),
        target: format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
        profile: if cfg!(debug_assertions) {
            "debug"
        } else {
            "release"
        },
    };
    let text = match args.output {
        Format::Text => {
            format!(
                "meshctl {} ({}, {})\n",
                version.version, version.target, version.profile
            )
        }
        Format::Json => {
            let json = serde_json::to_string_pretty(&version);
            json.map_err(|e| Error::new("cannot print the version").caused_by(e))? + "\n"
        }
        Format::Yaml => serde_yaml::to_string(&version)
            .map_err(|e| Error::new("cannot print the version").caused_by(e))?,
    };
    ui.out().write_all(text.as_bytes())?;
    Ok(Answer::Yes)
}
