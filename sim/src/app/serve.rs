//! The server side of an application: HTTP/1.1 and HTTP/2 in the clear, as the port has it.

use core::future::poll_fn;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use engine::head::ResponseHead;
use engine::snapshot::PortProtocol;
use h2::server::SendResponse;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use proxy::exchange::{Frame, Length, Respond as _, Sink as _, StreamError};
use proxy::http1::{self, ServerConn};
use proxy::net::Rt as _;
use proxy::net::prefixed::Prefixed;
use proxy::rls;
use tokio::io::AsyncReadExt as _;

use super::AppPod;
use super::work::{Reply, Request};
use crate::body;
use crate::client::http2;
use crate::net::SimIo;
use crate::oracle::Call;

/// The method of gRPC's health checking protocol.
const HEALTH_CHECK: &str = "/grpc.health.v1.Health/Check";

/// An application that serves says so: `HealthCheckResponse { status: SERVING }` in its frame.
const SERVING: &[u8] = &[0, 0, 0, 0, 2, 0x08, 1];

/// The most bytes of a question about rate limits.
const QUESTION_BYTES_MAX: usize = 1024 * 1024;

/// The first bytes of HTTP/2 (RFC 9113 §3.4) that no HTTP/1.1 request has.
const PREFACE: &[u8] = b"PRI ";

/// Serves one connection until it ends.
pub(super) async fn connection(pod: Arc<AppPod>, mut io: SimIo, protocol: PortProtocol) {
    if protocol == PortProtocol::Http2 {
        return multiplexed(pod, io).await;
    }
    if protocol == PortProtocol::Http1 {
        return sequential(pod, ServerConn::new(io, http1::Limits::default())).await;
    }
    let mut read = BytesMut::with_capacity(1024);
    while read.len() < PREFACE.len() && PREFACE.starts_with(&read) {
        match io.read_buf(&mut read).await {
            Ok(1..) => {}
            Ok(0) | Err(_) => return,
        }
    }
    if read.starts_with(PREFACE) {
        multiplexed(pod, Prefixed::new(read.freeze(), io)).await;
    } else {
        let conn = ServerConn::with_read(io, read, http1::Limits::default());
        sequential(pod, conn).await;
    }
}

// === HTTP/1.1 ===

async fn sequential(pod: Arc<AppPod>, mut conn: ServerConn<SimIo>) {
    while let Ok(Some((head, mut upload, mut sink))) = conn.next_request().await {
        let Ok(whole) = body::drain(&mut upload).await else {
            return;
        };
        let host = head.host();
        let call = Call::new(&head.method, host, head.path.path(), told(&head.headers));
        let request = Request::new(call, &head.headers, whole.bytes);
        let reply = pod.handle(&request).await;
        let content = pod.content(head.path.path(), &reply);
        let sent = async {
            if let Some(content) = content {
                sink.respond(response(reply.status), Length::Known(content.len() as u64))?;
                sink.send(Frame::Data(content), true)?;
                return poll_fn(|cx| sink.poll_flush(cx)).await;
            }
            let length = match reply.body_bytes {
                0 => Length::Empty,
                n => Length::Known(n),
            };
            sink.respond(response(reply.status), length)?;
            if reply.body_bytes > 0 {
                return body::fill(&mut sink, reply.body_bytes).await;
            }
            poll_fn(|cx| sink.poll_flush(cx)).await
        };
        let sent = sent.await;
        pod.answered(&request, reply, sent.is_ok());
        if sent.is_err() {
            return;
        }
    }
}

/// Who called, as the sidecar tells it.
fn told(headers: &HeaderMap) -> Option<String> {
    let value = headers.get("x-forwarded-client-cert")?.to_str().ok()?;
    let uri = value
        .split(';')
        .find_map(|part| part.strip_prefix("URI="))?;
    Some(uri.to_owned())
}

fn response(status: StatusCode) -> ResponseHead {
    let mut head = ResponseHead::new(status);
    let kind = HeaderValue::from_static("application/octet-stream");
    head.headers.insert(header::CONTENT_TYPE, kind);
    head
}

// === HTTP/2 ===

async fn multiplexed<Io>(pod: Arc<AppPod>, io: Io)
where
    Io: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let Ok(mut conn) = h2::server::handshake(io).await else {
        return;
    };
    while let Some(Ok((request, respond))) = conn.accept().await {
        let serve = Arc::clone(&pod);
        pod.rt.spawn(async move {
            // A stream that breaks is the client's loss; the connection goes on.
            let _ = stream(&serve, request, respond).await;
        });
    }
}

async fn stream(
    pod: &AppPod,
    request: http::Request<h2::RecvStream>,
    mut respond: SendResponse<Bytes>,
) -> Result<(), StreamError> {
    let (head, mut upload) = request.into_parts();
    let path = head.uri.path();
    let health_check = path == HEALTH_CHECK;
    if path == rls::PATH && pod.spec.counts_rate_limits {
        return counted(pod, &head, &mut upload, &mut respond).await;
    }
    let kind = head.headers.get(header::CONTENT_TYPE);
    let grpc = kind.is_some_and(|v| v.as_bytes().starts_with(b"application/grpc"));
    let mut bytes = http2::download(&mut upload).await?.bytes;
    if grpc {
        bytes = bytes.saturating_sub(body::GRPC_PREFIX);
    }
    let host = head.uri.host().unwrap_or_default();
    let call = Call::new(&head.method, host, head.uri.path(), told(&head.headers));
    let request = Request::new(call, &head.headers, bytes);
    let reply = pod.handle(&request).await;
    let content = pod.content(path, &reply);
    let sent = match (health_check && grpc && reply.status.is_success(), content) {
        (true, _) => message(&mut respond, SERVING),
        (false, Some(content)) => whole(&mut respond, reply.status, content),
        (false, None) => answer(reply, grpc, &mut respond).await,
    };
    pod.answered(&request, reply, sent.is_ok());
    sent
}

/// A question about rate limits.
async fn counted(
    pod: &AppPod,
    head: &http::request::Parts,
    upload: &mut h2::RecvStream,
    respond: &mut SendResponse<Bytes>,
) -> Result<(), StreamError> {
    let mut question = BytesMut::new();
    while let Some(data) = upload.data().await {
        let data = data.map_err(|_| StreamError::Reset)?;
        if question.len() + data.len() > QUESTION_BYTES_MAX {
            return Err(StreamError::Reset);
        }
        let released = upload.flow_control().release_capacity(data.len());
        released.map_err(|_| StreamError::Reset)?;
        question.extend_from_slice(&data);
    }
    let host = head.uri.host().unwrap_or_default();
    let call = Call::new(&head.method, host, head.uri.path(), told(&head.headers));
    let request = Request::new(call, &head.headers, question.len() as u64);
    let reply = pod.handle(&request).await;
    let said = match reply.status.is_success() {
        true => pod.limits_of(rls::PATH, &question),
        false => None,
    };
    let sent = match said {
        Some(said) => message(respond, &said),
        None => answer(reply, true, respond).await,
    };
    pod.answered(&request, reply, sent.is_ok());
    sent
}

/// A response with a body that means something.
fn whole(
    respond: &mut SendResponse<Bytes>,
    status: StatusCode,
    content: Bytes,
) -> Result<(), StreamError> {
    let broken = |_: h2::Error| StreamError::Reset;
    let mut head = Response::new(());
    *head.status_mut() = status;
    *head.headers_mut() = response(status).headers;
    let mut out = respond.send_response(head, false).map_err(broken)?;
    out.send_data(content, true).map_err(broken)
}

/// A message of gRPC in its frame, and a good status.
fn message(respond: &mut SendResponse<Bytes>, framed: &[u8]) -> Result<(), StreamError> {
    let broken = |_: h2::Error| StreamError::Reset;
    let mut head = Response::new(());
    let kind = HeaderValue::from_static("application/grpc");
    head.headers_mut().insert(header::CONTENT_TYPE, kind);
    let mut out = respond.send_response(head, false).map_err(broken)?;
    let framed = Bytes::copy_from_slice(framed);
    out.send_data(framed, false).map_err(broken)?;
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    out.send_trailers(trailers).map_err(broken)
}

async fn answer(
    reply: Reply,
    grpc: bool,
    respond: &mut SendResponse<Bytes>,
) -> Result<(), StreamError> {
    let broken = |_: h2::Error| StreamError::Reset;
    let mut head = Response::new(());
    if !grpc {
        *head.status_mut() = reply.status;
        *head.headers_mut() = response(reply.status).headers;
        let mut out = respond
            .send_response(head, reply.body_bytes == 0)
            .map_err(broken)?;
        return http2::send_all(&mut out, reply.body_bytes, false, true).await;
    }
    let kind = HeaderValue::from_static("application/grpc");
    head.headers_mut().insert(header::CONTENT_TYPE, kind);
    let code = HeaderValue::from(grpc_status(reply.status));
    if !reply.status.is_success() {
        // Trailers-Only: the status is in the one block of headers.
        head.headers_mut().insert("grpc-status", code);
        return respond
            .send_response(head, true)
            .map(|_| ())
            .map_err(broken);
    }
    let mut out = respond.send_response(head, false).map_err(broken)?;
    http2::send_all(&mut out, reply.body_bytes, true, false).await?;
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", code);
    out.send_trailers(trailers).map_err(broken)
}

/// The gRPC status of an application's error, by the mapping clients use the other way round (gRPC
/// "HTTP to gRPC Status Code Mapping"), with INTERNAL for 500.
pub(crate) fn grpc_status(status: StatusCode) -> u16 {
    match status.as_u16() {
        200..=299 => 0,
        400 | 500 => 13,
        401 => 16,
        403 => 7,
        404 => 12,
        429 | 502..=504 => 14,
        _ => 2,
    }
}
