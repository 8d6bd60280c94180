//! `docs/telemetry.md` and `docs/alerts.yaml`: the names of what is exported.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::process::{Command, Stdio};

use engine::failure::Flag;
use proxy::telemetry::metric::{Desc, Kind};
use proxy::telemetry::prometheus::{Format, render};
use proxy::telemetry::specimen::{Specimen, catalogue};

use crate::common::repository;

/// What the flags mean to whoever reads a log. The names are Envoy's where Envoy has one.
const MEANINGS: &[(&str, &str)] = &[
    ("UO", "a limit of the backend was reached"),
    ("UH", "no endpoint of the backend takes traffic"),
    ("UF", "no connection to the endpoint could be made"),
    (
        "UR",
        "the endpoint reset the stream or closed the connection",
    ),
    ("UPE", "the endpoint sent something that is not HTTP"),
    ("UT", "a timeout of the route or of one try"),
    ("URX", "all tries failed"),
    ("NR", "no route matched"),
    ("NB", "the rule names no backend that exists"),
    ("RL", "rate limited"),
    (
        "RLSE",
        "the rate limit service did not answer, and the policy fails closed",
    ),
    ("AUTHZ", "denied by an authorization policy"),
    ("JWT", "no valid token"),
    ("JWKS", "the keys that verify tokens are not available"),
    ("FI", "an injected fault"),
    ("DO", "admission control shed the request"),
    ("SC", "the breaker of the service is open"),
    ("DC", "the client left"),
    ("DPE", "the client sent something that is not HTTP"),
    (
        "TLS",
        "the peer's certificate was refused, or the handshake broke",
    ),
];

fn table_of_metrics() -> String {
    let mut table = String::from("| name | kind | labels | |\n|---|---|---|---|\n");
    for desc in catalogue() {
        let labels: Vec<String> = desc.labels.iter().map(|l| format!("`{l}`")).collect();
        let (name, kind) = (desc.full_name(), desc.kind.as_str());
        writeln!(
            table,
            "| `{name}` | {kind} | {} | {} |",
            labels.join(" "),
            desc.help
        )
        .unwrap();
    }
    table
}

fn table_of_flags() -> String {
    let mut table = String::from("| flag | status | |\n|---|---|---|\n");
    for flag in Flag::ALL {
        let status = flag.status().as_u16();
        let meaning = MEANINGS.iter().find(|(name, _)| *name == flag.as_str());
        let (_, meaning) = meaning.unwrap_or_else(|| panic!("say above what {flag} means"));
        writeln!(table, "| `{flag}` | {status} | {meaning} |").unwrap();
    }
    table
}

/// The page with `body` between the comments that begin with `name`.
fn with_section(page: &str, name: &str, body: &str) -> String {
    let (before, rest) = page.split_once(&format!("<!-- {name}:")).unwrap();
    let (comment, rest) = rest.split_once("-->\n").unwrap();
    let (_, after) = rest.split_once(&format!("<!-- end of {name} -->")).unwrap();
    format!("{before}<!-- {name}:{comment}-->\n{body}<!-- end of {name} -->{after}")
}

#[test]
fn the_tables_on_the_page_are_those_of_the_code() {
    let path = repository("docs/telemetry.md");
    let page = fs::read_to_string(&path).unwrap();
    let expected = with_section(&page, "metrics", &table_of_metrics());
    let expected = with_section(&expected, "flags", &table_of_flags());
    if std::env::var_os("MESHCTL_BLESS").is_some() {
        fs::write(&path, &expected).unwrap();
        return;
    }
    assert!(
        page == expected,
        "docs/telemetry.md is stale; run MESHCTL_BLESS=1 cargo test"
    );
}

/// Names as PromQL has them.
fn samples(desc: &Desc) -> Vec<String> {
    let name = desc.full_name();
    match desc.kind {
        Kind::Histogram => ["_bucket", "_sum", "_count"]
            .map(|s| format!("{name}{s}"))
            .into(),
        Kind::Counter | Kind::Gauge => vec![name],
    }
}

#[test]
fn every_metric_of_an_alert_exists() {
    let alerts = fs::read_to_string(repository("docs/alerts.yaml")).unwrap();
    let known: BTreeSet<String> = catalogue().iter().flat_map(samples).collect();
    let words = alerts.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let used: BTreeSet<&str> = words.filter(|w| w.starts_with("meshctl_")).collect();
    assert!(used.len() >= 8, "{used:?}");
    for name in used {
        assert!(known.contains(name), "no metric {name}");
    }
}

#[test]
#[ignore = "needs promtool"]
fn promtool_reads_the_alerts_and_the_page() {
    let alerts = repository("docs/alerts.yaml");
    let checked = Command::new("promtool")
        .args(["check", "rules"])
        .arg(alerts)
        .output()
        .unwrap();
    assert!(
        checked.status.success(),
        "{}",
        String::from_utf8_lossy(&checked.stderr)
    );
    let mut lint = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let page = render(&Specimen::new().view(), Format::Text);
    let mut stdin = lint.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, page.as_bytes()).unwrap();
    drop(stdin);
    let lint = lint.wait_with_output().unwrap();
    assert!(
        lint.status.success(),
        "{}",
        String::from_utf8_lossy(&lint.stderr)
    );
}
