//! Fetches key sets from the Services that have them.
//!
//! A set is fetched as soon as the configuration names it, then every five minutes; after a failure
//! sooner, with exponential back-off. A token with a key that is not known makes it sooner as well,
//! but not more often than every half minute, so that nobody can make a proxy ask by sending
//! tokens.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use engine::head::RequestHead;
use engine::snapshot::Snapshot;
use engine::snapshot::authz::{KeySource, Keys};
use engine::time::{Duration, Instant, Wall};
use http::header::{ACCEPT, USER_AGENT};
use http::uri::{Authority, PathAndQuery};
use http::{HeaderValue, Method, StatusCode};
use tokio::sync::Notify;

use super::{Key, read};
use crate::listen::drain::Watch;
use crate::net::Rt;
use crate::serve::Shared;
use crate::serve::outbound::own::call;

/// Between two fetches that went well (Envoy's `cache_duration` is ten minutes).
const REFRESH: Duration = Duration::from_secs(300);
/// After a failure, doubled with each further one.
const RETRY_MIN: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(60);
/// The longest a fetch may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The shortest time between two fetches that tokens with unknown keys ask for.
const MISSED_MIN_SECONDS: u64 = 30;
/// A key set has some kilobytes.
const KEY_SET_BYTES_MAX: usize = 256 * 1024;
/// Bits of a random number that spread the fetches of many proxies.
const SPREAD: u64 = 1024;

const AGENT: HeaderValue = HeaderValue::from_static("meshctl-proxy");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What was fetched.
#[derive(Default)]
pub(super) struct Fetched {
    sets: Mutex<BTreeMap<KeySource, Set>>,
    /// Rings when a set is due earlier.
    sooner: Notify,
}

/// One source.
struct Set {
    /// None until the first success.
    keys: Option<Arc<[Key]>>,
    /// Why there are none.
    why: String,
    /// When to fetch next; never while a fetch is under way.
    next: Instant,
    failures: u32,
    last: Wall,
}

/// Fetches what the configuration names, until the proxy drains.
pub(crate) async fn run<R: Rt>(shared: Arc<Shared<R>>, mut watch: Watch) {
    let mut snapshots = shared.snapshots.clone();
    loop {
        let fetched = &shared.key_sets.fetched;
        fetched.follow(&snapshots.borrow_and_update().clone(), shared.rt.now());
        for source in fetched.take_due(shared.rt.now()) {
            let shared = shared.clone();
            let rt = shared.rt.clone();
            rt.spawn(async move {
                let got = fetch(&shared, &source).await;
                let fetched = &shared.key_sets.fetched;
                fetched.end(&source, got, &shared.rt);
            });
        }
        let next = fetched.next();
        let due = async {
            match next {
                Some(next) => shared.rt.sleep_until(next).await,
                None => core::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = watch.draining() => return,
            changed = snapshots.changed() => if changed.is_err() {
                // The source is gone; the last configuration stays.
                return;
            },
            () = fetched.sooner.notified() => {}
            () = due => {}
        }
    }
}

async fn fetch<R: Rt>(shared: &Shared<R>, source: &KeySource) -> Result<Arc<[Key]>, String> {
    let authority: Result<Authority, _> = source.authority.parse();
    let path: Result<PathAndQuery, _> = source.path.parse();
    let (Ok(authority), Ok(path)) = (authority, path) else {
        return Err("it is no address".to_owned());
    };
    let mut head = RequestHead::new(Method::GET, Some(authority), path);
    head.headers.insert(ACCEPT, JSON);
    head.headers.insert(USER_AGENT, AGENT);
    let until = shared.rt.now() + TIMEOUT;
    let to = &source.cluster;
    let answered = call(shared, to, head, Bytes::new(), KEY_SET_BYTES_MAX, until);
    let whole = tokio::select! {
        biased;
        whole = answered => whole?,
        () = shared.rt.sleep_until(until) => return Err(format!("no answer in {TIMEOUT:?}")),
    };
    if whole.status != StatusCode::OK {
        return Err(format!("it answered {}", whole.status.as_u16()));
    }
    let keys = core::str::from_utf8(&whole.body).map(read);
    match keys {
        Ok(keys) if !keys.is_empty() => Ok(keys),
        _ => Err("it has no key set with a usable key".to_owned()),
    }
}

// === impl Fetched ===

impl Fetched {
    /// The keys of a source.
    ///
    /// # Errors
    /// Why there are none.
    pub(super) fn get(&self, source: &KeySource) -> Result<Arc<[Key]>, String> {
        match self.lock().get(source) {
            Some(set) => set.keys.clone().ok_or_else(|| set.why.clone()),
            None => Err("not fetched yet".to_owned()),
        }
    }

    /// A token names a key that is not there.
    pub(super) fn missed(&self, source: &KeySource, now: Wall) {
        let mut sets = self.lock();
        let Some(set) = sets.get_mut(source) else {
            return;
        };
        let since = now.unix_seconds().saturating_sub(set.last.unix_seconds());
        if since >= MISSED_MIN_SECONDS && set.next < Instant::FAR_FUTURE {
            set.next = Instant::ZERO;
            self.sooner.notify_one();
        }
    }

    /// Takes over which sources there are.
    fn follow(&self, snapshot: &Snapshot, now: Instant) {
        let inbound = &snapshot.inbound;
        let gateway = [&inbound.default, &*snapshot.gateway.guard];
        let ports = inbound.ports.values().chain(gateway);
        let policies = ports.flat_map(|port| &port.authorization.policies);
        let providers = policies.flat_map(|applied| applied.policy.jwt.iter());
        let sources = providers.flat_map(|jwt| &jwt.providers);
        let sources: BTreeSet<&KeySource> = sources
            .filter_map(|provider| match &provider.keys {
                Keys::Fetched(source) => Some(source),
                Keys::Inline(_) => None,
            })
            .collect();
        let mut sets = self.lock();
        sets.retain(|source, _| sources.contains(source));
        for source in sources {
            if !sets.contains_key(source) {
                let set = Set {
                    keys: None,
                    why: "not fetched yet".to_owned(),
                    next: now,
                    failures: 0,
                    last: Wall::default(),
                };
                sets.insert(source.clone(), set);
            }
        }
    }

    /// The sources to fetch now; they are under way from here on.
    fn take_due(&self, now: Instant) -> Vec<KeySource> {
        let mut sets = self.lock();
        let due = sets.iter_mut().filter(|(_, set)| set.next <= now);
        due.map(|(source, set)| {
            set.next = Instant::FAR_FUTURE;
            source.clone()
        })
        .collect()
    }

    fn next(&self) -> Option<Instant> {
        let next = self.lock().values().map(|set| set.next).min();
        next.filter(|next| *next < Instant::FAR_FUTURE)
    }

    /// A fetch ended.
    fn end<R: Rt>(&self, source: &KeySource, got: Result<Arc<[Key]>, String>, rt: &R) {
        // Of a source that is gone by now there is nothing to keep.
        if let Some(set) = self.lock().get_mut(source) {
            set.last = rt.wall();
            let wait = match got {
                Ok(keys) => {
                    set.keys = Some(keys);
                    set.failures = 0;
                    REFRESH
                }
                Err(why) => {
                    set.why = why;
                    set.failures = set.failures.saturating_add(1);
                    let doubled = RETRY_MIN.saturating_mul(1 << (set.failures - 1).min(6));
                    doubled.min(RETRY_MAX)
                }
            };
            // Up to a tenth sooner, so that many proxies do not ask in step.
            let spread = wait.mul_f64((rt.rand() % SPREAD) as f64 / SPREAD as f64 / 10.0);
            set.next = rt.now() + wait - spread;
        }
        self.sooner.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<KeySource, Set>> {
        self.sets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
