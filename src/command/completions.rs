//! `meshctl completions`.

use std::io::Write;

use clap::{CommandFactory, ValueEnum};
use clap_complete::Shell;

use crate::cli::Cli;
use crate::error::{Answer, Error};
use crate::ui::Ui;

/// Print the completion script of a shell
///
/// The same scripts are in the `completions` directory of the source.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  meshctl completions bash > /etc/bash_completion.d/meshctl
  meshctl completions zsh > \"${fpath[1]}/_meshctl\"
  meshctl completions fish > ~/.config/fish/completions/meshctl.fish")]
pub(crate) struct Args {
    /// Which shell
    shell: Supported,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Supported {
    Bash,
    Zsh,
    Fish,
}

pub(crate) fn run(ui: &mut Ui, args: &Args) -> Result<Answer, Error> {
    let shell = match args.shell {
        Supported::Bash => Shell::Bash,
        Supported::Zsh => Shell::Zsh,
        Supported::Fish => Shell::Fish,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "meshctl", &mut script);
    ui.out().write_all(&script)?;
    Ok(Answer::Yes)
}
