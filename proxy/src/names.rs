//! Backends that are known by a name: their addresses, asked for again and again.
//!
//! The seam's resolver says nothing about how long an answer holds, so every name is asked for
//! every half minute. An answer that does not come changes nothing: a backend keeps the addresses
//! it had. Where a name has addresses of both families those of IPv4 are used, since a machine
//! without a way out over IPv6 is told of them all the same.

use core::net::{IpAddr, SocketAddr};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::snapshot::{
    ClusterKey, Endpoint, EndpointHealth, EndpointSet, Locality, Outbound, Snapshot,
};
use engine::time::{Duration, Instant};
use futures_util::future::join_all;

use crate::listen::drain::Watch;
use crate::net::Rt;
use crate::serve::Shared;

/// Between two questions about a name that has addresses.
const REFRESH: Duration = Duration::from_secs(30);
/// After a question without an answer.
const RETRY: Duration = Duration::from_secs(2);
/// The longest a question may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Addresses of one name that are used; an honest answer has a dozen at most.
const ADDRESSES_MAX: usize = 64;

/// What is known of the names.
#[derive(Debug, Default)]
pub(crate) struct Names(Mutex<BTreeMap<ClusterKey, Arc<EndpointSet>>>);

/// Asks until the proxy drains.
pub(crate) async fn run<R: Rt>(shared: Arc<Shared<R>>, mut watch: Watch) {
    let mut snapshots = shared.snapshots.clone();
    // Whether the source of configurations is there: without it the last one stays.
    let mut followed = true;
    loop {
        let snapshot = snapshots.borrow_and_update().clone();
        let next = ask(&shared, &snapshot).await;
        let due = async {
            match next {
                Some(next) => shared.rt.sleep_until(next).await,
                None => core::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = watch.draining() => return,
            changed = snapshots.changed(), if followed => followed = changed.is_ok(),
            () = due => {}
        }
    }
}

/// Asks for every name at once; when to ask again, none when there is no name.
async fn ask<R: Rt>(shared: &Shared<R>, snapshot: &Snapshot) -> Option<Instant> {
    let outbound = &snapshot.outbound;
    let named = outbound.clusters.iter().filter_map(|(key, cluster)| {
        let host = cluster.host.clone()?;
        Some((key.clone(), host))
    });
    let named: Vec<(ClusterKey, Arc<str>)> = named.collect();
    let names = &shared.names;
    let kept = named.iter().map(|(key, _)| key).collect();
    if named.is_empty() && names.lock().is_empty() {
        return None;
    }
    let asked = named.iter().map(|(_, host)| resolve(shared, host));
    let answers = join_all(asked).await;
    let missed = answers.iter().any(Option::is_none);
    let changed = names.take(&kept, named.iter().map(|(key, _)| key).zip(answers));
    if changed {
        let now = shared.rt.now();
        let newest = shared.snapshot();
        shared.clusters.follow(&names.within(&newest), now);
    }
    let pause = if missed { RETRY } else { REFRESH };
    (!named.is_empty()).then(|| shared.rt.now() + pause)
}

/// The addresses of a name; none when nobody says.
async fn resolve<R: Rt>(shared: &Shared<R>, host: &str) -> Option<Vec<IpAddr>> {
    let rt = &shared.rt;
    let found = tokio::select! {
        biased;
        found = rt.resolve(host) => found.ok()?.addresses,
        () = rt.sleep_until(rt.now() + TIMEOUT) => return None,
    };
    let (v4, v6): (Vec<_>, Vec<_>) = found.into_iter().partition(IpAddr::is_ipv4);
    let mut found = if v4.is_empty() { v6 } else { v4 };
    found.sort_unstable();
    found.dedup();
    found.truncate(ADDRESSES_MAX);
    (!found.is_empty()).then_some(found)
}

// === impl Names ===

impl Names {
    /// The snapshot with the addresses of its names.
    pub(crate) fn within(&self, snapshot: &Snapshot) -> Snapshot {
        let known = self.lock();
        let mut snapshot = snapshot.clone();
        let clusters = snapshot.outbound.clusters.clone();
        let sets = known.iter().filter(|(key, _)| clusters.contains_key(*key));
        for (key, set) in sets {
            let outbound: &mut Outbound = Arc::make_mut(&mut snapshot.outbound);
            Arc::make_mut(&mut outbound.endpoints).insert(key.clone(), set.clone());
        }
        snapshot
    }

    /// Takes answers over and forgets what is not asked for any more; true when something changed.
    fn take<'a>(
        &self,
        kept: &BTreeSet<&ClusterKey>,
        answers: impl Iterator<Item = (&'a ClusterKey, Option<Vec<IpAddr>>)>,
    ) -> bool {
        let mut known = self.lock();
        let before = known.len();
        known.retain(|key, _| kept.contains(key));
        let mut changed = known.len() != before;
        for (key, answer) in answers {
            let Some(addresses) = answer else { continue };
            let same = known.get(key).is_some_and(|old| {
                let old = old.endpoints.iter().map(|one| one.address.ip());
                old.eq(addresses.iter().copied())
            });
            if !same {
                known.insert(key.clone(), Arc::new(set(key, &addresses)));
                changed = true;
            }
        }
        changed
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ClusterKey, Arc<EndpointSet>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn set(key: &ClusterKey, addresses: &[IpAddr]) -> EndpointSet {
    let endpoints = addresses.iter().map(|address| {
        Arc::new(Endpoint {
            address: SocketAddr::new(*address, key.port),
            name: key.service.clone(),
            weight: 1,
            health: EndpointHealth::Healthy,
            locality: Locality::default(),
            identity: None,
        })
    });
    EndpointSet {
        key: key.clone(),
        // Nobody compares the versions of sets that no configuration holds.
        version: 0,
        endpoints: endpoints.collect(),
    }
}
