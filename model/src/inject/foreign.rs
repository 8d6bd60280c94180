//! Sidecars of other meshes. Two proxies that capture the same traffic break a pod.

use super::pod::PodView;

/// Names of containers that only a mesh adds, and whose.
const CONTAINERS: &[(&str, &str)] = &[
    ("linkerd-proxy", "Linkerd"),
    ("linkerd-init", "Linkerd"),
    ("linkerd-network-validator", "Linkerd"),
    ("istio-proxy", "Istio"),
    ("istio-init", "Istio"),
    ("istio-validation", "Istio"),
    ("consul-dataplane", "Consul"),
    ("consul-connect-inject-init", "Consul"),
    ("kuma-sidecar", "Kuma"),
    ("kuma-init", "Kuma"),
];

/// Images of proxies, as the end of the repository's name.
const IMAGES: &[(&str, &str)] = &[
    ("linkerd/proxy", "Linkerd"),
    ("istio/proxyv2", "Istio"),
    ("istio-release/proxyv2", "Istio"),
    ("hashicorp/consul-dataplane", "Consul"),
    ("kumahq/kuma-dp", "Kuma"),
];

/// The container of another mesh, and its mesh.
pub(super) fn sidecar<'a>(pod: PodView<'a>) -> Option<(&'a str, &'static str)> {
    pod.containers().find_map(|container| {
        let by_name = CONTAINERS.iter().find(|row| row.0 == container.name());
        let repository = repository(container.image());
        let by_image = || {
            IMAGES.iter().find(|row| {
                let rest = repository.strip_suffix(row.0);
                rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
            })
        };
        let row = by_name.or_else(by_image)?;
        Some((container.name(), row.1))
    })
}

/// Annotations and labels that ask another mesh's webhook for its sidecar, with their values.
const ASKING: &[(&str, &str, &str)] = &[
    ("linkerd.io/inject", "enabled", "Linkerd"),
    ("linkerd.io/inject", "ingress", "Linkerd"),
    ("sidecar.istio.io/inject", "true", "Istio"),
    ("consul.hashicorp.com/connect-inject", "true", "Consul"),
    ("kuma.io/sidecar-injection", "enabled", "Kuma"),
];

/// The key by which the pod asks another mesh for its sidecar, and that mesh.
pub(super) fn asked(pod: PodView<'_>) -> Option<(&'static str, &'static str)> {
    let (labels, annotations) = (pod.labels(), pod.annotations());
    let asks = |(key, value, _): &&(&'static str, &'static str, &'static str)| {
        let said = annotations.get(*key).or_else(|| labels.get(*key));
        said.is_some_and(|said| said == value)
    };
    let row = ASKING.iter().find(asks)?;
    Some((row.0, row.2))
}

/// An image without tag and digest.
fn repository(image: &str) -> &str {
    let name = image.split('@').next().unwrap_or(image);
    match name.rfind(':') {
        // A colon before a slash belongs to the registry's port.
        Some(at) if !name[at..].contains('/') => &name[..at],
        _ => name,
    }
}
