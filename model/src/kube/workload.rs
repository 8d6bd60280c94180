//! One view over all kinds that make pods.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{IntOrString, Pod, PodTemplate};
use crate::diagnostic::Diagnostic;
use crate::document::Object;
use crate::meta::LabelSelector;
use crate::number::Count;

/// Pods that are made from one template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    pub kind: WorkloadKind,
    /// Pods wanted. For a DaemonSet, which has one per node, and for what runs to its end, see
    /// `kind`; a CronJob that is suspended has none.
    pub replicas: u32,
    /// Absent for pods and jobs, which find their pods otherwise.
    pub selector: Option<LabelSelector>,
    pub template: PodTemplate,
    pub rollout: Rollout,
    /// Seconds a new pod has to be ready before it counts as available.
    pub min_ready_seconds: u32,
    /// The headless Service that names the pods of a StatefulSet.
    pub service_name: Option<String>,
    /// StatefulSet: pods start and stop one by one.
    pub ordered: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WorkloadKind {
    Pod,
    Deployment,
    ReplicaSet,
    ReplicationController,
    StatefulSet,
    DaemonSet,
    Job,
    CronJob,
}

/// How pods are replaced when the template changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollout {
    pub kind: RolloutKind,
    pub max_surge: IntOrString,
    pub max_unavailable: IntOrString,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RolloutKind {
    /// New pods come while old ones go.
    RollingUpdate,
    /// All old pods go first.
    Recreate,
    /// Pods are replaced when somebody deletes them: also ReplicaSets, jobs and bare pods.
    OnDelete,
}

/// `spec` of every kind here, except Pod and CronJob: fields that a kind lacks are absent.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    replicas: Option<Count>,
    selector: Option<LabelSelector>,
    template: PodTemplate,
    /// Deployment.
    strategy: Strategy,
    /// StatefulSet, DaemonSet.
    update_strategy: Strategy,
    min_ready_seconds: Option<Count>,
    service_name: Option<String>,
    pod_management_policy: Option<String>,
    /// Job.
    parallelism: Option<Count>,
    completions: Option<Count>,
    suspend: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Strategy {
    #[serde(rename = "type")]
    kind: StrategyType,
    rolling_update: RollingUpdate,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
enum StrategyType {
    #[default]
    RollingUpdate,
    Recreate,
    OnDelete,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RollingUpdate {
    max_surge: Option<IntOrString>,
    max_unavailable: Option<IntOrString>,
}

/// The objects as they are written.
#[derive(Deserialize)]
struct Written {
    #[serde(default)]
    spec: Spec,
}

#[derive(Deserialize)]
struct WrittenController {
    #[serde(default)]
    spec: ControllerSpec,
}

/// A ReplicationController's selector is a plain map.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ControllerSpec {
    replicas: Option<Count>,
    selector: BTreeMap<String, String>,
    template: PodTemplate,
    min_ready_seconds: Option<Count>,
}

#[derive(Deserialize)]
struct WrittenCronJob {
    #[serde(default)]
    spec: CronJobSpec,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct CronJobSpec {
    suspend: bool,
    job_template: JobTemplate,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct JobTemplate {
    spec: Spec,
}

// === impl WorkloadKind ===

impl WorkloadKind {
    /// The kind of this name.
    pub fn of(kind: &str) -> Option<Self> {
        Some(match kind {
            "Pod" => Self::Pod,
            "Deployment" => Self::Deployment,
            "ReplicaSet" => Self::ReplicaSet,
            "ReplicationController" => Self::ReplicationController,
            "StatefulSet" => Self::StatefulSet,
            "DaemonSet" => Self::DaemonSet,
            "Job" => Self::Job,
            "CronJob" => Self::CronJob,
            _ => return None,
        })
    }

    /// Whether its pods are meant to run until they are stopped. Jobs run to their end.
    pub fn is_long_running(self) -> bool {
        !matches!(self, Self::Job | Self::CronJob)
    }

    /// Whether it has one pod on each node instead of a count.
    pub fn is_per_node(self) -> bool {
        self == Self::DaemonSet
    }
}

// === impl Workload ===

impl Workload {
    /// Reads an object whose kind is `kind`.
    pub(crate) fn read(kind: WorkloadKind, object: &Object) -> Result<Self, Diagnostic> {
        match kind {
            WorkloadKind::Pod => Ok(Self::of_pod(object, &object.decode()?)),
            WorkloadKind::ReplicationController => {
                let WrittenController { spec } = object.decode()?;
                Ok(Self::of_controller(spec))
            }
            WorkloadKind::CronJob => {
                let WrittenCronJob { spec } = object.decode()?;
                let mut job = spec.job_template.spec;
                job.suspend |= spec.suspend;
                Ok(Self::of_spec(kind, job))
            }
            _ => {
                let Written { spec } = object.decode()?;
                Ok(Self::of_spec(kind, spec))
            }
        }
    }

    /// A pod on its own, as a workload of one.
    pub fn of_pod(object: &Object, pod: &Pod) -> Self {
        let mut template = PodTemplate {
            spec: pod.spec.clone(),
            ..PodTemplate::default()
        };
        template.metadata.labels.clone_from(&object.meta.labels);
        template
            .metadata
            .annotations
            .clone_from(&object.meta.annotations);
        Self {
            kind: WorkloadKind::Pod,
            replicas: 1,
            selector: None,
            template,
            rollout: Rollout::on_delete(),
            min_ready_seconds: 0,
            service_name: None,
            ordered: false,
        }
    }

    fn of_controller(spec: ControllerSpec) -> Self {
        // Without a selector the API server takes the template's labels.
        let labels = if spec.selector.is_empty() {
            spec.template.metadata.labels.clone()
        } else {
            spec.selector
        };
        Self {
            kind: WorkloadKind::ReplicationController,
            replicas: spec.replicas.map_or(1, Count::u32),
            selector: Some(labels.into()),
            template: spec.template,
            rollout: Rollout::on_delete(),
            min_ready_seconds: spec.min_ready_seconds.map_or(0, Count::u32),
            service_name: None,
            ordered: false,
        }
    }

    fn of_spec(kind: WorkloadKind, spec: Spec) -> Self {
        let replicas = match kind {
            WorkloadKind::Job | WorkloadKind::CronJob => {
                let parallel = spec.parallelism.map_or(1, Count::u32);
                let wanted = spec.completions.map_or(parallel, Count::u32).min(parallel);
                if spec.suspend { 0 } else { wanted }
            }
            _ => spec.replicas.map_or(1, Count::u32),
        };
        let jobs = !kind.is_long_running();
        Self {
            kind,
            replicas,
            selector: if jobs { None } else { spec.selector },
            template: spec.template,
            rollout: Rollout::of(kind, spec.strategy, spec.update_strategy),
            min_ready_seconds: spec.min_ready_seconds.map_or(0, Count::u32),
            service_name: spec.service_name.filter(|name| !name.is_empty()),
            ordered: kind == WorkloadKind::StatefulSet
                && spec.pod_management_policy.as_deref() != Some("Parallel"),
        }
    }
}

// === impl Rollout ===

impl Rollout {
    fn on_delete() -> Self {
        Self {
            kind: RolloutKind::OnDelete,
            max_surge: IntOrString::Int(0),
            max_unavailable: IntOrString::Int(0),
        }
    }

    /// Defaults are those of the API server for each kind.
    fn of(kind: WorkloadKind, deployment: Strategy, others: Strategy) -> Self {
        let quarter = || IntOrString::String("25%".to_owned());
        let (strategy, surge, unavailable) = match kind {
            WorkloadKind::Deployment => (deployment, quarter(), quarter()),
            WorkloadKind::StatefulSet | WorkloadKind::DaemonSet => {
                (others, IntOrString::Int(0), IntOrString::Int(1))
            }
            _ => return Self::on_delete(),
        };
        let kind = match strategy.kind {
            StrategyType::RollingUpdate => RolloutKind::RollingUpdate,
            StrategyType::Recreate => RolloutKind::Recreate,
            StrategyType::OnDelete => RolloutKind::OnDelete,
        };
        Self {
            kind,
            max_surge: strategy.rolling_update.max_surge.unwrap_or(surge),
            max_unavailable: strategy
                .rolling_update
                .max_unavailable
                .unwrap_or(unavailable),
        }
    }

    /// Pods above and below `replicas` that a rolling update may have. Shares of the surge are
    /// rounded up, of the unavailable down; if both come to none, one pod may be missing, as else
    /// nothing could move.
    pub fn bounds(&self, replicas: u32) -> (u32, u32) {
        let surge = self.max_surge.of(replicas, true).unwrap_or(0);
        let unavailable = self.max_unavailable.of(replicas, false).unwrap_or(0);
        match (surge, unavailable) {
            (0, 0) => (0, 1),
            bounds => bounds,
        }
    }
}
