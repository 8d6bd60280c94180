//! How many pods a derived run has: as many as the manifests say, while that is quick.

use model::resource::{Resource, Spec};

use crate::record::NotModelled;
use crate::scenario::known::{Id, Known};

/// A workload that runs with fewer pods than it asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaLimit {
    pub workload: Id,
    /// As the manifest has it.
    pub wanted: u32,
    /// As it is simulated.
    pub taken: u32,
}

/// Pods of a derived run. More say little more, and take a minute instead of seconds.
const PODS_MAX: u64 = 1000;

/// The largest number of pods for any workload with which all of them have at most [`PODS_MAX`];
/// one each if they are too many for that.
pub(super) fn limits(known: &Known) -> Vec<ReplicaLimit> {
    let replicas = known
        .workloads()
        .map(|(id, w)| (id, w.replicas.unwrap_or(1)));
    let replicas: Vec<(&Id, u32)> = replicas.collect();
    let total = |limit: u32| -> u64 {
        replicas
            .iter()
            .map(|(_, n)| u64::from(*n.min(&limit)))
            .sum()
    };
    if total(u32::MAX) <= PODS_MAX {
        return Vec::new();
    }
    let (mut enough, mut too_many) = (1_u32, u32::MAX);
    while too_many - enough > 1 {
        let middle = enough + (too_many - enough) / 2;
        match total(middle) <= PODS_MAX {
            true => enough = middle,
            false => too_many = middle,
        }
    }
    let more = replicas.iter().filter(|(_, n)| *n > enough);
    more.map(|(id, wanted)| ReplicaLimit {
        workload: (*id).clone(),
        wanted: *wanted,
        taken: enough,
    })
    .collect()
}

// === impl ReplicaLimit ===

impl ReplicaLimit {
    /// Lowers the replicas of its workload.
    pub fn apply(&self, resources: &mut [Resource]) {
        for resource in resources {
            if Id::of(resource) == self.workload
                && let Spec::Workload(workload) = &mut resource.spec
            {
                workload.replicas = workload.replicas.min(self.taken);
            }
        }
    }

    /// For the scenario: a run of its file needs the same change.
    pub(super) fn note(&self) -> String {
        let Id {
            namespace,
            kind,
            name,
        } = &self.workload;
        let (taken, wanted) = (self.taken, self.wanted);
        format!(
            "{taken} pods instead of {wanted}; to run this from a file, add \
             --set {kind}/{namespace}/{name}:spec.replicas={taken}"
        )
    }

    pub(super) fn not_modelled(&self) -> NotModelled {
        NotModelled {
            what: format!("all {} pods of {}", self.wanted, self.workload),
            means: format!(
                "{} run, since a derived run has at most {PODS_MAX} pods",
                self.taken
            ),
        }
    }
}
