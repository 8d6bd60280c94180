//! Whom a connection or a request is for.

use core::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use engine::head::{RequestHead, Scheme};
use engine::snapshot::{Frontend, ObjectName, Snapshot};

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
            address: to,
            identity: pod.and_then(|pod| pod.identity_at(to.port())).cloned(),
            own: false,
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
    let outbound = &snapshot.outbound;
    let host = host.strip_suffix('.').unwrap_or(host);
    let ports = match host.bytes().any(|b| b.is_ascii_uppercase()) {
        true => outbound.by_host.get(host.to_ascii_lowercase().as_str()),
        false => outbound.by_host.get(host),
    };
    let index = *ports?.get(&port)?;
    outbound.frontends.get(index).cloned().map(Target::Frontend)
}
