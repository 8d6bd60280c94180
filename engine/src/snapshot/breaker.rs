//! Policies of the breakers. One kind per backend; the algorithms are in [`crate::breaker`].

use core::time::Duration;

/// The breaker of a backend.
#[derive(Clone, Debug, PartialEq)]
pub enum Breaker {
    Unified(UnifiedBreaker),
    FailureAccrual(FailureAccrual),
    RollingWindow(RollingWindow),
}

/// The unified breaker (per endpoint): consecutive failures or a success rate over a window.
#[derive(Clone, Debug, PartialEq)]
pub struct UnifiedBreaker {
    /// Failures in a row that trip it; 0 = off.
    pub max_failures: u32,
    /// Success rate under which it trips, 0..=1; 0 = off.
    pub success_rate_threshold: f64,
    pub window: Duration,
    pub min_requests: u32,
    pub backoff_min: Duration,
    pub backoff_max: Duration,
    /// 0.5 = up to half of the back-off is added.
    pub jitter: f64,
    pub honor_retry_after: bool,
    /// Share of the endpoints that may be open at once, in percent; 100 = no cap.
    pub cap_percent: u32,
}

/// Finagle's failure accrual (per endpoint).
#[derive(Clone, Debug, PartialEq)]
pub struct FailureAccrual {
    /// Failures in a row after which an endpoint is dead; 0 = off.
    pub consecutive_failures: u32,
    pub success_rate: AverageRate,
    /// The first time it stays dead.
    pub backoff_min: Duration,
    /// The longest time it stays dead.
    pub backoff_max: Duration,
    /// Share of the endpoints that may be dead at once, in percent; 100 = no cap.
    pub cap_percent: u32,
}

/// A moving average of successes.
#[derive(Clone, Debug, PartialEq)]
pub struct AverageRate {
    /// Average under which an endpoint is dead, 0..=1; 0 = off.
    pub required: f64,
    pub window: RateWindow,
    /// Requests within the window without which a time window says nothing.
    pub min_requests: u32,
}

/// Over what a moving average is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateWindow {
    Time(Duration),
    Requests(u32),
}

/// Hystrix' breaker (per service and route).
#[derive(Clone, Debug, PartialEq)]
pub struct RollingWindow {
    pub window: Duration,
    pub buckets: u32,
    /// Requests in the window without which it stays closed.
    pub request_volume_threshold: u32,
    /// Share of errors, in whole percent, at which it opens.
    pub error_threshold_percent: u32,
    /// How long it stays open before a probe.
    pub sleep_window: Duration,
    /// How often it looks at its counts; zero = at each response.
    pub snapshot_interval: Duration,
    pub force: Force,
}

/// What an operator decides in the breaker's place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Force {
    #[default]
    No,
    /// Reject everything.
    Open,
    /// Let everything pass.
    Closed,
}

// === impl Breaker ===

impl Breaker {
    /// Share of the endpoints that may be open at once, in percent.
    pub fn cap_percent(&self) -> u32 {
        match self {
            Self::Unified(policy) => policy.cap_percent,
            Self::FailureAccrual(policy) => policy.cap_percent,
            Self::RollingWindow(_) => 100,
        }
    }

    /// Whether single endpoints are held back.
    pub fn is_per_endpoint(&self) -> bool {
        !matches!(self, Self::RollingWindow(_))
    }
}

impl From<UnifiedBreaker> for Breaker {
    fn from(policy: UnifiedBreaker) -> Self {
        Self::Unified(policy)
    }
}

// === defaults ===

impl Default for UnifiedBreaker {
    /// Linkerd's (`policy-controller/k8s/index/src/outbound/index.rs`, `core/src/outbound.rs`).
    fn default() -> Self {
        Self {
            max_failures: 7,
            success_rate_threshold: 0.8,
            window: Duration::from_secs(10),
            min_requests: 5,
            backoff_min: Duration::from_secs(1),
            backoff_max: Duration::from_secs(60),
            jitter: 0.5,
            honor_retry_after: false,
            cap_percent: 100,
        }
    }
}

impl Default for FailureAccrual {
    /// Finagle's (`liveness/FailureAccrualFactory.scala`, `FailureAccrualPolicy.scala`).
    fn default() -> Self {
        Self {
            consecutive_failures: 5,
            success_rate: AverageRate {
                required: 0.8,
                window: RateWindow::Time(Duration::from_secs(30)),
                min_requests: 5,
            },
            backoff_min: Duration::from_secs(5),
            backoff_max: Duration::from_secs(300),
            cap_percent: 100,
        }
    }
}

impl Default for RollingWindow {
    /// Hystrix' (`HystrixCommandProperties.java`).
    fn default() -> Self {
        Self {
            window: Duration::from_secs(10),
            buckets: 10,
            request_volume_threshold: 20,
            error_threshold_percent: 50,
            sleep_window: Duration::from_secs(5),
            snapshot_interval: Duration::from_millis(500),
            force: Force::No,
        }
    }
}
