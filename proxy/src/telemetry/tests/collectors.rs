//! Collectors for tests: they keep what is sent to them.

use std::future::poll_fn;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use engine::failure::Flag;
use engine::head::ResponseHead;
use engine::time::Duration;
use http::HeaderMap;
use serde_json::Value;

use crate::exchange::{Frame, Length, Respond as _, Sink as _, Source};
use crate::http1::{Limits, ServerConn};
use crate::http2;
use crate::net::testing::{Node, World};
use crate::net::{Accept as _, Rt as _};
use crate::telemetry::Done;
use crate::telemetry::config::{AccessLog, Config, LineFormat, Otlp, OtlpProtocol, Push, Tracing};
use crate::telemetry::export::{self, Observed};
use crate::telemetry::outputs::{Outputs, Placed};
use crate::telemetry::specimen::{self, Specimen};

/// What was sent: path, headers, body.
pub(super) type Posts = Arc<Mutex<Vec<(String, HeaderMap, Vec<u8>)>>>;

async fn whole(source: &mut impl Source) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some(frame) = poll_fn(|cx| source.poll_frame(cx)).await {
        if let Frame::Data(data) = frame.unwrap() {
            all.extend_from_slice(&data);
        }
    }
    all
}

/// Answers everything with `status`, over HTTP/1.1.
pub(super) async fn collector(node: &Node, port: u16, status: u16) -> Posts {
    let mut listener = node.listen((node.ip(), port).into()).await.unwrap();
    let posts = Posts::default();
    let (kept, rt) = (posts.clone(), node.clone());
    node.spawn(async move {
        while let Ok((io, _)) = listener.accept().await {
            let kept = kept.clone();
            rt.spawn(async move {
                let mut connection = ServerConn::new(io, Limits::default());
                while let Ok(Some((head, mut body, mut sink))) = connection.next_request().await {
                    let body = whole(&mut body).await;
                    let post = (head.path.to_string(), head.headers, body);
                    kept.lock().unwrap().push(post);
                    let head = ResponseHead::new(status.try_into().unwrap());
                    sink.respond(head, Length::Empty).unwrap();
                    let _ = poll_fn(|cx| sink.poll_flush(cx)).await;
                }
            });
        }
    });
    posts
}

/// Answers every call with the gRPC status `code`, in trailers.
async fn grpc_collector(node: &Node, port: u16, code: &'static str) -> Posts {
    let mut listener = node.listen((node.ip(), port).into()).await.unwrap();
    let posts = Posts::default();
    let (kept, rt) = (posts.clone(), node.clone());
    node.spawn(async move {
        while let Ok((io, _)) = listener.accept().await {
            let (kept, rt2) = (kept.clone(), rt.clone());
            rt.spawn(async move {
                let config = http2::Config::default();
                let mut connection = http2::server(io, &config).await.unwrap();
                while let Some(Ok((head, mut body, mut reply))) = connection.accept().await {
                    let kept = kept.clone();
                    rt2.spawn(async move {
                        let body = whole(&mut body).await;
                        let post = (head.path.to_string(), head.headers, body);
                        kept.lock().unwrap().push(post);
                        let head = ResponseHead::new(http::StatusCode::OK);
                        reply.respond(head, Length::Unknown).unwrap();
                        let message = Bytes::from_static(&[0, 0, 0, 0, 0]);
                        reply.send(Frame::Data(message), false).unwrap();
                        let mut trailers = HeaderMap::new();
                        trailers.insert("grpc-status", code.parse().unwrap());
                        reply.send(Frame::Trailers(trailers), true).unwrap();
                        let _ = poll_fn(|cx| reply.poll_flush(cx)).await;
                    });
                }
            });
        }
    });
    posts
}

pub(super) async fn zipkin(node: &Node) -> Posts {
    collector(node, 9411, 202).await
}

/// The spans that were sent to Zipkin.
pub(super) fn posted(posts: &Posts) -> Vec<Value> {
    let posts = posts.lock().unwrap();
    let batches = posts.iter().map(|(path, headers, body)| {
        assert_eq!(path, "/api/v2/spans");
        assert_eq!(headers["content-type"], "application/json");
        serde_json::from_slice::<Vec<Value>>(body).unwrap()
    });
    batches.flatten().collect()
}

fn otlp(protocol: OtlpProtocol) -> Config {
    Config {
        access_log: Some(AccessLog {
            format: LineFormat::Text,
            sample: 1.0,
        }),
        tracing: Some(Tracing::default()),
        otlp: Some(Otlp {
            to: "http://10.9.9.9:4318/otel".parse().unwrap(),
            protocol,
            headers: vec![(
                http::HeaderName::from_static("x-scope-orgid"),
                http::HeaderValue::from_static("shop"),
            )],
            traces: true,
            metrics: Some(Duration::from_secs(30)),
            logs: true,
        }),
        ..Config::default()
    }
}

/// Puts one record into every output.
fn take_one(outputs: &Outputs) {
    let record = specimen::record();
    let placed = Placed {
        context: record.span.unwrap(),
        state: None,
    };
    let wanted = outputs.wants(Some(&placed), &Done::broke(Flag::Overflow, ""), 0);
    outputs.take(wanted, record);
}

async fn export_one(config: Config, world: &World) -> Arc<Outputs> {
    let outputs = Outputs::new(config);
    take_one(&outputs);
    outputs.close();
    let rt = world.node("10.0.0.1", false);
    let observe = || Observed::from(&Specimen::new());
    export::run(outputs.clone(), rt, observe).await;
    outputs
}

fn paths(posts: &Posts) -> Vec<String> {
    let posts = posts.lock().unwrap();
    let mut paths: Vec<String> = posts.iter().map(|(path, ..)| path.clone()).collect();
    paths.sort();
    paths
}

#[tokio::test(start_paused = true)]
async fn all_signals_go_to_an_otlp_collector_over_http() {
    let world = World::default();
    let posts = collector(&world.node("10.9.9.9", false), 4318, 200).await;
    let outputs = export_one(otlp(OtlpProtocol::Http), &world).await;
    let expected = ["/otel/v1/logs", "/otel/v1/metrics", "/otel/v1/traces"];
    assert_eq!(paths(&posts), expected);
    for (_, headers, body) in posts.lock().unwrap().iter() {
        assert_eq!(headers["content-type"], "application/x-protobuf");
        assert_eq!(headers["x-scope-orgid"], "shop");
        assert!(!body.is_empty());
    }
    let exported = outputs.totals().exported;
    assert_eq!((exported["spans"], exported["logs"]), (1, 1));
    assert!(exported["metrics"] > 100);
}

#[tokio::test(start_paused = true)]
async fn all_signals_go_to_an_otlp_collector_over_grpc() {
    let world = World::default();
    let posts = grpc_collector(&world.node("10.9.9.9", false), 4318, "0").await;
    let outputs = export_one(otlp(OtlpProtocol::Grpc), &world).await;
    assert_eq!(
        paths(&posts),
        [
            "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
            "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
            "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        ]
    );
    for (_, headers, body) in posts.lock().unwrap().iter() {
        assert_eq!(headers["content-type"], "application/grpc");
        let len = u32::from_be_bytes(body[1..5].try_into().unwrap()) as usize;
        assert_eq!((body[0], len), (0, body.len() - 5));
    }
    assert_eq!(outputs.totals().exported["spans"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_grpc_status_that_is_not_ok_is_a_loss() {
    let world = World::default();
    let _posts = grpc_collector(&world.node("10.9.9.9", false), 4318, "14").await;
    let totals = export_one(otlp(OtlpProtocol::Grpc), &world).await.totals();
    assert_eq!((totals.exported["logs"], totals.dropped["logs"]), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_collector_that_hangs_is_given_up() {
    let world = World::default();
    let node = world.node("10.9.9.9", false);
    let _listening = node.listen(([10, 9, 9, 9], 4318).into()).await.unwrap();
    let totals = export_one(otlp(OtlpProtocol::Http), &world).await.totals();
    assert_eq!(totals.dropped["spans"], 1);
}

#[tokio::test(start_paused = true)]
async fn metrics_are_pushed_over_udp_at_their_pace() {
    let world = World::default();
    let push = |port| {
        Some(Push {
            to: ([10, 9, 9, 9], port).into(),
            every: Duration::from_secs(10),
        })
    };
    let outputs = Outputs::new(Config {
        statsd: push(8125),
        influx: push(8089),
        ..Config::default()
    });
    let rt = world.node("10.0.0.1", false);
    let observe = || Observed::from(&Specimen::new());
    rt.spawn(export::run(outputs.clone(), rt.clone(), observe));
    rt.sleep_until(rt.now() + Duration::from_secs(25)).await;
    let datagrams = world.datagrams();
    let first = |port: u16, line: &[u8]| {
        let sent = datagrams.iter().filter(|(to, _)| to.port() == port);
        sent.filter(|(_, d)| d.starts_with(line)).count()
    };
    // The second time statsd has no steps of counters to tell.
    assert_eq!(first(8125, b"meshctl_service_requests:4|c|#"), 1);
    assert_eq!(first(8125, b"meshctl_service_requests_in_flight:1|g|#"), 1);
    assert_eq!(first(8089, b"meshctl_service_requests,"), 2);
}
