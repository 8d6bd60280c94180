//! What the live screen costs: `cargo bench --profile dist --bench top`. Needs tmux, which gives a
//! terminal of 160 columns and 45 lines.
//!
//! The mesh is made up here; a proxy's admin endpoint is played on loopback, or a recording is
//! replayed. CPU is that of the whole process, of /proc, while nobody touches a key.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that cannot go on has failed"
)]

use std::process::Command;
use std::thread;
use std::time::Duration;

#[path = "top/mesh.rs"]
mod mesh;
#[path = "top/source.rs"]
mod source;

use mesh::Mesh;
use source::Source;

/// Longer than it takes to cover the window of ten seconds, and to make its pages resident.
const SETTLE: Duration = Duration::from_secs(15);

/// CPU is counted over this time.
const MEASURE: Duration = Duration::from_secs(20);

/// Ticks of /proc in a second, on every Linux there is (`getconf CLK_TCK`).
const TICKS: f64 = 100.0;

struct Case {
    title: &'static str,
    services: usize,
    /// Of each service.
    endpoints: usize,
    /// Of each service in a second.
    requests: usize,
    /// In a second.
    frames: u64,
    proxies: usize,
    from: From,
}

#[derive(Clone, Copy)]
enum From {
    /// Cumulative frames, as proxies send them.
    Proxy,
    /// Frames of what each of them counted, as simulations record them.
    Recording,
}

const SHOP: Case = Case {
    title: "1,000 services of 10 proxies, 1 Hz each",
    services: 1_000,
    endpoints: 3,
    requests: 20,
    frames: 1,
    proxies: 10,
    from: From::Proxy,
};

/// The first draws ten pictures a second, and has ten frames for them.
const CASES: [Case; 6] = [
    SHOP,
    Case {
        title: "1,000 services of 1 proxy, 1 Hz",
        proxies: 1,
        ..SHOP
    },
    Case {
        title: "1,000 services, recording, 10 Hz",
        frames: 10,
        proxies: 1,
        from: From::Recording,
        ..SHOP
    },
    Case {
        title: "1,000 services of 10 proxies, no traffic",
        requests: 0,
        ..SHOP
    },
    Case {
        title: "10 services, no traffic",
        services: 10,
        requests: 0,
        proxies: 1,
        ..SHOP
    },
    Case {
        title: "5,000 services, 50,000 endpoints, 1 Hz",
        services: 5_000,
        endpoints: 10,
        proxies: 1,
        ..SHOP
    },
];

fn main() {
    let only = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    println!(
        "{:<42} {:>7} {:>9} {:>8} {:>8}",
        "", "CPU %", "MB frame", "MB now", "MB most"
    );
    for case in &CASES {
        if only.as_ref().is_none_or(|words| case.title.contains(words)) {
            case.run();
        }
    }
}

// === impl Case ===

impl Case {
    fn run(&self) {
        let source = Source::start(self);
        let terminal = Terminal::new(&source.command());
        thread::sleep(SETTLE);
        let picture = terminal.picture();
        let services = format!("{} services", self.services);
        assert!(picture.contains(&services), "{}:\n{picture}", self.title);
        let before = terminal.cpu_seconds();
        thread::sleep(MEASURE);
        let used = terminal.cpu_seconds() - before;
        println!(
            "{:<42} {:>7.2} {:>9.2} {:>8.0} {:>8.0}",
            self.title,
            used / MEASURE.as_secs_f64() * 100.0,
            source.frame_bytes() as f64 / 1e6,
            terminal.megabytes("VmRSS"),
            terminal.megabytes("VmHWM"),
        );
    }

    /// How long its source has to go on.
    fn seconds(&self) -> u64 {
        (SETTLE + MEASURE).as_secs() + 10
    }

    /// Each proxy has its share of the services.
    fn meshes(&self) -> impl Iterator<Item = Mesh> + '_ {
        let share = self.services / self.proxies;
        let of = move |i| i * share..(i + 1) * share;
        (0..self.proxies).map(move |i| Mesh::new(of(i), self.endpoints))
    }

    fn requests_per_frame(&self) -> usize {
        self.requests / usize::try_from(self.frames).unwrap()
    }
}

/// A tmux server of its own; killed when dropped.
struct Terminal {
    server: String,
    process: String,
}

// === impl Terminal ===

impl Terminal {
    fn new(command: &str) -> Self {
        let server = format!("meshctl-bench-{}", std::process::id());
        let mut terminal = Self {
            server,
            process: String::new(),
        };
        let new = ["-f", "/dev/null", "new-session", "-d", "-s", "t"];
        let size = ["-x", "160", "-y", "45"];
        let command = format!("exec {command}");
        terminal.tmux(&[&new[..], &size, &[&command]].concat());
        let process = terminal.tmux(&["list-panes", "-t", "t", "-F", "#{pane_pid}"]);
        terminal.process = process.trim().to_owned();
        terminal
    }

    fn tmux(&self, args: &[&str]) -> String {
        let mut command = Command::new("tmux");
        let out = command.args(["-L", &self.server]).args(args).output();
        let out = out.unwrap();
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(out.status.success(), "tmux {args:?}: {said}");
        String::from_utf8(out.stdout).unwrap()
    }

    fn picture(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-t", "t"])
    }

    fn proc(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.process)).unwrap()
    }

    /// User and system time of all of its threads.
    fn cpu_seconds(&self) -> f64 {
        let stat = self.proc("stat");
        // The fields after the name in parentheses, which may hold blanks: proc(5).
        let (_, fields) = stat.rsplit_once(')').unwrap();
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let ticks = |field: usize| fields[field].parse::<f64>().unwrap();
        (ticks(11) + ticks(12)) / TICKS
    }

    fn megabytes(&self, field: &str) -> f64 {
        let status = self.proc("status");
        let line = status.lines().find(|line| line.starts_with(field)).unwrap();
        let kilobytes = line.split_whitespace().nth(1).unwrap();
        kilobytes.parse::<f64>().unwrap() / 1024.0
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let mut command = Command::new("tmux");
        let _ = command.args(["-L", &self.server, "kill-server"]).status();
    }
}
