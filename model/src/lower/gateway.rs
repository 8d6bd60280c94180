//! A Gateway and its ListenerSets → the listeners of a gateway's proxy.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::snapshot::authz::{Applied, Authorization};
use engine::snapshot::gateway::{Certificate, GatewayPort, Listener, ListenerTls, Spoken};
use engine::snapshot::ratelimit::{Limited, RateLimits};
use engine::snapshot::{Frontend, Gateway, InboundPort, PortProtocol, RouteKind, RouteTable};

use super::digest::digest;
use super::routes::Scope;
use super::{authorization, rate_limit};
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
    digest(&(listeners.collect::<Vec<_>>(), &gateway.guard))
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
        guard: Arc::new(guard(index, gateway)),
    }
}

/// The policies that name the Gateway. Mutual TLS is the affair of its listeners.
fn guard(index: &Index, gateway: &index::Gateway) -> InboundPort {
    let asks = |policy: &&index::AuthorizationPolicy| {
        policy.spec.rules.is_some() || policy.spec.jwt.is_some()
    };
    let found = index.gateway_authorization(&gateway.name).filter(asks);
    let applied = found.map(|policy| Applied {
        policy: Arc::new(authorization::policy(policy)),
        scope: None,
    });
    let mut policies: Vec<Applied> = applied.collect();
    // Stable: of one action the oldest stays first.
    policies.sort_by_key(|applied| applied.policy.action);
    let limits = index.gateway_rate_limits(&gateway.name);
    let limits = limits.map(|policy| Limited {
        policy: Arc::new(rate_limit::policy(policy)),
        scope: None,
    });
    InboundPort {
        authorization: Arc::new(Authorization { policies }),
        limits: Arc::new(RateLimits {
            policies: limits.collect(),
        }),
        ..InboundPort::default()
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
