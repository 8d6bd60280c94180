//! What a proxy asks on its own account: a request to a Service, balanced and over mutual TLS as
//! the application's are, past all routes.

use core::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use engine::head::{RequestHead, ResponseHead};
use engine::session::Session;
use engine::snapshot::ClusterKey;
use engine::time::Instant;
use engine::trace::Trail;
use http::{HeaderMap, StatusCode};

use super::request::Run;
use crate::exchange::{Frame, Length, Respond, Sink, Source, StreamError};
use crate::net::Rt;
use crate::serve::{Shared, headers};
use crate::telemetry::Rows;

/// A whole response.
#[derive(Clone, Debug, Default)]
pub(crate) struct Whole {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: BytesMut,
    pub(crate) trailers: HeaderMap,
}

/// A body that is there.
struct Ready(Option<Bytes>);

/// Collects the response.
struct Collect {
    whole: Option<Whole>,
    body_max: usize,
    broken: bool,
}

/// Sends a request and waits for its whole response, of at most `body_max` bytes.
///
/// # Errors
/// One sentence that says why there is no answer.
pub(crate) async fn call<R: Rt>(
    shared: &Shared<R>,
    to: &ClusterKey,
    mut head: RequestHead,
    body: Bytes,
    body_max: usize,
    deadline: Instant,
) -> Result<Whole, String> {
    let now = shared.rt.now();
    let Some(session) = Session::alone(to, &head, deadline, &shared.clusters, now) else {
        return Err(format!("{to} is not in the configuration"));
    };
    headers::set_orig_proto(&mut head, session.protocol());
    let mut collect = Collect {
        whole: None,
        body_max,
        broken: false,
    };
    let mut run = Run::new(shared, session, Trail::off(), Rows::default());
    let body = Ready((!body.is_empty()).then_some(body));
    let done = Box::pin(run.drive(&head, body, &mut collect)).await;
    match (collect.whole, done.flag) {
        (_, Some(flag)) => Err(match done.cause {
            Some(cause) => cause,
            None => format!("{to} answered with {flag}"),
        }),
        (Some(whole), None) if !collect.broken => Ok(whole),
        (Some(_), None) => Err(format!("the answer of {to} broke off")),
        (None, None) => Err(format!("{to} gave no answer")),
    }
}

// === impl Ready ===

impl Source for Ready {
    fn poll_frame(&mut self, _cx: &mut Context<'_>) -> Poll<Option<Result<Frame, StreamError>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(Frame::Data(bytes))))
    }

    fn is_end(&self) -> bool {
        self.0.is_none()
    }

    fn length(&self) -> Length {
        match &self.0 {
            Some(bytes) => Length::Known(bytes.len() as u64),
            None => Length::Empty,
        }
    }
}

// === impl Collect ===

impl Sink for Collect {
    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        Poll::Ready(Ok(()))
    }

    fn send(&mut self, frame: Frame, _end: bool) -> Result<(), StreamError> {
        let Some(whole) = &mut self.whole else {
            return Err(StreamError::Reset);
        };
        match frame {
            Frame::Data(data) if whole.body.len() + data.len() <= self.body_max => {
                whole.body.extend_from_slice(&data);
            }
            Frame::Data(_) => {
                self.broken = true;
                return Err(StreamError::TooLarge {
                    what: "the answer",
                    limit: self.body_max,
                });
            }
            Frame::Trailers(trailers) => whole.trailers = trailers,
        }
        Ok(())
    }

    fn poll_flush(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        Poll::Ready(Ok(()))
    }

    fn poll_closed(&mut self, _cx: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }

    fn abort(&mut self) {
        self.broken = true;
    }
}

impl Respond for Collect {
    fn inform(&mut self, _head: ResponseHead) -> Result<(), StreamError> {
        Ok(())
    }

    fn respond(&mut self, head: ResponseHead, _length: Length) -> Result<(), StreamError> {
        self.whole = Some(Whole {
            status: head.status,
            headers: head.headers,
            ..Whole::default()
        });
        Ok(())
    }

    fn has_responded(&self) -> bool {
        self.whole.is_some()
    }
}
