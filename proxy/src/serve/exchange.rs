//! One try of one request on one connection: both bodies under way at the same time, raced with the
//! client's patience and the deadline.
//!
//! ```text
//!   send ──▶ head ──────────────────────▶ stream ─▶ end
//!            request body is pumped,      both bodies are pumped
//!            the head is awaited
//! ```

use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::task::{Context, Poll};

use engine::classify::grpc_status;
use engine::head::{RequestHead, ResponseHead};
use engine::time::Instant;
use http::HeaderMap;

use super::pace::Paced;
use crate::exchange::{Answer, Frame, Length, Pump, PumpError, Respond, Sink, Source, StreamError};
use crate::net::Rt;
use crate::pool::exchange::{Lease, UpAnswer, UpSink};

/// A try that has a connection.
pub(crate) struct Try<R: Rt> {
    sink: UpSink<R>,
    answer: Watched<Paced<UpAnswer<R>, R>>,
    up: Pump,
    down: Pump,
    sent: bool,
    // After the halves: a connection is given back when nobody uses it any more.
    _lease: Lease<R>,
}

/// How the wait for a response head ended.
#[derive(Debug)]
pub(crate) enum HeadEnd {
    Head(ResponseHead),
    /// The upstream's fault.
    Broken(StreamError),
    /// The client's request body broke.
    Client(StreamError),
    /// The client left.
    Gone,
    /// The deadline passed.
    Late,
}

/// How a response that was begun ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StreamEnd {
    Complete,
    Broken(StreamError),
    Gone,
    Late,
}

/// Keeps the trailers that pass.
struct Watched<S> {
    source: S,
    trailers: Option<HeaderMap>,
}

/// Most requests have no deadline: no timer is made for those.
fn deadline<R: Rt>(rt: &R, until: Instant) -> Option<R::Sleep> {
    (until < Instant::FAR_FUTURE).then(|| rt.sleep_until(until))
}

fn is_over<F: Future<Output = ()>>(deadline: Pin<&mut Option<F>>, cx: &mut Context<'_>) -> bool {
    let deadline = deadline.as_pin_mut();
    deadline.is_some_and(|deadline| deadline.poll(cx).is_ready())
}

// === impl Try ===

impl<R: Rt> Try<R> {
    /// Begins an exchange; nothing is written yet.
    pub(crate) fn send(
        mut lease: Lease<R>,
        head: &RequestHead,
        length: Length,
    ) -> Result<Self, StreamError> {
        let (sink, source) = lease.send(head, length)?;
        Ok(Self {
            sink,
            answer: Watched {
                source: Paced::new(source),
                trailers: None,
            },
            up: Pump::new(),
            down: Pump::new(),
            sent: false,
            _lease: lease,
        })
    }

    /// Sends the request until the final head of the response is here. Informational responses go
    /// to the client at once.
    pub(crate) async fn head<S, D>(
        &mut self,
        rt: &R,
        body: &mut S,
        reply: &mut D,
        until: Instant,
    ) -> HeadEnd
    where
        S: Source + Send,
        D: Respond + Send,
    {
        let mut late = pin!(deadline(rt, until));
        poll_fn(|cx| {
            if let Poll::Ready(Some(e)) = self.poll_request(cx, body) {
                return Poll::Ready(HeadEnd::Client(e));
            }
            match self.poll_final(cx, reply) {
                Poll::Ready(Ok(head)) => return Poll::Ready(HeadEnd::Head(head)),
                Poll::Ready(Err(e)) => return Poll::Ready(HeadEnd::Broken(e)),
                Poll::Pending => {}
            }
            if reply.poll_closed(cx).is_ready() {
                return Poll::Ready(HeadEnd::Gone);
            }
            if is_over(late.as_mut(), cx) {
                return Poll::Ready(HeadEnd::Late);
            }
            Poll::Pending
        })
        .await
    }

    /// Passes the response's body on to its end, and what is left of the request's.
    pub(crate) async fn stream<S, D>(
        &mut self,
        rt: &R,
        body: &mut S,
        reply: &mut D,
        until: Instant,
    ) -> StreamEnd
    where
        S: Source + Send,
        D: Respond + Send,
    {
        let mut late = pin!(deadline(rt, until));
        let end = poll_fn(|cx| {
            // A request that breaks now does not take the answer with it.
            let _ = self.poll_request(cx, body);
            match self.down.poll(cx, &mut self.answer, reply) {
                Poll::Ready(Ok(())) => return Poll::Ready(StreamEnd::Complete),
                Poll::Ready(Err(PumpError::Source(e))) => {
                    return Poll::Ready(StreamEnd::Broken(e));
                }
                Poll::Ready(Err(PumpError::Sink(_) | PumpError::Unwanted)) => {
                    return Poll::Ready(StreamEnd::Gone);
                }
                Poll::Pending => {}
            }
            if is_over(late.as_mut(), cx) {
                reply.abort();
                return Poll::Ready(StreamEnd::Late);
            }
            Poll::Pending
        })
        .await;
        if end != StreamEnd::Complete || !self.sent {
            self.sink.abort();
        }
        end
    }

    /// After a switch of protocols the halves carry bytes: both directions begin anew, and each
    /// ends by itself.
    pub(crate) async fn tunnel<S, D>(&mut self, body: &mut S, reply: &mut D) -> StreamEnd
    where
        S: Source + Send,
        D: Respond + Send,
    {
        self.up = Pump::new();
        self.sent = false;
        let mut received = false;
        poll_fn(|cx| {
            if !self.sent {
                match self.up.poll(cx, body, &mut self.sink) {
                    Poll::Ready(Ok(())) => self.sent = true,
                    Poll::Ready(Err(_)) => return Poll::Ready(StreamEnd::Gone),
                    Poll::Pending => {}
                }
            }
            if !received {
                match self.down.poll(cx, &mut self.answer, reply) {
                    Poll::Ready(Ok(())) => received = true,
                    Poll::Ready(Err(PumpError::Source(e))) => {
                        return Poll::Ready(StreamEnd::Broken(e));
                    }
                    Poll::Ready(Err(_)) => return Poll::Ready(StreamEnd::Gone),
                    Poll::Pending => {}
                }
            }
            if self.sent && received {
                return Poll::Ready(StreamEnd::Complete);
            }
            Poll::Pending
        })
        .await
    }

    /// Passes the response's body on at no more bytes per second than this.
    pub(crate) fn slow_down(&mut self, rt: &R, bytes_per_second: u64) {
        self.answer.source.slow_down(rt, bytes_per_second);
    }

    /// Gives the try up: the upstream is told, the connection is not used again.
    pub(crate) fn abort(&mut self) {
        self.sink.abort();
    }

    /// Length of the response's body, once its head is here.
    pub(crate) fn length(&self) -> Length {
        self.answer.length()
    }

    /// The gRPC status in the trailers, once they have passed.
    pub(crate) fn grpc_status(&self) -> Option<u32> {
        self.trailers().and_then(grpc_status)
    }

    /// The trailers, once they have passed.
    pub(crate) fn trailers(&self) -> Option<&HeaderMap> {
        self.answer.trailers.as_ref()
    }

    /// Bytes of the request's and the response's body that were passed on.
    pub(crate) fn moved(&self) -> (u64, u64) {
        (self.up.moved(), self.down.moved())
    }

    /// Ready with an error when the client's body broke. A sink that takes no more is not an error
    /// here: the answer may still come, and says more.
    fn poll_request<S: Source>(
        &mut self,
        cx: &mut Context<'_>,
        body: &mut S,
    ) -> Poll<Option<StreamError>> {
        if self.sent {
            return Poll::Pending;
        }
        match self.up.poll(cx, body, &mut self.sink) {
            Poll::Ready(Err(PumpError::Source(e))) => {
                self.sent = true;
                Poll::Ready(Some(e))
            }
            Poll::Ready(_) => {
                self.sent = true;
                Poll::Pending
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn poll_final<D: Respond>(
        &mut self,
        cx: &mut Context<'_>,
        reply: &mut D,
    ) -> Poll<Result<ResponseHead, StreamError>> {
        loop {
            match self.answer.source.source.poll_head(cx) {
                Poll::Ready(Ok(head))
                    if head.status.is_informational()
                        && head.status != http::StatusCode::SWITCHING_PROTOCOLS =>
                {
                    // A client that cannot take it is found out when the final head is sent.
                    let _ = reply.inform(head);
                    let _ = reply.poll_flush(cx);
                }
                other => return other,
            }
        }
    }
}

// === impl Watched ===

impl<S: Source> Source for Watched<S> {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, StreamError>>> {
        let polled = self.source.poll_frame(cx);
        if let Poll::Ready(Some(Ok(Frame::Trailers(trailers)))) = &polled {
            self.trailers = Some(trailers.clone());
        }
        polled
    }

    fn is_end(&self) -> bool {
        self.source.is_end()
    }

    fn length(&self) -> Length {
        self.source.length()
    }
}
