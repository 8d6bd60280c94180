//! HTTP connections that clients opened: one request after the other, or many at once, each given
//! to a [`Handler`].

use core::future::Future;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, ready};

use std::sync::Arc;

use bytes::Bytes;
use engine::head::{RequestHead, ResponseHead};
use engine::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};

use super::Shared;
use super::headers::set_date;
use crate::exchange::{Respond, Source};
use crate::http1::{Limits, NextError, ServerConn};
use crate::http2;
use crate::listen::drain::Watch;
use crate::net::{Abort, AnyIo, Rt};

/// A request's head has to be complete this long after its first byte (Envoy leaves it open, nginx
/// has 60 s, Apache 20 to 40 s): slow clients that send a byte a minute hold no connection.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a client may take to close its side after the last response.
const LINGER: Duration = Duration::from_secs(2);

/// What is done with a request. Returns when both of its bodies are done with.
pub(crate) trait Handler<R: Rt>: Send + Sync + 'static {
    fn handle<S, D>(&self, head: RequestHead, body: S, reply: D) -> impl Future<Output = ()> + Send
    where
        S: Source + Send + 'static,
        D: Respond + Send + 'static;
}

pin_project_lite::pin_project! {
    /// Completes when nothing has happened on a connection for its idle timeout. What happens only
    /// moves the end; the timer is set anew when it fires, not with every request.
    struct Idle<'a, R: Rt> {
        shared: &'a Shared<R>,
        until: Instant,
        #[pin]
        timer: R::Sleep,
        fires: Instant,
    }
}

enum Next<T> {
    Request(T),
    Refused(NextError),
    Over,
    Lost,
}

/// Serves HTTP/1.1 until the client, an idle timeout or a drain ends it.
pub(crate) async fn serve1<R: Rt, H: Handler<R>>(
    shared: &Shared<R>,
    io: AnyIo<R::Io>,
    handler: &H,
    mut watch: Watch,
) {
    let rt = &shared.rt;
    let mut connection = ServerConn::new(io, Limits::default());
    let mut idle = pin!(Idle::new(shared));
    loop {
        let waiting = wait_readable(&mut connection, &mut watch, idle.as_mut());
        if !waiting.await {
            break;
        }
        let next = tokio::select! {
            biased;
            next = connection.next_request() => match next {
                Ok(Some(request)) => Next::Request(request),
                Ok(None) => Next::Over,
                Err(NextError::Broken(_)) => Next::Lost,
                Err(refused) => Next::Refused(refused),
            },
            // Made when the head is not complete at once, which is rare.
            () = async { rt.sleep_until(rt.now() + HEAD_TIMEOUT).await } => Next::Lost,
        };
        match next {
            Next::Request((head, body, reply)) => {
                let mut handling = pin!(handler.handle(head, body, reply));
                tokio::select! {
                    biased;
                    () = &mut handling => {}
                    () = watch.draining() => {
                        connection.close_after();
                        handling.await;
                    }
                }
            }
            Next::Refused(NextError::Refused(why)) => {
                let mut head = ResponseHead::new(why.status());
                set_date(&mut head, rt);
                connection.refuse(head, Bytes::new());
                break;
            }
            Next::Over => break,
            Next::Refused(NextError::Broken(_)) | Next::Lost => return reset(connection),
        }
    }
    if connection.is_broken() {
        return reset(connection);
    }
    tokio::select! {
        biased;
        _ = connection.close() => {}
        () = rt.sleep_until(rt.now() + LINGER) => {}
    }
}

/// Serves HTTP/2 until the client, an idle timeout or a drain ends it. Each stream has a task of
/// its own, while this one moves the bytes of all.
pub(crate) async fn serve2<R: Rt, H: Handler<R>>(
    shared: &Shared<R>,
    io: AnyIo<R::Io>,
    handler: &Arc<H>,
    mut watch: Watch,
) {
    let rt = &shared.rt;
    let config = http2::Config::default();
    let begun = tokio::select! {
        biased;
        begun = http2::server(io, &config) => begun,
        () = rt.sleep_until(rt.now() + HEAD_TIMEOUT) => return,
    };
    let Ok(mut connection) = begun else { return };
    let mut draining = false;
    let mut idle = pin!(Idle::new(shared));
    loop {
        tokio::select! {
            biased;
            next = connection.accept() => match next {
                Some(Ok((head, body, reply))) => {
                    idle.as_mut().begin_anew();
                    let handler = handler.clone();
                    let handling = async move { handler.handle(head, body, reply).await };
                    // In a box: a task that is large is copied when it begins and when it ends.
                    rt.spawn(Box::pin(handling));
                }
                Some(Err(_)) | None => return,
            },
            () = watch.draining(), if !draining => {
                draining = true;
                connection.drain();
            }
            () = idle.as_mut() => {
                idle.as_mut().begin_anew();
                if !connection.has_streams() {
                    draining = true;
                    connection.drain();
                }
            }
        }
    }
}

/// Waits for the first byte of the next request. False when the connection should be closed.
async fn wait_readable<R: Rt>(
    connection: &mut ServerConn<AnyIo<R::Io>>,
    watch: &mut Watch,
    mut idle: Pin<&mut Idle<'_, R>>,
) -> bool {
    idle.as_mut().begin_anew();
    loop {
        let draining = watch.is_draining();
        if draining && connection.is_idle() {
            return false;
        }
        tokio::select! {
            biased;
            readable = connection.readable() => return readable.unwrap_or(false),
            () = watch.draining(), if !draining => connection.close_after(),
            () = idle.as_mut() => return false,
        }
    }
}

// === impl Idle ===

impl<'a, R: Rt> Idle<'a, R> {
    fn new(shared: &'a Shared<R>) -> Self {
        let until = shared.rt.now() + shared.bounds.idle_timeout;
        Self {
            shared,
            until,
            timer: shared.rt.sleep_until(until),
            fires: until,
        }
    }

    /// Something happened.
    fn begin_anew(self: Pin<&mut Self>) {
        let this = self.project();
        *this.until = this.shared.rt.now() + this.shared.bounds.idle_timeout;
    }
}

impl<R: Rt> Future for Idle<'_, R> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        loop {
            ready!(this.timer.as_mut().poll(cx));
            if *this.fires >= *this.until {
                // Polled again it has to be a timer that may be polled.
                this.timer.set(this.shared.rt.sleep_until(*this.until));
                return Poll::Ready(());
            }
            *this.fires = *this.until;
            this.timer.set(this.shared.rt.sleep_until(*this.until));
        }
    }
}

fn reset<I: AsyncRead + AsyncWrite + Abort + Unpin>(connection: ServerConn<AnyIo<I>>) {
    if let Some((mut io, _)) = connection.take_io() {
        io.abort();
    }
}
