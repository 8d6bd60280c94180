//! What is known of the process that a proxy runs in, under the names that Prometheus' client
//! libraries agreed on
//! (<https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics>).

use engine::time::{Duration, Wall};

/// The process and its identity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// Of the program.
    pub version: String,
    /// `sidecar`, `host` or `gateway`.
    pub role: String,
    pub started: Wall,
    pub certificates: Vec<Certificate>,
    /// None where it cannot be measured.
    pub usage: Option<Usage>,
}

/// A certificate in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Whose: a SPIFFE id or a host name.
    pub identity: String,
    pub expires: Wall,
}

/// What the process takes from the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    pub cpu: Duration,
    pub resident_bytes: u64,
    pub virtual_bytes: u64,
    pub open_files: u64,
    pub open_files_max: Option<u64>,
}

/// `/proc` counts processor time in hundredths of a second: `USER_HZ` is part of the kernel's
/// interface and 100 on every architecture that runs us.
const TICKS_PER_SECOND: u64 = 100;

/// `status` says `kB` and means this.
const KIB: u64 = 1024;

// === impl Process ===

impl Process {
    /// What was spent since `earlier`; the rest is of now.
    pub(super) fn since(&self, earlier: &Self) -> Self {
        let before = earlier.usage.map_or(Duration::ZERO, |usage| usage.cpu);
        Self {
            usage: self.usage.map(|usage| Usage {
                cpu: usage.cpu.saturating_sub(before),
                ..usage
            }),
            ..self.clone()
        }
    }
}

// === impl Usage ===

impl Usage {
    /// Of this process, out of `/proc`; none where there is none.
    pub fn measure() -> Option<Self> {
        let read = |name: &str| std::fs::read_to_string(format!("/proc/self/{name}")).ok();
        let (resident_bytes, virtual_bytes) = memory(&read("status")?)?;
        Some(Self {
            cpu: cpu(&read("stat")?)?,
            resident_bytes,
            virtual_bytes,
            open_files: std::fs::read_dir("/proc/self/fd").ok()?.count() as u64,
            open_files_max: read("limits").as_deref().and_then(open_files_max),
        })
    }
}

/// Fields 14 and 15 of `stat`, counted behind the command, which may hold anything.
fn cpu(stat: &str) -> Option<Duration> {
    let (_, behind) = stat.rsplit_once(')')?;
    let mut fields = behind.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    let millis = (user + system).checked_mul(1000 / TICKS_PER_SECOND)?;
    Some(Duration::from_millis(millis))
}

/// Resident and virtual bytes.
fn memory(status: &str) -> Option<(u64, u64)> {
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
        kib.checked_mul(KIB)
    };
    Some((field("VmRSS:")?, field("VmSize:")?))
}

fn open_files_max(limits: &str) -> Option<u64> {
    let mut lines = limits.lines();
    let line = lines.find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_with_spaces_and_brackets_does_not_shift_the_fields() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 9 0 1 2 3";
        assert_eq!(cpu(stat), Some(Duration::from_secs(2)));
        assert_eq!(cpu("7 no bracket"), None);
    }

    #[test]
    fn memory_and_limits_are_read_by_name() {
        let status = "Name:\tx\nVmSize:\t  200 kB\nVmRSS:\t    10 kB\n";
        assert_eq!(memory(status), Some((10 * 1024, 200 * 1024)));
        let limits = "Max open files            1024                 4096                 files\n";
        assert_eq!(open_files_max(limits), Some(1024));
        assert_eq!(
            open_files_max("Max open files unlimited unlimited files"),
            None
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_is_measured() {
        let usage = Usage::measure().unwrap();
        assert!(usage.resident_bytes > 0 && usage.open_files > 0);
    }
}
