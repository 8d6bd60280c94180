//! Time as the engine sees it: told, monotonic, and unable to overflow.

use core::fmt;
use core::ops::{Add, Sub};
pub use core::time::Duration;

/// A point on the caller's monotonic clock, in nanoseconds since an origin of the caller's choice.
///
/// All arithmetic saturates: `u64` nanoseconds last 584 years, and a saturated deadline means
/// "never", which is what every caller wants of one.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

/// Wall-clock time in nanoseconds since the Unix epoch: certificates, `Date` headers and logs. No
/// decision of the engine depends on it.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Wall(pub u64);

// === impl Instant ===

impl Instant {
    /// The origin of the clock.
    pub const ZERO: Self = Self(0);
    /// Later than everything: a deadline that never comes.
    pub const FAR_FUTURE: Self = Self(u64::MAX);

    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Time passed since `earlier`; zero when `earlier` lies ahead.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, d: Duration) -> Self {
        Self(self.0.saturating_add(nanos(d)))
    }
}

impl Sub<Duration> for Instant {
    type Output = Self;

    fn sub(self, d: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(d)))
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "t+{:?}", Duration::from_nanos(self.0))
    }
}

// === impl Wall ===

impl Wall {
    /// Whole seconds since the epoch, as certificates count.
    pub const fn unix_seconds(self) -> u64 {
        self.0 / 1_000_000_000
    }
}

/// A duration in nanoseconds, saturating at `u64::MAX` (584 years).
pub fn nanos(d: Duration) -> u64 {
    u64::try_from(d.as_nanos()).unwrap_or(u64::MAX)
}
