//! Asks a collector, over the seam: one connection per batch, since batches are seconds apart.

use core::net::{IpAddr, SocketAddr};
use core::pin::pin;
use std::future::poll_fn;
use std::io;

use bytes::Bytes;
use engine::classify::{grpc, grpc_status};
use engine::head::RequestHead;
use engine::time::Duration;
use http::header::{CONTENT_TYPE, TE, USER_AGENT};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use super::config::Url;
use crate::exchange::{Answer, Frame, Length, Sink, Source as _, StreamError};
use crate::net::Rt;
use crate::{http1, http2};

/// A collector that takes longer is given up; OpenTelemetry's default.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);

/// Informational responses before the final one; more is no answer.
const INFORMATIONAL_MAX: usize = 4;

const AGENT: HeaderValue = HeaderValue::from_static("meshctl");
const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const TRAILERS: HeaderValue = HeaderValue::from_static("trailers");

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
        let _ = send(&mut sink, batch.body).await;
        let (status, _) = final_head(&mut answer).await?;
        match status.is_success() {
            true => Ok(()),
            false => Err(NotTaken::Status(status)),
        }
    })
    .await
}

/// Sends a batch as a unary call of gRPC; it was taken when the status is 0.
pub(super) async fn call<R: Rt>(rt: &R, batch: Batch<'_>) -> Result<(), NotTaken> {
    within(rt, async {
        let io = open(rt, batch.to).await?;
        let (client, driver) = http2::client(io, &http2::Config::default()).await?;
        let mut head = head(&batch);
        head.headers.insert(CONTENT_TYPE, GRPC);
        head.headers.insert(TE, TRAILERS);
        let mut driver = pin!(driver);
        tokio::select! {
            biased;
            status = unary(client, head, batch.body) => match status? {
                Some(grpc::OK) => Ok(()),
                status => Err(NotTaken::Grpc(status)),
            },
            _ = &mut driver => Err(StreamError::Incomplete.into()),
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

async fn send<S: Sink>(sink: &mut S, body: Vec<u8>) -> Result<(), StreamError> {
    poll_fn(|cx| sink.poll_ready(cx)).await?;
    sink.send(Frame::Data(Bytes::from(body)), true)?;
    poll_fn(|cx| sink.poll_flush(cx)).await
}

async fn final_head<A: Answer>(answer: &mut A) -> Result<(StatusCode, HeaderMap), StreamError> {
    for _ in 0..=INFORMATIONAL_MAX {
        let head = poll_fn(|cx| answer.poll_head(cx)).await?;
        if !head.status.is_informational() {
            return Ok((head.status, head.headers));
        }
    }
    Err(StreamError::Protocol(
        "too many informational responses".to_owned(),
    ))
}

/// The gRPC status of the answer; the message in it is not needed.
async fn unary(
    mut client: http2::Client,
    head: RequestHead,
    message: Vec<u8>,
) -> Result<Option<u32>, StreamError> {
    let mut framed = Vec::with_capacity(message.len() + 5);
    framed.push(0);
    framed.extend_from_slice(&(message.len() as u32).to_be_bytes());
    framed.extend_from_slice(&message);
    poll_fn(|cx| client.poll_ready(cx)).await?;
    let length = Length::Known(framed.len() as u64);
    let (mut sink, mut answer) = client.send(&head, length)?;
    let _ = send(&mut sink, framed).await;
    let (_, headers) = final_head(&mut answer).await?;
    let mut status = grpc_status(&headers);
    while let Some(frame) = poll_fn(|cx| answer.poll_frame(cx)).await {
        if let Frame::Trailers(trailers) = frame? {
            status = status.or(grpc_status(&trailers));
        }
    }
    Ok(status)
}
