//! What operators do to a cluster while it runs: apply, delete, scale, roll out.

use core::time::Duration;
use std::sync::Arc;

use engine::snapshot::{ObjectName, RouteKind};
use engine::time::Wall;
use model::index::{Fact, Key, ServiceKind};
use model::load;
use model::resource::Resource;

use super::setup::{SetupError, WorkloadError};
use super::{Cluster, pod};
use crate::app::AppSpec;
use crate::scenario::event::{Rollout, Scale};
use crate::scenario::{self, ObjectRef};
use crate::world::EPOCH;

/// An expired certificate expired this long ago.
const EXPIRED_FOR: Duration = Duration::from_secs(2);

// === impl Cluster: changes ===

impl Cluster {
    /// What an event that is no fault does. True when it was one.
    pub(crate) fn change(
        &mut self,
        event: usize,
        applied: &[Resource],
    ) -> Result<bool, SetupError> {
        let spec = Arc::clone(&self.spec);
        let Some(action) = spec.events.get(event).and_then(scenario::Event::action) else {
            return Ok(false);
        };
        match action {
            scenario::Action::Apply(apply) => {
                self.apply(applied)?;
                apply.delete.iter().for_each(|object| self.delete(object));
                self.publish();
            }
            scenario::Action::Scale(scale) => self.scale(scale)?,
            scenario::Action::Rollout(rollout) => self.roll_out(rollout)?,
            scenario::Action::Shift(shift) => self.begin_shift(event, shift)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn scale(&mut self, scale: &Scale) -> Result<(), SetupError> {
        let id = self.target(&scale.target)?;
        if let Some(workload) = self.workloads.get_mut(&id) {
            workload.replicas = scale.replicas;
            workload.startup = scale.startup_time.0;
        }
        self.reconcile(&id);
        Ok(())
    }

    fn roll_out(&mut self, rollout: &Rollout) -> Result<(), SetupError> {
        let id = self.target(&rollout.target)?;
        if let Some(workload) = self.workloads.get_mut(&id) {
            workload.revision += 1;
            workload.next_ordinal = 0;
            workload.startup = rollout.startup_time.0;
            workload.surge = rollout.max_surge.unwrap_or(workload.surge);
            workload.unavailable = rollout.max_unavailable.unwrap_or(workload.unavailable);
            if (workload.surge, workload.unavailable) == (0, 0) {
                // Kubernetes refuses this, since nothing could ever move.
                workload.unavailable = 1;
            }
            if let Some(drain) = rollout.drain {
                workload.lingers = drain.0;
            }
            let mut app = AppSpec::clone(&workload.app);
            app.error_rate = rollout.error_rate.map_or(app.error_rate, |r| r.0);
            app.service_time = rollout.service_time.map_or(app.service_time, Into::into);
            workload.app = Arc::new(app);
        }
        self.reconcile(&id);
        Ok(())
    }

    fn target(&self, name: &scenario::WorkloadRef) -> Result<Arc<str>, SetupError> {
        self.find(name).ok_or_else(|| SetupError::NoWorkload {
            what: "an event".into(),
            name: name.to_string(),
        })
    }

    fn apply(&mut self, resources: &[Resource]) -> Result<(), SetupError> {
        let mut errors = Vec::new();
        for resource in resources {
            match self.workload(resource) {
                Ok(Some(new)) => self.apply_workload(new),
                Ok(None) => match load::fact(resource) {
                    Ok(Some(fact)) => self.apply_fact(fact),
                    Ok(None) => {}
                    Err(error) => errors.push(error),
                },
                Err(WorkloadError::Manifest(error)) => errors.push(error),
                Err(WorkloadError::Call(error)) => return Err(error.into()),
            }
        }
        match errors.is_empty() {
            true => Ok(()),
            false => Err(SetupError::Manifests(errors)),
        }
    }

    pub(crate) fn apply_fact(&mut self, fact: Fact) {
        let mut fact = fact;
        if let Fact::Service(service) = &mut fact
            && service.kind == ServiceKind::Cluster
            && service.addresses.is_empty()
        {
            // A Service keeps the address it was given.
            let before = self.index.service(&service.name);
            service.addresses = match before {
                Some(before) if !before.addresses.is_empty() => before.addresses.clone(),
                _ => vec![self.addresses.service()],
            };
        }
        self.index.apply(fact);
    }

    fn apply_workload(&mut self, new: super::Workload) {
        let id = Arc::clone(&new.id);
        match self.workloads.get_mut(&id) {
            Some(old) => {
                let changed = !same_template(&old.template, &new.template);
                old.replicas = new.replicas;
                (old.surge, old.unavailable) = (new.surge, new.unavailable);
                (old.grace, old.recreate) = (new.grace, new.recreate);
                if changed {
                    old.template = new.template;
                    old.revision += 1;
                    old.next_ordinal = 0;
                }
            }
            None => {
                self.workloads.insert(Arc::clone(&id), new);
            }
        }
        self.reconcile(&id);
    }

    fn delete(&mut self, object: &ObjectRef) {
        let name = ObjectName::new(object.namespace.as_str(), object.name.as_str());
        let key = match object.kind.as_str() {
            "Namespace" => Key::Namespace(object.name.as_str().into()),
            "Service" => Key::Service(name),
            "EndpointSlice" => Key::EndpointSlice(name),
            "HTTPRoute" => Key::Route(RouteKind::Http, name),
            "GRPCRoute" => Key::Route(RouteKind::Grpc, name),
            "TCPRoute" => Key::Route(RouteKind::Tcp, name),
            "TLSRoute" => Key::Route(RouteKind::Tls, name),
            "BackendPolicy" => Key::BackendPolicy(name),
            "TrafficPolicy" => Key::TrafficPolicy(name),
            "AuthorizationPolicy" => Key::AuthorizationPolicy(name),
            "RateLimitPolicy" => Key::RateLimitPolicy(name),
            kind => {
                let id: Arc<str> = format!("{}/{kind}/{}", object.namespace, object.name).into();
                if let Some(workload) = self.workloads.get_mut(&id) {
                    workload.replicas = 0;
                    self.reconcile(&id);
                }
                return;
            }
        };
        self.index.remove(&key);
    }

    /// Gives a pod a certificate: one that has expired, or a good one.
    pub(crate) fn certify(&mut self, name: &ObjectName, expired: bool) {
        let Some(sidecar) = self.pods.get(name).and_then(|p| p.sidecar.as_ref()) else {
            return;
        };
        let run = self.world.now().since(engine::time::Instant::ZERO);
        let day = pod::CERTIFICATE_LIFETIME;
        let (issued, lifetime) = match expired {
            // Issued the day before and over since a moment: certificates count in seconds.
            true => (
                EPOCH.0 - engine::time::nanos(day),
                day + run - EXPIRED_FOR.min(day + run),
            ),
            false => (EPOCH.0, day + self.spec.duration.0 * 2),
        };
        if let Ok(credentials) = self.pki.issue(&sidecar.identity, Wall(issued), lifetime) {
            let material = pod::material(&credentials, &self.common.root);
            sidecar.material.send_replace(Arc::new(material));
        }
    }
}

/// Whether two templates make the same pods; where they are written is no difference.
fn same_template(a: &model::index::Pod, b: &model::index::Pod) -> bool {
    let mut b = b.clone();
    b.origin = a.origin.clone();
    *a == b
}
