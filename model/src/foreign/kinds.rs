//! The tables: which kinds and annotations belong to whom, and what they would do.
//!
//! From each project's own API reference. A kind of a listed group that is not in its table counts
//! as changing behaviour: new kinds of a mesh are policy more often than not.

use super::{Effect, Owner};

/// What a kind or annotation is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    pub(super) owner: Owner,
    pub(super) effect: Effect,
    pub(super) does: &'static str,
}

/// Rows of a group: kind, effect, and what it does.
type Rows = &'static [(&'static str, Effect, &'static str)];

use Effect::{Behaviour, None as NoEffect};

const ISTIO_NETWORKING: Rows = &[
    (
        "VirtualService",
        Behaviour,
        "routes, retries, timeouts and faults",
    ),
    (
        "DestinationRule",
        Behaviour,
        "load balancing, breakers and TLS to a destination",
    ),
    ("Gateway", Behaviour, "opens ports of a gateway"),
    (
        "ServiceEntry",
        Behaviour,
        "adds destinations outside the cluster",
    ),
    (
        "WorkloadEntry",
        Behaviour,
        "adds endpoints outside the cluster",
    ),
    (
        "WorkloadGroup",
        NoEffect,
        "a template for workloads outside the cluster",
    ),
    (
        "Sidecar",
        Behaviour,
        "limits which destinations a proxy knows",
    ),
    (
        "EnvoyFilter",
        Behaviour,
        "changes the proxy's own configuration",
    ),
    ("ProxyConfig", NoEffect, "settings of the proxy process"),
];

const ISTIO_SECURITY: Rows = &[
    (
        "PeerAuthentication",
        Behaviour,
        "demands or refuses mutual TLS",
    ),
    (
        "AuthorizationPolicy",
        Behaviour,
        "allows and denies requests",
    ),
    (
        "RequestAuthentication",
        Behaviour,
        "refuses requests with bad tokens",
    ),
];

const ISTIO_EXTENSIONS: Rows = &[
    ("WasmPlugin", Behaviour, "runs code on each request"),
    ("TrafficExtension", Behaviour, "runs code on each request"),
];

const ISTIO_TELEMETRY: Rows = &[("Telemetry", NoEffect, "metrics, traces and access logs")];

const ISTIO_INSTALL: Rows = &[("IstioOperator", NoEffect, "installs Istio")];

const LINKERD: Rows = &[("ServiceProfile", Behaviour, "routes, retries and timeouts")];

const LINKERD_POLICY: Rows = &[
    (
        "Server",
        Behaviour,
        "denies requests to a port unless a policy allows them",
    ),
    (
        "ServerAuthorization",
        Behaviour,
        "allows requests to a port",
    ),
    (
        "AuthorizationPolicy",
        Behaviour,
        "allows requests to a port or route",
    ),
    ("MeshTLSAuthentication", Behaviour, "names who is allowed"),
    ("NetworkAuthentication", Behaviour, "names who is allowed"),
    ("HTTPRoute", Behaviour, "routes, retries and timeouts"),
    (
        "HTTPLocalRateLimitPolicy",
        Behaviour,
        "limits the rate of requests",
    ),
    (
        "EgressNetwork",
        Behaviour,
        "allows or denies traffic that leaves the cluster",
    ),
];

const LINKERD_WORKLOAD: Rows = &[("ExternalWorkload", Behaviour, "adds endpoints")];

const LINKERD_MULTICLUSTER: Rows = &[("Link", Behaviour, "adds Services of another cluster")];

const SMI_SPLIT: Rows = &[("TrafficSplit", Behaviour, "splits traffic between Services")];

const SMI_ACCESS: Rows = &[(
    "TrafficTarget",
    Behaviour,
    "allows requests between workloads",
)];

const SMI_SPECS: Rows = &[
    (
        "HTTPRouteGroup",
        Behaviour,
        "describes routes for other SMI objects",
    ),
    (
        "TCPRoute",
        Behaviour,
        "describes traffic for other SMI objects",
    ),
    (
        "UDPRoute",
        Behaviour,
        "describes traffic for other SMI objects",
    ),
];

const CONSUL: Rows = &[
    (
        "ServiceDefaults",
        Behaviour,
        "protocol, limits and timeouts of a service",
    ),
    (
        "ServiceResolver",
        Behaviour,
        "subsets, failover and load balancing",
    ),
    ("ServiceRouter", Behaviour, "routes, retries and timeouts"),
    (
        "ServiceSplitter",
        Behaviour,
        "splits traffic between services",
    ),
    (
        "ServiceIntentions",
        Behaviour,
        "allows and denies connections",
    ),
    ("IngressGateway", Behaviour, "opens ports of a gateway"),
    (
        "TerminatingGateway",
        Behaviour,
        "lets traffic leave the mesh",
    ),
    ("Mesh", Behaviour, "settings of the whole mesh"),
    ("ProxyDefaults", Behaviour, "settings of all proxies"),
    (
        "ExportedServices",
        Behaviour,
        "shares services with other clusters",
    ),
];

const KUMA: Rows = &[
    ("MeshAccessLog", NoEffect, "access logs"),
    ("MeshMetric", NoEffect, "metrics"),
    ("MeshTrace", NoEffect, "traces"),
    ("TrafficLog", NoEffect, "access logs"),
    ("TrafficTrace", NoEffect, "traces"),
    ("Zone", NoEffect, "describes the installation"),
    ("ZoneInsight", NoEffect, "a status"),
    ("DataplaneInsight", NoEffect, "a status"),
    ("MeshInsight", NoEffect, "a status"),
    ("ServiceInsight", NoEffect, "a status"),
    (
        "ContainerPatch",
        NoEffect,
        "changes how sidecars are installed",
    ),
    ("MeshHTTPRoute", Behaviour, "routes"),
    ("MeshTCPRoute", Behaviour, "routes"),
    ("MeshRetry", Behaviour, "retries"),
    ("MeshTimeout", Behaviour, "timeouts"),
    ("MeshCircuitBreaker", Behaviour, "breakers and ejection"),
    ("MeshLoadBalancingStrategy", Behaviour, "load balancing"),
    ("MeshHealthCheck", Behaviour, "health checks"),
    ("MeshFaultInjection", Behaviour, "injects faults"),
    ("MeshRateLimit", Behaviour, "limits the rate of requests"),
    (
        "MeshTrafficPermission",
        Behaviour,
        "allows and denies requests",
    ),
    ("MeshTLS", Behaviour, "settings of mutual TLS"),
    (
        "MeshProxyPatch",
        Behaviour,
        "changes the proxy's own configuration",
    ),
];

const KUBERNETES: Rows = &[("NetworkPolicy", Behaviour, "allows and denies connections")];

const KUBERNETES_POLICY: Rows = &[
    (
        "AdminNetworkPolicy",
        Behaviour,
        "allows and denies connections",
    ),
    (
        "BaselineAdminNetworkPolicy",
        Behaviour,
        "allows and denies connections",
    ),
    (
        "ClusterNetworkPolicy",
        Behaviour,
        "allows and denies connections",
    ),
];

const CILIUM: Rows = &[
    (
        "CiliumNetworkPolicy",
        Behaviour,
        "allows and denies connections and requests",
    ),
    (
        "CiliumClusterwideNetworkPolicy",
        Behaviour,
        "allows and denies connections and requests",
    ),
    (
        "CiliumLocalRedirectPolicy",
        Behaviour,
        "redirects connections",
    ),
    (
        "CiliumEgressGatewayPolicy",
        Behaviour,
        "sends traffic through a gateway",
    ),
    ("CiliumEnvoyConfig", Behaviour, "routes requests"),
    ("CiliumClusterwideEnvoyConfig", Behaviour, "routes requests"),
];

const CALICO: Rows = &[
    ("NetworkPolicy", Behaviour, "allows and denies connections"),
    (
        "GlobalNetworkPolicy",
        Behaviour,
        "allows and denies connections",
    ),
    (
        "StagedNetworkPolicy",
        NoEffect,
        "a policy that is only tried out",
    ),
    (
        "StagedGlobalNetworkPolicy",
        NoEffect,
        "a policy that is only tried out",
    ),
];

const ENVOY_GATEWAY: Rows = &[
    ("EnvoyProxy", NoEffect, "installs Envoy"),
    (
        "BackendTrafficPolicy",
        Behaviour,
        "load balancing, retries, breakers and limits",
    ),
    ("ClientTrafficPolicy", Behaviour, "settings of a listener"),
    ("SecurityPolicy", Behaviour, "allows and denies requests"),
    (
        "EnvoyPatchPolicy",
        Behaviour,
        "changes the proxy's own configuration",
    ),
    (
        "EnvoyExtensionPolicy",
        Behaviour,
        "runs code on each request",
    ),
    ("HTTPRouteFilter", Behaviour, "changes requests"),
    ("Backend", Behaviour, "adds destinations"),
];

const TRAEFIK: Rows = &[
    ("IngressRoute", Behaviour, "routes requests from outside"),
    (
        "IngressRouteTCP",
        Behaviour,
        "routes connections from outside",
    ),
    ("IngressRouteUDP", Behaviour, "routes packets from outside"),
    ("Middleware", Behaviour, "changes requests"),
    ("TraefikService", Behaviour, "splits and mirrors traffic"),
];

/// A group whose every kind is one owner's.
const WHOLE_GROUPS: &[(&str, Owner, Rows)] = &[
    ("networking.istio.io", Owner::Istio, ISTIO_NETWORKING),
    ("security.istio.io", Owner::Istio, ISTIO_SECURITY),
    ("extensions.istio.io", Owner::Istio, ISTIO_EXTENSIONS),
    ("telemetry.istio.io", Owner::Istio, ISTIO_TELEMETRY),
    ("install.istio.io", Owner::Istio, ISTIO_INSTALL),
    ("linkerd.io", Owner::Linkerd, LINKERD),
    ("policy.linkerd.io", Owner::Linkerd, LINKERD_POLICY),
    ("workload.linkerd.io", Owner::Linkerd, LINKERD_WORKLOAD),
    (
        "multicluster.linkerd.io",
        Owner::Linkerd,
        LINKERD_MULTICLUSTER,
    ),
    ("split.smi-spec.io", Owner::Smi, SMI_SPLIT),
    ("access.smi-spec.io", Owner::Smi, SMI_ACCESS),
    ("specs.smi-spec.io", Owner::Smi, SMI_SPECS),
    ("consul.hashicorp.com", Owner::Consul, CONSUL),
    ("kuma.io", Owner::Kuma, KUMA),
    ("policy.openservicemesh.io", Owner::OpenServiceMesh, &[]),
];

/// Groups of which only the kinds listed are policy.
const SOME_KINDS: &[(&str, Owner, Rows)] = &[
    ("networking.k8s.io", Owner::Kubernetes, KUBERNETES),
    (
        "policy.networking.k8s.io",
        Owner::Kubernetes,
        KUBERNETES_POLICY,
    ),
    ("cilium.io", Owner::Cilium, CILIUM),
    ("crd.projectcalico.org", Owner::Calico, CALICO),
    ("projectcalico.org", Owner::Calico, CALICO),
    ("gateway.envoyproxy.io", Owner::EnvoyGateway, ENVOY_GATEWAY),
    ("traefik.io", Owner::Traefik, TRAEFIK),
    ("traefik.containo.us", Owner::Traefik, TRAEFIK),
];

/// Annotations that change what a proxy does with requests, by the beginning of their key.
const ANNOTATIONS: &[(&str, Owner, &str)] = &[
    (
        "balancer.linkerd.io/",
        Owner::Linkerd,
        "breakers and load balancing",
    ),
    ("retry.linkerd.io/", Owner::Linkerd, "retries"),
    ("timeout.linkerd.io/", Owner::Linkerd, "timeouts"),
    (
        "config.linkerd.io/default-inbound-policy",
        Owner::Linkerd,
        "denies requests by default",
    ),
    (
        "config.linkerd.io/opaque-ports",
        Owner::Linkerd,
        "treats ports as plain TCP",
    ),
    (
        "config.linkerd.io/skip-inbound-ports",
        Owner::Linkerd,
        "leaves ports out of the mesh",
    ),
    (
        "config.linkerd.io/skip-outbound-ports",
        Owner::Linkerd,
        "leaves ports out of the mesh",
    ),
    (
        "networking.istio.io/exportTo",
        Owner::Istio,
        "hides a Service from namespaces",
    ),
    (
        "networking.istio.io/traffic-distribution",
        Owner::Istio,
        "prefers near endpoints",
    ),
    (
        "traffic.sidecar.istio.io/",
        Owner::Istio,
        "leaves ports or addresses out of the mesh",
    ),
    (
        "consul.hashicorp.com/connect-service-upstreams",
        Owner::Consul,
        "adds destinations",
    ),
    (
        "traffic.kuma.io/",
        Owner::Kuma,
        "leaves ports out of the mesh",
    ),
];

/// Whether a row of the tables is about this group.
pub(super) fn has_group(group: &str) -> bool {
    let mut groups = WHOLE_GROUPS
        .iter()
        .chain(SOME_KINDS)
        .map(|(name, _, _)| *name);
    groups.any(|name| name == group)
}

/// What objects of this kind are; `None` when they are nobody's policy.
pub(super) fn of_kind(group: &str, kind: &str) -> Option<Kind> {
    let whole = WHOLE_GROUPS.iter().find(|(name, _, _)| *name == group);
    if let Some((_, owner, rows)) = whole {
        let row = rows.iter().find(|(name, _, _)| *name == kind);
        let (effect, does) = row.map_or((Behaviour, "not known here"), |row| (row.1, row.2));
        return Some(Kind {
            owner: *owner,
            effect,
            does,
        });
    }
    let (_, owner, rows) = SOME_KINDS.iter().find(|(name, _, _)| *name == group)?;
    let (_, effect, does) = rows.iter().find(|(name, _, _)| *name == kind)?;
    Some(Kind {
        owner: *owner,
        effect: *effect,
        does,
    })
}

/// What an annotation is; `None` when it is nobody's policy.
pub(super) fn of_annotation(key: &str) -> Option<Kind> {
    let (_, owner, does) = ANNOTATIONS
        .iter()
        .find(|(prefix, _, _)| key.starts_with(prefix))?;
    Some(Kind {
        owner: *owner,
        effect: Behaviour,
        does,
    })
}
