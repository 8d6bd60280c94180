//! From manifests and a scenario to a cluster at its first instant.

use core::net::IpAddr;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use engine::report::Frame;
use model::diagnostic::{Diagnostic, Level};
use model::document::Object;
use model::index::{Fact, MeshMode, PodState, Service, ServiceKind};
use model::kube::{self, WorkloadKind};
use model::load;
use model::lower::Lowering;
use model::resource::{Resource, Spec as Manifest};

use super::naming::Addresses;
use super::pod::Common;
use super::workload::Workload;
use super::{Agenda, Cluster, TRUST_DOMAIN};
use crate::app::{AppSpec, BadCall};
use crate::client::Client;
use crate::crypto::Crypto;
use crate::crypto::pki::{IssueError, Pki};
use crate::fault::{NoTarget, rules};
use crate::load::{BadLoad, LoadSpec, Origin, Sender};
use crate::oracle::Oracle;
use crate::policy::{self, Caller, Sites};
use crate::scenario::known::{Id, owned};
use crate::scenario::{self, App, Mesh, Spec, WorkloadRef};
use crate::shift::NoShift;
use crate::story::{Stories, Tell};
use crate::witness::Witness;
use crate::world::{EPOCH, NodeSpec, Role, World, WorldOptions};

/// The group of every client that is not in the cluster, in link rules and partitions.
pub(crate) const OUTSIDE: &str = "outside";

/// Kubernetes' default of `terminationGracePeriodSeconds`.
const GRACE: Duration = Duration::from_secs(30);

/// How long a pod serves on after it was told to stop, when no preStop hook says so: longer than
/// changes take to reach the proxies, as every guide to rolling updates advises.
const LINGERS: Duration = Duration::from_secs(5);

/// Pods of one run. At 0.6 MB each this is 12 GB.
const PODS_MAX: u64 = 20_000;

/// What a cluster is made from.
pub(crate) struct Plan<'a> {
    pub(crate) spec: &'a Spec,
    pub(crate) resources: &'a [Resource],
    pub(crate) seed: u64,
    pub(crate) crypto: Crypto,
    pub(crate) tell: Tell,
    pub(crate) shuffle: bool,
    pub(crate) keep_trace: bool,
    pub(crate) level: policy::Level,
}

/// Why a run could not begin.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Something in the manifests, each with its place.
    #[error("the manifests have errors")]
    Manifests(Vec<Diagnostic>),
    #[error(transparent)]
    Call(#[from] BadCall),
    #[error(transparent)]
    Load(#[from] BadLoad),
    #[error(transparent)]
    Certificates(#[from] IssueError),
    #[error("{what} names the workload {name}, which the manifests do not have")]
    NoWorkload { what: String, name: String },
    #[error(transparent)]
    NoTarget(#[from] NoTarget),
    #[error(transparent)]
    NoShift(#[from] NoShift),
    #[error("{0} pods are too many to simulate (at most {PODS_MAX})")]
    TooManyPods(u64),
}

// === impl Cluster: setup ===

impl Cluster {
    pub(crate) fn new(plan: &Plan<'_>) -> Result<Self, SetupError> {
        let spec = plan.spec;
        let mode = match spec.mesh {
            Mesh::All => MeshMode::All,
            Mesh::Annotated => MeshMode::Annotated,
        };
        let owned = owned(plan.resources);
        let mine = plan.resources.iter();
        let mine: Vec<Resource> = mine
            .filter(|r| !owned.contains(&Id::of(r)))
            .cloned()
            .collect();
        let loaded = load::load(&mine, mode);
        let mut errors = loaded.diagnostics;
        errors.retain(|d| d.level == Level::Error);
        if !errors.is_empty() {
            return Err(SetupError::Manifests(errors));
        }
        let world = World::new(&WorldOptions {
            seed: plan.seed,
            shuffle: plan.shuffle,
            keep_trace: plan.keep_trace,
        });
        world.set_dns_time(spec.network.resolution().into());
        let pki = Pki::new(plan.crypto, plan.seed, "meshctl simulated root", EPOCH)?;
        let common = Common {
            crypto: plan.crypto.provider(),
            root: pki.root().clone(),
            witness: Witness::new(Oracle::new(spec, &loaded.index)),
            stories: Stories::new(plan.tell),
            sites: (plan.level == policy::Level::Policy).then(Sites::default),
        };
        let mut cluster = Self {
            world,
            agenda: Agenda::default(),
            spec: Arc::new(spec.clone()),
            pods: BTreeMap::new(),
            workloads: BTreeMap::new(),
            senders: Vec::new(),
            obituary: Frame::empty("mesh"),
            common,
            pki,
            index: loaded.index,
            lowering: Lowering::new(TRUST_DOMAIN),
            addresses: Addresses::new(),
            propagation: BTreeMap::new(),
            propagates: spec.control.propagation().into(),
            seen: BTreeMap::new(),
            services_due: false,
            served: BTreeSet::new(),
            shifts: Vec::new(),
            active: BTreeMap::new(),
            base_links: Vec::new(),
        };
        cluster.address_services();
        cluster.add_workloads(&mine)?;
        cluster.base_links = rules(&cluster, &spec.network)?;
        cluster.relink();
        cluster.first_pods()?;
        cluster.add_loads()?;
        Ok(cluster)
    }

    /// Gives every Service that has none a ClusterIP, in the order of their names.
    pub(super) fn address_services(&mut self) {
        let services: Vec<Service> = self.index.services().cloned().collect();
        for service in &services {
            service
                .addresses
                .iter()
                .for_each(|ip| self.addresses.take(*ip));
        }
        for mut service in services {
            if service.kind == ServiceKind::Cluster && service.addresses.is_empty() {
                service.addresses = vec![self.addresses.service()];
                self.index.apply(Fact::Service(service));
            }
        }
    }

    fn add_workloads(&mut self, resources: &[Resource]) -> Result<(), SetupError> {
        let mut errors = Vec::new();
        for resource in resources {
            match self.workload(resource) {
                Ok(Some(workload)) => {
                    self.workloads.insert(Arc::clone(&workload.id), workload);
                }
                Ok(None) => {}
                Err(WorkloadError::Manifest(error)) => errors.push(error),
                Err(WorkloadError::Call(error)) => return Err(error.into()),
            }
        }
        let pods: u64 = self.workloads.values().map(|w| u64::from(w.replicas)).sum();
        match errors.is_empty() {
            false => Err(SetupError::Manifests(errors)),
            true if pods > PODS_MAX => Err(SetupError::TooManyPods(pods)),
            true => Ok(()),
        }
    }

    /// The workload of a manifest, if it is one that runs for long.
    pub(super) fn workload(&self, resource: &Resource) -> Result<Option<Workload>, WorkloadError> {
        let object = &resource.object;
        let of_pod;
        let spec = match &resource.spec {
            Manifest::Workload(spec) if spec.kind.is_long_running() => &**spec,
            Manifest::Pod(pod) => {
                of_pod = kube::Workload::of_pod(object, pod);
                &of_pod
            }
            Manifest::OwnWorkload(_) => return self.outside_kubernetes(resource).map(Some),
            _ => return Ok(None),
        };
        let kind = format!("{:?}", spec.kind);
        let (namespace, name) = (object.namespace(), object.name());
        let controller = format!("{kind}/{name}");
        let template = load::pod_of_template(
            engine::snapshot::ObjectName::new(namespace, name),
            &spec.template.metadata.labels,
            &spec.template.metadata.annotations,
            &spec.template.spec,
            controller,
            object.origin(),
        );
        let template = template.map_err(|(key, cause)| {
            WorkloadError::Manifest(object.error_at(&[], format!("annotation {key}: {cause}")))
        })?;
        let mut workload = self.one_of(object, &kind, template)?;
        workload.replicas = match spec.kind {
            // One per node, and a zone is the nearest thing to a node that is modelled.
            kind if kind.is_per_node() => self.spec.network.zones.len().max(1) as u32,
            _ => spec.replicas,
        };
        if let WorkloadKind::Deployment = spec.kind {
            (workload.surge, workload.unavailable) = spec.rollout.bounds(workload.replicas);
        }
        workload.recreate = spec.rollout.kind == kube::RolloutKind::Recreate;
        let pod = &spec.template.spec;
        let grace = pod
            .termination_grace_period_seconds
            .and_then(|s| u64::try_from(s).ok());
        workload.grace = grace.map_or(GRACE, Duration::from_secs);
        let hook = pod.containers.iter().filter_map(pre_stop).max();
        workload.lingers = hook.unwrap_or(LINGERS);
        workload.hooked = hook.is_some();
        Ok(Some(workload))
    }

    /// A process that is no pod, as the one pod that it looks like to others. Its traffic is
    /// redirected as a pod's is, so that its application listens where others connect.
    fn outside_kubernetes(&self, resource: &Resource) -> Result<Workload, WorkloadError> {
        let object = &resource.object;
        let fact = load::fact(resource).map_err(WorkloadError::Manifest)?;
        let Some(Fact::Pod(mut template)) = fact else {
            let error = object.error_at(&[], "it is no workload".to_owned());
            return Err(WorkloadError::Manifest(error));
        };
        template.app_ports.clear();
        self.one_of(object, &object.kind, template)
    }

    /// One pod of a template, with the application that the scenario gives it.
    fn one_of(
        &self,
        object: &Object,
        kind: &str,
        template: model::index::Pod,
    ) -> Result<Workload, WorkloadError> {
        let (namespace, name) = (object.namespace(), object.name());
        let assumed = App::assumed(WorkloadRef::new(namespace, kind, name));
        let app = self.spec.app(namespace, kind, name).unwrap_or(&assumed);
        Ok(Workload {
            id: format!("{namespace}/{kind}/{name}").into(),
            namespace: namespace.into(),
            kind: kind.to_owned(),
            name: name.to_owned(),
            template,
            replicas: 1,
            revision: 1,
            surge: 0,
            unavailable: 1,
            recreate: false,
            next_ordinal: 0,
            app: Arc::new(AppSpec::new(app).map_err(WorkloadError::Call)?),
            startup: scenario::event::STARTUP_TIME.0,
            lingers: LINGERS,
            hooked: false,
            grace: GRACE,
            pods: Vec::new(),
        })
    }

    /// At the first instant everything is ready and known to everybody.
    fn first_pods(&mut self) -> Result<(), SetupError> {
        let ids: Vec<Arc<str>> = self.workloads.keys().cloned().collect();
        for id in &ids {
            self.reconcile(id);
        }
        let names: Vec<_> = self.pods.keys().cloned().collect();
        for name in &names {
            if let Some(pod) = self.pods.get_mut(name) {
                pod.state = super::State::Ready;
            }
            self.set_fact_state(name, PodState::Ready);
        }
        for workload in self.workloads.values_mut() {
            workload.pods.iter_mut().for_each(|m| m.ready = true);
        }
        self.agenda = Agenda::default();
        self.lowering.update(&self.index);
        self.publish_services();
        for name in &names {
            self.start(name, 0);
        }
        Ok(())
    }

    fn add_loads(&mut self) -> Result<(), SetupError> {
        let spec = Arc::clone(&self.spec);
        for load in &spec.load {
            let made = LoadSpec::new(load, spec.duration)?;
            let sender = Sender::new(
                made,
                self.common.witness.clone(),
                self.common.stories.clone(),
            );
            let from = match &load.from {
                scenario::Sender::Outside => None,
                scenario::Sender::Workload(w) => {
                    Some(self.find(w).ok_or_else(|| SetupError::NoWorkload {
                        what: format!("load `{}`", load.name),
                        name: w.to_string(),
                    })?)
                }
            };
            if from.is_none() {
                let (rt, address) = self.outside(&load.name);
                let client = match &self.common.sites {
                    None => Client::new(rt),
                    Some(sites) => {
                        let caller = Caller::new(rt, address, None, sites.clone());
                        Client::with_caller(rt, caller)
                    }
                };
                sender.set_origins(vec![Origin { rt, client }]);
            }
            self.senders.push((from, sender));
        }
        self.place_senders();
        // Arrivals are driven from a node that no fault reaches.
        let (driver, _) = self.outside("the world's clock");
        for (_, sender) in &self.senders {
            let rng = self
                .world
                .entropy(&format!("Load/{}", sender.name()), "arrivals");
            sender.start(driver, rng);
        }
        Ok(())
    }

    fn outside(&mut self, name: &str) -> (crate::net::SimRt, IpAddr) {
        let address = self.addresses.outside();
        let node = self.world.add_node(NodeSpec {
            name: format!("Client/{name}"),
            namespace: "default".into(),
            ip: address,
            zone: "".into(),
            groups: vec![OUTSIDE.into()],
            capture: None,
        });
        (self.world.rt(node, Role::App), address)
    }

    /// The workload a scenario names.
    pub(crate) fn find(&self, name: &WorkloadRef) -> Option<Arc<str>> {
        let mut all = self.workloads.values();
        let found = all.find(|w| name.names(&w.namespace, &w.kind, &w.name))?;
        Some(Arc::clone(&found.id))
    }
}

/// Why a manifest gives no workload.
#[derive(Debug)]
pub(super) enum WorkloadError {
    Manifest(Diagnostic),
    Call(BadCall),
}

/// How long a container's preStop hook sleeps.
fn pre_stop(container: &kube::Container) -> Option<Duration> {
    let hook = container.lifecycle.as_ref()?.pre_stop.as_ref()?;
    if let Some(sleep) = &hook.sleep {
        return Some(Duration::from_secs(sleep.seconds.into()));
    }
    // `sleep 10`, alone or in a shell.
    let words = hook
        .exec
        .as_ref()?
        .command
        .iter()
        .flat_map(|w| w.split_whitespace());
    let mut words = words.skip_while(|w| !matches!(*w, "sleep" | "/bin/sleep"));
    let seconds = words.nth(1)?.trim_end_matches(['s', ';']);
    seconds.parse().ok().map(Duration::from_secs)
}
