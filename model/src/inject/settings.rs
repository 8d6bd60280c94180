//! What annotations and flags say, and which of them holds.
//!
//! The nearer wins: the pod's annotation, then its namespace's, then the configuration (flags on
//! the command line, the webhook's own), then the default of the table. So one annotation on a
//! workload holds whoever injects it, and however.

use std::collections::BTreeSet;

use super::annotations::{BadValue, refuse};
use super::ports::PortRanges;
use crate::index::Inject;
use crate::kube::Quantity;
use crate::meta::name;

/// One layer: what is not said is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    pub inject: Option<Inject>,
    pub ports: Option<PortRanges>,
    pub skip_inbound_ports: Option<PortRanges>,
    pub skip_outbound_ports: Option<PortRanges>,
    pub opaque_ports: Option<PortRanges>,
    pub image: Option<String>,
    pub image_pull_policy: Option<&'static str>,
    pub cpu_request: Option<String>,
    pub memory_request: Option<String>,
    pub cpu_limit: Option<String>,
    pub memory_limit: Option<String>,
    pub log_level: Option<&'static str>,
    pub tracing: Option<String>,
    pub identity: Option<Identity>,
    pub native: Option<bool>,
    pub hold_application: Option<bool>,
    /// Keys of all annotations that were read into this layer.
    pub(super) keys: BTreeSet<&'static str>,
}

/// Where a proxy gets its certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Identity {
    /// The control plane signs it for the token of the service account.
    #[default]
    ControlPlane,
    /// A Secret of the pod's namespace holds certificate, key and trust bundle.
    Secret(String),
}

// === impl Settings ===

impl Settings {
    /// What this layer does not say is taken from `other`.
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        let text = |own: Option<String>, other: &Option<String>| own.or_else(|| other.clone());
        let ports =
            |own: Option<PortRanges>, other: &Option<PortRanges>| own.or_else(|| other.clone());
        Self {
            inject: self.inject.or(other.inject),
            ports: ports(self.ports, &other.ports),
            skip_inbound_ports: ports(self.skip_inbound_ports, &other.skip_inbound_ports),
            skip_outbound_ports: ports(self.skip_outbound_ports, &other.skip_outbound_ports),
            opaque_ports: ports(self.opaque_ports, &other.opaque_ports),
            image: text(self.image, &other.image),
            image_pull_policy: self.image_pull_policy.or(other.image_pull_policy),
            cpu_request: text(self.cpu_request, &other.cpu_request),
            memory_request: text(self.memory_request, &other.memory_request),
            cpu_limit: text(self.cpu_limit, &other.cpu_limit),
            memory_limit: text(self.memory_limit, &other.memory_limit),
            log_level: self.log_level.or(other.log_level),
            tracing: text(self.tracing, &other.tracing),
            identity: self.identity.or_else(|| other.identity.clone()),
            native: self.native.or(other.native),
            hold_application: self.hold_application.or(other.hold_application),
            keys: &self.keys | &other.keys,
        }
    }

    /// Whether this layer says something about the annotation `key`.
    pub fn says(&self, key: &str) -> bool {
        self.keys.contains(key)
    }

    /// Amounts that the API server would refuse together.
    pub(super) fn contradictions(&self) -> Result<(), Vec<BadValue>> {
        let pairs = [
            (
                "meshctl.dev/proxy-cpu-request",
                &self.cpu_request,
                &self.cpu_limit,
            ),
            (
                "meshctl.dev/proxy-memory-request",
                &self.memory_request,
                &self.memory_limit,
            ),
        ];
        let bad = pairs.into_iter().filter_map(|(key, request, limit)| {
            let (request, limit) = (request.as_deref()?, limit.as_deref()?);
            let message = format!("the request {request} is above the limit {limit}");
            (Quantity::parse(request) > Quantity::parse(limit)).then_some(BadValue { key, message })
        });
        let bad: Vec<BadValue> = bad.collect();
        if bad.is_empty() { Ok(()) } else { Err(bad) }
    }
}

// === impl Identity ===

impl Identity {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text == "control-plane" {
            return Ok(Self::ControlPlane);
        }
        let secret = text.strip_prefix("secret/");
        match secret.filter(|secret| name::subdomain(secret).is_ok()) {
            Some(secret) => Ok(Self::Secret(secret.to_owned())),
            None => Err(refuse(text, "control-plane and secret/NAME")),
        }
    }
}
