//! What a running proxy tells on standard error: one line per news, with its level. Who starts it
//! (a kubelet, systemd) puts the time before it.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use clap::ValueEnum;
use model::diagnostic::Diagnostic;

use crate::error::{DIAGNOSTICS_SHOWN_MAX, Error};
use crate::ui::{Ui, snippet};

/// How much is told: a level and what is worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// Shared by everything that has news.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    level: Arc<AtomicU8>,
    colored: bool,
    width: usize,
}

// === impl Log ===

impl Log {
    pub(super) fn new(ui: &Ui, level: Level) -> Self {
        Self {
            level: Arc::new(AtomicU8::new(level as u8)),
            colored: ui.colored(),
            width: ui.width(),
        }
    }

    pub(super) fn level(&self) -> Level {
        let level = self.level.load(Ordering::Relaxed);
        let all = Level::value_variants().iter();
        all.copied()
            .find(|l| *l as u8 == level)
            .unwrap_or(Level::Info)
    }

    pub(super) fn set_level(&self, level: Level) {
        self.level.store(level as u8, Ordering::Relaxed);
    }

    pub(super) fn tells(&self, level: Level) -> bool {
        level as u8 <= self.level.load(Ordering::Relaxed)
    }

    pub(super) fn tell(&self, level: Level, text: &str) {
        if self.tells(level) {
            write(&format!("{}: {text}\n", level.word()));
        }
    }

    /// Findings in manifests, each with its lines.
    pub(super) fn findings(&self, level: Level, found: &[Diagnostic]) {
        if !self.tells(level) {
            return;
        }
        for diagnostic in found.iter().take(DIAGNOSTICS_SHOWN_MAX) {
            write(&snippet::render(diagnostic, self.colored, self.width));
        }
        if let Some(more) = found.len().checked_sub(DIAGNOSTICS_SHOWN_MAX)
            && more > 0
        {
            write(&format!("… and {more} more\n"));
        }
    }

    /// An error that does not end the process.
    pub(super) fn error(&self, what: &str, error: &Error) {
        self.tell(Level::Error, what);
        match error {
            Error::Input(found) => self.findings(Level::Error, found),
            Error::Plain(plain) if self.tells(Level::Error) => write(&plain.to_string()),
            _ => {}
        }
    }
}

// === impl Level ===

impl Level {
    /// What `--log-level` calls it.
    pub(super) fn flag(self) -> &'static str {
        match self {
            Self::Warn => "warn",
            other => other.word(),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warning",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

fn write(text: &str) {
    // A failed write to stderr leaves nobody to tell.
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
