use std::sync::Arc;

use engine::snapshot::Snapshot;
use engine::time::Duration;
use serde_json::Value;

use super::collectors::{collector, posted, zipkin};
use crate::net::Rt as _;
use crate::serve::testing::*;
use crate::telemetry::config::{AccessLog, Config, LineFormat, Tracing};
use crate::telemetry::context::Format;
use crate::telemetry::export::{self, Observed};
use crate::telemetry::outputs::Outputs;

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn served() -> Snapshot {
    let mut served = snapshot("api");
    served.inbound = inbound(engine::snapshot::InboundPort {
        tls: engine::snapshot::InboundTls::Strict,
        ..Default::default()
    });
    served
}

/// A mesh of `web` and `api` whose proxies have these outputs. `api` answers with its trace
/// headers.
async fn mesh(config: Config) -> (Mesh, Pod, Pod, Arc<Outputs>) {
    let outputs = Outputs::new(config);
    let mut mesh = Mesh::new();
    mesh.outputs = Some(outputs.clone());
    let service = with_service("web", &[at(API, 8080)]);
    let web = mesh.pod(WEB, "web", service).await;
    let api = mesh.pod(API, "api", served()).await;
    app(&api.app, at(API, 8080), |head, _| {
        let names = ["traceparent", "tracestate", "b3", "x-b3-traceid"];
        let heard = names.map(|name| match head.headers.get(name) {
            Some(value) => value.to_str().unwrap().to_owned(),
            None => String::new(),
        });
        Reply {
            status: if head.path.path() == "/broken" {
                500
            } else {
                200
            },
            body: heard.join("|"),
            delay: Duration::from_millis(3),
        }
    })
    .await;
    (mesh, web, api, outputs)
}

fn log(format: LineFormat, sample: f64) -> Config {
    Config {
        access_log: Some(AccessLog { format, sample }),
        ..Config::default()
    }
}

fn lines(outputs: &Outputs) -> Vec<String> {
    outputs.close();
    let mut out = Vec::new();
    outputs.lines().unwrap().write_to(&mut out);
    let text = String::from_utf8(out).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[tokio::test(start_paused = true)]
async fn a_request_is_a_line_on_both_sides() {
    let (_mesh, web, _api, outputs) = mesh(log(LineFormat::Json, 1.0)).await;
    let mut client = Client::connect(&web.app, SERVICE).await;
    client.send("POST", "/x", "hello").await.unwrap();
    let lines = lines(&outputs);
    let read = |line: &String| -> Value { serde_json::from_str(line).unwrap() };
    let [inbound, outbound] = &lines.iter().map(read).collect::<Vec<_>>()[..] else {
        panic!("{lines:?}");
    };
    assert_eq!(inbound["side"], "inbound");
    assert_eq!(
        inbound["client_identity"],
        "spiffe://cluster.local/ns/shop/sa/web"
    );
    assert_eq!(inbound["upstream"], format!("{API}:8080"));
    assert_eq!(outbound["side"], "outbound");
    assert_eq!(outbound["backend"], "shop/api:80");
    assert_eq!(outbound["upstream"], format!("{API}:8080"));
    for line in [inbound, outbound] {
        assert_eq!(line["request_id"], outbound["request_id"]);
        assert_eq!(line["status"], 200);
        assert_eq!(line["bytes_received"], 5);
        assert_eq!(line["bytes_sent"], 3);
        assert_eq!(line["response_flags"], Value::Null);
    }
}

#[tokio::test(start_paused = true)]
async fn failures_are_always_written_and_the_rest_by_their_share() {
    let (_mesh, web, _api, outputs) = mesh(log(LineFormat::Text, 0.0)).await;
    let mut client = Client::connect(&web.app, SERVICE).await;
    for path in ["/fine", "/broken"] {
        client.get(path).await.unwrap();
    }
    let lines = lines(&outputs);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(
        lines
            .iter()
            .all(|l| l.contains(r#""GET /broken HTTP/1.1" 500 - "#))
    );
}

#[tokio::test(start_paused = true)]
async fn without_tracing_headers_pass_untouched() {
    let (_mesh, web, _api, _) = mesh(log(LineFormat::Text, 0.0)).await;
    let mut client = Client::connect(&web.app, SERVICE).await;
    let seen = client.get_with("/", &[("traceparent", PARENT)]).await;
    assert_eq!(seen.unwrap().body, format!("{PARENT}|||"));
}

#[tokio::test(start_paused = true)]
async fn forwarded_bytes_are_a_line_on_both_sides() {
    let (_mesh, web, api, outputs) = mesh(log(LineFormat::Text, 1.0)).await;
    echo(&api.app, at(API, 9000)).await;
    let mut io = web.app.connect(at(API, 9000)).await.unwrap();
    say(&mut io, "\u{1}hello").await.unwrap();
    web.app
        .sleep_until(web.app.now() + Duration::from_secs(1))
        .await;
    let lines = lines(&outputs);
    assert_eq!(lines.len(), 2, "{lines:?}");
    let to = format!("{API}:9000");
    for (line, side) in lines.iter().zip(["inbound", "outbound"]) {
        let middle = format!(r#"] "- - TCP" - - 6 9 0 0 "-" "-" "-" "-" "{to}" {side} - "-""#);
        assert!(line.contains(&middle), "{line}");
    }
}

fn tracing(sample: f64, propagation: &[Format]) -> Config {
    Config {
        tracing: Some(Tracing {
            sample,
            parent_based: true,
            propagation: propagation.to_vec(),
        }),
        zipkin: Some("http://10.9.9.9:9411".parse().unwrap()),
        ..Config::default()
    }
}

/// What the collector got for requests with these headers, and what `api` heard of the last one.
async fn traced(config: Config, headers: &[(&'static str, &str)]) -> (Vec<Value>, String) {
    let (mesh, web, _api, outputs) = mesh(config).await;
    let posts = zipkin(&mesh.world.node("10.9.9.9", false)).await;
    let mut client = Client::connect(&web.app, SERVICE).await;
    let heard = client.get_with("/", headers).await.unwrap().body;
    outputs.close();
    let rt = mesh.world.node("10.0.0.1", false);
    export::run(outputs.clone(), rt, Observed::default).await;
    (posted(&posts), heard)
}

#[tokio::test(start_paused = true)]
async fn each_proxy_adds_a_span_below_the_one_before() {
    let headers = [("traceparent", PARENT), ("tracestate", "vendor=1")];
    let (spans, heard) = traced(tracing(0.0, &[Format::TraceContext]), &headers).await;
    let of = |kind: &str| spans.iter().find(|s| s["kind"] == kind).unwrap();
    let (client, server) = (of("CLIENT"), of("SERVER"));
    assert_eq!(spans.len(), 2);
    assert_eq!(client["traceId"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(client["parentId"], "00f067aa0ba902b7");
    assert_eq!(server["parentId"], client["id"]);
    let id = server["id"].as_str().unwrap();
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    assert_eq!(heard, format!("00-{trace}-{id}-01|vendor=1||"));
}

#[tokio::test(start_paused = true)]
async fn a_trace_begins_here_when_none_came() {
    let both = [Format::TraceContext, Format::B3, Format::B3Multi];
    let bad = [("traceparent", "nonsense"), ("tracestate", "vendor=1")];
    let (spans, heard) = traced(tracing(1.0, &both), &bad).await;
    assert_eq!(spans.len(), 2);
    let trace = spans[0]["traceId"].as_str().unwrap();
    let heard: Vec<&str> = heard.split('|').collect();
    assert!(heard[0].starts_with(&format!("00-{trace}-")), "{heard:?}");
    assert_eq!(heard[1], "");
    assert!(
        heard[2].starts_with(trace) && heard[3] == trace,
        "{heard:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_trace_that_is_not_sampled_keeps_its_parent_and_has_no_span() {
    let parent = PARENT.replace("-01", "-00");
    let headers = [("traceparent", parent.as_str())];
    let (spans, heard) = traced(tracing(1.0, &[Format::TraceContext]), &headers).await;
    assert!(spans.is_empty());
    assert_eq!(heard, format!("{parent}|||"));
}

#[tokio::test(start_paused = true)]
async fn a_new_trace_that_is_not_sampled_says_so() {
    let (spans, heard) = traced(tracing(0.0, &[Format::TraceContext]), &[]).await;
    assert!(spans.is_empty());
    assert!(
        heard.starts_with("00-") && heard.ends_with("-02|||"),
        "{heard}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_a_collector_does_not_take_is_counted() {
    let (mesh, web, _api, outputs) = mesh(tracing(1.0, &[Format::TraceContext])).await;
    let posts = collector(&mesh.world.node("10.9.9.9", false), 9411, 503).await;
    let rt = mesh.world.node("10.0.0.1", false);
    let export = export::run(outputs.clone(), rt.clone(), Observed::default);
    rt.spawn(export);
    let mut client = Client::connect(&web.app, SERVICE).await;
    client.get("/").await.unwrap();
    // Within the longest time a record waits for its batch.
    rt.sleep_until(rt.now() + Duration::from_secs(6)).await;
    assert_eq!(posts.lock().unwrap().len(), 1);
    let totals = outputs.totals();
    assert_eq!((totals.exported["spans"], totals.dropped["spans"]), (0, 2));
}
