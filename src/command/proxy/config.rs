//! Manifests → what one proxy acts on.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use engine::identity::Identity;
use engine::origin::Origin;
use engine::snapshot::{Endpoint, EndpointSet, Locality, ObjectName, PodAddress, Snapshot};
use model::diagnostic::{Diagnostic, Level};
use model::index::{Fact, Inject, MeshMode, Pod, PodState, Probe, TargetPort};
use model::load;
use model::lower::Lowering;
use model::resource::{self, Resource};
use proxy::InPlace;

use super::gateway;
use crate::error::Error;
use crate::input;

/// What the configuration is made from, besides the text of the files.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) files: Vec<PathBuf>,
    pub(super) recursive: bool,
    pub(super) workload: ObjectName,
    /// The Gateway whose listeners it has, when it is one.
    pub(super) gateway: Option<ObjectName>,
    pub(super) trust_domain: String,
    /// Whom the proxy's certificate names; none = it has none, and speaks to nobody over TLS.
    pub(super) proven: Option<Identity>,
    pub(super) zone: Option<String>,
    pub(super) region: Option<String>,
    pub(super) probes: Vec<Probe>,
}

/// What the files said.
pub(super) struct Config {
    pub(super) snapshot: Arc<Snapshot>,
    /// Where the proxy listens in its application's place.
    pub(super) in_place: BTreeMap<SocketAddr, InPlace>,
    /// The ports that the workload declares.
    pub(super) ports: Vec<u16>,
    pub(super) warnings: Vec<Diagnostic>,
    /// Where the workload was found, in words.
    pub(super) found: String,
}

// === impl Source ===

impl Source {
    /// Reads the files. Nothing comes of them when one has an error.
    pub(super) fn read(&self) -> Result<Config, Error> {
        let texts = input::read_all(&self.files, self.recursive)?;
        let mut found = Vec::new();
        let mut resources = Vec::new();
        for text in &texts {
            let reading = resource::read(&text.name, &text.text);
            found.extend(reading.diagnostics);
            resources.extend(reading.resources);
        }
        let loaded = load::load(&resources, MeshMode::All);
        found.extend(loaded.diagnostics);
        let mut index = loaded.index;
        let (mut pod, known) = self.own(index.pod(&self.workload), &resources, &mut found);
        if found.iter().any(|d| d.level == Level::Error) {
            found.retain(|d| d.level == Level::Error);
            return Err(Error::Input(found));
        }
        for foreign in resources.iter().flat_map(|r| &r.foreign) {
            if foreign.changes_behaviour() {
                let warning = foreign.diagnostic();
                found.push(Diagnostic {
                    level: Level::Warning,
                    ..warning.help("the proxy does not act on it")
                });
            }
        }
        found.extend(index.findings(false));
        self.complete(&mut pod);
        let in_place = in_place(&pod);
        let ports = pod.ports.iter().map(|port| port.port).collect();
        index.apply(Fact::Pod(pod));
        let mut lowering = Lowering::new(&self.trust_domain);
        lowering.update(&index);
        let snapshot = match &self.gateway {
            None => lowering.snapshot(&self.workload).ok_or_else(|| {
                Error::new(format!("{} has no proxy", self.workload))
                    .hint("it has ended: see its status")
            })?,
            Some(name) => {
                let snapshot = lowering.gateway(&index, &self.workload, name);
                let snapshot = snapshot.ok_or_else(|| gateway::missing(&index, name))?;
                found.extend(gateway::certificates(&snapshot.gateway)?);
                snapshot
            }
        };
        self.check(&snapshot)?;
        Ok(Config {
            snapshot: match self.proven {
                Some(_) => snapshot,
                None => in_the_clear(&snapshot),
            },
            in_place,
            ports,
            warnings: found,
            found: known,
        })
    }

    /// The workload as the manifests know it: as it is called there, or as one that makes pods of
    /// this name, or not at all.
    fn own(
        &self,
        pod: Option<&Pod>,
        resources: &[Resource],
        found: &mut Vec<Diagnostic>,
    ) -> (Pod, String) {
        if let Some(pod) = pod {
            return (pod.clone(), pod.origin.to_string());
        }
        let mut best: Option<Pod> = None;
        for resource in resources {
            let made = match load::specimen(resource) {
                Ok(Some((_, pod))) => pod,
                Ok(None) => continue,
                Err(error) => {
                    found.push(error);
                    continue;
                }
            };
            let longer = best
                .as_ref()
                .is_none_or(|best| best.name.name.len() < made.name.name.len());
            if makes(&made.name, &self.workload) && longer {
                best = Some(made);
            }
        }
        if let Some(mut pod) = best {
            pod.name = self.workload.clone();
            let known = format!("a pod of {}", pod.origin);
            return (pod, known);
        }
        let account = self.proven.as_ref().and_then(Identity::service_account);
        let account = account.map_or("default", |(_, account)| account);
        let known = format!("not in the manifests: taken for a pod of service account `{account}`");
        (nobody(&self.workload, account), known)
    }

    /// What the command line knows better than the manifests.
    fn complete(&self, pod: &mut Pod) {
        // Whatever its manifest says, its proxy runs: this one.
        pod.injected = true;
        pod.state = PodState::Ready;
        let fill = |place: &mut String, given: &Option<String>| {
            if let Some(given) = given.as_ref().filter(|_| place.is_empty()) {
                place.clone_from(given);
            }
        };
        fill(&mut pod.locality.zone, &self.zone);
        fill(&mut pod.locality.region, &self.region);
        for probe in &self.probes {
            if !pod.probes.contains(probe) {
                pod.probes.push(probe.clone());
            }
        }
    }

    /// A certificate for somebody else would be refused by everybody, one connection at a time.
    fn check(&self, snapshot: &Snapshot) -> Result<(), Error> {
        let wanted = &snapshot.workload.identity;
        match &self.proven {
            Some(proven) if proven != wanted => Err(Error::new(format!(
                "the certificate is for {proven}, the workload is {wanted}"
            ))
            .hint("issue one for the workload: meshctl ca issue")
            .hint("or correct its serviceAccount, or --trust-domain")),
            _ => Ok(()),
        }
    }
}

/// Whether a controller of this name makes pods of the other: `web` makes `web-7d4b9c-x2x9z`.
fn makes(controller: &ObjectName, pod: &ObjectName) -> bool {
    let rest = pod.name.strip_prefix(&*controller.name);
    controller.namespace == pod.namespace
        && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

fn nobody(name: &ObjectName, account: &str) -> Pod {
    Pod {
        name: name.clone(),
        labels: BTreeMap::new(),
        address: None,
        service_account: account.to_owned(),
        host_network: false,
        injected: true,
        inject: Inject::Enabled,
        state: PodState::Ready,
        ports: Vec::new(),
        probes: Vec::new(),
        app_ports: BTreeMap::new(),
        weight: 1,
        settings: Arc::default(),
        controller: format!("Pod/{}", name.name),
        locality: Locality::default(),
        origin: Origin::default_of("--workload"),
    }
}

fn in_place(pod: &Pod) -> BTreeMap<SocketAddr, InPlace> {
    let address = pod.address.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let each = pod.app_ports.iter().map(|(port, app)| {
        let at = SocketAddr::new(address, *port);
        (at, place(*port, *app))
    });
    each.collect()
}

/// The application listens on the loopback address.
pub(super) fn place(port: u16, app: u16) -> InPlace {
    InPlace {
        port,
        app: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), app),
    }
}

/// `http:8080/healthz` → the probe; none for those that name no path: they pass as bytes, or are
/// for the application alone.
pub(super) fn probe(text: &str) -> Result<Option<Probe>, Error> {
    let bad =
        || Error::new(format!("`{text}` is no probe")).hint("write http:PORT/PATH, as inject does");
    let (kind, rest) = text.split_once(':').ok_or_else(bad)?;
    let (port, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let port = TargetPort::Number(port.parse().map_err(|_| bad())?);
    let path = match kind {
        "http" if path.is_empty() => "/",
        "http" => path,
        // https://grpc.io/docs/guides/health-checking/
        "grpc" => "/grpc.health.v1.Health/Check",
        "tcp" | "tls" => return Ok(None),
        _ => return Err(bad()),
    };
    Ok(Some(Probe {
        port,
        path: path.to_owned(),
    }))
}

/// The same snapshot for a proxy that cannot prove who it is: nobody is asked for a proof either.
fn in_the_clear(snapshot: &Snapshot) -> Arc<Snapshot> {
    let mut snapshot = snapshot.clone();
    let outbound = Arc::make_mut(&mut snapshot.outbound);
    let sets = outbound.endpoints.iter().map(|(key, set)| {
        let endpoints = set.endpoints.iter().map(|endpoint| {
            Arc::new(Endpoint {
                identity: None,
                ..(**endpoint).clone()
            })
        });
        let set = EndpointSet {
            endpoints: endpoints.collect(),
            ..(**set).clone()
        };
        (key.clone(), Arc::new(set))
    });
    outbound.endpoints = Arc::new(sets.collect());
    let pods = outbound.by_pod.iter().map(|(address, pod)| {
        let pod = PodAddress {
            identity: None,
            ..(**pod).clone()
        };
        (*address, Arc::new(pod))
    });
    outbound.by_pod = Arc::new(pods.collect());
    Arc::new(snapshot)
}
