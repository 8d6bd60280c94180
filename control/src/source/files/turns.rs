//! Woken by the clock, where nothing else wakes.

use std::time::Duration;

use tokio::time::sleep;

use super::Places;

/// How often is looked.
const LOOK: Duration = Duration::from_secs(1);

/// What wakes.
#[derive(Debug)]
pub(super) struct Wake;

// === impl Wake ===

impl Wake {
    pub(super) fn new() -> Self {
        Self
    }

    pub(super) fn follow(&mut self, _: &Places) {}

    pub(super) async fn wait(&mut self) {
        sleep(LOOK).await;
    }
}
