//! SPIFFE identity: parse, print, compare.
//!
//! The mesh uses one form, `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`; foreign
//! SPIFFE ids parse as well and keep their path.

use core::fmt;
use core::str::FromStr;
use std::sync::Arc;

/// The longest id accepted, in bytes (SPIFFE-ID §2.3: implementations MUST support up to 2048).
const SPIFFE_ID_LEN_MAX: usize = 2048;

/// A SPIFFE id (<https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE-ID.md>).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity(Arc<str>);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a SPIFFE id (expected spiffe://TRUST-DOMAIN/PATH)")]
pub struct NotSpiffe(pub String);

// === impl Identity ===

impl Identity {
    /// The identity of a workload that runs under a Kubernetes service account.
    pub fn of_service_account(trust_domain: &str, namespace: &str, account: &str) -> Self {
        Self(format!("spiffe://{trust_domain}/ns/{namespace}/sa/{account}").into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn trust_domain(&self) -> &str {
        let rest = &self.0["spiffe://".len()..];
        rest.split('/').next().unwrap_or_default()
    }

    /// Namespace and service account, when the id has the mesh's own form.
    pub fn service_account(&self) -> Option<(&str, &str)> {
        let mut parts = self.0["spiffe://".len()..].split('/').skip(1);
        match (
            parts.next(),
            parts.next(),
            parts.next(),
            parts.next(),
            parts.next(),
        ) {
            (Some("ns"), Some(ns), Some("sa"), Some(sa), None) => Some((ns, sa)),
            _ => None,
        }
    }
}

impl FromStr for Identity {
    type Err = NotSpiffe;

    fn from_str(s: &str) -> Result<Self, NotSpiffe> {
        let bad = || NotSpiffe(s.chars().take(80).collect());
        let rest = s.strip_prefix("spiffe://").ok_or_else(bad)?;
        let mut segments = rest.split('/');
        let domain = segments.next().unwrap_or_default();
        let domain_ok = !domain.is_empty()
            && domain
                .bytes()
                .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_'));
        let segment_ok = |seg: &str| {
            !seg.is_empty()
                && seg != "."
                && seg != ".."
                && seg
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
        };
        if s.len() > SPIFFE_ID_LEN_MAX || !domain_ok || !segments.all(segment_ok) {
            return Err(bad());
        }
        Ok(Self(s.into()))
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
