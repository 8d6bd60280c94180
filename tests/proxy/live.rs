//! What `top --once`, `stat`, `edges` and `tap` show of a proxy that runs.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::Value;

use super::harness::{Proxy, app, free_port, get, service};
use crate::common::{Output, Place};

const PACE: Duration = Duration::from_millis(5);

fn mesh() -> (Place, Arc<Proxy>) {
    let place = Place::new();
    place.file("mesh/api.yaml", service("api", &[app("a"), app("b")]));
    let proxy = Proxy::start(&place, &[]);
    (place, Arc::new(proxy))
}

/// One request after the other, every fourth of which fails; until dropped.
struct Visitors {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Visitors {
    fn to(proxy: &Arc<Proxy>) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let (proxy, told) = (proxy.clone(), over.clone());
        let thread = thread::spawn(move || {
            for path in ["/fine", "/fine", "/fine", "/fail?token=secret"]
                .iter()
                .cycle()
            {
                if told.load(Ordering::Relaxed) {
                    return;
                }
                proxy.get("api", path);
                thread::sleep(PACE);
            }
        });
        Self {
            over,
            thread: Some(thread),
        }
    }
}

impl Drop for Visitors {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn json(out: &Output) -> Value {
    assert_eq!(out.code, 0, "{}", out.stderr);
    serde_json::from_str(&out.stdout).unwrap()
}

#[test]
fn rates_and_failures_of_a_running_proxy_are_shown() {
    let (place, proxy) = mesh();
    let visitors = Visitors::to(&proxy);
    let admin = proxy.admin.to_string();
    let look = |command: &[&'static str]| {
        let (place, admin) = (Place::at(place.path("")), admin.clone());
        let command = command.to_vec();
        thread::spawn(move || {
            let more = ["--proxy", &admin, "--window", "1s", "-o", "json"];
            json(&place.run(&[&command[..], &more].concat()))
        })
    };
    let looks = [
        look(&["stat"]),
        look(&["top", "--once"]),
        look(&["edges"]),
        look(&["stat", "endpoints"]),
    ];
    let [stat, top, edges, endpoints] = looks.map(|look| look.join().unwrap());
    drop(visitors);
    for seen in [&stat, &top] {
        let row = &seen["services"][0];
        assert_eq!(row["service"], "shop/api:80", "{seen:#}");
        let (all, failed) = (row["requests"].as_f64(), row["failed"].as_f64());
        let share = failed.unwrap() / all.unwrap();
        assert!((0.2..0.3).contains(&share), "{row:#}");
        let seconds = seen["sources"][0]["window_s"].as_f64().unwrap();
        let rate = row["per_second"].as_f64().unwrap();
        assert!((rate * seconds - all.unwrap()).abs() < 0.01, "{row:#}");
        assert_eq!(seen["sources"][0]["state"], "live");
    }
    let edge = &edges["edges"][0];
    assert_eq!(
        (&edge["to"], &edge["tls"]),
        (&"shop/api:80".into(), &"plain".into())
    );
    assert_eq!(endpoints["endpoints"].as_array().unwrap().len(), 2);
    let busy = endpoints["endpoints"].as_array().unwrap().iter();
    assert!(
        busy.map(|e| e["requests"].as_u64()).all(|n| n > Some(0)),
        "{endpoints:#}"
    );
}

/// A `meshctl tap` that runs.
struct Tap {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Tap {
    fn start(proxy: &Proxy, args: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_meshctl"))
            .args(["tap", "--proxy", &proxy.admin.to_string()])
            .args(args)
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn line(&mut self) -> String {
        self.lines.next().unwrap().unwrap()
    }

    /// The rest of its lines, and the news.
    fn ends(mut self) -> (Vec<String>, String) {
        let lines = self.lines.by_ref().map(Result::unwrap).collect();
        let out = self.child.wait_with_output().unwrap();
        assert!(out.status.success(), "{out:?}");
        (lines, String::from_utf8(out.stderr).unwrap())
    }
}

#[test]
fn requests_are_shown_as_they_end() {
    let (_place, proxy) = mesh();
    let mut table = Tap::start(&proxy, &["api", "--failed", "--count", "1", "-o", "wide"]);
    assert!(table.line().starts_with("TIME          SIDE  SOURCE"));
    let all = Tap::start(&proxy, &["--path", "/f*", "--count", "8", "-o", "json"]);
    let secrets = [
        "--query", "--header", "*", "--failed", "--count", "1", "-o", "yaml",
    ];
    let secrets = Tap::start(&proxy, &secrets);
    let _visitors = Visitors::to(&proxy);
    let (lines, news) = all.ends();
    assert_eq!((lines.len(), &*news), (8, ""));
    let requests: Vec<Value> = lines
        .iter()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    let failed: Vec<_> = requests.iter().filter(|r| r["status"] == 503).collect();
    assert!((1..=3).contains(&failed.len()), "{requests:#?}");
    for request in &requests {
        assert_eq!(request["service"], "shop/api");
        assert_eq!(request["side"], "outbound");
        assert_eq!(request["mtls"], false);
        assert_eq!(request["request_headers"]["content-length"], "[redacted]");
        assert_eq!(request["attempts"].as_array().unwrap().len(), 1);
    }
    assert_eq!(failed[0]["path"], "/fail?[redacted]");
    assert_eq!(failed[0]["outcome"], "failure");
    let (lines, _) = table.ends();
    let [line] = &lines[..] else {
        panic!("{lines:?}");
    };
    assert!(line.contains("GET /fail?[redacted]"), "{line}");
    let (lines, _) = secrets.ends();
    let text = lines.join("\n");
    assert!(text.contains("path: /fail?token=secret"), "{text}");
    assert!(text.contains("content-length: '0'"), "{text}");
}

#[test]
fn what_a_tap_leaves_out_is_said() {
    let (_place, proxy) = mesh();
    let tap = Tap::start(&proxy, &["--rate", "2", "--for", "1500ms"]);
    let _visitors = Visitors::to(&proxy);
    let (lines, news) = tap.ends();
    assert!((2..=7).contains(&lines.len()), "{lines:?}");
    assert!(news.contains("over 2 a second (--rate)"), "{news}");
}

#[test]
fn what_cannot_be_tapped_is_said_with_its_remedy() {
    let (place, proxy) = mesh();
    let admin = proxy.admin.to_string();
    let port = free_port();
    let check = |args: &[&str], expected: &str| {
        let out = place.run(&[&["tap"], args].concat());
        assert_eq!((out.code, &*out.stdout), (2, ""), "{args:?}");
        assert!(out.stderr.contains(expected), "{args:?}: {}", out.stderr);
    };
    check(
        &["--status", "abc", "--proxy", &admin],
        "a status like 503, 5xx or none",
    );
    check(&["--sample", "2", "--proxy", &admin], "a share from 0 to 1");
    check(&["--rate", "0"], "0 is not in 1..=10000");
    let nobody = format!("127.0.0.1:{port}");
    check(
        &["--proxy", &nobody],
        &format!("cannot connect to {nobody}"),
    );
    check(
        &["--proxy", &nobody],
        "hint: name the admin address of a proxy",
    );
    let health = proxy.health.to_string();
    check(&["--proxy", &health], "answers 404 to /tap");
    assert_eq!(get(proxy.admin, "localhost", "/tap?colour=red").status, 400);
    assert_eq!(get(proxy.admin, "evil.example", "/tap").status, 403);
}
