//! The pods of each workload by locality: where the callers of a service are, which zone-aware
//! balancing sets against where its endpoints are.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::snapshot::{Locality, ObjectName, Peers};

use super::digest::digest;
use super::workload::has_proxy;
use crate::index::{Index, Pod, PodState};

/// The pods of all workloads.
#[derive(Clone, Debug, Default)]
pub(super) struct Crowds {
    places: BTreeMap<ObjectName, Place>,
    crowds: BTreeMap<Owner, Crowd>,
}

/// The pods of one workload.
#[derive(Clone, Debug, Default)]
pub(super) struct Crowd {
    pub(super) peers: Arc<Vec<Peers>>,
    /// Hash of `peers`.
    pub(super) hash: u64,
    counts: BTreeMap<Locality, (u32, u32)>,
}

/// Namespace and controller.
type Owner = (Arc<str>, String);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    owner: Owner,
    locality: Locality,
    ready: bool,
}

// === impl Crowds ===

impl Crowds {
    /// The crowd that a pod belongs to; none when its zone is not known.
    pub(super) fn of(&self, pod: &ObjectName) -> Option<&Crowd> {
        self.crowds.get(&self.places.get(pod)?.owner)
    }

    /// Takes over a pod; true when that changed a crowd.
    pub(super) fn update(&mut self, index: &Index, name: &ObjectName, pod: Option<&Pod>) -> bool {
        let new = pod.and_then(|pod| place(index, pod));
        let old = self.places.get(name);
        if old == new.as_ref() {
            return false;
        }
        let old = match new.clone() {
            Some(new) => self.places.insert(name.clone(), new),
            None => self.places.remove(name),
        };
        if let Some(old) = old {
            self.count(&old, |n| n.saturating_sub(1));
        }
        if let Some(new) = new {
            self.count(&new, |n| n + 1);
        }
        true
    }

    fn count(&mut self, place: &Place, step: fn(u32) -> u32) {
        let crowd = self.crowds.entry(place.owner.clone()).or_default();
        let (ready, total) = crowd.counts.entry(place.locality.clone()).or_default();
        *total = step(*total);
        if place.ready {
            *ready = step(*ready);
        }
        crowd.counts.retain(|_, (_, total)| *total > 0);
        let peers = crowd.counts.iter().map(|(locality, (ready, total))| Peers {
            locality: locality.clone(),
            ready: *ready,
            total: *total,
        });
        crowd.peers = Arc::new(peers.collect());
        crowd.hash = digest(&crowd.peers);
        if crowd.peers.is_empty() {
            self.crowds.remove(&place.owner);
        }
    }
}

/// Where a pod counts; nowhere while nobody knows its zone, and when it ends.
fn place(index: &Index, pod: &Pod) -> Option<Place> {
    let counts = matches!(pod.state, PodState::Ready | PodState::Unready);
    let known = !pod.locality.zone.is_empty();
    (counts && known && has_proxy(index, pod)).then(|| Place {
        owner: (Arc::clone(&pod.name.namespace), pod.controller.clone()),
        locality: pod.locality.clone(),
        ready: pod.state == PodState::Ready,
    })
}
