//! Backends outside the mesh with the TLS that is begun towards them, and which addresses there may
//! be reached.

use core::net::IpAddr;
use core::str::FromStr as _;
use core::time::Duration;
use std::sync::Arc;

use engine::snapshot::gateway::Certificate;
use engine::snapshot::outside::{Bundle, Egress, EgressRule, Originate, Subject, Trust};
use engine::snapshot::{
    Cluster, ClusterKey, ClusterProtocol, Frontend, ObjectName, PortProtocol, RouteTable,
};
use ipnet::IpNet;

use super::digest::digest;
use crate::gateway::{
    BackendTlsValidation, CertificateReference, SubjectAltNameType, XBackendProtocol,
    XBackendTlsMode,
};
use crate::index::gateways::Referent;
use crate::index::{Index, Service, ServicePort, XBackend};
use crate::policy::{EgressTraffic, X_GROUP};

/// Envoy's default: a host outside is farther than a pod.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How clusters of XBackends are told from those of Services of the same name.
const KIND: &str = "XBackend/";

/// The cluster of a host outside.
pub(super) fn key(backend: &XBackend) -> ClusterKey {
    let ObjectName { namespace, name } = &backend.name;
    ClusterKey {
        service: ObjectName::new(Arc::clone(namespace), format!("{KIND}{name}")),
        port: backend.spec.port.number.u16(),
    }
}

/// The name of the host; none for backends that select pods.
pub(super) fn host(backend: &XBackend) -> Option<String> {
    let host = backend.spec.external_hostname.as_ref()?;
    Some(host.hostname.to_ascii_lowercase())
}

pub(super) fn cluster(index: &Index, backend: &XBackend) -> Option<Cluster> {
    let host = host(backend)?;
    let protocol = match backend.spec.protocol {
        // Of those that could be negotiated, the one that every server has.
        None | Some(XBackendProtocol::Http | XBackendProtocol::Http11) => ClusterProtocol::Http1,
        Some(XBackendProtocol::Wss | XBackendProtocol::Mcp) => ClusterProtocol::Http1,
        Some(XBackendProtocol::Http2 | XBackendProtocol::H2c | XBackendProtocol::Grpc) => {
            ClusterProtocol::Http2
        }
        Some(XBackendProtocol::Tcp) => ClusterProtocol::Opaque,
    };
    let origin = backend.origin.clone();
    let mut cluster = Cluster::with_defaults(key(backend), protocol, origin);
    cluster.connect_timeout = CONNECT_TIMEOUT;
    cluster.tls = tls(index, backend, &host).map(Arc::new);
    cluster.host = Some(host.into());
    cluster.policy_hash = digest(&(&cluster.host, &cluster.tls, cluster.protocol));
    Some(cluster)
}

/// What a client of the namespace finds under the name of the host.
pub(super) fn frontend(backend: &XBackend) -> Frontend {
    let key = key(backend);
    let protocol = match backend.spec.protocol {
        Some(XBackendProtocol::Tcp) => PortProtocol::Opaque,
        _ => PortProtocol::Detect,
    };
    Frontend {
        service: key.service.clone(),
        port: key.port,
        protocol,
        routes: Arc::new(RouteTable::to_service(key, backend.origin.clone())),
        origin: backend.origin.clone(),
    }
}

fn tls(index: &Index, backend: &XBackend, host: &str) -> Option<Originate> {
    let tls = backend.spec.tls.as_ref()?;
    if tls.mode == XBackendTlsMode::None {
        return None;
    }
    let mut originate = match &tls.validation {
        Some(validation) => validated(index, &backend.name.namespace, validation),
        None => Originate {
            server_name: host.into(),
            subjects: Vec::new(),
            trust: Trust::System,
            certificate: None,
        },
    };
    if let Some(to) = &tls.client_certificate_ref {
        originate.certificate = own(index, backend, to);
        if originate.certificate.is_none() {
            // Without it the server would be told nothing: better no connection than that.
            let why = format!(
                "the Secret {} of the client's certificate is not there",
                to.name
            );
            originate.trust = Trust::Nobody(why.into());
        }
    }
    Some(originate)
}

/// The TLS that is begun towards a port of a Service.
pub(super) fn of_service(
    index: &Index,
    service: &Service,
    port: &ServicePort,
) -> Option<Originate> {
    let policy = index.backend_tls(&service.name, port)?;
    let home = &policy.name.namespace;
    Some(validated(index, home, &policy.spec.validation))
}

/// A server that is judged as an object of the namespace says.
fn validated(index: &Index, home: &Arc<str>, validation: &BackendTlsValidation) -> Originate {
    let subjects = validation.subject_alt_names.iter().filter_map(|name| {
        Some(match name.r#type {
            SubjectAltNameType::Hostname => Subject::Host(name.hostname.as_deref()?.into()),
            SubjectAltNameType::Uri => Subject::Uri(name.uri.as_deref()?.into()),
        })
    });
    Originate {
        server_name: validation.hostname.to_ascii_lowercase().into(),
        subjects: subjects.collect(),
        trust: trust(index, home, validation),
        certificate: None,
    }
}

fn trust(index: &Index, home: &Arc<str>, validation: &BackendTlsValidation) -> Trust {
    if validation.ca_certificate_refs.is_empty() {
        return Trust::System;
    }
    let mut pem = Vec::new();
    for to in &validation.ca_certificate_refs {
        let name = ObjectName::new(Arc::clone(home), to.name.as_str());
        let bundle = index.bundle(&name).filter(|_| to.kind == "ConfigMap");
        let Some(bundle) = bundle else {
            let why = format!("the {} {name} with `ca.crt` is not there", to.kind);
            return Trust::Nobody(why.into());
        };
        pem.extend_from_slice(&bundle.pem);
        pem.push(b'\n');
    }
    Trust::Bundle(Arc::new(Bundle { pem: pem.into() }))
}

/// The certificate that is shown to the server.
fn own(index: &Index, backend: &XBackend, to: &CertificateReference) -> Option<Arc<Certificate>> {
    let home = &backend.name.namespace;
    let name = ObjectName::new(to.namespace.as_deref().unwrap_or(home), to.name.as_str());
    let secret = Referent {
        group: "",
        kind: "Secret",
        name: &name,
    };
    let may = index.may_refer_from(X_GROUP, "XBackend", home, secret);
    let pair = index.secret(&name).filter(|_| may)?.pair.as_ref()?;
    let name = name.to_string();
    Some(Arc::new(Certificate::new(name, &pair.chain, &pair.key)))
}

/// What the EgressNetworks of a namespace say, the oldest first.
pub(super) fn egress(index: &Index, namespace: &str) -> Egress {
    let mut networks: Vec<_> = index.egress_networks().collect();
    networks.retain(|network| *network.name.namespace == *namespace);
    networks.sort_by_key(|network| (&network.age, &network.name));
    let mut rules = Vec::new();
    for network in networks {
        let mut add = |nets: Vec<IpNet>, except: Vec<IpNet>| {
            rules.extend(nets.into_iter().map(|net| EgressRule {
                network: net,
                except: except.clone(),
                allow: network.spec.traffic_policy == EgressTraffic::Allow,
                origin: network.origin.clone(),
            }));
        };
        if network.spec.networks.is_empty() {
            add(
                vec![IpNet::default(), IpNet::V6(Default::default())],
                Vec::new(),
            );
        }
        for one in &network.spec.networks {
            let except = one.except.iter().filter_map(|text| net(text));
            add(net(&one.cidr).into_iter().collect(), except.collect());
        }
    }
    Egress { rules }
}

/// A network, or one address; validation has refused everything else.
pub(crate) fn net(text: &str) -> Option<IpNet> {
    let single = || IpAddr::from_str(text).ok().map(IpNet::from);
    text.parse().ok().or_else(single)
}
