//! What the analyzers look at: all objects, joined, with the pods that the workloads would make.

use std::collections::{BTreeMap, BTreeSet};

use engine::origin::Origin;
use engine::snapshot::{ObjectName, PortProtocol};

use super::{Call, Code};
use crate::diagnostic::Diagnostic;
use crate::document::Object;
use crate::index::{
    Age, Fact, Index, Key, Service, ServiceKind, ServicePort, TargetPort, parent_name,
};
use crate::kube::{self, Protocol, Workload, WorkloadKind};
use crate::load;
use crate::resource::{Resource, Spec};
use crate::yaml::{Node, Step};

/// Everything that was given.
pub(super) struct Facts<'a> {
    pub(super) resources: Vec<&'a Resource>,
    /// With one pod for each workload, named like `Deployment/web`.
    pub(super) index: Index,
    /// The same, with a Service in the place of each parent that is not in the input, so that its
    /// routes can be judged together.
    pub(super) routed: Index,
    pub(super) workloads: Vec<WorkloadFact<'a>>,
    /// Workloads that are not among them, and why: annotations of ours that cannot be read.
    pub(super) unreadable: Vec<Diagnostic>,
    /// Who calls whom, as far as manifests tell.
    pub(super) calls: &'a [Call],
    by_pod: BTreeMap<ObjectName, usize>,
    /// Group, kind, namespace and name.
    by_name: BTreeMap<[&'a str; 4], &'a Resource>,
    /// The most pods an autoscaler makes, by namespace, kind and name; none when it does not say.
    autoscaled: BTreeMap<(String, String, String), Option<u32>>,
}

/// A workload, and where it stands.
pub(super) struct WorkloadFact<'a> {
    pub(super) object: &'a Object,
    pub(super) workload: Workload,
    /// Its pod in the index.
    pub(super) pod: ObjectName,
}

/// A Service, joined and as it is written.
#[derive(Clone, Copy)]
pub(super) struct ServiceFact<'a, 'f> {
    pub(super) service: &'f Service,
    pub(super) spec: &'a kube::Service,
    pub(super) object: &'a Object,
}

// === impl Facts ===

impl<'a> Facts<'a> {
    pub(super) fn new(resources: Vec<&'a Resource>, index: Index, calls: &'a [Call]) -> Self {
        let by_name = resources.iter().map(|resource| {
            let object = &resource.object;
            let (namespace, name) = (object.namespace(), object.name());
            ([object.group(), &object.kind, namespace, name], *resource)
        });
        let mut facts = Self {
            calls,
            by_name: by_name.collect(),
            autoscaled: autoscaled(&resources),
            resources,
            routed: Index::default(),
            index,
            workloads: Vec::new(),
            unreadable: Vec::new(),
            by_pod: BTreeMap::new(),
        };
        let known: BTreeSet<_> = facts.resources.iter().map(|r| r.object.subject()).collect();
        for resource in facts.resources.clone() {
            let Some(workload) = resource.workload() else {
                continue;
            };
            let object = &resource.object;
            // What a controller of the input makes is not counted beside the controller.
            let made = object.meta.controller().is_some_and(|owner| {
                let mut subject = object.subject();
                subject.kind.clone_from(&owner.kind);
                subject.name.clone_from(&owner.name);
                known.contains(&subject)
            });
            facts.add(object, workload, made);
        }
        facts.routed = with_parents(&facts.index);
        facts
    }

    fn add(&mut self, object: &'a Object, workload: Workload, made: bool) {
        let name = ObjectName::new(object.namespace(), object.name());
        let mut pod = name.clone();
        if let WorkloadKind::Pod = workload.kind {
            if made {
                self.index.remove(&Key::Pod(name));
                return;
            }
        } else {
            if made {
                return;
            }
            pod = ObjectName::new(
                object.namespace(),
                format!("{}/{}", object.kind, object.name()),
            );
            let template = &workload.template;
            let made = load::pod_of_template(
                pod.clone(),
                &template.metadata.labels,
                &template.metadata.annotations,
                &template.spec,
                format!("{}/{}", object.kind, object.name()),
                object.origin(),
            );
            match made {
                Ok(fact) => self.index.apply(Fact::Pod(fact)),
                Err((key, error)) => {
                    let error = annotation(object, workload.kind, key, error);
                    self.unreadable.push(error);
                    return;
                }
            }
        }
        self.by_pod.insert(pod.clone(), self.workloads.len());
        self.workloads.push(WorkloadFact {
            object,
            workload,
            pod,
        });
    }

    /// The workloads whose pods the Service selects.
    pub(super) fn behind(&self, service: &Service) -> impl Iterator<Item = &WorkloadFact<'a>> {
        let pods = self.index.pods_of_service(&service.name);
        pods.filter_map(|pod| self.workloads.get(*self.by_pod.get(&pod.name)?))
    }

    /// The Services that select the workload's pods.
    pub(super) fn in_front(&self, workload: &WorkloadFact<'_>) -> impl Iterator<Item = &Service> {
        self.index.services_of_pod(&workload.pod)
    }

    /// How many endpoints a Service has at most; none when the input does not tell.
    pub(super) fn endpoints(&self, service: &Service) -> Option<u32> {
        if self.index.has_slices(&service.name) {
            let port = service.ports.first()?;
            let count = self.index.endpoints(service, port).count();
            return u32::try_from(count).ok();
        }
        let mut sum: u32 = 0;
        for behind in self.behind(service) {
            sum = sum.checked_add(self.pods_of(behind)?)?;
        }
        (sum > 0).then_some(sum)
    }

    /// How many pods a workload has at most.
    fn pods_of(&self, fact: &WorkloadFact<'_>) -> Option<u32> {
        let object = fact.object;
        let key = (
            object.namespace().to_owned(),
            object.kind.clone(),
            object.name().to_owned(),
        );
        match self.autoscaled.get(&key) {
            Some(most) => *most,
            None if fact.workload.kind.is_per_node() => None,
            None if !fact.workload.kind.is_long_running() => None,
            None => Some(fact.workload.replicas),
        }
    }

    /// A Service of the index as it is written; none when no file declares it.
    pub(super) fn declared<'f>(&'f self, service: &'f Service) -> Option<ServiceFact<'a, 'f>> {
        let name = &service.name;
        let resource = self.find("", "Service", &name.namespace, &name.name)?;
        match &resource.spec {
            Spec::Service(spec) => Some(ServiceFact {
                service,
                spec,
                object: &resource.object,
            }),
            _ => None,
        }
    }

    /// The object of this group, kind, namespace and name.
    pub(super) fn find(
        &self,
        group: &str,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> Option<&'a Resource> {
        self.by_name.get(&[group, kind, namespace, name]).copied()
    }

    /// The objects of a kind.
    pub(super) fn of_kind<'s>(
        &'s self,
        group: &'s str,
        kind: &'s str,
    ) -> impl Iterator<Item = &'a Resource> + 's {
        self.resources
            .iter()
            .copied()
            .filter(move |r| r.object.kind == kind && r.object.group() == group)
    }

    /// All Services that files declare.
    pub(super) fn services(&self) -> impl Iterator<Item = ServiceFact<'a, '_>> {
        let resources = self.resources.iter();
        resources.filter_map(|resource| {
            let Spec::Service(spec) = &resource.spec else {
                return None;
            };
            let object = &resource.object;
            let name = ObjectName::new(object.namespace(), object.name());
            Some(ServiceFact {
                service: self.index.service(&name)?,
                spec,
                object,
            })
        })
    }
}

// === impl ServiceFact ===

impl<'a> ServiceFact<'a, '_> {
    /// The port as it is written, and the path of its field `key`.
    pub(super) fn written<'k>(
        &self,
        port: &ServicePort,
        key: &'k str,
    ) -> Option<(&'a kube::ServicePort, [Step<'k>; 4])> {
        let at = self.spec.ports.iter().position(|written| {
            written.port.u16() == port.port && written.protocol == Protocol::Tcp
        })?;
        let path = [
            Step::Key("spec"),
            Step::Key("ports"),
            Step::Index(at),
            Step::Key(key),
        ];
        Some((&self.spec.ports[at], path))
    }
}

// === impl WorkloadFact ===

impl WorkloadFact<'_> {
    /// The path of the field `key` of the pod's spec.
    pub(super) fn spec_path<'k>(&self, key: &'k str) -> Vec<Step<'k>> {
        let mut path = template_path(self.workload.kind);
        path.push(Step::Key("spec"));
        path.push(Step::Key(key));
        path
    }
}

/// The path of the template that pods are made from.
pub(super) fn template_path(kind: WorkloadKind) -> Vec<Step<'static>> {
    match kind {
        WorkloadKind::Pod => Vec::new(),
        WorkloadKind::CronJob => ["spec", "jobTemplate", "spec", "template"]
            .map(Step::Key)
            .into(),
        _ => ["spec", "template"].map(Step::Key).into(),
    }
}

/// An annotation, or the label of that name, in the template of a workload.
fn annotation(object: &Object, kind: WorkloadKind, key: &str, error: String) -> Diagnostic {
    let path = |map| {
        let mut path = template_path(kind);
        path.extend([Step::Key("metadata"), Step::Key(map), Step::Key(key)]);
        path
    };
    let annotations = path("annotations");
    let path = match object.at(&annotations) {
        Some(_) => annotations,
        None => path("labels"),
    };
    object.error_at(&path, error).code(Code::AnnotationValue)
}

/// The index, and a Service for each parent of a route that it lacks. Its ports are those that
/// routes name; when none names one, a single port stands for all of them.
fn with_parents(index: &Index) -> Index {
    let mut missing: BTreeMap<ObjectName, BTreeSet<u16>> = BTreeMap::new();
    for route in index.routes() {
        for parent in route.spec.parents().iter().filter(|p| p.is_service()) {
            let name = parent_name(route, parent);
            if index.service(&name).is_none() {
                let ports = missing.entry(name).or_default();
                ports.extend(parent.port.map(|port| port.u16()));
            }
        }
    }
    let mut joined = index.clone();
    for (name, mut ports) in missing {
        if ports.is_empty() {
            ports.insert(1);
        }
        let port = |port: u16| ServicePort {
            name: String::new(),
            port,
            target: TargetPort::Number(port),
            protocol: PortProtocol::Detect,
            is_declared: false,
            line: 0,
        };
        joined.apply(Fact::Service(Service {
            origin: Origin::default_of(&name.to_string()),
            name,
            kind: ServiceKind::Cluster,
            selector: BTreeMap::new(),
            addresses: Vec::new(),
            ports: ports.into_iter().map(port).collect(),
            opaque_ports: None,
            publish_not_ready: false,
            age: Age::default(),
            written: None,
        }));
    }
    joined
}

/// Targets of HorizontalPodAutoscalers, and of KEDA's ScaledObjects, which may leave the kind out.
fn autoscaled(resources: &[&Resource]) -> BTreeMap<(String, String, String), Option<u32>> {
    let mut found = BTreeMap::new();
    for resource in resources {
        let object = &resource.object;
        let (most, default_kind) = match (object.group(), &*object.kind) {
            ("autoscaling", "HorizontalPodAutoscaler") => ("maxReplicas", ""),
            ("keda.sh", "ScaledObject") => ("maxReplicaCount", "Deployment"),
            _ => continue,
        };
        let field = |path: &[&str]| {
            let path: Vec<Step<'_>> = path.iter().map(|key| Step::Key(key)).collect();
            object
                .at(&path)
                .and_then(Node::scalar)
                .map(|(_, text)| text.to_owned())
        };
        let kind = field(&["spec", "scaleTargetRef", "kind"]);
        let Some(name) = field(&["spec", "scaleTargetRef", "name"]) else {
            continue;
        };
        let key = (
            object.namespace().to_owned(),
            kind.unwrap_or_else(|| default_kind.to_owned()),
            name,
        );
        let most = field(&["spec", most]).and_then(|text| text.parse().ok());
        found.insert(key, most);
    }
    found
}
