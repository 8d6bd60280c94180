//! One exchange on a pooled connection, whatever its protocol.

use core::task::{Context, Poll};
use std::sync::Arc;

use engine::head::{RequestHead, ResponseHead};
use engine::time::Duration;
use http::header::SEC_WEBSOCKET_KEY;

use super::http2::Share;
use super::{One, Pooled1, Pooled2};
use crate::exchange::{Answer, Frame, Length, Sink, Source, StreamError};
use crate::headers::ensure_websocket_key;
use crate::headers::websocket::is_websocket;
use crate::net::{AnyIo, Rt};
use crate::{http1 as codec1, http2 as codec2};

/// The first look for a server's settings after a miss; each further one waits twice as long.
const SETTINGS_PAUSE: Duration = Duration::from_millis(1);
/// A server that has not said by then (about a second in all) takes no upgrades.
const SETTINGS_WAIT: Duration = Duration::from_millis(512);

/// The right to one exchange. Dropped, it gives the connection back if it can be used again.
pub(crate) enum Lease<R: Rt> {
    One(Borrowed<R>),
    Many(Share<Pooled2>),
}

pub(crate) struct Borrowed<R: Rt> {
    rt: R,
    home: Arc<One<R>>,
    /// Taken when it is given back.
    pooled: Option<Pooled1<R>>,
}

/// Where the request's body goes.
pub(crate) enum UpSink<R: Rt> {
    Http1(codec1::RequestSink<AnyIo<R::Io>>),
    Http2(codec2::RequestSink),
}

/// Where the response comes from.
pub(crate) enum UpAnswer<R: Rt> {
    Http1(codec1::ResponseBody<AnyIo<R::Io>>),
    Http2(codec2::ResponseBody),
}

// === impl Lease ===

impl<R: Rt> Lease<R> {
    pub(super) fn one(rt: R, home: Arc<One<R>>, pooled: Pooled1<R>) -> Self {
        Self::One(Borrowed {
            rt,
            home,
            pooled: Some(pooled),
        })
    }

    /// Waits until the server has said whether it takes upgrades, for a short time. `h2` tells
    /// nobody when settings arrive, and the first request of a connection leaves before them.
    pub(crate) async fn settle(&self, rt: &R) {
        let Self::Many(share) = self else { return };
        let mut pause = SETTINGS_PAUSE;
        while !share.handle.client.takes_upgrades() && pause < SETTINGS_WAIT {
            rt.sleep_until(rt.now() + pause).await;
            pause *= 2;
        }
    }

    /// Begins the exchange.
    pub(crate) fn send(
        &mut self,
        head: &RequestHead,
        length: Length,
    ) -> Result<(UpSink<R>, UpAnswer<R>), StreamError> {
        match self {
            Self::One(borrowed) => {
                let keyed = borrowed.keyed(head);
                let head = keyed.as_ref().unwrap_or(head);
                let pooled = borrowed.pooled.as_mut().ok_or(StreamError::Refused)?;
                let (sink, answer) = pooled.connection.send(head, length)?;
                Ok((UpSink::Http1(sink), UpAnswer::Http1(answer)))
            }
            Self::Many(share) => {
                let (sink, answer) = share.handle.client.send(head, length)?;
                Ok((UpSink::Http2(sink), UpAnswer::Http2(answer)))
            }
        }
    }
}

// === impl Borrowed ===

impl<R: Rt> Borrowed<R> {
    /// The head of a WebSocket that came over HTTP/2, with the key that HTTP/1.1 asks for; none
    /// for all others.
    fn keyed(&self, head: &RequestHead) -> Option<RequestHead> {
        let lacks = !head.headers.contains_key(SEC_WEBSOCKET_KEY);
        (lacks && is_websocket(head.upgrade.as_deref())).then(|| {
            let (a, b) = (self.rt.rand(), self.rt.rand());
            let entropy = u128::from(a) << 64 | u128::from(b);
            let mut keyed = head.clone();
            ensure_websocket_key(&mut keyed, entropy.to_be_bytes());
            keyed
        })
    }
}

impl<R: Rt> Drop for Borrowed<R> {
    fn drop(&mut self) {
        if let Some(pooled) = self.pooled.take()
            && pooled.connection.is_reusable()
        {
            self.home.queue.give(pooled, self.rt.now());
        }
    }
}

// === impl UpSink ===

impl<R: Rt> Sink for UpSink<R> {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        match self {
            Self::Http1(sink) => sink.poll_ready(cx),
            Self::Http2(sink) => sink.poll_ready(cx),
        }
    }

    fn send(&mut self, frame: Frame, end: bool) -> Result<(), StreamError> {
        match self {
            Self::Http1(sink) => sink.send(frame, end),
            Self::Http2(sink) => sink.send(frame, end),
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        match self {
            Self::Http1(sink) => sink.poll_flush(cx),
            Self::Http2(sink) => sink.poll_flush(cx),
        }
    }

    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Http1(sink) => sink.poll_closed(cx),
            Self::Http2(sink) => sink.poll_closed(cx),
        }
    }

    fn abort(&mut self) {
        match self {
            Self::Http1(sink) => sink.abort(),
            Self::Http2(sink) => sink.abort(),
        }
    }
}

// === impl UpAnswer ===

impl<R: Rt> Answer for UpAnswer<R> {
    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<ResponseHead, StreamError>> {
        match self {
            Self::Http1(answer) => answer.poll_head(cx),
            Self::Http2(answer) => answer.poll_head(cx),
        }
    }
}

impl<R: Rt> Source for UpAnswer<R> {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, StreamError>>> {
        match self {
            Self::Http1(answer) => answer.poll_frame(cx),
            Self::Http2(answer) => answer.poll_frame(cx),
        }
    }

    fn is_end(&self) -> bool {
        match self {
            Self::Http1(answer) => answer.is_end(),
            Self::Http2(answer) => answer.is_end(),
        }
    }

    fn length(&self) -> Length {
        match self {
            Self::Http1(answer) => answer.length(),
            Self::Http2(answer) => answer.length(),
        }
    }
}
