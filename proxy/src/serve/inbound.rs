//! The network's side: connections to the application, from the mesh and from everybody else.

use core::net::SocketAddr;
use std::sync::Arc;

use engine::snapshot::{CONNECT_TIMEOUT, InboundPort, InboundTls, PortProtocol};

use super::Shared;
use crate::listen::detect::{Detected, Look, LookHttp, LookTls, detect};
use crate::listen::drain::Watch;
use crate::net::{Abort, AnyIo, ConnInfo, Rt};
use crate::pool::{Peer, connect};
use crate::tcp;
use crate::tls::Alpn;
use crate::tls::server::handshake;

/// Serves one connection to the application to its end.
pub(crate) async fn connection<R: Rt>(
    shared: Arc<Shared<R>>,
    io: R::Io,
    info: ConnInfo,
    _watch: Watch,
) {
    let Some(app) = info.original_dst else {
        return;
    };
    let snapshot = shared.snapshot();
    let inbound = &snapshot.inbound;
    let port = inbound.ports.get(&app.port()).unwrap_or(&inbound.default);
    let now = shared.rt.now();
    let until = now + shared.bounds.detect_timeout;
    let found = detect(&shared.rt, io, look(port), until).await;
    let Ok((found, mut io)) = found else { return };
    let Detected::Mesh(accepted) = found else {
        if port.tls == InboundTls::Strict {
            return io.abort();
        }
        return forward(&shared, AnyIo::Peeked(io), app).await;
    };
    let shaken = tokio::select! {
        biased;
        shaken = handshake(&shared.tls, *accepted, io.into_inner()) => shaken,
        () = shared.rt.sleep_until(now + shared.bounds.handshake_timeout) => return,
    };
    if let Ok((stream, _peer)) = shaken {
        forward(&shared, AnyIo::TlsServer(Box::new(stream)), app).await;
    }
}

fn look(port: &InboundPort) -> Look {
    Look {
        tls: match port.tls {
            InboundTls::Disable => LookTls::No,
            InboundTls::Permissive | InboundTls::Strict => LookTls::Mesh,
        },
        http: match port.protocol {
            PortProtocol::Opaque => LookHttp::No,
            PortProtocol::Detect => LookHttp::Maybe,
            PortProtocol::Http1 | PortProtocol::Http2 => LookHttp::Declared,
        },
    }
}

async fn forward<R: Rt>(shared: &Shared<R>, mut io: AnyIo<R::Io>, app: SocketAddr) {
    let peer = Peer {
        address: app,
        identity: None,
    };
    let opened = connect(&shared.rt, &shared.tls, &peer, Alpn::Tcp, CONNECT_TIMEOUT).await;
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
        Err(_) => io.abort(),
    }
}
