//! Kubernetes' kinds → what the index knows of them.

use core::net::IpAddr;
use std::collections::BTreeMap;
use std::sync::Arc;

use engine::origin::Origin;
use engine::snapshot::{Locality, ObjectName, PortProtocol};

use super::name;
use crate::check::Code;
use crate::diagnostic::Diagnostic;
use crate::document::Object;
use crate::index::{
    Age, Bundle, ContainerPort, EndpointSlice, KeyPair, Namespace, Pod, PodState, Probe, Secret,
    Service, ServiceKind, ServicePort, SliceEndpoint, TargetPort, Written, protocol,
};
use crate::inject::annotations::ENDPOINT_WEIGHT;
use crate::inject::{BadValue, PortRanges, Settings, annotations};
use crate::kube::{
    self, AddressType, IntOrString, NAMESPACE_NAME_LABEL, PROXY_CONTAINER, PodSpec, Protocol,
    SERVICE_NAME_LABEL, ServiceType,
};
use crate::yaml::Step;

/// Envoy's bound on the sum of a locality is 2³²; ten thousand endpoints stay below.
const ENDPOINT_WEIGHT_MAX: u32 = 10_000;

type Texts = BTreeMap<String, String>;

/// A Namespace.
///
/// # Errors
/// An annotation of ours that cannot be read.
pub fn namespace(object: &Object) -> Result<Namespace, Diagnostic> {
    let settings = settings(&object.meta.labels, &object.meta.annotations)
        .map_err(|bad| annotation(object, bad.key, bad.message))?;
    let mut labels = object.meta.labels.clone();
    labels.insert(NAMESPACE_NAME_LABEL.to_owned(), object.name().to_owned());
    Ok(Namespace {
        name: object.name().into(),
        labels,
        inject: settings.inject.unwrap_or_default(),
        settings: Arc::new(settings),
        origin: object.origin(),
    })
}

/// A Service.
///
/// # Errors
/// An annotation or a cluster IP that cannot be read.
pub fn service(object: &Object, spec: &kube::Service) -> Result<Service, Diagnostic> {
    let kind = if spec.kind == ServiceType::ExternalName {
        ServiceKind::ExternalName
    } else if spec.is_headless() {
        ServiceKind::Headless
    } else {
        ServiceKind::Cluster
    };
    let opaque = object.meta.annotations.get(annotations::OPAQUE_PORTS);
    let opaque = opaque.map(|text| PortRanges::parse(text)).transpose();
    let opaque =
        opaque.map_err(|error| annotation(object, annotations::OPAQUE_PORTS, error.to_string()))?;
    let mut ports = Vec::new();
    for (index, port) in spec.ports.iter().enumerate() {
        if port.protocol != Protocol::Tcp {
            continue;
        }
        let path = [Step::Key("spec"), Step::Key("ports"), Step::Index(index)];
        let number = port.port.u16();
        let (said, is_declared) =
            protocol::of_port(port.app_protocol.as_deref(), &port.name, number);
        let annotated = opaque.as_ref().is_some_and(|ports| ports.contains(number));
        let protocol = match annotated && !is_declared {
            true => PortProtocol::Opaque,
            false => said,
        };
        ports.push(ServicePort {
            name: port.name.clone(),
            port: number,
            target: target(&port.target()),
            protocol,
            is_declared,
            line: object.line_at(&path),
        });
    }
    Ok(Service {
        name: name(object),
        kind,
        selector: spec.selector.clone(),
        addresses: addresses(object, spec, kind)?,
        ports,
        opaque_ports: opaque,
        publish_not_ready: spec.publish_not_ready_addresses,
        age: Age::of(object),
        origin: object.origin(),
        written: Some(Written {
            source: Arc::clone(object.source()),
            span: object.source().first_line(object.node().span),
        }),
    })
}

/// The cluster IPs that are written down; in files there are none as a rule.
fn addresses(
    object: &Object,
    spec: &kube::Service,
    kind: ServiceKind,
) -> Result<Vec<IpAddr>, Diagnostic> {
    let mut addresses: Vec<IpAddr> = Vec::new();
    if kind != ServiceKind::Cluster {
        return Ok(addresses);
    }
    let texts = spec
        .cluster_ip
        .iter()
        .chain(&spec.cluster_ips)
        .filter(|ip| !ip.is_empty());
    for text in texts {
        let Ok(address) = text.parse() else {
            let message = format!("`{}` is not an IP address", short(text));
            let path = [Step::Key("spec"), Step::Key("clusterIP")];
            return Err(object.error_at(&path, message));
        };
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    Ok(addresses)
}

/// A Secret, of which only a certificate and its key are kept.
pub fn secret(object: &Object, spec: &kube::Secret) -> Secret {
    let part = |key| spec.value(key).map(Arc::from);
    Secret {
        name: name(object),
        pair: part("tls.crt")
            .zip(part("tls.key"))
            .map(|(chain, key)| KeyPair { chain, key }),
        origin: object.origin(),
    }
}

/// A ConfigMap with certificates of authorities; none for all others.
pub fn bundle(object: &Object, spec: &kube::ConfigMap) -> Option<Bundle> {
    let text = spec.data.get("ca.crt").map(String::as_bytes);
    let bytes = || spec.binary_data.get("ca.crt").map(|binary| &*binary.0);
    Some(Bundle {
        name: name(object),
        pem: text.or_else(bytes)?.into(),
    })
}

/// An EndpointSlice; none when it belongs to no Service or holds host names.
///
/// # Errors
/// An address that is no IP address.
pub fn endpoint_slice(
    object: &Object,
    spec: &kube::EndpointSlice,
) -> Result<Option<EndpointSlice>, Diagnostic> {
    let service = object.meta.labels.get(SERVICE_NAME_LABEL);
    let (Some(service), true) = (service, spec.address_type != AddressType::Fqdn) else {
        return Ok(None);
    };
    let tcp = spec
        .ports
        .iter()
        .filter(|port| port.protocol == Protocol::Tcp);
    let ports = tcp.filter_map(|port| Some((port.name.clone(), port.port?.u16())));
    let mut endpoints = Vec::with_capacity(spec.endpoints.len());
    for (index, endpoint) in spec.endpoints.iter().enumerate() {
        // The API: consumers take the first address.
        let Some(text) = endpoint.addresses.first() else {
            continue;
        };
        let Ok(address) = text.parse() else {
            let message = format!("`{}` is not an IP address", short(text));
            let path = [
                Step::Key("endpoints"),
                Step::Index(index),
                Step::Key("addresses"),
            ];
            return Err(object.error_at(&path, message));
        };
        let pod = endpoint
            .target_ref
            .as_ref()
            .filter(|target| target.kind == "Pod" || target.kind == "Workload");
        endpoints.push(SliceEndpoint {
            address,
            ready: endpoint.conditions.is_ready(),
            serving: endpoint.conditions.is_serving(),
            terminating: endpoint.conditions.is_terminating(),
            pod: pod.map(|pod| pod.name.as_str().into()),
            zone: endpoint.zone.clone().unwrap_or_default(),
        });
    }
    Ok(Some(EndpointSlice {
        name: name(object),
        service: service.as_str().into(),
        ports: ports.collect(),
        endpoints,
        origin: object.origin(),
    }))
}

/// A Pod as it stands in a manifest or a cluster. Without a status it counts as ready.
///
/// # Errors
/// An annotation of ours or an address that cannot be read.
pub fn pod(object: &Object, spec: &kube::Pod) -> Result<Pod, Diagnostic> {
    let controller = match object.meta.controller() {
        Some(owner) => format!("{}/{}", owner.kind, owner.name),
        None => format!("Pod/{}", object.name()),
    };
    let mut pod = pod_of_template(
        name(object),
        &object.meta.labels,
        &object.meta.annotations,
        &spec.spec,
        controller,
        object.origin(),
    )
    .map_err(|(key, error)| annotation(object, key, error))?;
    if let Some(text) = spec.status.pod_ip.as_deref().filter(|ip| !ip.is_empty()) {
        let path = [Step::Key("status"), Step::Key("podIP")];
        let message = || format!("`{}` is not an IP address", short(text));
        pod.address = Some(
            text.parse()
                .map_err(|_| object.error_at(&path, message()))?,
        );
    }
    pod.state = match spec.status.phase.as_deref() {
        Some("Succeeded" | "Failed") => PodState::Finished,
        _ if object.meta.deletion_timestamp.is_some() => PodState::Terminating,
        _ if spec.status.is_ready().unwrap_or(true) => PodState::Ready,
        _ => PodState::Unready,
    };
    Ok(pod)
}

/// A pod made from a template: ready, without an address, nowhere in particular. Whoever runs it
/// fills these in.
///
/// # Errors
/// The key of an annotation of ours that cannot be read, and why.
pub fn pod_of_template(
    name: ObjectName,
    labels: &Texts,
    annotations: &Texts,
    spec: &PodSpec,
    controller: String,
    origin: Origin,
) -> Result<Pod, (&'static str, String)> {
    let settings = settings(labels, annotations).map_err(|bad| (bad.key, bad.message))?;
    let ports = spec.application().flat_map(|container| &container.ports);
    let tcp = ports.filter(|port| port.protocol == Protocol::Tcp);
    let probes = spec.application().flat_map(|container| {
        [
            &container.readiness_probe,
            &container.liveness_probe,
            &container.startup_probe,
        ]
    });
    let probes = probes.flatten().filter_map(|probe| probe.http_get.as_ref());
    Ok(Pod {
        name,
        labels: labels.clone(),
        address: None,
        service_account: spec.service_account().to_owned(),
        host_network: spec.host_network,
        injected: spec
            .running()
            .any(|container| container.name == PROXY_CONTAINER),
        inject: settings.inject.unwrap_or_default(),
        state: PodState::Ready,
        ports: tcp
            .map(|port| ContainerPort {
                name: port.name.clone(),
                port: port.container_port.u16(),
            })
            .collect(),
        probes: probes
            .map(|http| Probe {
                port: target(&http.port),
                path: if http.path.is_empty() {
                    "/".to_owned()
                } else {
                    http.path.clone()
                },
            })
            .collect(),
        app_ports: BTreeMap::new(),
        weight: weight(annotations).map_err(|error| (ENDPOINT_WEIGHT, error))?,
        settings: Arc::new(settings),
        controller,
        locality: Locality::default(),
        origin,
    })
}

fn target(port: &IntOrString) -> TargetPort {
    match port {
        IntOrString::String(name) => TargetPort::Name(name.clone()),
        // Out of range means nobody: no container has port 0.
        IntOrString::Int(number) => TargetPort::Number(u16::try_from(*number).unwrap_or(0)),
    }
}

/// The first value that cannot be read is the one that is told.
pub(super) fn settings(labels: &Texts, annotations: &Texts) -> Result<Settings, BadValue> {
    annotations::read(labels, annotations).map_err(|bad| {
        let first = bad.into_iter().next();
        first.unwrap_or_else(|| BadValue {
            key: annotations::INJECT,
            message: "it cannot be read".to_owned(),
        })
    })
}

fn weight(annotations: &Texts) -> Result<u32, String> {
    let Some(text) = annotations.get(ENDPOINT_WEIGHT) else {
        return Ok(1);
    };
    let weight = text.parse().ok();
    weight
        .filter(|weight| (1..=ENDPOINT_WEIGHT_MAX).contains(weight))
        .ok_or_else(|| {
            format!(
                "`{}` is not a weight: allowed is a whole number from 1 to {ENDPOINT_WEIGHT_MAX}",
                short(text)
            )
        })
}

pub(super) fn annotation(object: &Object, key: &str, message: String) -> Diagnostic {
    let metadata = |map| [Step::Key("metadata"), Step::Key(map), Step::Key(key)];
    let annotations = metadata("annotations");
    let path = match object.at(&annotations) {
        Some(_) => annotations,
        None => metadata("labels"),
    };
    object.error_at(&path, message).code(Code::AnnotationValue)
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}
