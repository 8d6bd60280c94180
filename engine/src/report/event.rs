//! Things that happen at a moment and change what follows.

use crate::time::Instant;

/// One event. The order (time, source, kind, …) is that of reports; merging frames sorts by it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Event {
    #[cfg_attr(feature = "serde", serde(rename = "at_ns"))]
    pub at: Instant,
    /// Who saw it: the source of the frame.
    pub source: String,
    pub kind: EventKind,
    /// What it is about: a backend (`shop/web:80`), an endpoint (`shop/web:80 shop/web-0`), a route
    /// to a backend (`shop/web:80 route:NAME`), a version, an identity.
    pub subject: String,
    /// Why, in one sentence; may be empty.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "String::is_empty")
    )]
    pub detail: String,
    /// The manifest behind it, as text; may be empty.
    #[cfg_attr(
        feature = "serde",
        serde(default, skip_serializing_if = "String::is_empty")
    )]
    pub origin: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum EventKind {
    ProxyStarted,
    ConfigurationApplied,
    ConfigurationRefused,
    CertificateRenewed,
    CertificateExpired,
    EndpointAdded,
    EndpointRemoved,
    EndpointHealthChanged,
    Ejected,
    /// Outlier detection wanted to, and the share of ejected endpoints or `enforcing` forbade it.
    EjectionWithheld,
    Unejected,
    BreakerOpened,
    BreakerHalfOpened,
    BreakerClosed,
    /// Too few healthy endpoints: health is ignored.
    PanicEntered,
    PanicLeft,
    /// Requests begin to be refused because no endpoint was ready for the queue timeout.
    FailFastEntered,
    FailFastLeft,
    /// An endpoint fails its active health check: it gets no traffic until it passes.
    HealthCheckFailed,
    HealthCheckPassed,
    /// Connects to an endpoint fail: it is left alone until one succeeds.
    ConnectDead,
    ConnectRestored,
    /// A resource limit is full; further ones within a second are only counted.
    Overflow,
    DrainStarted,
    DrainFinished,
    /// A scenario breaks something.
    FaultBegan,
    FaultEnded,
    /// A scenario changes something, as an operator would.
    ChangeMade,
}

// === impl EventKind ===

impl EventKind {
    /// The public word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ProxyStarted => "proxy-started",
            Self::ConfigurationApplied => "configuration-applied",
            Self::ConfigurationRefused => "configuration-refused",
            Self::CertificateRenewed => "certificate-renewed",
            Self::CertificateExpired => "certificate-expired",
            Self::EndpointAdded => "endpoint-added",
            Self::EndpointRemoved => "endpoint-removed",
            Self::EndpointHealthChanged => "endpoint-health-changed",
            Self::Ejected => "ejected",
            Self::EjectionWithheld => "ejection-withheld",
            Self::Unejected => "unejected",
            Self::BreakerOpened => "breaker-opened",
            Self::BreakerHalfOpened => "breaker-half-opened",
            Self::BreakerClosed => "breaker-closed",
            Self::PanicEntered => "panic-entered",
            Self::PanicLeft => "panic-left",
            Self::FailFastEntered => "fail-fast-entered",
            Self::FailFastLeft => "fail-fast-left",
            Self::HealthCheckFailed => "health-check-failed",
            Self::HealthCheckPassed => "health-check-passed",
            Self::ConnectDead => "connect-dead",
            Self::ConnectRestored => "connect-restored",
            Self::Overflow => "overflow",
            Self::DrainStarted => "drain-started",
            Self::DrainFinished => "drain-finished",
            Self::FaultBegan => "fault-began",
            Self::FaultEnded => "fault-ended",
            Self::ChangeMade => "change-made",
        }
    }
}

impl core::fmt::Display for EventKind {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.as_str())
    }
}

// === impl Event ===

impl Event {
    pub fn new(at: Instant, source: &str, kind: EventKind, subject: impl Into<String>) -> Self {
        Self {
            at,
            source: source.to_owned(),
            kind,
            subject: subject.into(),
            detail: String::new(),
            origin: String::new(),
        }
    }

    #[must_use]
    pub fn because(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    #[must_use]
    pub fn with_origin(mut self, origin: &crate::origin::Origin) -> Self {
        self.origin = origin.to_string();
        self
    }
}

impl core::fmt::Display for Event {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(
            f,
            "{:?} {} {} {}",
            self.at, self.source, self.kind, self.subject
        )?;
        for part in [&self.detail, &self.origin] {
            if !part.is_empty() {
                write!(f, " [{part}]")?;
            }
        }
        Ok(())
    }
}
