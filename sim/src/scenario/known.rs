//! What the manifests hold, as far as a scenario may name it.

use std::collections::{BTreeMap, BTreeSet};

use model::kube::{Protocol, Service, ServiceType};
use model::resource::{Resource, Spec};

mod ports;

use ports::Speech;

use super::reference::{ObjectRef, Url, WorkloadRef};

/// Workloads, services and objects by name.
#[derive(Clone, Debug, Default)]
pub struct Known {
    workloads: BTreeMap<Id, KnownWorkload>,
    services: BTreeMap<(String, String), KnownService>,
    objects: BTreeSet<ObjectRef>,
}

/// Namespace, kind and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id {
    pub namespace: String,
    pub kind: String,
    pub name: String,
}

/// A workload whose pods run until they are stopped.
#[derive(Clone, Debug)]
pub struct KnownWorkload {
    /// None for a DaemonSet, which has one pod per node.
    pub replicas: Option<u32>,
    pub labels: BTreeMap<String, String>,
}

#[derive(Clone, Debug)]
pub struct KnownService {
    pub ports: BTreeSet<u16>,
    /// Those that are declared to speak gRPC, by `appProtocol` or by name.
    pub grpc: BTreeSet<u16>,
    /// Those that are declared, or known by their number, to speak neither HTTP nor gRPC.
    pub opaque: BTreeSet<u16>,
    /// Those on which the application encrypts by itself, by declaration or number.
    pub tls: BTreeSet<u16>,
    /// Those for metrics, health and administration, by their names.
    pub side: BTreeSet<u16>,
    pub selector: BTreeMap<String, String>,
    /// It stands for a name outside of the cluster.
    pub external: bool,
    /// Its name leads to the pods themselves.
    pub headless: bool,
    /// It can be reached from outside of the cluster: a NodePort or LoadBalancer.
    pub outward: bool,
}

/// A reference that leads nowhere: what is wrong, and what may have been meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    pub message: String,
    pub help: String,
}

/// The annotation of what Helm runs once.
const HELM_HOOK: &str = "helm.sh/hook";

/// Names listed in a message.
const NAMED_MAX: usize = 8;

// === impl Known ===

impl Known {
    /// What these resources hold.
    pub fn of(resources: &[Resource]) -> Self {
        let mut out = Self::default();
        let owned = owned(resources);
        for resource in resources {
            let object = &resource.object;
            let (namespace, name) = (object.namespace().to_owned(), object.name().to_owned());
            out.objects.insert(ObjectRef {
                kind: object.kind.clone(),
                namespace: namespace.clone(),
                name: name.clone(),
            });
            if let Spec::Service(service) = &resource.spec {
                out.services
                    .insert((namespace, name), KnownService::of(service));
            } else if let Spec::OwnWorkload(spec) = &resource.spec {
                let mut labels = object.meta.labels.clone();
                labels.extend(spec.labels.clone());
                let known = KnownWorkload {
                    replicas: Some(1),
                    labels,
                };
                out.workloads.insert(Id::of(resource), known);
            } else if let Some(workload) = resource.workload()
                && workload.kind.is_long_running()
            {
                let id = Id::of(resource);
                if owned.contains(&id) {
                    continue;
                }
                let known = KnownWorkload {
                    replicas: (!workload.kind.is_per_node()).then_some(workload.replicas),
                    labels: workload.template.metadata.labels,
                };
                out.workloads.insert(id, known);
            }
        }
        out.find_grpc(resources);
        out
    }

    /// Ports that say nothing of what they speak and are probed with gRPC speak it.
    fn find_grpc(&mut self, resources: &[Resource]) {
        let mut found = Vec::new();
        let workloads = resources
            .iter()
            .filter_map(|r| Some((Id::of(r), r.workload()?)));
        let workloads: BTreeMap<_, _> = workloads.collect();
        for resource in resources {
            let Spec::Service(service) = &resource.spec else {
                continue;
            };
            let object = &resource.object;
            let key = (object.namespace().to_owned(), object.name().to_owned());
            let Some(known) = self.services.get(&key) else {
                continue;
            };
            let behind = self.behind(&key.0, known).into_iter();
            let behind = behind.filter_map(|id| workloads.get(id));
            let probed = behind.flat_map(|workload| ports::probed_with_grpc(service, workload));
            found.push((key, probed.collect::<Vec<_>>()));
        }
        for (key, probed) in found {
            if let Some(service) = self.services.get_mut(&key) {
                probed.iter().for_each(|port| {
                    service.tls.remove(port);
                });
                service.grpc.extend(probed);
            }
        }
    }

    pub fn workloads(&self) -> impl Iterator<Item = (&Id, &KnownWorkload)> {
        self.workloads.iter()
    }

    /// None for what does not run for long, or belongs to another workload.
    pub fn get(&self, id: &Id) -> Option<&KnownWorkload> {
        self.workloads.get(id)
    }

    pub fn services(&self) -> impl Iterator<Item = (&(String, String), &KnownService)> {
        self.services.iter()
    }

    pub fn service(&self, namespace: &str, name: &str) -> Option<&KnownService> {
        self.services.get(&(namespace.to_owned(), name.to_owned()))
    }

    pub fn has_object(&self, object: &ObjectRef) -> bool {
        self.objects.contains(object)
    }

    /// Objects of these kinds named `namespace/name`.
    pub fn has_named(&self, kinds: &[&str], namespace: &str, name: &str) -> bool {
        kinds.iter().any(|kind| {
            self.objects.contains(&ObjectRef {
                kind: (*kind).to_owned(),
                namespace: namespace.to_owned(),
                name: name.to_owned(),
            })
        })
    }

    /// The one workload that is meant.
    ///
    /// # Errors
    /// There is none, or several have the name.
    pub fn workload(&self, wanted: &WorkloadRef) -> Result<(&Id, &KnownWorkload), Missing> {
        let mut found = self
            .workloads
            .iter()
            .filter(|(id, _)| wanted.names(&id.namespace, &id.kind, &id.name));
        match (found.next(), found.next()) {
            (Some(one), None) => Ok(one),
            (Some((first, _)), Some((second, _))) => Err(Missing {
                message: format!("`{wanted}` names several workloads"),
                help: format!("write the kind: {first} or {second}"),
            }),
            (None, _) => Err(Missing {
                message: format!("no workload `{wanted}` in the manifests"),
                help: list("the manifests have", self.workloads.keys()),
            }),
        }
    }

    /// The Service and port that a URL leads to, from a client in `namespace`.
    ///
    /// # Errors
    /// There is none of that name, or it has no such port.
    pub fn target(
        &self,
        url: &Url,
        namespace: &str,
    ) -> Result<(&(String, String), &KnownService), Missing> {
        let service = url.service(namespace);
        let Some((key, service)) = service.and_then(|key| self.services.get_key_value(&key)) else {
            let names = self
                .services
                .keys()
                .map(|(ns, name)| format!("{name}.{ns}"));
            return Err(Missing {
                message: format!(
                    "no Service `{}` for a client in namespace {namespace}",
                    url.host
                ),
                help: list("the manifests have", names),
            });
        };
        if !service.ports.contains(&url.port) && !service.external {
            return Err(Missing {
                message: format!("Service {}/{} has no port {}", key.0, key.1, url.port),
                help: list("it has", service.ports.iter()),
            });
        }
        Ok((key, service))
    }

    /// The workloads whose pods a Service selects.
    pub fn behind(&self, namespace: &str, service: &KnownService) -> Vec<&Id> {
        let selected = |labels: &BTreeMap<String, String>| {
            service
                .selector
                .iter()
                .all(|(key, value)| labels.get(key) == Some(value))
        };
        if service.selector.is_empty() {
            return Vec::new();
        }
        let mine = self.workloads.iter();
        let mine = mine.filter(|(id, w)| id.namespace == namespace && selected(&w.labels));
        mine.map(|(id, _)| id).collect()
    }
}

// === impl KnownService ===

impl KnownService {
    fn of(service: &Service) -> Self {
        let tcp = service.ports.iter().filter(|p| p.protocol == Protocol::Tcp);
        let side = tcp.clone().filter(|p| ports::is_side(p));
        let side = side.map(|p| p.port.u16()).collect();
        let ports: Vec<_> = tcp.map(|p| (p.port.u16(), ports::speech(p))).collect();
        let that = |wanted| {
            let mine = ports.iter().filter(move |(_, speech)| *speech == wanted);
            mine.map(|(port, _)| *port).collect()
        };
        Self {
            ports: ports.iter().map(|(port, _)| *port).collect(),
            grpc: that(Speech::Grpc),
            opaque: that(Speech::Opaque),
            tls: that(Speech::Tls),
            side,
            selector: service.selector.clone(),
            external: service.kind == ServiceType::ExternalName,
            headless: service.is_headless(),
            outward: matches!(
                service.kind,
                ServiceType::NodePort | ServiceType::LoadBalancer
            ),
        }
    }
}

// === impl Id ===

impl Id {
    /// The name of a resource of any kind.
    pub fn of(resource: &Resource) -> Self {
        let object = &resource.object;
        Self {
            namespace: object.namespace().to_owned(),
            kind: object.kind.clone(),
            name: object.name().to_owned(),
        }
    }

    pub fn reference(&self) -> WorkloadRef {
        WorkloadRef::new(&self.namespace, &self.kind, &self.name)
    }
}

impl core::fmt::Display for Id {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}/{}/{}", self.namespace, self.kind, self.name)
    }
}

/// What other objects of the same manifests make, as in what a cluster gives out: the Pods and
/// ReplicaSets of workloads, and the EndpointSlices of Services; and the pods of Helm's hooks and
/// tests, which run to their end. They are no workloads of their own.
pub fn owned(resources: &[Resource]) -> BTreeSet<Id> {
    let makes = |r: &&Resource| r.workload().is_some() || matches!(r.spec, Spec::Service(_));
    let makers: BTreeSet<Id> = resources.iter().filter(makes).map(Id::of).collect();
    let is_made = |resource: &&Resource| {
        let annotations = &resource.object.meta.annotations;
        if matches!(resource.spec, Spec::Pod(_)) && annotations.contains_key(HELM_HOOK) {
            return true;
        }
        let made = resource.workload().is_some() || matches!(resource.spec, Spec::EndpointSlice(_));
        let maker = resource.object.meta.controller().filter(|_| made);
        maker.is_some_and(|maker| {
            makers.contains(&Id {
                namespace: resource.object.namespace().to_owned(),
                kind: maker.kind.clone(),
                name: maker.name.clone(),
            })
        })
    };
    resources.iter().filter(is_made).map(Id::of).collect()
}

fn list<T: core::fmt::Display>(begin: &str, all: impl Iterator<Item = T>) -> String {
    let names: Vec<_> = all.map(|name| name.to_string()).collect();
    let shown = names[..names.len().min(NAMED_MAX)].join(", ");
    match names.len().saturating_sub(NAMED_MAX) {
        0 if names.is_empty() => format!("{begin} none"),
        0 => format!("{begin} {shown}"),
        more => format!("{begin} {shown} and {more} more"),
    }
}
