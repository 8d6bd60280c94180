//! A Gateway and its ListenerSets → the listeners of a gateway's proxy.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::snapshot::gateway::{Certificate, GatewayPort, Listener, ListenerTls, Spoken};
use engine::snapshot::{Frontend, Gateway, PortProtocol, RouteKind, RouteTable};

use super::digest::digest;
use super::routes::Scope;
use crate::gateway::CertificateReference;
use crate::index::gateways::{passes_through, spoken};
use crate::index::{self, Index, ListenerAt};
use crate::yaml::Step;

/// The hash of a gateway's content.
pub(super) fn version(gateway: &Gateway) -> u64 {
    let listeners = gateway.listeners().map(|(port, one)| {
        let Frontend { routes, origin, .. } = &*one.frontend;
        let shape = (port.port, port.spoken, &one.name, &one.host, one.http);
        (shape, &one.tls, routes.version(), origin)
    });
    digest(&listeners.collect::<Vec<_>>())
}

pub(super) fn gateway(index: &Index, gateway: &index::Gateway) -> Gateway {
    let mut ports: BTreeMap<u16, (Spoken, Vec<Arc<Listener>>)> = BTreeMap::new();
    for at in index.listeners(gateway) {
        if let Some(spoken) = spoken(at.listener) {
            let port = ports.entry(at.listener.port.u16());
            let (_, listeners) = port.or_insert((spoken, Vec::new()));
            listeners.push(Arc::new(listener(index, gateway, &at)));
        }
    }
    let ports = ports.into_iter().map(|(port, (spoken, listeners))| {
        (port, Arc::new(GatewayPort::new(port, spoken, listeners)))
    });
    Gateway {
        ports: ports.collect(),
    }
}

fn listener(index: &Index, gateway: &index::Gateway, at: &ListenerAt<'_>) -> Listener {
    let declared = at.listener;
    let http = matches!(declared.protocol.as_str(), "HTTP" | "HTTPS");
    let attached = index.attached(at);
    // Where both kinds of bytes may be attached, the one that looks at names has them.
    let named = attached
        .iter()
        .any(|one| one.route.spec.kind() == RouteKind::Tls);
    let kind = match http {
        true => RouteKind::Http,
        false if named || passes_through(declared) => RouteKind::Tls,
        false => RouteKind::Tcp,
    };
    let rules = Scope::Gateway(index, gateway).attached(&attached);
    let path = [
        Step::Key("spec"),
        Step::Key("listeners"),
        Step::Index(at.index),
    ];
    let line = at.object.line_at(&path);
    let part = format!("listeners[{}]", at.index);
    let name = match at.of_set {
        false => declared.name.clone(),
        true => format!("{}/{}", at.owner, declared.name),
    };
    let host = declared.hostname.as_deref().filter(|host| !host.is_empty());
    Listener {
        name: name.into(),
        host: host.map(|host| host.to_ascii_lowercase().into()),
        tls: tls(index, at),
        http,
        frontend: Arc::new(Frontend {
            service: gateway.name.clone(),
            port: declared.port.u16(),
            protocol: if http {
                PortProtocol::Detect
            } else {
                PortProtocol::Opaque
            },
            routes: Arc::new(RouteTable::new(kind, rules)),
            origin: at.object.origin().part(part, line),
        }),
    }
}

fn tls(index: &Index, at: &ListenerAt<'_>) -> ListenerTls {
    let declared = at.listener;
    if !matches!(declared.protocol.as_str(), "HTTPS" | "TLS") {
        return ListenerTls::None;
    }
    if passes_through(declared) {
        return ListenerTls::Passthrough;
    }
    let refs = declared.tls.iter().flat_map(|tls| &tls.certificate_refs);
    let certificates = refs.filter_map(|to| certificate(index, at, to));
    ListenerTls::Terminate(certificates.collect())
}

/// What a reference leads to; none when it leads nowhere ([`Index::findings`] says so).
fn certificate(
    index: &Index,
    at: &ListenerAt<'_>,
    to: &CertificateReference,
) -> Option<Arc<Certificate>> {
    let name = index.certificate_name(at, to)?;
    let pair = index.secret(&name)?.pair.as_ref()?;
    let name = name.to_string();
    Some(Arc::new(Certificate::new(name, &pair.chain, &pair.key)))
}
