//! Outlier detection never ejects more than its cap allows.
//!
//! Envoy's rule (`outlier_detection_impl.cc`): one more is ejected only while
//! `100 × (ejected + 1) / hosts ≤ maxEjectionPercent`, or when none is ejected and
//! `alwaysEjectOneHost`. A set that shrinks later keeps those that were ejected, so the cap is
//! taken of the largest set the proxy had.

use std::collections::BTreeMap;

use engine::report::EndpointStatus;
use engine::snapshot::{ClusterKey, Outlier, Snapshot};
use engine::time::Instant;

use super::{Fact, Invariant};

#[derive(Default)]
pub(super) struct WithinCap {
    /// By proxy and backend: the most endpoints it had, and the most that were ever allowed.
    most: BTreeMap<(String, ClusterKey), u64>,
}

// === impl WithinCap ===

impl Invariant for WithinCap {
    fn name(&self) -> &'static str {
        "the ejected share stays below its cap"
    }

    fn observe(&mut self, _: Instant, fact: &Fact<'_>, breach: &mut dyn FnMut(String)) {
        let Fact::Sampled { frame, snapshot } = fact else {
            return;
        };
        let mut ejected: BTreeMap<&ClusterKey, u64> = BTreeMap::new();
        for (key, row) in frame.endpoints.iter() {
            if row.proxies_in(EndpointStatus::Ejected) > 0 {
                *ejected.entry(&key.backend).or_default() += 1;
            }
        }
        for (key, cluster) in snapshot.outbound.clusters.iter() {
            // Most have none, and a thousand proxies with fifty backends each are asked.
            let Some(outlier) = &cluster.outlier else {
                continue;
            };
            let allowed = allowed(outlier, snapshot, key);
            let most = self
                .most
                .entry((frame.source.clone(), key.clone()))
                .or_default();
            *most = allowed.max(*most);
        }
        for (key, n) in ejected {
            let most = self.most.get(&(frame.source.clone(), key.clone())).copied();
            if n > most.unwrap_or(0) {
                breach(format!(
                    "{} has {n} endpoints of {key} ejected, at most {} are allowed",
                    frame.source,
                    most.unwrap_or(0)
                ));
            }
        }
    }

    fn finish(&mut self, _: Instant, _: &mut dyn FnMut(String)) {}
}

/// How many endpoints of a backend may be ejected at once.
fn allowed(outlier: &Outlier, snapshot: &Snapshot, key: &ClusterKey) -> u64 {
    let hosts = snapshot
        .outbound
        .endpoints
        .get(key)
        .map_or(0, |set| set.endpoints.len());
    let by_share = hosts as u64 * u64::from(outlier.max_ejection_percent) / 100;
    let one = outlier.always_eject_one_host && hosts > 0;
    by_share.max(u64::from(one)).min(hosts as u64)
}
