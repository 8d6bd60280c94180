//! What the admin listener may ask of the process.

use std::sync::Arc;

use clap::ValueEnum as _;
use proxy::admin;
use tokio::sync::Notify;

use super::log::{Level, Log};

/// The process as the admin listener sees it.
pub(super) struct Control {
    pub(super) log: Log,
    /// Rings when somebody asks for a drain.
    pub(super) drain: Arc<Notify>,
}

// === impl Control ===

impl admin::Control for Control {
    fn log_level(&self) -> &'static str {
        self.log.level().flag()
    }

    fn set_log_level(&self, level: &str) -> Result<(), String> {
        let found = Level::from_str(level, true).map_err(|_| {
            let all: Vec<_> = Level::value_variants().iter().map(|l| l.flag()).collect();
            format!("levels are {}", all.join(", "))
        })?;
        self.log.set_level(found);
        Ok(())
    }

    fn drain(&self) {
        self.drain.notify_one();
    }
}
