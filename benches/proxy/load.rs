//! Load from `h2load`, and the latencies it writes down.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::process;

/// What clients do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    http2: bool,
    connections: u32,
    /// Requests at once on each connection.
    streams: u32,
    path: &'static str,
    /// Requests per second and connection; as fast as answers come where there is none.
    pace: Option<u32>,
}

/// What clients saw.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    pub(crate) failed: usize,
    pub(crate) rate: f64,
    /// Milliseconds.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

// === impl Load ===

impl Load {
    pub(crate) const fn http1(connections: u32, path: &'static str) -> Self {
        Self {
            http2: false,
            connections,
            streams: 1,
            path,
            pace: None,
        }
    }

    pub(crate) const fn http2(connections: u32, streams: u32, path: &'static str) -> Self {
        Self {
            http2: true,
            connections,
            streams,
            path,
            pace: None,
        }
    }

    pub(crate) const fn paced(mut self, per_connection: u32) -> Self {
        self.pace = Some(per_connection);
        self
    }

    /// Puts so many requests on an address. Everybody but this proxy ignores the name.
    pub(crate) fn run(&self, at: SocketAddr, requests: u32, directory: &Path) -> Outcome {
        let log = directory.join("load.tsv");
        drop(fs::remove_file(&log));
        let mut command = Command::new("taskset");
        command.args(["-c", process::OTHERS, "h2load"]);
        if !self.http2 {
            command.arg("--h1");
        }
        command
            .args(["-c", &self.connections.to_string()])
            .args(["-m", &self.streams.to_string()])
            .args(["-n", &requests.to_string()])
            .arg(format!("--connect-to={at}"))
            .arg(format!("--log-file={}", log.display()));
        if let Some(pace) = self.pace {
            command.arg(format!("--rps={pace}"));
        }
        command.arg(format!("http://api.shop{}", self.path));
        let output = command.stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "h2load failed: {output:?}");
        outcome(&fs::read_to_string(log).unwrap(), requests)
    }
}

/// Lines of start (microseconds since the epoch), status, microseconds until the end.
fn outcome(log: &str, requests: u32) -> Outcome {
    let mut took = Vec::new();
    let (mut first, mut last) = (u64::MAX, 0);
    for line in log.lines() {
        let mut fields = line.split('\t').map(|field| field.parse::<i64>().unwrap());
        let (start, status, micros) = (fields.next(), fields.next(), fields.next());
        let (Some(start), Some(200), Some(micros)) = (start, status, micros) else {
            continue;
        };
        let (start, micros) = (start as u64, micros as u64);
        first = first.min(start);
        last = last.max(start + micros);
        took.push(micros);
    }
    took.sort_unstable();
    let at = |share: usize| took.get(took.len() * share / 100).copied();
    let millis = |micros: Option<u64>| micros.unwrap_or_default() as f64 / 1e3;
    Outcome {
        failed: requests as usize - took.len(),
        rate: took.len() as f64 / (last.saturating_sub(first).max(1) as f64 / 1e6),
        p50: millis(at(50)),
        p99: millis(at(99)),
    }
}
