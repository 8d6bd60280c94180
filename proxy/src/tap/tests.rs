use core::future::Future as _;
use core::pin::pin;
use core::task::{Context, Waker};

use engine::snapshot::{InboundPort, InboundTls};

use super::*;
use crate::net::testing::World;
use crate::serve::testing::*;
use crate::telemetry::specimen;

fn tap(query: &str) -> Arc<Tap> {
    Tap::new(Asked::read(query).unwrap())
}

/// Requests that end `micros` apart.
fn offer(taps: &Taps, n: u64, micros: u64) {
    let mut record = specimen::record();
    for i in 0..n {
        record.ended = Instant::from_nanos(i * micros * 1_000);
        let seen = crate::tap::Seen {
            record: &record,
            workload: "shop/Deployment/front",
            headers: None,
            answer: None,
        };
        taps.offer(seen, || i << 60);
    }
}

/// The requests that can be read without waiting, and what was counted by then.
fn read(tap: &Arc<Tap>) -> (usize, Counts) {
    let next = pin!(tap.next()).poll(&mut Context::from_waker(Waker::noop()));
    let read = match next {
        core::task::Poll::Ready(requests) => requests.len(),
        core::task::Poll::Pending => 0,
    };
    (read, tap.lock().counts)
}

#[track_caller]
fn check(query: &str, (n, micros): (u64, u64), waiting: usize, expected: Counts) {
    let (taps, tap) = (Arc::new(Taps::default()), tap(query));
    let _open = taps.open(&tap).unwrap();
    offer(&taps, n, micros);
    assert_eq!(read(&tap), (waiting, expected), "{query}");
}

#[test]
fn what_is_not_handed_on_is_counted() {
    let counts = |matched| Counts {
        matched,
        ..Counts::default()
    };
    check("", (10, 1), 10, counts(10));
    check("status=200", (10, 1), 0, counts(0));
    let over_rate = |n, of| Counts {
        over_rate: n,
        ..counts(of)
    };
    // In one second, and in four.
    check("rate=3", (40, 1_000), 3, over_rate(37, 40));
    check("rate=3", (40, 100_000), 12, over_rate(28, 40));
    // The draws go through sixteen values, of which eight are below one half.
    let half = Counts {
        left_out: 16,
        ..counts(40)
    };
    check("sample=0.5", (40, 1), 24, half);
    let slow = Counts {
        dropped: 76,
        ..counts(1_100)
    };
    check("rate=10000", (1_100, 1), WAITING_MAX, slow);
}

#[test]
fn a_proxy_looks_at_requests_while_somebody_asks() {
    let (taps, all) = (Arc::new(Taps::default()), tap("rate=10000"));
    assert!(!taps.any());
    let open: Vec<_> = (0..TAPS_MAX).map(|_| taps.open(&all).unwrap()).collect();
    assert_eq!(taps.open(&all).unwrap_err(), Full);
    assert!(taps.any());
    drop(open);
    assert!(!taps.any());
    let one = tap("");
    let open = taps.open(&one).unwrap();
    offer(&taps, 3, 1);
    drop(open);
    offer(&taps, 3, 1);
    assert_eq!(read(&one).0, 3);
}

fn lines(bytes: &[u8]) -> Vec<Line> {
    let text = core::str::from_utf8(bytes).unwrap();
    let lines = text.lines();
    lines.map(|l| serde_json::from_str(l).unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_reader_is_told_at_once_that_it_is_heard_and_the_counts_each_second() {
    let rt = World::default().node("10.0.0.1", false);
    let (taps, tap) = (Arc::new(Taps::default()), tap("count=2"));
    let _open = taps.open(&tap).unwrap();
    let mut reader = Reader::new(tap);
    let none = Line::Counts(Counts::default());
    for second in 0..3 {
        let (bytes, last) = reader.next(&rt).await;
        assert_eq!((lines(&bytes), last), (vec![none.clone()], false));
        assert_eq!(rt.now().as_nanos() / 1_000_000_000, second);
    }
    offer(&taps, 3, 1);
    let (bytes, last) = reader.next(&rt).await;
    let lines = lines(&bytes);
    let [Line::Request(_), Line::Request(_), Line::Counts(counts)] = &lines[..] else {
        panic!("{lines:?}");
    };
    assert_eq!((counts.matched, counts.sent, last), (3, 2, true));
}

/// Both proxies tell of one request, each of its own side.
#[tokio::test(start_paused = true)]
async fn a_request_is_told_by_both_sides() {
    let mesh = Mesh::new();
    let service = with_service("web", &[at(API, 8080)]);
    let web = mesh.pod(WEB, "web", service).await;
    let mut served = snapshot("api");
    served.inbound = inbound(InboundPort {
        tls: InboundTls::Strict,
        ..InboundPort::default()
    });
    let api = mesh.pod(API, "api", served).await;
    app(&api.app, at(API, 8080), |_, _| Reply {
        status: 200,
        body: "hello".to_owned(),
        delay: Duration::from_millis(3),
    })
    .await;
    let both = tap("header=x-request-id");
    let _open = [&web, &api].map(|pod| pod.proxy.taps().open(&both).unwrap());
    let mut client = Client::connect(&web.app, SERVICE).await;
    let secret = [("authorization", "Bearer secret")];
    client.get_with("/cart?token=1", &secret).await.unwrap();
    let mut told = both.next().await;
    while told.len() < 2 {
        told.extend(both.next().await);
    }
    let [inbound, outbound] = &told[..] else {
        panic!("{told:#?}");
    };
    assert_eq!((&*inbound.side, &*outbound.side), ("inbound", "outbound"));
    assert_eq!(inbound.id, outbound.id);
    for side in [inbound, outbound] {
        assert_eq!((side.status, &*side.path), (Some(200), "/cart?[redacted]"));
        assert!(side.mtls && side.duration_us >= 3_000, "{side:#?}");
        assert_eq!(side.request_headers["x-request-id"], side.id);
        assert_eq!(side.request_headers["authorization"], REDACTED);
        assert_eq!(side.response_headers["date"], REDACTED);
    }
    assert_eq!(outbound.service.as_deref(), Some("shop/api"));
    assert_eq!(outbound.source, "shop/Deployment/web");
    assert_eq!(outbound.attempts.len(), 1);
    let caller = "spiffe://cluster.local/ns/shop/sa/web";
    assert_eq!((&*inbound.source, &*inbound.proxy), (caller, "shop/api"));
}
