//! What proxies counted since a moment, added up: for whoever decides by it, step by step.
//!
//! Counting begins with the first frame of each proxy after that moment, so that nothing from
//! before is in it. A proxy that cannot be heard makes the whole sum unknown: what it would have
//! counted may be the worst of all.

use core::time::Duration;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::report::{BackendKey, Counters};
use engine::time::Instant;
use tokio::sync::mpsc;
use tokio::time::Instant as Moment;

use super::app::Update;
use super::source::{UPDATES_MAX, proxies};
use super::store::{Clock, Link, Store};
use crate::error::Error;

/// Frames that may be missing before a proxy counts as silent, and the least time that makes.
const FRAMES_MISSED_MAX: u32 = 5;
const SILENCE_MIN: Duration = Duration::from_secs(1);

/// The counts of some proxies.
pub(crate) struct Tally {
    store: Arc<Mutex<Store>>,
    began: Moment,
    /// How long a proxy may be silent.
    silence_max: Duration,
}

// === impl Tally ===

impl Tally {
    /// Listens to proxies, each of which reports every `interval`, until this is dropped. None has
    /// to be there yet.
    ///
    /// # Errors
    /// When this machine gives no thread or no network.
    pub(crate) fn follow(addresses: &[String], interval: Duration) -> Result<Self, Error> {
        let cannot = |e: std::io::Error| Error::new("cannot listen to proxies").caused_by(e);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(cannot)?;
        let client = proxies::client()?;
        let began = Moment::now();
        let mut store = Store::new(Duration::MAX);
        // A proxy that is named twice is counted once.
        let addresses: BTreeSet<&String> = addresses.iter().collect();
        let sources = addresses.into_iter().map(|address| {
            let id = store.add(address.as_str(), Clock::real(Instant::ZERO));
            (address.clone(), id)
        });
        let sources: Vec<_> = sources.collect();
        let store = Arc::new(Mutex::new(store));
        let shared = Arc::downgrade(&store);
        let listen = async move {
            let (updates, mut inbox) = mpsc::channel(UPDATES_MAX);
            for (address, id) in sources {
                let (client, updates) = (client.clone(), updates.clone());
                let every = Some(interval);
                tokio::spawn(proxies::follow(client, address, every, id, updates));
            }
            drop(updates);
            while let Some(update) = inbox.recv().await {
                let Some(store) = shared.upgrade() else {
                    return;
                };
                let mut store = store.lock().unwrap_or_else(PoisonError::into_inner);
                match update {
                    Update::Frame(id, frame) => store.ingest(id, *frame, since(began)),
                    Update::Link(id, link) => store.set_link(id, link, since(began)),
                }
            }
        };
        std::thread::Builder::new()
            .name("proxies".into())
            .spawn(move || runtime.block_on(listen))
            .map_err(cannot)?;
        Ok(Self {
            store,
            began,
            silence_max: (interval * FRAMES_MISSED_MAX).max(SILENCE_MIN),
        })
    }

    /// Counting begins anew.
    pub(crate) fn begin(&self) {
        self.lock().begin_anew();
    }

    /// What was counted of the backends that `wanted` accepts; none when a proxy has not reported
    /// twice since the beginning.
    ///
    /// # Errors
    /// Which proxy cannot be heard, and why, in a line.
    pub(crate) fn backends(
        &self,
        wanted: impl Fn(&BackendKey) -> bool,
    ) -> Result<Option<Counters>, String> {
        total(&self.lock(), since(self.began), self.silence_max, wanted)
    }

    fn lock(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn since(began: Moment) -> Instant {
    Instant::from_nanos(engine::time::nanos(began.elapsed()))
}

fn total(
    store: &Store,
    now: Instant,
    silence_max: Duration,
    wanted: impl Fn(&BackendKey) -> bool,
) -> Result<Option<Counters>, String> {
    let mut sum = Counters::default();
    let mut is_whole = true;
    for (_, source) in store.sources() {
        if let Link::Lost(why) = &source.link {
            return Err(why.clone());
        }
        if source.clock.silent_for(now) >= silence_max {
            return Err(format!("{} is silent", source.name));
        }
        is_whole &= !source.covered().is_zero();
        for (key, rated) in source.backends.iter(source.frames) {
            if wanted(key) {
                sum.merge(rated.sum);
            }
        }
    }
    Ok(is_whole.then_some(sum))
}

#[cfg(test)]
mod tests;
