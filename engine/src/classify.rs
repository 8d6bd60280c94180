//! What an attempt's outcome means. One classification, used by every policy and every report, so
//! that they cannot disagree.
//!
//! | outcome | class | gateway | rate-limit signal |
//! |---|---|---|---|
//! | HTTP 1xx-4xx except 429 | Success | | |
//! | HTTP 429, gRPC RESOURCE_EXHAUSTED | Success | | yes |
//! | HTTP 500, 501, 505… | Failure | | |
//! | HTTP 502, 503, 504 | Failure | yes | |
//! | gRPC UNKNOWN, INTERNAL, DATA_LOSS | Failure | | |
//! | gRPC UNAVAILABLE, DEADLINE_EXCEEDED | Failure | yes | |
//! | connect failure or timeout, TLS, reset, timeout | LocalFailure | yes | |
//! | cancelled by the downstream | Ignorable | | |
//!
//! Sources: Envoy `source/common/upstream/outlier_detection_impl.cc` (`putHttpResponseCode`,
//! `resultToHttpCode`), Finagle `liveness/FailureAccrualFactory.scala` (`didReceiveIgnorable`),
//! linkerd2-proxy `breaker/unified.rs` (429). Ours: gRPC UNIMPLEMENTED is the caller's mistake and
//! no failure.

use http::header::{DATE, HeaderName, RETRY_AFTER};
use http::{HeaderMap, StatusCode};

use crate::failure::{Again, Flag};
use crate::snapshot::Failures;
use crate::time::Duration;

/// The longest hint (`Retry-After` and the like) that is believed (Envoy's `max_interval`).
pub const HINT_MAX: Duration = Duration::from_secs(300);

/// An `x-ratelimit-reset` above this is a Unix time (2001 and later), not a wait (of 31 years).
const UNIX_TIME_MIN: Duration = Duration::from_secs(1_000_000_000);

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const PUSHBACK: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");
const RATE_LIMIT_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// How one attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A response whose status says it all.
    Http(StatusCode),
    /// The gRPC status, from trailers or a trailers-only response.
    Grpc(u32),
    /// No complete response.
    Broken(Broken),
    /// The downstream went away, or nobody wants the answer any more.
    Cancelled,
}

/// Why an attempt brought no (complete) response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Broken {
    /// Refused, unreachable.
    Connect,
    ConnectTimeout,
    /// The handshake failed or the peer's certificate was not the expected one.
    Tls,
    /// `REFUSED_STREAM`, or above the last stream id of a GOAWAY: certainly not processed.
    Refused,
    /// Reset or closed before the response was complete. Also a pooled connection that turned out
    /// to be dead: the request may have been executed.
    Reset,
    /// One try took too long.
    PerTryTimeout,
    /// The request as a whole took too long.
    Timeout,
    /// What came is not HTTP.
    Protocol,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Success,
    /// The upstream said so.
    Failure,
    /// Seen on this side: no answer, or not all of it.
    LocalFailure,
    /// Says nothing about the endpoint: no counter moves.
    Ignorable,
}

/// The meaning of an [`Outcome`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Class {
    pub kind: Kind,
    /// Moves the gateway-failure counter as well.
    pub gateway: bool,
    /// The endpoint asked for less: lowers the success rate of the breaker, nothing else.
    pub rate_limited: bool,
}

/// What ends an attempt, or begins its response: the class and how long the endpoint asked to be
/// left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assessment {
    pub outcome: Outcome,
    pub class: Class,
    pub hint: Option<Hint>,
}

/// What the upstream said about sending again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// Not before this has passed; at most [`HINT_MAX`].
    After(Duration),
    /// `grpc-retry-pushback-ms` below zero: not at all (gRFC A6).
    Never,
}

/// gRPC status codes (grpc `doc/statuscodes.md`), as far as decisions depend on them.
pub mod grpc {
    pub const OK: u32 = 0;
    pub const UNKNOWN: u32 = 2;
    pub const DEADLINE_EXCEEDED: u32 = 4;
    pub const RESOURCE_EXHAUSTED: u32 = 8;
    pub const INTERNAL: u32 = 13;
    pub const UNAVAILABLE: u32 = 14;
    pub const DATA_LOSS: u32 = 15;
}

/// Classifies an outcome.
pub fn classify(outcome: Outcome) -> Class {
    match outcome {
        Outcome::Http(status) => classify_status(status),
        Outcome::Grpc(code) => classify_grpc(code),
        Outcome::Broken(_) => Class {
            kind: Kind::LocalFailure,
            gateway: true,
            rate_limited: false,
        },
        Outcome::Cancelled => Class {
            kind: Kind::Ignorable,
            gateway: false,
            rate_limited: false,
        },
    }
}

/// Classifies an outcome under a rule with a list of failures of its own. What happened on this
/// side is a failure whatever the list says, and the rate-limit signal stays one.
pub fn classify_under(outcome: Outcome, failures: &Failures) -> Class {
    let class = classify(outcome);
    let failed = match (outcome, failures) {
        (
            Outcome::Http(status),
            Failures {
                statuses: Some(list),
                ..
            },
        ) => list.iter().any(|range| range.contains(status.as_u16())),
        (
            Outcome::Grpc(code),
            Failures {
                grpc: Some(list), ..
            },
        ) => list.contains(&code),
        _ => return class,
    };
    let kind = if failed { Kind::Failure } else { Kind::Success };
    Class {
        kind,
        gateway: class.gateway && failed,
        ..class
    }
}

/// The gRPC status in `headers` (trailers, or the head of a trailers-only response), when there is
/// one. A value that is no number is UNKNOWN, as the gRPC protocol asks of clients.
pub fn grpc_status(headers: &HeaderMap) -> Option<u32> {
    let value = headers.get(GRPC_STATUS)?;
    let code = value.to_str().ok().and_then(|v| v.parse().ok());
    Some(code.unwrap_or(grpc::UNKNOWN))
}

/// What `headers` say about sending again: `Retry-After` (seconds, or a date), then
/// `grpc-retry-pushback-ms`, then `x-ratelimit-reset` (seconds, or a Unix time), in this order.
///
/// A point in time counts from the response's own `Date`, since the engine has no wall clock; so a
/// wrong clock of this machine does not matter either. Without a `Date` it is no hint.
pub fn hint(headers: &HeaderMap) -> Option<Hint> {
    let number = |name: HeaderName| -> Option<i64> {
        let text = headers.get(name)?.to_str().ok()?;
        text.trim().parse().ok()
    };
    let after = |d: Duration| Hint::After(d.min(HINT_MAX));
    if let Some(seconds) = number(RETRY_AFTER).and_then(|n| u64::try_from(n).ok()) {
        return Some(after(Duration::from_secs(seconds)));
    }
    if let Some(then) = time(headers, RETRY_AFTER)
        && let Some(date) = time(headers, DATE)
    {
        return Some(after(then.saturating_sub(date)));
    }
    if let Some(millis) = number(PUSHBACK) {
        return Some(match u64::try_from(millis) {
            Ok(millis) => after(Duration::from_millis(millis)),
            Err(_) => Hint::Never,
        });
    }
    let reset = number(RATE_LIMIT_RESET).and_then(|n| u64::try_from(n).ok())?;
    let reset = Duration::from_secs(reset);
    if reset < UNIX_TIME_MIN {
        return Some(after(reset));
    }
    let date = time(headers, DATE)?;
    Some(after(reset.saturating_sub(date)))
}

/// A date in `headers` (RFC 9110 §5.6.7), since the Unix epoch.
fn time(headers: &HeaderMap, name: HeaderName) -> Option<Duration> {
    let text = headers.get(name)?.to_str().ok()?;
    let date = httpdate::parse_http_date(text.trim()).ok()?;
    date.duration_since(std::time::UNIX_EPOCH).ok()
}

fn classify_status(status: StatusCode) -> Class {
    let code = status.as_u16();
    Class {
        kind: if code >= 500 {
            Kind::Failure
        } else {
            Kind::Success
        },
        gateway: matches!(code, 502..=504),
        rate_limited: code == 429,
    }
}

fn classify_grpc(code: u32) -> Class {
    let gateway = matches!(code, grpc::UNAVAILABLE | grpc::DEADLINE_EXCEEDED);
    let failed = gateway || matches!(code, grpc::UNKNOWN | grpc::INTERNAL | grpc::DATA_LOSS);
    Class {
        kind: if failed { Kind::Failure } else { Kind::Success },
        gateway,
        rate_limited: code == grpc::RESOURCE_EXHAUSTED,
    }
}

// === impl Assessment ===

impl Assessment {
    /// An outcome without a hint.
    pub fn of(outcome: Outcome) -> Self {
        Self {
            outcome,
            class: classify(outcome),
            hint: None,
        }
    }

    /// The same under a rule.
    pub fn under(outcome: Outcome, failures: &Failures) -> Self {
        Self {
            class: classify_under(outcome, failures),
            ..Self::of(outcome)
        }
    }

    #[must_use]
    pub fn with_hint(mut self, hint: Option<Hint>) -> Self {
        self.hint = hint;
        self
    }

    /// How long the endpoint asked to be left alone.
    pub fn hint_after(&self) -> Option<Duration> {
        match self.hint {
            Some(Hint::After(d)) => Some(d),
            Some(Hint::Never) | None => None,
        }
    }
}

// === impl Class ===

impl Class {
    pub fn is_failure(self) -> bool {
        matches!(self.kind, Kind::Failure | Kind::LocalFailure)
    }
}

// === impl Broken ===

impl Broken {
    /// Whether the request may be sent again without asking what it does.
    pub fn again(self) -> Again {
        match self {
            // The request was never handed to the application.
            Self::Connect | Self::ConnectTimeout | Self::Tls | Self::Refused => Again::Safe,
            Self::Reset | Self::PerTryTimeout => Again::IfIdempotent,
            // It answered, and would answer the same again; the time is over.
            Self::Protocol | Self::Timeout => Again::Never,
        }
    }

    pub fn flag(self) -> Flag {
        match self {
            Self::Connect | Self::ConnectTimeout => Flag::ConnectFailure,
            Self::Tls => Flag::Tls,
            Self::Refused | Self::Reset => Flag::UpstreamReset,
            Self::PerTryTimeout | Self::Timeout => Flag::Timeout,
            Self::Protocol => Flag::UpstreamProtocol,
        }
    }

    /// For messages: what happened, after the name of the endpoint.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Connect => "refused the connection or could not be reached",
            Self::ConnectTimeout => "did not accept the connection in time",
            Self::Tls => "failed the TLS handshake",
            Self::Refused => "refused the stream unprocessed",
            Self::Reset => "reset the stream or closed the connection",
            Self::PerTryTimeout => "did not answer within the time of one try",
            Self::Timeout => "did not answer within the time of the request",
            Self::Protocol => "sent something that is not HTTP",
        }
    }
}

#[cfg(test)]
mod tests;
