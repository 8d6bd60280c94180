//! Asks a collector, over the seam: one connection per batch, since batches are seconds apart.

use core::net::{IpAddr, SocketAddr};
use std::io;

use bytes::Bytes;
use engine::classify::grpc;
use engine::head::RequestHead;
use engine::time::Duration;
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, Method, StatusCode};

use super::config::Url;
use crate::exchange::{Length, StreamError, final_head, send_whole};
use crate::grpc::unary;
use crate::http1;
use crate::net::Rt;
use crate::proto::frame;

/// A collector that takes longer is given up; OpenTelemetry's default.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);

const AGENT: HeaderValue = HeaderValue::from_static("meshctl");

/// A batch on its way.
pub(super) struct Batch<'a> {
    pub(super) to: &'a Url,
    pub(super) path: PathAndQuery,
    pub(super) content_type: HeaderValue,
    pub(super) headers: &'a [(HeaderName, HeaderValue)],
    pub(super) body: Vec<u8>,
}

/// Why a batch was not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotTaken {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Stream(#[from] StreamError),
    #[error("answered with {0}")]
    Status(StatusCode),
    #[error("answered with the gRPC status {0:?}")]
    Grpc(Option<u32>),
    #[error("no answer within {TIMEOUT:?}")]
    Timeout,
}

/// Sends a batch with HTTP/1.1; it was taken when the answer is 2xx.
pub(super) async fn post<R: Rt>(rt: &R, batch: Batch<'_>) -> Result<(), NotTaken> {
    within(rt, async {
        let io = open(rt, batch.to).await?;
        let mut head = head(&batch);
        head.headers.insert(CONTENT_TYPE, batch.content_type);
        let mut connection = http1::ClientConn::new(io, http1::Limits::default());
        let length = Length::Known(batch.body.len() as u64);
        let (mut sink, mut answer) = connection.send(&head, length)?;
        // A server that refuses the body may answer before it has read it.
        let _ = send_whole(&mut sink, Bytes::from(batch.body)).await;
        let status = final_head(&mut answer).await?.status;
        match status.is_success() {
            true => Ok(()),
            false => Err(NotTaken::Status(status)),
        }
    })
    .await
}

/// Sends a batch as a unary call of gRPC; it was taken when the status is 0. The message in the
/// answer is not needed.
pub(super) async fn call<R: Rt>(rt: &R, batch: Batch<'_>) -> Result<(), NotTaken> {
    within(rt, async {
        let io = open(rt, batch.to).await?;
        let reply = unary(io, head(&batch), frame(&batch.body), 0).await?;
        match reply.status {
            Some(grpc::OK) => Ok(()),
            status => Err(NotTaken::Grpc(status)),
        }
    })
    .await
}

async fn within<R: Rt>(
    rt: &R,
    sent: impl Future<Output = Result<(), NotTaken>>,
) -> Result<(), NotTaken> {
    tokio::select! {
        biased;
        sent = sent => sent,
        () = rt.sleep_until(rt.now() + TIMEOUT) => Err(NotTaken::Timeout),
    }
}

async fn open<R: Rt>(rt: &R, to: &Url) -> io::Result<R::Io> {
    let host = to.authority.host();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let addresses = match bare.parse::<IpAddr>() {
        Ok(ip) => vec![ip],
        Err(_) => rt.resolve(host).await?.addresses,
    };
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for ip in addresses {
        match rt.connect(SocketAddr::new(ip, to.port())).await {
            Ok(io) => return Ok(io),
            Err(e) => last = e,
        }
    }
    Err(last)
}

fn head(batch: &Batch<'_>) -> RequestHead {
    let authority = Some(batch.to.authority.clone());
    let mut head = RequestHead::new(Method::POST, authority, batch.path.clone());
    head.headers.insert(USER_AGENT, AGENT);
    for (name, value) in batch.headers {
        head.headers.append(name, value.clone());
    }
    head
}
