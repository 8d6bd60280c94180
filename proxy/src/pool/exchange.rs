//! One exchange on a pooled connection, whatever its protocol.

use core::task::{Context, Poll};
use std::sync::Arc;

use engine::head::{RequestHead, ResponseHead};

use super::http2::Share;
use super::{One, Pooled1, Pooled2};
use crate::exchange::{Answer, Frame, Length, Sink, Source, StreamError};
use crate::net::{AnyIo, Rt};
use crate::{http1 as codec1, http2 as codec2};

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

    /// Begins the exchange.
    pub(crate) fn send(
        &mut self,
        head: &RequestHead,
        length: Length,
    ) -> Result<(UpSink<R>, UpAnswer<R>), StreamError> {
        match self {
            Self::One(borrowed) => {
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
