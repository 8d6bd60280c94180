use http::uri::Authority;

use super::*;
use crate::classify::Kind;
use crate::entropy::Entropy;
use crate::limit::InUse;
use crate::live::fixture::{at, clusters, endpoint, key, ms, outbound, policy};
use crate::live::{Clusters, LiveCluster};
use crate::origin::Origin;
use crate::snapshot::route::{RetryBudget, RetryOn, StatusRange, Timeouts};
use crate::snapshot::{Cluster, Frontend, ObjectName, PortProtocol, RouteKind, RouteTable};

mod faults;
mod foresee;
mod hashes;
mod random;
mod retries;
mod timeouts;
mod waiting;

/// A request on its way, with everything around it.
struct Bench {
    proxy: Clusters,
    live: Arc<LiveCluster>,
    rng: Entropy,
    trail: Trail,
    frontend: Frontend,
}

/// A rule that sends everything to the one cluster.
fn rule(change: impl FnOnce(&mut Rule)) -> Rule {
    let table = RouteTable::to_service(key(), Origin::default_of("rule"));
    let mut rule = Rule::clone(&table.rules()[0]);
    change(&mut rule);
    rule
}

/// Two retries of 503, gRPC 14, resets and timeouts; no wait, no budget.
fn retry() -> RetryPolicy {
    RetryPolicy {
        attempts: 2,
        per_try_timeout: None,
        on: RetryOn {
            reset: true,
            per_try_timeout: true,
            statuses: vec![StatusRange { from: 503, to: 503 }],
            grpc: vec![14],
        },
        backoff_base: Duration::ZERO,
        backoff_max: Duration::ZERO,
        backoff_least: Duration::ZERO,
        rate_limited_backoff: false,
        host_selection_attempts: 5,
        retry_non_idempotent: false,
        budget: None,
        body_bytes_max: 65536,
        origin: Origin::default_of("retry"),
    }
}

use crate::time::Duration;

fn frontend(rule: Rule) -> Frontend {
    Frontend {
        service: ObjectName::new("shop", "web"),
        port: 80,
        protocol: PortProtocol::Detect,
        routes: Arc::new(RouteTable::new(RouteKind::Http, vec![rule])),
        origin: Origin::default_of("frontend"),
    }
}

fn request(method: Method) -> RequestHead {
    let host = Authority::from_static("web");
    RequestHead::new(method, Some(host), "/".parse().unwrap())
}

fn grpc_request() -> RequestHead {
    let mut head = request(Method::POST);
    let value = http::HeaderValue::from_static("application/grpc");
    head.headers.insert(http::header::CONTENT_TYPE, value);
    head
}

fn response(code: u16) -> ResponseHead {
    ResponseHead::new(StatusCode::from_u16(code).unwrap())
}

fn with(mut head: ResponseHead, name: &'static str, value: &'static str) -> ResponseHead {
    let value = http::HeaderValue::from_static(value);
    head.headers.insert(name, value);
    head
}

impl Bench {
    fn new(n: u8, rule: Rule, change: impl FnOnce(&mut Cluster)) -> Self {
        let (proxy, live) = clusters(n, change);
        Self {
            proxy,
            live,
            rng: Entropy::from_seed(3),
            trail: Trail::on(),
            frontend: frontend(rule),
        }
    }

    fn open(&mut self, mut head: RequestHead, now: Instant) -> Opened {
        let (rng, trail) = (&mut self.rng, &mut self.trail);
        Session::open(&self.frontend, &mut head, &self.proxy, now, rng, trail)
    }

    #[track_caller]
    fn session(&mut self, head: RequestHead, now: Instant) -> Session {
        match self.open(head, now) {
            Opened::Forward(session) => *session,
            Opened::Respond(answer) => panic!("answered: {answer:?}"),
        }
    }

    #[track_caller]
    fn attempt(&mut self, session: &mut Session, now: Instant) -> Attempt {
        match session.next_attempt(now, &mut self.trail) {
            Next::Attempt(attempt) => attempt,
            other => panic!("no attempt: {other:?}"),
        }
    }

    #[track_caller]
    fn fails(&mut self, session: &mut Session, now: Instant) -> Failure {
        match session.next_attempt(now, &mut self.trail) {
            Next::Fail(failure) => failure,
            other => panic!("no failure: {other:?}"),
        }
    }

    fn head(&mut self, session: &mut Session, mut head: ResponseHead, now: Instant) -> OnHead {
        session.on_head(&mut head, true, now, &mut self.trail)
    }

    fn broke(&mut self, session: &mut Session, how: Broken, now: Instant) -> OnFailure {
        session.on_failure(how, true, now, &mut self.trail)
    }

    /// The steps of the trail, one a line.
    fn story(&self) -> String {
        let steps = self.trail.steps().iter().map(|s| format!("{s}\n"));
        steps.collect()
    }

    #[track_caller]
    fn check_nothing_under_way(&self, now: Instant) {
        assert_eq!(self.live.in_use(), InUse::default());
        let active: u32 = self.live.endpoint_loads(now).iter().map(|l| l.active).sum();
        assert_eq!(active, 0);
    }
}

fn trailers(code: &'static str) -> HeaderMap {
    let mut map = HeaderMap::new();
    map.insert("grpc-status", http::HeaderValue::from_static(code));
    map
}

/// What a request counts as that got this head and this end.
#[track_caller]
fn check_end(request: RequestHead, head: ResponseHead, end: End<'_>, expected: Outcome) {
    let mut b = Bench::new(1, rule(|_| ()), |_| ());
    let mut session = b.session(request, at(0));
    b.attempt(&mut session, at(0));
    assert!(matches!(b.head(&mut session, head, at(1)), OnHead::Pass));
    let assessment = session.on_end(end, at(2));
    assert_eq!(assessment.outcome, expected);
    b.check_nothing_under_way(at(2));
}

#[test]
fn a_response_counts_by_its_status_and_its_end() {
    let get = || request(Method::GET);
    let ok = Outcome::Http(StatusCode::OK);
    check_end(get(), response(200), End::Complete(None), ok);
    let unavailable = Outcome::Http(StatusCode::SERVICE_UNAVAILABLE);
    check_end(get(), response(503), End::Complete(None), unavailable);
    let reset = Outcome::Broken(Broken::Reset);
    check_end(get(), response(200), End::Broken(Broken::Reset), reset);
}

#[test]
fn grpc_counts_by_trailers_and_a_missing_status_is_unknown() {
    let ok = || response(200);
    let end = trailers("0");
    check_end(
        grpc_request(),
        ok(),
        End::Complete(Some(&end)),
        Outcome::Grpc(0),
    );
    let end = trailers("14");
    check_end(
        grpc_request(),
        ok(),
        End::Complete(Some(&end)),
        Outcome::Grpc(14),
    );
    check_end(grpc_request(), ok(), End::Complete(None), Outcome::Grpc(2));
    let only = with(ok(), "grpc-status", "5");
    check_end(grpc_request(), only, End::Complete(None), Outcome::Grpc(5));
    let http = Outcome::Http(StatusCode::BAD_GATEWAY);
    check_end(grpc_request(), response(502), End::Complete(None), http);
}

#[test]
fn how_an_open_tunnel_ends_says_nothing() {
    let mut upgrade = request(Method::GET);
    upgrade.upgrade = Some("websocket".into());
    let switched = Outcome::Http(StatusCode::SWITCHING_PROTOCOLS);
    let end = End::Broken(Broken::Reset);
    check_end(upgrade.clone(), response(101), end, switched);
    check_end(upgrade, response(500), end, Outcome::Broken(Broken::Reset));
}

#[test]
fn a_session_that_is_dropped_gives_everything_back() {
    let mut b = Bench::new(2, rule(|_| ()), |_| ());
    let mut session = b.session(request(Method::GET), at(0));
    b.attempt(&mut session, at(0));
    drop(session);
    b.check_nothing_under_way(at(0));
}

#[test]
fn a_rule_without_a_backend_and_a_path_without_a_rule_are_answered() {
    let mut b = Bench::new(1, rule(|r| r.backends.clear()), |_| ());
    let Opened::Respond(answer) = b.open(request(Method::GET), at(0)) else {
        panic!("forwarded");
    };
    assert_eq!(answer.response.status, 500);
    assert_eq!(answer.response.flag, Some(Flag::NoBackend));
    b.frontend.routes = Arc::new(RouteTable::new(RouteKind::Http, Vec::new()));
    let Opened::Respond(answer) = b.open(request(Method::GET), at(0)) else {
        panic!("forwarded");
    };
    assert_eq!(answer.response.status, 404);
    assert_eq!(answer.response.flag, Some(Flag::NoRoute));
}

#[test]
fn a_half_open_breaker_gets_its_probe_back_when_the_client_leaves() {
    let mut b = Bench::new(1, rule(|_| ()), |c| {
        c.breaker = Some(
            crate::snapshot::UnifiedBreaker {
                max_failures: 1,
                jitter: 0.0,
                ..Default::default()
            }
            .into(),
        );
    });
    let mut session = b.session(request(Method::GET), at(0));
    b.attempt(&mut session, at(0));
    b.head(&mut session, response(500), at(1));
    session.on_end(End::Complete(None), at(1));
    for _ in 0..3 {
        let mut probe = b.session(request(Method::GET), at(1_001));
        b.attempt(&mut probe, at(1_001));
        probe.cancel(at(1_002));
    }
    let mut probe = b.session(request(Method::GET), at(1_003));
    b.attempt(&mut probe, at(1_003));
    // A good head is enough: a probe must not last as long as a download.
    b.head(&mut probe, response(200), at(1_004));
    let mut other = b.session(request(Method::GET), at(1_005));
    b.attempt(&mut other, at(1_005));
}

#[test]
fn the_trail_tells_the_story_with_its_manifests() {
    let mut b = Bench::new(1, rule(|r| r.retry = Some(retry())), |_| ());
    let mut session = b.session(request(Method::GET), at(0));
    b.attempt(&mut session, at(0));
    b.head(&mut session, response(503), at(5));
    b.attempt(&mut session, at(5));
    b.broke(&mut session, Broken::Protocol, at(9));
    let story = b.story();
    let expected = [
        "split: shop/web:80 (weight 1 of 1) [default rule]",
        "pick: shop/web-0 is the only endpoint that can be picked [default test]",
        "retry: shop/web-0 answered 503: retry 1 of 2 in 0ns [default retry]",
        "retry: shop/web-0 sent something that is not HTTP: no retry, the outcome is none",
    ];
    for line in expected {
        assert!(story.contains(line), "{line:?} is not in:\n{story}");
    }
}
