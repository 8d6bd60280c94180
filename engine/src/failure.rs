//! A failure is one type: whose fault it is, whether it may be retried, and the flag it leaves.

use core::fmt;

use http::StatusCode;

use crate::origin::Origin;

/// Whose fault a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Whose {
    Client,
    Proxy,
    Upstream,
    Config,
}

/// Whether sending the request again is safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Again {
    /// The request was certainly not processed: any method may be sent again.
    Safe,
    /// It may have been processed: only an idempotent request may be sent again.
    IfIdempotent,
    Never,
}

/// The flag of a failure in logs, metrics and the `x-meshctl-flag` response header. The names are
/// Envoy's where Envoy has one (`%RESPONSE_FLAGS%`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Flag {
    /// A resource limit was full (Envoy `UO`).
    #[cfg_attr(feature = "serde", serde(rename = "UO"))]
    Overflow,
    /// No healthy endpoint (Envoy `UH`).
    #[cfg_attr(feature = "serde", serde(rename = "UH"))]
    NoHealthyUpstream,
    /// The connection could not be made (Envoy `UF`).
    #[cfg_attr(feature = "serde", serde(rename = "UF"))]
    ConnectFailure,
    /// The upstream reset the stream or closed the connection before its answer (Envoy `UC`/`UR`).
    #[cfg_attr(feature = "serde", serde(rename = "UR"))]
    UpstreamReset,
    /// The upstream sent something that is not HTTP as the standard has it (Envoy `UPE`).
    #[cfg_attr(feature = "serde", serde(rename = "UPE"))]
    UpstreamProtocol,
    /// A timeout of the route or of one try (Envoy `UT`).
    #[cfg_attr(feature = "serde", serde(rename = "UT"))]
    Timeout,
    /// All retries were used up (Envoy `URX`).
    #[cfg_attr(feature = "serde", serde(rename = "URX"))]
    RetriesExhausted,
    /// No route matched (Envoy `NR`).
    #[cfg_attr(feature = "serde", serde(rename = "NR"))]
    NoRoute,
    /// The matched rule names no valid backend (Gateway API: 500).
    #[cfg_attr(feature = "serde", serde(rename = "NB"))]
    NoBackend,
    /// Rate limited (Envoy `RL`).
    #[cfg_attr(feature = "serde", serde(rename = "RL"))]
    RateLimited,
    /// The service that counts for a global rate limit gave no answer (Envoy `RLSE`).
    #[cfg_attr(feature = "serde", serde(rename = "RLSE"))]
    LimitUnknown,
    /// Denied by authorization.
    #[cfg_attr(feature = "serde", serde(rename = "AUTHZ"))]
    Denied,
    /// No valid token where a policy asks for one (Envoy `UAEX`).
    #[cfg_attr(feature = "serde", serde(rename = "JWT"))]
    Unauthenticated,
    /// The keys that verify tokens are not available.
    #[cfg_attr(feature = "serde", serde(rename = "JWKS"))]
    NoKeys,
    /// An injected fault (Envoy `FI`).
    #[cfg_attr(feature = "serde", serde(rename = "FI"))]
    FaultInjected,
    /// Admission control shed the request (Envoy `DO`, drop overload).
    #[cfg_attr(feature = "serde", serde(rename = "DO"))]
    Dropped,
    /// A per-service breaker refused the request.
    #[cfg_attr(feature = "serde", serde(rename = "SC"))]
    ShortCircuited,
    /// The client went away (Envoy `DC`).
    #[cfg_attr(feature = "serde", serde(rename = "DC"))]
    DownstreamGone,
    /// The client sent something that is not HTTP as the standard has it (Envoy `DPE`).
    #[cfg_attr(feature = "serde", serde(rename = "DPE"))]
    DownstreamProtocol,
    /// The peer's certificate was refused, or the handshake broke.
    #[cfg_attr(feature = "serde", serde(rename = "TLS"))]
    Tls,
}

/// Why a request did not get its answer from the application.
#[derive(Clone, Debug)]
pub struct Failure {
    pub whose: Whose,
    pub again: Again,
    pub flag: Flag,
    /// One sentence for the operator, naming the likely cause.
    pub cause: String,
    /// The manifest behind it, when one is.
    pub origin: Option<Origin>,
    /// A status that the manifest asks for in place of the flag's.
    pub status: Option<StatusCode>,
}

// === impl Flag ===

impl Flag {
    /// Every flag, for tables in documents and metrics.
    pub const ALL: [Self; 20] = [
        Self::Overflow,
        Self::NoHealthyUpstream,
        Self::ConnectFailure,
        Self::UpstreamReset,
        Self::UpstreamProtocol,
        Self::Timeout,
        Self::RetriesExhausted,
        Self::NoRoute,
        Self::NoBackend,
        Self::RateLimited,
        Self::LimitUnknown,
        Self::Denied,
        Self::Unauthenticated,
        Self::NoKeys,
        Self::FaultInjected,
        Self::Dropped,
        Self::ShortCircuited,
        Self::DownstreamGone,
        Self::DownstreamProtocol,
        Self::Tls,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Overflow => "UO",
            Self::NoHealthyUpstream => "UH",
            Self::ConnectFailure => "UF",
            Self::UpstreamReset => "UR",
            Self::UpstreamProtocol => "UPE",
            Self::Timeout => "UT",
            Self::RetriesExhausted => "URX",
            Self::NoRoute => "NR",
            Self::NoBackend => "NB",
            Self::RateLimited => "RL",
            Self::LimitUnknown => "RLSE",
            Self::Denied => "AUTHZ",
            Self::Unauthenticated => "JWT",
            Self::NoKeys => "JWKS",
            Self::FaultInjected => "FI",
            Self::Dropped => "DO",
            Self::ShortCircuited => "SC",
            Self::DownstreamGone => "DC",
            Self::DownstreamProtocol => "DPE",
            Self::Tls => "TLS",
        }
    }

    /// The flag of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|flag| flag.as_str() == name)
    }

    /// Whether the destination's proxy refused the request on purpose, before the application.
    pub const fn is_refusal(self) -> bool {
        matches!(
            self,
            Self::Denied
                | Self::Unauthenticated
                | Self::NoKeys
                | Self::RateLimited
                | Self::LimitUnknown
        )
    }

    /// The status a client sees when the failure is answered locally.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Timeout => StatusCode::GATEWAY_TIMEOUT,
            Self::NoRoute => StatusCode::NOT_FOUND,
            Self::NoBackend => StatusCode::INTERNAL_SERVER_ERROR,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::Denied => StatusCode::FORBIDDEN,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::DownstreamProtocol => StatusCode::BAD_REQUEST,
            Self::UpstreamProtocol => StatusCode::BAD_GATEWAY,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

// === impl Failure ===

impl Failure {
    pub fn new(whose: Whose, again: Again, flag: Flag, cause: impl Into<String>) -> Self {
        Self {
            whose,
            again,
            flag,
            cause: cause.into(),
            origin: None,
            status: None,
        }
    }

    #[must_use]
    pub fn with_origin(mut self, origin: Origin) -> Self {
        self.origin = Some(origin);
        self
    }

    pub fn status(&self) -> StatusCode {
        self.status.unwrap_or(self.flag.status())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.flag, self.cause)?;
        match &self.origin {
            Some(origin) => write!(f, " [{origin}]"),
            None => Ok(()),
        }
    }
}
