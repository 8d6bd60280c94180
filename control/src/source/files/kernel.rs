//! Woken by the kernel; by the clock where the kernel has no watches left.

use core::fmt;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::StreamExt as _;
use inotify::{EventStream, Inotify, WatchDescriptor, WatchMask};
use tokio::time::sleep;

use super::Places;

/// A look in spite of silence: network file systems tell nobody of what others do.
const LOOK: Duration = Duration::from_secs(30);
/// The same when there is nothing but looking (`fs.inotify.max_user_instances` is 128 as a rule).
const LOOK_ALONE: Duration = Duration::from_secs(1);
/// Room for some dozens of events; the rest is read next time.
const BUFFER: usize = 4096;

/// What wakes.
pub(super) struct Wake {
    kernel: Option<EventStream<Vec<u8>>>,
    watches: BTreeMap<PathBuf, (WatchDescriptor, Option<OsString>)>,
    /// Whether a place could not be watched.
    blind: bool,
}

// === impl Wake ===

impl Wake {
    pub(super) fn new() -> Self {
        let kernel = Inotify::init().and_then(|inotify| inotify.into_event_stream(vec![0; BUFFER]));
        Self {
            kernel: kernel.ok(),
            watches: BTreeMap::new(),
            blind: false,
        }
    }

    /// Watches these places from here on, and no others.
    pub(super) fn follow(&mut self, places: &Places) {
        let Some(kernel) = &self.kernel else { return };
        let mut kernel = kernel.watches();
        self.blind = false;
        let mask = WatchMask::CREATE
            | WatchMask::DELETE
            | WatchMask::CLOSE_WRITE
            | WatchMask::MOVE
            | WatchMask::ATTRIB
            | WatchMask::DELETE_SELF
            | WatchMask::MOVE_SELF;
        let old = core::mem::take(&mut self.watches);
        for (place, name) in places {
            // The same directory gives the same watch.
            match kernel.add(place, mask) {
                Ok(watch) => {
                    self.watches.insert(place.clone(), (watch, name.clone()));
                }
                Err(_) => self.blind = true,
            }
        }
        for (watch, _) in old.into_values() {
            if self.watches.values().all(|(held, _)| *held != watch) {
                // It is gone already when its directory is.
                let _ = kernel.remove(watch);
            }
        }
    }

    /// Completes when it is time for a look.
    pub(super) async fn wait(&mut self) {
        let watches = &self.watches;
        let pause = match self.blind {
            true => LOOK_ALONE,
            false => LOOK,
        };
        let Some(kernel) = &mut self.kernel else {
            return sleep(LOOK_ALONE).await;
        };
        let woken = async {
            while let Some(event) = kernel.next().await {
                // More events than could be kept: anything may have happened.
                let Ok(event) = event else { return };
                let held = watches.values().find(|(watch, _)| *watch == event.wd);
                let Some((_, only)) = held else { return };
                let other = only.is_some() && event.name.is_some() && *only != event.name;
                if !other {
                    return;
                }
            }
        };
        tokio::select! {
            biased;
            () = woken => {}
            () = sleep(pause) => {}
        }
    }
}

impl fmt::Debug for Wake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.watches.keys()).finish()
    }
}
