//! CONNECT on a connection that nothing redirected: whoever uses the proxy as one asks for bytes to
//! a service (RFC 9110 §9.3.6). A connection that was redirected to us is the application's own,
//! and a CONNECT on it is for the proxy that the application meant.

use core::future::poll_fn;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io;

use bytes::{Buf as _, Bytes};
use engine::failure::{Again, Failure, Flag, Whose};
use engine::head::{RequestHead, ResponseHead};
use engine::snapshot::{Frontend, Snapshot};
use http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Outbound;
use super::target::Past;
use crate::exchange::{Frame, Length, Respond, Source};
use crate::net::{Abort, Rt};
use crate::pool::connect;
use crate::serve::direct::TIMES;
use crate::serve::done::Done;
use crate::telemetry::Extra;
use crate::tls::Alpn;

/// The two halves of an exchange that has become a tunnel, as one stream.
struct Halves<S, D> {
    body: S,
    reply: D,
    /// What was read of the body and not yet taken.
    rest: Bytes,
    ended: bool,
}

impl<R: Rt> Outbound<R> {
    /// A tunnel to an endpoint of a Service.
    pub(super) async fn tunnel<S, D>(
        &self,
        snapshot: &Snapshot,
        frontend: &Frontend,
        head: &RequestHead,
        body: S,
        mut reply: D,
    ) -> Done
    where
        S: Source + Send,
        D: Respond + Send,
    {
        let shared = &*self.shared;
        let started = shared.rt.now();
        let Some((rule, cluster)) = self.backend(frontend, None, started) else {
            let failure = refusal(Flag::NoRoute, "no rule of the service takes bytes");
            return self.refuse(&failure, head, &mut reply).await;
        };
        let key = cluster.key().clone();
        let rows = self.look_up(snapshot, frontend, Some(&rule), Some(&key));
        let telemetry = &shared.telemetry;
        telemetry.start(rows);
        let (done, retries) = match self.open(&cluster).await {
            Ok((opened, retries)) => match Halves::open(body, reply).await {
                Ok(halves) => (self.stream(opened, halves).await, retries),
                Err(_) => (Done::gone((0, 0)), retries),
            },
            Err((done, retries)) => {
                let flag = done.flag.unwrap_or(Flag::ConnectFailure);
                let failure = refusal(flag, done.cause.as_deref().unwrap_or_default());
                (self.refuse(&failure, head, &mut reply).await, retries)
            }
        };
        (0..retries).for_each(|_| telemetry.retried(rows));
        let took = shared.rt.now().since(started);
        telemetry.end(rows, &done, Extra::default(), took);
        done
    }

    /// A tunnel to one certain address.
    pub(super) async fn tunnel_past<S, D>(
        &self,
        past: &Past,
        head: &RequestHead,
        body: S,
        mut reply: D,
    ) -> Done
    where
        S: Source + Send,
        D: Respond + Send,
    {
        let (rt, tls) = (&self.shared.rt, &self.shared.tls);
        match connect(rt, tls, &past.peer, Alpn::Tcp, TIMES.connect).await {
            Ok(upstream) => match Halves::open(body, reply).await {
                Ok(halves) => Done::copied(self.copy(halves, upstream).await),
                Err(_) => Done::gone((0, 0)),
            },
            Err(e) => {
                let failure = refusal(e.flag(), &e.to_string());
                self.refuse(&failure, head, &mut reply).await
            }
        }
    }
}

fn refusal(flag: Flag, cause: &str) -> Failure {
    Failure::new(Whose::Upstream, Again::Safe, flag, cause.to_owned())
}

// === impl Halves ===

// Neither half is polled through a pin.
impl<S, D> Unpin for Halves<S, D> {}

impl<S: Source, D: Respond> Halves<S, D> {
    /// Tells the client that the tunnel is there.
    async fn open(body: S, mut reply: D) -> Result<Self, io::Error> {
        let head = ResponseHead::new(StatusCode::OK);
        reply.respond(head, Length::Unknown).map_err(broken)?;
        poll_fn(|cx| reply.poll_flush(cx)).await.map_err(broken)?;
        Ok(Self {
            body,
            reply,
            rest: Bytes::new(),
            ended: false,
        })
    }
}

fn broken(error: impl core::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, error.to_string())
}

impl<S: Source, D> AsyncRead for Halves<S, D> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.rest.is_empty() && !self.ended {
            match ready!(self.body.poll_frame(cx)) {
                Some(Ok(Frame::Data(data))) => self.rest = data,
                Some(Ok(Frame::Trailers(_))) => {}
                Some(Err(e)) => return Poll::Ready(Err(broken(e))),
                None => self.ended = true,
            }
        }
        let n = self.rest.len().min(buf.remaining());
        buf.put_slice(&self.rest[..n]);
        self.rest.advance(n);
        Poll::Ready(Ok(()))
    }
}

impl<S, D: Respond> AsyncWrite for Halves<S, D> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.reply.poll_ready(cx)).map_err(broken)?;
        let data = Bytes::copy_from_slice(buf);
        self.reply.send(Frame::Data(data), false).map_err(broken)?;
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.reply.poll_flush(cx).map_err(broken)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A second one has nothing left to end.
        let _ = self.reply.send(Frame::Data(Bytes::new()), true);
        self.reply.poll_flush(cx).map_err(broken)
    }
}

impl<S, D: Respond> Abort for Halves<S, D> {
    fn abort(&mut self) {
        self.reply.abort();
    }
}
