use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;

use engine::time::Wall;

use super::*;
use crate::telemetry::specimen::{self, Specimen};

fn resource() -> Resource {
    Resource {
        service: "shop/Deployment/front".to_owned(),
        instance: "shop/front-0".to_owned(),
        attributes: vec![("env".to_owned(), "test".to_owned())],
    }
}

/// Decodes `bytes` with OpenTelemetry's own classes and checks what the script prints.
fn check(message: &str, bytes: &[u8], script: &str, expected: &str) {
    let (module, class) = message.split_once(':').unwrap();
    let script = format!(
        "import sys\n\
         from opentelemetry.proto.collector.{module} import {class}\n\
         m = {class}()\n\
         m.ParseFromString(sys.stdin.buffer.read())\n\
         attr = lambda x: {{a.key: a.value.string_value or a.value.int_value for a in x.attributes}}\n\
         {script}"
    );
    let mut python = Command::new("python3")
        .args(["-c", &script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    python.stdin.take().unwrap().write_all(bytes).unwrap();
    let out = python.wait_with_output().unwrap();
    assert!(out.status.success());
    assert_eq!(String::from_utf8(out.stdout).unwrap().trim(), expected);
}

#[test]
#[ignore = "needs opentelemetry-proto for python3"]
fn spans_are_read_by_the_reference() {
    let bytes = spans::encode(&resource(), &[Arc::new(specimen::record())]);
    check(
        "trace.v1.trace_service_pb2:ExportTraceServiceRequest",
        &bytes,
        "r = m.resource_spans[0]; s = r.scope_spans[0].spans[0]; a = attr(s)\n\
         print(attr(r.resource)['service.name'], attr(r.resource)['env'], s.name, s.kind)\n\
         print(s.trace_id.hex(), s.span_id.hex(), s.parent_span_id.hex(), s.trace_state, s.flags)\n\
         print(s.end_time_unix_nano - s.start_time_unix_nano, s.status.code, s.status.message)\n\
         print(a['http.request.method'], a['url.path'], a['url.query'], a['http.response.status_code'])\n\
         print(a['error.type'], a['http.request.resend_count'], a['http.request.body.size'])\n\
         print([e.name for e in s.events], attr(s.events[1])['meshctl.outcome'])",
        "shop/Deployment/front test GET shop/web 3\n\
         4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7 00f067aa0ba902b6 vendor=1 1\n\
         31500000 2 UO: a limit of the backend is reached\n\
         GET /cart id=7 503\n\
         UO 1 12\n\
         ['attempt', 'attempt'] a limit is full",
    );
}

#[test]
#[ignore = "needs opentelemetry-proto for python3"]
fn logs_are_read_by_the_reference() {
    let bytes = logs::encode(&resource(), &[Arc::new(specimen::record())]);
    check(
        "logs.v1.logs_service_pb2:ExportLogsServiceRequest",
        &bytes,
        "l = m.resource_logs[0].scope_logs[0].log_records[0]\n\
         print(l.severity_number, l.trace_id.hex(), l.span_id.hex(), l.flags)\n\
         print(l.body.string_value.split(' ')[0], attr(l)['meshctl.backend'])",
        "9 4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7 1\n\
         [2026-01-01T00:00:00.250Z] shop/web-canary:80",
    );
}

#[test]
#[ignore = "needs opentelemetry-proto for python3"]
fn metrics_are_read_by_the_reference() {
    let specimen = Specimen::new();
    let (bytes, points) = metrics::encode(&resource(), &specimen.view(), Wall(9));
    check(
        "metrics.v1.metrics_service_pb2:ExportMetricsServiceRequest",
        &bytes,
        "ms = {x.name: x for x in m.resource_metrics[0].scope_metrics[0].metrics}\n\
         d = lambda x: getattr(x, x.WhichOneof('data')).data_points\n\
         print(sum(len(d(x)) for x in ms.values()))\n\
         c = ms['meshctl_service_requests'].sum; p = c.data_points[0]\n\
         print(c.is_monotonic, c.aggregation_temporality, p.as_int, attr(p)['service'], p.time_unix_nano)\n\
         h = ms['meshctl_service_request_duration_seconds'].histogram.data_points[0]\n\
         print(h.count, round(h.sum, 4), list(h.bucket_counts), list(h.explicit_bounds)[:2])\n\
         print(ms['process_cpu_seconds'].sum.data_points[0].as_double, ms['process_cpu_seconds'].unit)\n\
         print(d(ms['meshctl_events_dropped'])[0].WhichOneof('value'))",
        &format!(
            "{points}\n\
             True 2 4 web 9\n\
             3 90.0208 [0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1] [0.0005, 0.001]\n\
             1.25 s\n\
             as_int"
        ),
    );
}
