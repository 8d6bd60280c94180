//! What is counted about requests, the same for a service, a route, a backend, an endpoint and an
//! edge.
//!
//! Everything but the gauges is cumulative since the start of the source, so that a lost frame
//! loses nothing and the difference of two frames is a window.

use std::collections::BTreeMap;

use super::histogram::Histogram;
use crate::classify::Kind;
use crate::failure::Flag;
use crate::time::Instant;

/// Counters and gauges of one row of a frame.
///
/// `requests` counts at the start, everything else at the end of a request: after a drain
/// `requests = success + failure + local_failure + ignored`, before that the difference is
/// `in_flight` (a check that the simulator makes).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default))]
pub struct Counters {
    /// When they began; none = with the source.
    #[cfg_attr(feature = "serde", serde(rename = "start_ns"))]
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub start_at: Option<Instant>,
    /// Requests started; attempts started, in an endpoint's row.
    pub requests: u64,
    /// Ended with a response that the one classification calls a success.
    pub success: u64,
    /// Ended with an answer of the application that is a failure.
    pub failure: u64,
    /// Ended without an answer of the application: timeouts, resets, refusals, local answers.
    pub local_failure: u64,
    /// Ended because the client went away, which is nobody's failure.
    pub ignored: u64,
    /// Responses by hundreds of their HTTP status: index 0 is 1xx, index 4 is 5xx.
    pub status: [u64; 5],
    /// Responses by gRPC status code; codes that nobody defined count as 2, UNKNOWN.
    #[cfg_attr(feature = "serde", serde(with = "super::wire::codes"))]
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "BTreeMap::is_empty"))]
    pub grpc: BTreeMap<u32, u64>,
    /// Tries after the first one.
    pub retries: u64,
    /// Tries that the conditions of the route allowed and a budget or limit did not.
    pub retries_denied: u64,
    /// Deadlines that passed: of the route and of single tries.
    pub timeouts: u64,
    /// Responses and connections by flag, those that have one.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Flags::is_empty"))]
    pub flags: Flags,
    /// Requests that an AuthorizationPolicy with the action Audit matched.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "is_zero"))]
    pub audited: u64,
    /// Requests that a limit in shadow mode would have refused.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "is_zero"))]
    pub shadow_limited: u64,
    /// Copies sent to mirrors (not counted in `requests`).
    pub mirrored: u64,
    /// Body bytes of requests.
    pub bytes_in: u64,
    /// Body bytes of responses.
    pub bytes_out: u64,
    /// From the end of the request head to the end of the response, without the ignored ones:
    /// how long a client had patience is no latency of ours.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Histogram::is_empty"))]
    pub latency: Histogram,
    /// Gauge: under way.
    pub in_flight: u64,
    /// Gauge: waiting for an endpoint or a connection; part of `in_flight`.
    pub pending: u64,
}

/// How a request ended, as the classification has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    Success,
    Failure,
    LocalFailure,
    Ignored,
}

// === impl Ended ===

impl From<Kind> for Ended {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Success => Self::Success,
            Kind::Failure => Self::Failure,
            Kind::LocalFailure => Self::LocalFailure,
            Kind::Ignorable => Self::Ignored,
        }
    }
}

/// One count per [`Flag`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags([u64; Flag::ALL.len()]);

/// gRPC defines the codes 0..=16.
const GRPC_CODE_MAX: u32 = 16;
const GRPC_UNKNOWN: u32 = 2;

// === impl Counters ===

impl Counters {
    /// A request begins.
    pub fn start(&mut self) {
        self.requests += 1;
        self.in_flight += 1;
    }

    /// A request that was started ends after `latency`.
    pub fn end(&mut self, how: Ended, latency: core::time::Duration) {
        self.in_flight = self.in_flight.saturating_sub(1);
        match how {
            Ended::Success => self.success += 1,
            Ended::Failure => self.failure += 1,
            Ended::LocalFailure => self.local_failure += 1,
            Ended::Ignored => self.ignored += 1,
        }
        if how != Ended::Ignored {
            self.latency.record(latency);
        }
    }

    /// Counts the HTTP status of a response; those outside 100..=599 are not counted.
    pub fn count_status(&mut self, status: http::StatusCode) {
        let hundreds = usize::from(status.as_u16() / 100);
        if let Some(n) = self.status.get_mut(hundreds.wrapping_sub(1)) {
            *n += 1;
        }
    }

    /// Counts the gRPC status of a response.
    pub fn count_grpc(&mut self, code: u32) {
        let code = if code > GRPC_CODE_MAX {
            GRPC_UNKNOWN
        } else {
            code
        };
        *self.grpc.entry(code).or_default() += 1;
    }

    /// Requests that ended, whatever the end.
    pub fn ended(&self) -> u64 {
        self.success + self.failure + self.local_failure + self.ignored
    }

    /// Successes among the requests that ended, without those that count for nobody; None when
    /// there were none.
    pub fn success_rate(&self) -> Option<f64> {
        let judged = self.success + self.failure + self.local_failure;
        (judged > 0).then(|| self.success as f64 / judged as f64)
    }

    /// Adds up, gauges as well. Commutative and associative.
    pub fn merge(&mut self, other: &Self) {
        self.start_at = match (self.start_at, other.start_at) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self.combine(other, u64::saturating_add);
        self.latency.merge(&other.latency);
        self.in_flight = self.in_flight.saturating_add(other.in_flight);
        self.pending = self.pending.saturating_add(other.pending);
    }

    /// What was counted since `earlier`, an older state of the same counters; all of it when they
    /// began anew in between. Gauges keep their present value.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        if self.began_after(earlier) {
            return self.clone();
        }
        let latency = self.latency.since(&earlier.latency);
        // Field by field: what was counted so far is not copied to be dropped.
        let mut out = Self {
            grpc: self.grpc.clone(),
            latency,
            ..*self
        };
        out.combine(earlier, u64::saturating_sub);
        out.grpc.retain(|_, n| *n > 0);
        out
    }

    /// What was counted since the last call, if nobody else subtracts or takes: counting begins
    /// anew, gauges go on.
    #[must_use]
    pub fn take(&mut self) -> Self {
        let anew = Self {
            start_at: self.start_at,
            in_flight: self.in_flight,
            pending: self.pending,
            ..Self::default()
        };
        core::mem::replace(self, anew)
    }

    /// True when these counters do not continue `earlier`.
    pub(super) fn began_after(&self, earlier: &Self) -> bool {
        self.start_at != earlier.start_at
    }

    fn combine(&mut self, other: &Self, op: fn(u64, u64) -> u64) {
        let pairs = [
            (&mut self.requests, other.requests),
            (&mut self.success, other.success),
            (&mut self.failure, other.failure),
            (&mut self.local_failure, other.local_failure),
            (&mut self.ignored, other.ignored),
            (&mut self.retries, other.retries),
            (&mut self.retries_denied, other.retries_denied),
            (&mut self.timeouts, other.timeouts),
            (&mut self.audited, other.audited),
            (&mut self.shadow_limited, other.shadow_limited),
            (&mut self.mirrored, other.mirrored),
            (&mut self.bytes_in, other.bytes_in),
            (&mut self.bytes_out, other.bytes_out),
        ];
        let statuses = self.status.iter_mut().zip(other.status);
        let flags = self.flags.0.iter_mut().zip(other.flags.0);
        for (mine, theirs) in pairs.into_iter().chain(statuses).chain(flags) {
            *mine = op(*mine, theirs);
        }
        for (code, theirs) in &other.grpc {
            let mine = self.grpc.entry(*code).or_default();
            *mine = op(*mine, *theirs);
        }
    }
}

#[cfg(feature = "serde")]
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde asks for"
)]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

// === impl Flags ===

impl Flags {
    pub fn add(&mut self, flag: Flag) {
        self.0[flag as usize] += 1;
    }

    pub fn get(&self, flag: Flag) -> u64 {
        self.0[flag as usize]
    }

    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|n| *n == 0)
    }

    /// The flags that were counted, in the order of [`Flag::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (Flag, u64)> + '_ {
        let all = Flag::ALL.into_iter().zip(self.0);
        all.filter(|(_, n)| *n > 0)
    }
}

impl FromIterator<(Flag, u64)> for Flags {
    fn from_iter<I: IntoIterator<Item = (Flag, u64)>>(counts: I) -> Self {
        let mut out = Self::default();
        for (flag, n) in counts {
            out.0[flag as usize] = out.0[flag as usize].saturating_add(n);
        }
        out
    }
}
