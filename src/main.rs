//! `meshctl`: a service mesh whose configuration can be tested before it ships.
//!
//! This package speaks: it parses the command line, reads files, calls the packages that know, and
//! prints. Parse, run, exit; nothing else happens in this file.

mod cli;
mod cluster;
mod command;
mod demo;
mod error;
mod input;
mod interrupt;
mod lines;
mod memory;
mod output;
mod top;
mod ui;
mod write;

use std::process::ExitCode;

use clap::Parser;

/// The simulator and the proxy allocate many small, short-lived buffers on several threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => {
            // `--help` and `--version` go to stdout with 0, usage errors to stderr with 2.
            let code = if e.use_stderr() {
                error::EXIT_CANNOT
            } else {
                0
            };
            return match e.print() {
                Err(io) if io.kind() != std::io::ErrorKind::BrokenPipe => error::EXIT_CANNOT.into(),
                _ => code.into(),
            };
        }
    };
    let mut ui = ui::Ui::new(cli.global.color, cli.global.quiet);
    match command::run(&mut ui, cli.command) {
        Ok(answer) => answer.into(),
        Err(e) => e.report(&mut ui).into(),
    }
}
