//! How changes become known: to the proxies, to node-local load balancers and to DNS.

use core::net::SocketAddr;
use std::collections::BTreeSet;
use std::sync::Arc;

use engine::snapshot::ObjectName;
use model::index::{PodState, Service, ServiceKind};

use super::agenda::Action;
use super::{Cluster, State};
use crate::oracle::Fact;

/// What is behind the names of ExternalName Services is not simulated.
const DOMAIN: &str = "svc.cluster.local";

// === impl Cluster: publishing ===

impl Cluster {
    /// Lowers what changed and sends it on its way. Each proxy draws its own delay, and never gets
    /// an older state after a newer one.
    pub(crate) fn publish(&mut self) {
        if !self.lowering.update(&self.index) {
            return;
        }
        let now = self.world.now();
        if !self.services_due {
            self.services_due = true;
            let delay = self.propagates.mean();
            self.agenda.add(now + delay, Action::PublishServices);
        }
        for (name, pod) in &mut self.pods {
            let Some(sidecar) = &mut pod.sidecar else {
                continue;
            };
            let Some(snapshot) = self.lowering.snapshot(name) else {
                continue;
            };
            if sidecar.newest == snapshot.version {
                continue;
            }
            sidecar.newest = snapshot.version;
            if sidecar.disconnected > 0 {
                sidecar.missed = Some(snapshot);
                continue;
            }
            let world = &self.world;
            let stream = self.propagation.entry(name.clone());
            let rng =
                stream.or_insert_with(|| world.entropy(&format!("Pod/{name}"), "propagation"));
            let at = sidecar
                .delivered_until
                .max(now + self.propagates.sample(rng));
            sidecar.delivered_until = at;
            let pod = name.clone();
            self.agenda.add(at, Action::Deliver { pod, snapshot });
        }
    }

    /// A configuration reaches a proxy; one that is cut off meanwhile gets it when it is back,
    /// unless there is a newer one by then.
    pub(crate) fn deliver(&mut self, pod: &ObjectName, snapshot: Arc<engine::snapshot::Snapshot>) {
        let Some(sidecar) = self.pods.get_mut(pod).and_then(|p| p.sidecar.as_mut()) else {
            return;
        };
        if sidecar.disconnected == 0 {
            sidecar.snapshots.send_replace(snapshot);
        } else if sidecar.newest == snapshot.version {
            sidecar.missed = Some(snapshot);
        }
    }

    /// Cuts a proxy off from the control plane, or connects it again.
    pub(crate) fn disconnect(&mut self, pod: &ObjectName, cut: bool) {
        let Some(sidecar) = self.pods.get_mut(pod).and_then(|p| p.sidecar.as_mut()) else {
            return;
        };
        if cut {
            sidecar.disconnected += 1;
            return;
        }
        sidecar.disconnected = sidecar.disconnected.saturating_sub(1);
        if sidecar.disconnected > 0 {
            return;
        }
        if let Some(snapshot) = sidecar.missed.take() {
            // What was sent before is not to arrive after it.
            let at = sidecar.delivered_until.max(self.world.now());
            sidecar.delivered_until = at;
            let pod = pod.clone();
            self.agenda.add(at, Action::Deliver { pod, snapshot });
        }
    }

    /// Tells the invariants what each proxy knows in the end. Those that are cut off, and those
    /// that something is still on its way to, are left out.
    pub(crate) fn tell_what_is_known(&self) {
        let now = self.world.now();
        for (name, pod) in &self.pods {
            let settled = |s: &&super::Sidecar| s.disconnected == 0 && s.delivered_until < now;
            let sidecar = pod.sidecar.as_ref().filter(settled);
            let (Some(sidecar), State::Ready) = (sidecar, pod.state) else {
                continue;
            };
            let Some(newest) = self.lowering.snapshot(name) else {
                continue;
            };
            let fact = Fact::Knows {
                pod: &name.to_string(),
                version: sidecar.snapshots.borrow().version,
                newest: newest.version,
            };
            self.common.witness.tell(now, &fact);
        }
    }

    /// Node-local load balancers and DNS learn of the endpoints as they are now.
    pub(crate) fn publish_services(&mut self) {
        self.services_due = false;
        let mut gone: BTreeSet<SocketAddr> = core::mem::take(&mut self.served);
        let services: Vec<Service> = self.index.services().cloned().collect();
        for service in &services {
            let host = format!("{}.{}.{DOMAIN}", service.name.name, service.name.namespace);
            match service.kind {
                ServiceKind::Cluster => {
                    self.world.set_dns(&host, service.addresses.clone());
                    self.balance(service, &mut gone);
                }
                ServiceKind::Headless => self.name_pods(service, &host),
                ServiceKind::ExternalName => {}
            }
        }
        for address in gone {
            self.world.remove_service(address);
        }
    }

    /// kube-proxy's table of one Service: ready endpoints, or those that terminate but still serve
    /// when there are none (KEP-1669).
    fn balance(&mut self, service: &Service, gone: &mut BTreeSet<SocketAddr>) {
        for port in &service.ports {
            let endpoints = |state: PodState| -> Vec<SocketAddr> {
                let pods = self.index.pods_of_service(&service.name);
                let there = pods.filter(|p| p.state == state || service.publish_not_ready);
                there
                    .filter_map(|p| Some(SocketAddr::new(p.address?, p.resolve(&port.target)?)))
                    .collect()
            };
            let mut found = endpoints(PodState::Ready);
            if found.is_empty() {
                found = endpoints(PodState::Terminating);
            }
            for ip in &service.addresses {
                let address = SocketAddr::new(*ip, port.port);
                gone.remove(&address);
                self.served.insert(address);
                self.world.set_service(address, found.clone());
            }
        }
    }

    /// A headless Service resolves to its ready pods, and each of its pods has a name.
    fn name_pods(&self, service: &Service, host: &str) {
        let mut addresses = Vec::new();
        for pod in self.index.pods_of_service(&service.name) {
            let Some(address) = pod.address else {
                continue;
            };
            self.world
                .set_dns(&format!("{}.{host}", pod.name.name), vec![address]);
            if pod.state == PodState::Ready || service.publish_not_ready {
                addresses.push(address);
            }
        }
        self.world.set_dns(host, addresses);
    }

    /// Pods of a workload, in the order in which events count them.
    pub(crate) fn pods_of(&self, workload: &str) -> Vec<ObjectName> {
        let mut pods: Vec<_> = self
            .pods
            .values()
            .filter(|p| &*p.workload == workload && p.state != State::Terminating)
            .map(|p| (p.index, p.name.clone()))
            .collect();
        pods.sort();
        pods.into_iter().map(|(_, name)| name).collect()
    }
}
