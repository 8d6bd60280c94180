//! A process outside Kubernetes, as the pod that Services take it for.

use std::sync::Arc;

use engine::snapshot::Locality;

use super::kube::{annotation, settings};
use super::name;
use crate::diagnostic::Diagnostic;
use crate::document::Object;
use crate::index::{ContainerPort, Pod, PodState};
use crate::policy::WorkloadSpec;

/// A Workload: ready, and in the mesh as a pod would be.
///
/// # Errors
/// An annotation of ours that cannot be read.
pub fn workload(object: &Object, spec: &WorkloadSpec) -> Result<Pod, Diagnostic> {
    let settings = settings(&object.meta.labels, &object.meta.annotations)
        .map_err(|bad| annotation(object, bad.key, bad.message))?;
    let mut labels = object.meta.labels.clone();
    labels.extend(spec.labels.clone());
    let ports = spec.ports.iter();
    let account = spec.service_account.as_deref();
    let locality = spec.locality.clone().unwrap_or_default();
    Ok(Pod {
        name: name(object),
        labels,
        address: spec.addresses.first().copied(),
        service_account: account.unwrap_or("default").to_owned(),
        host_network: false,
        injected: false,
        inject: settings.inject.unwrap_or_default(),
        state: PodState::Ready,
        app_ports: ports
            .clone()
            .filter_map(|port| Some((port.port.u16(), port.app_port?.u16())))
            .collect(),
        ports: ports
            .map(|port| ContainerPort {
                name: port.name.clone(),
                port: port.port.u16(),
            })
            .collect(),
        probes: Vec::new(),
        weight: spec.weight.map_or(1, |weight| weight.u32()),
        settings: Arc::new(settings),
        controller: format!("Workload/{}", object.name()),
        locality: Locality {
            region: locality.region,
            zone: locality.zone,
        },
        origin: object.origin(),
    })
}
