//! A request for one certain endpoint: our own application, or a pod that was addressed directly.
//! No route, no policy, one try, and a second one when an idle connection turned out to be closed.

use engine::failure::{Again, Failure, Flag, Whose};
use engine::head::{Protocol, RequestHead, ResponseHead};
use engine::snapshot::{CONNECT_TIMEOUT, ClusterProtocol};
use engine::time::{Duration, Instant};
use http::{HeaderMap, Method, StatusCode};

use super::done::Done;
use super::exchange::{HeadEnd, StreamEnd, Try};
use super::shadow::Told;
use super::{Shared, headers, local};
use crate::exchange::{Length, Replay, Respond, Source, StreamError};
use crate::net::Rt;
use crate::pool::{ConnectError, Destination, Entered, Times, Wire};

/// For connections that no policy speaks of.
pub(crate) const TIMES: Times = Times {
    connect: CONNECT_TIMEOUT,
    idle: Duration::from_secs(90),
};

/// Where a request goes and what is spoken there.
pub(crate) struct Direct<'a> {
    pub(crate) to: &'a Destination,
    pub(crate) wire: Wire,
    /// Who is on the other end, in words.
    pub(crate) who: &'a str,
    /// Whether a proxy of the mesh answers, which may set the mesh's headers.
    pub(crate) proxied: bool,
    /// What is added to the response: what the mesh says about the request.
    pub(crate) says: HeaderMap,
}

/// Sends the request and passes the response on, or answers with the failure.
pub(crate) async fn forward<R, S, D>(
    shared: &Shared<R>,
    direct: Direct<'_>,
    head: &RequestHead,
    body: S,
    reply: &mut D,
) -> Done
where
    R: Rt,
    S: Source + Send,
    D: Respond + Send,
{
    // Nothing is buffered: only a request without a body can be sent again.
    let mut body = Replay::new(body, 0);
    let mut again = engine::retry::condition::is_idempotent(&head.method);
    loop {
        let mut attempt = match open(shared, &direct, head, body.length()).await {
            Ok(attempt) => attempt,
            Err(failure) => return refuse(shared, failure, head, reply).await,
        };
        let until = Instant::FAR_FUTURE;
        let end = attempt.head(&shared.rt, &mut body, reply, until).await;
        let error = match end {
            HeadEnd::Head(response) => {
                let mut response = response;
                let refused = if direct.proxied {
                    Told::take(&mut response.headers).refused
                } else {
                    headers::strip_own(&mut response.headers);
                    None
                };
                response.headers.extend(direct.says);
                let done = answer(shared, attempt, head, response, &mut body, reply).await;
                return done.refused_by_peer(refused);
            }
            HeadEnd::Broken(StreamError::Stale | StreamError::Refused)
                if again && body.rewind() =>
            {
                again = false;
                continue;
            }
            HeadEnd::Broken(error) => error,
            HeadEnd::Client(e) if !is_gone(&e) => {
                attempt.abort();
                return refuse(shared, bad_request(&e), head, reply).await;
            }
            HeadEnd::Client(_) | HeadEnd::Gone | HeadEnd::Late => {
                attempt.abort();
                reply.abort();
                return Done::gone(attempt.moved());
            }
        };
        attempt.abort();
        return refuse(shared, broken(direct.who, &error), head, reply).await;
    }
}

async fn open<R: Rt>(
    shared: &Shared<R>,
    direct: &Direct<'_>,
    head: &RequestHead,
    length: Length,
) -> Result<Try<R>, Failure> {
    let lease = match shared.pool.enter(direct.to.clone(), direct.wire, TIMES) {
        Entered::Ready(lease) => lease,
        Entered::Queued(mut queued) => {
            if queued.wants_connect() {
                queued.connect(None, None);
            }
            let ready = queued.ready().await;
            ready.map_err(|e| no_connection(direct.who, &e))?
        }
    };
    if head.upgrade.is_some() {
        lease.settle(&shared.rt).await;
    }
    Try::send(lease, head, length).map_err(|e| broken(direct.who, &e))
}

async fn answer<R, S, D>(
    shared: &Shared<R>,
    mut attempt: Try<R>,
    head: &RequestHead,
    mut response: ResponseHead,
    body: &mut Replay<S>,
    reply: &mut D,
) -> Done
where
    R: Rt,
    S: Source + Send,
    D: Respond + Send,
{
    headers::set_date(&mut response, &shared.rt);
    let status = response.status;
    let grpc = engine::classify::grpc_status(&response.headers);
    let headers = shared.seen(&response);
    let (rt, never) = (&shared.rt, Instant::FAR_FUTURE);
    let end = pass(rt, &mut attempt, head, response, body, reply, never).await;
    let mut done = Done::answered(status, grpc.or(attempt.grpc_status()), attempt.moved());
    done.headers = headers;
    match end {
        StreamEnd::Complete => done,
        StreamEnd::Broken(_) | StreamEnd::Late => done.broken(Flag::UpstreamReset),
        StreamEnd::Gone => done.left(),
    }
}

/// Sends a response's head to the client and its body after it.
pub(crate) async fn pass<R, S, D>(
    rt: &R,
    attempt: &mut Try<R>,
    head: &RequestHead,
    response: ResponseHead,
    body: &mut Replay<S>,
    reply: &mut D,
    until: Instant,
) -> StreamEnd
where
    R: Rt,
    S: Source + Send,
    D: Respond + Send,
{
    let tunnel = is_tunnel(head, response.status);
    let length = attempt.length();
    if reply.respond(response, length).is_err() {
        attempt.abort();
        return StreamEnd::Gone;
    }
    if tunnel {
        return attempt.tunnel(body.source_mut(), reply).await;
    }
    attempt.stream(rt, body, reply, until).await
}

fn is_tunnel(head: &RequestHead, status: StatusCode) -> bool {
    status == StatusCode::SWITCHING_PROTOCOLS
        || (head.method == Method::CONNECT && status.is_success())
}

/// What is spoken to an endpoint. Between proxies requests are multiplexed, whatever the client
/// spoke; an upgrade gets a connection of its own, which it becomes, except towards an application
/// that is declared to speak nothing but HTTP/2 (RFC 8441).
pub(crate) fn wire_to(to: &Destination, protocol: ClusterProtocol, head: &RequestHead) -> Wire {
    let meshed = to.peer.identity.is_some();
    match (protocol, head.protocol) {
        (ClusterProtocol::Http2, _) if head.upgrade.is_some() && !meshed => Wire::Http2,
        _ if head.upgrade.is_some() => Wire::Http1,
        _ if meshed => Wire::Http2,
        // Whether it speaks HTTP/2 inside TLS is not known; gRPC speaks nothing else.
        (ClusterProtocol::Same, _) if to.peer.tls.is_some() && !head.is_grpc() => Wire::Http1,
        (ClusterProtocol::Http1, _) => Wire::Http1,
        (ClusterProtocol::Http2, _) => Wire::Http2,
        (ClusterProtocol::Same | ClusterProtocol::Opaque, Protocol::Http1) => Wire::Http1,
        (ClusterProtocol::Same | ClusterProtocol::Opaque, Protocol::Http2) => Wire::Http2,
    }
}

/// A body that broke because its sender left, and not because it is no HTTP.
pub(crate) fn is_gone(error: &StreamError) -> bool {
    !matches!(
        error,
        StreamError::Protocol(_) | StreamError::TooLarge { .. }
    )
}

/// What the client sent is not a request.
pub(crate) fn bad_request(error: &StreamError) -> Failure {
    let cause = format!("the request's body: {error}");
    Failure::new(Whose::Client, Again::Never, Flag::DownstreamProtocol, cause)
}

async fn refuse<R: Rt, D: Respond>(
    shared: &Shared<R>,
    failure: Failure,
    head: &RequestHead,
    reply: &mut D,
) -> Done {
    let answer = engine::verdict::LocalResponse::from_failure(&failure, head);
    let status = answer.status;
    local::send(&shared.rt, answer, &head.method, reply).await;
    Done::failed(status, &failure)
}

fn no_connection(who: &str, error: &ConnectError) -> Failure {
    let cause = format!("{who}: {error}");
    Failure::new(Whose::Upstream, Again::Safe, error.flag(), cause)
}

fn broken(who: &str, error: &StreamError) -> Failure {
    let (flag, again) = match error {
        StreamError::Refused => (Flag::UpstreamReset, Again::Safe),
        StreamError::Protocol(_) | StreamError::TooLarge { .. } => {
            (Flag::UpstreamProtocol, Again::Never)
        }
        StreamError::Tls(_) => (Flag::Tls, Again::Never),
        _ => (Flag::UpstreamReset, Again::IfIdempotent),
    };
    Failure::new(Whose::Upstream, again, flag, format!("{who}: {error}"))
}
