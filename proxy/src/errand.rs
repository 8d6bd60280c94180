//! Goes where the engine sends: active health checks, and reconnects to endpoints that could not be
//! connected to. When and what it means is the engine's ([`engine::live::Errand`]).
//!
//! Probes go the way of requests: through mutual TLS when the endpoint is in the mesh, on a
//! connection of their own that is closed afterwards. A TCP check without payload of a meshed
//! endpoint shows that its proxy answers, not that its application does.

use std::future::poll_fn;
use std::sync::Arc;

use engine::check::Probed;
use engine::head::RequestHead;
use engine::live::{Errand, What};
use engine::snapshot::{Endpoint, HttpProbe, ProbeKind};
use engine::time::Instant;
use http::header::USER_AGENT;
use http::uri::Authority;
use http::{HeaderValue, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::exchange::{Length, Sink as _, final_head};
use crate::listen::drain::Watch;
use crate::net::{AnyIo, Rt};
use crate::pool::{Peer, connect};
use crate::serve::Shared;
use crate::{http1, tls};

mod grpc;

/// How probes introduce themselves, so that access logs can tell them from requests.
const AGENT: HeaderValue = HeaderValue::from_static("meshctl-health-check");

/// The most bytes of a TCP answer that are looked through.
const ANSWER_BYTES_MAX: usize = 4096;

/// Goes on errands until the proxy drains.
pub(crate) async fn run<R: Rt>(shared: Arc<Shared<R>>, mut watch: Watch) {
    loop {
        // Before looking: whatever comes up meanwhile rings.
        let changed = shared.clusters.errands_changed();
        for errand in shared.clusters.errands(shared.rt.now()) {
            let shared = shared.clone();
            let rt = shared.rt.clone();
            rt.spawn(async move { go(&shared, errand).await });
        }
        let next = shared.clusters.next_errand();
        tokio::select! {
            biased;
            () = watch.draining() => return,
            () = changed => {}
            () = until(&shared.rt, next) => {}
        }
    }
}

async fn until<R: Rt>(rt: &R, at: Option<Instant>) {
    match at {
        Some(at) => rt.sleep_until(at).await,
        None => core::future::pending().await,
    }
}

async fn go<R: Rt>(shared: &Shared<R>, errand: Errand) {
    let (rt, timeout) = (&shared.rt, errand.timeout);
    let done = probe(shared, &errand);
    let probed = tokio::select! {
        biased;
        probed = done => probed.unwrap_or(Probed::Failed),
        () = rt.sleep_until(rt.now() + timeout) => Probed::Failed,
    };
    errand.end(probed, rt.now());
}

/// None when there was no answer.
async fn probe<R: Rt>(shared: &Shared<R>, errand: &Errand) -> Option<Probed> {
    let endpoint = &errand.endpoint;
    match &errand.what {
        What::Reconnect => {
            let _io = open(shared, errand, tls::Alpn::H2).await?;
            Some(Probed::Passed)
        }
        What::Check(ProbeKind::Http(http)) => {
            let io = open(shared, errand, tls::Alpn::H1).await?;
            let status = ask(io, http, endpoint).await?;
            Some(judge(http, status))
        }
        What::Check(ProbeKind::Grpc { service }) => {
            let io = open(shared, errand, tls::Alpn::H2).await?;
            grpc::ask(io, service, endpoint).await
        }
        What::Check(ProbeKind::Tcp { send, receive }) => {
            let io = open(shared, errand, tls::Alpn::Tcp).await?;
            exchange(io, send, receive).await
        }
    }
}

async fn open<R: Rt>(shared: &Shared<R>, errand: &Errand, alpn: tls::Alpn) -> Option<AnyIo<R::Io>> {
    let peer = Peer::of(&errand.endpoint, &errand.policy(), None);
    let opened = connect(&shared.rt, &shared.tls, &peer, alpn, errand.timeout).await;
    opened.ok()
}

/// The `Host` of a probe.
fn authority(host: Option<&str>, endpoint: &Endpoint) -> Option<Authority> {
    let address = endpoint.address.to_string();
    host.unwrap_or(&address).parse().ok()
}

async fn ask<I>(io: AnyIo<I>, probe: &HttpProbe, endpoint: &Endpoint) -> Option<StatusCode>
where
    AnyIo<I>: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let authority = authority(probe.host.as_deref(), endpoint)?;
    let mut head = RequestHead::new(probe.method.clone(), Some(authority), probe.path.clone());
    head.headers.insert(USER_AGENT, AGENT);
    let mut connection = http1::ClientConn::new(io, http1::Limits::default());
    let (mut sink, mut answer) = connection.send(&head, Length::Empty).ok()?;
    poll_fn(|cx| sink.poll_flush(cx)).await.ok()?;
    let head = final_head(&mut answer).await.ok()?;
    Some(head.status)
}

fn judge(probe: &HttpProbe, status: StatusCode) -> Probed {
    let within = |ranges: &[engine::snapshot::route::StatusRange]| {
        ranges.iter().any(|range| range.contains(status.as_u16()))
    };
    if within(&probe.expected) {
        Probed::Passed
    } else if within(&probe.retriable) {
        Probed::Failed
    } else {
        Probed::Refused
    }
}

async fn exchange<I>(mut io: AnyIo<I>, send: &[u8], receive: &[u8]) -> Option<Probed>
where
    AnyIo<I>: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    if !send.is_empty() {
        io.write_all(send).await.ok()?;
        io.flush().await.ok()?;
    }
    if receive.is_empty() {
        return Some(Probed::Passed);
    }
    let mut answer = Vec::new();
    let mut part = [0; 512];
    while answer.len() < ANSWER_BYTES_MAX {
        let n = io.read(&mut part).await.ok()?;
        if n == 0 {
            return None;
        }
        answer.extend_from_slice(&part[..n]);
        if answer.windows(receive.len()).any(|bytes| bytes == receive) {
            return Some(Probed::Passed);
        }
    }
    None
}
