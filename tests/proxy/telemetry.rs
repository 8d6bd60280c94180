//! What leaves a proxy about its requests: to a file, to a collector, over UDP, and by the PROXY
//! header in front of it.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, UdpSocket};
use std::time::Duration;

use serde_json::Value;

use super::harness::{Proxy, app, connect, exchange, service};
use crate::common::Place;

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

fn place() -> Place {
    let place = Place::new();
    place.file("mesh/api.yaml", service("api", &[app("api")]));
    place
}

#[test]
fn requests_are_lines_of_a_file_and_all_of_them_are_there_after_a_drain() {
    let place = place();
    let flags = ["--access-log", "json", "--access-log-file", "access.log"];
    let mut proxy = Proxy::start(&place, &flags);
    for path in ["/a", "/fail"] {
        proxy.get("api.shop", path);
    }
    proxy.get("nobody", "/");
    proxy.signal("TERM");
    assert_eq!(proxy.ends(), Some(0), "{}", proxy.news());
    let log = place.read("access.log");
    let lines: Vec<Value> = log
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    let seen = lines.iter().map(|line| {
        let field = |name: &str| line[name].as_str().unwrap_or("-").to_owned();
        format!(
            "{} {} {} {} {}",
            field("method"),
            field("path"),
            line["status"],
            field("response_flags"),
            field("backend")
        )
    });
    assert_eq!(
        seen.collect::<Vec<_>>(),
        [
            "GET /a 200 - shop/api:80",
            "GET /fail 503 - shop/api:80",
            "GET / 404 NR -",
        ]
    );
    assert!(
        lines
            .iter()
            .all(|l| l["request_id"].as_str().unwrap().len() == 36)
    );
}

#[test]
fn a_request_is_a_span_at_a_zipkin_server_when_the_proxy_ends() {
    let collector = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}", collector.local_addr().unwrap());
    let mut proxy = Proxy::start(&place(), &["--zipkin", &url, "--trace-propagation", "b3"]);
    let traced = "GET /x HTTP/1.1\r\nhost: api.shop\r\nconnection: close\r\n\
                  b3: 4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1\r\n\r\n";
    assert_eq!(exchange(proxy.outbound, traced).status, 200);
    proxy.signal("TERM");
    let (mut stream, _) = collector.accept().unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut post = Vec::new();
    let mut part = [0; 4096];
    // The whole body is one array.
    while !post.ends_with(b"}]") {
        let n = stream.read(&mut part).unwrap();
        assert!(n > 0, "{}", String::from_utf8_lossy(&post));
        post.extend_from_slice(&part[..n]);
    }
    stream
        .write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")
        .unwrap();
    let post = String::from_utf8(post).unwrap();
    assert!(
        post.starts_with("POST /api/v2/spans HTTP/1.1\r\n"),
        "{post}"
    );
    let (_, body) = post.split_once("\r\n\r\n").unwrap();
    let spans: Value = serde_json::from_str(body).unwrap();
    assert_eq!(spans[0]["traceId"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(spans[0]["parentId"], "00f067aa0ba902b7");
    assert_eq!(spans[0]["name"], "GET shop/api");
    assert_eq!(proxy.ends(), Some(0), "{}", proxy.news());
}

#[test]
fn metrics_are_scraped_and_pushed_under_the_same_names() {
    let statsd = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    statsd.set_read_timeout(Some(PATIENCE)).unwrap();
    let to = statsd.local_addr().unwrap().to_string();
    let proxy = Proxy::start(&place(), &["--statsd", &to, "--metrics-interval", "1s"]);
    proxy.get("api.shop", "/");
    let scraped = super::harness::get(proxy.health, "127.0.0.1", "/metrics").body;
    let labels = r#"{service_namespace="shop",service="api",service_port="80"}"#;
    let line = format!("meshctl_service_requests_total{labels} 1");
    assert!(scraped.lines().any(|l| l == line), "{scraped}");
    let wanted = "meshctl_service_requests:1|c|#service_namespace:shop,service:api,service_port:80";
    let mut part = [0; 2048];
    loop {
        let n = statsd.recv(&mut part).unwrap();
        let text = str::from_utf8(&part[..n]).unwrap();
        if text.lines().any(|l| l == wanted) {
            return;
        }
    }
}

#[test]
fn a_header_of_a_load_balancer_is_read_where_it_is_expected() {
    let port = super::harness::free_port();
    let (listener, expected) = (format!("127.0.0.1:{port}"), port.to_string());
    let flags = ["--outbound", &listener, "--proxy-protocol", &expected];
    let log = ["--access-log", "text", "--access-log-file", "access.log"];
    let place = place();
    let mut proxy = Proxy::start(&place, &[&flags[..], &log].concat());
    let mut without = connect(proxy.outbound);
    without
        .write_all(b"GET / HTTP/1.1\r\nhost: api\r\n\r\n")
        .unwrap();
    assert!(matches!(without.read(&mut [0; 9]), Ok(0) | Err(_)));
    let request = "PROXY UNKNOWN\r\nGET /in HTTP/1.1\r\nhost: api\r\nconnection: close\r\n\r\n";
    assert_eq!(exchange(proxy.outbound, request).body, "api GET /in");
    proxy.signal("TERM");
    assert_eq!(proxy.ends(), Some(0), "{}", proxy.news());
    assert_eq!(place.read("access.log").lines().count(), 1);
}

#[test]
fn flags_that_make_no_sense_are_refused_before_anything_is_served() {
    let check = |flags: &[&str], expected: &str| {
        let args = [&["proxy", "--workload", "shop/web", "-f", "mesh"], flags].concat();
        let out = place().run(&args);
        assert_eq!(out.code, 2, "{flags:?}");
        assert!(out.stderr.contains(expected), "{flags:?}: {}", out.stderr);
    };
    check(
        &["--zipkin", "https://zipkin"],
        "only `http://` is spoken to collectors",
    );
    check(
        &["--otlp", "otel:4318"],
        "not an address of the form `http://HOST:PORT/PATH`",
    );
    check(&["--trace-sample", "2"], "a share is from 0 to 1");
    check(
        &["--trace-propagation", "jaeger"],
        "not one of tracecontext, b3, b3multi",
    );
    check(&["--access-log-file", "x"], "--access-log");
    let nowhere = [
        "--access-log",
        "text",
        "--access-log-file",
        "no/such/directory",
    ];
    let quiet = [
        "--outbound",
        "none",
        "--inbound",
        "none",
        "--health",
        "none",
        "--admin",
        "none",
    ];
    check(&[&nowhere[..], &quiet].concat(), "cannot be opened");
}
