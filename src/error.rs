//! Errors of the command line: a message, its causes, positions in the user's files, and what to
//! do.

use std::fmt;
use std::io;
use std::process::ExitCode;

use model::diagnostic::Diagnostic;

use crate::ui::{Ui, snippet};

/// The answer is yes.
pub(crate) const EXIT_YES: u8 = 0;
/// The answer is no: an expectation failed, findings were found.
pub(crate) const EXIT_NO: u8 = 1;
/// The question could not be asked: usage, unreadable input, no cluster.
pub(crate) const EXIT_CANNOT: u8 = 2;

/// How many findings are printed in full before the rest is counted: a screen or two.
pub(crate) const DIAGNOSTICS_SHOWN_MAX: usize = 20;

/// How a command that ran ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Yes,
    No,
}

/// Why a command could not run.
#[derive(Debug)]
pub(crate) enum Error {
    /// One message with causes and hints.
    Plain(Plain),
    /// Findings in the user's files.
    Input(Vec<Diagnostic>),
    /// Nobody reads our output any more: silence.
    BrokenPipe,
}

#[derive(Debug, Default)]
pub(crate) struct Plain {
    message: String,
    causes: Vec<String>,
    hints: Vec<String>,
}

// === impl Error ===

impl Error {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self::Plain(Plain {
            message: message.into(),
            ..Plain::default()
        })
    }

    #[must_use]
    pub(crate) fn caused_by(mut self, cause: impl fmt::Display) -> Self {
        if let Self::Plain(p) = &mut self {
            p.causes.push(cause.to_string());
        }
        self
    }

    /// An action the user can take.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        if let Self::Plain(p) = &mut self {
            p.hints.push(hint.into());
        }
        self
    }

    /// Prints to stderr and gives the exit code.
    pub(crate) fn report(self, ui: &mut Ui) -> u8 {
        // A failed write to stderr leaves nobody to tell.
        let _ = match self {
            Self::BrokenPipe => return EXIT_YES,
            Self::Plain(p) => p.print(ui),
            Self::Input(found) => print_diagnostics(ui, &found),
        };
        EXIT_CANNOT
    }
}

impl From<io::Error> for Error {
    /// For writes to stdout; reading and writing files name the file instead.
    fn from(e: io::Error) -> Self {
        if e.kind() == io::ErrorKind::BrokenPipe {
            return Self::BrokenPipe;
        }
        Self::new("cannot write the output").caused_by(e)
    }
}

impl From<Diagnostic> for Error {
    fn from(d: Diagnostic) -> Self {
        Self::Input(vec![d])
    }
}

impl fmt::Display for Plain {
    /// The lines of [`Error::report`], for those who have no terminal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error: {}", self.message)?;
        for cause in &self.causes {
            writeln!(f, "  caused by: {cause}")?;
        }
        for hint in &self.hints {
            writeln!(f, "hint: {hint}")?;
        }
        Ok(())
    }
}

impl Plain {
    fn print(&self, ui: &mut Ui) -> io::Result<()> {
        ui.error(&self.message)?;
        for cause in &self.causes {
            ui.caused_by(cause)?;
        }
        for hint in &self.hints {
            ui.hint(hint)?;
        }
        Ok(())
    }
}

/// Prints findings to stderr, each with its lines of source.
pub(crate) fn print_diagnostics(ui: &mut Ui, found: &[Diagnostic]) -> io::Result<()> {
    for d in found.iter().take(DIAGNOSTICS_SHOWN_MAX) {
        let text = snippet::render(d, ui.colored(), ui.width());
        ui.raw_news(&text)?;
    }
    if let Some(more) = found
        .len()
        .checked_sub(DIAGNOSTICS_SHOWN_MAX)
        .filter(|n| *n > 0)
    {
        ui.raw_news(&format!("… and {more} more\n"))?;
    }
    Ok(())
}

// === impl Answer ===

impl From<Answer> for ExitCode {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Yes => EXIT_YES.into(),
            Answer::No => EXIT_NO.into(),
        }
    }
}
