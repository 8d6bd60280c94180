//! Processes that are pinned to a core, and what the kernel says about them.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The core of the proxies, and that of clients and backends.
pub(crate) const PROXIES: &str = "0";
pub(crate) const OTHERS: &str = "1";

/// A process that is killed when dropped.
pub(crate) struct Process(Child);

/// What some processes took since they started.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// Seconds of CPU, of all threads.
    pub(crate) cpu: f64,
    /// Largest resident memory, MiB, added up.
    pub(crate) memory: f64,
}

/// Starts a command on some cores, in silence.
pub(crate) fn start(cores: &str, command: &[&str]) -> Process {
    let child = Command::new("taskset")
        .args(["-c", cores])
        .args(command)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(match std::env::var_os("BENCH_VERBOSE") {
            Some(_) => Stdio::inherit(),
            None => Stdio::null(),
        })
        .spawn();
    Process(child.unwrap())
}

/// Where a program is on this machine.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let all = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
    all.map(|directory| directory.join(program))
        .find(|file| file.is_file())
}

/// Waits until somebody listens.
pub(crate) fn wait_for(address: SocketAddr) {
    let until = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect(address).is_err() {
        assert!(Instant::now() < until, "nobody listens on {address}");
        thread::sleep(Duration::from_millis(10));
    }
}

// === impl Process ===

impl Process {
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Resident memory now, MiB.
    pub(crate) fn resident(&self) -> f64 {
        status(self.id(), "VmRSS:")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

// === impl Usage ===

impl Usage {
    pub(crate) fn of(processes: &[Process]) -> Self {
        let mut all = Self::default();
        for pid in processes.iter().flat_map(|p| family(p.id())) {
            all.cpu += cpu(pid);
            all.memory += status(pid, "VmHWM:");
        }
        all
    }
}

/// A process and its children: nginx works in one.
fn family(pid: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let children = children.unwrap_or_default();
    let children = children.split_whitespace().map(|id| id.parse().unwrap());
    std::iter::once(pid).chain(children).collect()
}

/// Seconds on a CPU: nanoseconds of the scheduler, where ticks of 10 ms would round.
fn cpu(pid: u32) -> f64 {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return 0.0;
    };
    let times = tasks.flatten().filter_map(|task| {
        let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<f64>().ok()
    });
    times.sum::<f64>() / 1e9
}

/// A line of kilobytes of `/proc/PID/status`, MiB.
fn status(pid: u32, key: &str) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.map_or(0.0, |n| n.parse::<f64>().unwrap() / 1024.0)
}
