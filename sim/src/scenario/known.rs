//! What the manifests hold, as far as a scenario may name it.

use std::collections::{BTreeMap, BTreeSet};

use model::kube::{Protocol, Service, ServicePort, ServiceType};
use model::resource::{Resource, Spec};

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
    pub selector: BTreeMap<String, String>,
    /// The name it stands for, for a Service without pods.
    pub external: bool,
}

/// A reference that leads nowhere: what is wrong, and what may have been meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    pub message: String,
    pub help: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Speech {
    Http,
    Grpc,
    Opaque,
}

/// Ports of databases, caches, queues and mail: SMTP, MySQL, PostgreSQL, AMQP, Redis, Cassandra,
/// Kafka, Elasticsearch's transport, memcached, MongoDB, NATS, ZooKeeper, etcd.
const OPAQUE_PORTS: [u16; 17] = [
    25, 465, 587, 1433, 2181, 2379, 3306, 4222, 5432, 5672, 6379, 9042, 9092, 9300, 11211, 27017,
    28017,
];

/// Names listed in a message.
const NAMED_MAX: usize = 8;

// === impl Known ===

impl Known {
    /// What these resources hold.
    pub fn of(resources: &[Resource]) -> Self {
        let mut out = Self::default();
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
            } else if let Some(workload) = resource.workload()
                && workload.kind.is_long_running()
            {
                let id = Id {
                    namespace,
                    kind: object.kind.clone(),
                    name,
                };
                let known = KnownWorkload {
                    replicas: (!workload.kind.is_per_node()).then_some(workload.replicas),
                    labels: workload.template.metadata.labels,
                };
                out.workloads.insert(id, known);
            }
        }
        out
    }

    pub fn workloads(&self) -> impl Iterator<Item = (&Id, &KnownWorkload)> {
        self.workloads.iter()
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
        let ports: Vec<_> = tcp.map(|p| (p.port.u16(), speech(p))).collect();
        let that = |wanted| {
            let mine = ports.iter().filter(move |(_, speech)| *speech == wanted);
            mine.map(|(port, _)| *port).collect()
        };
        Self {
            ports: ports.iter().map(|(port, _)| *port).collect(),
            grpc: that(Speech::Grpc),
            opaque: that(Speech::Opaque),
            selector: service.selector.clone(),
            external: service.kind == ServiceType::ExternalName,
        }
    }
}

/// What is spoken on a port: `appProtocol`, else the port's name up to the first dash (Istio's
/// convention, which manifests follow), else the number.
fn speech(port: &ServicePort) -> Speech {
    let declared = port
        .app_protocol
        .as_deref()
        .map(|p| p.rsplit('/').next().unwrap_or(p));
    let name = port.name.split('-').next().unwrap_or_default();
    match declared.unwrap_or(name).to_ascii_lowercase().as_str() {
        "grpc" | "h2c" => Speech::Grpc,
        "http" | "http1" | "http2" | "web" | "ws" | "wss" | "https" => Speech::Http,
        "tcp" | "tls" | "redis" | "mysql" | "mongo" | "mongodb" | "postgres" | "postgresql"
        | "amqp" | "kafka" | "nats" | "memcached" | "udp" => Speech::Opaque,
        _ if OPAQUE_PORTS.contains(&port.port.u16()) => Speech::Opaque,
        _ => Speech::Http,
    }
}

// === impl Id ===

impl Id {
    pub fn reference(&self) -> WorkloadRef {
        WorkloadRef::new(&self.namespace, &self.kind, &self.name)
    }
}

impl core::fmt::Display for Id {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}/{}/{}", self.namespace, self.kind, self.name)
    }
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
