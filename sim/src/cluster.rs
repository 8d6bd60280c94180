//! What Kubernetes' controllers would do: pods from workloads, addresses, names, readiness, rolling
//! updates, and configuration that reaches the proxies after a while.
//!
//! ```text
//!  manifests ──▶ Index ◀── pods: created, ready, down, terminating, gone
//!                  │ lowering: what changed
//!                  ▼
//!     snapshots ──propagation──▶ sidecars        endpoints ──propagation──▶ kube-proxy, DNS
//! ```

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use engine::entropy::Entropy;
use engine::identity::Identity;
use engine::report::Frame;
use engine::snapshot::{Locality, ObjectName};
use engine::time::Instant;
use model::index::{Fact, Index, Key, PodState};
use model::lower::Lowering;

use crate::crypto::pki::Pki;
use crate::dist::Dist;
use crate::fault::Active;
use crate::load::Sender;
use crate::net::link::LinkRule;
use crate::oracle;
use crate::scenario::Spec;
use crate::shift::Shifting;
use crate::world::{Crash, EPOCH, World};

pub(crate) mod agenda;
mod change;
pub(crate) mod check;
mod naming;
pub(crate) mod pod;
mod publish;
pub(crate) mod setup;
pub(crate) mod workload;

use agenda::{Action, Agenda};
use naming::{Addresses, pod_name};
use pod::{Common, Pod, Sidecar, State};
use workload::{Member, Step, Workload};

/// The trust domain of simulated identities, Kubernetes' default cluster domain.
const TRUST_DOMAIN: &str = "cluster.local";

/// A simulated cluster.
pub(crate) struct Cluster {
    pub(crate) world: World,
    pub(crate) agenda: Agenda,
    pub(crate) spec: Arc<Spec>,
    pub(crate) pods: BTreeMap<ObjectName, Pod>,
    pub(crate) workloads: BTreeMap<Arc<str>, Workload>,
    /// Loads, with the workload that sends each; none = from outside.
    pub(crate) senders: Vec<(Option<Arc<str>>, Sender)>,
    /// What sidecars did in this slice that are gone by its end.
    pub(crate) obituary: Frame,
    pub(crate) common: Common,
    pki: Pki,
    index: Index,
    lowering: Lowering,
    addresses: Addresses,
    /// Draws of each proxy's propagation delay.
    propagation: BTreeMap<ObjectName, Entropy>,
    propagates: Dist,
    /// Every pod there ever was, by workload, and whether it has a sidecar.
    pub(crate) seen: BTreeMap<Arc<str>, Vec<(ObjectName, bool)>>,
    /// Whether node-local load balancers are told already.
    services_due: bool,
    /// Addresses that node-local load balancers know.
    served: BTreeSet<SocketAddr>,
    /// Traffic that is being shifted.
    pub(crate) shifts: Vec<Shifting>,
    /// Events that go on.
    pub(crate) active: BTreeMap<usize, Active>,
    /// The links as the scenario has them, without faults.
    pub(crate) base_links: Vec<LinkRule>,
}

// === impl Cluster: pods ===

impl Cluster {
    /// What is applied.
    pub(crate) fn index(&self) -> &Index {
        &self.index
    }

    /// Brings a workload one step after the other to what it should be.
    pub(crate) fn reconcile(&mut self, id: &Arc<str>) {
        while let Some(step) = self.workloads.get(id).and_then(Workload::next_step) {
            match step {
                Step::Create => self.create_pod(id),
                Step::Terminate(pod) => self.terminate(&pod),
            }
        }
        self.place_senders();
    }

    /// Adds a pod to a workload; it becomes ready after its startup time.
    fn create_pod(&mut self, id: &Arc<str>) {
        let Some(workload) = self.workloads.get_mut(id) else {
            return;
        };
        // A StatefulSet fills its lowest gap, the others count on.
        let ordinal = match workload.kind.as_str() {
            "StatefulSet" => {
                let taken = |n: u32| {
                    let name = format!("{}-{n}", workload.name);
                    workload.pods.iter().any(|m| *m.pod.name == *name)
                };
                (0..).find(|n| !taken(*n)).unwrap_or_default()
            }
            _ => workload.next_ordinal,
        };
        workload.next_ordinal += 1;
        let text = pod_name(
            &workload.namespace,
            &workload.kind,
            &workload.name,
            workload.revision,
            ordinal,
        );
        let name = ObjectName::new(Arc::clone(&workload.namespace), text);
        let (startup, app) = (workload.startup, Arc::clone(&workload.app));
        workload.pods.push(Member {
            pod: name.clone(),
            revision: workload.revision,
            ready: false,
        });
        let mut fact = workload.template.clone();
        fact.name = name.clone();
        fact.state = PodState::Unready;
        let index = ordinal;
        let locality = self.locality(id, index);
        let meshed = self.index.is_meshed(&fact);
        let place = pod::Place {
            ip: self.addresses.pod(),
            zone: locality.zone.as_str().into(),
            capture: meshed.then(|| pod::capture(&fact, &self.index)),
        };
        fact.address = Some(place.ip);
        fact.locality = locality;
        let pod = Pod::create(
            &self.world,
            name.clone(),
            Arc::clone(id),
            index,
            app,
            &place,
        );
        self.index.apply(Fact::Pod(fact));
        if let Some(pod) = self.index.pod(&name) {
            let index = &self.index;
            let placed = oracle::Fact::Placed { pod, index, meshed };
            self.common.witness.tell(self.world.now(), &placed);
        }
        self.seen
            .entry(Arc::clone(id))
            .or_default()
            .push((name.clone(), meshed));
        self.pods.insert(name.clone(), pod);
        self.inherit_faults(&name);
        self.agenda.add(
            self.world.now() + startup,
            Action::Ready {
                pod: name.clone(),
                life: 0,
            },
        );
        // A sidecar starts with what the control plane knows at that moment.
        if self.world.now() > Instant::ZERO {
            self.publish();
            self.start(&name, 0);
        }
    }

    /// Starts the processes of a pod.
    pub(crate) fn start(&mut self, name: &ObjectName, life: u32) {
        let snapshot = self.lowering.snapshot(name);
        let fact = self.index.pod(name);
        let Some(pod) = self.pods.get_mut(name).filter(|p| p.life == life) else {
            return;
        };
        if let Some(fact) = fact {
            pod.ports = pod::ports_of(fact, &self.index);
            if let (Some(snapshot), None) = (&snapshot, &pod.sidecar) {
                let account = &fact.service_account;
                let id = Identity::of_service_account(TRUST_DOMAIN, &name.namespace, account);
                let lifetime = pod::CERTIFICATE_LIFETIME + self.spec.duration.0 * 2;
                // A namespace and an account that made a valid pod make a valid certificate.
                if let Ok(credentials) = self.pki.issue(&id, EPOCH, lifetime) {
                    let material = pod::material(&credentials, &self.common.root);
                    pod.sidecar = Some(Sidecar::new(id, Arc::clone(snapshot), material));
                }
            }
        }
        if let (Some(sidecar), Some(snapshot)) = (&mut pod.sidecar, snapshot) {
            sidecar.snapshots.send_replace(snapshot);
        }
        pod.start_sidecar(&self.world, &self.common);
        pod.start_app(&self.world, &self.common);
    }

    /// A pod's readiness probe succeeds.
    pub(crate) fn ready(&mut self, name: &ObjectName, life: u32) {
        let Some(pod) = self.pods.get_mut(name).filter(|p| p.life == life) else {
            return;
        };
        if pod.state == State::Terminating {
            return;
        }
        pod.state = State::Ready;
        let workload = Arc::clone(&pod.workload);
        self.set_fact_state(name, PodState::Ready);
        if let Some(member) = self
            .workloads
            .get_mut(&workload)
            .and_then(|w| w.member(name))
        {
            member.ready = true;
        }
        self.reconcile(&workload);
        self.publish();
    }

    /// Tells a pod to stop: it is no endpoint any more, serves on for a while, drains, is killed.
    fn terminate(&mut self, name: &ObjectName) {
        let Some(pod) = self.pods.get_mut(name) else {
            return;
        };
        let Some(workload) = self.workloads.get_mut(&pod.workload) else {
            return;
        };
        workload.pods.retain(|m| m.pod != *name);
        let now = self.world.now();
        let was_up = pod.state != State::Down;
        pod.state = State::Terminating;
        let grace = workload.grace.max(workload.lingers);
        let kill_at = if was_up { now + grace } else { now };
        let drain = Action::Drain {
            pod: name.clone(),
            until: kill_at,
        };
        self.agenda.add(now + workload.lingers.min(grace), drain);
        self.agenda.add(kill_at, Action::Kill { pod: name.clone() });
        self.set_fact_state(name, PodState::Terminating);
        self.publish();
    }

    pub(crate) fn drain(&self, name: &ObjectName, until: Instant) {
        if let Some(pod) = self.pods.get(name) {
            pod.drain(&self.world, until);
        }
    }

    /// The end of a terminating pod.
    pub(crate) fn remove(&mut self, name: &ObjectName) {
        self.bury(name);
        if let Some(mut pod) = self.pods.remove(name) {
            pod.stopped(&self.common);
            self.world.crash(pod.node, Crash::Reset);
        }
        self.index.remove(&Key::Pod(name.clone()));
        self.propagation.remove(name);
        self.place_senders();
        self.publish();
    }

    /// The processes of a pod die.
    pub(crate) fn crash(&mut self, name: &ObjectName, how: Crash) {
        self.bury(name);
        let detection = self.spec.control.detection().0;
        let Some(pod) = self.pods.get_mut(name) else {
            return;
        };
        if pod.state != State::Terminating {
            pod.state = State::Down;
        }
        pod.stopped(&self.common);
        self.world.crash(pod.node, how);
        let notice = Action::Notice {
            pod: name.clone(),
            life: pod.life,
        };
        self.agenda.add(self.world.now() + detection, notice);
        self.place_senders();
    }

    /// The kubelet has seen that a pod is down.
    pub(crate) fn notice(&mut self, name: &ObjectName, life: u32) {
        let is_down = |p: &&Pod| p.life == life && matches!(p.state, State::Down | State::Starting);
        let down = self.pods.get(name).filter(is_down);
        let Some(workload) = down.map(|p| Arc::clone(&p.workload)) else {
            return;
        };
        if let Some(member) = self
            .workloads
            .get_mut(&workload)
            .and_then(|w| w.member(name))
        {
            member.ready = false;
        }
        self.set_fact_state(name, PodState::Unready);
        self.publish();
    }

    /// The processes of a crashed pod start again; it is ready after `startup`.
    pub(crate) fn revive(&mut self, name: &ObjectName, startup: Duration) {
        let Some(pod) = self.pods.get_mut(name).filter(|p| p.state == State::Down) else {
            return;
        };
        pod.state = State::Starting;
        let (node, life) = (pod.node, pod.life);
        self.world.restart(node);
        let at = self.world.now() + startup;
        let pod = name.clone();
        self.agenda.add(at, Action::Start { pod, life });
        let pod = name.clone();
        self.agenda.add(at, Action::Ready { pod, life });
    }

    /// Keeps what a sidecar did in this slice, before it goes.
    fn bury(&mut self, name: &ObjectName) {
        let sidecar = self.pods.get_mut(name).and_then(|p| p.sidecar.as_mut());
        if let Some(frame) = sidecar.as_deref().and_then(Sidecar::sample) {
            self.obituary.merge(&frame);
        }
    }

    fn set_fact_state(&mut self, name: &ObjectName, state: PodState) {
        if let Some(mut fact) = self.index.pod(name).cloned() {
            fact.state = state;
            self.index.apply(Fact::Pod(fact));
        }
    }

    /// Where pod `index` of a workload runs.
    fn locality(&self, id: &Arc<str>, index: u32) -> Locality {
        let zones = &self.spec.network.zones;
        let Some(workload) = self.workloads.get(id) else {
            return Locality::default();
        };
        let named = |w: &crate::scenario::WorkloadRef| {
            w.names(&workload.namespace, &workload.kind, &workload.name)
        };
        let own = zones.iter().find(|z| z.workloads.iter().any(named));
        let spread = || zones.get(index as usize % zones.len().max(1));
        match own.or_else(spread) {
            Some(zone) => Locality {
                region: zone.region.clone().unwrap_or_default(),
                zone: zone.name.clone(),
            },
            None => workload.template.locality.clone(),
        }
    }

    /// Loads from workloads are sent by the pods that run.
    pub(crate) fn place_senders(&self) {
        for (workload, sender) in &self.senders {
            let Some(workload) = workload else {
                continue;
            };
            let of_workload = self.pods.values().filter(|p| p.workload == *workload);
            sender.set_origins(of_workload.filter_map(|p| p.origin.clone()).collect());
        }
    }
}
