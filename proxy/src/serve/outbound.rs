//! The application's side: a connection it opened, captured on its way.

use core::net::SocketAddr;
use std::sync::Arc;

use engine::snapshot::{CONNECT_TIMEOUT, Passthrough, PodAddress, Snapshot};

use super::Shared;
use crate::listen::drain::Watch;
use crate::net::{Abort, AnyIo, ConnInfo, Rt};
use crate::pool::{Peer, connect};
use crate::tcp;
use crate::tls::Alpn;

/// Who a captured connection is for.
enum Target {
    /// A pod addressed directly: no route, still mutual TLS.
    Pod(PodAddress),
    /// Nobody the mesh knows.
    Unknown,
}

/// Serves one connection of the application to its end.
pub(crate) async fn connection<R: Rt>(
    shared: Arc<Shared<R>>,
    io: R::Io,
    info: ConnInfo,
    _watch: Watch,
) {
    let snapshot = shared.snapshot();
    let Some(address) = info.original_dst else {
        return;
    };
    let target = target(&snapshot, address);
    let peer = match target {
        Target::Pod(pod) => Peer {
            address,
            identity: pod.identity,
        },
        Target::Unknown if snapshot.outbound.passthrough == Passthrough::Allow => Peer {
            address,
            identity: None,
        },
        Target::Unknown => return reset(io),
    };
    forward(&shared, AnyIo::Plain(io), &peer).await;
}

fn reset(mut io: impl Abort) {
    io.abort();
}

fn target(snapshot: &Snapshot, address: SocketAddr) -> Target {
    match snapshot.outbound.by_pod.get(&address.ip()) {
        Some(pod) => Target::Pod(PodAddress::clone(pod)),
        None => Target::Unknown,
    }
}

async fn forward<R: Rt>(shared: &Shared<R>, mut io: AnyIo<R::Io>, peer: &Peer) {
    let opened = connect(&shared.rt, &shared.tls, peer, Alpn::Tcp, CONNECT_TIMEOUT).await;
    match opened {
        Ok(upstream) => {
            let bounds = &shared.bounds;
            tcp::copy(
                &shared.rt,
                io,
                upstream,
                bounds.tcp_buffer,
                bounds.idle_timeout,
            )
            .await;
        }
        // The client was promised a connection that nobody can give it.
        Err(_) => io.abort(),
    }
}
