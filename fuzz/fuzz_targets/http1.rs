//! Any bytes as what a client of HTTP/1.1 sends: what is understood does not depend on how they
//! arrive, no body holds more than was sent, and nothing waits for bytes that are there.
#![no_main]

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use libfuzzer_sys::fuzz_target;
use proxy::exchange::{Frame, Length, Respond, Sink, Source};
use proxy::http1::{Limits, NextError, ServerConn};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A client that has sent everything and reads all.
struct Client<'a> {
    left: &'a [u8],
    piece: usize,
}

impl AsyncRead for Client<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let n = self.piece.min(buf.remaining()).min(self.left.len());
        let (now, later) = self.left.split_at(n);
        buf.put_slice(now);
        self.left = later;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Client<'_> {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Everything that was understood, as text.
async fn understood(bytes: &[u8], piece: usize) -> String {
    let client = Client { left: bytes, piece };
    let mut connection = ServerConn::new(client, Limits::default());
    let mut story = String::new();
    loop {
        let (head, mut body, mut reply) = match connection.next_request().await {
            Ok(Some(request)) => request,
            Ok(None) => return story + "end",
            Err(NextError::Refused(why)) => return story + &why.to_string(),
            Err(NextError::Broken(_)) => return story + "broken",
        };
        story += &format!("{} {:?} {} {:?}\n", head.method, head.authority, head.path, head.headers);
        let mut data = Vec::new();
        while let Some(frame) = poll_fn(|cx| body.poll_frame(cx)).await {
            match frame {
                Ok(Frame::Data(part)) => data.extend_from_slice(&part),
                Ok(Frame::Trailers(trailers)) => story += &format!("{trailers:?}"),
                Err(e) => return format!("{story}{data:?} {e}"),
            }
        }
        assert!(data.len() <= bytes.len());
        story += &format!("{data:?}\n");
        let head = engine::head::ResponseHead::new(http::StatusCode::OK);
        if reply.respond(head, Length::Empty).is_err() {
            return story + "gone";
        }
        let _ = poll_fn(|cx| reply.poll_flush(cx)).await;
    }
}

fuzz_target!(|bytes: &[u8]| {
    let tell = |piece: usize| {
        let told = understood(bytes, piece).now_or_never();
        told.expect("nothing has to be waited for")
    };
    let whole = tell(usize::MAX);
    assert_eq!(whole, tell(1));
    assert_eq!(whole, tell(7));
});
