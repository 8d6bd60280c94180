//! Rate limits as data. The logic is in [`crate::ratelimit`].

use core::time::Duration;
use std::sync::Arc;

use http::Method;
use http::header::HeaderName;

use super::authz::{Condition, Scope};
use super::glob::Glob;
use super::{ClusterKey, ObjectName};
use crate::origin::Origin;

/// The limits of one port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RateLimits {
    /// Oldest first.
    pub policies: Vec<Limited>,
}

/// A policy that holds here, for all requests or for those of some rules of routes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limited {
    pub policy: Arc<Policy>,
    pub scope: Option<Scope>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    pub name: ObjectName,
    /// Of the content: buckets are kept as long as it stays.
    pub version: u64,
    /// Limits of this proxy; all that match hold together.
    pub rules: Vec<Rule>,
    /// Limits that a service counts for all proxies.
    pub global: Option<Global>,
    /// Counted, and nothing refused.
    pub shadow: bool,
    /// Whether clients are told in headers.
    pub headers: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Global {
    /// Whom to ask.
    pub service: ClusterKey,
    /// Under which the service keeps its counts.
    pub domain: Arc<str>,
    /// The longest wait for its answer.
    pub timeout: Duration,
    /// Whether requests are admitted when no answer comes.
    pub fail_open: bool,
    /// Their bursts say nothing: the service counts in windows.
    pub rules: Vec<Rule>,
    pub origin: Origin,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Alternatives; empty = every request.
    pub matches: Vec<Match>,
    pub limit: Limit,
    pub per: Per,
    /// By identity, first that fits; only with [`Per::Identity`].
    pub overrides: Vec<Override>,
    pub origin: Origin,
}

/// All parts have to hold; an empty one does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Match {
    pub methods: Vec<Method>,
    /// Without query.
    pub paths: Vec<Glob>,
    pub when: Vec<Condition>,
}

/// `requests` per `per` on average, at most `burst` at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// 0 refuses everything.
    pub requests: u32,
    pub per: Duration,
    /// At least 1.
    pub burst: u32,
}

/// Which requests share a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Per {
    Total,
    /// Of the caller; those without one share a bucket.
    Identity,
    /// Requests without the header are not limited.
    Header(HeaderName),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    pub identities: Vec<Glob>,
    pub limit: Limit,
}
