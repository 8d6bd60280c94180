//! Workloads: so many pods of one template, and how they are replaced.

use core::time::Duration;
use std::sync::Arc;

use engine::snapshot::ObjectName;

use crate::app::AppSpec;

/// A workload as the simulated controllers see it. The pods themselves are the cluster's.
#[derive(Clone, Debug)]
pub(crate) struct Workload {
    /// `shop/Deployment/web`
    pub(crate) id: Arc<str>,
    pub(crate) namespace: Arc<str>,
    pub(crate) kind: String,
    pub(crate) name: String,
    /// What a new pod is made from; name, address and state are filled in.
    pub(crate) template: model::index::Pod,
    pub(crate) replicas: u32,
    /// Grows with every change of the template; each one is a ReplicaSet.
    pub(crate) revision: u32,
    pub(crate) surge: u32,
    pub(crate) unavailable: u32,
    /// All old pods go before new ones come.
    pub(crate) recreate: bool,
    /// Ordinals given out in this revision.
    pub(crate) next_ordinal: u32,
    pub(crate) app: Arc<AppSpec>,
    /// How long a new pod takes until it is ready.
    pub(crate) startup: Duration,
    /// How long a pod serves after it was told to stop.
    pub(crate) lingers: Duration,
    /// Whether a preStop hook of the manifest says so.
    pub(crate) hooked: bool,
    /// How long it may take to stop.
    pub(crate) grace: Duration,
    /// Pods in the order of their creation; those that terminate are not among them.
    pub(crate) pods: Vec<Member>,
}

/// A pod of a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) pod: ObjectName,
    pub(crate) revision: u32,
    pub(crate) ready: bool,
}

/// What a controller does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Create,
    Terminate(ObjectName),
}

// === impl Workload ===

impl Workload {
    /// The next step towards so many ready pods of the present revision, within the bounds of the
    /// rollout (`maxSurge`, `maxUnavailable` of Deployments); none when there is nothing to do now.
    pub(crate) fn next_step(&self) -> Option<Step> {
        let want = self.replicas as usize;
        let (new, old): (Vec<&Member>, Vec<&Member>) =
            self.pods.iter().partition(|m| m.revision == self.revision);
        let ready = self.pods.iter().filter(|m| m.ready).count();
        if old.is_empty() && new.len() > want {
            return newest(&new).map(Step::Terminate);
        }
        if self.recreate && !old.is_empty() {
            return newest(&old).map(Step::Terminate);
        }
        let most = want + self.surge as usize;
        if new.len() < want && (old.is_empty() || self.pods.len() < most) {
            return Some(Step::Create);
        }
        let least = want.saturating_sub(self.unavailable as usize);
        // Pods that are not ready serve nobody: they may go at any time.
        if let Some(idle) = old.iter().find(|m| !m.ready) {
            return Some(Step::Terminate(idle.pod.clone()));
        }
        let oldest = old.first().filter(|_| ready > least)?;
        Some(Step::Terminate(oldest.pod.clone()))
    }

    pub(crate) fn member(&mut self, pod: &ObjectName) -> Option<&mut Member> {
        self.pods.iter_mut().find(|m| m.pod == *pod)
    }
}

/// Scaling down takes what is not ready first, then the newest (Kubernetes' ReplicaSet controller,
/// `ActivePodsWithRanks`).
fn newest(pods: &[&Member]) -> Option<ObjectName> {
    let idle = pods.iter().rev().find(|m| !m.ready);
    idle.or(pods.last()).map(|m| m.pod.clone())
}
