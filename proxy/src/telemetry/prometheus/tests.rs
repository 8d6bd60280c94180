use engine::report::{EndpointRow, Frame, ServiceKey};
use engine::snapshot::{ClusterKey, ObjectName};
use engine::time::Instant;

use super::*;
use crate::telemetry::collect::{OTHER, ROWS_MAX};
use crate::telemetry::specimen::Specimen;

fn page(specimen: &Specimen, format: Format) -> String {
    render(&specimen.view(), format)
}

#[track_caller]
fn says(page: &str, line: &str) {
    assert!(page.lines().any(|l| l == line), "no {line} in\n{page}");
}

#[test]
fn a_row_is_said_in_the_words_of_the_field() {
    let page = page(&Specimen::new(), Format::Text);
    let web = r#"service_namespace="shop",service="web",service_port="80""#;
    says(&page, "# TYPE meshctl_service_requests_total counter");
    says(&page, &format!("meshctl_service_requests_total{{{web}}} 4"));
    says(
        &page,
        &format!(r#"meshctl_service_responses_total{{{web},classification="local_failure"}} 1"#),
    );
    says(
        &page,
        &format!(r#"meshctl_service_responses_by_code_total{{{web},response_code_class="5xx"}} 1"#),
    );
    says(
        &page,
        &format!(r#"meshctl_service_responses_by_flag_total{{{web},response_flags="UO"}} 1"#),
    );
    says(
        &page,
        r#"meshctl_edge_retries_total{source="shop/Deployment/front",destination="shop/web:80",reporter="source",connection_security_policy="mutual_tls"} 2"#,
    );
    says(
        &page,
        r#"meshctl_endpoint_state{backend_namespace="shop",backend="web-canary",backend_port="80",endpoint_namespace="shop",endpoint="web-canary-0",address="10.0.0.7:8080",state="ejected"} 1"#,
    );
    says(
        &page,
        r#"meshctl_events_total{kind="ejected",backend="shop/web-canary:80"} 2"#,
    );
}

#[test]
fn buckets_are_cumulative_and_end_with_all() {
    let page = page(&Specimen::new(), Format::Text);
    let web = r#"service_namespace="shop",service="web",service_port="80""#;
    let bucket = |le: &str, n: u64| {
        let name = "meshctl_service_request_duration_seconds_bucket";
        says(&page, &format!(r#"{name}{{{web},le="{le}"}} {n}"#));
    };
    bucket("0.0005", 0);
    bucket("0.001", 1);
    bucket("0.01", 1);
    bucket("0.025", 2);
    bucket("60.0", 2);
    bucket("+Inf", 3);
    says(
        &page,
        &format!("meshctl_service_request_duration_seconds_sum{{{web}}} 90.0208"),
    );
    says(
        &page,
        &format!("meshctl_service_request_duration_seconds_count{{{web}}} 3"),
    );
}

#[test]
fn each_format_has_its_own_headers_and_the_same_values() {
    let specimen = Specimen::new();
    let (text, open) = (
        page(&specimen, Format::Text),
        page(&specimen, Format::OpenMetrics),
    );
    says(&text, "# TYPE process_cpu_seconds_total counter");
    says(&open, "# TYPE process_cpu_seconds counter");
    says(&open, "# UNIT process_cpu_seconds seconds");
    assert!(open.ends_with("\n# EOF\n") && !text.contains("# EOF"));
    let values = |page: &str| -> Vec<String> {
        let lines = page.lines().filter(|l| !l.starts_with('#'));
        lines.map(str::to_owned).collect()
    };
    assert_eq!(values(&text), values(&open));
}

#[test]
fn the_client_chooses_the_format() {
    let check = |accept: Option<&str>, expected| {
        assert_eq!(Format::negotiate(accept), expected, "{accept:?}");
    };
    let (text, open) = (Format::Text, Format::OpenMetrics);
    check(None, text);
    check(Some("*/*"), text);
    check(Some("text/plain"), text);
    check(Some("application/openmetrics-text"), open);
    check(
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8"),
        open,
    );
    check(Some("application/openmetrics-text;version=2.0.0"), text);
    check(Some("application/openmetrics-text;q=0"), text);
    check(
        Some("application/openmetrics-text;q=0.2,text/plain;q=0.5"),
        text,
    );
    // Prometheus 2.x.
    check(
        Some(
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;\
             version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
        ),
        open,
    );
}

#[test]
fn a_label_s_value_cannot_leave_its_quotes() {
    let mut out = String::new();
    escape("a\"b\\c\nd", &mut out);
    assert_eq!(out, r#"a\"b\\c\nd"#);
}

/// Services `s0000`, `s0001`, …, each a second older than the one before.
fn many(n: usize) -> Frame {
    let mut frame = Frame::empty("x");
    for i in 0..n {
        let service = ClusterKey {
            service: ObjectName {
                namespace: "shop".into(),
                name: format!("s{i:04}").into(),
            },
            port: 80,
        };
        let counters = engine::report::Counters {
            requests: 1,
            start_at: Some(Instant::from_nanos((n - i) as u64)),
            ..Default::default()
        };
        frame.services.0.insert(ServiceKey { service }, counters);
    }
    frame
}

#[test]
fn above_the_bound_the_youngest_rows_are_one() {
    let check = |n: usize, named: usize, others: u64| {
        let specimen = Specimen {
            frame: many(n),
            ..Specimen::new()
        };
        let page = page(&specimen, Format::Text);
        let of = |name: &str| format!("meshctl_service_requests_total{{service_namespace={name}");
        let rows = page.lines().filter(|l| l.starts_with(&of(r#""shop""#)));
        assert_eq!(rows.count(), named);
        let other = of(&format!(r#""{OTHER}""#));
        let other = page.lines().find(|l| l.starts_with(&other));
        let other = other.and_then(|l| l.rsplit(' ').next()?.parse().ok());
        assert_eq!(other.unwrap_or(0), others);
        // The last one is the oldest.
        assert!(page.contains(&format!(r#"service="s{:04}""#, n - 1)));
    };
    check(ROWS_MAX, ROWS_MAX, 0);
    check(ROWS_MAX + 3, ROWS_MAX, 3);
}

#[test]
fn an_idle_endpoint_has_a_state_and_few_other_series() {
    let mut specimen = Specimen::new();
    for row in specimen.frame.endpoints.0.values_mut() {
        *row = EndpointRow::default();
        row.set_state(engine::report::EndpointState::default());
    }
    let page = page(&specimen, Format::Text);
    let lines = page.lines().filter(|l| l.starts_with("meshctl_endpoint_"));
    let names: Vec<&str> = lines.filter_map(|l| l.split('{').next()).collect();
    assert_eq!(
        names,
        [
            "meshctl_endpoint_requests_total",
            "meshctl_endpoint_responses_total",
            "meshctl_endpoint_responses_total",
            "meshctl_endpoint_responses_total",
            "meshctl_endpoint_responses_total",
            "meshctl_endpoint_requests_in_flight",
            "meshctl_endpoint_state",
            "meshctl_endpoint_connections_opened_total",
            "meshctl_endpoint_connections_failed_total",
            "meshctl_endpoint_connections_open",
        ]
    );
}

/// Reads both formats with the parsers of Prometheus' Python client.
#[test]
#[ignore = "needs prometheus_client for python3"]
fn the_reference_parser_reads_both_formats() {
    let check = |format: Format, module: &str, families: usize| {
        let script = format!(
            "import sys\n\
             from {module} import text_string_to_metric_families as read\n\
             print(len(list(read(sys.stdin.read()))))"
        );
        let mut python = std::process::Command::new("python3")
            .args(["-c", &script])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let text = page(&Specimen::new(), format);
        let written = std::io::Write::write_all(&mut python.stdin.take().unwrap(), text.as_bytes());
        written.unwrap();
        let out = python.wait_with_output().unwrap();
        assert!(out.status.success());
        let read: usize = String::from_utf8(out.stdout)
            .unwrap()
            .trim()
            .parse()
            .unwrap();
        assert_eq!(read, families);
    };
    let text = page(&Specimen::new(), Format::Text);
    let families = text.lines().filter(|l| l.starts_with("# TYPE")).count();
    check(Format::Text, "prometheus_client.parser", families);
    check(
        Format::OpenMetrics,
        "prometheus_client.openmetrics.parser",
        families,
    );
}
