//! Whom a connection or a request is for.

use core::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use engine::head::{RequestHead, Scheme};
use engine::snapshot::{BackendTarget, Frontend, ObjectName, Snapshot};

use crate::pool::Peer;

pub(super) enum Target {
    Frontend(Arc<Frontend>),
    Past(Past),
}

/// Somebody to whom no route leads.
pub(super) struct Past {
    pub(super) peer: Peer,
    /// A pod addressed directly: no route, still mutual TLS. None: nobody the mesh knows.
    pub(super) pod: Option<ObjectName>,
}

/// Who is at an address.
pub(super) fn find(snapshot: &Snapshot, to: SocketAddr) -> Target {
    let outbound = &snapshot.outbound;
    let frontend = outbound.by_address.get(&to);
    if let Some(frontend) = frontend.and_then(|i| outbound.frontends.get(*i)) {
        return Target::Frontend(frontend.clone());
    }
    let pod = outbound.by_pod.get(&to.ip());
    Target::Past(Past {
        peer: Peer {
            identity: pod.and_then(|pod| pod.identity_at(to.port())).cloned(),
            ..Peer::at(to)
        },
        pod: pod.map(|pod| pod.name.clone()),
    })
}

/// Who a request says it is for; none when the name is not known.
pub(super) fn by_authority(snapshot: &Snapshot, head: &RequestHead) -> Option<Target> {
    let authority = head.authority.as_ref()?;
    let port = authority.port_u16().unwrap_or(match head.scheme {
        Scheme::Http => 80,
        Scheme::Https => 443,
    });
    let host = authority.host();
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(ip) = literal.parse::<IpAddr>() {
        return Some(find(snapshot, SocketAddr::new(ip, port)));
    }
    by_host(snapshot, host, port)
}

/// A host outside by the name that a request has for it, on a connection that was redirected to us
/// on its way to `port`. The names of Services are no matter here: their addresses are known.
pub(super) fn by_name(snapshot: &Snapshot, head: &RequestHead, port: u16) -> Option<Target> {
    if !snapshot.outbound.named_ports.contains(&port) {
        return None;
    }
    let found = by_host(snapshot, head.host(), port)?;
    match &found {
        Target::Frontend(frontend) => {
            let mut backends = frontend
                .routes
                .rules()
                .iter()
                .flat_map(|rule| &rule.backends);
            let outside = backends.any(|backend| match &backend.target {
                BackendTarget::Cluster(key) => {
                    let cluster = snapshot.outbound.clusters.get(key);
                    cluster.is_some_and(|cluster| cluster.host.is_some())
                }
                BackendTarget::Invalid(_) => false,
            });
            outside.then_some(found)
        }
        Target::Past(_) => None,
    }
}

/// Why nobody may go there; none for pods of the mesh.
pub(super) fn denial(snapshot: &Snapshot, past: &Past) -> Option<String> {
    let outbound = &snapshot.outbound;
    match past.pod {
        Some(_) => None,
        None => outbound
            .egress
            .denial(past.peer.address.ip(), outbound.passthrough),
    }
}

fn by_host(snapshot: &Snapshot, host: &str, port: u16) -> Option<Target> {
    let outbound = &snapshot.outbound;
    let host = host.strip_suffix('.').unwrap_or(host);
    let ports = match host.bytes().any(|b| b.is_ascii_uppercase()) {
        true => outbound.by_host.get(host.to_ascii_lowercase().as_str()),
        false => outbound.by_host.get(host),
    };
    let index = *ports?.get(&port)?;
    outbound.frontends.get(index).cloned().map(Target::Frontend)
}
