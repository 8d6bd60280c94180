//! A unary call of gRPC on a connection of its own
//! (<https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>): what is asked so seldom that
//! no connection is kept for it.

use std::future::poll_fn;

use bytes::Bytes;
use engine::classify::grpc_status;
use engine::head::RequestHead;
use http::HeaderValue;
use http::header::{CONTENT_TYPE, TE};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::exchange::{Frame, Length, Source as _, StreamError, final_head, send_whole};
use crate::http2;

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const TRAILERS: HeaderValue = HeaderValue::from_static("trailers");

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    /// None when the peer gave none.
    pub(crate) status: Option<u32>,
    /// The message in its frame; none when it is longer than the caller looks at.
    pub(crate) framed: Option<Vec<u8>>,
}

/// Sends a message in its frame, and waits for the whole answer, of which `bytes_max` are kept at
/// most.
///
/// # Errors
/// When the stream breaks before its end.
pub(crate) async fn unary<Io>(
    io: Io,
    mut head: RequestHead,
    framed: Vec<u8>,
    bytes_max: usize,
) -> Result<Reply, StreamError>
where
    Io: AsyncRead + AsyncWrite + Unpin,
{
    let (client, driver) = http2::client(io, &http2::Config::default()).await?;
    head.headers.insert(CONTENT_TYPE, GRPC);
    head.headers.insert(TE, TRAILERS);
    tokio::select! {
        biased;
        reply = exchange(client, &head, framed, bytes_max) => reply,
        _ = driver => Err(StreamError::Incomplete),
    }
}

async fn exchange(
    mut client: http2::Client,
    head: &RequestHead,
    framed: Vec<u8>,
    bytes_max: usize,
) -> Result<Reply, StreamError> {
    poll_fn(|cx| client.poll_ready(cx)).await?;
    let length = Length::Known(framed.len() as u64);
    let (mut sink, mut answer) = client.send(head, length)?;
    // A server that refuses the message may answer before it has read it.
    let _ = send_whole(&mut sink, Bytes::from(framed)).await;
    let head = final_head(&mut answer).await?;
    let mut reply = Reply {
        status: grpc_status(&head.headers),
        framed: Some(Vec::new()),
    };
    while let Some(frame) = poll_fn(|cx| answer.poll_frame(cx)).await {
        match frame? {
            Frame::Data(data) => {
                let read = reply.framed.take();
                reply.framed = read.filter(|read| read.len() + data.len() <= bytes_max);
                if let Some(read) = &mut reply.framed {
                    read.extend_from_slice(&data);
                }
            }
            Frame::Trailers(trailers) => {
                reply.status = reply.status.or(grpc_status(&trailers));
            }
        }
    }
    Ok(reply)
}
