//! Data to stdout, news to stderr; colour and width decided once.

use std::io::{self, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};

use crate::cli::Color;

pub(crate) mod snippet;
pub(crate) mod table;

/// Columns when the output is not a terminal.
const WIDTH_DEFAULT: usize = 100;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();

/// The one place that writes to the terminal.
pub(crate) struct Ui {
    out: AutoStream<io::Stdout>,
    err: AutoStream<io::Stderr>,
    quiet: bool,
    width: usize,
    /// Whether the last line of stderr is one that the next one replaces.
    passing: bool,
}

// === impl Ui ===

impl Ui {
    pub(crate) fn new(color: Color, quiet: bool) -> Self {
        let choice = match color {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        };
        Self {
            out: AutoStream::new(io::stdout(), choice),
            err: AutoStream::new(io::stderr(), choice),
            quiet,
            width: width(),
            passing: false,
        }
    }

    /// Where data goes.
    pub(crate) fn out(&mut self) -> &mut impl Write {
        &mut self.out
    }

    /// True when data written to stdout may carry colour.
    pub(crate) fn out_colored(&self) -> bool {
        self.out.current_choice() != ColorChoice::Never
    }

    /// True when news may carry colour.
    pub(crate) fn colored(&self) -> bool {
        self.err.current_choice() != ColorChoice::Never
    }

    /// Columns of the terminal, or of a page when there is none.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// True when a progress bar makes sense.
    pub(crate) fn shows_progress(&self) -> bool {
        !self.quiet && io::stderr().is_terminal()
    }

    /// A line of progress that the next news replaces; for terminals.
    pub(crate) fn passing(&mut self, text: &str) -> io::Result<()> {
        self.clear()?;
        let shown: String = text.chars().take(self.width.saturating_sub(1)).collect();
        self.passing = true;
        write!(self.err, "{shown}")?;
        self.err.flush()
    }

    /// Takes a passing line away.
    fn clear(&mut self) -> io::Result<()> {
        match std::mem::take(&mut self.passing) {
            // Back to the first column, and erase the line (ECMA-48).
            true => write!(self.err, "\r\x1b[2K"),
            false => Ok(()),
        }
    }

    /// News: silent with `--quiet`.
    pub(crate) fn note(&mut self, text: &str) -> io::Result<()> {
        if self.quiet {
            return Ok(());
        }
        self.clear()?;
        writeln!(self.err, "{text}")
    }

    pub(crate) fn warning(&mut self, text: &str) -> io::Result<()> {
        self.clear()?;
        writeln!(self.err, "{WARNING}warning:{WARNING:#} {text}")
    }

    pub(crate) fn error(&mut self, text: &str) -> io::Result<()> {
        self.clear()?;
        writeln!(self.err, "{ERROR}error:{ERROR:#} {text}")
    }

    pub(crate) fn caused_by(&mut self, text: &str) -> io::Result<()> {
        self.clear()?;
        writeln!(self.err, "  caused by: {text}")
    }

    pub(crate) fn hint(&mut self, text: &str) -> io::Result<()> {
        self.clear()?;
        writeln!(self.err, "{HINT}hint:{HINT:#} {text}")
    }

    /// Rendered text for stderr, also with `--quiet`.
    pub(crate) fn raw_news(&mut self, text: &str) -> io::Result<()> {
        self.clear()?;
        self.err.write_all(text.as_bytes())
    }
}

/// `COLUMNS` when it is set, so that output can be pinned; else the terminal's own width.
fn width() -> usize {
    let from_env = std::env::var("COLUMNS").ok().and_then(|v| v.parse().ok());
    let of_terminal = || terminal_size::terminal_size().map(|(w, _)| usize::from(w.0));
    from_env
        .or_else(of_terminal)
        .unwrap_or(WIDTH_DEFAULT)
        .clamp(40, 400)
}
