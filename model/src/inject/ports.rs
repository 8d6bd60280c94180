//! Ports and ranges of ports, as annotations write them: `3306,7000-7010`.

use core::fmt;

/// Most entries of one list: longer ones are a mistake, and every entry is a rule of the kernel in
/// every pod.
const ENTRIES_MAX: usize = 64;

/// Inclusive ranges, in the order in which they were written. An empty list is written as an empty
/// text, which is how a workload takes back what its namespace says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortRanges(Vec<(u16, u16)>);

/// The entry that is no port and no range of ports.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PortsError {
    #[error("`{0}` is no port: allowed are ports and ranges, such as `3306,7000-7010`")]
    Entry(String),
    #[error("more than {ENTRIES_MAX} entries: use ranges, such as `7000-7010`")]
    TooMany,
}

// === impl PortRanges ===

impl PortRanges {
    /// Reads `3306, 7000-7010`; empty entries are ignored.
    ///
    /// # Errors
    /// The first entry that is no port from 1 to 65535 and no ascending range of them.
    pub fn parse(text: &str) -> Result<Self, PortsError> {
        let mut ranges = Vec::new();
        let entries = text.split(',').map(str::trim);
        for entry in entries.filter(|entry| !entry.is_empty()) {
            let (from, to) = entry.split_once('-').unwrap_or((entry, entry));
            match (port(from), port(to)) {
                (Some(from), Some(to)) if from <= to => ranges.push((from, to)),
                _ => return Err(PortsError::Entry(entry.chars().take(40).collect())),
            }
            if ranges.len() > ENTRIES_MAX {
                return Err(PortsError::TooMany);
            }
        }
        Ok(Self(ranges))
    }

    pub fn contains(&self, port: u16) -> bool {
        let mut ranges = self.0.iter();
        ranges.any(|(from, to)| (*from..=*to).contains(&port))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Inclusive bounds.
    pub fn ranges(&self) -> &[(u16, u16)] {
        &self.0
    }
}

/// Digits only: `+80` is no port to the kernel either.
fn port(text: &str) -> Option<u16> {
    let digits = text.trim();
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|port| plain && *port > 0)
}

impl fmt::Display for PortRanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (from, to)) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            if from == to {
                write!(f, "{comma}{from}")?;
            } else {
                write!(f, "{comma}{from}-{to}")?;
            }
        }
        Ok(())
    }
}
