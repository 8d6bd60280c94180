//! How fast the simulator is, on one core: `cargo bench --profile dist --bench simulate`.
//!
//! Without arguments: the standard cases, each in a process of its own (so that memory is its own)
//! and several times, of which the median by CPU time is shown. `-- PODS RATE SECONDS UPSTREAMS
//! [wire|policy]` runs that case once. The last figures stand in `docs/performance.md`.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::process::Command;

use sim::crypto::Crypto;
use sim::policy::Level;

#[path = "simulate/handshake.rs"]
mod handshake;
#[path = "simulate/wire.rs"]
mod wire;

use wire::{Case, Took};

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Pods, requests per second, virtual seconds, upstreams of each client, level.
const CASES: [(u32, f64, u64, u32, Level); 6] = [
    (10, 500.0, 60, 5, Level::Wire),
    (100, 1000.0, 60, 10, Level::Wire),
    (100, 5000.0, 20, 10, Level::Wire),
    (1000, 5000.0, 20, 10, Level::Wire),
    // A hundred callers, a thousand, of ten endpoints each.
    (200, 20_000.0, 20, 10, Level::Policy),
    (2000, 20_000.0, 20, 10, Level::Policy),
];

const IDLE: Case = Case {
    pods: 1000,
    rate: 0.0,
    seconds: 60,
    upstreams: 10,
    level: Level::Wire,
};

const RUNS: usize = 3;

/// How the processes of the cases are told apart from the one that a person starts.
const CHILD: &str = "one-case";

fn main() {
    let args = std::env::args().skip(1).filter(|a| !a.starts_with("--"));
    let args: Vec<String> = args.collect();
    match args.first().map(String::as_str) {
        Some(CHILD) => println!("{}", wire::run(case(&args[1..])).line()),
        Some(_) => {
            heading();
            let case = case(&args);
            row(case, &wire::run(case));
        }
        None => standard(),
    }
}

fn standard() {
    heading();
    for (pods, rate, seconds, upstreams, level) in CASES {
        let case = Case {
            pods,
            rate,
            seconds,
            upstreams,
            level,
        };
        row(case, &median(case));
    }
    let idle = median(IDLE);
    println!(
        "\n{} pods without load: {:.3} s to set up, {:.3} ms of CPU per virtual second, {:.3} MB per \
         pod",
        IDLE.pods,
        idle.set_up,
        idle.cpu * 1e3 / IDLE.seconds as f64,
        idle.resident / f64::from(IDLE.pods),
    );
    for crypto in [Crypto::Simulated, Crypto::Real] {
        let micros = handshake::measure(crypto);
        println!("mutual handshake, {crypto:?} cryptography: {micros:.1} µs of CPU");
    }
}

fn heading() {
    println!(
        "{:>6} {:>5} {:>9} {:>8} {:>6} {:>13} {:>13} {:>9} {:>8} {:>7}",
        "level",
        "pods",
        "requests",
        "seconds",
        "up-",
        "requests per",
        "after first",
        "virtual",
        "MB per",
        "failed"
    );
    println!(
        "{:>6} {:>5} {:>9} {:>8} {:>6} {:>13} {:>13} {:>9} {:>8} {:>7}",
        "", "", "per s", "", "streams", "CPU second", "second", "over CPU", "pod", ""
    );
}

fn level(case: Case) -> &'static str {
    match case.level {
        Level::Wire => "wire",
        Level::Policy => "policy",
    }
}

fn row(case: Case, took: &Took) {
    println!(
        "{:>6} {:>5} {:>9} {:>8} {:>7} {:>12.0} {:>13.0} {:>8.1}x {:>8.3} {:>7}",
        level(case),
        case.pods,
        case.rate,
        case.seconds,
        case.upstreams,
        took.requests / (took.set_up + took.cpu),
        took.steady_requests / took.steady_cpu,
        case.seconds as f64 / (took.set_up + took.cpu),
        took.resident / f64::from(case.pods),
        took.failed,
    );
}

fn case(args: &[String]) -> Case {
    let number =
        |i: usize, default: f64| args.get(i).and_then(|a| a.parse().ok()).unwrap_or(default);
    Case {
        pods: number(0, 100.0) as u32,
        rate: number(1, 1000.0),
        seconds: number(2, 60.0) as u64,
        upstreams: number(3, 10.0) as u32,
        level: match args.get(4).map(String::as_str) {
            Some("policy") => Level::Policy,
            _ => Level::Wire,
        },
    }
}

/// The run of median CPU time.
fn median(case: Case) -> Took {
    let mut runs: Vec<Took> = (0..RUNS).map(|_| in_child(case)).collect();
    runs.sort_by(|a, b| a.cpu.total_cmp(&b.cpu));
    runs[RUNS / 2]
}

fn in_child(case: Case) -> Took {
    let program = std::env::current_exe().expect("the path of this program");
    let output = Command::new(program)
        .arg(CHILD)
        .arg(case.pods.to_string())
        .arg(case.rate.to_string())
        .arg(case.seconds.to_string())
        .arg(case.upstreams.to_string())
        .arg(level(case))
        .output()
        .expect("this program runs again");
    let line = String::from_utf8_lossy(&output.stdout);
    Took::read(line.trim()).expect("the line of a case")
}

/// CPU time of this process in seconds (proc(5), `schedstat`, which counts nanoseconds of its main
/// thread: the simulator has no other).
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let nanos = stat.split(' ').next().and_then(|n| n.parse().ok());
    nanos.map_or(0.0, |nanos: f64| nanos / 1e9)
}
