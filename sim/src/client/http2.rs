//! Requests over one shared HTTP/2 connection per destination, gRPC among them.

use core::future::poll_fn;

use bytes::Bytes;
use engine::head::ResponseHead;
use h2::client::SendRequest;
use h2::{RecvStream, SendStream};
use http::{HeaderValue, Request, Uri, Version, header};
use proxy::exchange::StreamError;
use proxy::net::Rt as _;

use super::{Answer, Ask, Client, Dest, NoAnswer};
use crate::body::{self, Whole};

pub(super) struct Shared(SendRequest<Bytes>);

// === impl Client: HTTP/2 ===

impl Client {
    pub(super) async fn multiplexed(&self, ask: &Ask) -> Result<Answer, NoAnswer> {
        let known = self
            .pools()
            .get(&ask.dest)
            .and_then(|p| Some(p.shared.as_ref()?.0.clone()));
        if let Some(send) = known
            && let Ok(send) = send.ready().await
        {
            match stream(send, ask).await {
                // GOAWAY met the request on its way: certainly not processed.
                Err(StreamError::Refused) => {}
                other => return Ok(other?),
            }
        }
        let send = self.open(&ask.dest).await?;
        Ok(stream(send, ask).await?)
    }

    async fn open(&self, dest: &Dest) -> Result<SendRequest<Bytes>, NoAnswer> {
        let io = self.connect(dest).await?;
        let (send, conn) = h2::client::handshake(io).await.map_err(|e| error(&e))?;
        let (client, key) = (self.clone(), dest.clone());
        self.rt.spawn(async move {
            // How the connection ends shows in its streams.
            let _ = conn.await;
            if let Some(pool) = client.pools().get_mut(&key) {
                pool.shared = None;
            }
        });
        self.pools().entry(dest.clone()).or_default().shared = Some(Shared(send.clone()));
        send.ready().await.map_err(|e| error(&e).into())
    }
}

async fn stream(mut send: SendRequest<Bytes>, ask: &Ask) -> Result<Answer, StreamError> {
    let grpc = ask.dest.grpc;
    let (response, mut stream) = send
        .send_request(request(ask)?, ask.body_bytes == 0 && !grpc)
        .map_err(|e| error(&e))?;
    // An early answer makes the rest of the body unwanted: not an error.
    if grpc || ask.body_bytes > 0 {
        let _ = upload(&mut stream, ask.body_bytes, grpc).await;
    }
    let (head, mut body) = response.await.map_err(|e| error(&e))?.into_parts();
    let mut whole = download(&mut body).await?;
    if grpc && whole.bytes >= body::GRPC_PREFIX {
        whole.bytes -= body::GRPC_PREFIX;
    }
    let head = ResponseHead {
        status: head.status,
        headers: head.headers,
    };
    Ok(Answer::new(&head, &whole))
}

fn request(ask: &Ask) -> Result<Request<()>, StreamError> {
    let uri = Uri::builder()
        .scheme("http")
        .authority(ask.authority.clone())
        .path_and_query(ask.path.clone())
        .build();
    let uri = uri.map_err(|e| StreamError::Protocol(e.to_string()))?;
    let mut request = Request::new(());
    *request.method_mut() = ask.method.clone();
    *request.uri_mut() = uri;
    *request.version_mut() = Version::HTTP_2;
    *request.headers_mut() = ask.headers.clone();
    if ask.dest.grpc {
        *request.method_mut() = http::Method::POST;
        let headers = request.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/grpc"),
        );
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
    Ok(request)
}

/// Sends a body as far as flow control lets it; as one gRPC message when `grpc`.
pub(crate) async fn upload(
    stream: &mut SendStream<Bytes>,
    size: u64,
    grpc: bool,
) -> Result<(), StreamError> {
    send_all(stream, size, grpc, true).await
}

/// The same, ended by the caller with trailers unless `end`.
pub(crate) async fn send_all(
    stream: &mut SendStream<Bytes>,
    size: u64,
    grpc: bool,
    end: bool,
) -> Result<(), StreamError> {
    let mut left = size;
    if grpc {
        let last = end && left == 0;
        stream
            .send_data(body::grpc_prefix(size), last)
            .map_err(|e| error(&e))?;
    }
    while left > 0 {
        let mut data = body::zeros(left);
        stream.reserve_capacity(data.len());
        let granted = match poll_fn(|cx| stream.poll_capacity(cx)).await {
            Some(granted) => granted.map_err(|e| error(&e))?,
            None => return Err(StreamError::Reset),
        };
        let data = data.split_to(granted.min(data.len()));
        left -= data.len() as u64;
        stream
            .send_data(data, end && left == 0)
            .map_err(|e| error(&e))?;
    }
    Ok(())
}

pub(crate) async fn download(body: &mut RecvStream) -> Result<Whole, StreamError> {
    let mut whole = Whole::default();
    while let Some(data) = body.data().await {
        let data = data.map_err(|e| error(&e))?;
        whole.bytes += data.len() as u64;
        body.flow_control()
            .release_capacity(data.len())
            .map_err(|e| error(&e))?;
    }
    whole.trailers = body.trailers().await.map_err(|e| error(&e))?;
    Ok(whole)
}

fn error(e: &h2::Error) -> StreamError {
    match e.reason() {
        Some(h2::Reason::REFUSED_STREAM) => StreamError::Refused,
        _ if e.is_go_away() && e.is_remote() => StreamError::Refused,
        _ if e.is_reset() => StreamError::Reset,
        _ => match e.get_io() {
            Some(io) if io.kind() == std::io::ErrorKind::ConnectionReset => StreamError::Reset,
            Some(_) => StreamError::Incomplete,
            None => StreamError::Protocol(e.to_string()),
        },
    }
}
